package connect

import (
	"container/list"
	"slices"
	"strings"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// Connected ends the waits that an account event answers. Call it with each event that
// package webhook has verified, in the process that waits. It never blocks.
//
// An account.created or account.updated event answers the waits for sessions of its
// owner (origin_owner_id) that name no provider or the event's; upper and lower case of
// the provider are the same. Wait then returns an attempt that is authenticated, with the
// event's account ID and date and without an ID of its own. Where an attempt is under
// way, one more look is made first, and its outcome counts if there is one within a
// second: the attempt, or a [*ConnectionError].
//
// An event that arrives before the wait has learned its owner is kept until then. One
// that is older than the session, such as a repeated delivery, does not answer it, nor
// does one that arrived before Wait was called. Other events, and events without an
// owner or account ID, do nothing.
func (w *Waiter) Connected(e webhook.Event) {
	if w == nil || e.OriginOwnerID == "" || e.AccountID == "" ||
		e.Type != webhook.AccountCreated && e.Type != webhook.AccountUpdated {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.events.take(e) {
		if w.looks.remove(t) {
			t.wake <- struct{}{}
		} else if t.stop != nil {
			t.stop()
		}
	}
}

// event is what a wait needs to know of a webhook.Event.
type event struct {
	owner, provider, account string
	date                     time.Time
	last                     uint64 // the number of the wait that was the last to begin before it came
}

// answers reports whether the event can be the outcome of a wait's session. One that
// is older than the session is not, however late it is delivered.
func (e *event) answers(t *wait) bool {
	return t.number <= e.last &&
		(t.provider == "" || strings.EqualFold(t.provider, e.provider)) &&
		(e.date.IsZero() || e.date.Unix() >= t.created)
}

// attempt returns what a look would have shown.
func (e *event) attempt() *gen.ConnectSessionLatestAttempt {
	return &gen.ConnectSessionLatestAttempt{
		Status: gen.AttemptStatusAuthenticated, AccountSecureID: e.account, CreatedAt: e.date, UpdatedAt: e.date,
	}
}

// events brings events and waits together. A wait does not know its owner before its
// first look has succeeded, so an event is kept until each wait that had begun when it
// came knows its own. Methods are called with Waiter.mu held.
type events struct {
	begun     uint64              // how many waits have
	newcomers list.List           // the waits that do not know their owner, in the order of their numbers
	waits     map[string][]*wait  // the others, by owner
	kept      []*event            // in the order of their arrival
	keptFor   map[string][]*event // the same, by owner
}

func newEvents() events {
	return events{waits: map[string][]*wait{}, keptFor: map[string][]*event{}}
}

func (s *events) begin(t *wait) {
	s.begun++
	t.number = s.begun
	t.newcomer = s.newcomers.PushBack(t)
}

// end forgets a wait.
func (s *events) end(t *wait) {
	s.known(t)
	rest := slices.DeleteFunc(s.waits[t.owner], func(other *wait) bool { return other == t })
	if s.waits[t.owner] = rest; len(rest) == 0 {
		delete(s.waits, t.owner)
	}
}

// take hands an event to the waits that it answers, and returns them.
func (s *events) take(from webhook.Event) (answered []*wait) {
	e := &event{from.OriginOwnerID, from.Provider, from.AccountID, from.EventDate, s.begun}
	if s.newcomers.Len() > 0 {
		s.kept = append(s.kept, e)
		s.keptFor[e.owner] = append(s.keptFor[e.owner], e)
	}
	for _, t := range s.waits[e.owner] {
		if t.event == nil && e.answers(t) {
			t.event = e
			answered = append(answered, t)
		}
	}
	return answered
}

// learn tells a wait whose session it is for, and hands it an event that has come before.
func (s *events) learn(t *wait, session *gen.ConnectSession) {
	if t.newcomer == nil {
		return
	}
	t.owner, t.provider, t.created = session.OriginOwnerID, session.Provider, session.CreatedAt.Unix()
	s.waits[t.owner] = append(s.waits[t.owner], t)
	if i := slices.IndexFunc(s.keptFor[t.owner], func(e *event) bool { return e.answers(t) }); i >= 0 {
		t.event = s.keptFor[t.owner][i]
	}
	s.known(t)
}

// known notes that a wait needs no kept event any more, and drops those that none needs.
func (s *events) known(t *wait) {
	if t.newcomer == nil {
		return
	}
	s.newcomers.Remove(t.newcomer)
	t.newcomer = nil
	oldest := s.newcomers.Front()
	for len(s.kept) > 0 && (oldest == nil || s.kept[0].last < oldest.Value.(*wait).number) {
		owner := s.kept[0].owner
		s.kept[0], s.kept = nil, s.kept[1:]
		s.keptFor[owner] = s.keptFor[owner][1:]
		if len(s.keptFor[owner]) == 0 {
			delete(s.keptFor, owner)
		}
	}
}
