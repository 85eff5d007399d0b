package client_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// A connection may have no remote address, as over a pipe or a tunnel, and a request on it
// may have been sent.
func TestConnectionWithoutAddress(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(*http.Transport) http.RoundTripper{
		"http.Transport": func(tr *http.Transport) http.RoundTripper { return tr },
		"wrapped":        func(tr *http.Transport) http.RoundTripper { return roundTripper(tr.RoundTrip) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := make(chan struct{}, 8)
			addr, accepted := listen(t, func(c net.Conn) { readRequest(c); read <- struct{}{}; hold(c) })
			cancelledOnceRead := func() context.Context {
				ctx, cancel := context.WithCancel(t.Context())
				go func() { <-read; cancel() }()
				return ctx
			}
			transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
				return connWithoutAddr{conn}, err
			}}
			t.Cleanup(transport.CloseIdleConnections)
			c := through(t, wrap(transport), client.WithBaseURL("http://localhost"))
			maybeSent(1)(t, call(cancelledOnceRead(), t, opCreate, c))
			requireMaybeSent(t, sendWithoutBody(cancelledOnceRead(), c, http.MethodDelete))
			assert.Equal(t, int32(2), accepted.Load())
		})
	}
}

type connWithoutAddr struct{ net.Conn }

func (connWithoutAddr) RemoteAddr() net.Addr { return nil }

// A request counts as sent even if it is then sent again and that connection is refused: by
// a RoundTripper, or by net/http, which resends a GET.
func TestSentThenRefused(t *testing.T) {
	t.Parallel()
	addr, accepted := listen(t, func(c net.Conn) { readRequest(c) })
	transport, _ := refusing(t)
	sendsTwice := roundTripper(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		for _, host := range []string{addr, closedAddress} {
			again := r.Clone(r.Context())
			again.URL.Host, again.Body = host, io.NopCloser(bytes.NewReader(body))
			_, err = transport.RoundTrip(again)
		}
		return nil, err
	})
	r := call(t.Context(), t, opCreate, through(t, sendsTwice, client.WithBaseURL("http://"+addr)))
	all(maybeSent(1), wraps(syscall.ECONNREFUSED))(t, r)
	assert.Equal(t, int32(1), accepted.Load())

	used, _ := listen(t, func(c net.Conn) {
		if readRequest(c) {
			_, _ = io.WriteString(c, okHeader+"Content-Length: 8\r\n\r\n"+`{"id":1}`)
		}
		readRequest(c) // the second request gets no response
	})
	var dials atomic.Int32
	once := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		if dials.Add(1) > 1 {
			return nil, errRefused
		}
		return new(net.Dialer).DialContext(ctx, network, used)
	}}
	t.Cleanup(once.CloseIdleConnections)
	c := at(t, "http://"+used, client.WithHTTPClient(&http.Client{Transport: once}), noRetries)
	succeeds(1)(t, call(t.Context(), t, opAuthenticate, c))
	err := sendWithoutBody(t.Context(), c, http.MethodGet)
	requireMaybeSent(t, err)
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
}

// A RoundTripper that has read the body may have sent it by means that the client cannot
// observe.
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
		"refused connection for a token": reading(func(r *http.Request) error {
			request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://"+closedAddress, nil)
			if err == nil {
				_, err = transport.RoundTrip(request)
			}
			assert.ErrorIs(t, err, syscall.ECONNREFUSED)
			return errors.New("lost")
		}),
		"connection without an address": reading(func(r *http.Request) error {
			trace := httptrace.ContextClientTrace(r.Context())
			trace.GetConn("api.example:443")
			trace.GotConn(httptrace.GotConnInfo{})
			return errRefused
		}),
		"connection without a response": copiesBody(roundTripper(func(r *http.Request) (*http.Response, error) {
			r.URL.Host = holds
			return transport.RoundTrip(r)
		})),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := through(t, rt, base, client.WithTimeout(time.Second))
			maybeSent(1)(t, call(t.Context(), t, opCreate, c))
		})
	}
}

// Without a body, a RoundTripper that fails proves nothing.
func TestRequestWithoutBodyMayHaveBeenSent(t *testing.T) {
	t.Parallel()
	lost := roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("lost") })
	registered := new(http.Transport)
	registered.RegisterProtocol("https", lost)
	for name, rt := range map[string]http.RoundTripper{"RoundTripper": lost, "registered RoundTripper": registered} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireMaybeSent(t, sendWithoutBody(t.Context(), through(t, rt), http.MethodDelete))
		})
	}
}

// A RoundTripper registered with an http.Transport, for a scheme or a protocol, may have sent
// the request, whatever its error.
func TestRegisteredRoundTripperMaySend(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	for name, err := range map[string]error{
		"reset":   &net.OpError{Op: "read", Err: syscall.ECONNRESET},
		"refused": &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
	} {
		var sends atomic.Int32
		sending := roundTripper(func(r *http.Request) (*http.Response, error) {
			sends.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			return nil, err
		})
		registered := &http.Transport{}
		registered.RegisterProtocol("https", sending)
		negotiated := server.Client().Transport.(*http.Transport).Clone()
		negotiated.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{
			"h2": func(string, *tls.Conn) http.RoundTripper { return sending },
		}
		for how, transport := range map[string]*http.Transport{"registered": registered, "negotiated": negotiated} {
			t.Run(name+" "+how, func(t *testing.T) {
				sends.Store(0)
				requireMaybeSent(t, create(at(t, server.URL, client.WithHTTPClient(&http.Client{Transport: transport}))))
				assert.Equal(t, int32(1), sends.Load())
			})
		}
	}
}

// The same if it reads the body only after it has failed.
func TestRegisteredRoundTripperReadsBodyAfterFailing(t *testing.T) {
	t.Parallel()
	var requests []*http.Request
	later := roundTripper(func(r *http.Request) (*http.Response, error) {
		requests = append(requests, r)
		return nil, os.ErrDeadlineExceeded
	})
	registered := new(http.Transport)
	registered.RegisterProtocol("https", later)
	err := create(at(t, "https://localhost", client.WithHTTPClient(&http.Client{Transport: registered})))
	require.Len(t, requests, 1)
	body, _ := io.ReadAll(requests[0].Body)
	assert.NotEmpty(t, body)
	requireMaybeSent(t, err)
}

// With either header, net/http would resend a request that fails on a reused connection.
func TestIdempotencyKeyFromRequestEditor(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			addr, _ := listen(t, func(conn net.Conn) {
				for n := 0; readRequest(conn); n++ {
					requests.Add(1)
					if n > 0 { // on the reused connection
						return
					}
					_, _ = io.WriteString(conn, okHeader+"Content-Length: 8\r\n\r\n"+`{"id":1}`)
				}
			})
			c := at(t, "http://"+addr)
			succeeds(1)(t, call(t.Context(), t, opAuthenticate, c))
			_, err := c.Generated().CreateConnectSession(t.Context(), owner, func(_ context.Context, r *http.Request) error {
				r.Header.Set(key, "k")
				return nil
			})
			assert.True(t, client.MaybeCreated(err), "%v", err)
			assert.Equal(t, int32(2), requests.Load(), "requests of the two calls")
		})
	}
}
