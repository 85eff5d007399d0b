package connect_test

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

func TestTooManyRequestsHoldsTheLooks(t *testing.T) {
	t.Parallel()
	isLook := func(r stackonetest.Request) bool { return r.Path == "/connect_sessions/authenticate" }
	for name, tt := range map[string]struct {
		retryAfter time.Duration
		want       time.Duration
	}{
		"for the Retry-After":                      {30 * time.Second, 30 * time.Second},
		"for the interval without a Retry-After":   {0, 2 * time.Second},
		"for an hour if the Retry-After is longer": {24 * time.Hour, time.Hour},
		"for an hour if the Retry-After is absurd": {1 << 62, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testWaiterWith(t, connect.WaiterOptions{LooksPerMinute: 100}, func(t *testing.T, w *fixture) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w.startMany(ctx, 20)
				time.Sleep(time.Minute)
				fault := stackonetest.Fault{Status: 429, RetryAfter: tt.retryAfter, When: isLook}
				if tt.retryAfter == 0 {
					fault.Header = http.Header{"Retry-After": nil}
				}
				w.srv.Inject(fault)
				time.Sleep(600 * time.Millisecond)
				synctest.Wait()
				refused, before := w.looks()[len(w.looks())-1].at, w.lookCount()

				begun := time.Now()
				_, err := w.client.ConnectSessions.Create(t.Context(), owner)
				require.NoError(t, err)
				assert.Zero(t, time.Since(begun), "a create does not wait")

				time.Sleep(tt.want + tt.want/10 + time.Second)
				synctest.Wait()
				require.Greater(t, w.lookCount(), before)
				held := w.looks()[before].at.Sub(refused)
				assert.GreaterOrEqual(t, held, tt.want)
				assert.LessOrEqual(t, held, tt.want+tt.want/10)

				time.Sleep(6 * time.Minute)
				between := gaps(w.looks()[before:])
				assert.InDelta(t, 1200, between[0].Milliseconds(), 10, "at half the pace")
				assert.True(t, slices.IsSortedFunc(between, func(a, b time.Duration) int { return int(b - a) }), "then gradually faster")
				var slower time.Duration
				for _, gap := range between {
					if gap > 600*time.Millisecond {
						slower += gap
					}
				}
				assert.InDelta(t, 3.5, slower.Minutes(), 0.2, "until the pace is as before")
			})
		})
	}
}

// Several 429s to looks sent at the same time slow the looks only once.
func TestSimultaneousTooManyRequests(t *testing.T) {
	t.Parallel()
	testWaiter(t, func(t *testing.T, w *fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.startMany(ctx, 30)
		time.Sleep(10 * time.Second)
		w.srv.Inject(stackonetest.Fault{Status: 429, RetryAfter: 30 * time.Second, Delay: time.Second, Times: 8})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		before := w.lookCount()
		time.Sleep(40 * time.Second)
		synctest.Wait()
		assert.InDelta(t, 240, gaps(w.looks()[before:])[0].Milliseconds(), 2, "half the pace, not less")
	})
}

// A 429 slows the looks even without a limit.
func TestTooManyRequestsWithoutALimit(t *testing.T) {
	t.Parallel()
	testWaiterWith(t, connect.WaiterOptions{LooksPerMinute: -1}, func(t *testing.T, w *fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.startMany(ctx, 20)
		time.Sleep(time.Minute)
		w.srv.Inject(stackonetest.Fault{Status: 429, RetryAfter: 30 * time.Second, Times: 1})
		time.Sleep(4 * time.Second)
		synctest.Wait()
		before := w.lookCount()
		time.Sleep(40 * time.Second)
		synctest.Wait()
		assert.InDelta(t, 120, gaps(w.looks()[before:])[0].Milliseconds(), 2, "500 a minute")
		time.Sleep(2 * time.Minute)
		before = w.lookCount()
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.InDelta(t, 20*60/2.1, w.lookCount()-before, 40, "then each session is looked at every Interval again")
	})
}

// A wait looks again after an hour, however long StackOne asked it to wait.
func TestHugeRetryAfterDelaysOneLookByAnHour(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 503} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			testWaiter(t, func(t *testing.T, w *fixture) {
				request := owner
				request.ExpiresIn = 24 * 60 * 60
				token := w.create(request).Details().Token
				w.srv.Inject(stackonetest.Fault{Status: status, RetryAfter: 1000 * time.Hour})
				begun := time.Now()
				w.start(t.Context(), token)
				time.Sleep(80 * time.Minute)
				synctest.Wait()
				times := w.lookTimes(begun, token)
				require.Greater(t, len(times), 1)
				assert.GreaterOrEqual(t, times[1], time.Hour)
			})
		})
	}
}
