package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// APIKeyEnv is the environment variable that New reads the API key from when no option
// gives credentials.
const APIKeyEnv = "STACKONE_API_KEY"

// credentials gives an attempt its authorization. Secrets live in its closure,
// where no formatting of a client can reach them.
type credentials func(context.Context) (authorization, error)

type authorization struct {
	header  string   // Authorization
	secrets []string // must not appear in texts
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
