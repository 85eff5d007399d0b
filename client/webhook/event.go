package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"
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
	// from event, account_id, record_id and event_date, so that events alike in all
	// four count as one. When one of the last two is missing it is made from the
	// whole payload, so that no other event is taken for this one; a repetition that
	// differs in any byte, such as in sent_at, then has another key. Keys do not
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
// is for [Verify] to do first. An error is ErrPayload: the payload is not one
// JSON object in UTF-8, or has no event. Anything else in it that is not as
// documented, a date for example, is no error: see [Event].
func Parse(payload []byte) (Event, error) {
	if !utf8.Valid(payload) { // encoding/json would replace bytes, and so could turn one id into another
		return Event{}, fmt.Errorf("%w: it is not UTF-8", ErrPayload)
	}
	// A map, because encoding/json matches the names of fields in any case.
	var members map[string]json.RawMessage
	if !json.Valid(payload) {
		return Event{}, fmt.Errorf("%w: it is not JSON", ErrPayload)
	}
	if json.Unmarshal(payload, &members) != nil || members == nil {
		return Event{}, fmt.Errorf("%w: it is not a JSON object", ErrPayload)
	}
	e := Event{
		Type:            EventType(text(members["event"])),
		RecordType:      text(members["record_type"]),
		RecordID:        text(members["record_id"]),
		AccountID:       text(members["account_id"]),
		ProjectID:       text(members["project_id"]),
		Provider:        text(members["provider"]),
		OriginOwnerID:   text(members["origin_owner_id"]),
		OriginOwnerName: text(members["origin_owner_name"]),
		OriginUsername:  text(members["origin_username"]),
		EventDate:       date(members["event_date"]),
		SentAt:          date(members["sent_at"]),
		Raw:             bytes.Clone(payload),
	}
	if e.Type == "" {
		return Event{}, fmt.Errorf("%w: it has no event", ErrPayload)
	}
	if setup := members["setup_information"]; string(setup) != "null" {
		e.SetupInformation = setup
	}
	e.Key = e.key(text(members["event_date"]))
	return e, nil
}

// text returns a string, or a number as it is written.
func text(raw json.RawMessage) string {
	var s string
	var n json.Number
	if json.Unmarshal(raw, &s) != nil && json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	return s
}

func date(raw json.RawMessage) time.Time {
	t, err := time.Parse(time.RFC3339, text(raw))
	t = t.UTC()
	if err != nil || t.Year() < 0 || t.Year() > 9999 { // encoding/json could not write it
		return time.Time{}
	}
	return t
}

// key takes the date as it was sent, which tells events apart even if it cannot be read.
func (e Event) key(eventDate string) string {
	identity := []byte(e.Raw)
	if e.RecordID != "" && eventDate != "" {
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
