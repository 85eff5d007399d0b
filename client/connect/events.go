package connect

import (
	"slices"
	"strings"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// Connected ends the waits for the session that led to an account event. Call it with
// each event that package webhook has verified, in the process that waits. It never
// blocks.
//
// An account.created or account.updated event ends the waits for sessions with the same
// owner (origin_owner_id) that name no provider or, ignoring case, the event's provider.
// Wait then returns an authenticated attempt with the account ID and date of the event,
// and an empty ID. If an attempt was pending, Wait looks at the session once more; if
// that shows within a second how the attempt ended, Wait returns the attempt or a
// [*ConnectionError] instead.
//
// A wait learns its owner from its first look. An event that arrives between the call of
// Wait and that look is kept, and ends the wait as soon as the look succeeds, which
// StackOne's Retry-After can delay.
//
// An event that arrived before Wait was called does not end the wait, and neither does
// one that is older than the session, such as a repeated delivery. Events of other types
// and events without an owner or account ID are ignored.
func (w *Waiter) Connected(e webhook.Event) {
	if w == nil || w.client == nil || e.OriginOwnerID == "" || e.AccountID == "" ||
		e.Type != webhook.AccountCreated && e.Type != webhook.AccountUpdated {
		return
	}
	e.Raw, e.SetupInformation = nil, nil // may be large
	w.locked(func() {
		w.events.last.next = &arrival{event: &e}
		w.events.last = w.events.last.next
		for _, t := range w.events.byOwner[e.OriginOwnerID] {
			t.receive(&e)
		}
	})
}

// events passes events to the waits of their owner. Its methods are called with
// Waiter.mu held.
type events struct {
	// byOwner holds the waits that know their owner.
	byOwner map[string][]*wait

	// last is the end of a linked list of all events. A wait that does not know its
	// owner yet points to the last event before it began, so that the events since
	// then are reachable. All others are garbage collected.
	last *arrival
}

// arrival is an event in a linked list, in the order of arrival.
type arrival struct {
	event *webhook.Event
	next  *arrival
}

// register adds a wait under the owner of its session, and passes it the events that
// have arrived since it began.
func (s *events) register(t *wait, session *gen.ConnectSession) {
	t.owner, t.provider, t.created = session.OriginOwnerID, session.Provider, session.CreatedAt.Unix()
	s.byOwner[t.owner] = append(s.byOwner[t.owner], t)
	for a := t.since.next; a != nil; a = a.next {
		if a.event.OriginOwnerID == t.owner {
			t.receive(a.event)
		}
	}
	t.since = nil
}

// remove removes a wait if it is registered.
func (s *events) remove(t *wait) {
	rest := slices.DeleteFunc(s.byOwner[t.owner], func(other *wait) bool { return other == t })
	if s.byOwner[t.owner] = rest; len(rest) == 0 {
		delete(s.byOwner, t.owner)
	}
}

// receive ends the wait if an event of its owner can be the result of its session.
func (t *wait) receive(e *webhook.Event) {
	if t.event == nil && (t.provider == "" || strings.EqualFold(t.provider, e.Provider)) &&
		(e.EventDate.IsZero() || e.EventDate.Unix() >= t.created) {
		t.event = e
		t.wake <- struct{}{}
		if t.stop != nil {
			t.stop()
		}
	}
}
