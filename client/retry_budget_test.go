package client_test

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

func TestRetryBudget(t *testing.T) {
	t.Parallel()
	const calls, budget = 30, 10
	for name, tt := range map[string]struct {
		operation string
		step      step
		last      func(attempts int) expectation
	}{
		"create, 429":                {opCreate, responds(429, "{}"), func(n int) expectation { return failsWithStatus(429, n) }},
		"create, connection refused": {opCreate, fails(errRefused), neverSent},
		"authenticate, 500":          {opAuthenticate, responds(500, "{}"), func(n int) expectation { return failsWithStatus(500, n) }},
		"authenticate, connection reset": {
			opAuthenticate, failsAfterSending(errReset), maybeSent,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				transport := fake(tt.step)
				c := through(t, transport)
				for n := range calls {
					attempts := 1
					if n < budget/2 {
						attempts = 3
					}
					// A call's own policy uses the client's budget too.
					opt := client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 3})
					tt.last(attempts)(t, call(t.Context(), t, tt.operation, c, opt))
				}
				assert.Equal(t, calls+budget, transport.attempts, "attempts")
			})
		})
	}
	t.Run("ten successes allow one retry", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			down := true
			c := through(t, roundTripper(func(r *http.Request) (*http.Response, error) {
				if down {
					return responds(500, "{}")(r)
				}
				return responds(201, link)(r)
			}))
			attempts := func() int { return call(t.Context(), t, opAuthenticate, c).response.Attempts }
			for spent := 0; attempts() > 1; spent++ {
				require.Less(t, spent, budget, "calls that are still retried")
			}
			for _, want := range []struct{ successes, attempts int }{{9, 1}, {1, 2}, {0, 1}, {200, 3}} {
				down = false
				for range want.successes {
					attempts()
				}
				down = true
				assert.Equal(t, want.attempts, attempts(), "attempts after %d successes", want.successes)
			}
			sends := 3
			for range calls {
				sends += attempts()
			}
			assert.Equal(t, 1+calls+budget, sends, "attempts: the budget holds at most ten retries")
		})
	})
	t.Run("a call that cannot wait uses no budget", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			transport := fake(responds(429, "{}", "Retry-After", "100"))
			c := through(t, transport)
			for range calls {
				failsWithStatus(429, 1)(t, call(t.Context(), t, opCreate, c))
			}
			transport.steps = []step{responds(429, "{}")}
			failsWithStatus(429, 3)(t, call(t.Context(), t, opCreate, c))
		})
	})
	t.Run("a cancelled call uses no budget", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			transport := fake(hangs)
			c := through(t, transport)
			for range calls {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				contextEnds(context.Canceled, 1)(t, call(ctx, t, opAuthenticate, c))
			}
			transport.steps = []step{responds(429, "{}")}
			failsWithStatus(429, 3)(t, call(t.Context(), t, opCreate, c))
		})
	})
	t.Run("successes of calls without retries add nothing", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			transport := fake(responds(429, "{}"))
			c := through(t, transport)
			for call(t.Context(), t, opCreate, c).response.Attempts > 1 {
			}
			transport.steps = []step{responds(201, link)}
			for range calls {
				succeeds(1)(t, call(t.Context(), t, opCreate, c, noRetries))
			}
			transport.steps = []step{responds(429, "{}")}
			failsWithStatus(429, 1)(t, call(t.Context(), t, opCreate, c))
		})
	})
}

// TestOutage measures how many attempts a service receives per call while every call
// fails with an error that is retried.
func TestOutage(t *testing.T) {
	t.Parallel()
	faults := map[string]roundTripper{
		"503": func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 503, Body: http.NoBody}, nil
		},
		"429 with Retry-After": func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"30"}}, Body: http.NoBody}, nil
		},
		"refused": func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const calls = 10_000
				var sends atomic.Int64
				c, err := client.New(client.WithAPIKey(testKey), client.WithHTTPClient(&http.Client{
					Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
						sends.Add(1)
						return fault(r)
					}),
				}))
				require.NoError(t, err)
				start := time.Now()
				for range calls {
					require.Error(t, authenticate(c))
				}
				load := float64(sends.Load()) / calls
				assert.LessOrEqual(t, load, 1.05)
				assert.Equal(t, int64(calls+10), sends.Load(), "one attempt per call and the ten retries of the budget")
				t.Logf("%d calls, %.4f attempts per call, %s of waits", calls, load, time.Since(start))
			})
		})
	}
}
