package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func TestFailingRoundTripper(t *testing.T) {
	readsOneByte := func(r *http.Request) (*http.Response, error) {
		body, err := r.GetBody()
		if err == nil {
			_, err = body.Read(make([]byte, 1))
		}
		return nil, errors.Join(err, errRefused)
	}
	quotesRequest := func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		return nil, fmt.Errorf("cannot send %q %s\n%s", r.Header, r.Header.Get("Authorization"), body)
	}
	run(t, []scenario{
		{name: "fails after sending", steps: []step{failsAfterSending(errors.New("lost"))}, want: all(ambiguous, says("lost"))},
		{name: "fails after sending with connection refused", steps: []step{failsAfterSending(errRefused)}, want: ambiguous},
		{name: "fails after sending with no such host", steps: []step{failsAfterSending(&net.DNSError{IsNotFound: true})}, want: ambiguous},
		{name: "fails after reading a byte from GetBody with connection refused", steps: []step{readsOneByte}, want: ambiguous},
		{name: "fails without reading the body with an unknown error", steps: []step{fails(errors.New("lost"))}, want: neverSent(1)},
		{name: "fails without reading the body with EOF", steps: []step{fails(io.EOF)}, want: neverSent(3)},
		{name: "fails after sending with EOF", steps: []step{failsAfterSending(io.EOF)}, want: ambiguous},
		{name: "error that quotes the request", steps: []step{quotesRequest}, want: ambiguous},
		{name: "neither a response nor an error", steps: []step{fails(nil)}, want: all(ambiguous, says("neither a response nor an error"))},
		{name: "both a response and an error", steps: []step{responseAndError}, want: ambiguous},
		{name: "success with a nil body", steps: []step{nilBody(201)}, want: unusable("unexpected end of JSON input")},
		{name: "400 with a nil body", steps: []step{nilBody(400)}, want: failsWithStatus(400, 1)},
	})
}

// The body of a response is closed even if the RoundTripper also returns an error.
func TestResponseBodiesAreClosed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		err    error
		want   expectation
	}{
		"with an error": {201, errReset, maybeSent(1)},
		"status 0":      {0, nil, maybeSent(1)},
		"201":           {201, nil, succeeds(1)},
		"404":           {404, nil, failsWithStatus(404, 1)},
		"101":           {101, nil, failsWithStatus(101, 1)},
		"429":           {429, nil, failsWithStatus(429, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := &closeRecorder{Reader: strings.NewReader(link)}
			c := through(t, fake(func(r *http.Request) (*http.Response, error) {
				res := response(r, tt.status, nil)
				res.Body = body
				return res, tt.err
			}), noRetries)
			tt.want(t, call(t.Context(), t, opCreate, c))
			assert.True(t, body.closed, "closed")
		})
	}
}

// closeRecorder records whether it was closed.
type closeRecorder struct {
	io.Reader
	closed bool
}

func (b *closeRecorder) Close() error { b.closed = true; return nil }

func TestInvalidStatusCode(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, -1} {
		for operation := range operations {
			t.Run(fmt.Sprintf("%d/%s", status, operation), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					require.NotPanics(t, func() {
						require.Error(t, call(t.Context(), t, operation, through(t, fake(nilBody(status)))).err)
					})
				})
			})
		}
	}
}

func responseAndError(r *http.Request) (*http.Response, error) {
	return response(r, 201, strings.NewReader(link)), errReset
}

func nilBody(status int) step {
	return func(r *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		return &http.Response{StatusCode: status}, nil
	}
}

func TestRoundTripperPanics(t *testing.T) {
	t.Parallel()
	for operation := range operations {
		want := errors.New("planned panic")
		c := through(t, fake(func(*http.Request) (*http.Response, error) { panic(want) }, responds(201, link)))
		var got any
		func() {
			defer func() { got = recover() }()
			_ = call(t.Context(), t, operation, c)
		}()
		assert.Same(t, want, got)
		requireSafeText(t, fmt.Sprintf("%v %+v %#v", got, got, got))
		succeeds(1)(t, call(t.Context(), t, operation, c)) // the client still works
	}
}

// The caller may change the request body and the kept request while the call is in progress.
func TestCallerChangesRequestDuringCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		var headers []http.Header
		reading := make(chan struct{})
		c := through(t, fake(func(r *http.Request) (*http.Response, error) {
			headers = append(headers, r.Header.Clone())
			body, _ := io.ReadAll(r.Body)
			bodies = append(bodies, string(body))
			if len(bodies) == 1 {
				close(reading)
				return responds(429, "{}", "Retry-After", "5")(r)
			}
			return responds(201, link)(r)
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

// A RoundTripper that changes the header, which it must not, gets a new header for each
// attempt.
func TestRoundTripperChangesHeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var headers []http.Header
		transport := func(r *http.Request) (*http.Response, error) {
			headers = append(headers, r.Header.Clone())
			r.Header.Add("Traceparent", "00-1")
			r.Header.Add("Accept", "text/html")
			r.Header.Del("Authorization")
			_, _ = io.Copy(io.Discard, r.Body)
			return responds(429, "{}")(r)
		}
		c := through(t, roundTripper(transport))
		for range 2 {
			failsWithStatus(429, 3)(t, call(t.Context(), t, opCreate, c))
		}
		for _, h := range headers {
			assert.Equal(t, headers[0], h)
		}
	})
}

// A RoundTripper may read copies of the body from GetBody.
func TestRoundTripperReadsBodyCopies(t *testing.T) {
	t.Parallel()
	readsCopies := roundTripper(func(r *http.Request) (*http.Response, error) {
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
	require.NoError(t, create(through(t, readsCopies, noRetries)))
}

// The changes of a RoundTripper to the request, which it must not make, do not affect the
// next attempt.
func TestRoundTripperChangesRequest(t *testing.T) {
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
		assert.Contains(t, request, "stackone-client-go/", "headers do not share storage")
		assert.Contains(t, request, testKey)
	}
}
