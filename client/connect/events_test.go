package connect_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// waitsFor starts to wait for the session. If no other wait has looked just before, its
// first look is over on return.
func (w *waiting) waitsFor(ctx context.Context, session *stackonetest.Session) func() *result {
	w.t.Helper()
	result := w.start(ctx, session.Details().Token)
	require.Nil(w.t, result())
	return result
}

// A connector that asks for an API key makes no attempt: only the event tells.
func TestConnected(t *testing.T) {
	t.Parallel()
	wait(t, func(t *testing.T, w *waiting) {
		result := w.waitsFor(t.Context(), w.session)
		time.Sleep(time.Second)
		event := connected("account-1")
		w.waiter.Connected(event)
		got := result()
		require.NotNil(t, got)
		require.NoError(t, got.err)
		assert.Equal(t, &gen.ConnectSessionLatestAttempt{
			Status: gen.AttemptStatusAuthenticated, AccountSecureID: "account-1", CreatedAt: event.EventDate, UpdatedAt: event.EventDate,
		}, got.attempt)
		assert.Equal(t, event.EventDate, got.at, "immediately")
		assert.Equal(t, []string{"none", "authenticated"}, w.seen)
		assert.Equal(t, 1, w.polls())
	})
}

func TestConnectedAmongMany(t *testing.T) {
	t.Parallel()
	wait(t, func(t *testing.T, w *waiting) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		request := owner
		request.OriginOwnerID = "customer-2"
		result := w.waitsFor(ctx, w.create(request))
		w.crowd(ctx, 100)
		time.Sleep(time.Minute)
		event := connected("account-2")
		event.OriginOwnerID = "customer-2"
		w.waiter.Connected(event)
		got := result()
		require.NotNil(t, got)
		assert.Equal(t, "account-2", got.attempt.AccountSecureID)
		assert.Equal(t, event.EventDate, got.at)
	})
}

// TestConnectedAnswers says which events answer a wait that knows its session.
func TestConnectedAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		provider string // of the session
		change   func(*webhook.Event)
		want     bool
	}{
		"an account that was created":                 {"", func(*webhook.Event) {}, true},
		"an account that was updated":                 {"", func(e *webhook.Event) { e.Type = webhook.AccountUpdated }, true},
		"an account that was deleted":                 {"", func(e *webhook.Event) { e.Type = webhook.AccountDeleted }, false},
		"an event of another kind":                    {"", func(e *webhook.Event) { e.Type = "hris_employees.created" }, false},
		"a type in other case":                        {"", func(e *webhook.Event) { e.Type = "Account.Created" }, false},
		"another owner":                               {"", func(e *webhook.Event) { e.OriginOwnerID = "customer-2" }, false},
		"an owner in other case":                      {"", func(e *webhook.Event) { e.OriginOwnerID = "Customer-1" }, false},
		"no owner":                                    {"", func(e *webhook.Event) { e.OriginOwnerID = "" }, false},
		"no account":                                  {"", func(e *webhook.Event) { e.AccountID = "" }, false},
		"no provider":                                 {"", func(e *webhook.Event) { e.Provider = "" }, true},
		"the session's provider":                      {"bamboohr", func(*webhook.Event) {}, true},
		"the session's provider in other case":        {"BambooHR", func(*webhook.Event) {}, true},
		"another provider than the session's":         {"hibob", func(*webhook.Event) {}, false},
		"no provider, while the session names one":    {"bamboohr", func(e *webhook.Event) { e.Provider = "" }, false},
		"a date before the session":                   {"", func(e *webhook.Event) { e.EventDate = e.EventDate.Add(-time.Minute) }, false},
		"the second in which the session was created": {"", func(e *webhook.Event) { e.EventDate = e.EventDate.Add(-10 * time.Second).Truncate(time.Second) }, true},
		"no date": {"", func(e *webhook.Event) { e.EventDate = time.Time{} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wait(t, func(t *testing.T, w *waiting) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.Sleep(300 * time.Millisecond)
				request := owner
				request.Provider = tt.provider
				session := w.create(request)
				for _, known := range []bool{true, false} {
					if !known { // the event comes during the first look
						w.srv.Inject(stackonetest.Fault{Delay: time.Second})
					}
					result := w.waitsFor(ctx, session)
					if known {
						time.Sleep(10 * time.Second)
					}
					event := connected("account-1")
					if !known {
						event.EventDate = time.Now().Add(10*time.Second - time.Since(session.Details().CreatedAt))
					}
					tt.change(&event)
					w.waiter.Connected(event)
					time.Sleep(time.Second)
					if got := result(); !tt.want {
						assert.Nil(t, got, "known: %t", known)
					} else if assert.NotNil(t, got, "known: %t", known) {
						require.NoError(t, got.err)
						assert.Equal(t, "account-1", got.attempt.AccountSecureID)
					}
				}
			})
		})
	}
}

// A session and an event that both name no owner have nothing in common.
func TestConnectedWithoutAnOwner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := client.New(client.WithAPIKey("key"), client.WithHTTPClient(&http.Client{
			Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Body: bodyOf(`{"id":1}`)}, nil
			}),
		}))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		waiter := connect.NewWaiter(c, connect.WaiterOptions{})
		time.AfterFunc(10*time.Second, func() {
			event := connected("account-1")
			event.OriginOwnerID = ""
			waiter.Connected(event)
		})
		_, err = waiter.Wait(ctx, "token-1")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// An event is not lost on a wait that has not learned its owner.
func TestConnectedBeforeTheFirstLook(t *testing.T) {
	t.Parallel()
	isLook := func(r stackonetest.Request) bool { return r.Path == "/connect_sessions/authenticate" }
	for name, prepare := range map[string]func(*testing.T, *waiting, context.Context){
		"has begun": func(t *testing.T, w *waiting, ctx context.Context) {
			for range 6 { // one every ten seconds
				w.start(ctx, w.create(owner).Details().Token)
				synctest.Wait()
			}
		},
		"has ended": func(_ *testing.T, w *waiting, _ context.Context) {
			w.srv.Inject(stackonetest.Fault{Delay: 50 * time.Second, When: isLook})
		},
		"succeeds": func(_ *testing.T, w *waiting, _ context.Context) {
			w.srv.Inject(stackonetest.Fault{Status: 500, Times: 5, When: isLook})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			waitWith(t, connect.WaiterOptions{LooksPerMinute: 6}, func(t *testing.T, w *waiting) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				prepare(t, w, ctx)
				request := owner
				request.OriginOwnerID, request.Provider = "customer-2", "hibob"
				result := w.start(ctx, w.create(request).Details().Token)
				time.Sleep(time.Second)
				require.Nil(t, result())
				for _, provider := range []string{"bamboohr", "HiBob", "hibob"} {
					event := connected("account-" + provider)
					event.OriginOwnerID, event.Provider = "customer-2", provider
					w.waiter.Connected(event)
				}
				time.Sleep(40 * time.Second)
				require.Nil(t, result())
				time.Sleep(time.Minute)
				got := result()
				require.NotNil(t, got)
				require.NoError(t, got.err)
				assert.Equal(t, "account-HiBob", got.attempt.AccountSecureID)
			})
		})
	}
}

func TestConnectedDuringALook(t *testing.T) {
	t.Parallel()
	wait(t, func(t *testing.T, w *waiting) {
		result := w.waitsFor(t.Context(), w.session)
		w.srv.Inject(stackonetest.Fault{Delay: time.Minute})
		time.Sleep(3 * time.Second)
		require.Equal(t, 2, w.polls())
		event := connected("account-1")
		w.waiter.Connected(event)
		got := result()
		require.NotNil(t, got)
		require.NoError(t, got.err)
		assert.Equal(t, "account-1", got.attempt.AccountSecureID)
		assert.Equal(t, event.EventDate, got.at)
	})
}

// Where an attempt is under way, one more look tells how it has ended.
func TestConnectedWhilePending(t *testing.T) {
	t.Parallel()
	const soonest, latest = 0, 800 * time.Millisecond
	for name, tt := range map[string]struct {
		act     func(*testing.T, *waiting)
		account string
		ended   gen.AttemptStatus
		id      string
		after   time.Duration
	}{
		"it has succeeded": {
			act:     func(t *testing.T, w *waiting) { require.NoError(t, w.session.Connect("account-of-attempt")) },
			account: "account-of-attempt", id: "1", after: soonest,
		},
		"it is still pending":   {act: func(*testing.T, *waiting) {}, account: "account-of-event", after: soonest},
		"it has failed":         {act: func(t *testing.T, w *waiting) { require.NoError(t, w.session.Cancel()) }, ended: gen.AttemptStatusCancelled, after: soonest},
		"the look fails":        {act: func(_ *testing.T, w *waiting) { w.srv.Inject(stackonetest.Fault{Status: 500}) }, account: "account-of-event", after: soonest},
		"the token has expired": {act: func(_ *testing.T, w *waiting) { w.srv.Inject(stackonetest.Fault{Status: 401}) }, account: "account-of-event", after: soonest},
		"the look takes long":   {act: func(_ *testing.T, w *waiting) { w.srv.Inject(stackonetest.Fault{Delay: time.Minute}) }, account: "account-of-event", after: latest},
		"the looks are held": {
			act: func(t *testing.T, w *waiting) {
				w.srv.Inject(stackonetest.Fault{Status: 429, RetryAfter: time.Minute})
				time.Sleep(3 * time.Second)
			}, account: "account-of-event", after: latest,
		},
		"an earlier look is under way": {
			act: func(t *testing.T, w *waiting) {
				w.srv.Inject(stackonetest.Fault{Delay: time.Minute})
				time.Sleep(3 * time.Second)
				require.NoError(t, w.session.Connect("account-of-attempt"))
			}, account: "account-of-attempt", id: "1", after: 120 * time.Millisecond,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wait(t, func(t *testing.T, w *waiting) {
				require.NoError(t, w.session.Begin())
				result := w.waitsFor(t.Context(), w.session)
				time.Sleep(time.Second)
				tt.act(t, w)
				begun := time.Now()
				w.waiter.Connected(connected("account-of-event"))
				w.waiter.Connected(connected("account-of-another-event"))
				time.Sleep(time.Second)
				got := result()
				require.NotNil(t, got)
				assert.LessOrEqual(t, got.at.Sub(begun), tt.after)
				if tt.ended != "" {
					var ended *connect.ConnectionError
					require.ErrorAs(t, got.err, &ended)
					assert.Equal(t, tt.ended, ended.Status)
					return
				}
				require.NoError(t, got.err)
				assert.Equal(t, tt.account, got.attempt.AccountSecureID)
				assert.Equal(t, tt.id, got.attempt.ID)
				assert.Equal(t, []string{"pending", "authenticated"}, w.seen)
			})
		})
	}
	t.Run("the context ends", func(t *testing.T) {
		t.Parallel()
		wait(t, func(t *testing.T, w *waiting) {
			require.NoError(t, w.session.Begin())
			ctx, cancel := context.WithCancel(t.Context())
			result := w.waitsFor(ctx, w.session)
			time.Sleep(time.Second)
			w.srv.Inject(stackonetest.Fault{Delay: time.Minute})
			w.waiter.Connected(connected("account-1"))
			require.Nil(t, result())
			cancel()
			got := result()
			require.NotNil(t, got)
			require.ErrorIs(t, got.err, context.Canceled)
		})
	})
	t.Run("many others wait", func(t *testing.T) {
		t.Parallel()
		waitWith(t, connect.WaiterOptions{LooksPerMinute: 120}, func(t *testing.T, w *waiting) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			require.NoError(t, w.session.Begin())
			result := w.waitsFor(ctx, w.session)
			for range 100 {
				w.start(ctx, w.create(owner).Details().Token, client.WithHeader("X-Other", "yes"))
			}
			time.Sleep(20 * time.Second) // not all of them have had their first look
			require.NoError(t, w.session.Connect("account-of-attempt"))
			begun := time.Now()
			event := connected("account-of-event")
			w.waiter.Connected(event)
			time.Sleep(time.Second)
			got := result()
			require.NotNil(t, got)
			assert.Equal(t, "account-of-attempt", got.attempt.AccountSecureID, "the look went before all others")
			assert.LessOrEqual(t, got.at.Sub(begun), 500*time.Millisecond)
		})
	})
}

// The event of an earlier connection, delivered again, does not end the wait for a
// later session of the same customer.
func TestRedeliveredEvent(t *testing.T) {
	t.Parallel()
	wait(t, func(t *testing.T, w *waiting) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		first := w.waitsFor(ctx, w.session)
		time.Sleep(time.Minute)
		event := connected("account-1")
		w.waiter.Connected(event)
		w.waiter.Connected(event)
		require.NotNil(t, first())
		w.waiter.Connected(event)

		time.Sleep(time.Minute)
		second := w.waitsFor(ctx, w.create(owner))
		w.waiter.Connected(event)
		time.Sleep(10 * time.Second)
		require.Nil(t, second())
		w.waiter.Connected(connected("account-2"))
		require.NotNil(t, second())
		assert.Equal(t, "account-2", second().attempt.AccountSecureID)
	})
}

func TestConnectedEndsEachWaitOfTheOwner(t *testing.T) {
	t.Parallel()
	wait(t, func(t *testing.T, w *waiting) {
		results := []func() *result{
			w.waitsFor(t.Context(), w.session), w.waitsFor(t.Context(), w.session), w.waitsFor(t.Context(), w.create(owner)),
		}
		time.Sleep(time.Second)
		w.waiter.Connected(connected("account-1"))
		for _, result := range results {
			require.NotNil(t, result())
			assert.Equal(t, "account-1", result().attempt.AccountSecureID)
		}
	})
}

func TestConnectedAfterAnotherWaitOfTheOwnerHasEnded(t *testing.T) {
	t.Parallel()
	wait(t, func(t *testing.T, w *waiting) {
		ctx, cancel := context.WithCancel(t.Context())
		first, second := w.waitsFor(t.Context(), w.session), w.waitsFor(ctx, w.session)
		third := w.waitsFor(t.Context(), w.create(owner))
		time.Sleep(time.Second) // they have all looked
		cancel()
		require.ErrorIs(t, second().err, context.Canceled)
		time.Sleep(time.Second)
		w.waiter.Connected(connected("account-1"))
		require.NotNil(t, first())
		require.NotNil(t, third())
		assert.Equal(t, first().at, third().at)
	})
}

// A wait that is resumed is not answered by what came before, which the application
// has had from its webhook; a repeated delivery answers it.
func TestResumedWait(t *testing.T) {
	t.Parallel()
	wait(t, func(t *testing.T, w *waiting) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := w.waiter.Wait(ctx, w.token)
		require.ErrorIs(t, err, context.DeadlineExceeded)

		// Another wait does not know its owner, for which events are kept.
		w.srv.Inject(stackonetest.Fault{Delay: time.Minute})
		other := w.start(t.Context(), w.create(owner).Details().Token)
		require.Nil(t, other())
		event := connected("account-1")
		w.waiter.Connected(event)

		resumed := w.waitsFor(t.Context(), w.session)
		time.Sleep(time.Minute + time.Second)
		require.NotNil(t, other(), "it had begun when the event came")
		require.Nil(t, resumed())
		w.waiter.Connected(event)
		require.NotNil(t, resumed())

		require.NoError(t, w.session.Connect("account-2"))
		again := w.start(t.Context(), w.token)
		time.Sleep(time.Second)
		require.NotNil(t, again(), "its first look finds an OAuth connection")
		assert.Equal(t, "account-2", again().attempt.AccountSecureID)
	})
}
