package client_test

import (
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

func TestInvalidBaseURLs(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, base := range []string{
		"http://api.stackone.com", "http://10.0.0.1", "http://127.0.0.1.example", "http://[::2]", "http://[fe80::1%25lo]", "http://0x7f000001",
		"https://user@host", "https://user:" + secret + "@host", "https://:" + secret + "@host", "https://host?key=" + secret, "https://host?",
		"https://host#" + secret, "https://host#", "ftp://localhost", "file:///" + secret, "unix:///x", "javascript:alert(1)", "//host",
		"host", "host:443", "/path", "", " ", "https://", "https:///" + secret, "https://:443", "https:host", "https://host:port", "https://[::1",
	} {
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			_, err := client.New(client.WithAPIKey("good"), client.WithBaseURL(base))
			requireConfigurationError(t, err)
		})
	}
}

func TestValidBaseURLs(t *testing.T) {
	t.Parallel()
	for _, base := range []string{
		"https://api.stackone.com", "https://api.stackone.com/", "https://gateway.example:8443/stackone/v1",
		"HTTPS://API.STACKONE.COM", "http://localhost:8080", "http://LOCALHOST", "http://127.0.0.1:1", "http://127.9.9.9",
		"http://[::1]:8080/x", "http://[::ffff:127.0.0.1]",
	} {
		_, err := client.New(client.WithAPIKey(" v1.eu.key\n"), client.WithBaseURL(base))
		assert.NoError(t, err, base)
	}
	for _, base := range []string{"http://127.0.0.1:80", "http://localhost", "http://[::1]:1/x", "https://host/a%2Fb/", "https://host/a b"} {
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			var got string
			c := through(t, fake(func(r *http.Request) (*http.Response, error) {
				got = r.URL.String()
				return responds(201, link)(r)
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

// Calls with an unusual base URL send the key and name the operation in their errors.
func TestUnusualBaseURLs(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"https://host.example:", "https://host.example:/x", "https://host.example/a/../", "https://host.example/./"} {
		var got *http.Request
		c := through(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			got = r
			return &http.Response{StatusCode: 503}, nil
		}), client.WithBaseURL(base), noRetries)
		requireAPIError(t, authenticate(c), "authenticate_connect_session", 503)
		assert.NotEmpty(t, got.Header["Authorization"], base)
	}
}

// net/http bypasses the proxy of the environment for localhost, but recognises the name in
// lower case only: the key would otherwise reach the proxy in clear text.
func TestLocalhostIsLowerCased(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"http://LOCALHOST:1", "http://LocalHost:1/x", "https://Localhost:1", "http://localhost:1"} {
		var host string
		c := through(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			host = r.URL.Host
			return responds(201, link)(r)
		}), client.WithBaseURL(base))
		require.NoError(t, create(c))
		assert.Equal(t, "localhost:1", host, base)
		assert.Contains(t, fmt.Sprint(c), "localhost:1")
	}
}

// Requests to a loopback address bypass the proxy of the environment, in any spelling.
func TestLoopbackBypassesProxy(t *testing.T) {
	if os.Getenv("TEST_LOOPBACK_PROXY") == "" { // net/http reads the environment once per process
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLoopbackBypassesProxy$", "-test.v")
		var asked atomic.Int32
		addr, _ := listen(t, func(conn net.Conn) { asked.Add(1); readRequest(conn) })
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
