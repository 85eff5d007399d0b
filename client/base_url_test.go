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

// Unusual spellings of the base URL lose neither the key nor the operation.
func TestUnusualBaseURLs(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"https://host.example:", "https://host.example:/x", "https://host.example/a/../", "https://host.example/./"} {
		var got *http.Request
		c := responding(t, 0, nil, "", client.WithBaseURL(base), client.WithHTTPClient(&http.Client{Transport: roundTripper(
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

// The proxy of the environment gets nothing that is meant for this machine, however its
// address is spelled.
func TestLoopbackBypassesProxy(t *testing.T) {
	if os.Getenv("TEST_LOOPBACK_PROXY") == "" { // net/http reads the environment once a process
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
