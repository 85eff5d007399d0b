package connect_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

// gaps returns the times between looks, in order.
func gaps(looks []look) (between []time.Duration) {
	for i := range looks[1:] {
		between = append(between, looks[i+1].at.Sub(looks[i].at))
	}
	return between
}

// withinAMinute returns the largest number of looks in any minute.
func withinAMinute(looks []look) (most int) {
	first := 0
	for i, l := range looks {
		for l.at.Sub(looks[first].at) >= time.Minute {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

func TestLooksPerMinute(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		option, want int
		gap          time.Duration
	}{
		"default":                   {0, 500, 120 * time.Millisecond},
		"another":                   {60, 60, time.Second},
		"one a minute":              {1, 1, time.Minute},
		"not a divisor of a minute": {700, 700, 85714286 * time.Nanosecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testWaiterWith(t, connect.WaiterOptions{LooksPerMinute: tt.option}, func(t *testing.T, w *fixture) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w.startMany(ctx, 50)
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				assert.Equal(t, tt.want, withinAMinute(w.looks()))
				between := gaps(w.looks())
				assert.Equal(t, tt.gap, slices.Min(between))
				if tt.want < 1000 { // 50 waits exhaust the limit
					assert.Equal(t, tt.gap, slices.Max(between), "evenly spaced")
				}
			})
		})
	}
	t.Run("no limit", func(t *testing.T) {
		t.Parallel()
		testWaiterWith(t, connect.WaiterOptions{LooksPerMinute: -1}, func(t *testing.T, w *fixture) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w.startMany(ctx, 50)
			time.Sleep(time.Minute)
			synctest.Wait()
			assert.InDelta(t, 50*60/2.1, w.lookCount(), 100, "each session every 2 to 2.2 s")
		})
	})
}

func TestFewWaitsLookAtEveryInterval(t *testing.T) {
	t.Parallel()
	testWaiter(t, func(t *testing.T, w *fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		begun := time.Now()
		for _, token := range w.startMany(ctx, 8) {
			defer func() {
				times := w.lookTimes(begun, token)
				require.Greater(t, len(times), 25)
				for i := range times[1:] {
					assert.InDelta(t, 2.1, (times[i+1] - times[i]).Seconds(), 0.25)
				}
			}()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
	})
}

func TestFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	testWaiterWith(t, connect.WaiterOptions{LooksPerMinute: 120}, func(t *testing.T, w *fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tokens := w.startMany(ctx, 50)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		for i, token := range tokens {
			require.Equal(t, token, w.looks()[i].token, "the first looks are in the order of the calls")
		}
		last := map[string]int{}
		for i, l := range w.looks() {
			if before, ok := last[l.token]; ok {
				require.InDelta(t, len(tokens), i-before, 3, "once each turn, apart from the random part of the interval")
			}
			last[l.token] = i
		}
	})
}

func TestFirstLookGoesToTheFront(t *testing.T) {
	t.Parallel()
	testWaiterWith(t, connect.WaiterOptions{LooksPerMinute: 120}, func(t *testing.T, w *fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.startMany(ctx, 50)
		time.Sleep(time.Minute) // all have looked, and are due again
		begun := time.Now()
		for i, token := range w.startMany(ctx, 3) {
			time.Sleep(time.Second)
			first := w.lookTimes(begun, token)
			require.NotEmpty(t, first)
			assert.Less(t, first[0], time.Duration(i)*time.Second+550*time.Millisecond)
		}
	})
}

// A failed first look is soon repeated at the front. Otherwise no event could end the
// wait until all others have looked.
func TestFailedFirstLookIsRepeatedAtTheFront(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault stackonetest.Fault
		after time.Duration // from the start of the wait to its second look
	}{
		"503":                           {stackonetest.Fault{Status: 503}, 2 * time.Second},
		"503 with a Retry-After":        {stackonetest.Fault{Status: 503, RetryAfter: 20 * time.Second}, 20 * time.Second},
		"429":                           {stackonetest.Fault{Status: 429, RetryAfter: time.Second}, 2 * time.Second},
		"429 with a longer Retry-After": {stackonetest.Fault{Status: 429, RetryAfter: 20 * time.Second}, 20 * time.Second},
		"reset":                         {stackonetest.Fault{Reset: stackonetest.ResetAfterReading}, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testWaiter(t, func(t *testing.T, w *fixture) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w.startMany(ctx, 200)
				time.Sleep(time.Minute) // all have looked, and are due again
				request := owner
				request.OriginOwnerID = "customer-2"
				token := w.create(request).Details().Token
				tt.fault.When = func(r stackonetest.Request) bool { return strings.Contains(string(r.Body), token) }
				w.srv.Inject(tt.fault)
				begun := time.Now()
				result := w.start(ctx, token)
				time.Sleep(5 * time.Second)
				event := connected("account-1")
				event.OriginOwnerID = "customer-2"
				w.waiter.Connected(event)
				time.Sleep(time.Minute)
				got := result()
				require.NotNil(t, got)
				require.NoError(t, got.err)
				assert.Equal(t, "account-1", got.attempt.AccountSecureID)
				times := w.lookTimes(begun, token)
				require.Len(t, times, 2)
				assert.GreaterOrEqual(t, times[1], tt.after)
				assert.LessOrEqual(t, times[1], tt.after+tt.after/10+time.Second)
				assert.LessOrEqual(t, got.at.Sub(begun), max(5*time.Second, times[1]), "immediately")
			})
		})
	}
}

// A first look that keeps failing goes to the front three more times and then takes its
// turn. Otherwise a few failing sessions would keep all others waiting.
func TestRepeatedlyFailingFirstLookTakesItsTurn(t *testing.T) {
	t.Parallel()
	testWaiterWith(t, connect.WaiterOptions{LooksPerMinute: 60}, func(t *testing.T, w *fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.startMany(ctx, 60)
		time.Sleep(2 * time.Minute)
		w.srv.Inject(stackonetest.Fault{Status: 500, Times: -1, When: func(r stackonetest.Request) bool {
			return slices.Contains(r.Header["X-Failing"], "yes")
		}})
		begun := time.Now()
		w.start(ctx, w.token, client.WithHeader("X-Failing", "yes"))
		time.Sleep(90 * time.Second)
		synctest.Wait()
		times := w.lookTimes(begun, w.token)
		require.Len(t, times, 5)
		assert.Less(t, times[3], 15*time.Second)
		assert.Greater(t, times[4]-times[3], 55*time.Second, "after all others have looked")
	})
}

// Waits keep looking while new ones keep starting. If the limit suffices for both, each
// new wait looks immediately.
func TestSteadyInflowOfWaits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		perMinute   int
		between     time.Duration // longest time between two looks of an earlier wait
		immediately bool
	}{
		"within the limit": {200, 45 * time.Second, true},
		"above the limit":  {520, time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testWaiter(t, func(t *testing.T, w *fixture) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				earlier := w.startMany(ctx, 100)
				time.Sleep(time.Minute)
				begun := time.Now()
				started := map[string]time.Time{}
				for range 3 * tt.perMinute {
					token := w.create(owner).Details().Token
					started[token] = time.Now()
					leaving, leave := context.WithTimeout(ctx, 20*time.Second)
					w.start(leaving, token)
					time.AfterFunc(time.Minute, leave)
					time.Sleep(time.Minute / time.Duration(tt.perMinute))
				}
				synctest.Wait()
				for _, token := range earlier {
					times := append(w.lookTimes(begun, token), time.Since(begun))
					for i := range times {
						require.LessOrEqual(t, times[i]-times[max(0, i-1)], tt.between)
					}
					require.LessOrEqual(t, times[0], tt.between)
				}
				assert.LessOrEqual(t, withinAMinute(w.looks()), 500)
				time.Sleep(time.Second)
				for token, at := range started {
					if times := w.lookTimes(at, token); tt.immediately {
						require.NotEmpty(t, times)
						require.LessOrEqual(t, times[0], 300*time.Millisecond)
					}
				}
				time.Sleep(time.Minute) // until all timers have fired
			})
		})
	}
}

func TestCancelledWaitLeavesTheQueue(t *testing.T) {
	t.Parallel()
	testWaiter(t, func(t *testing.T, w *fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.startMany(ctx, 100)
		leaving, leave := context.WithCancel(t.Context())
		result := w.start(leaving, w.token)
		time.Sleep(time.Minute)
		require.Nil(t, result())
		left := time.Now()
		leave()
		got := result()
		require.NotNil(t, got)
		require.ErrorIs(t, got.err, context.Canceled)
		assert.Equal(t, left, got.at)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Empty(t, w.lookTimes(left.Add(1), w.token))
		assert.Equal(t, 120*time.Millisecond, slices.Max(gaps(w.looks()[100:])), "no turn is lost")
	})
}

// Waits that leave the front of the queue do not block those behind them.
func TestAllButOneWaitCancelled(t *testing.T) {
	t.Parallel()
	testWaiterWith(t, connect.WaiterOptions{LooksPerMinute: 1}, func(t *testing.T, w *fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		w.startMany(ctx, 50)
		result := w.start(t.Context(), w.token)
		require.Nil(t, result())
		cancel()
		require.NoError(t, w.session.Connect("account-1"))
		time.Sleep(time.Minute)
		got := result()
		require.NotNil(t, got)
		require.NoError(t, got.err)
	})
}

func TestLooksAreSentOnce(t *testing.T) {
	t.Parallel()
	testWaiter(t, func(t *testing.T, w *fixture) {
		w.srv.Inject(stackonetest.Fault{Status: 503, Times: 2, Path: "/connect_sessions/authenticate"})
		require.NoError(t, w.session.Connect("account-1"))
		begun := time.Now()
		_, err := w.waiter.Wait(t.Context(), w.token,
			client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 9, RetryAmbiguous: true}))
		require.NoError(t, err)
		times := w.lookTimes(begun, w.token)
		require.Len(t, times, 3)
		assert.GreaterOrEqual(t, times[1], 2*time.Second)
		assert.GreaterOrEqual(t, times[2]-times[1], 2*time.Second)
	})
}

// Looks neither spend nor refill the client's retry budget.
func TestLooksDoNotAffectTheRetryBudget(t *testing.T) {
	t.Parallel()
	retries := func(w *fixture) int {
		w.t.Helper()
		w.srv.Inject(stackonetest.Fault{Status: 429, Times: 100, Path: "/connect_sessions"})
		before := len(w.srv.Requests())
		for range 30 {
			_, err := w.client.ConnectSessions.Create(w.t.Context(), owner)
			requireAPIError(w.t, err, "create_connect_session", 429)
		}
		return len(w.srv.Requests()) - before - 30
	}
	for name, looks := range map[string]func(w *fixture){
		"failing looks":    func(w *fixture) { w.srv.Inject(stackonetest.Fault{Status: 503, Times: 100}) },
		"successful looks": func(*fixture) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := stackonetest.NewServer(stackonetest.InMemory())
				defer srv.Close()
				w := &fixture{t: t, srv: srv}
				w.client = srv.Client(client.WithHTTPClient(&http.Client{Transport: w}))
				w.waiter = connect.NewWaiter(w.client, connect.WaiterOptions{})
				token := w.create(owner).Details().Token
				if name == "successful looks" {
					require.Equal(t, 10, retries(w), "the whole budget")
				}
				looks(w)
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
				defer cancel()
				_, err := w.waiter.Wait(ctx, token)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Greater(t, w.lookCount(), 100)
				if name == "successful looks" {
					assert.Zero(t, retries(w), "still empty")
				} else {
					assert.Equal(t, 10, retries(w), "still full")
				}
			})
		})
	}
}
