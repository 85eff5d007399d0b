package roundtrippers_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// fate is what happens to a request.
type fate string

const (
	answered fate = "success"
	refused  fate = "connection refused"
	lost     fate = "connection lost after processing"
	cut      fate = "response cut"
	limited  fate = "429"
	failed   fate = "503 after processing"
)

// service replaces StackOne and counts the sessions that it creates.
type service struct {
	fate     fate
	sessions atomic.Int32
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const session = `{"id":1,"organization_id":"o","project_id":"p","origin_owner_id":"a","origin_owner_name":"A",` +
		`"created_at":"2026-01-02T03:04:05.000Z","token":"t","auth_link_url":"https://hub.example/t"}`
	if body, err := io.ReadAll(r.Body); err != nil || len(body) == 0 {
		panic(http.ErrAbortHandler)
	}
	if s.fate == limited {
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	s.sessions.Add(1)
	switch s.fate {
	case lost:
		panic(http.ErrAbortHandler)
	case failed:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case cut:
		w.Header().Set("Content-Length", "1000")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, session)
}

// start starts the service, and returns its base URL.
func (s *service) start(t *testing.T) string {
	t.Helper()
	if s.fate == refused {
		return "http://" + closedAddress
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}

// closedAddress refuses connections, because nothing listens on the port tcpmux.
const closedAddress = "127.0.0.1:1"

// outcome makes a call, and returns what the service did and what the caller was told.
func (s *service) outcome(t *testing.T, base string, transport http.RoundTripper) string {
	t.Helper()
	c, err := client.New(client.WithAPIKey("v1.eu1.key"), client.WithBaseURL(base),
		client.WithHTTPClient(&http.Client{Transport: transport}),
		client.WithRetryPolicy(client.RetryPolicy{MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond}))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var last client.Response
	_, err = c.ConnectSessions.Create(ctx, gen.ConnectSessionCreate{OriginOwnerID: "a", OriginOwnerName: "A"}, client.WithResponse(&last))
	told := "created"
	switch {
	case client.MaybeCreated(err):
		told = "maybe created"
	case err != nil:
		told = "not created"
	}
	t.Logf("error: %v", err)
	return fmt.Sprintf("%d sessions, %d attempts, told %s", s.sessions.Load(), last.Attempts, told)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// newTransport returns a transport whose idle connections are closed after the test.
func newTransport(t *testing.T) *http.Transport {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}
