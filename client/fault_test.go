package client_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// The tests of faults are tables with a few words for what a call ends in:
//
//	OK(n)         a session, at attempt n
//	NS            never sent: *TransportError, not MaybeSent, after three attempts
//	NSP           the same for a fault that lasts, after one
//	AMB           may have been sent: *TransportError, MaybeSent, after one attempt
//	              to create and three to authenticate
//	API(s, n)     *APIError with status s, after n attempts
//	BAD(text, n)  *ResponseError that says text, after n attempts
//	CTX(err, n)   the context's error err, after n attempts
//	CFG           an error of New, which names the fault and shows no secret
//
// A name holds the number of the fault: go test -run 'Fault/08|Fault08' runs one.

// outcome is what a call must end in.
type outcome func(*testing.T, *result)

// result is what a call ended in.
type result struct {
	operation string
	created   *gen.ConnectSessionTokenAuthLink
	read      *gen.ConnectSession
	err       error
	response  client.Response
	took      time.Duration
}

const (
	opCreate       = "create_connect_session"
	opAuthenticate = "authenticate_connect_session"
)

// OK is a session, at an attempt.
func OK(attempts int) outcome {
	return func(t *testing.T, r *result) {
		t.Helper()
		require.NoError(t, r.err)
		assert.Equal(t, attempts, r.response.Attempts, "attempts")
	}
}

func transportError(maybeSent bool, attempts int) outcome {
	return func(t *testing.T, r *result) {
		t.Helper()
		var got *client.TransportError
		require.ErrorAs(t, r.err, &got)
		assert.Equal(t, r.operation, got.Operation)
		assert.Equal(t, maybeSent, got.MaybeSent, "MaybeSent of %v", r.err)
		assert.Equal(t, attempts, got.Attempts, "attempts, which ended in %v", r.err)
		text := "nothing was sent"
		switch {
		case maybeSent && r.operation == opCreate:
			text = "the session may exist"
		case maybeSent:
			text = "may have arrived"
		}
		assert.ErrorContains(t, r.err, text)
	}
}

var (
	NS  = transportError(false, 3)
	NSP = transportError(false, 1)
	AMB = each(transportError(true, 1), transportError(true, 3))
)

// API is an error status, after some attempts.
func API(status, attempts int) outcome {
	return func(t *testing.T, r *result) {
		t.Helper()
		got := requireAPIError(t, r.err, r.operation, status)
		assert.Equal(t, attempts, got.Attempts, "attempts")
		assert.NotContains(t, r.err.Error(), "<", "a body's HTML in the text")
	}
}

// refused is an error status that authenticate is repeated after, and create is not.
func refused(status int) outcome { return each(API(status, 1), API(status, 3)) }

// BAD is a success that cannot be used.
func BAD(text string, attempts int) outcome {
	return func(t *testing.T, r *result) {
		t.Helper()
		var got *client.ResponseError
		require.ErrorAs(t, r.err, &got)
		assert.Equal(t, r.operation, got.Operation)
		assert.Equal(t, attempts, r.response.Attempts, "attempts")
		assert.ErrorContains(t, r.err, text)
		assert.Equal(t, r.operation == opCreate, strings.Contains(r.err.Error(), "the session may exist"), r.err)
	}
}

// CTX is the end of the context, after some attempts.
func CTX(end error, attempts int) outcome {
	return func(t *testing.T, r *result) {
		t.Helper()
		require.ErrorIs(t, r.err, end)
		assert.Equal(t, attempts, r.response.Attempts, "attempts, which ended in %v", r.err)
	}
}

// each is one outcome for create and another for authenticate.
func each(create, authenticate outcome) outcome {
	return func(t *testing.T, r *result) {
		t.Helper()
		if r.operation == opCreate {
			create(t, r)
		} else {
			authenticate(t, r)
		}
	}
}

// all is every one of the outcomes.
func all(outcomes ...outcome) outcome {
	return func(t *testing.T, r *result) {
		t.Helper()
		for _, o := range outcomes {
			o(t, r)
		}
	}
}

// wraps is an error that holds others.
func wraps(errs ...error) outcome {
	return func(t *testing.T, r *result) {
		t.Helper()
		for _, err := range errs {
			assert.ErrorIs(t, r.err, err)
		}
	}
}

// says is an error with a text.
func says(text string) outcome {
	return func(t *testing.T, r *result) { t.Helper(); assert.ErrorContains(t, r.err, text) }
}

// call makes a call, and checks what holds for every one.
func call(ctx context.Context, t *testing.T, operation string, c *client.Client, opts ...client.Option) *result {
	t.Helper()
	r := &result{operation: operation}
	opts = append(opts, client.WithResponse(&r.response))
	start := time.Now()
	if operation == opCreate {
		r.created, r.err = c.ConnectSessions.Create(ctx, owner, opts...)
	} else {
		r.read, r.err = c.ConnectSessions.Authenticate(ctx, gen.ConnectSessionAuthenticate{Token: "token-1"}, opts...)
	}
	r.took = time.Since(start)
	assert.Equal(t, r.err == nil, r.created != nil || r.read != nil, "a session or an error")
	if r.err != nil {
		requirePresentable(t, r.err.Error())
	}
	return r
}

// requirePresentable says that a text is one short line without secrets.
func requirePresentable(t *testing.T, text string) {
	t.Helper()
	assert.Less(t, len(text), 1200, "length of the text")
	assert.False(t, strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }), "%q is not printable", text)
	for _, secret := range []string{
		testKey, base64.StdEncoding.EncodeToString([]byte(testKey + ":")), "token-1", "hub.example/link-1", "trigger-1", "hunter2",
	} {
		assert.NotContains(t, text, secret)
	}
}

// through returns a client with the default policy and a transport of the test's.
func through(t *testing.T, rt http.RoundTripper, opts ...client.Option) *client.Client {
	t.Helper()
	opts = append([]client.Option{
		client.WithAPIKey(testKey), client.WithHTTPClient(&http.Client{Transport: rt}),
	}, opts...)
	c, err := client.New(opts...)
	require.NoError(t, err)
	return c
}

// at returns a client with the default policy, but quick, of a server's address.
func at(t *testing.T, baseURL string, opts ...client.Option) *client.Client {
	t.Helper()
	opts = append([]client.Option{
		client.WithAPIKey(testKey), client.WithBaseURL(baseURL), client.WithRetryPolicy(quick),
	}, opts...)
	c, err := client.New(opts...)
	require.NoError(t, err)
	return c
}

var quick = client.RetryPolicy{MinBackoff: time.Nanosecond, MaxBackoff: time.Nanosecond}
