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
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// dumpsRequest returns a RoundTripper that dumps each request, as logging does, and sends it.
func dumpsRequest(rt http.RoundTripper) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		if _, err := httputil.DumpRequestOut(r, true); err != nil {
			return nil, err
		}
		return rt.RoundTrip(r)
	}
}

// copiesBody returns a RoundTripper that reads the body, as signing does, and sends a copy of
// the request.
func copiesBody(rt http.RoundTripper) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
		return rt.RoundTrip(r)
	}
}

// If no connection can be made, the request was not sent, even if a RoundTripper has read
// its body or sent other requests.
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
		"dumps the request": dumpsRequest(transport),
		"dumps the header": func(r *http.Request) (*http.Response, error) {
			if _, err := httputil.DumpRequestOut(r, false); err != nil {
				return nil, err
			}
			return transport.RoundTrip(r)
		},
		"reads the body of GetBody": func(r *http.Request) (*http.Response, error) {
			body, err := r.GetBody()
			if err != nil {
				return nil, err
			}
			if _, err := io.ReadAll(body); err != nil {
				return nil, err
			}
			return transport.RoundTrip(r)
		},
		"dumps the request and wraps the error": func(r *http.Request) (*http.Response, error) {
			_, err := dumpsRequest(transport)(r)
			return nil, fmt.Errorf("middleware: %w", err)
		},
		"replaces the body with a copy": copiesBody(transport),
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

// The same if the TLS handshake fails or a proxy refuses to connect.
func TestRoundTripperReadsBodyBeforeHandshakeFails(t *testing.T) {
	t.Parallel()
	closes, _ := listen(t, func(net.Conn) {})
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
		want        expectation
	}{
		"connection closed":  {"https://" + closes, "", neverSent(3)},
		"connection reset":   {"https://" + resets, "", neverSent(3)},
		"no response":        {"https://" + silent, "", neverSent(3)},
		"server without TLS": {"https://" + plain, "", neverSent(1)},
		"TLS 1.1 only":       {old.URL, "", neverSent(1)},
		"503 of a proxy":     {"https://api.example", "http://" + refuses, neverSent(3)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := client.NewTransport()
			if name == "no response" {
				transport.TLSHandshakeTimeout = 50 * time.Millisecond
			}
			transport.Proxy = func(*http.Request) (*url.URL, error) {
				if tt.proxy == "" {
					return nil, nil
				}
				return url.Parse(tt.proxy)
			}
			t.Cleanup(transport.CloseIdleConnections)
			tt.want(t, call(t.Context(), t, opCreate, through(t, copiesBody(transport), client.WithBaseURL(tt.base), client.WithRetryPolicy(quick))))
		})
	}
}

// The same if the attempt times out while the connection is being made.
func TestAttemptEndsWhileRoundTripperConnects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			time.Sleep(100 * time.Second) // in virtual time; net/http does not cancel it
			return nil, errRefused
		}}
		neverSent(3)(t, call(t.Context(), t, opCreate, through(t, dumpsRequest(inner), client.WithTimeout(time.Second))))
		time.Sleep(2 * time.Minute) // until the dials have returned
	})
}

// A RoundTripper that fails without reading the body has not sent it. Its error decides
// whether the call is retried.
func TestRoundTripperFailsWithoutReadingBody(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(answer(401, `{"error":"invalid_client"}`))
	t.Cleanup(server.Close)
	transport := client.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	tests := map[string]struct {
		send roundTripper
		want expectation
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
			return nil, errors.New("unavailable")
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

// Once the body is proven unread, it can no longer be read, so the proof remains valid.
func TestBodyIsUnreadableOnceProvenUnsent(t *testing.T) {
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
