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
	"strings"
	"sync"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

const (
	defaultInterval = 2 * time.Second

	// confirmTime limits the last look of a wait that an event has answered.
	confirmTime = 800 * time.Millisecond
)

// WaiterOptions configure a [Waiter]. The zero value has the defaults.
type WaiterOptions struct {
	// Interval is the time between two looks at a session; a tenth is added at random.
	// 0 is 2 s. Wait fails if it is negative.
	Interval time.Duration

	// LooksPerMinute limits the looks of all waits together. 0 is 500, half of what
	// StackOne allows a key; negative is no limit. Share it out when several processes
	// use one key. Interval*LooksPerMinute waits fit, which are 16 by default; when there
	// are more, they take turns at even distances, and each looks less often.
	LooksPerMinute int

	// Progress, if not nil, receives a session's latest attempt, nil while there is
	// none, after the first look and whenever its ID or status has changed. It is called
	// by the goroutine that called Wait with the token.
	Progress func(token string, attempt *gen.ConnectSessionLatestAttempt)
}

// Waiter waits for customers to connect. Make one for each API key, because a key's
// limit is shared by all waits on it. A Waiter is safe for concurrent use, has no
// goroutine, and needs no closing. What it holds of a wait is gone when the wait ends.
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
	o.Interval = cmp.Or(o.Interval, defaultInterval)
	return &Waiter{
		client: c, options: o, once: client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}),
		looks: newSchedule(o.LooksPerMinute), events: newEvents(),
	}
}

// wait is one call of Wait. Thousands of them may exist.
type wait struct {
	token  string
	opts   []client.Option
	wake   chan struct{} // receives when it is the wait's turn, or an event has come
	latest *gen.ConnectSessionLatestAttempt
	looked bool  // at the session, so that nil is no attempt
	failed error // why the last look has, if it has

	// Guarded by Waiter.mu. In the schedule:
	due   time.Duration
	index int    // in the queue; -1: not in it
	stop  func() // ends the look under way; nil: none is

	// Among the events:
	number          uint64
	newcomer        *list.Element // nil: the following is known
	owner, provider string
	created         int64 // the session, in seconds since 1970
	event           *event
}

// Wait waits until the customer of the session with the token has connected, and
// returns the successful attempt: AccountSecureID is the ID of the connected account.
// It looks at the session with Authenticate, and learns from [Waiter.Connected].
//
// Wait returns a [*ConnectionError] when the attempt ended otherwise. While there is no
// attempt, or it is pending or has an unknown status, Wait continues. It also continues
// after failures that client.Transient reports as transient, and returns any other error
// of Authenticate immediately, for example when the token has expired.
//
// When ctx ends, the error matches ctx.Err() with errors.Is, and includes why the last
// look failed, if it did. Give ctx the session's lifetime as its deadline, because a
// customer may never come back. Wait only observes OAuth connections by itself: a
// connector that asks for an API key makes no attempt, and is only seen by Connected.
//
// The first look is sent before those of waits that know their session already; all
// others are sent first come, first served. A look is sent once, is not retried, and
// does not touch the client's retry budget. After a 429, no wait looks until its
// Retry-After, at most for an hour, and then the looks resume at half the pace. opts
// apply to each look, except that WithRetryPolicy has no effect.
func (w *Waiter) Wait(ctx context.Context, token string, opts ...client.Option) (*gen.ConnectSessionLatestAttempt, error) {
	switch {
	case w == nil || w.client == nil:
		return nil, errNotMade
	case ctx == nil:
		return nil, errors.New("stackone: wait: nil context")
	case strings.TrimSpace(token) == "":
		return nil, errors.New("stackone: wait: token is required")
	case w.options.Interval < 0:
		return nil, fmt.Errorf("stackone: wait: the interval %s is negative", w.options.Interval)
	}
	t := &wait{token: token, opts: opts, wake: make(chan struct{}, 1), index: -1}
	w.begin(t)
	defer w.end(t)
	for w.turn(ctx, t) {
		delay, attempt, err := w.look(ctx, t)
		if attempt != nil || err != nil {
			return attempt, err
		}
		if e := w.again(t, delay); e != nil {
			return w.confirm(ctx, t, e)
		}
	}
	return nil, newPendingError(ctx, t)
}

func (w *Waiter) begin(t *wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events.begin(t)
	w.looks.add(t, newcomer, 0)
}

func (w *Waiter) end(t *wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks.remove(t)
	w.events.end(t)
}

// turn blocks until it is the wait's turn to look or an event has come for it, and
// returns false if ctx ends first. All waits listen to the timer of the schedule, and
// whichever hears it calls the one whose turn it is.
func (w *Waiter) turn(ctx context.Context, t *wait) bool {
	for ctx.Err() == nil {
		select {
		case <-t.wake:
			return true
		case <-w.looks.timer.C:
			w.mu.Lock()
			w.looks.call()
			w.mu.Unlock()
		case <-ctx.Done():
		}
	}
	return false
}

// look asks for the session once, unless an event has come. It returns the attempt
// that has succeeded, or an error that ends the wait, or else how long the service asks
// to wait before the next look.
func (w *Waiter) look(ctx context.Context, t *wait) (time.Duration, *gen.ConnectSessionLatestAttempt, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !w.start(t, cancel) {
		return 0, nil, nil
	}
	var answer client.Response
	session, err := w.client.ConnectSessions.Authenticate(ctx, gen.ConnectSessionAuthenticate{Token: t.token},
		append(slices.Clip(t.opts), client.WithResponse(&answer), w.once)...)
	w.finish(t, session)
	switch {
	case err == nil:
	case ctx.Err() != nil: // an event has come, or the caller's context has ended
		return 0, nil, nil
	case client.Transient(err):
		t.failed = err
		return w.delay(err), nil, nil
	default:
		return 0, nil, err
	}
	t.failed = nil
	attempt := session.LatestConnectionAttempt
	w.report(t, attempt)
	if attempt != nil {
		switch attempt.Status {
		case gen.AttemptStatusAuthenticated:
			return 0, attempt, nil
		case gen.AttemptStatusError, gen.AttemptStatusCancelled, AttemptStatusExpired:
			return 0, nil, &ConnectionError{
				attempt.Status, answer.Redact(attempt.OAuthErrorCode), answer.Redact(attempt.OAuthErrorDescription),
			}
		}
	}
	return retryAfter(answer.Header), nil, nil
}

// start notes how to end a look. It returns false if an event has come before.
func (w *Waiter) start(t *wait, stop func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.event != nil {
		return false
	}
	t.stop = stop
	return true
}

// finish takes note of what a look has shown; the session is nil if it has failed.
func (w *Waiter) finish(t *wait, session *gen.ConnectSession) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t.stop = nil
	if session != nil {
		w.events.learn(t, session)
	}
}

// delay returns how long the service asks to wait after a failed look. After a 429 all
// waits do.
func (w *Waiter) delay(err error) (d time.Duration) {
	if api := (*client.APIError)(nil); errors.As(err, &api) {
		d = api.RetryAfter
	}
	if errors.Is(err, client.ErrTooManyRequests) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.looks.hold(cmp.Or(d, w.options.Interval))
	}
	return d
}

// retryAfter returns the time that a success asks to wait, if it does.
func retryAfter(h http.Header) time.Duration {
	seconds, _ := strconv.ParseUint(h.Get("Retry-After"), 10, 32)
	return time.Duration(seconds) * time.Second
}

// again puts a wait in the queue for its next look, or returns the event that has come
// in the meantime.
func (w *Waiter) again(t *wait, delay time.Duration) *event {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := t.event
	if e == nil {
		w.looks.add(t, regular, jittered(max(w.options.Interval, delay)))
	} else {
		w.events.end(t)
		t.event = nil
	}
	return e
}

// confirm ends a wait that an event has answered. If an attempt was under way, one
// more look tells how that has ended; the event counts if it does not.
func (w *Waiter) confirm(ctx context.Context, t *wait, e *event) (*gen.ConnectSessionLatestAttempt, error) {
	if t.latest != nil {
		limited, cancel := context.WithTimeout(ctx, confirmTime)
		defer cancel()
		w.mu.Lock()
		w.looks.add(t, urgent, 0)
		w.mu.Unlock()
		if w.turn(limited, t) {
			_, attempt, err := w.look(limited, t)
			if ended := (*ConnectionError)(nil); attempt != nil || errors.As(err, &ended) {
				return attempt, err
			}
		}
		if ctx.Err() != nil {
			return nil, newPendingError(ctx, t)
		}
	}
	attempt := e.attempt()
	w.report(t, attempt)
	return attempt, nil
}

// report calls the progress function if the attempt is not as it was at the last look.
func (w *Waiter) report(t *wait, attempt *gen.ConnectSessionLatestAttempt) {
	before, looked := t.latest, t.looked
	t.latest, t.looked = attempt, true
	same := looked && (before == nil) == (attempt == nil) &&
		(before == nil || before.ID == attempt.ID && before.Status == attempt.Status)
	if !same && w.options.Progress != nil {
		w.options.Progress(t.token, attempt)
	}
}
