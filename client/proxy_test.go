package client_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

func TestProxyFails(t *testing.T) {
	t.Parallel()
	const password = "hunter2" // requireSafeText rejects it
	proxy := func(status int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Proxy-Authenticate", "Basic")
			w.WriteHeader(status)
		}))
		t.Cleanup(s.Close)
		return strings.Replace(s.URL, "://", "://user:"+password+"@", 1)
	}
	always := func(proxyURL string) func(*http.Request) (*url.URL, error) {
		return func(*http.Request) (*url.URL, error) { return url.Parse(proxyURL) }
	}
	// environment fails as http.ProxyFromEnvironment does for an invalid URL.
	environment := func(proxyURL string) func(*http.Request) (*url.URL, error) {
		return func(*http.Request) (*url.URL, error) {
			_, err := url.Parse(proxyURL)
			return nil, fmt.Errorf("invalid proxy address %q: %v", proxyURL, err) //nolint:errorlint // as net/http writes it
		}
	}
	const https, plain = "https://api.example", "http://" + closedAddress
	tests := map[string]struct {
		base  string
		proxy func(*http.Request) (*url.URL, error)
		want  expectation
	}{
		"connection refused":        {https, always("http://user:" + password + "@" + closedAddress), all(neverSent(3), wraps(syscall.ECONNREFUSED))},
		"connection refused, http":  {plain, always("http://user:" + password + "@" + closedAddress), neverSent(3)},
		"connection refused, SOCKS": {https, always("socks5://user:" + password + "@" + closedAddress), neverSent(3)},
		"407 to CONNECT":            {https, always(proxy(407)), all(neverSent(1), says("the proxy responded to CONNECT with 407"))},
		"502 to CONNECT":            {https, always(proxy(502)), all(neverSent(3), says("the proxy responded to CONNECT with 502"))},
		"407 over http":             {plain, always(proxy(407)), failsWithStatus(407, 1)},
		"unknown scheme":            {https, always("quic://user:" + password + "@proxy.example"), neverSent(1)},

		"URL with an invalid host":         {https, always("http://user:" + password + "@ho st"), neverSent(1)},
		"URL with an invalid escape":       {https, always("http://user:" + password + "%zz@proxy.example"), neverSent(1)},
		"URL with a slash in the password": {https, always("http://user:" + password + "/x@proxy.example"), neverSent(1)},
		"URL with an @ in the password":    {https, always("http://user:x@" + password + "@ho st"), neverSent(1)},
		"URL without a scheme":             {https, always("1user:" + password + "%zz@proxy.example"), neverSent(1)},

		"error of the Proxy function": {https, func(*http.Request) (*url.URL, error) {
			return nil, errors.New("no proxy at http://user:" + password + "@proxy.example or http://user:" + password + "@other.example reachable")
		}, all(neverSent(1), says("reachable"))},

		"environment variable with an invalid host":         {https, environment("http://user:" + password + "@ho st"), neverSent(1)},
		"environment variable with a slash in the password": {https, environment("http://user:" + password + "/x@proxy.example"), neverSent(1)},
		"environment variable without a scheme":             {https, environment("1user:" + password + "%zz@proxy.example"), neverSent(1)},
	}
	for name, tt := range tests {
		for operation := range operations {
			t.Run(name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				transport := &http.Transport{Proxy: tt.proxy}
				t.Cleanup(transport.CloseIdleConnections)
				c := at(t, tt.base, client.WithHTTPClient(&http.Client{Transport: transport}))
				tt.want(t, call(t.Context(), t, operation, c))
			})
		}
	}
}

func TestProxyRejectsCONNECT(t *testing.T) {
	t.Parallel()
	for status, attempts := range map[int]int{407: 1, 403: 1, 400: 1, 500: 1, 302: 1, 429: 3, 502: 3, 503: 3, 504: 3} {
		for _, reason := range []string{http.StatusText(status), "Squid says no"} {
			t.Run(fmt.Sprintf("%d %s", status, reason), func(t *testing.T) {
				t.Parallel()
				addr, _ := listen(t, sends("HTTP/1.1 "+strconv.Itoa(status)+" "+reason+"\r\nContent-Length: 0\r\n\r\n"))
				proxy := &url.URL{Scheme: "http", Host: addr, User: url.UserPassword("user", "hunter2")}
				transport := client.NewTransport()
				transport.Proxy = http.ProxyURL(proxy)
				c := at(t, "https://api.example", client.WithHTTPClient(&http.Client{Transport: transport}))
				r := call(t.Context(), t, opCreate, c)
				neverSent(attempts)(t, r)
				says("the proxy "+addr+" responded to CONNECT with "+strconv.Itoa(status))(t, r)
				says("check the proxy")(t, r)
			})
		}
	}
}

// If the connection to a proxy fails, the request was not sent, even if a RoundTripper has
// read its body.
func TestRoundTripperReadsBodyBeforeProxyFails(t *testing.T) {
	t.Parallel()
	refuses, _ := listen(t, func(conn net.Conn) { // SOCKS 5 (RFC 1928)
		_, _ = io.ReadFull(conn, make([]byte, 3)) // a greeting with one method
		_, _ = conn.Write([]byte{5, 0})
		_, _ = conn.Read(make([]byte, 256))
		_, _ = conn.Write([]byte{5, 2, 0, 1, 0, 0, 0, 0, 0, 0}) // not allowed by the ruleset
	})
	for name, tt := range map[string]struct {
		proxy    string
		attempts int
	}{
		"HTTP proxy that is down":             {"http://" + closedAddress, 3},
		"SOCKS proxy that is down":            {"socks5://" + closedAddress, 3},
		"SOCKS proxy that denies the request": {"socks5://" + refuses, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, err := url.Parse(tt.proxy)
			require.NoError(t, err)
			transport := client.NewTransport()
			transport.Proxy = http.ProxyURL(proxy)
			c := at(t, "https://api.example", client.WithHTTPClient(&http.Client{Transport: dumpsRequest(transport)}))
			neverSent(tt.attempts)(t, call(t.Context(), t, opCreate, c))
		})
	}
}
