package client_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// listen starts a server on loopback that passes each connection to serve and then
// closes it. It returns the server's address and the number of connections.
func listen(t *testing.T, serve func(net.Conn)) (addr string, accepted *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	accepted = new(atomic.Int32)
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			all.Go(func() {
				defer conn.Close()
				defer context.AfterFunc(t.Context(), func() { conn.Close() })()
				serve(conn)
			})
		}
	})
	return l.Addr().String(), accepted
}

// hold keeps the connection open until the other side closes it.
func hold(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// reset closes the connection with RST.
func reset(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0); conn.Close() }

// readRequest reads one whole request and reports whether it could.
func readRequest(conn net.Conn) bool {
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err == nil
}

// sends reads a request and writes the texts.
func sends(texts ...string) func(net.Conn) {
	return func(conn net.Conn) {
		if readRequest(conn) {
			for _, text := range texts {
				_, _ = io.WriteString(conn, text)
			}
		}
	}
}

// sendsAndHolds is sends, but keeps the connection open.
func sendsAndHolds(text string) func(net.Conn) {
	return func(conn net.Conn) { sends(text)(conn); hold(conn) }
}

const (
	okHeader  = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
	badHeader = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
)

// inProcess returns a dial function whose connections stay in the process and are served
// by serve, so that a call runs in virtual time.
func inProcess(serve func(net.Conn)) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() { defer theirs.Close(); serve(theirs) }()
		return ours, nil
	}
}

// pipeListener is a listener whose connections stay in the process, so that its server
// runs in virtual time.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipeListener) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (p *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serveInProcess starts a server in the synctest bubble of a test and connects transport
// to it. In virtual time, net/http reuses every connection that it can; in real time it
// drops one whose write has not returned within 50 ms.
func serveInProcess(t *testing.T, transport *http.Transport, handler http.HandlerFunc, state func(net.Conn, http.ConnState)) {
	t.Helper()
	listener := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: handler, ConnState: state}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	transport.DialContext = listener.dial
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		assert.NoError(t, server.Close())
		serving.Wait()
	})
}

// tlsServer starts a server that answers every request with a session and counts its
// connections.
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

// trusting returns the option for a transport that trusts the server, with changes. The
// transport is closed with the test.
func trusting(t *testing.T, server *httptest.Server, changes ...func(*http.Transport)) client.Option {
	t.Helper()
	transport := server.Client().Transport.(*http.Transport).Clone()
	for _, change := range changes {
		change(transport)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return client.WithHTTPClient(&http.Client{Transport: transport})
}

// closedAddress is a loopback address that refuses connections.
const closedAddress = "127.0.0.1:1"

// refusing returns a transport, and the base URL of a server that refuses connections.
func refusing(t *testing.T) (*http.Transport, client.Option) {
	t.Helper()
	transport := client.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	return transport, client.WithBaseURL("http://" + closedAddress)
}
