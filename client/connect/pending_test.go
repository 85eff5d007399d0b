package connect_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// If an attempt is pending, one more look shows how it ended.
func TestConnectedWhilePending(t *testing.T) {
	t.Parallel()
	const soonest, latest = 0, 800 * time.Millisecond
	for name, tt := range map[string]struct {
		act     func(*testing.T, *fixture)
		account string
		ended   gen.AttemptStatus
		id      string
		after   time.Duration
	}{
		"attempt has succeeded": {
			act:     func(t *testing.T, w *fixture) { require.NoError(t, w.session.Connect("account-of-attempt")) },
			account: "account-of-attempt", id: "1", after: soonest,
		},
		"attempt is still pending": {act: func(*testing.T, *fixture) {}, account: "account-of-event", after: soonest},
		"attempt was cancelled":    {act: func(t *testing.T, w *fixture) { require.NoError(t, w.session.Cancel()) }, ended: gen.AttemptStatusCancelled, after: soonest},
		"look fails":               {act: func(_ *testing.T, w *fixture) { w.srv.Inject(stackonetest.Fault{Status: 500}) }, account: "account-of-event", after: soonest},
		"token has expired":        {act: func(_ *testing.T, w *fixture) { w.srv.Inject(stackonetest.Fault{Status: 401}) }, account: "account-of-event", after: soonest},
		"look takes long":          {act: func(_ *testing.T, w *fixture) { w.srv.Inject(stackonetest.Fault{Delay: time.Minute}) }, account: "account-of-event", after: latest},
		"looks are held": {
			act: func(t *testing.T, w *fixture) {
				w.srv.Inject(stackonetest.Fault{Status: 429, RetryAfter: time.Minute})
				time.Sleep(3 * time.Second)
			}, account: "account-of-event", after: latest,
		},
		"during an earlier look": {
			act: func(t *testing.T, w *fixture) {
				w.srv.Inject(stackonetest.Fault{Delay: time.Minute})
				time.Sleep(3 * time.Second)
				require.NoError(t, w.session.Connect("account-of-attempt"))
			}, account: "account-of-attempt", id: "1", after: 120 * time.Millisecond,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testWaiter(t, func(t *testing.T, w *fixture) {
				require.NoError(t, w.session.Begin())
				result := w.startFor(t.Context(), w.session)
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
	t.Run("context ends", func(t *testing.T) {
		t.Parallel()
		testWaiter(t, func(t *testing.T, w *fixture) {
			require.NoError(t, w.session.Begin())
			ctx, cancel := context.WithCancel(t.Context())
			result := w.startFor(ctx, w.session)
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
	t.Run("among many waits", func(t *testing.T) {
		t.Parallel()
		testWaiterWith(t, connect.WaiterOptions{LooksPerMinute: 120}, func(t *testing.T, w *fixture) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			require.NoError(t, w.session.Begin())
			result := w.startFor(ctx, w.session)
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
			assert.Equal(t, "account-of-attempt", got.attempt.AccountSecureID, "its look goes before all others")
			assert.LessOrEqual(t, got.at.Sub(begun), 500*time.Millisecond)
			time.Sleep(2 * time.Minute)
			assert.Equal(t, 500*time.Millisecond, slices.Max(gaps(w.looks())), "no turn is lost")
		})
	})
}
