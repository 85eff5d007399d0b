package client_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// Faults of the configuration.

// CFG is an error of New that shows nothing of the value.
func CFG(t *testing.T, err error) {
	t.Helper()
	require.ErrorContains(t, err, "invalid configuration")
	requirePresentable(t, err.Error())
}

func TestFaultConfiguration(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	tests := map[string]func(string) client.Option{
		"41 key":           client.WithAPIKey,
		"41 user name":     func(s string) client.Option { return client.WithBasicAuth(s, "") },
		"41 password":      func(s string) client.Option { return client.WithBasicAuth("user", s) },
		"41 user agent":    client.WithUserAgent,
		"41 header":        func(s string) client.Option { return client.WithHeader("X-Tenant", s) },
		"41 header's name": func(s string) client.Option { return client.WithHeader(s, "x") },
		"41 base URL":      func(s string) client.Option { return client.WithBaseURL("https://host/" + s) },
		"41 base URL's host": func(s string) client.Option {
			return client.WithBaseURL("https://" + s + ".example")
		},
	}
	for name, option := range tests {
		for what, character := range map[string]string{"CR": "\r", "LF": "\n", "NUL": "\x00", "DEL": "\x7f", "non-ASCII": "é", "not UTF-8": "\xff"} {
			basic := name == "41 user name" || name == "41 password"
			if basic && (what == "non-ASCII" || what == "not UTF-8") {
				continue // base64 hides them, and RFC 7617 allows them
			}
			t.Run(name+" with "+what, func(t *testing.T) {
				t.Parallel()
				c, err := client.New(client.WithAPIKey("good"), option(secret+character+secret))
				CFG(t, err)
				assert.Nil(t, c)
			})
		}
	}

	t.Run("all faults at once", func(t *testing.T) {
		t.Parallel()
		_, err := client.New(client.WithAPIKey(secret+":"), client.WithBaseURL("http://"+secret), client.WithTimeout(-1))
		CFG(t, err)
		for _, fault := range []string{"colon", "https", "time-out"} {
			assert.ErrorContains(t, err, fault)
		}
	})

	for name, key := range map[string]string{"empty": "", "blank": " \t\r\n", "with a colon": secret + ":", "with a colon inside": secret + ":x"} {
		t.Run("42 key "+name, func(t *testing.T) {
			t.Parallel()
			_, err := client.New(client.WithAPIKey(key))
			CFG(t, err)
		})
	}
	for name, key := range map[string]string{"spaces": " key ", "a newline": "key\n", "CR and LF": "\tkey\r\n"} {
		t.Run("42 key with "+name+" at its ends", func(t *testing.T) {
			t.Parallel()
			var sent string
			c := through(t, meets(func(r *http.Request) (*http.Response, error) {
				sent = r.Header.Get("Authorization")
				return answers(201, link)(r)
			}), client.WithAPIKey(key))
			OK(1)(t, call(t.Context(), t, opCreate, c))
			assert.Equal(t, "Basic "+base64.StdEncoding.EncodeToString([]byte("key:")), sent)
		})
	}

	for _, base := range []string{
		"http://api.stackone.com", "http://10.0.0.1", "http://127.0.0.1.example", "http://[::2]", "http://[fe80::1%25lo]", "http://0x7f000001",
		"https://user@host", "https://user:" + secret + "@host", "https://:" + secret + "@host", "https://host?key=" + secret, "https://host?",
		"https://host#" + secret, "https://host#", "ftp://localhost", "file:///" + secret, "unix:///x", "javascript:alert(1)", "//host",
		"host", "host:443", "/path", "", " ", "https://", "https:///" + secret, "https://:443", "https:host", "https://host:port", "https://[::1",
	} {
		t.Run("44 "+base, func(t *testing.T) {
			t.Parallel()
			_, err := client.New(client.WithAPIKey("good"), client.WithBaseURL(base))
			CFG(t, err)
		})
	}
	for _, base := range []string{"http://127.0.0.1:80", "http://localhost", "http://[::1]:1/x", "https://host/a%2Fb/", "https://host/a b"} {
		t.Run("44 allowed: "+base, func(t *testing.T) {
			t.Parallel()
			var got string
			c := through(t, meets(func(r *http.Request) (*http.Response, error) {
				got = r.URL.String()
				return answers(201, link)(r)
			}), client.WithBaseURL(base))
			OK(1)(t, call(t.Context(), t, opCreate, c))
			want := map[string]string{"https://host/a%2Fb/": "https://host/a%2Fb", "https://host/a b": "https://host/a%20b"}[base]
			if want == "" {
				want = base
			}
			assert.Equal(t, want+"/connect_sessions", got)
		})
	}
}

// TestBaseURLIsTidied says that unusual spellings lose neither the key nor the operation.
func TestBaseURLIsTidied(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"https://host.example:", "https://host.example:/x", "https://host.example/a/../", "https://host.example/./"} {
		var got *http.Request
		c := answering(t, 0, nil, "", client.WithBaseURL(base), client.WithHTTPClient(&http.Client{Transport: roundTripper(
			func(r *http.Request) (*http.Response, error) {
				got = r
				return &http.Response{StatusCode: 503}, nil
			})}))
		requireAPIError(t, authenticate(c), "authenticate_connect_session", 503)
		assert.NotEmpty(t, got.Header["Authorization"], base)
	}
}
