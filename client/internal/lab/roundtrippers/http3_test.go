package roundtrippers_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const rejected fate = "rejected after processing" // which violates the HTTP/3 specification

// errNoQUIC makes fallingBack use HTTP/1.
var errNoQUIC = errors.New("no QUIC connection")

// The transport uses HTTP/3, and HTTP/1 if there is no QUIC connection.
func TestHTTP3(t *testing.T) {
	t.Parallel()
	// Not parallel, because a row needs the same port for TCP and UDP.
	for _, row := range []struct {
		name        string
		http3, http fate
		want        string
	}{
		{"HTTP/3", answered, limited, "1 sessions, 1 attempts, told created"},
		{"fallback", refused, answered, "1 sessions, 1 attempts, told created"},
		{"fallback, 429", refused, limited, "0 sessions, 3 attempts, told not created"},
		{"fallback, connection lost", refused, lost, "1 sessions, 1 attempts, told maybe created"},
		{"both refused", refused, refused, "0 sessions, 3 attempts, told not created"},
		{"HTTP/3, stream reset", lost, answered, "1 sessions, 1 attempts, told maybe created"},
		{"HTTP/3, response cut", cut, answered, "1 sessions, 1 attempts, told maybe created"},
		{"HTTP/3, rejected after processing", rejected, answered, "1 sessions, 1 attempts, told maybe created"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := &service{fate: row.http3}
			plain := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				own := &service{fate: row.http}
				defer func() { s.sessions.Add(own.sessions.Load()) }()
				own.ServeHTTP(w, r)
			}))
			defer plain.Close()
			address := plain.Listener.Addr().String()
			handshake := 250 * time.Millisecond
			if row.http3 != refused {
				handshake = 30 * time.Second // a busy machine does not fall back
				serveHTTP3(t, s, address, plain.TLS.Certificates)
			} else if row.http == refused {
				address = closedAddress
			}
			assert.Equal(t, row.want, s.outcome(t, "https://"+address, fallingBack(t, plain.Certificate(), handshake)))
		})
	}
}

func serveHTTP3(t *testing.T, s *service, address string, certificates []tls.Certificate) {
	t.Helper()
	conn, err := net.ListenPacket("udp", address)
	require.NoError(t, err)
	server := &http3.Server{
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: certificates}),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if s.fate != rejected {
				s.ServeHTTP(w, r)
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			s.sessions.Add(1)
			stream, err := w.(http3.HTTPStreamer).HTTPStream()
			if assert.NoError(t, err) {
				stream.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestRejected))
			}
		}),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(conn)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		conn.Close()
		<-done
	})
}

// fallingBack returns a transport that uses HTTP/1 for a request if it cannot make a QUIC
// connection within the time for a handshake.
func fallingBack(t *testing.T, trusted *x509.Certificate, handshake time.Duration) http.RoundTripper {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(trusted)
	first := &http3.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		QUICConfig:      &quic.Config{HandshakeIdleTimeout: handshake},
		Dial: func(ctx context.Context, address string, c *tls.Config, q *quic.Config) (*quic.Conn, error) {
			conn, err := quic.DialAddr(ctx, address, c, q)
			if err != nil {
				err = errors.Join(errNoQUIC, err)
			}
			return conn, err
		},
	}
	t.Cleanup(func() { assert.NoError(t, first.Close()) })
	second := newTransport(t)
	second.TLSClientConfig = &tls.Config{RootCAs: roots}
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		res, err := first.RoundTrip(r)
		if !errors.Is(err, errNoQUIC) {
			return res, err
		}
		if r.GetBody != nil { // the first transport has closed the body
			r = r.Clone(r.Context())
			if r.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
		return second.RoundTrip(r)
	})
}
