package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// EventType is the type of an event. StackOne also sends types without a constant here,
// such as those of its unified APIs, and may add others.
type EventType string

// The types of account events.
const (
	AccountCreated EventType = "account.created" // a customer connected
	AccountUpdated EventType = "account.updated" // a connected account changed or was connected again
	AccountDeleted EventType = "account.deleted" // an account was deleted
)

// Event is an event that StackOne delivered. A field is zero if the payload lacks the
// member, or if its value is null or does not fit the field; Raw still contains it.
// IDs are opaque text: if the payload has a number, the field holds its digits as
// they were sent, without loss of precision.
type Event struct {
	// Key is the same for every delivery of an event: 64 hexadecimal digits derived
	// from event, account_id, record_id and event_date. Events with the same four
	// values have the same key.
	//
	// If any of the last three is missing or unusable, Key is derived from the whole
	// payload, so that two different events never share a key. A repeated delivery
	// that differs in any byte, for example in sent_at, then has another key. Keys do
	// not change between versions of this package.
	Key string

	Type       EventType // event
	RecordType string    // record_type: what RecordID identifies; "account" for account events
	RecordID   string    // record_id
	AccountID  string    // account_id: identifies the customer's connection in StackOne's API
	ProjectID  string    // project_id
	Provider   string    // provider: the connected system, such as "bamboohr"

	// The owner of the account, as passed when the connect session was created. Use
	// OriginOwnerID to find your customer.
	OriginOwnerID   string
	OriginOwnerName string
	OriginUsername  string

	// SetupInformation is what the customer entered to connect, as JSON; nil if there is
	// none. Do not log it.
	SetupInformation json.RawMessage

	EventDate time.Time // event_date, in UTC; zero if it is not RFC 3339
	SentAt    time.Time // sent_at, in UTC; zero if it is not RFC 3339

	// Raw is the whole payload. Use it to read members without a field, or to put the
	// event in a queue: Parse returns the same Event for it.
	Raw json.RawMessage
}

// Parse returns the event in a payload. It does not check that the payload comes from
// StackOne: call [Verify] first. All errors match [ErrPayload]. Parse fails if the
// payload
//
//   - is not a single JSON object in UTF-8,
//   - has no event,
//   - has two members of the same name for a field of Event, or
//   - has an unpaired surrogate in an ID, event, event_date, record_type, provider or
//     origin_username, because encoding/json decodes it to U+FFFD, which could turn one
//     ID into another.
//
// Any other deviation from StackOne's documentation, such as an invalid date, is not
// an error: see [Event]. Names of members are case-sensitive. The Event does not refer to
// payload.
func Parse(payload []byte) (Event, error) {
	raw := bytes.Clone(payload)
	var m members
	if err := m.read(raw); err != nil {
		return Event{}, err
	}
	e := Event{
		Type:            EventType(text(m.event)),
		RecordType:      text(m.recordType),
		RecordID:        text(m.recordID),
		AccountID:       text(m.accountID),
		ProjectID:       text(m.projectID),
		Provider:        text(m.provider),
		OriginOwnerID:   text(m.originOwnerID),
		OriginOwnerName: text(m.originOwnerName),
		OriginUsername:  text(m.originUsername),
		EventDate:       date(m.eventDate),
		SentAt:          date(m.sentAt),
		Raw:             raw,
	}
	if e.Type == "" {
		return Event{}, fmt.Errorf("%w: no event", ErrPayload)
	}
	if string(m.setupInformation) != "null" {
		e.SetupInformation = bytes.Clone(m.setupInformation)
	}
	e.Key = e.key(text(m.eventDate))
	return e, nil
}

func date(value []byte) time.Time {
	t, _ := time.Parse(time.RFC3339, text(value)) // zero on error
	t = t.UTC()
	if t.Year() < 0 || t.Year() > 9999 { // encoding/json cannot encode it
		return time.Time{}
	}
	return t
}

// key uses the date as it was sent, because even an unreadable date distinguishes events.
func (e Event) key(eventDate string) string {
	identity := []byte(e.Raw)
	if e.AccountID != "" && e.RecordID != "" && eventDate != "" {
		identity = fmt.Appendf(nil, "%q %q %q %q", e.Type, e.AccountID, e.RecordID, eventDate)
	}
	sum := sha256.Sum256(identity)
	return hex.EncodeToString(sum[:])
}

// Format writes the event's type, account, provider and record, whatever the verb.
func (e Event) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "webhook.Event(%.100q account_id=%.100q provider=%.100q record_id=%.100q)",
		e.Type, e.AccountID, e.Provider, e.RecordID)
}

// LogValue returns what slog logs: the event's type, account, provider, record and date.
func (e Event) LogValue() slog.Value {
	short := func(s string) string { return fmt.Sprintf("%.100s", s) }
	return slog.GroupValue(
		slog.String("event", short(string(e.Type))),
		slog.String("account_id", short(e.AccountID)),
		slog.String("provider", short(e.Provider)),
		slog.String("record_id", short(e.RecordID)),
		slog.Time("event_date", e.EventDate))
}
