package client_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/StackOneHQ/stackone-client-go/client"
)

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere.Add(1)
		answer(201, link)(w, r)
	}))
	t.Cleanup(target.Close)
	port := target.Listener.Addr().(*net.TCPAddr).Port
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	follow := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	usual := &http.Client{Transport: transport}
	for location, to := range map[string]string{
		"another port":       target.URL + "/connect_sessions",
		"another host":       fmt.Sprintf("http://localhost:%d/connect_sessions", port),
		"the same path":      "",
		"no Location":        "absent",
		"invalid URL":        "http://[::1",
		"invalid escape":     "http://host/%zz",
		"another scheme":     "ftp://127.0.0.1/",
		"URL with user info": "http://user:hunter2@127.0.0.1/",
	} {
		for _, status := range []int{300, 301, 302, 303, 307, 308} {
			for operation := range operations {
				t.Run(fmt.Sprintf("%s/%d/%s", location, status, operation), func(t *testing.T) {
					t.Parallel()
					var seen atomic.Int32
					server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						seen.Add(1)
						if to != "absent" {
							w.Header()["Location"] = []string{to}
						}
						w.WriteHeader(status)
					}))
					t.Cleanup(server.Close)
					for _, opt := range []client.Option{client.WithUserAgent("x"), client.WithHTTPClient(follow), client.WithHTTPClient(usual)} {
						all(failsWithStatus(status, 1), says("redirects are not followed"))(t, call(t.Context(), t, operation, at(t, server.URL, opt)))
					}
					assert.Equal(t, int32(3), seen.Load(), "requests")
				})
			}
		}
	}
	t.Run("http on the same host", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewTLSServer(http.RedirectHandler(target.URL+"/connect_sessions", http.StatusTemporaryRedirect))
		t.Cleanup(server.Close)
		for operation := range operations {
			failsWithStatus(307, 1)(t, call(t.Context(), t, operation, at(t, server.URL, trusting(t, server))))
		}
	})
	t.Cleanup(func() { assert.Zero(t, elsewhere.Load(), "requests to the target") })
}
