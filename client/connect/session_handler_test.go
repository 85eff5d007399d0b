package connect_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))

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
	assert.Contains(t, log.String(), `level=WARN msg="stackone session handler" error="stackone: create_connect_session: 403 Forbidden: no session for [redacted]"`)

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
		"429, no hint":  {fault: stackonetest.Fault{Status: 429, Times: 3}, want: 502},
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
