package connect

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// confirmTime limits the last look of a wait that an event has answered.
const confirmTime = 800 * time.Millisecond

// frontRetries is how often a wait whose first look has failed goes to the front again.
const frontRetries = 3

// WaiterOptions configure a [Waiter]. The zero value has the defaults.
type WaiterOptions struct {
	// Interval is the time between two looks at a session; a tenth is added at random.
	// 0 is 2 s. Wait fails if it is negative.
	Interval time.Duration

	// LooksPerMinute limits the looks of all waits together, first looks included. 0 is
	// 500, half of what StackOne allows a key; negative is no limit. When n processes wait
	// on one key, set it to 500/n in each. Interval*LooksPerMinute waits fit, 16 by
	// default. When there are more, they take turns, evenly spaced, and each looks less
	// often: register a webhook, and give its events to Connected.
	LooksPerMinute int

	// Progress, if not nil, receives a session's latest attempt, nil while there is
	// none, after the first look and whenever its ID or status has changed. It is called
	// by the goroutine that called Wait with the token.
	Progress func(token string, attempt *gen.ConnectSessionLatestAttempt)
}

// Waiter waits for customers to connect. Make one for each API key: StackOne allows a
// key 1,000 requests a minute, and a Waiter uses at most half of them for all its waits
// together. The package documentation says how often each session is then looked at. A
// Waiter is safe for concurrent use, has no goroutine, and needs no closing. It keeps
// nothing of a wait that has ended.
type Waiter struct {
	client  *client.Client
	options WaiterOptions

	mu     sync.Mutex
	looks  schedule
	events events
}

// NewWaiter returns a Waiter that looks at sessions through c.
func NewWaiter(c *client.Client, o WaiterOptions) *Waiter {
	o.Interval = cmp.Or(o.Interval, 2*time.Second)
	return &Waiter{
		client: c, options: o, looks: newSchedule(o.LooksPerMinute),
		events: events{byOwner: map[string][]*wait{}, last: new(arrival)},
	}
}

func (w *Waiter) locked(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// wait is one call of Wait. There may be thousands.
type wait struct {
	token   string
	opts    []client.Option
	wake    chan struct{} // receives when it is the wait's turn, and when an event has come
	seen    string        // ID and status of the attempt at the last successful look
	pending bool          // the last successful look found an attempt that has not ended
	failed  error         // error of the last look, nil if it succeeded
	delay   time.Duration // Retry-After of the last look, 0 if it had none
	looks   int           // number of looks made

	// Guarded by Waiter.mu. In the schedule:
	priority int
	due      time.Duration
	stop     context.CancelFunc // cancels the current look; nil: there is none

	// Among the events:
	since           *arrival // nil: the following is known
	owner, provider string
	created         int64          // the session, in seconds since 1970
	event           *webhook.Event // nil: none has come
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
// Events that arrived before Wait was called are not kept. If you wait again after a
// restart, an API-key connection that was made in between is known only from your own
// records.
//
// A first look goes before the looks of waits that know their session, but not twice in a
// row while these are behind their turn. If it fails, it goes to the front again after
// Interval, or after the Retry-After if that is longer, up to three times; then the wait
// takes its turn. All other looks are sent first come, first served. A look is sent once,
// is not retried, and does not touch the client's retry budget. After a 429, no wait looks
// until its Retry-After, at most for an hour, and then the looks resume at half the pace.
// opts apply to each look, except that WithRetryPolicy has no effect.
func (w *Waiter) Wait(ctx context.Context, token string, opts ...client.Option) (*gen.ConnectSessionLatestAttempt, error) {
	switch {
	case w == nil || w.client == nil:
		return nil, errors.New("stackone: this waiter was not made by connect.NewWaiter with a client")
	case ctx == nil:
		return nil, errors.New("stackone: wait: nil context")
	case strings.TrimSpace(token) == "":
		return nil, errors.New("stackone: wait: token is required")
	case w.options.Interval < 0:
		return nil, errors.New("stackone: wait: the interval is negative")
	}
	t := &wait{token: token, opts: opts, wake: make(chan struct{}, 2)}
	w.locked(func() {
		t.since = w.events.last
		w.looks.add(t, newcomer, 0)
	})
	defer w.locked(func() {
		w.looks.remove(t)
		w.events.end(t)
	})
	for look := w.turn(ctx, t); look != nil; look = w.turn(ctx, t) {
		attempt, err := w.look(look, t)
		if attempt != nil || err != nil {
			return attempt, err
		}
		priority := regular
		if t.looks++; t.since != nil && t.looks <= frontRetries { // events cannot answer it yet
			priority = newcomer
		}
		w.locked(func() { w.looks.add(t, priority, jittered(max(w.options.Interval, t.delay))) })
	}
	return w.outcome(ctx, t)
}

// turn blocks until it is the wait's turn to look, and returns the context for that: it
// also ends when an event comes for the wait. It returns nil if ctx ends or an event has
// come before. All waits listen to the timer of the schedule, and whichever hears it
// wakes the one whose turn it is.
func (w *Waiter) turn(ctx context.Context, t *wait) (look context.Context) {
	for {
		select {
		case <-t.wake:
			w.mu.Lock()
			defer w.mu.Unlock()
			if t.event == nil || t.priority == urgent { // urgent, because an event has come
				look, t.stop = context.WithCancel(ctx)
			}
			return look
		case <-w.looks.timer.C:
			w.locked(w.looks.call)
		case <-ctx.Done():
			return nil
		}
	}
}

// look asks for the session once. It returns the attempt that has succeeded, an error
// that ends the wait, or neither.
func (w *Waiter) look(ctx context.Context, t *wait) (*gen.ConnectSessionLatestAttempt, error) {
	defer w.locked(func() {
		t.stop()
		t.stop = nil
	})
	var answer client.Response
	session, err := w.client.ConnectSessions.Authenticate(ctx, gen.ConnectSessionAuthenticate{Token: t.token},
		append(slices.Clip(t.opts), client.WithResponse(&answer), client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}))...)
	if err != nil {
		return nil, w.failure(ctx, t, err)
	}
	if t.since != nil {
		w.locked(func() { w.events.learn(t, session) })
	}
	t.failed, t.delay = nil, 0
	attempt := session.LatestConnectionAttempt
	w.report(t, attempt)
	dropped := func(member string) bool { return slices.Contains(answer.Dropped, "latest_connection_attempt"+member) }
	authenticated := attempt != nil && attempt.Status == gen.AttemptStatusAuthenticated
	switch {
	case dropped(".status"), dropped("") && (attempt == nil || authenticated && attempt.AccountSecureID == ""):
		return nil, &client.ResponseError{ // with the operation that Authenticate's own errors have
			Operation: "authenticate_connect_session", StatusCode: answer.StatusCode, Attempts: answer.Attempts,
			RequestID: answer.Redact(answer.Header.Get("X-Request-Id")), Header: answer.Header, Body: answer.Body,
			Err: errors.New("latest_connection_attempt has no usable status or account_secure_id"),
		}
	case authenticated:
		return attempt, nil
	case attempt != nil && slices.Contains([]gen.AttemptStatus{gen.AttemptStatusError, gen.AttemptStatusCancelled, AttemptStatusExpired}, attempt.Status):
		return nil, &ConnectionError{attempt.Status, answer.Redact(attempt.OAuthErrorCode), answer.Redact(attempt.OAuthErrorDescription)}
	}
	return nil, nil
}

// failure returns the error of a look if it ends the wait. A 429 holds all looks.
func (w *Waiter) failure(ctx context.Context, t *wait, err error) error {
	switch {
	case ctx.Err() != nil: // an event has come, or the caller's context has ended
		return nil
	case !client.Transient(err):
		return err
	}
	t.failed, t.delay = err, 0
	if api := (*client.APIError)(nil); errors.As(err, &api) {
		t.delay = api.RetryAfter
		if api.StatusCode == http.StatusTooManyRequests {
			w.locked(func() { w.looks.hold(cmp.Or(t.delay, w.options.Interval)) })
		}
	}
	return nil
}

// outcome returns the result of a wait whose context has ended or that an event has
// answered. If an attempt was under way when the event came, one more look tells how
// that has ended; if it does not, the event counts.
func (w *Waiter) outcome(ctx context.Context, t *wait) (*gen.ConnectSessionLatestAttempt, error) {
	if t.pending && ctx.Err() == nil {
		limited, cancel := context.WithTimeout(ctx, confirmTime)
		defer cancel()
		w.locked(func() { w.looks.add(t, urgent, 0) })
		if look := w.turn(limited, t); look != nil {
			attempt, err := w.look(look, t)
			if ended := (*ConnectionError)(nil); attempt != nil || errors.As(err, &ended) {
				return attempt, err
			}
		}
	}
	if ctx.Err() != nil {
		return nil, newPendingError(ctx, t)
	}
	date := t.event.EventDate
	attempt := &gen.ConnectSessionLatestAttempt{
		Status: gen.AttemptStatusAuthenticated, AccountSecureID: t.event.AccountID, CreatedAt: date, UpdatedAt: date,
	}
	w.report(t, attempt)
	return attempt, nil
}

// report calls the progress function if the attempt is not as it was at the last look.
func (w *Waiter) report(t *wait, attempt *gen.ConnectSessionLatestAttempt) {
	before := t.seen
	if t.seen, t.pending = "none", attempt != nil; t.pending {
		t.seen = string(attempt.Status) + " " + attempt.ID
	}
	if t.seen != before && w.options.Progress != nil {
		w.options.Progress(t.token, attempt)
	}
}
