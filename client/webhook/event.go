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

// EventType says what happened. StackOne sends more than the types named here,
// such as those of its unified APIs, and will add others.
type EventType string

// The events of an account's life.
const (
	AccountCreated EventType = "account.created" // a customer connected
	AccountUpdated EventType = "account.updated" // a connected account changed, or was connected anew
	AccountDeleted EventType = "account.deleted" // an account is gone
)

// Event is one event that StackOne delivered. A field is zero when the payload
// has no such member, null, or a value of another kind than the field; the member
// is in Raw all the same. Ids are opaque text: one that is a number in the payload
// is the digits that were sent, however many.
type Event struct {
	// Key is the same for every delivery of an event: 64 hexadecimal digits made
	// from event, account_id, record_id and event_date. Events that agree in all four
	// count as one. If any of the last three is missing or unusable, Key is made from
	// the whole payload, so that two events never share a key; a repeated delivery
	// that differs in any byte, such as in sent_at, then has another key. Keys do not
	// change between versions of this package.
	Key string

	Type       EventType // event
	RecordType string    // record_type: what RecordID identifies, "account" for an account event
	RecordID   string    // record_id
	AccountID  string    // account_id: what to use the customer's connection with
	ProjectID  string    // project_id
	Provider   string    // provider: the connected system, such as "bamboohr"

	// Whose account it is, as given to create the connect session. Find the
	// customer by OriginOwnerID.
	OriginOwnerID   string
	OriginOwnerName string
	OriginUsername  string

	// SetupInformation is what was entered to connect, as JSON. Do not log it.
	SetupInformation json.RawMessage

	EventDate time.Time // event_date, in UTC; zero if it is not RFC 3339
	SentAt    time.Time // sent_at, likewise

	// Raw is the whole payload, for members without a field and for a queue: Parse
	// makes the same Event of it again.
	Raw json.RawMessage
}

// Parse reads a payload; it does not check where the payload comes from, which
// is for [Verify] to do first. An error is ErrPayload. It means that the payload
//
//   - is not one JSON object in UTF-8,
//   - has no event,
//   - has a member that Event names twice, or
//   - has an unpaired surrogate in an id, event, event_date, provider or
//     origin_username: encoding/json decodes every one to U+FFFD, and so could turn
//     one id into another.
//
// Any other deviation from the documentation, such as an invalid date, is not an
// error: see [Event]. The names of members are case-sensitive.
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
		return Event{}, fmt.Errorf("%w: it has no event", ErrPayload)
	}
	if string(m.setupInformation) != "null" {
		e.SetupInformation = bytes.Clone(m.setupInformation)
	}
	e.Key = e.key(text(m.eventDate))
	return e, nil
}

func date(value []byte) time.Time {
	t, _ := time.Parse(time.RFC3339, text(value)) // the zero time for anything else
	t = t.UTC()
	if t.Year() < 0 || t.Year() > 9999 { // encoding/json could not write it
		return time.Time{}
	}
	return t
}

// key takes the date as it was sent, which tells events apart even if it cannot be read.
func (e Event) key(eventDate string) string {
	identity := []byte(e.Raw)
	if e.AccountID != "" && e.RecordID != "" && eventDate != "" {
		identity = fmt.Appendf(nil, "%q %q %q %q", e.Type, e.AccountID, e.RecordID, eventDate)
	}
	sum := sha256.Sum256(identity)
	return hex.EncodeToString(sum[:])
}

// Format writes the event's type, account, provider and record, with any verb.
func (e Event) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "webhook.Event(%.100q account_id=%.100q provider=%.100q record_id=%.100q)",
		e.Type, e.AccountID, e.Provider, e.RecordID)
}

// LogValue is what slog logs: the event's type, account, provider, record and date.
func (e Event) LogValue() slog.Value {
	short := func(s string) string { return fmt.Sprintf("%.100s", s) }
	return slog.GroupValue(
		slog.String("event", short(string(e.Type))),
		slog.String("account_id", short(e.AccountID)),
		slog.String("provider", short(e.Provider)),
		slog.String("record_id", short(e.RecordID)),
		slog.Time("event_date", e.EventDate))
}
