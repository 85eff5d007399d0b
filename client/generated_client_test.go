package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

func TestGeneratedWithoutNew(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*client.Client{"nil": nil, "zero": {}} {
		_, err := c.Generated().CreateConnectSessionWithResponse(t.Context(), owner)
		require.ErrorContains(t, err, "not made by client.New", name)
	}
}

func TestRequestEditors(t *testing.T) {
	t.Parallel()
	var got *http.Request
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		got = r
		return nil, assert.AnError
	})
	c := through(t, transport, noRetries)
	edited := func(edit func(*http.Request)) error {
		got = nil
		_, err := c.Generated().CreateConnectSessionWithResponse(t.Context(), owner,
			func(_ context.Context, r *http.Request) error { edit(r); return nil })
		require.Error(t, err)
		return err
	}
	edited(func(r *http.Request) { r.URL.Scheme = "http" })
	assert.Empty(t, got.Header["Authorization"], "another scheme is another origin")

	edited(func(r *http.Request) { r.Header.Set("Accept", "text/plain"); r.Header.Set("User-Agent", "mine") })
	assert.Equal(t, "text/plain", got.Header.Get("Accept"))
	assert.Equal(t, "mine", got.Header.Get("User-Agent"))
	assert.NotEmpty(t, got.Header["Authorization"])

	edited(func(r *http.Request) { r.Header = nil })
	assert.NotEmpty(t, got.Header["Authorization"])

	require.NotNil(t, got.GetBody)
	edited(func(r *http.Request) { r.Header.Set("Idempotency-Key", "k") })
	assert.Nil(t, got.GetBody, "otherwise net/http would resend the POST")

	require.ErrorContains(t, edited(func(r *http.Request) { r.URL = nil }), "no URL")
	assert.Nil(t, got)

	// An operation without a method is named by its path, which may contain a secret.
	err := edited(func(r *http.Request) { r.URL.Path = "/x/" + testKey + "/line\nbreak" })
	assert.NotContains(t, err.Error(), testKey)
	assert.NotContains(t, err.Error(), "\n")
	assert.Contains(t, err.Error(), "POST /x/[redacted]/line%0Abreak")
}

// The body of a generated call may be any reader, and each attempt sends all of it.
func TestGeneratedCallWithReaderBody(t *testing.T) {
	t.Parallel()
	var bodies []string
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		assert.Equal(t, int64(len(body)), r.ContentLength)
		return &http.Response{StatusCode: 429}, nil
	})
	c := through(t, transport, client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 2, MinBackoff: 1, MaxBackoff: 1}))
	_, err := c.Generated().CreateConnectSessionWithBodyWithResponse(t.Context(), "application/json",
		io.MultiReader(strings.NewReader(`{"a":`), strings.NewReader(`1}`)))
	requireAPIError(t, err, "create_connect_session", 429)
	assert.Equal(t, []string{`{"a":1}`, `{"a":1}`}, bodies)

	_, err = c.Generated().CreateConnectSessionWithBodyWithResponse(t.Context(), "application/json", iotest.ErrReader(assert.AnError))
	var broken *client.TransportError
	require.ErrorAs(t, err, &broken)
	require.ErrorIs(t, err, assert.AnError)
	assert.Equal(t, 0, broken.Attempts)
	assert.False(t, broken.MaybeSent)
	assert.Len(t, bodies, 2)

	body := `{"token":"planted"}`
	_, err = c.Generated().AuthenticateConnectSessionWithBodyWithResponse(t.Context(), "application/json",
		io.MultiReader(strings.NewReader(body), iotest.ErrReader(errors.New("cannot spool "+body))))
	require.ErrorContains(t, err, "cannot spool")
	assert.NotContains(t, err.Error(), "planted")

	bodies = nil
	transport = func(r *http.Request) (*http.Response, error) {
		assert.Nil(t, r.Body)
		bodies = append(bodies, r.Method)
		return &http.Response{StatusCode: 503}, nil
	}
	c = through(t, transport, client.WithRetryPolicy(quick))
	err = sendWithoutBody(t.Context(), c, http.MethodGet)
	requireAPIError(t, err, "GET /connect_sessions", 503)
	assert.Equal(t, []string{"GET", "GET", "GET"}, bodies)
}

// For the race detector: the function that closes a body when the context ends may still
// be running when a generated call replaces the body.
func TestContextCancelledAtEndOfBody(t *testing.T) {
	t.Parallel()
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		c := through(t, roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 201, Body: io.NopCloser(io.MultiReader(strings.NewReader(link), bodyReader(func([]byte) (int, error) {
				cancel()
				runtime.Gosched()
				return 0, io.EOF
			})))}, nil
		}))
		if _, err := c.Generated().CreateConnectSessionWithResponse(ctx, owner); err != nil {
			assert.ErrorIs(t, err, context.Canceled)
		}
		cancel()
	}
}
