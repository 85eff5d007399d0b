package client_test

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// requireConfigurationError requires an error of New that does not show the value.
func requireConfigurationError(t *testing.T, err error) {
	t.Helper()
	require.ErrorContains(t, err, "invalid configuration")
	requirePresentable(t, err.Error())
}

func TestInvalidConfiguration(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	tests := map[string]func(string) client.Option{
		"key":           client.WithAPIKey,
		"user name":     func(s string) client.Option { return client.WithBasicAuth(s, "") },
		"password":      func(s string) client.Option { return client.WithBasicAuth("user", s) },
		"user agent":    client.WithUserAgent,
		"header value":  func(s string) client.Option { return client.WithHeader("X-Tenant", s) },
		"header name":   func(s string) client.Option { return client.WithHeader(s, "x") },
		"base URL path": func(s string) client.Option { return client.WithBaseURL("https://host/" + s) },
		"base URL host": func(s string) client.Option {
			return client.WithBaseURL("https://" + s + ".example")
		},
	}
	for name, option := range tests {
		for what, character := range map[string]string{"CR": "\r", "LF": "\n", "NUL": "\x00", "DEL": "\x7f", "non-ASCII": "é", "not UTF-8": "\xff"} {
			basic := name == "user name" || name == "password"
			if basic && (what == "non-ASCII" || what == "not UTF-8") {
				continue // base64 hides them, and RFC 7617 allows them
			}
			t.Run(name+" with "+what, func(t *testing.T) {
				t.Parallel()
				c, err := client.New(client.WithAPIKey("good"), option(secret+character+secret))
				requireConfigurationError(t, err)
				assert.Nil(t, c)
			})
		}
	}

	t.Run("several faults are reported together", func(t *testing.T) {
		t.Parallel()
		_, err := client.New(client.WithAPIKey(secret+":"), client.WithBaseURL("http://"+secret), client.WithTimeout(-1))
		requireConfigurationError(t, err)
		for _, fault := range []string{"colon", "https", "timeout"} {
			assert.ErrorContains(t, err, fault)
		}
	})

	for name, key := range map[string]string{"empty": "", "blank": " \t\r\n", "with a colon": secret + ":", "with a colon inside": secret + ":x"} {
		t.Run("key "+name, func(t *testing.T) {
			t.Parallel()
			_, err := client.New(client.WithAPIKey(key))
			requireConfigurationError(t, err)
		})
	}
	for name, key := range map[string]string{"spaces": " key ", "a newline": "key\n", "CR and LF": "\tkey\r\n"} {
		t.Run("key with "+name+" at its ends", func(t *testing.T) {
			t.Parallel()
			var sent string
			c := through(t, scripted(func(r *http.Request) (*http.Response, error) {
				sent = r.Header.Get("Authorization")
				return answers(201, link)(r)
			}), client.WithAPIKey(key))
			succeeds(1)(t, call(t.Context(), t, opCreate, c))
			assert.Equal(t, "Basic "+base64.StdEncoding.EncodeToString([]byte("key:")), sent)
		})
	}

	for _, base := range []string{
		"http://api.stackone.com", "http://10.0.0.1", "http://127.0.0.1.example", "http://[::2]", "http://[fe80::1%25lo]", "http://0x7f000001",
		"https://user@host", "https://user:" + secret + "@host", "https://:" + secret + "@host", "https://host?key=" + secret, "https://host?",
		"https://host#" + secret, "https://host#", "ftp://localhost", "file:///" + secret, "unix:///x", "javascript:alert(1)", "//host",
		"host", "host:443", "/path", "", " ", "https://", "https:///" + secret, "https://:443", "https:host", "https://host:port", "https://[::1",
	} {
		t.Run("base URL "+base, func(t *testing.T) {
			t.Parallel()
			_, err := client.New(client.WithAPIKey("good"), client.WithBaseURL(base))
			requireConfigurationError(t, err)
		})
	}
	for _, base := range []string{"http://127.0.0.1:80", "http://localhost", "http://[::1]:1/x", "https://host/a%2Fb/", "https://host/a b"} {
		t.Run("valid base URL "+base, func(t *testing.T) {
			t.Parallel()
			var got string
			c := through(t, scripted(func(r *http.Request) (*http.Response, error) {
				got = r.URL.String()
				return answers(201, link)(r)
			}), client.WithBaseURL(base))
			succeeds(1)(t, call(t.Context(), t, opCreate, c))
			want := map[string]string{"https://host/a%2Fb/": "https://host/a%2Fb", "https://host/a b": "https://host/a%20b"}[base]
			if want == "" {
				want = base
			}
			assert.Equal(t, want+"/connect_sessions", got)
		})
	}
}

// Unusual spellings of the base URL lose neither the key nor the operation.
func TestUnusualBaseURLs(t *testing.T) {
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

// net/http sends requests to localhost past the proxy of the environment, but knows
// that name in lower case only; the key would go to the proxy in clear text.
func TestLocalhostIsLowerCase(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"http://LOCALHOST:1", "http://LocalHost:1/x", "https://Localhost:1", "http://localhost:1"} {
		var host string
		c := through(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			host = r.URL.Host
			return answers(201, link)(r)
		}), client.WithBaseURL(base))
		require.NoError(t, create(c))
		assert.Equal(t, "localhost:1", host, base)
		assert.Contains(t, fmt.Sprint(c), "localhost:1")
	}
}

// The proxy of the environment gets nothing that is meant for this machine, however its
// address is spelled.
func TestLoopbackPassesNoProxy(t *testing.T) {
	if os.Getenv("TEST_LOOPBACK_PROXY") == "" { // net/http reads the environment once a process
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLoopbackPassesNoProxy$", "-test.v")
		var asked atomic.Int32
		addr, _ := listen(t, func(conn net.Conn) { asked.Add(1); take(conn) })
		cmd.Env = append(os.Environ(), "TEST_LOOPBACK_PROXY=1", "HTTP_PROXY=http://"+addr, "NO_PROXY=", "no_proxy=")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		assert.Contains(t, string(out), "loopback addresses tried: 6")
		assert.Zero(t, asked.Load(), "connections to the proxy")
		return
	}
	tried := 0
	for _, host := range []string{"LOCALHOST:1", "LocalHost:1", "127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"} {
		tried++
		neverSent(3)(t, call(t.Context(), t, opCreate, at(t, "http://"+host)))
	}
	t.Logf("loopback addresses tried: %d", tried)
}
