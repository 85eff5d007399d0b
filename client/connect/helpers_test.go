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

// fixture is a Waiter with a fake StackOne, and a customer's session to wait for.
type fixture struct {
	t       *testing.T
	srv     *stackonetest.Server
	client  *client.Client
	waiter  *connect.Waiter
	session *stackonetest.Session
	token   string
	seen    []string // statuses of the session that Progress received

	mu   sync.Mutex
	sent []look
}

// look is one look at a session.
type look struct {
	at    time.Time
	token string
}

// testWaiter runs a test of a Waiter in virtual time.
func testWaiter(t *testing.T, test func(t *testing.T, w *fixture)) {
	t.Helper()
	testWaiterWith(t, connect.WaiterOptions{}, test)
}

func testWaiterWith(t *testing.T, options connect.WaiterOptions, test func(t *testing.T, w *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &fixture{t: t, srv: stackonetest.NewTestServer(t, stackonetest.InMemory())}
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

// RoundTrip records looks and forwards requests to the fake.
func (w *fixture) RoundTrip(r *http.Request) (*http.Response, error) {
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

func (w *fixture) lookCount() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sent)
}

// looks returns the looks sent so far.
func (w *fixture) looks() []look {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

// lookTimes returns the times of the looks at a session, relative to since.
func (w *fixture) lookTimes(since time.Time, token string) (times []time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.sent {
		if l.token == token && !l.at.Before(since) {
			times = append(times, l.at.Sub(since))
		}
	}
	return times
}

func (w *fixture) create(request gen.ConnectSessionCreate) *stackonetest.Session {
	w.t.Helper()
	link, err := w.client.ConnectSessions.Create(w.t.Context(), request)
	require.NoError(w.t, err)
	return w.srv.Session(link.Token)
}

// result is what a call of Wait returned, and when.
type result struct {
	attempt *gen.ConnectSessionLatestAttempt
	err     error
	at      time.Time
}

// start calls Wait in a goroutine, and returns a function that returns its result, or
// nil while Wait is running.
func (w *fixture) start(ctx context.Context, token string, opts ...client.Option) func() *result {
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

// startMany starts n waits for new sessions, in the order of the returned tokens.
func (w *fixture) startMany(ctx context.Context, n int) (tokens []string) {
	w.t.Helper()
	request := owner
	request.ExpiresIn = 24 * 60 * 60
	for range n {
		token := w.create(request).Details().Token
		tokens = append(tokens, token)
		w.start(ctx, token)
		synctest.Wait()
	}
	return tokens
}

// connected returns the event of an account that the owner has just connected.
func connected(account string) webhook.Event {
	return webhook.Event{
		Type: webhook.AccountCreated, OriginOwnerID: owner.OriginOwnerID, AccountID: account,
		Provider: "bamboohr", EventDate: time.Now(),
	}
}

// after calls the functions one after another once d has passed.
func after(t *testing.T, d time.Duration, acts ...func() error) {
	t.Helper()
	time.AfterFunc(d, func() {
		for _, act := range acts {
			assert.NoError(t, act())
		}
	})
}

// newClient returns a client that sends through a transport.
func newClient(t *testing.T, transport http.RoundTripper) *client.Client {
	t.Helper()
	c, err := client.New(client.WithAPIKey("key"), client.WithHTTPClient(&http.Client{Transport: transport}))
	require.NoError(t, err)
	return c
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

// respondWith returns a RoundTripper that responds to each request with 201 and a body.
func respondWith(body string) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: http.StatusCreated, Header: http.Header{"X-Request-Id": {"request-1"}}, Body: bodyOf(body), Request: r,
		}, nil
	}
}
