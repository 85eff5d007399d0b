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

// confirmTime limits the last look of a wait whose event arrived while an attempt was pending.
const confirmTime = 800 * time.Millisecond

// frontRetries is how often a wait goes to the front again after its first look failed.
const frontRetries = 3

// unsuccessful lists the statuses of attempts that ended without a connection.
var unsuccessful = []gen.AttemptStatus{gen.AttemptStatusError, gen.AttemptStatusCancelled, AttemptStatusExpired}

// WaiterOptions configures a [Waiter]. The zero value selects the defaults.
type WaiterOptions struct {
	// Interval is the time between two looks at a session; up to a tenth is added at
	// random. Zero means 2 s. If it is negative, Wait fails.
	Interval time.Duration

	// LooksPerMinute limits the looks of all waits together, including first looks.
	// Zero means 500, half of what StackOne allows a key; a negative value means no
	// limit. If n processes wait with the same key, set it to 500/n in each.
	//
	// Up to Interval*LooksPerMinute waits, 16 by default, each look once every
	// Interval. More waits take turns, evenly spaced, and each looks less often: then
	// register a webhook, and pass its events to Connected.
	LooksPerMinute int

	// Progress, if not nil, receives the latest attempt of a session after the first
	// look, and whenever its ID or status has changed. The attempt is nil while there
	// is none. Wait calls Progress and blocks until it returns.
	Progress func(token string, attempt *gen.ConnectSessionLatestAttempt)
}

// Waiter waits for customers to connect. It looks at their sessions until they have.
// Create one Waiter for each API key: StackOne allows a key 1,000 requests a minute, and a
// Waiter uses at most half of them for all its waits together. The package documentation
// says how often it looks at each session.
//
// A Waiter is safe for concurrent use, starts no goroutines and needs no closing.
type Waiter struct {
	client  *client.Client
	options WaiterOptions

	mu     sync.Mutex
	looks  schedule
	events events
}

// NewWaiter returns a Waiter that looks at sessions through c. If c is nil or an option is
// invalid, Wait returns an error.
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

// wait is the state of one call of Wait.
type wait struct {
	token   string
	opts    []client.Option
	wake    chan struct{} // signalled for the wait's turn to look, and for its event
	seen    string        // status and ID of the attempt at the last successful look
	pending bool          // the last successful look found an attempt that has not ended
	failed  error         // error of the last look, nil if it succeeded
	delay   time.Duration // Retry-After of the last look, 0 if it had none
	looks   int           // number of completed looks

	// For schedule, guarded by Waiter.mu:
	priority int
	due      time.Duration
	stop     context.CancelFunc // cancels the current look, nil if there is none

	// For events, guarded by Waiter.mu:
	since           *arrival       // last event before the wait began; nil once the owner is known
	owner, provider string         // of the session
	created         int64          // creation of the session, in seconds since 1970
	event           *webhook.Event // the event that ends the wait, nil if none has arrived
}

// Wait waits until the customer of the session with the token has connected. It returns
// the successful attempt; AccountSecureID is the ID of the connected account. It looks at
// the session with Authenticate, and receives events from [Waiter.Connected].
//
// Wait returns a [*ConnectionError] if the attempt ended without a connection. It
// continues while there is no attempt, while the attempt is pending or has an unknown
// status, and after failures that client.Transient reports as transient. It returns any
// other error of Authenticate immediately, for example when the token has expired.
//
// If ctx is done first, the error matches ctx.Err() with errors.Is, and includes the
// error of the last look if that failed. Customers may never come back, so give ctx a
// deadline: the end of the session's lifetime.
//
// Polling only observes OAuth connections. A connector that asks for an API key creates
// no attempt, so only an event passed to Connected ends the wait. Events that arrived
// before Wait was called are not kept: after a restart, check your own records for
// connections made in the meantime before you wait again.
//
// First looks take precedence over other looks. Only while another look is overdue by more
// than one turn of all waits does every second turn go to a look that is not a first one. A first look that fails is repeated after
// Interval, or after Retry-After if that is longer, with the same precedence up to three
// times. All other looks are first come, first served.
//
// A look is never retried, and it does not affect the client's retry budget. After a 429,
// all looks pause for its Retry-After, or for Interval if it has none, up to an hour, and
// then resume at half the pace. opts apply to each look, except that WithRetryPolicy has
// no effect.
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
		w.looks.add(t, initial, 0)
	})
	defer w.locked(func() {
		w.looks.remove(t)
		w.events.remove(t)
	})
	for look := w.turn(ctx, t); look != nil; look = w.turn(ctx, t) {
		attempt, err := w.look(look, t)
		if attempt != nil || err != nil {
			return attempt, err
		}
		priority := regular
		if t.looks++; t.since != nil && t.looks <= frontRetries { // no event can end it yet
			priority = initial
		}
		w.locked(func() { w.looks.add(t, priority, jittered(max(w.options.Interval, t.delay))) })
	}
	return w.outcome(ctx, t)
}

// turn blocks until it is the wait's turn to look, and returns the context for that
// look, which an event for the wait cancels. It returns nil if ctx is done or an event
// arrives first. All waits receive from the timer of the schedule; whichever gets the
// tick wakes the wait whose turn it is.
func (w *Waiter) turn(ctx context.Context, t *wait) (look context.Context) {
	for {
		select {
		case <-t.wake:
			w.mu.Lock()
			defer w.mu.Unlock()
			if t.event == nil || t.priority == urgent { // an urgent look comes after the event
				look, t.stop = context.WithCancel(ctx)
			}
			return look
		case <-w.looks.timer.C:
			w.locked(w.looks.wakeDue)
		case <-ctx.Done():
			return nil
		}
	}
}

// look requests the session once. It returns the successful attempt, an error that ends
// the wait, or neither.
func (w *Waiter) look(ctx context.Context, t *wait) (*gen.ConnectSessionLatestAttempt, error) {
	defer w.locked(func() { t.stop(); t.stop = nil })
	res, once := client.Response{}, client.RetryPolicy{MaxAttempts: 1}
	session, err := w.client.ConnectSessions.Authenticate(ctx, gen.ConnectSessionAuthenticate{Token: t.token},
		append(slices.Clip(t.opts), client.WithResponse(&res), client.WithRetryPolicy(once))...)
	if err != nil {
		return nil, w.lookFailed(ctx, t, err)
	}
	if t.since != nil {
		w.locked(func() { w.events.register(t, session) })
	}
	t.failed, t.delay = nil, 0
	attempt := session.LatestConnectionAttempt
	w.report(t, attempt)
	dropped := func(member string) bool { return slices.Contains(res.Dropped, "latest_connection_attempt"+member) }
	authenticated := attempt != nil && attempt.Status == gen.AttemptStatusAuthenticated
	switch {
	case dropped(".status"), dropped("") && (attempt == nil || authenticated && attempt.AccountSecureID == ""):
		return nil, &client.ResponseError{ // like Authenticate's own errors
			Operation: "authenticate_connect_session", StatusCode: res.StatusCode, Attempts: res.Attempts,
			RequestID: res.Redact(res.Header.Get("X-Request-Id")), Header: res.Header, Body: res.Body,
			Err: errors.New("latest_connection_attempt has no usable status or account_secure_id"),
		}
	case authenticated:
		return attempt, nil
	case attempt != nil && slices.Contains(unsuccessful, attempt.Status):
		code, description := res.Redact(attempt.OAuthErrorCode), res.Redact(attempt.OAuthErrorDescription)
		return nil, &ConnectionError{attempt.Status, code, description}
	}
	return nil, nil
}

// lookFailed returns err if it ends the wait, and otherwise remembers it. After a 429, it
// holds the looks of all waits.
func (w *Waiter) lookFailed(ctx context.Context, t *wait, err error) error {
	switch {
	case ctx.Err() != nil: // an event has arrived, or the caller's context is done
		return nil
	case !client.Transient(err):
		return err
	}
	t.failed, t.delay = err, 0
	if api := (*client.APIError)(nil); errors.As(err, &api) {
		t.delay = min(api.RetryAfter, time.Hour)
		if api.StatusCode == http.StatusTooManyRequests {
			w.locked(func() { w.looks.hold(cmp.Or(t.delay, w.options.Interval)) })
		}
	}
	return nil
}

// outcome returns the result of a wait after its context is done or its event has arrived.
// If an attempt was pending when the event arrived, one more look may show how the attempt
// ended; otherwise the event decides.
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

// report calls Progress if the ID or status of the attempt has changed since the last look.
func (w *Waiter) report(t *wait, attempt *gen.ConnectSessionLatestAttempt) {
	before := t.seen
	if t.seen, t.pending = "none", attempt != nil; t.pending {
		t.seen = string(attempt.Status) + " " + attempt.ID
	}
	if t.seen != before && w.options.Progress != nil {
		w.options.Progress(t.token, attempt)
	}
}
