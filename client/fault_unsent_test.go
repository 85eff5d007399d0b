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

// Nothing was sent: the faults of making a connection.

func TestFaultUnsent(t *testing.T) {
	noSuchHost := connecting(&net.DNSError{Err: "no such host", Name: "api.stackone.com", IsNotFound: true})
	run(t, []fault{
		{name: "01 connection refused", meets: []step{fails(errRefused)}, want: all(NS, wraps(syscall.ECONNREFUSED))},
		{name: "01 connection refused, then up", meets: []step{fails(errRefused), answers(201, link)}, want: OK(2)},
		{name: "01 up by the third attempt", meets: []step{fails(errRefused), fails(errRefused), answers(201, link)}, want: OK(3)},
		{name: "01 up too late", meets: []step{fails(errRefused), fails(errRefused), fails(errRefused), answers(201, link)}, want: NS},
		{name: "02 no such host", meets: []step{fails(noSuchHost)}, want: NSP},
		{name: "02 no such host, not as a dial", meets: []step{fails(&net.DNSError{Err: "no such host", IsNotFound: true})}, want: NSP},
		{name: "02 DNS time-out", meets: []step{fails(connecting(&net.DNSError{Err: "i/o timeout", IsTimeout: true}))}, want: NS},
		{name: "02 DNS server fails", meets: []step{fails(connecting(&net.DNSError{Err: "server misbehaving", IsTemporary: true}))}, want: NS},
		{
			name: "02 DNS server fails, then no such host", meets: []step{fails(connecting(&net.DNSError{IsTemporary: true})), fails(noSuchHost)},
			want: transportError(false, 2),
		},
		{
			name: "03 dial time-out", meets: []step{takes(30*time.Second, fails(connecting(os.ErrDeadlineExceeded)))},
			want: all(NS, wraps(os.ErrDeadlineExceeded)), took: span{90 * time.Second, 90*time.Second + 600*time.Millisecond},
		},
		{name: "03 no route", meets: []step{fails(connecting(syscall.EHOSTUNREACH)), answers(201, link)}, want: OK(2)},
		{name: "03 an address that cannot be dialled", meets: []step{fails(connecting(&net.AddrError{Err: "unexpected"}))}, want: NSP},
		{name: "04 unknown authority", meets: []step{fails(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}})}, want: NSP},
		{name: "04 wrong host", meets: []step{fails(x509.HostnameError{Certificate: new(x509.Certificate)})}, want: NSP},
		{name: "04 expired", meets: []step{fails(x509.CertificateInvalidError{Reason: x509.Expired})}, want: NSP},
		{name: "06 https to a plain port", meets: []step{fails(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"})}, want: NSP},
		{name: "07 proxy refuses", meets: []step{fails(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errRefused})}, want: NS},
		{
			name: "07 proxy not found", want: NSP,
			meets: []step{fails(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: connecting(&net.DNSError{IsNotFound: true})})},
		},
		{
			name: "07 proxy with a bad certificate", want: NSP,
			meets: []step{fails(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}})},
		},
	})
}

// The same through net/http, whose connections come from a dialler of the test's.
func TestFaultUnsentThroughNetHTTP(t *testing.T) {
	t.Parallel()
	type dialler = func(context.Context, string, string) (net.Conn, error)
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, errRefused }
	dawdle := func(context.Context, string, string) (net.Conn, error) {
		time.Sleep(100 * time.Second) // of the bubble; net/http does not cancel it
		return nil, connecting(os.ErrDeadlineExceeded)
	}
	tests := map[string]struct {
		dial dialler
		opts []client.Option
		want outcome
		took span
	}{
		"01 connection refused": {dial: refuse, want: NS, took: backoffs(3)},
		"02 no such host": {
			dial: func(context.Context, string, string) (net.Conn, error) {
				return nil, connecting(&net.DNSError{Err: "no such host", IsNotFound: true})
			}, want: NSP,
		},
		"03 dialling takes longer than an attempt": {
			dial: dawdle, want: all(NS, wraps(context.DeadlineExceeded)), took: span{195 * time.Second, 195*time.Second + 600*time.Millisecond},
		},
		"03 an error of the dialler's own": {
			dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network today") }, want: NSP,
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
					time.Sleep(2 * time.Minute) // until the dialling has ended, too
				})
			})
		}
	}
}

// deadAddress is a loopback address where nobody listens.
const deadAddress = "127.0.0.1:1"

func TestFault01ServerComesUp(t *testing.T) {
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
			OK(3)(t, call(t.Context(), t, operation, c))
		})
		t.Run(operation+" never", func(t *testing.T) {
			t.Parallel()
			all(NS, wraps(syscall.ECONNREFUSED))(t, call(t.Context(), t, operation, at(t, "http://"+deadAddress)))
		})
	}
}

// A request without a body is no less unsent for it.
func TestFault01WithoutABody(t *testing.T) {
	t.Parallel()
	_, err := at(t, "http://"+deadAddress).Generated().CreateConnectSessionWithBodyWithResponse(t.Context(), "", nil,
		func(_ context.Context, r *http.Request) error { r.Method = http.MethodGet; return nil })
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
	var unsent *client.TransportError
	require.ErrorAs(t, err, &unsent)
	assert.False(t, unsent.MaybeSent)
	assert.Equal(t, 3, unsent.Attempts)
}

// tlsServer returns a server that answers every call, and counts its connections.
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

// trusting returns a transport that trusts the server, and leaves nothing open.
func trusting(t *testing.T, server *httptest.Server, change func(*http.Transport)) client.Option {
	t.Helper()
	transport := server.Client().Transport.(*http.Transport).Clone()
	change(transport)
	t.Cleanup(transport.CloseIdleConnections)
	return client.WithHTTPClient(&http.Client{Transport: transport})
}

func TestFault04Certificates(t *testing.T) {
	t.Parallel()
	server, connections := tlsServer(t, nil)
	tests := map[string]struct {
		change func(*http.Transport)
		want   outcome
	}{
		"unknown authority": {func(tr *http.Transport) { tr.TLSClientConfig.RootCAs = x509.NewCertPool() }, NSP},
		"wrong host":        {func(tr *http.Transport) { tr.TLSClientConfig.ServerName = "elsewhere.example" }, NSP},
		"expired": {func(tr *http.Transport) {
			tr.TLSClientConfig.Time = func() time.Time { return time.Date(2150, 1, 1, 0, 0, 0, 0, time.UTC) }
		}, NSP},
		"good": {func(*http.Transport) {}, OK(1)},
	}
	for name, tt := range tests {
		for operation := range operations {
			t.Run(name+"/"+operation, func(t *testing.T) { // one at a time: the server counts
				before := connections.Load()
				tt.want(t, call(t.Context(), t, operation, at(t, server.URL, trusting(t, server, tt.change))))
				assert.Equal(t, int32(1), connections.Load()-before, "connections")
			})
		}
	}
	t.Run("unknown authority, with the client's own transport", func(t *testing.T) {
		NSP(t, call(t.Context(), t, opCreate, at(t, server.URL)))
	})
}

func TestFault05HungUpInHandshake(t *testing.T) {
	t.Parallel()
	for operation := range operations {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			addr, accepted := listen(t, func(net.Conn) {})
			NS(t, call(t.Context(), t, operation, at(t, "https://"+addr)))
			assert.Equal(t, int32(3), accepted.Load())
		})
	}
}

func TestFault06NoCommonTLS(t *testing.T) {
	t.Parallel()
	old, connections := tlsServer(t, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	for operation := range operations {
		t.Run("only TLS 1.1/"+operation, func(t *testing.T) {
			before := connections.Load()
			c := at(t, old.URL, trusting(t, old, func(*http.Transport) {}))
			all(NSP, says("tls:"))(t, call(t.Context(), t, operation, c))
			assert.Equal(t, int32(1), connections.Load()-before, "connections")
		})
		t.Run("https to a plain port/"+operation, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }))
			t.Cleanup(server.Close)
			NSP(t, call(t.Context(), t, operation, at(t, strings.Replace(server.URL, "http:", "https:", 1))))
		})
	}
}

func TestFault07Proxy(t *testing.T) {
	t.Parallel()
	const password = "hunter2" // looked for in every text
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
	// What http.ProxyFromEnvironment makes of an address that is wrong.
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
		"refuses":              {https, always("http://user:" + password + "@" + deadAddress), all(NS, wraps(syscall.ECONNREFUSED))},
		"refuses a plain call": {plain, always("http://user:" + password + "@" + deadAddress), NS},
		"refuses, SOCKS":       {https, always("socks5://user:" + password + "@" + deadAddress), NS},
		"407 to CONNECT":       {https, always(proxy(407)), NSP},
		"502 to CONNECT":       {https, always(proxy(502)), NSP},
		"407 to a plain call":  {plain, always(proxy(407)), API(407, 1)},
		"unknown scheme":       {https, always("quic://user:" + password + "@proxy.example"), NSP},

		"address with a bad host":              {https, always("http://user:" + password + "@ho st"), NSP},
		"address with a bad escape":            {https, always("http://user:" + password + "%zz@proxy.example"), NSP},
		"address with a slash in the password": {https, always("http://user:" + password + "/x@proxy.example"), NSP},
		"address with an @ in the password":    {https, always("http://user:x@" + password + "@ho st"), NSP},
		"address without a scheme":             {https, always("1user:" + password + "%zz@proxy.example"), NSP},

		"function that fails": {https, func(*http.Request) (*url.URL, error) {
			return nil, errors.New("no proxy at http://user:" + password + "@proxy.example or http://user:" + password + "@other.example today")
		}, all(NSP, says("today"))},

		"environment with a bad host":              {https, environment("http://user:" + password + "@ho st"), NSP},
		"environment with a slash in the password": {https, environment("http://user:" + password + "/x@proxy.example"), NSP},
		"environment without a scheme":             {https, environment("1user:" + password + "%zz@proxy.example"), NSP},
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
