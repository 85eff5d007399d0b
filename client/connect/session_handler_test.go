package connect_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
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

func sessionFor(*http.Request) (gen.ConnectSessionCreate, error) { return owner, nil }

// ask sends a request to a handler.
func ask(h http.Handler, method, body string) *http.Response {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(method, "/session", strings.NewReader(body)))
	return rec.Result()
}

func TestSessionHandler(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	h := &connect.SessionHandler{Client: srv.Client(), Session: sessionFor}
	res := ask(h, http.MethodPost, `{"origin_owner_id":"somebody else","origin_owner_name":"x"}`)
	assert.Equal(t, 200, res.StatusCode)
	assert.Equal(t, "application/json", res.Header.Get("Content-Type"))
	assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))

	made := srv.Sessions()[0].Details()
	assert.Equal(t, owner.OriginOwnerID, made.OriginOwnerID, "the owner is the callback's, not the body's")
	var got map[string]string
	require.NoError(t, json.NewDecoder(res.Body).Decode(&got))
	assert.Equal(t, map[string]string{"token": made.Token, "auth_link_url": made.AuthLinkURL}, got)
}

// Why there is no session is in the log, without secrets, and what the callback
// returned is not.
func TestSessionHandlerLogs(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	srv := stackonetest.NewTestServer(t)
	srv.Inject(stackonetest.Fault{Status: 403, Body: []byte(`{"message":"no session for ` + srv.APIKey + `"}`)})
	ask(&connect.SessionHandler{Client: srv.Client(), Session: sessionFor, Logger: logger}, http.MethodPost, "")
	assert.Contains(t, log.String(), `level=WARN msg="stackone session handler" error="stackone: create_connect_session: 403 Forbidden: no session for [redacted] (request id request-1)"`)

	log.Reset()
	ask(&connect.SessionHandler{Client: srv.Client(), Logger: logger, Session: func(*http.Request) (gen.ConnectSessionCreate, error) {
		return owner, errors.New("row 17 of table customers")
	}}, http.MethodPost, "")
	assert.Empty(t, log.String())
}

func TestSessionHandlerProblems(t *testing.T) {
	t.Parallel()
	const inner = "row 17 of table customers"
	failing := func(err error) func(*http.Request) (gen.ConnectSessionCreate, error) {
		return func(*http.Request) (gen.ConnectSessionCreate, error) { return owner, err }
	}
	broken := roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New(inner) })
	tests := map[string]struct {
		method     string
		session    func(*http.Request) (gen.ConnectSessionCreate, error)
		fault      stackonetest.Fault
		opts       []client.Option
		want       int
		retryAfter string
	}{
		"GET":                      {method: http.MethodGet, want: 405},
		"HEAD":                     {method: http.MethodHead, want: 405},
		"PUT":                      {method: http.MethodPut, want: 405},
		"not signed in":            {session: failing(fmt.Errorf("%s: %w", inner, client.ErrUnauthorized)), want: 401},
		"not allowed":              {session: failing(client.ErrForbidden), want: 403},
		"not found elsewhere":      {session: failing(&client.APIError{StatusCode: 404}), want: 404},
		"400 with a Retry-After":   {fault: stackonetest.Fault{Status: 400, RetryAfter: time.Minute}, want: 502},
		"own failure":              {session: failing(errors.New(inner)), want: 500},
		"kind of a server's fault": {session: failing(client.ErrBadGateway), want: 500},
		"empty owner": {
			session: func(*http.Request) (gen.ConnectSessionCreate, error) { return gen.ConnectSessionCreate{}, nil }, want: 500,
		},
		"wrong key":     {opts: []client.Option{client.WithAPIKey("wrong")}, want: 502},
		"400":           {fault: stackonetest.Fault{Status: 400, Body: []byte(`{"message":"` + inner + `"}`)}, want: 502},
		"500":           {fault: stackonetest.Fault{Status: 500}, want: 502},
		"429":           {fault: stackonetest.Fault{Status: 429, RetryAfter: 90 * time.Second}, want: 503, retryAfter: "90"},
		"429, no hint":  {fault: stackonetest.Fault{Status: 429, Times: 3, Header: http.Header{"Retry-After": nil}}, want: 502},
		"of no use":     {fault: stackonetest.Fault{Status: 201, Body: []byte(inner)}, want: 502},
		"no connection": {opts: []client.Option{client.WithHTTPClient(&http.Client{Transport: broken})}, want: 502},
		"time-out": {
			fault: stackonetest.Fault{Delay: time.Hour}, opts: []client.Option{client.WithTimeout(10 * time.Millisecond)}, want: 504,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := stackonetest.NewServer()
			t.Cleanup(srv.Close)
			if tt.fault.Status != 0 || tt.fault.Delay != 0 {
				srv.Inject(tt.fault)
			}
			session, method := tt.session, tt.method
			if session == nil {
				session = sessionFor
			}
			if method == "" {
				method = http.MethodPost
			}
			res := ask(&connect.SessionHandler{
				Client: srv.Client(tt.opts...), Session: session,
				Options: []client.Option{client.WithRetryPolicy(client.RetryPolicy{MinBackoff: 1, MaxBackoff: 1})},
			}, method, "")
			assert.Equal(t, tt.want, res.StatusCode)
			assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
			assert.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
			assert.Equal(t, tt.retryAfter, res.Header.Get("Retry-After"))
			if tt.want == 405 {
				assert.Equal(t, "POST", res.Header.Get("Allow"))
			}
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			assert.JSONEq(t, fmt.Sprintf(`{"type":"about:blank","title":%q,"status":%d}`, http.StatusText(tt.want), tt.want), string(body))
		})
	}
	srv := stackonetest.NewTestServer(t)
	for name, h := range map[string]http.Handler{
		"nil client":   &connect.SessionHandler{Session: sessionFor},
		"nil callback": &connect.SessionHandler{Client: srv.Client()},
		"zero client":  &connect.SessionHandler{Client: &client.Client{}, Session: sessionFor},
	} {
		assert.Equal(t, 500, ask(h, http.MethodPost, "").StatusCode, name)
	}
}

// serve runs a server of the handler in a bubble, and returns a function that sends it
// a request.
func serve(t *testing.T, server *http.Server) func(context.Context) (*http.Response, error) {
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
func (l pipeListener) Close() error   { close(l.closed); return nil }
func (l pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// inBubble runs a test of a SessionHandler in virtual time, on a server with a
// WriteTimeout of 30 s.
func inBubble(t *testing.T, test func(t *testing.T, srv *stackonetest.Server, h *connect.SessionHandler, ask func(context.Context) (*http.Response, error))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
		h := &connect.SessionHandler{Client: srv.Client(), Session: sessionFor}
		test(t, srv, h, serve(t, &http.Server{Handler: h, WriteTimeout: 30 * time.Second}))
	})
}

func TestSessionHandlerTimeout(t *testing.T) {
	t.Parallel()
	slowly := func(ctx context.Context, d time.Duration) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for name, tt := range map[string]struct {
		session, service, created time.Duration // what each takes
		fault                     stackonetest.Fault
		timeout                   time.Duration
		want                      int
		after                     time.Duration
	}{
		"a silent service":               {service: time.Hour, want: 504, after: 20 * time.Second},
		"another time-out":               {service: time.Hour, timeout: 3 * time.Second, want: 504, after: 3 * time.Second},
		"none":                           {service: 25 * time.Second, timeout: -1, want: 200, after: 25 * time.Second},
		"all in time":                    {session: 6 * time.Second, service: 6 * time.Second, created: 6 * time.Second, want: 200, after: 18 * time.Second},
		"Session takes part of the time": {session: 15 * time.Second, service: 10 * time.Second, want: 504, after: 20 * time.Second},
		"Session takes too long":         {session: time.Hour, want: 500, after: 20 * time.Second},
		"Created takes too long":         {service: 10 * time.Second, created: 15 * time.Second, want: 500, after: 20 * time.Second},
		"a long Retry-After":             {fault: stackonetest.Fault{Status: 429, RetryAfter: 59 * time.Second}, want: 503},
		"a short Retry-After":            {fault: stackonetest.Fault{Status: 429, RetryAfter: 5 * time.Second}, want: 200, after: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, srv *stackonetest.Server, h *connect.SessionHandler, ask func(context.Context) (*http.Response, error)) {
				h.Timeout = tt.timeout
				h.Session = func(r *http.Request) (gen.ConnectSessionCreate, error) { return owner, slowly(r.Context(), tt.session) }
				h.Created = func(ctx context.Context, _ *http.Request, _ *gen.ConnectSessionTokenAuthLink) error {
					return slowly(ctx, tt.created)
				}
				if tt.fault.Delay = tt.service; tt.fault.Delay > 0 || tt.fault.Status > 0 {
					if tt.session < time.Minute { // or nothing is sent
						srv.Inject(tt.fault)
					}
				}
				begun := time.Now()
				res, err := ask(t.Context())
				require.NoError(t, err, "the browser has an answer")
				assert.Equal(t, tt.want, res.StatusCode)
				assert.InDelta(t, tt.after.Seconds(), time.Since(begun).Seconds(), 0.6)
			})
		})
	}
}

// A Retry-After as a date is handed on in whole seconds, rounded up.
func TestSessionHandlerRetryAfterDate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		date := time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)
		time.Sleep(300 * time.Millisecond)
		c, err := client.New(client.WithAPIKey("key"), client.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {date}}, Body: http.NoBody}, nil
		})}))
		require.NoError(t, err)
		res := ask(&connect.SessionHandler{Client: c, Session: sessionFor}, http.MethodPost, "")
		assert.Equal(t, 503, res.StatusCode)
		assert.Equal(t, "90", res.Header.Get("Retry-After"))
	})
}

func TestSessionHandlerCreated(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"": nil, "a plain error": errors.New("row 17 of table sessions"), "a kind of client error": client.ErrForbidden,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := stackonetest.NewTestServer(t)
			var log strings.Builder
			var handed *gen.ConnectSessionTokenAuthLink
			h := &connect.SessionHandler{
				Client: srv.Client(), Session: sessionFor, Logger: slog.New(slog.NewTextHandler(&log, nil)),
				Created: func(ctx context.Context, r *http.Request, link *gen.ConnectSessionTokenAuthLink) error {
					assert.Equal(t, ctx, r.Context())
					assert.Equal(t, "/session", r.URL.Path)
					handed = link
					return failure
				},
			}
			res := ask(h, http.MethodPost, "")
			require.Len(t, srv.Sessions(), 1)
			made := srv.Sessions()[0].Details()
			require.NotNil(t, handed)
			assert.Equal(t, made.Token, handed.Token)
			assert.Equal(t, made.AuthLinkURL, handed.AuthLinkURL)
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			assert.Equal(t, failure == nil, strings.Contains(string(body), made.Token))
			assert.NotContains(t, string(body), "row 17")
			assert.Empty(t, log.String())
			if failure != nil {
				assert.Equal(t, 500, res.StatusCode)
			} else {
				assert.Equal(t, 200, res.StatusCode)
			}
		})
	}
}

// A session that may exist already is created again, unless Options say otherwise.
func TestSessionHandlerRepeats(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opts           []client.Option
		want, requests int
	}{
		"by default":               {nil, 200, 2},
		"with other options":       {[]client.Option{client.WithTimeout(time.Second)}, 200, 2},
		"with a policy of its own": {[]client.Option{client.WithRetryPolicy(client.RetryPolicy{})}, 502, 1},
	} {
		for fault, f := range map[string]stackonetest.Fault{
			"502": {Status: 502}, "reset": {Reset: stackonetest.ResetAfterReading},
		} {
			t.Run(name+" after "+fault, func(t *testing.T) {
				t.Parallel()
				inBubble(t, func(t *testing.T, srv *stackonetest.Server, h *connect.SessionHandler, ask func(context.Context) (*http.Response, error)) {
					srv.Inject(f)
					h.Options = tt.opts
					res, err := ask(t.Context())
					require.NoError(t, err)
					assert.Equal(t, tt.want, res.StatusCode)
					assert.Len(t, srv.Requests(), tt.requests)
				})
			})
		}
	}
}

func TestSessionHandlerBrowserLeaves(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, srv *stackonetest.Server, h *connect.SessionHandler, ask func(context.Context) (*http.Response, error)) {
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
		_, err := ask(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		assert.Equal(t, 5*time.Second, ended)
	})
}

// A panic is net/http's to recover from: the browser gets no answer, and the next
// request does.
func TestSessionHandlerPanics(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"Session", "Created"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, _ *stackonetest.Server, h *connect.SessionHandler, ask func(context.Context) (*http.Response, error)) {
				panics := where
				h.Session = func(*http.Request) (gen.ConnectSessionCreate, error) {
					if panics == "Session" {
						panic("a mistake")
					}
					return owner, nil
				}
				h.Created = func(context.Context, *http.Request, *gen.ConnectSessionTokenAuthLink) error {
					if panics == "Created" {
						panic("a mistake")
					}
					return nil
				}
				_, err := ask(t.Context())
				require.ErrorIs(t, err, io.EOF)
				panics = ""
				res, err := ask(t.Context())
				require.NoError(t, err)
				assert.Equal(t, 200, res.StatusCode)
			})
		})
	}
}
