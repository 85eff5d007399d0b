// Package wire sends a request once, reads the response and, where possible, proves that
// nothing was sent.
package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"time"
)

// Sender sends requests through a transport.
type Sender struct {
	Transport http.RoundTripper
	MaxBody   int64 // limit of a response body, in bytes
}

// Result is the result of one request.
type Result struct {
	Response *http.Response // nil if none arrived; its body has been read and closed
	Body     []byte
	Err      error // why there is no response, or why its body could not be read
	Unsent   bool  // proven: the server did not receive the request

	RetryAfter time.Duration // from the response's header; 0 if it has none
}

// Status returns the status code of the response, or 0 if none arrived.
func (r Result) Status() int {
	if r.Response == nil {
		return 0
	}
	return r.Response.StatusCode
}

// Send sends a copy of req with the given header and body, and reads the whole response.
// A nil body means none. Send modifies neither req nor body.
//
// A request with a body is sent at most once: net/http retries it only if it wrote
// nothing to an idle connection that turned out to be closed. Over HTTP/1, net/http may
// also resend a GET, or a request without a body that has an Idempotency-Key.
func (s Sender) Send(ctx context.Context, req *http.Request, header http.Header, body []byte) Result {
	t := &transfer{body: body}
	t.std, _ = s.Transport.(*http.Transport)
	if body == nil { // there is no GetBody to prevent a resend over HTTP/2
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		defer cancel(nil)
		t.cancel = cancel
	}
	t.observe()
	r := req.WithContext(httptrace.WithClientTrace(ctx, &t.trace))
	t.url = *req.URL // a transport may still read the request after the call has returned
	r.URL, r.Header = &t.url, header
	t.setBody(r)

	res, err := s.Transport.RoundTrip(r)
	if res != nil && res.Body == nil {
		res.Body = http.NoBody
	}
	switch {
	case err != nil:
		if res != nil {
			res.Body.Close()
		}
		if context.Cause(ctx) == errNotResent {
			err = errNotResent
		}
		if t.unconnected() {
			err = asProxyError(err)
		}
		unsent := t.unsent(ctx, err)
		if !unsent {
			err = unquoted(err, t.gotConn.Load() && !t.http2.Load())
		}
		return Result{Err: err, Unsent: unsent}
	case res == nil:
		return Result{Err: errors.New("the transport returned neither a response nor an error")}
	case res.StatusCode < 1:
		res.Body.Close()
		return Result{Err: errors.New("the transport returned a response without a status")}
	}
	body, err = s.read(ctx, res)
	return Result{Response: res, Body: body, Err: err, RetryAfter: retryAfter(res.Header, time.Now)}
}

// transfer is a request in flight. The transport may set its flags from any goroutine.
type transfer struct {
	getConn         atomic.Bool  // net/http was asked for a connection
	gotConn         atomic.Bool  // it obtained one
	newTLS13        atomic.Bool  // that one is new and uses TLS 1.3
	http2           atomic.Bool  // an HTTP/2 header was written
	handshakeFailed atomic.Bool  // a TLS handshake failed
	unwritten       atomic.Bool  // nothing was written to an earlier connection
	bodyState       atomic.Int32 // unused with std

	std    *http.Transport // nil for another type of transport
	body   []byte          // nil for none
	cancel context.CancelCauseFunc

	// Parts of the request, here to save allocations.
	trace    httptrace.ClientTrace
	url      url.URL
	first    bytes.Reader
	observed observedBody
}

// errNotResent ends an attempt that net/http would resend over HTTP/2: a server may reset
// a stream or send GOAWAY after it has processed the request.
var errNotResent = errors.New("the server reset the HTTP/2 stream or closed the connection; the request is not sent again, because it may have been processed")

func (t *transfer) observe() {
	t.trace.GetConn = func(string) {
		t.getConn.Store(true)
		// With a body, net/http asks for another connection only if it wrote nothing
		// to the first: over HTTP/2, GetBody fails.
		if t.std != nil && t.body != nil && t.gotConn.Swap(false) {
			t.unwritten.Store(true)
		}
	}
	t.trace.GotConn = func(info httptrace.GotConnInfo) {
		if kind := reflect.TypeOf(info.Conn); kind != nil && kind.String() == "*httputil.dumpConn" {
			return // used by httputil.DumpRequestOut, which sends nothing
		}
		conn, ok := info.Conn.(*tls.Conn)
		t.newTLS13.Store(ok && !info.Reused && conn.ConnectionState().Version == tls.VersionTLS13)
		t.gotConn.Store(true)
		if t.cancel != nil && t.http2.Load() {
			t.cancel(errNotResent)
		}
	}
	if t.std == nil {
		t.trace.TLSHandshakeDone = func(_ tls.ConnectionState, err error) { t.handshakeFailed.Store(err != nil) }
	}
	if !http1Only(t.std) {
		t.trace.WroteHeaderField = func(key string, _ []string) {
			if strings.HasPrefix(key, ":") { // a pseudo-header field (RFC 9113, section 8.3)
				t.http2.Store(true)
			}
		}
	}
}

func http1Only(t *http.Transport) bool {
	return t != nil && t.Protocols != nil && !t.Protocols.HTTP2() && !t.Protocols.UnencryptedHTTP2()
}

// unconnected reports whether net/http was asked for connections and obtained none.
func (t *transfer) unconnected() bool { return t.getConn.Load() && !t.gotConn.Load() }

// unsent reports whether the request was provably not sent: no connection was obtained,
// no byte of the body was read, or the server aborted the TLS handshake.
func (t *transfer) unsent(ctx context.Context, err error) bool {
	switch {
	case t.std == nil && t.body != nil && t.seal():
		return true
	case t.std == nil:
		return t.unconnected() && (Connecting(err) || t.handshakeFailed.Load() || ctx.Err() != nil)
	case t.gotConn.Load():
		return t.newTLS13.Load() && certificateRequired(err)
	case t.body == nil:
		return t.unconnected()
	}
	// A RoundTripper registered with the transport may have sent the request without
	// asking for a connection, but not without reading the body.
	return (t.unwritten.Load() || t.first.Len() == len(t.body)) && (t.unconnected() || !Transient(err))
}
