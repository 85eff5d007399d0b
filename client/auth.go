package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"runtime"
	"runtime/debug"
	"strconv"
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

func (s *settings) credentialsFromEnv(lookup func(string) (string, bool)) {
	key, ok := lookup(APIKeyEnv)
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
	encoded := base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
	return authorization{header: "Basic " + encoded, secrets: []string{encoded, username, password}}
}

// parseBaseURL returns the address with a slash at its end. Its errors do not
// show the address, which may hold a password.
func parseBaseURL(rawURL string) (*url.URL, error) {
	if !visibleASCII(rawURL) {
		return nil, errors.New("the base URL holds characters that no URL has")
	}
	u, err := url.Parse(rawURL)
	switch {
	case err != nil || u.Opaque != "":
		return nil, errors.New("the base URL cannot be parsed")
	case u.Hostname() == "" || !validPort(u.Port()):
		return nil, errors.New("the base URL has no host, or a port that cannot be: write it as https://host")
	case u.User != nil:
		return nil, errors.New("the base URL holds user info: use WithBasicAuth")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(rawURL, "#"):
		return nil, errors.New("the base URL has a query or a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, errors.New("the base URL is not https (http is for loopback addresses only)")
	}
	if !strings.HasSuffix(u.Path, "/") {
		u = u.JoinPath("/")
	}
	return u, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func validPort(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func visibleASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// token reports whether s can name a header (RFC 9110, section 5.6.2).
func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		alphanumeric := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// ownUserAgent names this module, at the version that the program was built
// with, and Go's.
func ownUserAgent() string {
	const module = "github.com/StackOneHQ/stackone-client-go"
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == module && m.Version != "" && m.Version != "(devel)" {
				version = strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	return fmt.Sprintf("stackone-client-go/%s (%s)", version, runtime.Version())
}
