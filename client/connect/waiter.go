package connect

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

const defaultInterval = 2 * time.Second

// WaiterOptions configure a [Waiter]. The zero value has the defaults.
type WaiterOptions struct {
	// Interval is the time between two looks at a session, up to a tenth longer at
	// random; 0 is 2 s. With a negative one, Wait returns an error.
	Interval time.Duration

	// LooksPerMinute limits the looks of all waits together; 0 is 500, half of what
	// StackOne allows a key. Negative is no limit.
	LooksPerMinute int

	// Progress, if not nil, is called with a session's latest attempt, nil while
	// there is none, at the first look and whenever its ID or status has changed. It is
	// called by the goroutine that waits for the session with the token.
	Progress func(token string, attempt *gen.ConnectSessionLatestAttempt)
}

// Waiter waits for customers to connect. Make one for each API key and share it: it
// is safe for concurrent use, has no goroutine and needs no closing.
type Waiter struct {
	client  *client.Client
	options WaiterOptions
	once    client.Option // sends each look once

	mu     sync.Mutex
	looks  schedule
	events events
}

// NewWaiter returns a Waiter that looks at sessions through c.
func NewWaiter(c *client.Client, o WaiterOptions) *Waiter {
	if o.Interval == 0 {
		o.Interval = defaultInterval
	}
	return &Waiter{
		client: c, options: o, once: client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}),
		looks: newSchedule(o.LooksPerMinute),
	}
}

// wait is one call of Wait.
type wait struct {
	token    string
	opts     []client.Option
	progress progress
	failed   error         // why the latest look has failed, if it has
	delay    time.Duration // that it asked for
	pending  bool          // the latest attempt has not ended

	called chan struct{} // holds one when it may look, or when an event has come

	// Guarded by Waiter.mu, in the schedule:
	class int
	due   time.Time
	index int    // in the queue; -1: it is not there
	stop  func() // ends the look under way; nil: there is none

	// and among the events:
	number          uint64
	newcomer        *list.Element // nil: the following is known
	owner, provider string
	created         time.Time // the session
	event           *event    // nil: none has come
}

// Wait waits until the customer of the session with the token has connected, and
// returns the successful attempt; AccountSecureID is the ID of the connected account.
func (w *Waiter) Wait(ctx context.Context, token string, opts ...client.Option) (*gen.ConnectSessionLatestAttempt, error) {
	switch {
	case w == nil || w.client == nil:
		return nil, errNotMade
	case ctx == nil:
		return nil, errors.New("stackone: wait: nil context")
	case w.options.Interval < 0:
		return nil, fmt.Errorf("stackone: wait: the interval %s is negative", w.options.Interval)
	}
	t := &wait{token: token, opts: opts, called: make(chan struct{}, 1), index: -1}
	w.begin(t)
	defer w.end(t)
	for w.turn(ctx, t) {
		attempt, err := w.look(ctx, t)
		if attempt != nil || err != nil {
			return attempt, err
		}
		if e := w.next(t); e != nil {
			return w.confirm(ctx, t, e)
		}
	}
	return nil, newPendingError(ctx, token, t.failed)
}

func (w *Waiter) begin(t *wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events.begin(t)
	w.looks.add(t, newcomer, time.Now())
}

func (w *Waiter) end(t *wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks.remove(t)
	w.events.end(t)
}

// turn blocks until t may look or an event has come for it, and returns false when
// ctx has ended before that. The timer of the schedule is shared: whichever wait receives
// from it calls those whose turn it is.
func (w *Waiter) turn(ctx context.Context, t *wait) bool {
	for ctx.Err() == nil {
		select {
		case <-t.called:
			return true
		case <-w.looks.timer.C:
			w.mu.Lock()
			w.looks.call(time.Now())
			w.mu.Unlock()
		case <-ctx.Done():
		}
	}
	return false
}

// look asks for the session once. It returns the attempt that has succeeded, or an
// error that ends the wait, or neither: the customer has not connected yet, the look
// has failed in a way that can pass, or an event has come.
func (w *Waiter) look(ctx context.Context, t *wait) (*gen.ConnectSessionLatestAttempt, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w.mu.Lock()
	answered := t.event != nil && t.class != urgent
	t.stop = cancel
	w.mu.Unlock()
	if answered {
		return nil, nil
	}
	var answer client.Response
	session, err := w.client.ConnectSessions.Authenticate(ctx, gen.ConnectSessionAuthenticate{Token: t.token},
		append(slices.Clip(t.opts), client.WithResponse(&answer), w.once)...)
	w.mu.Lock()
	t.stop = nil
	if err == nil {
		w.events.learn(t, session)
	}
	w.mu.Unlock()
	if err != nil {
		return nil, w.failed(ctx, t, err)
	}
	t.failed, t.delay = nil, retryAfter(answer.Header)
	attempt := session.LatestConnectionAttempt
	w.report(t, attempt)
	switch {
	case attempt == nil:
		return nil, nil
	case attempt.Status == gen.AttemptStatusAuthenticated:
		return attempt, nil
	case slices.Contains([]gen.AttemptStatus{gen.AttemptStatusError, gen.AttemptStatusCancelled, AttemptStatusExpired}, attempt.Status):
		return nil, &ConnectionError{
			Status: attempt.Status, Code: answer.Redact(attempt.OAuthErrorCode), Description: answer.Redact(attempt.OAuthErrorDescription),
		}
	}
	t.pending = true
	return nil, nil
}

// failed returns the error of a look if that ends the wait. After a 429 no wait looks
// before the time that it says.
func (w *Waiter) failed(ctx context.Context, t *wait, err error) error {
	switch {
	case ctx.Err() != nil:
		return nil
	case !client.Transient(err):
		return err
	}
	t.failed, t.delay = err, 0
	if api := (*client.APIError)(nil); errors.As(err, &api) {
		t.delay = api.RetryAfter
	}
	if errors.Is(err, client.ErrTooManyRequests) {
		w.mu.Lock()
		w.looks.hold(cmp.Or(t.delay, w.options.Interval))
		w.mu.Unlock()
	}
	return nil
}

// next returns the event that has come for a wait, or else puts it in the queue again.
func (w *Waiter) next(t *wait) *event {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.event == nil {
		w.looks.add(t, regular, time.Now().Add(later(max(w.options.Interval, t.delay))))
	}
	return t.event
}

// report calls the progress function when the attempt is not the one that was seen last.
func (w *Waiter) report(t *wait, attempt *gen.ConnectSessionLatestAttempt) {
	now := progress{seen: true}
	if attempt != nil {
		now.id, now.status = attempt.ID, attempt.Status
	}
	if now != t.progress && w.options.Progress != nil {
		w.options.Progress(t.token, attempt)
	}
	t.progress = now
}

// progress is what was reported last.
type progress struct {
	seen   bool
	id     string
	status gen.AttemptStatus
}

// retryAfter returns the time that a success asks to wait for, if it does.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
