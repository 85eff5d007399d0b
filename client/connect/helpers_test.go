package connect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

var owner = gen.ConnectSessionCreate{OriginOwnerID: "customer-1", OriginOwnerName: "Customer One"}

// waiting is a Waiter in virtual time, and a customer's session to wait for.
type waiting struct {
	t       *testing.T
	srv     *stackonetest.Server
	client  *client.Client
	waiter  *connect.Waiter
	session *stackonetest.Session
	token   string
	seen    []string // what the progress function saw of the session

	mu   sync.Mutex
	sent []look
}

// look is a look at a session that was sent.
type look struct {
	at    time.Time
	token string
}

// wait runs a test of a Waiter in a bubble.
func wait(t *testing.T, test func(t *testing.T, w *waiting)) {
	t.Helper()
	waitWith(t, connect.WaiterOptions{}, test)
}

func waitWith(t *testing.T, options connect.WaiterOptions, test func(t *testing.T, w *waiting)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &waiting{t: t, srv: stackonetest.NewTestServer(t, stackonetest.InMemory())}
		w.client = w.srv.Client(client.WithHTTPClient(&http.Client{Transport: w}))
		w.session = w.create(owner)
		w.token = w.session.Details().Token
		options.Progress = func(token string, a *gen.ConnectSessionLatestAttempt) {
			w.mu.Lock()
			defer w.mu.Unlock()
			switch {
			case token != w.token:
			case a == nil:
				w.seen = append(w.seen, "none")
			default:
				w.seen = append(w.seen, string(a.Status))
			}
		}
		w.waiter = connect.NewWaiter(w.client, options)
		test(t, w)
	})
}

// RoundTrip remembers the looks that pass through it.
func (w *waiting) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/authenticate") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		var sent gen.ConnectSessionAuthenticate
		if err := json.Unmarshal(body, &sent); err != nil {
			return nil, err
		}
		w.mu.Lock()
		w.sent = append(w.sent, look{time.Now(), sent.Token})
		w.mu.Unlock()
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return w.srv.HTTPClient().Transport.RoundTrip(r)
}

func (w *waiting) polls() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sent)
}

// looks returns those that were sent.
func (w *waiting) looks() []look {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

// lookTimes returns when the session was looked at, since a time.
func (w *waiting) lookTimes(since time.Time, token string) (times []time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.sent {
		if l.token == token && !l.at.Before(since) {
			times = append(times, l.at.Sub(since))
		}
	}
	return times
}

func (w *waiting) create(request gen.ConnectSessionCreate) *stackonetest.Session {
	w.t.Helper()
	link, err := w.client.ConnectSessions.Create(w.t.Context(), request)
	require.NoError(w.t, err)
	return w.srv.Session(link.Token)
}

// result is what a call of Wait has returned, and when.
type result struct {
	attempt *gen.ConnectSessionLatestAttempt
	err     error
	at      time.Time
}

// start calls Wait in a goroutine, and returns a function that reports its result, or
// nil while there is none.
func (w *waiting) start(ctx context.Context, token string, opts ...client.Option) func() *result {
	done := make(chan *result, 1)
	go func() {
		attempt, err := w.waiter.Wait(ctx, token, opts...)
		done <- &result{attempt, err, time.Now()}
	}()
	var got *result
	return func() *result {
		synctest.Wait()
		select {
		case got = <-done:
		default:
		}
		return got
	}
}

// crowd starts waits for further sessions, in the order of the returned tokens.
func (w *waiting) crowd(ctx context.Context, n int) (tokens []string) {
	w.t.Helper()
	lasting := owner
	lasting.ExpiresIn = 24 * 60 * 60
	for range n {
		token := w.create(lasting).Details().Token
		tokens = append(tokens, token)
		w.start(ctx, token)
		synctest.Wait()
	}
	return tokens
}

// connected is the event of an account that the owner has connected now.
func connected(account string) webhook.Event {
	return webhook.Event{
		Type: webhook.AccountCreated, OriginOwnerID: owner.OriginOwnerID, AccountID: account, Provider: "bamboohr", EventDate: time.Now(),
	}
}

// soon lets the customer act when the time has come.
func soon(t *testing.T, d time.Duration, acts ...func() error) {
	t.Helper()
	time.AfterFunc(d, func() {
		for _, act := range acts {
			assert.NoError(t, act())
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func requireAPIError(t *testing.T, err error, operation string, status int) {
	t.Helper()
	var api *client.APIError
	require.ErrorAs(t, err, &api)
	assert.Equal(t, operation, api.Operation)
	assert.Equal(t, status, api.StatusCode)
}

func bodyOf(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }
