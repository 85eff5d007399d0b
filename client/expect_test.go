package client_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// expectation checks the result of a call.
type expectation func(*testing.T, *result)

// result holds what a call returned and how long it took.
type result struct {
	operation string
	created   *gen.ConnectSessionTokenAuthLink
	read      *gen.ConnectSession
	err       error
	response  client.Response
	took      time.Duration
}

// call calls the operation and checks what must hold for every call.
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
	assert.Equal(t, r.err == nil, r.created != nil || r.read != nil, "returns either a session or an error")
	if r.err != nil {
		requireSafeText(t, r.err.Error())
	}
	return r
}

// succeeds expects a session after the given number of attempts.
func succeeds(attempts int) expectation {
	return func(t *testing.T, r *result) {
		t.Helper()
		require.NoError(t, r.err)
		assert.Equal(t, attempts, r.response.Attempts, "attempts")
	}
}

// dropped expects a session without the named members.
func dropped(names ...string) expectation {
	return func(t *testing.T, r *result) {
		t.Helper()
		succeeds(1)(t, r)
		assert.Equal(t, names, r.response.Dropped, "dropped members")
	}
}

// neverSent expects a TransportError whose request was provably not sent. With the default
// policy, a transient failure takes three attempts and a permanent one takes one.
func neverSent(attempts int) expectation { return transportError(false, attempts) }

// maybeSent expects a TransportError whose request may have been sent.
func maybeSent(attempts int) expectation { return transportError(true, attempts) }

// ambiguous expects that the request may have been sent: Create is not retried, and
// Authenticate is, because it only reads.
var ambiguous = byOperation(maybeSent(1), maybeSent(3))

func transportError(maybeSent bool, attempts int) expectation {
	text := byOperation(says("the session may exist"), says("may have arrived"))
	if !maybeSent {
		text = says("nothing was sent")
	}
	return all(transportErrorOf(maybeSent, attempts), text)
}

// refusedThenFails expects a TransportError after a refusal: no attempt was processed,
// but something was sent.
func refusedThenFails(attempts int) expectation {
	return all(transportErrorOf(false, attempts), func(t *testing.T, r *result) {
		t.Helper()
		assert.NotContains(t, r.err.Error(), "nothing was sent")
		assert.NotContains(t, r.err.Error(), "may")
	})
}

func transportErrorOf(maybeSent bool, attempts int) expectation {
	return func(t *testing.T, r *result) {
		t.Helper()
		var got *client.TransportError
		require.ErrorAs(t, r.err, &got)
		assert.Equal(t, r.operation, got.Operation)
		assert.Equal(t, maybeSent, got.MaybeSent, "MaybeSent of %v", r.err)
		assert.Equal(t, maybeSent && r.operation == opCreate, client.MaybeCreated(r.err), "MaybeCreated of %v", r.err)
		assert.Equal(t, attempts, got.Attempts, "attempts before %v", r.err)
	}
}

// failsWithStatus expects an APIError that is not wrapped.
func failsWithStatus(status, attempts int) expectation {
	return all(wrapsStatus(status, attempts), func(t *testing.T, r *result) {
		t.Helper()
		_, ok := r.err.(*client.APIError) //nolint:errorlint // it is not wrapped
		assert.True(t, ok, "%T", r.err)
	})
}

// wrapsStatus expects an APIError, perhaps in a TransportError.
func wrapsStatus(status, attempts int) expectation {
	return func(t *testing.T, r *result) {
		t.Helper()
		got := requireAPIError(t, r.err, r.operation, status)
		assert.Equal(t, attempts, got.Attempts, "attempts")
		assert.NotContains(t, r.err.Error(), "<", "HTML of the body in the text")
		assert.Equal(t, client.MaybeCreated(r.err), strings.Contains(r.err.Error(), "the session may exist"), r.err)
	}
}

// ambiguousStatus expects an APIError whose request may have been processed: Create is
// not retried, and Authenticate is.
func ambiguousStatus(status int) expectation {
	return byOperation(failsWithStatus(status, 1), failsWithStatus(status, 3))
}

// unusable expects a ResponseError that contains text, after one attempt: an unusable
// success is never retried.
func unusable(text string) expectation { return unusableAfter(1, text) }

func unusableAfter(attempts int, text string) expectation {
	return func(t *testing.T, r *result) {
		t.Helper()
		var got *client.ResponseError
		require.ErrorAs(t, r.err, &got)
		assert.Equal(t, r.operation, got.Operation)
		assert.Equal(t, attempts, r.response.Attempts, "attempts")
		assert.ErrorContains(t, r.err, text)
		assert.Equal(t, r.operation == opCreate, strings.Contains(r.err.Error(), "the session may exist"), r.err)
		assert.Equal(t, r.operation == opCreate, client.MaybeCreated(r.err))
	}
}

// contextEnds expects an error that wraps the context's error.
func contextEnds(err error, attempts int) expectation {
	return func(t *testing.T, r *result) {
		t.Helper()
		require.ErrorIs(t, r.err, err)
		assert.Equal(t, attempts, r.response.Attempts, "attempts before %v", r.err)
	}
}

// byOperation checks Create and Authenticate differently.
func byOperation(create, authenticate expectation) expectation {
	return func(t *testing.T, r *result) {
		t.Helper()
		if r.operation == opCreate {
			create(t, r)
		} else {
			authenticate(t, r)
		}
	}
}

// all checks every expectation.
func all(expectations ...expectation) expectation {
	return func(t *testing.T, r *result) {
		t.Helper()
		for _, check := range expectations {
			check(t, r)
		}
	}
}

// wraps expects an error that wraps each of errs.
func wraps(errs ...error) expectation {
	return func(t *testing.T, r *result) {
		t.Helper()
		for _, err := range errs {
			assert.ErrorIs(t, r.err, err)
		}
	}
}

// says expects an error that contains text.
func says(text string) expectation {
	return func(t *testing.T, r *result) { t.Helper(); assert.ErrorContains(t, r.err, text) }
}
