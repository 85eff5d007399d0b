package client_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// What proves that nothing was sent: net/http had no connection, or a RoundTripper did
// not read the body. The class of faults: RoundTrippers that touch a request, or use
// the network, for reasons other than sending it.

// refusing returns a transport that nobody answers.
func refusing(t *testing.T) (*http.Transport, client.Option) {
	t.Helper()
	transport := client.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	return transport, client.WithBaseURL("http://" + deadAddress)
}

func TestRoundTripperReadsBodyBeforeConnectionIsRefused(t *testing.T) {
	t.Parallel()
	transport, base := refusing(t)
	token := httptest.NewServer(answer(200, `{"access_token":"x"}`))
	t.Cleanup(token.Close)
	fetchToken := func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, token.URL, nil)
		if err != nil {
			return err
		}
		res, err := transport.RoundTrip(r)
		if err == nil {
			res.Body.Close()
		}
		return err
	}
	tests := map[string]roundTripper{
		"dumps the request": func(r *http.Request) (*http.Response, error) {
			if _, err := httputil.DumpRequestOut(r, true); err != nil {
				return nil, err
			}
			return transport.RoundTrip(r)
		},
		"dumps the header": func(r *http.Request) (*http.Response, error) {
			if _, err := httputil.DumpRequestOut(r, false); err != nil {
				return nil, err
			}
			return transport.RoundTrip(r)
		},
		"signs what GetBody returns": func(r *http.Request) (*http.Response, error) {
			body, err := r.GetBody()
			if err != nil {
				return nil, err
			}
			if _, err := io.ReadAll(body); err != nil {
				return nil, err
			}
			return transport.RoundTrip(r)
		},
		"dumps the request, and wraps the error": func(r *http.Request) (*http.Response, error) {
			if _, err := httputil.DumpRequestOut(r, true); err != nil {
				return nil, err
			}
			_, err := transport.RoundTrip(r)
			return nil, fmt.Errorf("middleware: %w", err)
		},
		"replaces the body by a copy": func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			r = r.Clone(r.Context())
			r.Body = io.NopCloser(bytes.NewReader(body))
			return transport.RoundTrip(r)
		},
		"fetches a token first": func(r *http.Request) (*http.Response, error) {
			if err := fetchToken(r.Context()); err != nil {
				return nil, err
			}
			return transport.RoundTrip(r)
		},
		"sends with an http.Client": func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.RequestURI = ""
			return (&http.Client{Transport: transport}).Do(r)
		},
	}
	for name, rt := range tests {
		for operation := range operations {
			t.Run(name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				r := call(t.Context(), t, operation, through(t, rt, base, client.WithRetryPolicy(quick)))
				all(neverSent(3), wraps(syscall.ECONNREFUSED))(t, r)
			})
		}
	}
}

// The same when the connection is made but the handshake fails, or a proxy refuses.
func TestRoundTripperReadsBodyBeforeHandshakeFails(t *testing.T) {
	t.Parallel()
	hangsUp, _ := listen(t, func(net.Conn) {})
	resets, _ := listen(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); reset(c) })
	silent, _ := listen(t, hold)
	plain, _ := listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1))
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
	})
	refuses, _ := listen(t, sends("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"))
	old, _ := tlsServer(t, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	for name, tt := range map[string]struct {
		base, proxy string
		want        outcome
	}{
		"hangs up":          {"https://" + hangsUp, "", neverSent(3)},
		"resets":            {"https://" + resets, "", neverSent(3)},
		"is silent":         {"https://" + silent, "", neverSent(3)},
		"speaks no TLS":     {"https://" + plain, "", neverSent(1)},
		"speaks an old TLS": {old.URL, "", neverSent(1)},
		"a proxy refuses":   {"https://api.example", "http://" + refuses, neverSent(3)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := client.NewTransport()
			transport.TLSHandshakeTimeout = 50 * time.Millisecond
			transport.Proxy = func(*http.Request) (*url.URL, error) {
				if tt.proxy == "" {
					return nil, nil
				}
				return url.Parse(tt.proxy)
			}
			t.Cleanup(transport.CloseIdleConnections)
			signing := roundTripper(func(r *http.Request) (*http.Response, error) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					return nil, err
				}
				r = r.Clone(r.Context())
				r.Body = io.NopCloser(bytes.NewReader(body))
				return transport.RoundTrip(r)
			})
			tt.want(t, call(t.Context(), t, opCreate, through(t, signing, client.WithBaseURL(tt.base), client.WithRetryPolicy(quick))))
		})
	}
}

// A connection without an address is a connection, as one over a pipe or a tunnel.
func TestConnectionWithoutAnAddressMaySend(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(*http.Transport) http.RoundTripper{
		"http.Transport": func(tr *http.Transport) http.RoundTripper { return tr },
		"wrapped":        func(tr *http.Transport) http.RoundTripper { return roundTripper(tr.RoundTrip) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, accepted := listen(t, func(c net.Conn) { take(c); hold(c) })
			transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
				return nameless{conn}, err
			}}
			t.Cleanup(transport.CloseIdleConnections)
			c := through(t, wrap(transport), client.WithBaseURL("http://localhost"), client.WithTimeout(50*time.Millisecond))
			maybeSent(1)(t, call(t.Context(), t, opCreate, c))
			_, err := c.Generated().CreateConnectSessionWithBody(t.Context(), "", nil, func(_ context.Context, r *http.Request) error {
				r.Method = http.MethodDelete
				return nil
			})
			var sent *client.TransportError
			require.ErrorAs(t, err, &sent)
			assert.True(t, sent.MaybeSent)
			assert.Equal(t, int32(2), accepted.Load())
		})
	}
}

type nameless struct{ net.Conn }

func (nameless) RemoteAddr() net.Addr { return nil }

// An idle connection that broke and a service that is gone: nothing was written.
func TestIdleConnectionBrokenThenRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(answer(201, link))
	t.Cleanup(server.Close)
	var broken atomic.Bool
	transport := client.NewTransport()
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if broken.Load() {
			return nil, errRefused
		}
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &breaking{conn, false, &broken}, err
	}
	c := at(t, server.URL, client.WithHTTPClient(&http.Client{Transport: transport}))
	succeeds(1)(t, call(t.Context(), t, opCreate, c))
	broken.Store(true)
	neverSent(3)(t, call(t.Context(), t, opCreate, c))
}

// A request that was sent stays sent when a later connection is refused: one that a
// RoundTripper repeats by itself, and a GET, which net/http repeats.
func TestSentThenRefused(t *testing.T) {
	t.Parallel()
	addr, accepted := listen(t, func(c net.Conn) { take(c) })
	transport, _ := refusing(t)
	repeats := roundTripper(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		for _, host := range []string{addr, deadAddress} {
			again := r.Clone(r.Context())
			again.URL.Host, again.Body = host, io.NopCloser(bytes.NewReader(body))
			_, err = transport.RoundTrip(again)
		}
		return nil, err
	})
	r := call(t.Context(), t, opCreate, through(t, repeats, client.WithBaseURL("http://"+addr)))
	all(maybeSent(1), wraps(syscall.ECONNREFUSED))(t, r)
	assert.Equal(t, int32(1), accepted.Load())

	used, _ := listen(t, func(c net.Conn) {
		if take(c) {
			_, _ = io.WriteString(c, okHeader+"Content-Length: 8\r\n\r\n"+`{"id":1}`)
		}
		take(c) // the second request, which is processed and not answered
	})
	var dials atomic.Int32
	once := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		if dials.Add(1) > 1 {
			return nil, errRefused
		}
		return new(net.Dialer).DialContext(ctx, network, used)
	}}
	t.Cleanup(once.CloseIdleConnections)
	c := at(t, "http://"+used, client.WithHTTPClient(&http.Client{Transport: once}), client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}))
	succeeds(1)(t, call(t.Context(), t, opAuthenticate, c))
	_, err := c.Generated().CreateConnectSessionWithBody(t.Context(), "", nil, func(_ context.Context, r *http.Request) error {
		r.Method = http.MethodGet
		return nil
	})
	var sent *client.TransportError
	require.ErrorAs(t, err, &sent)
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
	assert.True(t, sent.MaybeSent, "%v", err)
}

// A RoundTripper that fails without reading the body has not sent it. Whether the call
// is retried depends on its error.
func TestRoundTripperFailsWithoutReadingBody(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(answer(401, `{"error":"invalid_client"}`))
	t.Cleanup(server.Close)
	transport := client.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	tests := map[string]struct {
		send roundTripper
		want outcome
	}{
		"open circuit breaker": {func(*http.Request) (*http.Response, error) {
			return nil, errors.New("circuit breaker is open")
		}, all(neverSent(1), says("circuit breaker is open"))},
		"rate limiter that times out": {func(*http.Request) (*http.Response, error) {
			return nil, context.DeadlineExceeded
		}, neverSent(3)},
		"token endpoint that refuses": {func(r *http.Request) (*http.Response, error) {
			request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, server.URL, nil)
			if err != nil {
				return nil, err
			}
			res, err := transport.RoundTrip(request)
			if err != nil {
				return nil, err
			}
			res.Body.Close()
			return nil, errors.New("no token: " + res.Status)
		}, all(neverSent(1), says("no token: 401"))},
		"closes the body": {func(r *http.Request) (*http.Response, error) {
			r.Body.Close()
			return nil, errors.New("not today")
		}, neverSent(1)},
	}
	for name, tt := range tests {
		for operation := range operations {
			t.Run(name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				tt.want(t, call(t.Context(), t, operation, through(t, tt.send, client.WithRetryPolicy(quick))))
			})
		}
	}
}

// After such a failure nothing can be read any more, so the proof stays true.
func TestBodyIsSealedAfterTheProof(t *testing.T) {
	t.Parallel()
	var kept []*http.Request
	keeps := roundTripper(func(r *http.Request) (*http.Response, error) {
		kept = append(kept, r)
		return nil, errors.New("circuit breaker is open")
	})
	neverSent(1)(t, call(t.Context(), t, opCreate, through(t, keeps)))
	require.Len(t, kept, 1)
	body, err := io.ReadAll(kept[0].Body)
	assert.Error(t, err)
	assert.Empty(t, body)
	again, err := kept[0].GetBody()
	require.NoError(t, err)
	var copied bytes.Buffer
	_, err = io.Copy(&copied, again)
	assert.Error(t, err)
	assert.Zero(t, copied.Len())
}

func TestProxyRefusesToConnect(t *testing.T) {
	t.Parallel()
	for status, attempts := range map[int]int{407: 1, 403: 1, 400: 1, 500: 1, 302: 1, 429: 3, 502: 3, 503: 3, 504: 3} {
		for _, reason := range []string{http.StatusText(status), "Squid says no"} {
			t.Run(reason+" "+http.StatusText(status), func(t *testing.T) {
				t.Parallel()
				addr, _ := listen(t, sends("HTTP/1.1 "+strconv.Itoa(status)+" "+reason+"\r\nContent-Length: 0\r\n\r\n"))
				proxy := &url.URL{Scheme: "http", Host: addr, User: url.UserPassword("user", "hunter2")}
				transport := client.NewTransport()
				transport.Proxy = http.ProxyURL(proxy)
				c := at(t, "https://api.example", client.WithHTTPClient(&http.Client{Transport: transport}))
				r := call(t.Context(), t, opCreate, c)
				neverSent(attempts)(t, r)
				says("the proxy "+addr+" answered CONNECT with "+strconv.Itoa(status))(t, r)
				says("check the proxy")(t, r)
			})
		}
	}
}

// net/http repeats a request that has either header and breaks on a used connection.
func TestIdempotencyKeyOfARequestEditor(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			addr, _ := listen(t, func(conn net.Conn) {
				for n := 0; take(conn); n++ {
					requests.Add(1)
					if n > 0 { // on a connection that had been used
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

func TestZeroTimeoutLeavesTheHTTPClients(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ option, http, want time.Duration }{
		"no limit of the option":   {0, time.Second, time.Second},
		"a longer limit":           {2 * time.Second, time.Second, time.Second},
		"a shorter limit":          {time.Second, 2 * time.Second, time.Second},
		"no limit of the client's": {time.Second, 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, err := client.New(client.WithAPIKey(testKey), client.WithTimeout(tt.option),
					client.WithHTTPClient(&http.Client{Transport: scripted(hangs), Timeout: tt.http}))
				require.NoError(t, err)
				r := call(t.Context(), t, opCreate, c)
				maybeSent(1)(t, r)
				assert.Equal(t, tt.want, r.took)
			})
		})
	}
}
