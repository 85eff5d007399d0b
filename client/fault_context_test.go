package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// Faults of the caller's side: contexts, transports, and values that change.

// stalled is a body that holds some text, and then blocks until it is closed.
type stalled struct {
	io.Reader
	closed chan struct{}
	once   sync.Once
}

func (s *stalled) Read(p []byte) (int, error) {
	if n, _ := s.Reader.Read(p); n > 0 {
		return n, nil
	}
	<-s.closed
	return 0, errors.New("read after close")
}

func (s *stalled) Close() error { s.once.Do(func() { close(s.closed) }); return nil }

// stalls is an attempt whose answer begins and never ends, whatever the context says.
func stalls(status int) step {
	return func(r *http.Request) (*http.Response, error) {
		res := response(r, status, nil)
		res.Body = &stalled{Reader: strings.NewReader(`{"message":"half`), closed: make(chan struct{})}
		return res, nil
	}
}

// deaf is an attempt that does not end when the context does, but later.
func deaf(r *http.Request) (*http.Response, error) {
	res, err := hangs(r)
	time.Sleep(time.Second) // of a bubble
	return res, err
}

var errShutdown = errors.New("the program shuts down")

// The context ends when a call has taken 3 s.
func TestFault34ContextEnds(t *testing.T) {
	t.Parallel()
	const end = 3 * time.Second
	wait := answers(429, `{"message":"slow down"}`, "Retry-After", "50")
	kept := func(status int) outcome {
		return func(t *testing.T, r *result) { t.Helper(); requireAPIError(t, r.err, r.operation, status) }
	}
	longWaits := client.RetryPolicy{MinBackoff: 1000 * time.Hour, MaxBackoff: 1000 * time.Hour}
	tests := []struct {
		name  string
		meets []step
		want  func(error) outcome
		took  time.Duration
		opts  []client.Option
	}{
		{name: "in a wait", meets: []step{wait}, want: func(err error) outcome { return all(CTX(err, 1), kept(429)) }, took: end},
		{
			name: "in a wait after a refused connection", meets: []step{fails(errRefused)}, took: end,
			want: func(err error) outcome {
				return all(CTX(err, 1), transportError(false, 1), wraps(syscall.ECONNREFUSED))
			},
			opts: []client.Option{client.WithRetryPolicy(longWaits)},
		},
		{
			name: "in a wait after a refused connection, after an answer", took: end,
			meets: []step{answers(429, "{}", "Retry-After", "1"), fails(errRefused)},
			want:  func(err error) outcome { return all(CTX(err, 2), transportError(true, 2), kept(429)) },
			opts:  []client.Option{client.WithRetryPolicy(longWaits)},
		},
		{
			name: "in a wait after an answer, after a refused connection", took: end,
			meets: []step{fails(errRefused), wait},
			want: func(err error) outcome {
				return all(CTX(err, 2), kept(429), func(t *testing.T, r *result) {
					assert.NotErrorIs(t, r.err, syscall.ECONNREFUSED, "the answer came after it")
				})
			},
			opts: []client.Option{client.WithRetryPolicy(quick)},
		},
		{
			name: "in a wait, after another", meets: []step{answers(429, "{}", "Retry-After", "1"), wait}, took: end,
			want: func(err error) outcome { return all(CTX(err, 2), kept(429)) },
		},
		{
			name: "awaiting the header", meets: []step{hangs}, took: end,
			want: func(err error) outcome { return all(CTX(err, 1), transportError(true, 1)) },
		},
		{
			name: "awaiting the header, after an answer", meets: []step{answers(429, "{}", "Retry-After", "1"), hangs}, took: end,
			want: func(err error) outcome { return all(CTX(err, 2), kept(429)) },
		},
		{
			name: "as an answer arrives", meets: []step{takes(end+time.Second, answers(429, "{}"))}, took: end + time.Second,
			want: func(err error) outcome { return all(CTX(err, 1), kept(429)) },
		},
		{
			name: "with the answer's secrets in its message", took: end,
			meets: []step{answers(429, `{"token":"planted","message":"no planted"}`, "Retry-After", "1"), hangs},
			want:  func(err error) outcome { return all(CTX(err, 2), says("429 Too Many Requests: no [redacted]")) },
		},
		{name: "awaiting the header of a slow transport", meets: []step{deaf}, want: func(err error) outcome { return CTX(err, 1) }, took: end + time.Second},
		{name: "in the body", meets: []step{stalls(201)}, want: func(err error) outcome { return all(CTX(err, 1), says("the session may exist")) }, took: end},
		{
			name: "in the body, after an answer", meets: []step{answers(429, "{}", "Retry-After", "1"), stalls(201)}, took: end,
			want: func(err error) outcome { return all(CTX(err, 2), kept(429)) },
		},
		{name: "in the body of an error", meets: []step{stalls(400)}, want: func(err error) outcome { return all(CTX(err, 1), kept(400)) }, took: end},
		{name: "in the body of an error that is repeated", meets: []step{stalls(429)}, want: func(err error) outcome { return all(CTX(err, 1), kept(429)) }, took: end},
	}
	wrapped := fmt.Errorf("wrapped: %w", context.Canceled)
	ends := map[string]struct {
		errs []error // that the error must hold
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
						c := through(t, meets(tt.meets...), tt.opts...)
						begin()
						r := call(ctx, t, operation, c)
						if tt.name == "in the body" && operation == opAuthenticate {
							CTX(how.errs[0], 1)(t, r) // nothing was made
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

func TestFault11DeadlineAndTimeout(t *testing.T) {
	run(t, []fault{
		{name: "11 header never comes", meets: []step{hangs}, want: all(AMB, wraps(context.DeadlineExceeded), says("time-out of 1m5s")), took: span{65 * time.Second, 196 * time.Second}},
		{name: "11 until the deadline", meets: []step{hangs}, want: all(CTX(context.DeadlineExceeded, 1), transportError(true, 1)), deadline: 7 * time.Second, took: exactly(7 * time.Second)},
		{name: "11 WithTimeout(0) until the deadline", meets: []step{hangs}, want: CTX(context.DeadlineExceeded, 1), deadline: 24 * time.Hour, took: exactly(24 * time.Hour), opts: []client.Option{client.WithTimeout(0)}},
		{name: "11 the deadline inside the second attempt", meets: []step{answers(429, "{}", "Retry-After", "1"), hangs}, want: all(CTX(context.DeadlineExceeded, 2), API(429, 1)), deadline: 7 * time.Second, took: exactly(7 * time.Second)},
		{name: "16 body stalls", meets: []step{stalls(201)}, want: all(sent("time-out of 1m5s"), wraps(context.DeadlineExceeded)), took: exactly(65 * time.Second)},
		{name: "16 body stalls until the deadline", meets: []step{stalls(201)}, want: CTX(context.DeadlineExceeded, 1), deadline: 7 * time.Second, took: exactly(7 * time.Second)},
		{name: "16 body of an error stalls", meets: []step{stalls(400)}, want: API(400, 1), took: exactly(65 * time.Second)},
		{name: "34 key function that waits for ever", meets: []step{answers(201, link)}, want: notSent(context.DeadlineExceeded), took: exactly(65 * time.Second), opts: []client.Option{waitForKey}},
		{name: "34 key function until the deadline", meets: []step{answers(201, link)}, want: notSent(context.DeadlineExceeded), deadline: time.Second, took: exactly(time.Second), opts: []client.Option{waitForKey}},
	})
}

// notSent is a call that ended inside its only attempt, before the transport. It
// counts as no attempt, for the table's comparison with what the transport saw.
func notSent(err error) outcome {
	return func(t *testing.T, r *result) {
		t.Helper()
		all(transportError(false, 1), wraps(err))(t, r)
		r.response.Attempts = 0
	}
}

var waitForKey = client.WithAPIKeyFunc(func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() })

func TestFault34OverTCP(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer string
		want   outcome
	}{
		"awaiting the header": {"", transportError(true, 1)},
		"inside the header":   {okHeader, transportError(true, 1)},
		"reading the body":    {okHeader + "Content-Length: 500\r\n\r\n" + link[:20], CTX(context.Canceled, 1)},
	} {
		for operation := range operations {
			t.Run(name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithCancelCause(t.Context())
				addr, _ := listen(t, func(conn net.Conn) {
					sends(tt.answer)(conn)
					cancel(errShutdown)
					hold(conn)
				})
				r := call(ctx, t, operation, at(t, "http://"+addr))
				all(CTX(context.Canceled, 1), tt.want, wraps(errShutdown))(t, r)
			})
		}
	}
}

func TestFault35ContextDoneBefore(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(errShutdown)
	past, stop := context.WithDeadline(t.Context(), time.Unix(0, 0))
	t.Cleanup(stop)
	for operation := range operations {
		transport := meets(answers(201, link))
		c := through(t, transport)
		all(CTX(context.Canceled, 0), transportError(false, 0), wraps(errShutdown))(t, call(cancelled, t, operation, c))
		all(CTX(context.DeadlineExceeded, 0), transportError(false, 0))(t, call(past, t, operation, c))
		var none context.Context
		r := &result{}
		require.NotPanics(t, func() { r = call(none, t, operation, c) })
		says("nil context")(t, r)
		assert.Zero(t, transport.met, "attempts")
	}
	t.Run("through Generated", func(t *testing.T) {
		transport := meets(answers(201, link))
		_, err := through(t, transport).Generated().CreateConnectSessionWithResponse(cancelled, owner)
		require.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, transport.met, "attempts")
	})
}

// TestKeyFunctionAndContext says that what a key function does to the context counts.
func TestKeyFunctionAndContext(t *testing.T) {
	t.Parallel()
	sends := 0
	c := answering(t, 0, nil, "", client.WithHTTPClient(&http.Client{Transport: roundTripper(
		func(r *http.Request) (*http.Response, error) {
			sends++
			return &http.Response{StatusCode: 201, Body: io.NopCloser(strings.NewReader(link))}, nil
		})}))
	for name, failure := range map[string]error{"and a key": nil, "and an error": assert.AnError} {
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
		err := create(c, client.WithTimeout(time.Second), client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}),
			client.WithAPIKeyFunc(func(context.Context) (string, error) { time.Sleep(2 * time.Second); return testKey, nil }))
		require.ErrorContains(t, err, "time-out of 1s")
	})
	assert.Zero(t, sends)
}
