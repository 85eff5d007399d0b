package connect_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// startFor starts a wait for the session. On return the first look is complete, unless
// another wait has just looked.
func (w *fixture) startFor(ctx context.Context, session *stackonetest.Session) func() *result {
	w.t.Helper()
	result := w.start(ctx, session.Details().Token)
	require.Nil(w.t, result())
	return result
}

// A connector that asks for an API key creates no attempt, so only the event ends the
// wait.
func TestConnected(t *testing.T) {
	t.Parallel()
	testWaiter(t, func(t *testing.T, w *fixture) {
		result := w.startFor(t.Context(), w.session)
		time.Sleep(time.Second)
		event := connected("account-1")
		w.waiter.Connected(event)
		got := result()
		require.NotNil(t, got)
		require.NoError(t, got.err)
		assert.Equal(t, &gen.ConnectSessionLatestAttempt{
			Status: gen.AttemptStatusAuthenticated, AccountSecureID: "account-1",
			CreatedAt: event.EventDate, UpdatedAt: event.EventDate,
		}, got.attempt)
		assert.Equal(t, event.EventDate, got.at, "immediately")
		assert.Equal(t, []string{"none", "authenticated"}, w.seen)
		assert.Equal(t, 1, w.lookCount())
	})
}

func TestConnectedAmongMany(t *testing.T) {
	t.Parallel()
	testWaiter(t, func(t *testing.T, w *fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		request := owner
		request.OriginOwnerID = "customer-2"
		result := w.startFor(ctx, w.create(request))
		w.startMany(ctx, 100)
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

// Each event arrives once after and once during the first look.
func TestConnectedMatchesEvents(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		provider string // of the session
		change   func(*webhook.Event)
		want     bool
	}{
		"account created":         {"", func(*webhook.Event) {}, true},
		"account updated":         {"", func(e *webhook.Event) { e.Type = webhook.AccountUpdated }, true},
		"account deleted":         {"", func(e *webhook.Event) { e.Type = webhook.AccountDeleted }, false},
		"another type":            {"", func(e *webhook.Event) { e.Type = "hris_employees.created" }, false},
		"type in different case":  {"", func(e *webhook.Event) { e.Type = "Account.Created" }, false},
		"another owner":           {"", func(e *webhook.Event) { e.OriginOwnerID = "customer-2" }, false},
		"owner in different case": {"", func(e *webhook.Event) { e.OriginOwnerID = "Customer-1" }, false},
		"no owner":                {"", func(e *webhook.Event) { e.OriginOwnerID = "" }, false},
		"no account":              {"", func(e *webhook.Event) { e.AccountID = "" }, false},
		"no provider":             {"", func(e *webhook.Event) { e.Provider = "" }, true},
		"the session's provider":  {"bamboohr", func(*webhook.Event) {}, true},
		"the session's provider in different case":     {"BambooHR", func(*webhook.Event) {}, true},
		"another provider than the session's":          {"hibob", func(*webhook.Event) {}, false},
		"no provider although the session names one":   {"bamboohr", func(e *webhook.Event) { e.Provider = "" }, false},
		"date before the session":                      {"", func(e *webhook.Event) { e.EventDate = e.EventDate.Add(-time.Minute) }, false},
		"date in the second of the session's creation": {"", func(e *webhook.Event) { e.EventDate = e.EventDate.Add(-10 * time.Second).Truncate(time.Second) }, true},
		"no date": {"", func(e *webhook.Event) { e.EventDate = time.Time{} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testWaiter(t, func(t *testing.T, w *fixture) {
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
					result := w.startFor(ctx, session)
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

// An event without an owner does not end the wait for a session with an unreadable owner.
func TestConnectedWithoutOwners(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, respondWith(`{"id":1,"origin_owner_id":7}`))
		w := &fixture{t: t, client: c, waiter: connect.NewWaiter(c, connect.WaiterOptions{})}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		result := w.start(ctx, "token")
		require.Nil(t, result())
		event := connected("account-1")
		event.OriginOwnerID = ""
		w.waiter.Connected(event)
		assert.Nil(t, result())
	})
}

// An event that arrives before a wait knows its owner is not lost.
func TestConnectedBeforeTheFirstLook(t *testing.T) {
	t.Parallel()
	isLook := func(r stackonetest.Request) bool { return r.Path == "/connect_sessions/authenticate" }
	for name, prepare := range map[string]func(*testing.T, *fixture, context.Context){
		"starts": func(t *testing.T, w *fixture, ctx context.Context) {
			for range 6 { // one every ten seconds
				w.start(ctx, w.create(owner).Details().Token)
				synctest.Wait()
			}
		},
		"ends": func(_ *testing.T, w *fixture, _ context.Context) {
			w.srv.Inject(stackonetest.Fault{Delay: 50 * time.Second, When: isLook})
		},
		"succeeds": func(_ *testing.T, w *fixture, _ context.Context) {
			w.srv.Inject(stackonetest.Fault{Status: 500, Times: 5, When: isLook})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testWaiterWith(t, connect.WaiterOptions{LooksPerMinute: 6}, func(t *testing.T, w *fixture) {
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
	testWaiter(t, func(t *testing.T, w *fixture) {
		result := w.startFor(t.Context(), w.session)
		w.srv.Inject(stackonetest.Fault{Delay: time.Minute})
		time.Sleep(3 * time.Second)
		require.Equal(t, 2, w.lookCount())
		event := connected("account-1")
		w.waiter.Connected(event)
		got := result()
		require.NotNil(t, got)
		require.NoError(t, got.err)
		assert.Equal(t, "account-1", got.attempt.AccountSecureID)
		assert.Equal(t, event.EventDate, got.at)
	})
}

// A repeated delivery of an earlier event does not end the wait for a later session of
// the same customer.
func TestConnectedIgnoresRepeatedDelivery(t *testing.T) {
	t.Parallel()
	testWaiter(t, func(t *testing.T, w *fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		first := w.startFor(ctx, w.session)
		time.Sleep(time.Minute)
		event := connected("account-1")
		w.waiter.Connected(event)
		w.waiter.Connected(event)
		require.NotNil(t, first())
		w.waiter.Connected(event)

		time.Sleep(time.Minute)
		second := w.startFor(ctx, w.create(owner))
		w.waiter.Connected(event)
		time.Sleep(10 * time.Second)
		require.Nil(t, second())
		w.waiter.Connected(connected("account-2"))
		require.NotNil(t, second())
		assert.Equal(t, "account-2", second().attempt.AccountSecureID)
	})
}

func TestConnectedEndsAllWaitsOfTheOwner(t *testing.T) {
	t.Parallel()
	testWaiter(t, func(t *testing.T, w *fixture) {
		results := []func() *result{
			w.startFor(t.Context(), w.session), w.startFor(t.Context(), w.session), w.startFor(t.Context(), w.create(owner)),
		}
		time.Sleep(time.Second)
		w.waiter.Connected(connected("account-1"))
		for _, result := range results {
			require.NotNil(t, result())
			assert.Equal(t, "account-1", result().attempt.AccountSecureID)
		}
	})
}

func TestConnectedAfterOneWaitOfTheOwnerEnded(t *testing.T) {
	t.Parallel()
	testWaiter(t, func(t *testing.T, w *fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		first, second := w.startFor(t.Context(), w.session), w.startFor(ctx, w.session)
		third := w.startFor(t.Context(), w.create(owner))
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

// An event that arrived before a wait was resumed does not end it, because the
// application has received that event. A repeated delivery does.
func TestResumedWait(t *testing.T) {
	t.Parallel()
	testWaiter(t, func(t *testing.T, w *fixture) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := w.waiter.Wait(ctx, w.token)
		require.ErrorIs(t, err, context.DeadlineExceeded)

		// Events are kept for another wait, which does not know its owner yet.
		w.srv.Inject(stackonetest.Fault{Delay: time.Minute})
		other := w.start(t.Context(), w.create(owner).Details().Token)
		require.Nil(t, other())
		event := connected("account-1")
		w.waiter.Connected(event)

		resumed := w.startFor(t.Context(), w.session)
		time.Sleep(time.Minute + time.Second)
		require.NotNil(t, other(), "it started before the event")
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
