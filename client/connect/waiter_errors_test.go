package connect_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
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
)

func TestWaitAfterErrors(t *testing.T) {
	t.Parallel()
	attemptOf := func(status string) []byte {
		return []byte(`{"id":1,"latest_connection_attempt":{"id":"a","status":"` + status + `"}}`)
	}
	transient := map[string]stackonetest.Fault{
		"500":                    {Status: 500},
		"503":                    stackonetest.ProxyError(503),
		"408":                    {Status: 408},
		"429":                    {Status: 429},
		"reset":                  {Reset: stackonetest.ResetBeforeReading},
		"cut":                    {CutBody: true},
		"unknown attempt status": {Status: 201, Header: http.Header{"Content-Type": {"application/json"}}, Body: attemptOf("meditating")},
	}
	for name, fault := range transient {
		t.Run(name+" continues", func(t *testing.T) {
			t.Parallel()
			testWaiter(t, func(t *testing.T, w *fixture) {
				fault.Times = 5 // more than the attempts of one call
				w.srv.Inject(fault)
				require.NoError(t, w.session.Connect("account-1"))
				attempt, err := w.waiter.Wait(t.Context(), w.token)
				require.NoError(t, err)
				assert.Equal(t, "account-1", attempt.AccountSecureID)
			})
		})
	}
	permanent := map[string]struct {
		fault stackonetest.Fault
		want  error
	}{
		"401": {stackonetest.Fault{Status: 401}, client.ErrUnauthorized},
		"403": {stackonetest.Fault{Status: 403}, client.ErrForbidden},
		"404": {stackonetest.Fault{Status: 404}, client.ErrNotFound},
		"501": {stackonetest.Fault{Status: 501}, client.ErrNotImplemented},
		"400": {stackonetest.Fault{Status: 400}, client.ErrBadRequest},
	}
	for name, tt := range permanent {
		t.Run(name+" ends the wait", func(t *testing.T) {
			t.Parallel()
			testWaiter(t, func(t *testing.T, w *fixture) {
				w.srv.Inject(tt.fault)
				_, err := w.waiter.Wait(t.Context(), w.token)
				require.ErrorIs(t, err, tt.want)
				assert.Equal(t, 1, w.lookCount())
			})
		})
	}
	for name, opt := range map[string]client.Option{
		"untrusted certificate": client.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
		})}),
		"no such host": client.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "host.example", IsNotFound: true}}
		})}),
		"failing key function": client.WithAPIKeyFunc(func(context.Context) (string, error) { return "", context.DeadlineExceeded }),
	} {
		t.Run(name+" ends the wait", func(t *testing.T) {
			t.Parallel()
			testWaiter(t, func(t *testing.T, w *fixture) {
				begun := time.Now()
				_, err := w.waiter.Wait(t.Context(), w.token, opt)
				var transport *client.TransportError
				require.ErrorAs(t, err, &transport)
				assert.Zero(t, time.Since(begun))
			})
		})
	}
	t.Run("unusable response ends the wait", func(t *testing.T) {
		t.Parallel()
		testWaiter(t, func(t *testing.T, w *fixture) {
			w.srv.Inject(stackonetest.Fault{Status: 201, Body: []byte(`{"id":"1"}`)})
			_, err := w.waiter.Wait(t.Context(), w.token)
			var response *client.ResponseError
			require.ErrorAs(t, err, &response)
		})
	})
	t.Run("expired token ends the wait", func(t *testing.T) {
		t.Parallel()
		testWaiter(t, func(t *testing.T, w *fixture) {
			start := time.Now()
			_, err := w.waiter.Wait(t.Context(), w.token)
			requireAPIError(t, err, "authenticate_connect_session", 401)
			assert.InDelta(t, 1800, time.Since(start).Seconds(), 3, "the lifetime of a session")
		})
	})
	t.Run("429 with a long Retry-After continues", func(t *testing.T) {
		t.Parallel()
		testWaiter(t, func(t *testing.T, w *fixture) {
			require.NoError(t, w.session.Connect("account-1"))
			w.srv.Inject(stackonetest.Fault{Status: 429, RetryAfter: 10 * time.Minute})
			start := time.Now()
			_, err := w.waiter.Wait(t.Context(), w.token)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, time.Since(start), 10*time.Minute)
			assert.Equal(t, 2, w.lookCount(), "Wait waits longer than a call would")
		})
	})
}

func TestWaitContext(t *testing.T) {
	t.Parallel()
	t.Run("deadline", func(t *testing.T) {
		t.Parallel()
		testWaiter(t, func(t *testing.T, w *fixture) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			start := time.Now()
			_, err := w.waiter.Wait(ctx, w.token)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, 5*time.Second, time.Since(start))
			assert.EqualError(t, err, "stackone: the customer has not connected yet: context deadline exceeded")
		})
	})
	t.Run("cancelled with a cause after a failed look", func(t *testing.T) {
		t.Parallel()
		testWaiter(t, func(t *testing.T, w *fixture) {
			w.srv.Inject(stackonetest.Fault{Status: 503})
			ctx, cancel := context.WithCancelCause(t.Context())
			start := time.Now()
			time.AfterFunc(1500*time.Millisecond, func() { cancel(assert.AnError) })
			_, err := w.waiter.Wait(ctx, w.token)
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, assert.AnError)
			assert.Equal(t, 1500*time.Millisecond, time.Since(start), "immediately")
			requireAPIError(t, err, "authenticate_connect_session", 503)
			assert.NotContains(t, err.Error(), "\n")
		})
	})
	t.Run("deadline during a look", func(t *testing.T) {
		t.Parallel()
		testWaiter(t, func(t *testing.T, w *fixture) {
			w.srv.Inject(stackonetest.Fault{Delay: time.Minute})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			start := time.Now()
			_, err := w.waiter.Wait(ctx, w.token)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, 5*time.Second, time.Since(start))
			assert.EqualError(t, err, "stackone: the customer has not connected yet: context deadline exceeded", "an interrupted look is no failure")
		})
	})
}

// A long text of the provider is truncated.
func TestConnectionErrorIsBounded(t *testing.T) {
	t.Parallel()
	testWaiter(t, func(t *testing.T, w *fixture) {
		require.NoError(t, w.session.Fail(w.token, strings.Repeat("long ", 1000)+w.token))
		_, err := w.waiter.Wait(t.Context(), w.token)
		require.Error(t, err)
		assert.Less(t, len(err.Error()), 2000)
		assert.NotContains(t, err.Error(), w.token)
	})
}

// Secrets of the call are masked in the provider's text, including those of the options
// passed to Wait.
func TestConnectionErrorHidesSecrets(t *testing.T) {
	t.Parallel()
	const key, token, trigger = "v1.eu.planted-key", "planted-token", "planted-trigger"
	encoded := base64.StdEncoding.EncodeToString([]byte(key + ":"))
	text := strings.Join([]string{key, token, trigger, encoded}, " ")
	c, err := client.New(client.WithAPIKey("another"), client.WithHTTPClient(&http.Client{Transport: respondWith(
		`{"id":1,"external_trigger_token":"` + trigger + `","latest_connection_attempt":{"id":"1","status":"error",` +
			`"oauth_error_code":"` + text + `","oauth_error_description":"` + text + `"}}`)}))
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
	assert.Equal(t, 201, response.StatusCode, "the caller's Response is set")
}

// Wait fails if it cannot read the outcome of an attempt. Other unreadable members do not
// matter.
func TestWaitUnreadableAttempt(t *testing.T) {
	t.Parallel()
	const id = `"id":1,"latest_connection_attempt":`
	for name, tt := range map[string]struct {
		body    string
		account string // empty: Wait fails
	}{
		"valid":                              {`{` + id + `{"id":"1","status":"authenticated","account_secure_id":"account-1"}}`, "account-1"},
		"attempt's created_at is not a time": {`{` + id + `{"id":"1","status":"authenticated","account_secure_id":"account-1","created_at":"today"}}`, "account-1"},
		"other members have wrong types":     {`{"organization_id":17,"created_at":5,` + id + `{"id":"1","status":"authenticated","account_secure_id":"account-1"}}`, "account-1"},
		"status is a number":                 {`{` + id + `{"id":"1","status":7,"account_secure_id":"account-1"}}`, ""},
		"account is a number":                {`{` + id + `{"id":"1","status":"authenticated","account_secure_id":7}}`, ""},
		"account is not valid Unicode":       {`{` + id + `{"id":"1","status":"authenticated","account_secure_id":"ab\ud800cd"}}`, ""},
		"attempt is a string":                {`{` + id + `"authenticated"}`, ""},
		"attempt is an array":                {`{` + id + `[]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, respondWith(tt.body))
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

// The cause of the context may be any text. The error is still one short line without
// the token.
func TestWaitErrorIsOneLineWithoutTheToken(t *testing.T) {
	t.Parallel()
	testWaiter(t, func(t *testing.T, w *fixture) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errors.New("line1\nline2 \x1b[31m" + w.token + strings.Repeat("x", 5000))) })
		_, err := w.waiter.Wait(ctx, w.token)
		require.ErrorIs(t, err, context.Canceled)
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
			assert.NotContains(t, text, w.token)
			assert.NotContains(t, text, "\n")
			assert.Less(t, len(text), 1000)
			assert.NotContains(t, text, "line1", "the cause may hold other secrets too")
		}
	})
}
