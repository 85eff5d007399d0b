package connect_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"strings"
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
		wait(t, func(t *testing.T, w *waiting) {
			soon(t, time.Second, w.session.Begin)
			soon(t, 9*time.Second, func() error { return w.session.Connect("account-1") })
			start := time.Now()
			attempt, err := w.waiter.Wait(t.Context(), w.token)
			require.NoError(t, err)
			assert.Equal(t, "account-1", attempt.AccountSecureID)
			assert.Equal(t, gen.AttemptStatusAuthenticated, attempt.Status)
			assert.Equal(t, []string{"none", "pending", "authenticated"}, w.seen)
			assert.Equal(t, 6, w.polls(), "at once, and every 2 to 2.2 s")
			assert.InDelta(t, 10.5, time.Since(start).Seconds(), 0.5)
		})
	})
	t.Run("already connected", func(t *testing.T) {
		t.Parallel()
		wait(t, func(t *testing.T, w *waiting) {
			require.NoError(t, w.session.Connect("account-1"))
			start := time.Now()
			_, err := w.waiter.Wait(t.Context(), w.token)
			require.NoError(t, err)
			assert.Zero(t, time.Since(start))
		})
	})
	t.Run("at another interval", func(t *testing.T) {
		t.Parallel()
		waitWith(t, connect.WaiterOptions{Interval: 20 * time.Second}, func(t *testing.T, w *waiting) {
			soon(t, 59*time.Second, func() error { return w.session.Connect("account-1") })
			_, err := w.waiter.Wait(t.Context(), w.token)
			require.NoError(t, err)
			assert.Equal(t, 4, w.polls())
		})
	})
}

func TestWaitEnds(t *testing.T) {
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
			wait(t, func(t *testing.T, w *waiting) {
				soon(t, 3*time.Second, func() error { return tt.act(w.session) })
				attempt, err := w.waiter.Wait(t.Context(), w.token)
				var ended *connect.ConnectionError
				require.ErrorAs(t, err, &ended)
				assert.Equal(t, tt.want, *ended)
				assert.EqualError(t, err, tt.text)
				assert.Nil(t, attempt, "an error comes without a result")
				assert.Equal(t, []string{"none", name}, w.seen)
			})
		})
	}
}

func TestWaitFaults(t *testing.T) {
	t.Parallel()
	attemptOf := func(status string) []byte {
		return []byte(`{"id":1,"latest_connection_attempt":{"id":"a","status":"` + status + `"}}`)
	}
	passing := map[string]stackonetest.Fault{
		"500":              {Status: 500},
		"503":              stackonetest.ProxyError(503),
		"408":              {Status: 408},
		"429":              {Status: 429},
		"reset":            {Reset: stackonetest.ResetBeforeReading},
		"cut":              {CutBody: true},
		"a status unheard": {Status: 201, Header: http.Header{"Content-Type": {"application/json"}}, Body: attemptOf("meditating")},
	}
	for name, fault := range passing {
		t.Run(name+" passes", func(t *testing.T) {
			t.Parallel()
			wait(t, func(t *testing.T, w *waiting) {
				fault.Times = 5 // more than the attempts of one call
				w.srv.Inject(fault)
				require.NoError(t, w.session.Connect("account-1"))
				attempt, err := w.waiter.Wait(t.Context(), w.token)
				require.NoError(t, err)
				assert.Equal(t, "account-1", attempt.AccountSecureID)
			})
		})
	}
	lasting := map[string]struct {
		fault stackonetest.Fault
		want  error
	}{
		"401": {stackonetest.Fault{Status: 401}, client.ErrUnauthorized},
		"403": {stackonetest.Fault{Status: 403}, client.ErrForbidden},
		"404": {stackonetest.Fault{Status: 404}, client.ErrNotFound},
		"501": {stackonetest.Fault{Status: 501}, client.ErrNotImplemented},
		"400": {stackonetest.Fault{Status: 400}, client.ErrBadRequest},
	}
	for name, tt := range lasting {
		t.Run(name+" lasts", func(t *testing.T) {
			t.Parallel()
			wait(t, func(t *testing.T, w *waiting) {
				w.srv.Inject(tt.fault)
				_, err := w.waiter.Wait(t.Context(), w.token)
				require.ErrorIs(t, err, tt.want)
				assert.Equal(t, 1, w.polls())
			})
		})
	}
	for name, opt := range map[string]client.Option{
		"a certificate": client.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
		})}),
		"no such host": client.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "host.example", IsNotFound: true}}
		})}),
		"a key function that fails": client.WithAPIKeyFunc(func(context.Context) (string, error) { return "", context.DeadlineExceeded }),
	} {
		t.Run(name+" lasts", func(t *testing.T) {
			t.Parallel()
			wait(t, func(t *testing.T, w *waiting) {
				begun := time.Now()
				_, err := w.waiter.Wait(t.Context(), w.token, opt)
				var transport *client.TransportError
				require.ErrorAs(t, err, &transport)
				assert.Zero(t, time.Since(begun))
			})
		})
	}
	t.Run("an answer that is no session lasts", func(t *testing.T) {
		t.Parallel()
		wait(t, func(t *testing.T, w *waiting) {
			w.srv.Inject(stackonetest.Fault{Status: 201, Body: []byte(`{"id":"1"}`)})
			_, err := w.waiter.Wait(t.Context(), w.token)
			var response *client.ResponseError
			require.ErrorAs(t, err, &response)
		})
	})
	t.Run("an expired token lasts", func(t *testing.T) {
		t.Parallel()
		wait(t, func(t *testing.T, w *waiting) {
			start := time.Now()
			_, err := w.waiter.Wait(t.Context(), w.token)
			requireAPIError(t, err, "authenticate_connect_session", 401)
			assert.InDelta(t, 1800, time.Since(start).Seconds(), 3, "the life of a session")
		})
	})
	t.Run("Retry-After", func(t *testing.T) {
		t.Parallel()
		wait(t, func(t *testing.T, w *waiting) {
			require.NoError(t, w.session.Connect("account-1"))
			w.srv.Inject(stackonetest.Fault{Status: 429, RetryAfter: 10 * time.Minute})
			start := time.Now()
			_, err := w.waiter.Wait(t.Context(), w.token)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, time.Since(start), 10*time.Minute)
			assert.Equal(t, 2, w.polls(), "the client does not wait that long, and waiting for the customer does")
		})
	})
}

func TestWaitContext(t *testing.T) {
	t.Parallel()
	t.Run("deadline", func(t *testing.T) {
		t.Parallel()
		wait(t, func(t *testing.T, w *waiting) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			start := time.Now()
			_, err := w.waiter.Wait(ctx, w.token)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, 5*time.Second, time.Since(start))
			assert.EqualError(t, err, "stackone: the customer has not connected yet: context deadline exceeded")
		})
	})
	t.Run("cancelled with a cause, after a fault", func(t *testing.T) {
		t.Parallel()
		wait(t, func(t *testing.T, w *waiting) {
			w.srv.Inject(stackonetest.Fault{Status: 503})
			ctx, cancel := context.WithCancelCause(t.Context())
			start := time.Now()
			time.AfterFunc(1500*time.Millisecond, func() { cancel(assert.AnError) })
			_, err := w.waiter.Wait(ctx, w.token)
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, assert.AnError)
			assert.Equal(t, 1500*time.Millisecond, time.Since(start), "at that instant")
			requireAPIError(t, err, "authenticate_connect_session", 503)
			assert.NotContains(t, err.Error(), "\n")
		})
	})
	t.Run("while a look is under way", func(t *testing.T) {
		t.Parallel()
		wait(t, func(t *testing.T, w *waiting) {
			w.srv.Inject(stackonetest.Fault{Delay: time.Minute})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			start := time.Now()
			_, err := w.waiter.Wait(ctx, w.token)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, 5*time.Second, time.Since(start))
			assert.EqualError(t, err, "stackone: the customer has not connected yet: context deadline exceeded", "the look has not failed")
		})
	})
}

func TestWaitRefuses(t *testing.T) {
	t.Parallel()
	nothingSent := roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return nil, assert.AnError
	})
	c, err := client.New(client.WithAPIKey("key"), client.WithHTTPClient(&http.Client{Transport: nothingSent}))
	require.NoError(t, err)
	waiter := connect.NewWaiter(c, connect.WaiterOptions{})
	tests := map[string]struct {
		waiter *connect.Waiter
		ctx    context.Context
		token  string
		opts   []client.Option
		want   string
	}{
		"an empty token":      {waiter: waiter, ctx: t.Context(), want: "token is required"},
		"a nil context":       {waiter: waiter, token: "t", want: "nil context"},
		"an invalid option":   {waiter: waiter, ctx: t.Context(), token: "t", opts: []client.Option{client.WithTimeout(-1)}, want: "timeout is negative"},
		"a negative interval": {waiter: connect.NewWaiter(c, connect.WaiterOptions{Interval: -1}), ctx: t.Context(), token: "t", want: "negative"},
		"a nil client":        {waiter: connect.NewWaiter(nil, connect.WaiterOptions{}), ctx: t.Context(), token: "t", want: "not made by"},
		"a zero client":       {waiter: connect.NewWaiter(&client.Client{}, connect.WaiterOptions{}), ctx: t.Context(), token: "t", want: "not made by"},
		"a zero waiter":       {waiter: new(connect.Waiter), ctx: t.Context(), token: "t", want: "not made by"},
		"a nil waiter":        {ctx: t.Context(), token: "t", want: "not made by"},
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

// TestConnectionErrorIsBounded says that a provider's text cannot flood or break a log.
func TestConnectionErrorIsBounded(t *testing.T) {
	t.Parallel()
	wait(t, func(t *testing.T, w *waiting) {
		require.NoError(t, w.session.Fail(w.token, strings.Repeat("long ", 1000)+w.token))
		_, err := w.waiter.Wait(t.Context(), w.token)
		require.Error(t, err)
		assert.Less(t, len(err.Error()), 2000)
		assert.NotContains(t, err.Error(), w.token)
	})
}

// TestConnectionErrorHidesSecrets says that the provider's text shows no secret that
// the look has handled, and that the look's own options count.
func TestConnectionErrorHidesSecrets(t *testing.T) {
	t.Parallel()
	const key, token, trigger = "v1.eu.planted-key", "planted-token", "planted-trigger"
	encoded := base64.StdEncoding.EncodeToString([]byte(key + ":"))
	said := strings.Join([]string{key, token, trigger, encoded}, " ")
	c, err := client.New(client.WithAPIKey("another"), client.WithHTTPClient(&http.Client{Transport: answers(
		`{"id":1,"external_trigger_token":"` + trigger + `","latest_connection_attempt":{"id":"1","status":"error",` +
			`"oauth_error_code":"` + said + `","oauth_error_description":"` + said + `"}}`)}))
	require.NoError(t, err)
	var response client.Response
	_, err = connect.NewWaiter(c, connect.WaiterOptions{}).Wait(t.Context(), token,
		client.WithAPIKey(key), client.WithResponse(&response))
	var ended *connect.ConnectionError
	require.ErrorAs(t, err, &ended)
	for _, text := range []string{err.Error(), ended.Code, ended.Description, fmt.Sprintf("%+v", *ended)} {
		for _, secret := range []string{key, token, trigger, strings.TrimRight(encoded, "=")} {
			assert.NotContains(t, text, secret)
		}
		assert.Contains(t, text, "[redacted]")
	}
	assert.Equal(t, 201, response.StatusCode, "the caller's Response is filled")
}

// TestWaitNeedsTheOutcome says that a wait does not go on over an attempt whose outcome
// cannot be read, and that no other member matters.
func TestWaitNeedsTheOutcome(t *testing.T) {
	t.Parallel()
	const id = `"id":1,"latest_connection_attempt":`
	for name, tt := range map[string]struct {
		body    string
		account string // empty: an error
	}{
		"sound":                          {`{` + id + `{"id":"1","status":"authenticated","account_secure_id":"account-1"}}`, "account-1"},
		"a time that is none":            {`{` + id + `{"id":"1","status":"authenticated","account_secure_id":"account-1","created_at":"today"}}`, "account-1"},
		"a session with members amiss":   {`{"organization_id":17,"created_at":5,` + id + `{"id":"1","status":"authenticated","account_secure_id":"account-1"}}`, "account-1"},
		"the status is a number":         {`{` + id + `{"id":"1","status":7,"account_secure_id":"account-1"}}`, ""},
		"the account is a number":        {`{` + id + `{"id":"1","status":"authenticated","account_secure_id":7}}`, ""},
		"the account is broken text":     {`{` + id + `{"id":"1","status":"authenticated","account_secure_id":"ab\ud800cd"}}`, ""},
		"the attempt is a text":          {`{` + id + `"authenticated"}`, ""},
		"the attempt of a session is []": {`{` + id + `[]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := client.New(client.WithAPIKey("key"), client.WithHTTPClient(&http.Client{Transport: answers(tt.body)}))
			require.NoError(t, err)
			attempt, err := connect.NewWaiter(c, connect.WaiterOptions{}).Wait(t.Context(), "planted-token")
			if tt.account != "" {
				require.NoError(t, err)
				assert.Equal(t, tt.account, attempt.AccountSecureID)
				return
			}
			var response *client.ResponseError
			require.ErrorAs(t, err, &response)
			assert.ErrorContains(t, err, "stackone: authenticate_connect_session: 201 Created with a body that cannot be used: "+
				"latest_connection_attempt has no usable status or account_secure_id")
			assert.Equal(t, tt.body, string(response.Body))
			assert.Equal(t, 1, response.Attempts)
			assert.Equal(t, "request-1", response.RequestID)
			assert.NotNil(t, response.Header)
		})
	}
}

// TestWaitPace are the paces at which a wait must not look.
func TestWaitPace(t *testing.T) {
	t.Parallel()
	t.Run("an interval without end", func(t *testing.T) {
		t.Parallel()
		waitWith(t, connect.WaiterOptions{Interval: math.MaxInt64}, func(t *testing.T, w *waiting) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			_, err := w.waiter.Wait(ctx, w.token)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, 1, w.polls())
		})
	})
}

// A Retry-After of another status than 429 delays the session's next look alone, and
// neither that nor the failure is remembered after a look that has succeeded.
func TestWaitAfterAFailedLook(t *testing.T) {
	t.Parallel()
	wait(t, func(t *testing.T, w *waiting) {
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

// The cause of a context's end is the caller's text, and may hold anything.
func TestWaitEndsWithAPresentableError(t *testing.T) {
	t.Parallel()
	wait(t, func(t *testing.T, w *waiting) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errors.New("line1\nline2 \x1b[31m" + w.token + strings.Repeat("x", 5000))) })
		_, err := w.waiter.Wait(ctx, w.token)
		require.ErrorIs(t, err, context.Canceled)
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
			assert.NotContains(t, text, w.token)
			assert.NotContains(t, text, "\n")
			assert.Less(t, len(text), 1000)
		}
	})
}
