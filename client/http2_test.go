package client_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// A server that writes HTTP/2 frames itself (RFC 9113).

const (
	frameData, frameHeaders, frameReset, frameSettings, framePing, frameGoAway = 0, 1, 3, 4, 6, 7

	flagAck, flagEndStream, flagEndHeaders = 1, 1, 4

	codeNone, codeProtocol, codeInternal, codeRefused = 0, 1, 2, 7
)

// framer is the server's side of a connection.
type framer struct{ net.Conn }

func (f framer) write(kind, flags byte, stream uint32, payload ...byte) {
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	frame = binary.BigEndian.AppendUint32(append(frame, flags), stream)
	_, _ = f.Write(append(frame, payload...))
}

func (f framer) reset(stream, code uint32) {
	f.write(frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, code)...)
}

// goAway says that streams up to last may have been processed, and none above it.
func (f framer) goAway(last, code uint32) {
	f.write(frameGoAway, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code)...)
}

func (f framer) answer(stream uint32) {
	f.write(frameHeaders, flagEndHeaders, stream, 0x08, 3, '2', '0', '1') // :status, as RFC 7541 has it
	f.write(frameData, flagEndStream, stream, []byte(link)...)
}

// serveHTTP2 passes the stream of each complete request to handle, until handle
// returns false or the connection ends. Pings are answered if pong is set. A nil
// config means no TLS.
func serveHTTP2(conn net.Conn, config *tls.Config, pong bool, handle func(f framer, stream uint32) bool) {
	if config != nil {
		conn = tls.Server(conn, config)
	}
	f := framer{conn}
	if _, err := io.ReadFull(f, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	f.write(frameSettings, 0, 0)
	for header := make([]byte, 9); ; {
		if _, err := io.ReadFull(f, header); err != nil {
			return
		}
		payload := make([]byte, binary.BigEndian.Uint32(header)>>8)
		if _, err := io.ReadFull(f, payload); err != nil {
			return
		}
		kind, flags, stream := header[3], header[4], binary.BigEndian.Uint32(header[5:])
		switch {
		case kind == frameSettings && flags&flagAck == 0:
			f.write(frameSettings, flagAck, 0)
		case kind == framePing && flags&flagAck == 0 && pong:
			f.write(framePing, flagAck, 0, payload...)
		case (kind == frameHeaders || kind == frameData) && flags&flagEndStream != 0:
			if !handle(f, stream) {
				return
			}
		}
	}
}

// certified returns a TLS configuration, and the option for a client that trusts it.
func certified(t *testing.T) (*tls.Config, client.Option) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	config := &tls.Config{Certificates: server.TLS.Certificates, NextProtos: []string{"h2"}}
	return config, trusting(t, server, func(tr *http.Transport) { tr.ForceAttemptHTTP2 = true })
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	type handler = func(f framer, stream uint32, n int32) bool
	once := func(first func(f framer, stream uint32) bool) handler { // and then the response
		return func(f framer, stream uint32, n int32) bool {
			if n == 1 {
				return first(f, stream)
			}
			f.answer(stream)
			return true
		}
	}
	always := func(do func(f framer, stream uint32) bool) handler {
		return func(f framer, stream uint32, _ int32) bool { return do(f, stream) }
	}
	closed := func(framer, uint32) bool { return false }
	goAway := func(last func(stream uint32) uint32, code uint32, open bool) func(framer, uint32) bool {
		return func(f framer, stream uint32) bool { f.goAway(last(stream), code); return open }
	}
	none := func(uint32) uint32 { return 0 }
	itself := func(stream uint32) uint32 { return stream }
	later := func(stream uint32) uint32 { return stream + 6 }
	rst := func(code uint32) func(framer, uint32) bool {
		return func(f framer, stream uint32) bool { f.reset(stream, code); return true }
	}
	type counts []int32 // how many requests the server may see
	tests := []struct {
		name                 string
		handle               handler
		want                 outcome
		create, authenticate counts
	}{
		{"response", always(func(f framer, stream uint32) bool { f.answer(stream); return true }), succeeds(1), counts{1}, counts{1}},
		{"GOAWAY below the stream, connection open", once(goAway(none, codeNone, true)), succeeds(1), counts{2}, counts{2}},
		{"GOAWAY below the stream", once(goAway(none, codeNone, false)), succeeds(1), counts{2}, counts{2}},
		{"REFUSED_STREAM once", once(rst(codeRefused)), succeeds(1), counts{2}, counts{2}},
		{"GOAWAY at the stream", once(goAway(itself, codeNone, false)), byOperation(ambiguous, succeeds(2)), counts{1}, counts{2}},
		{"GOAWAY above the stream", once(goAway(later, codeNone, false)), byOperation(ambiguous, succeeds(2)), counts{1}, counts{2}},
		{"GOAWAY above the stream with an error", once(goAway(later, codeInternal, false)), byOperation(ambiguous, succeeds(2)), counts{1}, counts{2}},
		{"GOAWAY at the stream, then the response", always(func(f framer, stream uint32) bool {
			f.goAway(stream, codeNone)
			f.answer(stream)
			return true
		}), succeeds(1), counts{1}, counts{1}},
		{"connection closed", once(closed), byOperation(ambiguous, succeeds(2)), counts{1}, counts{2}},
		{"INTERNAL_ERROR once", once(rst(codeInternal)), byOperation(ambiguous, succeeds(2)), counts{1}, counts{2}},
		{"INTERNAL_ERROR always", always(rst(codeInternal)), ambiguous, counts{1}, counts{3}},
		{"PROTOCOL_ERROR always", always(rst(codeProtocol)), ambiguous, counts{1, 2}, counts{3, 4, 5, 6}},
		{"REFUSED_STREAM always", always(rst(codeRefused)), ambiguous, counts{1, 2}, counts{3, 4, 5, 6}},
		{"invalid header block", once(func(f framer, stream uint32) bool {
			f.write(frameHeaders, flagEndHeaders, stream, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
			return true
		}), byOperation(ambiguous, succeeds(2)), counts{1}, counts{2}},
		{"INTERNAL_ERROR inside the body", always(func(f framer, stream uint32) bool {
			f.write(frameHeaders, flagEndHeaders, stream, 0x08, 3, '2', '0', '1')
			f.write(frameData, 0, stream, []byte(link)[:50]...)
			f.reset(stream, codeInternal)
			return true
		}), unusable("INTERNAL_ERROR"), counts{1}, counts{1}},
	}
	for _, tt := range tests {
		for operation := range operations {
			t.Run(tt.name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				config, opt := certified(t)
				var requests atomic.Int32
				addr, _ := listen(t, func(conn net.Conn) {
					serveHTTP2(conn, config, true, func(f framer, stream uint32) bool {
						return tt.handle(f, stream, requests.Add(1))
					})
				})
				tt.want(t, call(t.Context(), t, operation, at(t, "https://"+addr, opt)))
				want := tt.create
				if operation == opAuthenticate {
					want = tt.authenticate
				}
				assert.Contains(t, want, requests.Load(), "requests that the server saw")
			})
		}
	}
}

// queued is one side of a pipe whose writes do not wait for a reader, because both
// sides of HTTP/2 may write at the same time.
type queued struct {
	net.Conn
	queue chan<- []byte
}

func (q *queued) Write(p []byte) (int, error) { q.queue <- bytes.Clone(p); return len(p), nil }

// Not parallel: it replaces http.DefaultTransport, from which the client's own
// transport is made, to stay in the process and so in virtual time.
func TestHTTP2ServerStopsResponding(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	config := &tls.Config{Certificates: server.TLS.Certificates, NextProtos: []string{"h2"}}
	usual := http.DefaultTransport
	defer func() { http.DefaultTransport = usual }()

	for name, tt := range map[string]struct {
		pong bool
		want outcome
		took time.Duration
	}{
		"pings are not answered": {false, all(ambiguous, says("connection lost")), 30 * time.Second},
		"pings are answered":     {true, all(ambiguous, says("time-out of 1m5s")), 65 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var serving sync.WaitGroup
				transport := usual.(*http.Transport).Clone()
				transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
				transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					queue := make(chan []byte, 64)
					serving.Go(func() {
						for p := range queue {
							_, _ = theirs.Write(p)
						}
					})
					serving.Go(func() {
						defer theirs.Close()
						defer close(queue)
						serveHTTP2(&queued{theirs, queue}, config, tt.pong, func(framer, uint32) bool { return true })
					})
					return ours, nil
				}
				http.DefaultTransport = transport
				c, err := client.New(client.WithAPIKey(testKey), client.WithBaseURL("https://127.0.0.1"))
				require.NoError(t, err)
				r := call(t.Context(), t, opCreate, c)
				tt.want(t, r)
				requireTook(t, exactly(tt.took), r.took)
				serving.Wait() // the idle connection is closed after a time-out
			})
		})
	}
}

// keepsResetting starts an HTTP/2 server that resets and counts every request.
func keepsResetting(t *testing.T, config *tls.Config) (addr string, requests *atomic.Int32) {
	t.Helper()
	requests = new(atomic.Int32)
	addr, _ = listen(t, func(conn net.Conn) {
		serveHTTP2(conn, config, true, func(f framer, stream uint32) bool {
			requests.Add(1)
			f.reset(stream, codeProtocol)
			return true
		})
	})
	return addr, requests
}

// The replays of net/http end for a request without a body and without TLS, too.
func TestHTTP2EndlessResets(t *testing.T) {
	t.Parallel()
	t.Run("without a body", func(t *testing.T) {
		t.Parallel()
		config, opt := certified(t)
		addr, requests := keepsResetting(t, config)
		c := at(t, "https://"+addr, opt)
		_, err := c.Generated().CreateConnectSessionWithBodyWithResponse(t.Context(), "", nil,
			func(_ context.Context, r *http.Request) error { r.Method = http.MethodDelete; return nil })
		var broken *client.TransportError
		require.ErrorAs(t, err, &broken)
		assert.True(t, broken.MaybeSent)
		assert.ErrorContains(t, err, "keeps resetting")
		// The last one may be under way when the limit is reached.
		assert.Contains(t, []int32{2, 3}, requests.Load())
	})
	t.Run("without TLS", func(t *testing.T) {
		t.Parallel()
		addr, requests := keepsResetting(t, nil)
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		t.Cleanup(transport.CloseIdleConnections)
		err := create(at(t, "http://"+addr, client.WithHTTPClient(&http.Client{Transport: transport})))
		var broken *client.TransportError
		require.ErrorAs(t, err, &broken)
		assert.True(t, broken.MaybeSent)
		assert.Equal(t, int32(2), requests.Load())
	})
	t.Run("through the caller's RoundTripper", func(t *testing.T) {
		t.Parallel()
		for _, code := range []uint32{codeProtocol, codeRefused} {
			config, _ := certified(t)
			var requests atomic.Int32
			addr, _ := listen(t, func(conn net.Conn) {
				serveHTTP2(conn, config, true, func(f framer, stream uint32) bool {
					if requests.Add(1) == 1 || code == codeProtocol {
						f.reset(stream, code)
					} else {
						f.answer(stream)
					}
					return true
				})
			})
			inner := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			t.Cleanup(inner.CloseIdleConnections)
			err := create(at(t, "https://"+addr, client.WithHTTPClient(&http.Client{Transport: roundTripper(inner.RoundTrip)})))
			assert.Equal(t, code == codeRefused, err == nil, "%v", err)
			assert.Equal(t, int32(2), requests.Load())
		}
	})
}
