package client

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"strings"
)

// credentials gives an attempt its authorization. Secrets live in its closure,
// where no formatting of a client can reach them.
type credentials func(context.Context) (authorization, error)

type authorization struct {
	header  string   // Authorization
	secrets []string // what an error text must not show
}

func (a authorization) static() credentials {
	return func(context.Context) (authorization, error) { return a, nil }
}

func (s *settings) credentialsFromEnv() {
	key, ok := os.LookupEnv(APIKeyEnv)
	if !ok {
		s.fault("no API key: set %s, or use WithAPIKey", APIKeyEnv)
		return
	}
	a, err := apiKey(key)
	if err != nil {
		s.fault("%s: %w", APIKeyEnv, err)
		return
	}
	s.credentials = a.static()
}

func apiKey(key string) (authorization, error) {
	key = strings.TrimSpace(key)
	switch {
	case key == "":
		return authorization{}, errors.New("the API key is empty")
	case strings.Contains(key, ":"):
		return authorization{}, errors.New("the API key holds a colon: give the key alone, without a password")
	case !visibleASCII(key):
		return authorization{}, errors.New("the API key holds characters that no key has")
	}
	return basic(key, ""), nil
}

func basicAuth(username, password string) (authorization, error) {
	switch {
	case username == "":
		return authorization{}, errors.New("the user name is empty")
	case strings.Contains(username, ":"):
		return authorization{}, errors.New("the user name holds a colon")
	case strings.ContainsFunc(username+password, isControl):
		return authorization{}, errors.New("the user name or password holds a control character")
	}
	return basic(username, password), nil
}

func basic(username, password string) authorization {
	pair := username + ":" + password
	return authorization{
		header:  "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)),
		secrets: []string{pair, username, password},
	}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func visibleASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
