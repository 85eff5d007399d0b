package connect

import (
	"slices"
	"strings"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// Connected ends the waits that an account event answers. Call it with each event that
// package webhook has verified, in the process that waits. It never blocks.
//
// An account.created or account.updated event answers the waits for sessions of its
// owner (origin_owner_id) that name no provider or the event's; upper and lower case of
// the provider are the same. Wait then returns an attempt that is authenticated, with the
// event's account ID and date and without an ID of its own. If an attempt is pending,
// one more look is made first, and its outcome counts if there is one within a
// second: the attempt, or a [*ConnectionError].
//
// A wait learns its owner from its first look. An event that arrives between the call of
// Wait and that look is kept for it, and answers the wait as soon as the look succeeds,
// which StackOne's Retry-After can delay. An event that arrives before Wait is called is
// not kept. One that is older than the session, such as a repeated delivery, does not
// answer it. Other events, and events without an owner or account ID, do nothing.
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
			t.take(&e)
		}
	})
}

// events brings events and waits together. Its methods are called with Waiter.mu held.
type events struct {
	// byOwner has the waits that know their owner.
	byOwner map[string][]*wait

	// A wait learns its owner from its first look. Until then it holds the event that
	// came last before it began, from where it finds those that have come since. What
	// no wait holds is the garbage collector's.
	last *arrival
}

// arrival is an event in a list of them, in the order in which they came.
type arrival struct {
	event *webhook.Event
	next  *arrival
}

// learn tells a wait whose session it is for, and hands it the events that have come
// in the meantime.
func (s *events) learn(t *wait, session *gen.ConnectSession) {
	t.owner, t.provider, t.created = session.OriginOwnerID, session.Provider, session.CreatedAt.Unix()
	s.byOwner[t.owner] = append(s.byOwner[t.owner], t)
	for a := t.since.next; a != nil; a = a.next {
		if a.event.OriginOwnerID == t.owner {
			t.take(a.event)
		}
	}
	t.since = nil
}

func (s *events) end(t *wait) {
	rest := slices.DeleteFunc(s.byOwner[t.owner], func(other *wait) bool { return other == t })
	if s.byOwner[t.owner] = rest; len(rest) == 0 {
		delete(s.byOwner, t.owner)
	}
}

// take ends a wait if an event of its owner can be the outcome of its session.
func (t *wait) take(e *webhook.Event) {
	if t.event == nil && (t.provider == "" || strings.EqualFold(t.provider, e.Provider)) &&
		(e.EventDate.IsZero() || e.EventDate.Unix() >= t.created) {
		t.event = e
		t.wake <- struct{}{}
		if t.stop != nil {
			t.stop()
		}
	}
}
