package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/StackOneHQ/stackone-client-go/client"
)

func TestBrokenResponse(t *testing.T) {
	t.Parallel()
	forever := func(header, more string) func(net.Conn) {
		return func(conn net.Conn) {
			if !readRequest(conn) {
				return
			}
			_, err := io.WriteString(conn, header)
			for err == nil {
				_, err = io.WriteString(conn, more)
			}
		}
	}
	once := []client.Option{noRetries}
	line := strings.Repeat("x", 64<<10)
	tests := []struct {
		name  string
		serve func(net.Conn)
		want  expectation
		opts  []client.Option
	}{
		{name: "connection closed when accepted", serve: func(net.Conn) {}, want: ambiguous},
		{name: "RST after the request", serve: func(c net.Conn) { readRequest(c); reset(c) }, want: ambiguous},
		{name: "FIN after the request", serve: func(c net.Conn) { readRequest(c) }, want: all(ambiguous, wraps(io.EOF))},
		{name: "FIN inside the status line", serve: sends("HTTP/1.1 20"), want: ambiguous},
		{name: "FIN inside the header", serve: sends("HTTP/1.1 201 Created\r\nContent-Ty"), want: ambiguous},
		{name: "FIN before the end of the header", serve: sends(okHeader), want: all(ambiguous, wraps(io.ErrUnexpectedEOF))},
		{name: "endless 1xx responses", serve: forever("", "HTTP/1.1 103 Early Hints\r\nLink: "+line+"\r\n\r\n"), want: maybeSent(1), opts: once},
		{name: "endless header", serve: forever("HTTP/1.1 201 Created\r\n", "X: "+line+"\r\n"), want: maybeSent(1), opts: once},
		{name: "endless status line", serve: forever("HTTP/1.1 201 ", line), want: maybeSent(1), opts: once},
		{name: "garbage", serve: sends("\x1b[31mNOT\tHTTP\x00\xff\r\n\r\n"), want: all(ambiguous, says("not valid HTTP"))},
		{name: "garbage with the key", serve: sends("HTTP/1.1 " + testKey + " token-1\r\n\r\n"), want: ambiguous},
		{name: "long garbage", serve: sends(line + "\r\n\r\n"), want: ambiguous},
		{name: "two Content-Lengths", serve: sends(okHeader + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}}"), want: ambiguous},
		{name: "negative Content-Length", serve: sends(okHeader + "Content-Length: -2\r\n\r\n{}"), want: ambiguous},
		{name: "unknown Transfer-Encoding", serve: sends(okHeader + "Transfer-Encoding: cow\r\n\r\n{}"), want: ambiguous},
		{
			name: "101 Switching Protocols", serve: sends("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello"),
			want: failsWithStatus(101, 1),
		},
		{name: "204 without a body", serve: sends("HTTP/1.1 204 No Content\r\n\r\n"), want: unusable("204 No Content")},
		{
			name: "body shorter than Content-Length", serve: sends(okHeader + "Content-Length: 500\r\n\r\n" + link[:50]),
			want: all(unusable("unexpected EOF"), wraps(io.ErrUnexpectedEOF)),
		},
		{
			name: "connection closed inside a chunk", serve: sends(okHeader + "Transfer-Encoding: chunked\r\n\r\nff\r\n" + link[:50]),
			want: all(unusable("unexpected EOF"), wraps(io.ErrUnexpectedEOF)),
		},
		{
			name: "connection closed before the last chunk", serve: sends(okHeader + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
			want: all(unusable("unexpected EOF"), wraps(io.ErrUnexpectedEOF)),
		},
		{name: "invalid chunk size", serve: sends(okHeader + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"), want: unusable("chunk")},
		{name: "invalid gzip", serve: sends(okHeader + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"), want: unusable("EOF")},
		{
			name: "RST inside the body", want: unusable(""),
			serve: func(c net.Conn) { sends(okHeader + "Content-Length: 500\r\n\r\n" + link[:50])(c); reset(c) },
		},
		{
			name: "error body shorter than Content-Length", serve: sends(badHeader + "Content-Length: 500\r\n\r\n" + `{"message":"half`), want: failsWithStatus(400, 1),
		},
		{name: "early hints, then success", serve: sends("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + okHeader + "\r\n" + link), want: succeeds(1)},
	}
	for _, tt := range tests {
		for operation := range operations {
			t.Run(tt.name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				addr, accepted := listen(t, tt.serve)
				r := call(t.Context(), t, operation, at(t, "http://"+addr, tt.opts...))
				tt.want(t, r)
				assert.Equal(t, int32(r.response.Attempts), accepted.Load(), "connections")
			})
		}
	}
}

func TestReusedConnectionReset(t *testing.T) {
	t.Parallel()
	const good = okHeader + "Content-Length: 8\r\n\r\n" + `{"id":1}`
	for operation := range operations {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			addr, accepted := listen(t, func(conn net.Conn) {
				if readRequest(conn) {
					_, _ = io.WriteString(conn, good)
				}
				_, _ = conn.Read(make([]byte, 1)) // the next request
				reset(conn)
			})
			c := at(t, "http://"+addr)
			keepConnection(t, c)
			kept := accepted.Load()
			r := call(t.Context(), t, operation, c)
			if operation == opCreate {
				ambiguous(t, r)
				assert.Equal(t, kept, accepted.Load(), "connections")
				return
			}
			succeeds(2)(t, r)
			assert.Equal(t, kept+1, accepted.Load(), "connections")
		})
	}
}

// keepConnection makes calls until net/http keeps a connection idle. On a busy machine,
// net/http drops one whose write has not returned within 50 ms.
func keepConnection(t *testing.T, c *client.Client) {
	t.Helper()
	for kept := false; !kept; {
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{PutIdleConn: func(err error) { kept = err == nil }})
		succeeds(1)(t, call(ctx, t, opAuthenticate, c))
	}
}

// closeNotifyConn calls closed when it is closed.
type closeNotifyConn struct {
	net.Conn
	closed func()
}

func (c *closeNotifyConn) Close() error { c.closed(); return c.Conn.Close() }

func TestIdleConnectionClosed(t *testing.T) {
	t.Parallel()
	for operation := range operations {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			addr, accepted := listen(t, sends(okHeader+"Content-Length: "+strconv.Itoa(len(link))+"\r\n\r\n"+link)) // then closes
			closed := make(chan struct{}, 8)
			transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, addr)
				return &closeNotifyConn{conn, func() { closed <- struct{}{} }}, err
			}}
			c := at(t, "http://"+addr, client.WithHTTPClient(&http.Client{Transport: transport}))
			for n := range int32(3) {
				succeeds(1)(t, call(t.Context(), t, operation, c))
				<-closed
				assert.Equal(t, n+1, accepted.Load(), "connections")
			}
		})
	}
}

// Idle connections that look usable fail when written to. net/http has written nothing, so
// it sends the request on a new connection.
func TestIdleConnectionsBreakOnWrite(t *testing.T) {
	t.Parallel()
	for operation := range operations {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			const idle = 5
			arrived, release := make(chan struct{}), make(chan struct{})
			var requests atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if requests.Add(1) <= idle {
					arrived <- struct{}{}
					<-release
				}
				answer(201, link)(w, r)
			}))
			t.Cleanup(server.Close)
			var broken atomic.Bool
			transport := &http.Transport{MaxIdleConnsPerHost: idle, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, addr)
				return &failingConn{conn, broken.Load(), &broken}, err
			}}
			t.Cleanup(transport.CloseIdleConnections)
			c := at(t, server.URL, client.WithHTTPClient(&http.Client{Transport: transport}))
			var all sync.WaitGroup
			for range idle {
				all.Go(func() { succeeds(1)(t, call(t.Context(), t, opAuthenticate, c)) })
			}
			for range idle {
				<-arrived
			}
			close(release)
			all.Wait()
			broken.Store(true)
			succeeds(1)(t, call(t.Context(), t, operation, c))
			assert.Equal(t, int32(idle+1), requests.Load())
		})
	}
}

// failingConn is a connection whose writes fail once broken is set, unless it is fresh.
type failingConn struct {
	net.Conn
	fresh  bool // opened after broken was set
	broken *atomic.Bool
}

func (c *failingConn) Write(p []byte) (int, error) {
	if c.broken.Load() && !c.fresh {
		return 0, &net.OpError{Op: "write", Net: "tcp", Err: errors.New("broken")}
	}
	return c.Conn.Write(p)
}

// If writing to an idle connection fails and a new one is refused, nothing was sent.
func TestIdleConnectionBrokenThenRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(answer(201, link))
	t.Cleanup(server.Close)
	var broken atomic.Bool
	transport := client.NewTransport()
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if broken.Load() {
			return nil, errRefused
		}
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &failingConn{conn, false, &broken}, err
	}
	c := at(t, server.URL, client.WithHTTPClient(&http.Client{Transport: transport}))
	succeeds(1)(t, call(t.Context(), t, opCreate, c))
	broken.Store(true)
	neverSent(3)(t, call(t.Context(), t, opCreate, c))
}
