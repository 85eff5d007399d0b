package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// TLS handshakes and alerts, and what they prove.

// With TLS 1.3 a server rejects the client's certificate after the handshake is over on
// the client's side, when the request is under way.
func TestServerRequiresClientCertificate(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			server, _ := tlsServer(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: version, MaxVersion: version})
			server.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) })
			for range 5 {
				r := call(t.Context(), t, opCreate, at(t, server.URL, trusting(t, server, func(*http.Transport) {})))
				var broken *client.TransportError
				require.ErrorAs(t, r.err, &broken)
				if strings.Contains(r.err.Error(), "certificate") { // unless the reset overtook the alert
					assert.False(t, broken.MaybeSent, "%v", r.err)
				}
				assert.Equal(t, 1, broken.Attempts, "%v", r.err)
			}
			assert.Zero(t, requests.Load())
		})
	}
}

// An alert that does not concern the certificate proves nothing.
func TestServerSendsAnotherAlert(t *testing.T) {
	t.Parallel()
	server, _ := tlsServer(t, &tls.Config{MinVersion: tls.VersionTLS13})
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	})
	ambiguous(t, call(t.Context(), t, opCreate, at(t, server.URL, trusting(t, server, func(*http.Transport) {}))))
}

// The alert that rejects a certificate belongs to a handshake. On a connection that
// has carried a request, it says nothing about the next one.
func TestCertificateAlertProvesNothingOnReusedConnection(t *testing.T) {
	t.Parallel()
	for name, served := range map[string]int{"new connection": 0, "reused connection": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, _ := listen(t, func(conn net.Conn) {
				for n := 0; take(conn) && n < served; n++ {
					_, _ = io.WriteString(conn, okHeader+"Content-Length: 8\r\n\r\n"+`{"id":1}`)
				}
			})
			transport := client.NewTransport()
			transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, addr)
				return alerting{conn}, err
			}
			t.Cleanup(transport.CloseIdleConnections)
			c := at(t, "http://"+addr, client.WithHTTPClient(&http.Client{Transport: transport}))
			if served == 0 {
				neverSent(1)(t, call(t.Context(), t, opCreate, c))
				return
			}
			keepConnection(t, c)
			maybeSent(1)(t, call(t.Context(), t, opCreate, c))
		})
	}
}

// alerting is a connection whose peer ends it with an alert that rejects a certificate.
type alerting struct{ net.Conn }

func (c alerting) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.EOF) {
		err = &net.OpError{Op: "remote error", Err: tls.AlertError(116)} // certificate_required
	}
	return n, err
}

// The protocols of net/http's field are what a server is offered.
func TestOwnTransportSpeaksHTTP1Only(t *testing.T) {
	t.Parallel()
	transport := client.NewTransport()
	assert.Equal(t, "{HTTP1}", transport.Protocols.String())
	var offered atomic.Pointer[tls.ClientHelloInfo]
	server, _ := tlsServer(t, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		offered.Store(hello)
		return nil, nil
	}})
	neverSent(1)(t, call(t.Context(), t, opCreate, at(t, server.URL))) // it does not trust the server
	require.NotNil(t, offered.Load())
	assert.NotContains(t, offered.Load().SupportedProtos, "h2")
}
