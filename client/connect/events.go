package connect

import (
	"container/list"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// confirmTime limits the last look of a wait whose attempt had not ended when the
// event came.
const confirmTime = 800 * time.Millisecond

// Connected ends the waits that an account event answers. Call it with every event
// that package webhook has verified.
func (w *Waiter) Connected(e webhook.Event) {
	switch {
	case w == nil || w.client == nil,
		e.Type != webhook.AccountCreated && e.Type != webhook.AccountUpdated,
		e.OriginOwnerID == "" || e.AccountID == "":
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	news := &event{e.OriginOwnerID, e.Provider, e.AccountID, e.EventDate, w.events.begun}
	w.events.keep(news)
	for _, t := range w.events.waits[news.owner] {
		if t.event != nil || !news.answers(t) {
			continue
		}
		t.event = news
		if t.index >= 0 {
			w.looks.remove(t)
			t.called <- struct{}{}
		} else if t.stop != nil {
			t.stop() // it was sent before the customer connected, perhaps
		}
	}
}

// event is what a wait needs of a webhook's event.
type event struct {
	owner, provider, account string
	date                     time.Time
	last                     uint64 // the wait that was begun last before the event came
}

// answers reports whether the event can be the outcome of the session of a wait that
// knows its owner and provider.
func (e *event) answers(t *wait) bool {
	return t.number <= e.last &&
		(t.provider == "" || strings.EqualFold(t.provider, e.provider)) &&
		(e.date.IsZero() || !e.date.Before(t.created))
}

// attempt returns the event as the attempt that a look would have shown.
func (e *event) attempt() *gen.ConnectSessionLatestAttempt {
	return &gen.ConnectSessionLatestAttempt{
		Status: gen.AttemptStatusAuthenticated, AccountSecureID: e.account, CreatedAt: e.date, UpdatedAt: e.date,
	}
}

// events brings events and waits together. A wait that does not know its owner yet may
// be answered by an event that has come already, so events are kept for as long as such
// a wait exists that is older than the event. Its methods are called with Waiter.mu
// held.
type events struct {
	begun     uint64
	newcomers list.List           // of the waits that do not know their owner, the oldest first
	waits     map[string][]*wait  // of the others, by owner
	kept      []*event            // the oldest first
	keptBy    map[string][]*event // the same, by owner
}

func (s *events) begin(t *wait) {
	s.begun++
	t.number = s.begun
	t.newcomer = s.newcomers.PushBack(t)
}

func (s *events) end(t *wait) {
	if t.newcomer != nil {
		s.newcomers.Remove(t.newcomer)
		s.forget()
	}
	same := slices.DeleteFunc(s.waits[t.owner], func(other *wait) bool { return other == t })
	if len(same) == 0 {
		delete(s.waits, t.owner)
	} else {
		s.waits[t.owner] = same
	}
}

// learn tells whose session a wait is for, and hands it an event that has come before.
func (s *events) learn(t *wait, session *gen.ConnectSession) {
	if t.newcomer == nil {
		return
	}
	t.owner, t.provider, t.created = session.OriginOwnerID, session.Provider, session.CreatedAt
	if t.owner != "" {
		if s.waits == nil {
			s.waits = map[string][]*wait{}
		}
		s.waits[t.owner] = append(s.waits[t.owner], t)
		if i := slices.IndexFunc(s.keptBy[t.owner], func(e *event) bool { return e.answers(t) }); i >= 0 {
			t.event = s.keptBy[t.owner][i]
		}
	}
	s.newcomers.Remove(t.newcomer)
	t.newcomer = nil
	s.forget()
}

// keep remembers an event for the waits that do not know their owner, if there are any.
func (s *events) keep(e *event) {
	if s.newcomers.Len() == 0 {
		return
	}
	if s.keptBy == nil {
		s.keptBy = map[string][]*event{}
	}
	s.kept = append(s.kept, e)
	s.keptBy[e.owner] = append(s.keptBy[e.owner], e)
}

// forget drops the events for which there is no wait any more.
func (s *events) forget() {
	oldest := s.newcomers.Front()
	for len(s.kept) > 0 && (oldest == nil || s.kept[0].last < oldest.Value.(*wait).number) {
		owner := s.kept[0].owner
		s.kept[0], s.kept = nil, s.kept[1:]
		if rest := s.keptBy[owner][1:]; len(rest) > 0 {
			s.keptBy[owner] = rest
		} else {
			delete(s.keptBy, owner)
		}
	}
}

// confirm ends a wait for which an event has come. If the customer's attempt had not
// ended yet, one more look may tell more than the event; it has little time.
func (w *Waiter) confirm(ctx context.Context, t *wait, e *event) (*gen.ConnectSessionLatestAttempt, error) {
	if t.pending {
		limited, cancel := context.WithTimeout(ctx, confirmTime)
		defer cancel()
		w.mu.Lock()
		w.looks.add(t, urgent, time.Now())
		w.mu.Unlock()
		if w.turn(limited, t) {
			attempt, err := w.look(limited, t)
			var ended *ConnectionError
			if attempt != nil || errors.As(err, &ended) {
				return attempt, err
			}
		}
		if ctx.Err() != nil {
			return nil, newPendingError(ctx, t.token, t.failed)
		}
	}
	attempt := e.attempt()
	w.report(t, attempt)
	return attempt, nil
}
