package connect_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// serve runs a server in virtual time, and returns a function that sends it a request.
func serve(t *testing.T, server *http.Server) postFunc {
	t.Helper()
	conns := make(chan net.Conn)
	listener := pipeListener{conns, make(chan struct{})}
	server.ErrorLog = log.New(io.Discard, "", 0)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	browser := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		conns <- there
		return here, nil
	}}}
	t.Cleanup(func() {
		browser.CloseIdleConnections()
		assert.NoError(t, server.Close())
		assert.ErrorIs(t, <-done, http.ErrServerClosed)
	})
	return func(ctx context.Context) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://backend/session", nil)
		require.NoError(t, err)
		res, err := browser.Do(r)
		if err == nil {
			t.Cleanup(func() { res.Body.Close() })
		}
		return res, err
	}
}

type postFunc func(context.Context) (*http.Response, error)

// pipeListener accepts connections from a channel.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l pipeListener) Close() error { close(l.closed); return nil }

func (l pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// testHandler runs a test of a SessionHandler in virtual time, on a server with a
// WriteTimeout of 30 s. post sends it a request.
func testHandler(t *testing.T, test func(t *testing.T, srv *stackonetest.Server, h *connect.SessionHandler, post postFunc)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
		h := &connect.SessionHandler{Client: srv.Client(), Session: sessionFor}
		test(t, srv, h, serve(t, &http.Server{Handler: h, WriteTimeout: 30 * time.Second}))
	})
}

func TestSessionHandlerTimeout(t *testing.T) {
	t.Parallel()
	sleep := func(ctx context.Context, d time.Duration) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for name, tt := range map[string]struct {
		session, service, created time.Duration // how long each takes
		fault                     stackonetest.Fault
		timeout                   time.Duration
		want                      int
		after                     time.Duration
	}{
		"no response":                    {service: time.Hour, want: 504, after: 20 * time.Second},
		"another Timeout":                {service: time.Hour, timeout: 3 * time.Second, want: 504, after: 3 * time.Second},
		"no Timeout":                     {service: 25 * time.Second, timeout: -1, want: 200, after: 25 * time.Second},
		"all three in time":              {session: 6 * time.Second, service: 6 * time.Second, created: 6 * time.Second, want: 200, after: 18 * time.Second},
		"Session takes part of the time": {session: 15 * time.Second, service: 10 * time.Second, want: 504, after: 20 * time.Second},
		"Session takes too long":         {session: time.Hour, want: 500, after: 20 * time.Second},
		"Created takes too long":         {service: 10 * time.Second, created: 15 * time.Second, want: 500, after: 20 * time.Second},
		"a long Retry-After":             {fault: stackonetest.Fault{Status: 429, RetryAfter: 59 * time.Second}, want: 503},
		"a short Retry-After":            {fault: stackonetest.Fault{Status: 429, RetryAfter: 5 * time.Second}, want: 200, after: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testHandler(t, func(t *testing.T, srv *stackonetest.Server, h *connect.SessionHandler, post postFunc) {
				h.Timeout = tt.timeout
				h.Session = func(r *http.Request) (gen.ConnectSessionCreate, error) { return owner, sleep(r.Context(), tt.session) }
				h.Created = func(ctx context.Context, _ *http.Request, _ *gen.ConnectSessionTokenAuthLink) error {
					return sleep(ctx, tt.created)
				}
				if tt.fault.Delay = tt.service; tt.fault.Delay > 0 || tt.fault.Status > 0 {
					if tt.session < time.Minute { // otherwise nothing is sent
						srv.Inject(tt.fault)
					}
				}
				begun := time.Now()
				res, err := post(t.Context())
				require.NoError(t, err, "the browser gets a response")
				assert.Equal(t, tt.want, res.StatusCode)
				assert.InDelta(t, tt.after.Seconds(), time.Since(begun).Seconds(), 0.6)
			})
		})
	}
}

// The handler creates another session if one may exist, unless Options say otherwise.
func TestSessionHandlerRetriesAmbiguousFailures(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opts           []client.Option
		want, requests int
	}{
		"default":         {nil, 200, 2},
		"other options":   {[]client.Option{client.WithTimeout(time.Second)}, 200, 2},
		"WithRetryPolicy": {[]client.Option{client.WithRetryPolicy(client.RetryPolicy{})}, 502, 1},
	} {
		for fault, f := range map[string]stackonetest.Fault{
			"502": {Status: 502}, "reset": {Reset: stackonetest.ResetAfterReading},
		} {
			t.Run(name+" after "+fault, func(t *testing.T) {
				t.Parallel()
				testHandler(t, func(t *testing.T, srv *stackonetest.Server, h *connect.SessionHandler, post postFunc) {
					srv.Inject(f)
					h.Options = tt.opts
					res, err := post(t.Context())
					require.NoError(t, err)
					assert.Equal(t, tt.want, res.StatusCode)
					assert.Len(t, srv.Requests(), tt.requests)
				})
			})
		}
	}
}

func TestSessionHandlerBrowserDisconnects(t *testing.T) {
	t.Parallel()
	testHandler(t, func(t *testing.T, srv *stackonetest.Server, h *connect.SessionHandler, post postFunc) {
		srv.Inject(stackonetest.Fault{Delay: time.Hour})
		var ended time.Duration
		begun := time.Now()
		h.Session = func(r *http.Request) (gen.ConnectSessionCreate, error) {
			context.AfterFunc(r.Context(), func() { ended = time.Since(begun) })
			return owner, nil
		}
		h.Created = func(context.Context, *http.Request, *gen.ConnectSessionTokenAuthLink) error {
			t.Error("Created was called")
			return nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := post(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		assert.Equal(t, 5*time.Second, ended)
	})
}

// net/http recovers from a panic of a callback: the browser gets no response, and the
// next request succeeds.
func TestSessionHandlerPanics(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"Session", "Created"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			testHandler(t, func(t *testing.T, _ *stackonetest.Server, h *connect.SessionHandler, post postFunc) {
				panicking := where
				h.Session = func(*http.Request) (gen.ConnectSessionCreate, error) {
					if panicking == "Session" {
						panic("bug")
					}
					return owner, nil
				}
				h.Created = func(context.Context, *http.Request, *gen.ConnectSessionTokenAuthLink) error {
					if panicking == "Created" {
						panic("bug")
					}
					return nil
				}
				_, err := post(t.Context())
				require.ErrorIs(t, err, io.EOF)
				panicking = ""
				res, err := post(t.Context())
				require.NoError(t, err)
				assert.Equal(t, 200, res.StatusCode)
			})
		})
	}
}
