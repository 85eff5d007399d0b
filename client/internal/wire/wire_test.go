package wire

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A server can send any alert after it has processed a request. Only "certificate
// required", received on a new TLS 1.3 connection, proves that it has not.
func TestCertificateRequiredProvesUnsent(t *testing.T) {
	t.Parallel()
	const required = "tls: certificate required"
	remote := func(text string) error { return &net.OpError{Op: "remote error", Err: errors.New(text)} }
	for name, tt := range map[string]struct {
		version uint16
		reused  bool
		err     error
		want    bool
	}{
		"TLS 1.3, new connection":        {tls.VersionTLS13, false, remote(required), true},
		"TLS 1.3, reused connection":     {tls.VersionTLS13, true, remote(required), false},
		"TLS 1.2":                        {tls.VersionTLS12, false, remote(required), false},
		"other alert":                    {tls.VersionTLS13, false, remote("tls: access denied"), false},
		"local error with the same text": {tls.VersionTLS13, false, &net.OpError{Op: "local error", Err: errors.New(required)}, false},
		"text without a net.OpError":     {tls.VersionTLS13, false, errors.New(required), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(nil)
			server.TLS = &tls.Config{MinVersion: tt.version, MaxVersion: tt.version}
			server.StartTLS()
			t.Cleanup(server.Close)
			dialer := &tls.Dialer{Config: server.Client().Transport.(*http.Transport).TLSClientConfig}
			conn, err := dialer.DialContext(t.Context(), "tcp", server.Listener.Addr().String())
			require.NoError(t, err)
			t.Cleanup(func() { conn.Close() })
			transfer := &transfer{std: new(http.Transport), body: []byte("{}")}
			transfer.observe()
			transfer.trace.GetConn("")
			transfer.trace.GotConn(httptrace.GotConnInfo{Conn: conn, Reused: tt.reused})
			assert.Equal(t, tt.want, transfer.unsent(t.Context(), tt.err))
		})
	}
}
