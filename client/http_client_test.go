package client_test

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// The client uses only Transport and Timeout of the caller's http.Client, and changes
// nothing in it.
func TestCallerHTTPClientIsNotChanged(t *testing.T) {
	t.Parallel()
	var cookies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookies = append(cookies, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		answer(201, link)(w, r)
	}))
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	redirected := false
	hc := &http.Client{
		Transport: transport, Timeout: time.Minute, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { redirected = true; return nil },
	}
	before := *hc
	c := at(t, server.URL, client.WithHTTPClient(hc))
	for range 2 {
		succeeds(1)(t, call(t.Context(), t, opCreate, c))
	}
	for i := range reflect.TypeFor[http.Client]().NumField() {
		field := reflect.TypeFor[http.Client]().Field(i)
		was, is := reflect.ValueOf(before).Field(i), reflect.ValueOf(*hc).Field(i)
		if field.Type.Kind() == reflect.Func {
			assert.Equal(t, was.Pointer(), is.Pointer(), field.Name)
			continue
		}
		assert.Equal(t, was.Interface(), is.Interface(), field.Name)
	}
	assert.Same(t, transport, hc.Transport)
	assert.False(t, redirected)
	assert.Equal(t, []string{"", ""}, cookies)

	hc.Transport, hc.Timeout = fake(responds(500, "{}")), 1
	succeeds(1)(t, call(t.Context(), t, opCreate, c)) // later changes have no effect
}

func TestHTTPClientTimeout(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	c := serveUnvalidated(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	t.Cleanup(func() { close(release) })
	var transport *client.TransportError
	err := create(c, client.WithHTTPClient(&http.Client{Timeout: 20 * time.Millisecond}))
	require.ErrorAs(t, err, &transport)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "timeout of 20ms")
}

// The shorter of WithTimeout and the Timeout of the caller's http.Client applies.
func TestShorterTimeoutApplies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ option, http, want time.Duration }{
		"WithTimeout(0)":              {0, time.Second, time.Second},
		"WithTimeout is longer":       {2 * time.Second, time.Second, time.Second},
		"WithTimeout is shorter":      {time.Second, 2 * time.Second, time.Second},
		"http.Client without Timeout": {time.Second, 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, client.WithTimeout(tt.option), client.WithHTTPClient(&http.Client{Transport: fake(hangs), Timeout: tt.http}))
				r := call(t.Context(), t, opCreate, c)
				maybeSent(1)(t, r)
				assert.Equal(t, tt.want, r.took)
			})
		})
	}
}
