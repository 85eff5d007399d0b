package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

func TestNeverSent(t *testing.T) {
	run(t, []scenario{
		{name: "connection refused", steps: []step{fails(errRefused)}, want: all(neverSent(3), wraps(syscall.ECONNREFUSED))},
		{name: "connection refused, then success", steps: []step{fails(errRefused), responds(201, link)}, want: succeeds(2)},
		{name: "connection refused twice, then success", steps: []step{fails(errRefused), fails(errRefused), responds(201, link)}, want: succeeds(3)},
		{name: "connection refused three times", steps: []step{fails(errRefused), fails(errRefused), fails(errRefused), responds(201, link)}, want: neverSent(3)},
		{name: "no such host", steps: []step{fails(errNoSuchHost)}, want: neverSent(1)},
		{name: "no such host, not wrapped in a dial error", steps: []step{fails(&net.DNSError{Err: "no such host", IsNotFound: true})}, want: neverSent(1)},
		{name: "DNS timeout", steps: []step{fails(dialError(&net.DNSError{Err: "i/o timeout", IsTimeout: true}))}, want: neverSent(3)},
		{name: "DNS server failure", steps: []step{fails(dialError(&net.DNSError{Err: "server misbehaving", IsTemporary: true}))}, want: neverSent(3)},
		{
			name: "DNS server failure, then no such host", steps: []step{fails(dialError(&net.DNSError{IsTemporary: true})), fails(errNoSuchHost)},
			want: neverSent(2),
		},
		{
			name: "dial timeout", steps: []step{delayed(30*time.Second, fails(dialError(os.ErrDeadlineExceeded)))},
			want: all(neverSent(3), wraps(os.ErrDeadlineExceeded)), took: span{90 * time.Second, 90*time.Second + 600*time.Millisecond},
		},
		{name: "no route to host, then success", steps: []step{fails(dialError(syscall.EHOSTUNREACH)), responds(201, link)}, want: succeeds(2)},
		{name: "invalid address", steps: []step{fails(dialError(&net.AddrError{Err: "unexpected"}))}, want: neverSent(1)},
		{name: "certificate of an unknown authority", steps: []step{fails(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}})}, want: neverSent(1)},
		{name: "certificate for another host", steps: []step{fails(x509.HostnameError{Certificate: new(x509.Certificate)})}, want: neverSent(1)},
		{name: "expired certificate", steps: []step{fails(x509.CertificateInvalidError{Reason: x509.Expired})}, want: neverSent(1)},
		{name: "https to an http port", steps: []step{fails(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"})}, want: neverSent(1)},
		{name: "proxy refuses the connection", steps: []step{fails(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errRefused})}, want: neverSent(3)},
		{
			name: "proxy host not found", want: neverSent(1),
			steps: []step{fails(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: dialError(&net.DNSError{IsNotFound: true})})},
		},
		{
			name: "proxy with an invalid certificate", want: neverSent(1),
			steps: []step{fails(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}})},
		},
	})
}

// The same errors from the DialContext of an http.Transport.
func TestNeverSentThroughNetHTTP(t *testing.T) {
	t.Parallel()
	type dialFunc = func(context.Context, string, string) (net.Conn, error)
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, errRefused }
	slow := func(context.Context, string, string) (net.Conn, error) {
		time.Sleep(100 * time.Second) // in virtual time; net/http does not cancel it
		return nil, dialError(os.ErrDeadlineExceeded)
	}
	tests := map[string]struct {
		dial dialFunc
		opts []client.Option
		want expectation
		took span
	}{
		"connection refused": {dial: refuse, want: neverSent(3), took: backoffs(3)},
		"no such host": {
			dial: func(context.Context, string, string) (net.Conn, error) {
				return nil, dialError(&net.DNSError{Err: "no such host", IsNotFound: true})
			}, want: neverSent(1),
		},
		"dial outlasts the attempt": {
			dial: slow, want: all(neverSent(3), wraps(context.DeadlineExceeded)), took: span{195 * time.Second, 195*time.Second + 600*time.Millisecond},
		},
		"unknown dial error": {
			dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network") }, want: neverSent(1),
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
					time.Sleep(2 * time.Minute) // until the dial has returned
				})
			})
		}
	}
}

// The server accepts connections from the third attempt on, or never.
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
					addr = closedAddress
				}
				return new(net.Dialer).DialContext(ctx, network, addr)
			}}
			c := at(t, server.URL, client.WithHTTPClient(&http.Client{Transport: transport}))
			succeeds(3)(t, call(t.Context(), t, operation, c))
		})
		t.Run(operation+" stays down", func(t *testing.T) {
			t.Parallel()
			all(neverSent(3), wraps(syscall.ECONNREFUSED))(t, call(t.Context(), t, operation, at(t, "http://"+closedAddress)))
		})
	}
}

func TestNeverSentWithoutBody(t *testing.T) {
	t.Parallel()
	err := sendWithoutBody(t.Context(), at(t, "http://"+closedAddress), http.MethodGet)
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
	var unsent *client.TransportError
	require.ErrorAs(t, err, &unsent)
	assert.False(t, unsent.MaybeSent)
	assert.Equal(t, 3, unsent.Attempts)
}
