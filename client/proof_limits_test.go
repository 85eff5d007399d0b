package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// Where the proof that nothing was sent begins and ends.

// A RoundTripper may read the body, and then fail to make a connection of another kind.
func TestRoundTripperReadsBodyBeforeProxyFails(t *testing.T) {
	t.Parallel()
	refuses, _ := listen(t, func(conn net.Conn) { // the connection of a SOCKS client (RFC 1928)
		_, _ = io.ReadFull(conn, make([]byte, 3)) // a greeting with one method
		_, _ = conn.Write([]byte{5, 0})
		_, _ = conn.Read(make([]byte, 256))
		_, _ = conn.Write([]byte{5, 2, 0, 1, 0, 0, 0, 0, 0, 0}) // not allowed by the ruleset
	})
	for name, tt := range map[string]struct {
		proxy    string
		attempts int
	}{
		"HTTP proxy that is down":          {"http://" + deadAddress, 3},
		"SOCKS proxy that is down":         {"socks5://" + deadAddress, 3},
		"SOCKS proxy that does not let in": {"socks5://" + refuses, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, err := url.Parse(tt.proxy)
			require.NoError(t, err)
			transport := client.NewTransport()
			transport.Proxy = http.ProxyURL(proxy)
			dumps := roundTripper(func(r *http.Request) (*http.Response, error) {
				if _, err := httputil.DumpRequestOut(r, true); err != nil {
					return nil, err
				}
				return transport.RoundTrip(r)
			})
			c := at(t, "https://api.example", client.WithHTTPClient(&http.Client{Transport: dumps}))
			neverSent(tt.attempts)(t, call(t.Context(), t, opCreate, c))
		})
	}
}

func TestAttemptEndsWhileRoundTripperConnects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			time.Sleep(100 * time.Second) // in virtual time; net/http does not cancel it
			return nil, errRefused
		}}
		dumps := roundTripper(func(r *http.Request) (*http.Response, error) {
			if _, err := httputil.DumpRequestOut(r, true); err != nil {
				return nil, err
			}
			return inner.RoundTrip(r)
		})
		neverSent(3)(t, call(t.Context(), t, opCreate, through(t, dumps, client.WithTimeout(time.Second))))
		time.Sleep(2 * time.Minute) // until the diallers have returned
	})
}

// RoundTrippers that fail in a way that proves nothing.
func TestRoundTripperMayHaveSent(t *testing.T) {
	t.Parallel()
	transport, base := refusing(t)
	holds, _ := listen(t, hold)
	reading := func(then func(*http.Request) error) roundTripper {
		return func(r *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, r.Body)
			return nil, then(r)
		}
	}
	for name, rt := range map[string]roundTripper{
		"no connection for a token, then another way": reading(func(r *http.Request) error {
			request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://"+deadAddress, nil)
			if err == nil {
				_, err = transport.RoundTrip(request)
			}
			assert.ErrorIs(t, err, syscall.ECONNREFUSED)
			return errors.New("lost")
		}),
		"a connection without an address, and another way": reading(func(r *http.Request) error {
			trace := httptrace.ContextClientTrace(r.Context())
			trace.GetConn("api.example:443")
			trace.GotConn(httptrace.GotConnInfo{})
			return errRefused
		}),
		"a connection that never answers": func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			r = r.Clone(r.Context())
			r.Body, r.URL.Host = io.NopCloser(bytes.NewReader(body)), holds
			return transport.RoundTrip(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := through(t, rt, base, client.WithTimeout(200*time.Millisecond))
			maybeSent(1)(t, call(t.Context(), t, opCreate, c))
		})
	}
}

// Without a body there is nothing that could be found unread.
func TestRequestWithoutBodyMayHaveBeenSent(t *testing.T) {
	t.Parallel()
	lost := roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("lost") })
	registered := new(http.Transport)
	registered.RegisterProtocol("https", lost)
	for name, rt := range map[string]http.RoundTripper{"a RoundTripper": lost, "a registered RoundTripper": registered} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := through(t, rt).Generated().CreateConnectSessionWithBodyWithResponse(t.Context(), "", nil,
				func(_ context.Context, r *http.Request) error { r.Method = http.MethodDelete; return nil })
			var sent *client.TransportError
			require.ErrorAs(t, err, &sent)
			assert.True(t, sent.MaybeSent, "%v", err)
		})
	}
}
