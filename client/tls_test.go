package client_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

func TestInvalidCertificates(t *testing.T) {
	t.Parallel()
	server, connections := tlsServer(t, nil)
	tests := map[string]struct {
		change func(*http.Transport)
		want   expectation
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
	t.Run("unknown authority, default transport", func(t *testing.T) {
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
		t.Run("TLS 1.1 only/"+operation, func(t *testing.T) {
			before := connections.Load()
			c := at(t, old.URL, trusting(t, old))
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

// In TLS 1.3, a server rejects a missing client certificate after the client has completed
// its side of the handshake and may have written the request.
func TestServerRequiresClientCertificate(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			server, _ := tlsServer(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: version, MaxVersion: version})
			server.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) })
			for range 5 {
				r := call(t.Context(), t, opCreate, at(t, server.URL, trusting(t, server)))
				var broken *client.TransportError
				require.ErrorAs(t, r.err, &broken)
				if strings.Contains(r.err.Error(), "certificate") { // not if the reset arrived before the alert
					assert.False(t, broken.MaybeSent, "%v", r.err)
				}
				assert.Equal(t, 1, broken.Attempts, "%v", r.err)
			}
			assert.Zero(t, requests.Load())
		})
	}
}

// The default transport offers only HTTP/1.1 to a server.
func TestNewTransportUsesHTTP1Only(t *testing.T) {
	t.Parallel()
	transport := client.NewTransport()
	assert.Equal(t, "{HTTP1}", transport.Protocols.String())
	var offered atomic.Pointer[tls.ClientHelloInfo]
	server, _ := tlsServer(t, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		offered.Store(hello)
		return nil, nil
	}})
	neverSent(1)(t, call(t.Context(), t, opCreate, at(t, server.URL))) // the client does not trust the server
	require.NotNil(t, offered.Load())
	assert.NotContains(t, offered.Load().SupportedProtos, "h2")
}
