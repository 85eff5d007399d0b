package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
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
