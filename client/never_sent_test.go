package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// Connections that cannot be made: nothing was sent.

func TestNeverSent(t *testing.T) {
	run(t, []scenario{
		{name: "connection refused", steps: []step{fails(errRefused)}, want: all(neverSent(3), wraps(syscall.ECONNREFUSED))},
		{name: "connection refused, then success", steps: []step{fails(errRefused), answers(201, link)}, want: succeeds(2)},
		{name: "connection refused twice, then success", steps: []step{fails(errRefused), fails(errRefused), answers(201, link)}, want: succeeds(3)},
		{name: "connection refused three times", steps: []step{fails(errRefused), fails(errRefused), fails(errRefused), answers(201, link)}, want: neverSent(3)},
		{name: "no such host", steps: []step{fails(noSuchHost)}, want: neverSent(1)},
		{name: "no such host, without a dial error", steps: []step{fails(&net.DNSError{Err: "no such host", IsNotFound: true})}, want: neverSent(1)},
		{name: "DNS time-out", steps: []step{fails(connecting(&net.DNSError{Err: "i/o timeout", IsTimeout: true}))}, want: neverSent(3)},
		{name: "DNS server failure", steps: []step{fails(connecting(&net.DNSError{Err: "server misbehaving", IsTemporary: true}))}, want: neverSent(3)},
		{
			name: "DNS server failure, then no such host", steps: []step{fails(connecting(&net.DNSError{IsTemporary: true})), fails(noSuchHost)},
			want: neverSent(2),
		},
		{
			name: "dial time-out", steps: []step{takes(30*time.Second, fails(connecting(os.ErrDeadlineExceeded)))},
			want: all(neverSent(3), wraps(os.ErrDeadlineExceeded)), took: span{90 * time.Second, 90*time.Second + 600*time.Millisecond},
		},
		{name: "no route to host, then success", steps: []step{fails(connecting(syscall.EHOSTUNREACH)), answers(201, link)}, want: succeeds(2)},
		{name: "invalid address", steps: []step{fails(connecting(&net.AddrError{Err: "unexpected"}))}, want: neverSent(1)},
		{name: "certificate of an unknown authority", steps: []step{fails(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}})}, want: neverSent(1)},
		{name: "certificate for another host", steps: []step{fails(x509.HostnameError{Certificate: new(x509.Certificate)})}, want: neverSent(1)},
		{name: "expired certificate", steps: []step{fails(x509.CertificateInvalidError{Reason: x509.Expired})}, want: neverSent(1)},
		{name: "https to an http port", steps: []step{fails(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"})}, want: neverSent(1)},
		{name: "proxy refuses the connection", steps: []step{fails(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errRefused})}, want: neverSent(3)},
		{
			name: "no such proxy", want: neverSent(1),
			steps: []step{fails(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: connecting(&net.DNSError{IsNotFound: true})})},
		},
		{
			name: "proxy with an invalid certificate", want: neverSent(1),
			steps: []step{fails(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}})},
		},
	})
}

// The same through net/http with a DialContext.
func TestNeverSentThroughNetHTTP(t *testing.T) {
	t.Parallel()
	type dialler = func(context.Context, string, string) (net.Conn, error)
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, errRefused }
	dawdle := func(context.Context, string, string) (net.Conn, error) {
		time.Sleep(100 * time.Second) // in virtual time; net/http does not cancel it
		return nil, connecting(os.ErrDeadlineExceeded)
	}
	tests := map[string]struct {
		dial dialler
		opts []client.Option
		want outcome
		took span
	}{
		"connection refused": {dial: refuse, want: neverSent(3), took: backoffs(3)},
		"no such host": {
			dial: func(context.Context, string, string) (net.Conn, error) {
				return nil, connecting(&net.DNSError{Err: "no such host", IsNotFound: true})
			}, want: neverSent(1),
		},
		"dialling outlasts the attempt": {
			dial: dawdle, want: all(neverSent(3), wraps(context.DeadlineExceeded)), took: span{195 * time.Second, 195*time.Second + 600*time.Millisecond},
		},
		"unknown error of the dialler": {
			dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network today") }, want: neverSent(1),
		},
	}
	for name, tt := range tests {
		for operation := range operations {
			t.Run(name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					transport := &http.Transport{DialContext: tt.dial}
					r := call(t.Context(), t, operation, through(t, transport, tt.opts...))
					tt.want(t, r)
					requireTook(t, tt.took, r.took)
					time.Sleep(2 * time.Minute) // until the dialler has returned
				})
			})
		}
	}
}

// deadAddress is a loopback address where nobody listens.
const deadAddress = "127.0.0.1:1"

func TestServerComesUp(t *testing.T) {
	t.Parallel()
	for operation := range operations {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(answer(201, link))
			t.Cleanup(server.Close)
			var dials atomic.Int32
			transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if dials.Add(1) < 3 {
					addr = deadAddress
				}
				return new(net.Dialer).DialContext(ctx, network, addr)
			}}
			c := at(t, server.URL, client.WithHTTPClient(&http.Client{Transport: transport}))
			succeeds(3)(t, call(t.Context(), t, operation, c))
		})
		t.Run(operation+" never", func(t *testing.T) {
			t.Parallel()
			all(neverSent(3), wraps(syscall.ECONNREFUSED))(t, call(t.Context(), t, operation, at(t, "http://"+deadAddress)))
		})
	}
}

func TestNeverSentWithoutBody(t *testing.T) {
	t.Parallel()
	_, err := at(t, "http://"+deadAddress).Generated().CreateConnectSessionWithBodyWithResponse(t.Context(), "", nil,
		func(_ context.Context, r *http.Request) error { r.Method = http.MethodGet; return nil })
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
	var unsent *client.TransportError
	require.ErrorAs(t, err, &unsent)
	assert.False(t, unsent.MaybeSent)
	assert.Equal(t, 3, unsent.Attempts)
}

// tlsServer starts a server that creates a session with every request and counts its connections.
func tlsServer(t *testing.T, config *tls.Config) (server *httptest.Server, connections *atomic.Int32) {
	t.Helper()
	connections = new(atomic.Int32)
	server = httptest.NewUnstartedServer(answer(201, link))
	server.TLS = config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, connections
}

// trusting returns the option for a transport that trusts the server and is closed
// with the test.
func trusting(t *testing.T, server *httptest.Server, change func(*http.Transport)) client.Option {
	t.Helper()
	transport := server.Client().Transport.(*http.Transport).Clone()
	change(transport)
	t.Cleanup(transport.CloseIdleConnections)
	return client.WithHTTPClient(&http.Client{Transport: transport})
}

func TestInvalidCertificates(t *testing.T) {
	t.Parallel()
	server, connections := tlsServer(t, nil)
	tests := map[string]struct {
		change func(*http.Transport)
		want   outcome
	}{
		"unknown authority": {func(tr *http.Transport) { tr.TLSClientConfig.RootCAs = x509.NewCertPool() }, neverSent(1)},
		"wrong host":        {func(tr *http.Transport) { tr.TLSClientConfig.ServerName = "elsewhere.example" }, neverSent(1)},
		"expired": {func(tr *http.Transport) {
			tr.TLSClientConfig.Time = func() time.Time { return time.Date(2150, 1, 1, 0, 0, 0, 0, time.UTC) }
		}, neverSent(1)},
		"valid certificate": {func(*http.Transport) {}, succeeds(1)},
	}
	for name, tt := range tests {
		for operation := range operations {
			t.Run(name+"/"+operation, func(t *testing.T) { // not parallel: the server counts connections
				before := connections.Load()
				tt.want(t, call(t.Context(), t, operation, at(t, server.URL, trusting(t, server, tt.change))))
				assert.Equal(t, int32(1), connections.Load()-before, "connections")
			})
		}
	}
	t.Run("unknown authority, the client's own transport", func(t *testing.T) {
		neverSent(1)(t, call(t.Context(), t, opCreate, at(t, server.URL)))
	})
}

func TestConnectionClosedDuringHandshake(t *testing.T) {
	t.Parallel()
	for operation := range operations {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			addr, accepted := listen(t, func(net.Conn) {})
			neverSent(3)(t, call(t.Context(), t, operation, at(t, "https://"+addr)))
			assert.Equal(t, int32(3), accepted.Load())
		})
	}
}

func TestNoCommonTLSVersion(t *testing.T) {
	t.Parallel()
	old, connections := tlsServer(t, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	for operation := range operations {
		t.Run("server speaks only TLS 1.1/"+operation, func(t *testing.T) {
			before := connections.Load()
			c := at(t, old.URL, trusting(t, old, func(*http.Transport) {}))
			all(neverSent(1), says("tls:"))(t, call(t.Context(), t, operation, c))
			assert.Equal(t, int32(1), connections.Load()-before, "connections")
		})
		t.Run("https to an http port/"+operation, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }))
			t.Cleanup(server.Close)
			neverSent(1)(t, call(t.Context(), t, operation, at(t, strings.Replace(server.URL, "http:", "https:", 1))))
		})
	}
}

func TestProxyFails(t *testing.T) {
	t.Parallel()
	const password = "hunter2" // requirePresentable looks for it
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
	// environment returns what http.ProxyFromEnvironment does for an invalid URL.
	environment := func(proxyURL string) func(*http.Request) (*url.URL, error) {
		return func(*http.Request) (*url.URL, error) {
			_, err := url.Parse(proxyURL)
			return nil, fmt.Errorf("invalid proxy address %q: %v", proxyURL, err) //nolint:errorlint // as net/http writes it
		}
	}
	const https, plain = "https://api.example", "http://" + deadAddress
	tests := map[string]struct {
		base  string
		proxy func(*http.Request) (*url.URL, error)
		want  outcome
	}{
		"connection refused":        {https, always("http://user:" + password + "@" + deadAddress), all(neverSent(3), wraps(syscall.ECONNREFUSED))},
		"connection refused, http":  {plain, always("http://user:" + password + "@" + deadAddress), neverSent(3)},
		"connection refused, SOCKS": {https, always("socks5://user:" + password + "@" + deadAddress), neverSent(3)},
		"407 to CONNECT":            {https, always(proxy(407)), all(neverSent(1), says("the proxy answered CONNECT with 407"))},
		"502 to CONNECT":            {https, always(proxy(502)), all(neverSent(3), says("the proxy answered CONNECT with 502"))},
		"407 over http":             {plain, always(proxy(407)), failsWithStatus(407, 1)},
		"unknown scheme":            {https, always("quic://user:" + password + "@proxy.example"), neverSent(1)},

		"URL with an invalid host":         {https, always("http://user:" + password + "@ho st"), neverSent(1)},
		"URL with an invalid escape":       {https, always("http://user:" + password + "%zz@proxy.example"), neverSent(1)},
		"URL with a slash in the password": {https, always("http://user:" + password + "/x@proxy.example"), neverSent(1)},
		"URL with an @ in the password":    {https, always("http://user:x@" + password + "@ho st"), neverSent(1)},
		"URL without a scheme":             {https, always("1user:" + password + "%zz@proxy.example"), neverSent(1)},

		"Proxy function returns an error": {https, func(*http.Request) (*url.URL, error) {
			return nil, errors.New("no proxy at http://user:" + password + "@proxy.example or http://user:" + password + "@other.example today")
		}, all(neverSent(1), says("today"))},

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
