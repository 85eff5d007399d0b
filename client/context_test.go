package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// ignoresContext returns one second after the context has ended.
func ignoresContext(r *http.Request) (*http.Response, error) {
	res, err := hangs(r)
	time.Sleep(time.Second) // in virtual time
	return res, err
}

var errShutdown = errors.New("shutting down")

// The context is cancelled 3 s after the call starts.
func TestContextCancelled(t *testing.T) {
	t.Parallel()
	const end = 3 * time.Second
	wait := responds(429, `{"message":"slow down"}`, "Retry-After", "50")
	kept := func(status int) expectation {
		return func(t *testing.T, r *result) { t.Helper(); requireAPIError(t, r.err, r.operation, status) }
	}
	longWaits := client.RetryPolicy{MinBackoff: 1000 * time.Hour, MaxBackoff: 1000 * time.Hour}
	tests := []struct {
		name  string
		steps []step
		want  func(error) expectation
		took  time.Duration
		opts  []client.Option
	}{
		{name: "during the backoff", steps: []step{wait}, want: func(err error) expectation { return all(contextEnds(err, 1), refusedThenFails(1), kept(429)) }, took: end},
		{
			name: "during the backoff after a refused connection", steps: []step{fails(errRefused)}, took: end,
			want: func(err error) expectation {
				return all(contextEnds(err, 1), neverSent(1), wraps(syscall.ECONNREFUSED))
			},
			opts: []client.Option{client.WithRetryPolicy(longWaits)},
		},
		{
			name: "during the backoff after a 429 and a refused connection", took: end,
			steps: []step{responds(429, "{}", "Retry-After", "1"), fails(errRefused)},
			want:  func(err error) expectation { return all(contextEnds(err, 2), refusedThenFails(2), kept(429)) },
			opts:  []client.Option{client.WithRetryPolicy(longWaits)},
		},
		{
			name: "during the backoff after a refused connection and a 429", took: end,
			steps: []step{fails(errRefused), wait},
			want: func(err error) expectation {
				return all(contextEnds(err, 2), kept(429), func(t *testing.T, r *result) {
					assert.NotErrorIs(t, r.err, syscall.ECONNREFUSED, "the later response replaces it")
				})
			},
			opts: []client.Option{client.WithRetryPolicy(quick)},
		},
		{
			name: "during the second backoff", steps: []step{responds(429, "{}", "Retry-After", "1"), wait}, took: end,
			want: func(err error) expectation { return all(contextEnds(err, 2), kept(429)) },
		},
		{
			name: "awaiting the header", steps: []step{hangs}, took: end,
			want: func(err error) expectation { return all(contextEnds(err, 1), maybeSent(1)) },
		},
		{
			name: "awaiting the header after a 429", steps: []step{responds(429, "{}", "Retry-After", "1"), hangs}, took: end,
			want: func(err error) expectation { return all(contextEnds(err, 2), kept(429)) },
		},
		{
			name: "before a late response", steps: []step{delayed(end+time.Second, responds(429, "{}"))}, took: end + time.Second,
			want: func(err error) expectation { return all(contextEnds(err, 1), kept(429)) },
		},
		{
			name: "after a 429 with a secret in its message", took: end,
			steps: []step{responds(429, `{"token":"planted","message":"no planted"}`, "Retry-After", "1"), hangs},
			want: func(err error) expectation {
				return all(contextEnds(err, 2), says("429 Too Many Requests: no [redacted]"))
			},
		},
		{name: "in a transport that ignores the context for a second", steps: []step{ignoresContext}, want: func(err error) expectation { return contextEnds(err, 1) }, took: end + time.Second},
		{name: "reading the body", steps: []step{stalls(201)}, want: func(err error) expectation { return all(contextEnds(err, 1), says("the session may exist")) }, took: end},
		{
			name: "reading the body after a 429", steps: []step{responds(429, "{}", "Retry-After", "1"), stalls(201)}, took: end,
			want: func(err error) expectation { return all(contextEnds(err, 2), kept(429)) },
		},
		{name: "reading the body of a 400", steps: []step{stalls(400)}, want: func(err error) expectation { return all(contextEnds(err, 1), kept(400)) }, took: end},
		{name: "reading the body of a 429", steps: []step{stalls(429)}, want: func(err error) expectation { return all(contextEnds(err, 1), refusedThenFails(1), kept(429)) }, took: end},
	}
	wrapped := fmt.Errorf("wrapped: %w", context.Canceled)
	ends := map[string]struct {
		errs []error // wrapped by the call's error
		end  func(context.Context) (context.Context, func())
	}{
		"cancelled": {[]error{context.Canceled}, func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancel(ctx)
			return ctx, func() { time.AfterFunc(end, cancel) }
		}},
		"cancelled with a cause": {[]error{context.Canceled, errShutdown}, func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(ctx)
			return ctx, func() { time.AfterFunc(end, func() { cancel(errShutdown) }) }
		}},
		"cancelled with a cause that wraps": {[]error{context.Canceled, wrapped}, func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(ctx)
			return ctx, func() { time.AfterFunc(end, func() { cancel(wrapped) }) }
		}},
	}
	for name, how := range ends {
		for _, tt := range tests {
			for operation := range operations {
				t.Run(name+" "+tt.name+"/"+operation, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						ctx, begin := how.end(t.Context())
						c := through(t, fake(tt.steps...), tt.opts...)
						begin()
						r := call(ctx, t, operation, c)
						if tt.name == "reading the body" && operation == opAuthenticate {
							contextEnds(how.errs[0], 1)(t, r) // Authenticate creates nothing
						} else {
							tt.want(how.errs[0])(t, r)
						}
						wraps(how.errs...)(t, r)
						requireTook(t, exactly(tt.took), r.took)
					})
				})
			}
		}
	}
}

func TestDeadlineAndTimeout(t *testing.T) {
	run(t, []scenario{
		{name: "no response header", steps: []step{hangs}, want: all(ambiguous, wraps(context.DeadlineExceeded), says("timeout of 1m5s")), took: span{65 * time.Second, 196 * time.Second}},
		{name: "no response header before the deadline", steps: []step{hangs}, want: all(contextEnds(context.DeadlineExceeded, 1), maybeSent(1)), deadline: 7 * time.Second, took: exactly(7 * time.Second)},
		{name: "no response header before the deadline, WithTimeout(0)", steps: []step{hangs}, want: contextEnds(context.DeadlineExceeded, 1), deadline: 24 * time.Hour, took: exactly(24 * time.Hour), opts: []client.Option{client.WithTimeout(0)}},
		{name: "deadline during the second attempt", steps: []step{responds(429, "{}", "Retry-After", "1"), hangs}, want: all(contextEnds(context.DeadlineExceeded, 2), wrapsStatus(429, 1)), deadline: 7 * time.Second, took: exactly(7 * time.Second)},
		{name: "body stalls", steps: []step{stalls(201)}, want: all(unusable("timeout of 1m5s"), wraps(context.DeadlineExceeded)), took: exactly(65 * time.Second)},
		{name: "body stalls until the deadline", steps: []step{stalls(201)}, want: contextEnds(context.DeadlineExceeded, 1), deadline: 7 * time.Second, took: exactly(7 * time.Second)},
		{name: "error body stalls", steps: []step{stalls(400)}, want: failsWithStatus(400, 1), took: exactly(65 * time.Second)},
		{name: "key function blocks", steps: []step{responds(201, link)}, want: notSent(context.DeadlineExceeded), took: exactly(65 * time.Second), opts: []client.Option{waitForKey}},
		{name: "key function blocks until the deadline", steps: []step{responds(201, link)}, want: notSent(context.DeadlineExceeded), deadline: time.Second, took: exactly(time.Second), opts: []client.Option{waitForKey}},
	})
}

// notSent expects that the only attempt ended before it reached the transport. It clears
// the number of attempts, because run compares it with those that the transport saw.
func notSent(err error) expectation {
	return func(t *testing.T, r *result) {
		t.Helper()
		all(neverSent(1), wraps(err))(t, r)
		r.response.Attempts = 0
	}
}

var waitForKey = client.WithAPIKeyFunc(func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() })

func TestContextCancelledOverTCP(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want expectation
	}{
		"awaiting the header": {"", maybeSent(1)},
		"inside the header":   {okHeader, maybeSent(1)},
		"reading the body":    {okHeader + "Content-Length: 500\r\n\r\n" + link[:20], contextEnds(context.Canceled, 1)},
	} {
		for operation := range operations {
			t.Run(name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithCancelCause(t.Context())
				addr, _ := listen(t, func(conn net.Conn) {
					sends(tt.text)(conn)
					cancel(errShutdown)
					hold(conn)
				})
				r := call(ctx, t, operation, at(t, "http://"+addr))
				all(contextEnds(context.Canceled, 1), tt.want, wraps(errShutdown))(t, r)
			})
		}
	}
}

func TestContextDoneBeforeCall(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(errShutdown)
	past, stop := context.WithDeadline(t.Context(), time.Unix(0, 0))
	t.Cleanup(stop)
	for operation := range operations {
		transport := fake(responds(201, link))
		c := through(t, transport)
		all(contextEnds(context.Canceled, 0), neverSent(0), wraps(errShutdown))(t, call(cancelled, t, operation, c))
		all(contextEnds(context.DeadlineExceeded, 0), neverSent(0))(t, call(past, t, operation, c))
		var nilContext context.Context
		r := &result{}
		require.NotPanics(t, func() { r = call(nilContext, t, operation, c) })
		says("nil context")(t, r)
		assert.Zero(t, transport.attempts, "attempts")
	}
	t.Run("through Generated", func(t *testing.T) {
		transport := fake(responds(201, link))
		_, err := through(t, transport).Generated().CreateConnectSessionWithResponse(cancelled, owner)
		require.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, transport.attempts, "attempts")
	})
}

// A call ends if its key function cancels the context or outlasts the timeout.
func TestContextEndsInKeyFunction(t *testing.T) {
	t.Parallel()
	sends := 0
	c := through(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		sends++
		return &http.Response{StatusCode: 201, Body: io.NopCloser(strings.NewReader(link))}, nil
	}), noRetries)
	for name, failure := range map[string]error{"returns a key": nil, "returns an error": assert.AnError} {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := c.ConnectSessions.Create(ctx, owner, client.WithAPIKeyFunc(func(context.Context) (string, error) {
			cancel()
			return testKey, failure
		}))
		require.ErrorIs(t, err, context.Canceled, name)
		if failure != nil {
			require.ErrorIs(t, err, failure, name)
		}
		var broken *client.TransportError
		require.ErrorAs(t, err, &broken, name)
		assert.False(t, broken.MaybeSent, name)
	}
	assert.Zero(t, sends)

	synctest.Test(t, func(t *testing.T) {
		err := create(c, client.WithTimeout(time.Second), noRetries,
			client.WithAPIKeyFunc(func(context.Context) (string, error) { time.Sleep(2 * time.Second); return testKey, nil }))
		require.ErrorContains(t, err, "timeout of 1s")
	})
	assert.Zero(t, sends)
}
