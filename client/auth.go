package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"
)

// APIKeyEnv is the environment variable from which [New] reads the API key if no option
// sets credentials.
const APIKeyEnv = "STACKONE_API_KEY"

// WithAPIKey authenticates with a StackOne API key. White space around the key is
// removed. An empty key, or one with a colon or a control or non-ASCII character, is an
// error, which does not show the key. An empty key is an error even if the environment
// variable STACKONE_API_KEY is set.
func WithAPIKey(key string) Option {
	a, err := apiKey(key)
	return withCredentials(a.static(), err)
}

// WithAPIKeyFunc authenticates with the key that f returns. f is called for every
// attempt, so a rotated key is used immediately. It should cache the key rather than
// fetch it each time, must be safe for concurrent use, and must return when its context is
// done, which is when the attempt ends or times out. If f fails or returns a key that [WithAPIKey] rejects,
// the call fails without a retry, with a [*TransportError] that wraps the reason. A nil f
// is an error.
func WithAPIKeyFunc(f func(context.Context) (string, error)) Option {
	if f == nil {
		return withCredentials(authorization{}.static(), errors.New("the API key function is nil"))
	}
	return withCredentials(keyFunc(f), nil)
}

// WithBasicAuth authenticates with a user name and a password, for a gateway in front of
// StackOne. For StackOne itself, use [WithAPIKey], which sends the key as the user name
// with an empty password. The user name must not be empty or contain a colon, and neither
// may contain a control character. White space is kept.
func WithBasicAuth(username, password string) Option {
	a, err := basicAuth(username, password)
	return withCredentials(a.static(), err)
}

func withKeyFromEnv(c *config) {
	key, ok := os.LookupEnv(APIKeyEnv)
	a, err := apiKey(key)
	switch {
	case !ok:
		err = fmt.Errorf("no API key: set %s, or use WithAPIKey", APIKeyEnv)
	case err != nil:
		err = fmt.Errorf("%s: %w", APIKeyEnv, err)
	}
	withCredentials(a.static(), err)(c)
}

func withCredentials(credentials credentials, err error) Option {
	return func(c *config) {
		c.credentials = credentials // even when invalid, instead of the environment's
		if err != nil {
			c.errs = append(c.errs, err)
		}
	}
}

// credentials returns the authorization of an attempt. Secrets live in its closure,
// where no formatting of a client can reach them.
type credentials func(context.Context) (authorization, error)

type authorization struct {
	header  string   // Authorization
	secrets []string // must not be printed
}

func (a authorization) static() credentials {
	return func(context.Context) (authorization, error) { return a, nil }
}

// credentialsError reports that credentials could not be obtained. Retrying does not help.
type credentialsError struct{ error }

func (e credentialsError) Unwrap() error { return e.error }

func keyFunc(f func(context.Context) (string, error)) credentials {
	return func(ctx context.Context) (authorization, error) {
		key, err := f(ctx)
		if err != nil {
			return authorization{secrets: []string{key}}, credentialsError{fmt.Errorf("the API key function failed: %w", err)}
		}
		a, err := apiKey(key)
		if err != nil {
			return authorization{}, credentialsError{err}
		}
		return a, nil
	}
}

func apiKey(key string) (authorization, error) {
	key = strings.TrimSpace(key)
	switch {
	case key == "":
		return authorization{}, errors.New("the API key is empty")
	case strings.Contains(key, ":"):
		return authorization{}, errors.New("the API key contains a colon: give the key alone, without a password")
	case !visibleASCII(key):
		return authorization{}, errors.New("the API key contains invalid characters")
	}
	return basic(key, "", key), nil
}

func basicAuth(username, password string) (authorization, error) {
	switch {
	case username == "":
		return authorization{}, errors.New("the user name is empty")
	case strings.Contains(username, ":"):
		return authorization{}, errors.New("the user name contains a colon")
	case strings.ContainsFunc(username+password, unicode.IsControl):
		return authorization{}, errors.New("the user name or the password contains a control character")
	}
	return basic(username, password, password), nil
}

func basic(username, password string, secrets ...string) authorization {
	pair := username + ":" + password
	encoded := base64.StdEncoding.EncodeToString([]byte(pair))
	return authorization{
		header:  "Basic " + encoded,
		secrets: append(secrets, pair, encoded, base64.RawURLEncoding.EncodeToString([]byte(pair))),
	}
}
