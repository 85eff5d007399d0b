package connect_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
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

// gaps are the times between looks, in order.
func gaps(looks []look) (between []time.Duration) {
	for i := range looks[1:] {
		between = append(between, looks[i+1].at.Sub(looks[i].at))
	}
	return between
}

// withinAMinute is the largest number of looks in any minute.
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
		"the default":            {0, 500, 120 * time.Millisecond},
		"another":                {60, 60, time.Second},
		"one":                    {1, 1, time.Minute},
		"no divisor of a minute": {700, 700, 85714286 * time.Nanosecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			waitWith(t, connect.WaiterOptions{LooksPerMinute: tt.option}, func(t *testing.T, w *waiting) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w.crowd(ctx, 50)
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				assert.Equal(t, tt.want, withinAMinute(w.looks()))
				between := gaps(w.looks())
				assert.Equal(t, tt.gap, slices.Min(between))
				if tt.want < 1000 { // 50 waits use up the limit
					assert.Equal(t, tt.gap, slices.Max(between), "evenly spaced")
				}
			})
		})
	}
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		waitWith(t, connect.WaiterOptions{LooksPerMinute: -1}, func(t *testing.T, w *waiting) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w.crowd(ctx, 50)
			time.Sleep(time.Minute)
			synctest.Wait()
			assert.InDelta(t, 50*60/2.1, w.polls(), 100, "each session every 2 to 2.2 s")
		})
	})
}

func TestFewWaitsLookAtTheInterval(t *testing.T) {
	t.Parallel()
	wait(t, func(t *testing.T, w *waiting) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		begun := time.Now()
		for _, token := range w.crowd(ctx, 8) {
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
	waitWith(t, connect.WaiterOptions{LooksPerMinute: 120}, func(t *testing.T, w *waiting) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tokens := w.crowd(ctx, 50)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		for i, token := range tokens {
			require.Equal(t, token, w.looks()[i].token, "the first looks, in the order of the calls")
		}
		last := map[string]int{}
		for i, l := range w.looks() {
			if before, ok := last[l.token]; ok {
				require.InDelta(t, len(tokens), i-before, 3, "once in a turn, but for the random part of the interval")
			}
			last[l.token] = i
		}
	})
}

func TestFirstLookGoesToTheFront(t *testing.T) {
	t.Parallel()
	waitWith(t, connect.WaiterOptions{LooksPerMinute: 120}, func(t *testing.T, w *waiting) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.crowd(ctx, 50)
		time.Sleep(time.Minute) // all have looked, and are due
		begun := time.Now()
		for i, token := range w.crowd(ctx, 3) {
			time.Sleep(time.Second)
			first := w.lookTimes(begun, token)
			require.NotEmpty(t, first)
			assert.Less(t, first[0], time.Duration(i)*time.Second+550*time.Millisecond)
		}
	})
}

// A first look that failed is soon repeated at the front, or the wait could not be
// answered by an event until all others have looked.
func TestFailedFirstLookIsRepeatedAtTheFront(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault stackonetest.Fault
		after time.Duration // from the beginning of the wait to its second look
	}{
		"503":                    {stackonetest.Fault{Status: 503}, 2 * time.Second},
		"503 with a Retry-After": {stackonetest.Fault{Status: 503, RetryAfter: 20 * time.Second}, 20 * time.Second},
		"429":                    {stackonetest.Fault{Status: 429, RetryAfter: time.Second}, 2 * time.Second},
		"429 for longer":         {stackonetest.Fault{Status: 429, RetryAfter: 20 * time.Second}, 20 * time.Second},
		"reset":                  {stackonetest.Fault{Reset: stackonetest.ResetAfterReading}, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wait(t, func(t *testing.T, w *waiting) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w.crowd(ctx, 200)
				time.Sleep(time.Minute) // all have looked, and are due
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

// A first look that keeps failing goes to the front three times more and then takes its
// turn, or a few sessions that fail would keep all others waiting.
func TestFirstLookThatKeepsFailingWaitsItsTurn(t *testing.T) {
	t.Parallel()
	waitWith(t, connect.WaiterOptions{LooksPerMinute: 60}, func(t *testing.T, w *waiting) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.crowd(ctx, 60)
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
		assert.Greater(t, times[4]-times[3], 55*time.Second, "after a turn of all")
	})
}

// Waits keep looking while others keep joining, and if the limit suffices for both, each
// that joins looks immediately.
func TestLateJoiners(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		perMinute   int
		between     time.Duration // the longest time between two looks of an earlier wait
		immediately bool
	}{
		"some":                       {200, 45 * time.Second, true},
		"more than the limit allows": {520, time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wait(t, func(t *testing.T, w *waiting) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				earlier := w.crowd(ctx, 100)
				time.Sleep(time.Minute)
				begun := time.Now()
				joined := map[string]time.Time{}
				for range 3 * tt.perMinute {
					token := w.create(owner).Details().Token
					joined[token] = time.Now()
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
				for token, at := range joined {
					if times := w.lookTimes(at, token); tt.immediately {
						require.NotEmpty(t, times)
						require.LessOrEqual(t, times[0], 300*time.Millisecond)
					}
				}
				time.Sleep(time.Minute) // the timers end
			})
		})
	}
}

func TestCancelledWaitLeaves(t *testing.T) {
	t.Parallel()
	wait(t, func(t *testing.T, w *waiting) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.crowd(ctx, 100)
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
		assert.Equal(t, 120*time.Millisecond, slices.Max(gaps(w.looks()[100:])), "and no turn is lost")
	})
}

// While the first in the queue leaves, the others still get their turns.
func TestAllButOneLeave(t *testing.T) {
	t.Parallel()
	waitWith(t, connect.WaiterOptions{LooksPerMinute: 1}, func(t *testing.T, w *waiting) {
		ctx, cancel := context.WithCancel(t.Context())
		w.crowd(ctx, 50)
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
	wait(t, func(t *testing.T, w *waiting) {
		w.srv.Inject(stackonetest.Fault{Status: 503, Times: 2, When: func(r stackonetest.Request) bool { return r.Path == "/connect_sessions/authenticate" }})
		require.NoError(t, w.session.Connect("account-1"))
		begun := time.Now()
		_, err := w.waiter.Wait(t.Context(), w.token, client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 9, RetryAmbiguous: true}))
		require.NoError(t, err)
		times := w.lookTimes(begun, w.token)
		require.Len(t, times, 3)
		assert.GreaterOrEqual(t, times[1], 2*time.Second)
		assert.GreaterOrEqual(t, times[2]-times[1], 2*time.Second)
	})
}

// Looks neither take from the client's retry budget nor give to it.
func TestLooksLeaveTheRetryBudget(t *testing.T) {
	t.Parallel()
	retries := func(w *waiting) int {
		w.t.Helper()
		w.srv.Inject(stackonetest.Fault{Status: 429, Times: 100, When: func(r stackonetest.Request) bool { return r.Path == "/connect_sessions" }})
		before := len(w.srv.Requests())
		for range 30 {
			_, err := w.client.ConnectSessions.Create(w.t.Context(), owner)
			requireAPIError(w.t, err, "create_connect_session", 429)
		}
		return len(w.srv.Requests()) - before - 30
	}
	for name, looks := range map[string]func(w *waiting){
		"that fail":    func(w *waiting) { w.srv.Inject(stackonetest.Fault{Status: 503, Times: 100}) },
		"that succeed": func(*waiting) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := stackonetest.NewServer(stackonetest.InMemory())
				defer srv.Close()
				w := &waiting{t: t, srv: srv}
				w.client = srv.Client(client.WithHTTPClient(&http.Client{Transport: w}))
				w.waiter = connect.NewWaiter(w.client, connect.WaiterOptions{})
				token := w.create(owner).Details().Token
				if name == "that succeed" {
					require.Equal(t, 10, retries(w), "the whole budget")
				}
				looks(w)
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
				defer cancel()
				_, err := w.waiter.Wait(ctx, token)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Greater(t, w.polls(), 100)
				if name == "that succeed" {
					assert.Zero(t, retries(w), "it is still empty")
				} else {
					assert.Equal(t, 10, retries(w), "it is still full")
				}
			})
		})
	}
}

func TestTooManyRequestsHoldsTheLooks(t *testing.T) {
	t.Parallel()
	isLook := func(r stackonetest.Request) bool { return r.Path == "/connect_sessions/authenticate" }
	for name, tt := range map[string]struct {
		retryAfter time.Duration
		want       time.Duration
	}{
		"for the Retry-After":            {30 * time.Second, 30 * time.Second},
		"for the interval without one":   {0, 2 * time.Second},
		"for an hour, if it is longer":   {24 * time.Hour, time.Hour},
		"for an hour, if it is nonsense": {1 << 62, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			waitWith(t, connect.WaiterOptions{LooksPerMinute: 100}, func(t *testing.T, w *waiting) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w.crowd(ctx, 20)
				time.Sleep(time.Minute)
				fault := stackonetest.Fault{Status: 429, RetryAfter: tt.retryAfter, When: isLook}
				if tt.retryAfter == 0 {
					fault.Header = http.Header{"Retry-After": nil}
				}
				w.srv.Inject(fault)
				time.Sleep(600 * time.Millisecond)
				synctest.Wait()
				refused, before := w.looks()[len(w.looks())-1].at, w.polls()

				begun := time.Now()
				_, err := w.client.ConnectSessions.Create(t.Context(), owner)
				require.NoError(t, err)
				assert.Zero(t, time.Since(begun), "a create does not wait")

				time.Sleep(tt.want + tt.want/10 + time.Second)
				synctest.Wait()
				require.Greater(t, w.polls(), before)
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
				assert.InDelta(t, 3.5, slower.Minutes(), 0.2, "until it is as before")
			})
		})
	}
}

// Looks that are under way when another is refused count as refused together with it.
func TestTooManyRequestsAtATime(t *testing.T) {
	t.Parallel()
	wait(t, func(t *testing.T, w *waiting) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.crowd(ctx, 30)
		time.Sleep(10 * time.Second)
		w.srv.Inject(stackonetest.Fault{Status: 429, RetryAfter: 30 * time.Second, Delay: time.Second, Times: 8})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		before := w.polls()
		time.Sleep(40 * time.Second)
		synctest.Wait()
		assert.InDelta(t, 240, gaps(w.looks()[before:])[0].Milliseconds(), 2, "half the pace, and no less")
	})
}

// Without a limit, a 429 slows the looks down all the same.
func TestTooManyRequestsWithoutALimit(t *testing.T) {
	t.Parallel()
	waitWith(t, connect.WaiterOptions{LooksPerMinute: -1}, func(t *testing.T, w *waiting) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.crowd(ctx, 20)
		time.Sleep(time.Minute)
		w.srv.Inject(stackonetest.Fault{Status: 429, RetryAfter: 30 * time.Second, Times: 1})
		time.Sleep(4 * time.Second)
		synctest.Wait()
		before := w.polls()
		time.Sleep(40 * time.Second)
		synctest.Wait()
		assert.InDelta(t, 120, gaps(w.looks()[before:])[0].Milliseconds(), 2, "500 a minute")
		time.Sleep(2 * time.Minute)
		before = w.polls()
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.InDelta(t, 20*60/2.1, w.polls()-before, 40, "then each session at the interval again")
	})
}

func TestNoGoroutineBesideTheCallers(t *testing.T) { // not parallel: it counts
	synctest.Test(t, func(t *testing.T) {
		c, err := client.New(client.WithAPIKey("key"), client.WithHTTPClient(&http.Client{Transport: answers(`{"id":1,"origin_owner_id":"customer-1"}`)}))
		require.NoError(t, err)
		before := runtime.NumGoroutine()
		waiter := connect.NewWaiter(c, connect.WaiterOptions{})
		assert.Equal(t, before, runtime.NumGoroutine())
		ctx, cancel := context.WithCancel(t.Context())
		w := &waiting{t: t, client: c, waiter: waiter}
		var results []func() *result
		for range 1000 {
			results = append(results, w.start(ctx, "token"))
		}
		for range 30 {
			time.Sleep(time.Second)
			synctest.Wait()
			require.LessOrEqual(t, runtime.NumGoroutine(), before+1000)
		}
		cancel()
		for _, result := range results {
			require.NotNil(t, result())
		}
	})
}

// TestNothingIsKept says that waits and events leave nothing behind, although there is
// always a wait that does not know its owner, for which events are kept.
func TestNothingIsKept(t *testing.T) { // not parallel: it measures memory
	synctest.Test(t, func(t *testing.T) {
		c, err := client.New(client.WithAPIKey("key"), client.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			customer := r.Header.Get("X-Owner")
			if customer == "" {
				return nil, assert.AnError
			}
			return answers(`{"id":1,"origin_owner_id":"` + customer + `","provider":"bamboohr"}`)(r)
		})}))
		require.NoError(t, err)
		w := &waiting{t: t, client: c, waiter: connect.NewWaiter(c, connect.WaiterOptions{LooksPerMinute: -1})}
		customers := 0
		leave := func() {}
		round := func() {
			before := leave
			var ctx context.Context
			ctx, leave = context.WithCancel(t.Context())
			w.start(ctx, "token") // which does not learn its owner
			synctest.Wait()
			before()
			var results []func() *result
			for range 200 {
				customers++
				results = append(results, w.start(t.Context(), "token", client.WithHeader("X-Owner", fmt.Sprint(customers))))
			}
			synctest.Wait()
			for i := range 200 {
				e := connected("account-1")
				e.OriginOwnerID = fmt.Sprint(customers - i)
				w.waiter.Connected(e)
			}
			for _, result := range results {
				require.NotNil(t, result())
			}
		}
		heap := func() int {
			var m runtime.MemStats
			runtime.GC()
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int(m.HeapAlloc)
		}
		for range 5 {
			round()
		}
		before := heap()
		for range 20 {
			round()
		}
		assert.Less(t, heap()-before, 120_000, "of 4,000 waits and as many events")
		leave()
		runtime.KeepAlive(w)
	})
}

// answers is a service that answers each request with 201 and a body.
func answers(body string) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusCreated, Header: http.Header{"X-Request-Id": {"request-1"}}, Body: bodyOf(body), Request: r}, nil
	}
}
