package connect_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

// send calls a handler and returns its response.
func send(h http.Handler, method, body string) *http.Response {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(method, "/session", strings.NewReader(body)))
	return rec.Result()
}

func TestSessionHandler(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	h := &connect.SessionHandler{Client: srv.Client(), Session: sessionFor}
	res := send(h, http.MethodPost, `{"origin_owner_id":"somebody else","origin_owner_name":"x"}`)
	assert.Equal(t, 200, res.StatusCode)
	assert.Equal(t, "application/json", res.Header.Get("Content-Type"))
	assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))

	created := srv.Sessions()[0].Details()
	assert.Equal(t, owner.OriginOwnerID, created.OriginOwnerID, "the owner comes from the callback, not from the body")
	var got map[string]string
	require.NoError(t, json.NewDecoder(res.Body).Decode(&got))
	assert.Equal(t, map[string]string{"token": created.Token, "auth_link_url": created.AuthLinkURL}, got)
}

// The reason why no session could be created is logged without secrets. An error of the
// callback is not logged.
func TestSessionHandlerLogs(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	srv := stackonetest.NewTestServer(t)
	srv.Inject(stackonetest.Fault{Status: 403, Body: []byte(`{"message":"no session for ` + srv.APIKey + `"}`)})
	send(&connect.SessionHandler{Client: srv.Client(), Session: sessionFor, Logger: logger}, http.MethodPost, "")
	assert.Contains(t, log.String(), `level=WARN msg="stackone session handler" `+
		`error="stackone: create_connect_session: 403 Forbidden: no session for [redacted] (request ID request-1)"`)

	log.Reset()
	send(&connect.SessionHandler{Client: srv.Client(), Logger: logger, Session: func(*http.Request) (gen.ConnectSessionCreate, error) {
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
		"APIError of another call": {session: failing(&client.APIError{StatusCode: 404}), want: 404},
		"400 with a Retry-After":   {fault: stackonetest.Fault{Status: 400, RetryAfter: time.Minute}, want: 502},
		"other error of Session":   {session: failing(errors.New(inner)), want: 500},
		"5xx error kind":           {session: failing(client.ErrBadGateway), want: 500},
		"empty owner": {
			session: func(*http.Request) (gen.ConnectSessionCreate, error) { return gen.ConnectSessionCreate{}, nil }, want: 500,
		},
		"wrong key":                 {opts: []client.Option{client.WithAPIKey("wrong")}, want: 502},
		"400":                       {fault: stackonetest.Fault{Status: 400, Body: []byte(`{"message":"` + inner + `"}`)}, want: 502},
		"500":                       {fault: stackonetest.Fault{Status: 500}, want: 502},
		"429":                       {fault: stackonetest.Fault{Status: 429, RetryAfter: 90 * time.Second}, want: 503, retryAfter: "90"},
		"429 without a Retry-After": {fault: stackonetest.Fault{Status: 429, Times: 3, Header: http.Header{"Retry-After": nil}}, want: 502},
		"unusable body":             {fault: stackonetest.Fault{Status: 201, Body: []byte(inner)}, want: 502},
		"no connection":             {opts: []client.Option{client.WithHTTPClient(&http.Client{Transport: broken})}, want: 502},
		"timeout of the attempt": {
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
			res := send(&connect.SessionHandler{
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
		assert.Equal(t, 500, send(h, http.MethodPost, "").StatusCode, name)
	}
}

// A Retry-After with a date is passed on in whole seconds, rounded up.
func TestSessionHandlerRetryAfterDate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		date := time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)
		time.Sleep(300 * time.Millisecond)
		c := newClient(t, roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {date}}, Body: http.NoBody}, nil
		}))
		res := send(&connect.SessionHandler{Client: c, Session: sessionFor}, http.MethodPost, "")
		assert.Equal(t, 503, res.StatusCode)
		assert.Equal(t, "90", res.Header.Get("Retry-After"))
	})
}

func TestSessionHandlerCreated(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"no error": nil, "a plain error": errors.New("row 17 of table sessions"), "an error of package client": client.ErrForbidden,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := stackonetest.NewTestServer(t)
			var log strings.Builder
			var received *gen.ConnectSessionTokenAuthLink
			h := &connect.SessionHandler{
				Client: srv.Client(), Session: sessionFor, Logger: slog.New(slog.NewTextHandler(&log, nil)),
				Created: func(ctx context.Context, r *http.Request, link *gen.ConnectSessionTokenAuthLink) error {
					assert.Equal(t, ctx, r.Context())
					assert.Equal(t, "/session", r.URL.Path)
					received = link
					return failure
				},
			}
			res := send(h, http.MethodPost, "")
			require.Len(t, srv.Sessions(), 1)
			created := srv.Sessions()[0].Details()
			require.NotNil(t, received)
			assert.Equal(t, created.Token, received.Token)
			assert.Equal(t, created.AuthLinkURL, received.AuthLinkURL)
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			assert.Equal(t, failure == nil, strings.Contains(string(body), created.Token))
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
