package client_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

func TestKeyFromEnvironment(t *testing.T) {
	t.Setenv(client.APIKeyEnv, " from-environment\n")
	var username string
	handler := func(w http.ResponseWriter, r *http.Request) {
		username, _, _ = r.BasicAuth()
		answer(201, link)(w, r)
	}
	t.Run("used", func(t *testing.T) {
		c := serveUnvalidated(t, handler)
		other, err := client.New(client.WithBaseURL(baseURL(c)))
		require.NoError(t, err)
		require.NoError(t, create(other))
		assert.Equal(t, "from-environment", username)
	})
	t.Run("overridden", func(t *testing.T) {
		require.NoError(t, create(serveUnvalidated(t, handler)))
		assert.Equal(t, testKey, username)
	})
	t.Run("not a fallback for an empty key", func(t *testing.T) {
		_, err := client.New(client.WithAPIKey(""))
		require.ErrorContains(t, err, "the API key is empty")
	})
	t.Run("not set", func(t *testing.T) {
		require.NoError(t, os.Unsetenv(client.APIKeyEnv)) // Setenv above restores it
		_, err := client.New()
		require.EqualError(t, err, "stackone: invalid configuration: no API key: set STACKONE_API_KEY, or use WithAPIKey")
	})
	t.Run("empty", func(t *testing.T) {
		t.Setenv(client.APIKeyEnv, "")
		_, err := client.New()
		require.ErrorContains(t, err, "STACKONE_API_KEY: the API key is empty")
	})
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	var username, password string
	c := serveUnvalidated(t, func(w http.ResponseWriter, r *http.Request) {
		username, password, _ = r.BasicAuth()
		answer(201, link)(w, r)
	})
	require.NoError(t, create(c, client.WithAPIKey(" trimmed\n")))
	assert.Equal(t, "trimmed", username)

	require.NoError(t, create(c, client.WithBasicAuth("user ", " pass:word ")))
	assert.Equal(t, []string{"user ", " pass:word "}, []string{username, password})

	key := "first"
	rotating := client.WithAPIKeyFunc(func(context.Context) (string, error) { return key, nil })
	require.NoError(t, create(c, rotating))
	assert.Equal(t, "first", username)
	key = "second"
	require.NoError(t, create(c, rotating))
	assert.Equal(t, "second", username)

	for name, f := range map[string]func(context.Context) (string, error){
		"function fails":           func(context.Context) (string, error) { return "", assert.AnError },
		"function returns nothing": func(context.Context) (string, error) { return "", nil },
	} {
		var transport *client.TransportError
		err := create(c, client.WithAPIKeyFunc(f), client.WithRetryPolicy(client.RetryPolicy{}))
		require.ErrorAs(t, err, &transport, name)
		assert.False(t, transport.MaybeSent, name)
		assert.Equal(t, 1, transport.Attempts, name)
		assert.Equal(t, name == "function fails", strings.Contains(err.Error(), assert.AnError.Error()), name)
	}
}

// A request editor may send a request to another origin, which does not get the key.
func TestNoCredentialsForAnotherOrigin(t *testing.T) {
	t.Parallel()
	var authorization []string
	other := serveUnvalidated(t, func(w http.ResponseWriter, r *http.Request) {
		authorization = append(authorization, r.Header.Get("Authorization"))
		answer(201, link)(w, r)
	})
	c := serveUnvalidated(t, answer(500, `{}`))
	target := baseURL(other)
	_, err := c.Generated().CreateConnectSessionWithResponse(t.Context(), owner, func(_ context.Context, r *http.Request) error {
		u, err := r.URL.Parse(target + "/connect_sessions")
		r.URL = u
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, []string{""}, authorization)
}

func TestInvalidKey(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for name, key := range map[string]string{"empty": "", "blank": " \t\r\n", "colon at the end": secret + ":", "colon inside": secret + ":x"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := client.New(client.WithAPIKey(key))
			requireConfigurationError(t, err)
		})
	}
}

func TestKeyIsTrimmed(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"spaces": " key ", "newline": "key\n", "CR and LF": "\tkey\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent string
			c := through(t, fake(func(r *http.Request) (*http.Response, error) {
				sent = r.Header.Get("Authorization")
				return responds(201, link)(r)
			}), client.WithAPIKey(key))
			succeeds(1)(t, call(t.Context(), t, opCreate, c))
			assert.Equal(t, "Basic "+base64.StdEncoding.EncodeToString([]byte("key:")), sent)
		})
	}
}
