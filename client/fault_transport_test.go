package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// Faults of the caller's transport, and of values that the caller changes.

func TestFault39Transport(t *testing.T) {
	sending := func(err error) step { return failsAfterSending(err) }
	partly := func(r *http.Request) (*http.Response, error) {
		body, err := r.GetBody()
		if err == nil {
			_, err = body.Read(make([]byte, 1))
		}
		return nil, errors.Join(err, errRefused)
	}
	quoting := func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		return nil, fmt.Errorf("cannot send %q %s\n%s", r.Header, r.Header.Get("Authorization"), body)
	}
	run(t, []fault{
		{name: "39 fails after sending", meets: []step{sending(errors.New("lost"))}, want: all(AMB, says("lost"))},
		{name: "39 fails after sending, as if refused", meets: []step{sending(errRefused)}, want: AMB},
		{name: "39 fails after sending, as if not found", meets: []step{sending(&net.DNSError{IsNotFound: true})}, want: AMB},
		{name: "39 fails after a byte of a copy, as if refused", meets: []step{partly}, want: AMB},
		{name: "39 fails, and says nothing of sending", meets: []step{fails(errors.New("lost"))}, want: AMB},
		{name: "39 fails with EOF", meets: []step{fails(io.EOF)}, want: AMB},
		{name: "39 an error that quotes the request", meets: []step{quoting}, want: AMB},
		{name: "39 nil, nil", meets: []step{fails(nil)}, want: all(AMB, says("neither a response nor an error"))},
		{name: "39 a response and an error", meets: []step{both}, want: AMB},
		{name: "39 a response without a body", meets: []step{bodiless(201)}, want: sent("unexpected end of JSON input")},
		{name: "39 an error without a body", meets: []step{bodiless(400)}, want: API(400, 1)},
	})
}

// A body that is handed out is closed, whatever comes with it.
func TestFault39BodiesAreClosed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		err    error
		want   outcome
	}{
		"beside an error":       {201, errReset, transportError(true, 1)},
		"without a status":      {0, nil, transportError(true, 1)},
		"of a success":          {201, nil, OK(1)},
		"of an error":           {404, nil, API(404, 1)},
		"of another protocol":   {101, nil, API(101, 1)},
		"of a status to repeat": {429, nil, API(429, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := &tracked{Reader: strings.NewReader(link)}
			c := through(t, meets(func(r *http.Request) (*http.Response, error) {
				res := response(r, tt.status, nil)
				res.Body = body
				return res, tt.err
			}), client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}))
			tt.want(t, call(t.Context(), t, opCreate, c))
			assert.True(t, body.closed, "closed")
		})
	}
}

// tracked is a body that knows whether it was closed.
type tracked struct {
	io.Reader
	closed bool
}

func (b *tracked) Close() error { b.closed = true; return nil }

func TestFault39NoStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, -1} {
		for operation := range operations {
			t.Run(fmt.Sprintf("%d/%s", status, operation), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					require.NotPanics(t, func() {
						require.Error(t, call(t.Context(), t, operation, through(t, meets(bodiless(status)))).err)
					})
				})
			})
		}
	}
}

func both(r *http.Request) (*http.Response, error) {
	return response(r, 201, strings.NewReader(link)), errReset
}

func bodiless(status int) step {
	return func(r *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		return &http.Response{StatusCode: status}, nil
	}
}

func TestFault39TransportPanics(t *testing.T) {
	t.Parallel()
	for operation := range operations {
		fault := errors.New("transport's own")
		c := through(t, meets(func(*http.Request) (*http.Response, error) { panic(fault) }, answers(201, link)))
		var got any
		func() {
			defer func() { got = recover() }()
			_ = call(t.Context(), t, operation, c)
		}()
		assert.Same(t, fault, got)
		requirePresentable(t, fmt.Sprintf("%v %+v %#v", got, got, got))
		OK(1)(t, call(t.Context(), t, operation, c)) // and the client goes on
	}
}

func TestFault40CallerChangesWhatItGave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		var headers []http.Header
		reading := make(chan struct{})
		c := through(t, meets(func(r *http.Request) (*http.Response, error) {
			headers = append(headers, r.Header.Clone())
			body, _ := io.ReadAll(r.Body)
			bodies = append(bodies, string(body))
			if len(bodies) == 1 {
				close(reading)
				return answers(429, "{}", "Retry-After", "5")(r)
			}
			return answers(201, link)(r)
		}))
		body := gen.ConnectSessionCreate{
			OriginOwnerID: "a", OriginOwnerName: "b", Categories: []gen.Category{"hris", "ats"},
			Metadata: map[string]any{"list": []any{"x"}},
		}
		var kept *http.Request
		keep := func(_ context.Context, r *http.Request) error { r.Header.Set("X-Tenant", "one"); kept = r; return nil }
		go func() {
			<-reading
			body.OriginOwnerID, body.Categories[0], body.Metadata["new"] = "changed", "changed", true
			body.Metadata["list"].([]any)[0] = "changed"
			kept.Header.Set("X-Tenant", "changed")
			kept.Header.Set("Authorization", "changed")
			kept.URL.Path = "/changed"
		}()
		_, err := c.Generated().CreateConnectSessionWithResponse(t.Context(), body, keep)
		require.NoError(t, err)
		require.Len(t, bodies, 2)
		assert.JSONEq(t, `{"origin_owner_id":"a","origin_owner_name":"b","categories":["hris","ats"],"metadata":{"list":["x"]}}`, bodies[0])
		assert.Equal(t, bodies[0], bodies[1])
		assert.Equal(t, headers[0], headers[1])
	})
}

// A transport that writes to the header, which it should not, sees a fresh one
// with every attempt.
func TestFault40TransportChangesTheHeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var headers []http.Header
		transport := func(r *http.Request) (*http.Response, error) {
			headers = append(headers, r.Header.Clone())
			r.Header.Add("Traceparent", "00-1")
			r.Header.Add("Accept", "text/html")
			r.Header.Del("Authorization")
			_, _ = io.Copy(io.Discard, r.Body)
			return answers(429, "{}")(r)
		}
		c := through(t, roundTripper(transport))
		for range 2 {
			API(429, 3)(t, call(t.Context(), t, opCreate, c))
		}
		for _, h := range headers {
			assert.Equal(t, headers[0], h)
		}
	})
}

// TestTransportsThatSendByOtherMeans says that net/http's transport, taught to
// send by other means, does not pass for one that never sent.
func TestTransportsThatSendByOtherMeans(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	for name, fault := range map[string]error{
		"reset":   &net.OpError{Op: "read", Err: syscall.ECONNRESET},
		"refused": &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
	} {
		var sends atomic.Int32
		sending := roundTripper(func(r *http.Request) (*http.Response, error) {
			sends.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			return nil, fault
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
				err := create(at(t, server.URL, client.WithHTTPClient(&http.Client{Transport: transport})))
				var broken *client.TransportError
				require.ErrorAs(t, err, &broken)
				assert.True(t, broken.MaybeSent)
				assert.Equal(t, int32(1), sends.Load())
			})
		}
	}
}

// TestTransportThatSendsLater says that the same holds when the other means read the
// request only after they have failed.
func TestTransportThatSendsLater(t *testing.T) {
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
	var broken *client.TransportError
	require.ErrorAs(t, err, &broken)
	assert.True(t, broken.MaybeSent)
}

// TestTransportsThatReadTheBody says that middleware may read the body as often as
// signing and logging take.
func TestTransportsThatReadTheBody(t *testing.T) {
	t.Parallel()
	signing := roundTripper(func(r *http.Request) (*http.Response, error) {
		for range 3 {
			body, err := r.GetBody()
			if err != nil {
				return nil, err
			}
			if text, err := io.ReadAll(body); err != nil || !strings.Contains(string(text), "customer-1") {
				return nil, fmt.Errorf("read %q, %w", text, err)
			}
		}
		return &http.Response{StatusCode: 201, Body: io.NopCloser(strings.NewReader(link))}, nil
	})
	require.NoError(t, create(answering(t, 0, nil, "", client.WithHTTPClient(&http.Client{Transport: signing}))))

	read := 0
	greedy := roundTripper(func(r *http.Request) (*http.Response, error) {
		for {
			body, err := r.GetBody()
			if err != nil {
				return nil, err
			}
			_, _ = io.Copy(io.Discard, body)
			read++
		}
	})
	require.ErrorContains(t, create(answering(t, 0, nil, "", client.WithHTTPClient(&http.Client{Transport: greedy}))), "keeps resetting")
	assert.Equal(t, 8, read)
}

// TestTransportsThatChangeTheRequest says that what a transport does to a request,
// which it must not, ends with the attempt.
func TestTransportsThatChangeTheRequest(t *testing.T) {
	t.Parallel()
	var seen []string
	c := through(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		r.Header.Add("Accept", "text/plain")
		r.Header.Add("User-Agent", "another")
		key, _, _ := r.BasicAuth()
		seen = append(seen, fmt.Sprint(r.Method, " ", r.URL, " ", r.Host, " ", r.Header["Content-Type"], " ", len(body), r.UserAgent(), key))
		r.Method, r.Host, *r.URL, r.Body, r.ContentLength = "PUT", "elsewhere", url.URL{}, nil, 0
		clear(r.Header)
		return nil, errRefused
	}), client.WithRetryPolicy(quick))
	for range 2 {
		require.ErrorIs(t, authenticate(c), errRefused)
	}
	require.Len(t, seen, 6, "attempts")
	assert.Contains(t, seen[0], "POST https://api.stackone.com/connect_sessions/authenticate api.stackone.com [application/json]")
	for _, request := range seen {
		assert.Equal(t, seen[0], request)
		assert.Contains(t, request, "stackone-client-go/", "nor does one value of a header change another")
		assert.Contains(t, request, testKey)
	}
}
