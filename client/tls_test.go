package client_test

import (
	"crypto/tls"
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
