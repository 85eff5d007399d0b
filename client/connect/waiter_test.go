package connect_test

import (
	"context"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func TestWait(t *testing.T) {
	t.Parallel()
	t.Run("until connected", func(t *testing.T) {
		t.Parallel()
		testWaiter(t, func(t *testing.T, w *fixture) {
			after(t, time.Second, w.session.Begin)
			after(t, 9*time.Second, func() error { return w.session.Connect("account-1") })
			start := time.Now()
			attempt, err := w.waiter.Wait(t.Context(), w.token)
			require.NoError(t, err)
			assert.Equal(t, "account-1", attempt.AccountSecureID)
			assert.Equal(t, gen.AttemptStatusAuthenticated, attempt.Status)
			assert.Equal(t, []string{"none", "pending", "authenticated"}, w.seen)
			assert.Equal(t, 6, w.lookCount(), "immediately, then every 2 to 2.2 s")
			assert.InDelta(t, 10.5, time.Since(start).Seconds(), 0.5)
		})
	})
	t.Run("already connected", func(t *testing.T) {
		t.Parallel()
		testWaiter(t, func(t *testing.T, w *fixture) {
			require.NoError(t, w.session.Connect("account-1"))
			start := time.Now()
			_, err := w.waiter.Wait(t.Context(), w.token)
			require.NoError(t, err)
			assert.Zero(t, time.Since(start))
		})
	})
	t.Run("another interval", func(t *testing.T) {
		t.Parallel()
		testWaiterWith(t, connect.WaiterOptions{Interval: 20 * time.Second}, func(t *testing.T, w *fixture) {
			after(t, 59*time.Second, func() error { return w.session.Connect("account-1") })
			_, err := w.waiter.Wait(t.Context(), w.token)
			require.NoError(t, err)
			assert.Equal(t, 4, w.lookCount())
		})
	})
}

func TestWaitReturnsConnectionError(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		act  func(*stackonetest.Session) error
		want connect.ConnectionError
		text string
	}{
		"error": {
			func(s *stackonetest.Session) error { return s.Fail("access_denied", "the customer\nsaid no") },
			connect.ConnectionError{Status: gen.AttemptStatusError, Code: "access_denied", Description: `the customer\nsaid no`},
			`stackone: the connection attempt ended as error: access_denied: the customer\nsaid no`,
		},
		"cancelled": {
			(*stackonetest.Session).Cancel, connect.ConnectionError{Status: gen.AttemptStatusCancelled},
			"stackone: the connection attempt ended as cancelled",
		},
		"expired": {
			(*stackonetest.Session).Expire, connect.ConnectionError{Status: "expired"},
			"stackone: the connection attempt ended as expired",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testWaiter(t, func(t *testing.T, w *fixture) {
				after(t, 3*time.Second, func() error { return tt.act(w.session) })
				attempt, err := w.waiter.Wait(t.Context(), w.token)
				var ended *connect.ConnectionError
				require.ErrorAs(t, err, &ended)
				assert.Equal(t, tt.want, *ended)
				assert.EqualError(t, err, tt.text)
				assert.Nil(t, attempt, "no attempt with an error")
				assert.Equal(t, []string{"none", name}, w.seen)
			})
		})
	}
}

func TestWaitRejectsInvalidArguments(t *testing.T) {
	t.Parallel()
	nothingSent := roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return nil, assert.AnError
	})
	c := newClient(t, nothingSent)
	waiter := connect.NewWaiter(c, connect.WaiterOptions{})
	tests := map[string]struct {
		waiter *connect.Waiter
		ctx    context.Context
		token  string
		opts   []client.Option
		want   string
	}{
		"empty token":       {waiter: waiter, ctx: t.Context(), want: "token is required"},
		"nil context":       {waiter: waiter, token: "t", want: "nil context"},
		"invalid option":    {waiter: waiter, ctx: t.Context(), token: "t", opts: []client.Option{client.WithTimeout(-1)}, want: "timeout is negative"},
		"negative interval": {waiter: connect.NewWaiter(c, connect.WaiterOptions{Interval: -1}), ctx: t.Context(), token: "t", want: "negative"},
		"nil client":        {waiter: connect.NewWaiter(nil, connect.WaiterOptions{}), ctx: t.Context(), token: "t", want: "not made by"},
		"zero client":       {waiter: connect.NewWaiter(&client.Client{}, connect.WaiterOptions{}), ctx: t.Context(), token: "t", want: "not made by"},
		"zero waiter":       {waiter: new(connect.Waiter), ctx: t.Context(), token: "t", want: "not made by"},
		"nil waiter":        {ctx: t.Context(), token: "t", want: "not made by"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tt.waiter.Wait(tt.ctx, tt.token, tt.opts...)
			require.ErrorContains(t, err, tt.want)
			tt.waiter.Connected(webhook.Event{Type: webhook.AccountCreated, OriginOwnerID: "customer-1", AccountID: "1"})
		})
	}
}

func TestWaitWithMaximalInterval(t *testing.T) {
	t.Parallel()
	testWaiterWith(t, connect.WaiterOptions{Interval: math.MaxInt64}, func(t *testing.T, w *fixture) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := w.waiter.Wait(ctx, w.token)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 1, w.lookCount())
	})
}

// The Retry-After of a 503 delays only the next look at the same session. After a
// successful look, neither that delay nor the failure is remembered.
func TestWaitAfterFailedLook(t *testing.T) {
	t.Parallel()
	testWaiter(t, func(t *testing.T, w *fixture) {
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		begun := time.Now()
		w.srv.Inject(stackonetest.Fault{Status: 503, RetryAfter: 20 * time.Second})
		result := w.start(ctx, w.token)
		require.Nil(t, result())
		other := w.create(owner).Details().Token
		w.start(ctx, other)
		time.Sleep(time.Minute)
		require.NotNil(t, result())
		assert.EqualError(t, result().err, "stackone: the customer has not connected yet: context deadline exceeded")
		times := w.lookTimes(begun, w.token)
		require.Greater(t, len(times), 8)
		assert.InDelta(t, 21, times[1].Seconds(), 1.01)
		assert.InDelta(t, 2.1, (times[2] - times[1]).Seconds(), 0.25)
		assert.Greater(t, len(w.lookTimes(begun, other)), 17)
	})
}
