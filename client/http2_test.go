package client_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/StackOneHQ/stackone-client-go/client"
)

const (
	frameData, frameHeaders, frameReset, frameSettings, framePing, frameGoAway = 0, 1, 3, 4, 6, 7

	flagAck, flagEndStream, flagEndHeaders = 1, 1, 4

	codeNone, codeProtocol, codeInternal, codeRefused = 0, 1, 2, 7
)

// framer is the server's side of an HTTP/2 connection (RFC 9113).
type framer struct{ net.Conn }

func (f framer) write(kind, flags byte, stream uint32, payload ...byte) {
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	frame = binary.BigEndian.AppendUint32(append(frame, flags), stream)
	_, _ = f.Write(append(frame, payload...))
}

func (f framer) reset(stream, code uint32) {
	f.write(frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, code)...)
}

// goAway tells the client that streams up to last may have been processed, and no later
// ones.
func (f framer) goAway(last, code uint32) {
	f.write(frameGoAway, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code)...)
}

func (f framer) respond(stream uint32) {
	f.write(frameHeaders, flagEndHeaders, stream, 0x08, 3, '2', '0', '1') // :status 201, encoded as in RFC 7541
	f.write(frameData, flagEndStream, stream, []byte(link)...)
}

// serveHTTP2 passes the stream of each complete request to handle until handle returns
// false or the connection ends. It responds to pings if pong is set. A nil config means no
// TLS.
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

// http2Config returns the TLS configuration of an HTTP/2 server, and the option for a client
// that trusts it.
func http2Config(t *testing.T) (*tls.Config, client.Option) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	config := &tls.Config{Certificates: server.TLS.Certificates, NextProtos: []string{"h2"}}
	return config, trusting(t, server, func(tr *http.Transport) { tr.ForceAttemptHTTP2 = true })
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	type handler = func(f framer, stream uint32, n int32) bool
	once := func(first func(f framer, stream uint32) bool) handler { // then responds
		return func(f framer, stream uint32, n int32) bool {
			if n == 1 {
				return first(f, stream)
			}
			f.respond(stream)
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
	below := func(uint32) uint32 { return 0 }
	same := func(stream uint32) uint32 { return stream }
	above := func(stream uint32) uint32 { return stream + 6 }
	rst := func(code uint32) func(framer, uint32) bool {
		return func(f framer, stream uint32) bool { f.reset(stream, code); return true }
	}
	tests := []struct {
		name                 string
		handle               handler
		want                 expectation
		create, authenticate int32 // requests seen by the server
	}{
		{"response", always(func(f framer, stream uint32) bool { f.respond(stream); return true }), succeeds(1), 1, 1},
		{"GOAWAY below the stream, connection open", once(goAway(below, codeNone, true)), byOperation(all(ambiguous, says("not sent again")), succeeds(2)), 1, 2},
		{"GOAWAY below the stream", once(goAway(below, codeNone, false)), byOperation(all(ambiguous, says("not sent again")), succeeds(2)), 1, 2},
		{"REFUSED_STREAM once", once(rst(codeRefused)), byOperation(all(ambiguous, says("not sent again")), succeeds(2)), 1, 2},
		{"GOAWAY at the stream", once(goAway(same, codeNone, false)), byOperation(ambiguous, succeeds(2)), 1, 2},
		{"GOAWAY above the stream", once(goAway(above, codeNone, false)), byOperation(ambiguous, succeeds(2)), 1, 2},
		{"GOAWAY above the stream with an error", once(goAway(above, codeInternal, false)), byOperation(ambiguous, succeeds(2)), 1, 2},
		{"GOAWAY at the stream, then the response", always(func(f framer, stream uint32) bool {
			f.goAway(stream, codeNone)
			f.respond(stream)
			return true
		}), succeeds(1), 1, 1},
		{"connection closed", once(closed), byOperation(ambiguous, succeeds(2)), 1, 2},
		{"INTERNAL_ERROR once", once(rst(codeInternal)), byOperation(ambiguous, succeeds(2)), 1, 2},
		{"INTERNAL_ERROR always", always(rst(codeInternal)), ambiguous, 1, 3},
		{"PROTOCOL_ERROR always", always(rst(codeProtocol)), ambiguous, 1, 3},
		{"REFUSED_STREAM always", always(rst(codeRefused)), ambiguous, 1, 3},
		{"invalid header block", once(func(f framer, stream uint32) bool {
			f.write(frameHeaders, flagEndHeaders, stream, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
			return true
		}), byOperation(ambiguous, succeeds(2)), 1, 2},
		{"INTERNAL_ERROR inside the body", always(func(f framer, stream uint32) bool {
			f.write(frameHeaders, flagEndHeaders, stream, 0x08, 3, '2', '0', '1')
			f.write(frameData, 0, stream, []byte(link)[:50]...)
			f.reset(stream, codeInternal)
			return true
		}), unusable("INTERNAL_ERROR"), 1, 1},
	}
	for _, tt := range tests {
		for operation := range operations {
			t.Run(tt.name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				config, opt := http2Config(t)
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
				assert.Equal(t, want, requests.Load(), "requests seen by the server")
			})
		}
	}
}

// resettingServer starts an HTTP/2 server that resets every request and counts them.
func resettingServer(t *testing.T, config *tls.Config) (addr string, requests *atomic.Int32) {
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

// A server may reset a stream after it has processed the request, with any code. net/http
// would resend the request.
func TestHTTP2RequestIsNotResent(t *testing.T) {
	t.Parallel()
	t.Run("without a body", func(t *testing.T) {
		t.Parallel()
		config, opt := http2Config(t)
		addr, requests := resettingServer(t, config)
		c := at(t, "https://"+addr, opt)
		err := sendWithoutBody(t.Context(), c, http.MethodDelete)
		requireMaybeSent(t, err)
		assert.ErrorContains(t, err, "not sent again")
		assert.Equal(t, int32(1), requests.Load())
	})
	t.Run("without TLS", func(t *testing.T) {
		t.Parallel()
		addr, requests := resettingServer(t, nil)
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		t.Cleanup(transport.CloseIdleConnections)
		err := create(at(t, "http://"+addr, client.WithHTTPClient(&http.Client{Transport: transport})))
		requireMaybeSent(t, err)
		assert.Equal(t, int32(1), requests.Load())
	})
	t.Run("with TLS, enabled by Protocols", func(t *testing.T) {
		t.Parallel()
		config, _ := http2Config(t)
		addr, requests := resettingServer(t, config)
		transport := &http.Transport{Protocols: new(http.Protocols), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		transport.Protocols.SetHTTP2(true)
		t.Cleanup(transport.CloseIdleConnections)
		err := create(at(t, "https://"+addr, client.WithHTTPClient(&http.Client{Transport: transport})))
		assert.True(t, client.MaybeCreated(err), "%v", err)
		assert.Equal(t, int32(1), requests.Load())
	})
	t.Run("RoundTripper that sends twice", func(t *testing.T) {
		t.Parallel()
		config, _ := http2Config(t)
		addr, requests := resettingServer(t, config)
		inner := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		t.Cleanup(inner.CloseIdleConnections)
		sendsTwice := roundTripper(func(r *http.Request) (res *http.Response, err error) {
			body, _ := io.ReadAll(r.Body)
			for range 2 {
				r = r.Clone(r.Context())
				r.Body, r.GetBody = io.NopCloser(bytes.NewReader(body)), nil
				res, err = inner.RoundTrip(r)
			}
			return res, err
		})
		err := create(at(t, "https://"+addr, client.WithHTTPClient(&http.Client{Transport: sendsTwice})))
		assert.True(t, client.MaybeCreated(err), "%v", err)
		assert.Equal(t, int32(2), requests.Load())
	})
	t.Run("RoundTripper around an http.Transport", func(t *testing.T) {
		t.Parallel()
		for _, code := range []uint32{codeProtocol, codeRefused} {
			config, _ := http2Config(t)
			var requests atomic.Int32
			addr, _ := listen(t, func(conn net.Conn) {
				serveHTTP2(conn, config, true, func(f framer, stream uint32) bool {
					requests.Add(1)
					f.reset(stream, code)
					return true
				})
			})
			inner := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			t.Cleanup(inner.CloseIdleConnections)
			err := create(at(t, "https://"+addr, client.WithHTTPClient(&http.Client{Transport: roundTripper(inner.RoundTrip)})))
			assert.True(t, client.MaybeCreated(err), "%v", err)
			assert.Equal(t, int32(1), requests.Load())
		}
	})
}
