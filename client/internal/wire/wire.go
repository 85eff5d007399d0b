// Package wire sends a request once, reads its answer, and proves, where it can be
// proven, that nothing was sent.
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
	MaxBody   int64 // limit of an answer's body, in bytes
}

// Result describes one request and its answer.
type Result struct {
	Response *http.Response // nil when no answer arrived; its body has been read and closed
	Body     []byte
	Err      error // why there is no answer, or why its body could not be read
	Unsent   bool  // proven: the server did not get the request

	RetryAfter time.Duration // that the answer asks for; 0: none
}

// Status returns the status of the answer, 0 when none arrived.
func (r Result) Status() int {
	if r.Response == nil {
		return 0
	}
	return r.Response.StatusCode
}

// Send sends a copy of req with the given header and body and reads the answer
// whole. A nil body means none. Send changes neither req nor body.
//
// A request with a body is sent at most once. net/http writes it again only when nothing
// of it was written to an idle connection that had been closed. It also repeats a GET,
// and a request without a body that has an Idempotency-Key, over HTTP/1.
func (s Sender) Send(ctx context.Context, req *http.Request, header http.Header, body []byte) Result {
	t := &transfer{body: body}
	t.std, _ = s.Transport.(*http.Transport)
	if body == nil { // GetBody cannot prevent a repetition
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		defer cancel(nil)
		t.cancel = cancel
	}
	t.observe()
	r := req.WithContext(httptrace.WithClientTrace(ctx, &t.trace))
	t.url = *req.URL // a transport may still read the request when the call has ended
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
		if context.Cause(ctx) == errResent {
			err = errResent
		}
		if t.unconnected() {
			err = connectError(err)
		}
		unsent := t.unsent(ctx, err)
		if !unsent {
			err = unquoted(err, t.got.Load() && !t.http2.Load())
		}
		return Result{Err: err, Unsent: unsent}
	case res == nil:
		return Result{Err: errors.New("the transport returned neither a response nor an error")}
	case res.StatusCode < 1:
		res.Body.Close()
		return Result{Err: errors.New("the transport returned a response without a status")}
	}
	body, err = s.read(ctx, res)
	return Result{Response: res, Body: body, Err: err, RetryAfter: retryAfter(res.Header, time.Now())}
}

// transfer is a request on its way. The transport sets its flags from any goroutine.
type transfer struct {
	asked     atomic.Bool  // net/http was asked for a connection
	got       atomic.Bool  // and had one
	fresh     atomic.Bool  // which was new, and speaks TLS 1.3
	http2     atomic.Bool  // an HTTP/2 header was written
	handshake atomic.Bool  // a TLS handshake failed
	unwritten atomic.Bool  // nothing was written to a connection that was had
	state     atomic.Int32 // of the body, unless std reads it

	std    *http.Transport // nil: another kind of transport
	body   []byte          // nil: none
	cancel context.CancelCauseFunc

	// What the request refers to, in one allocation.
	trace    httptrace.ClientTrace
	url      url.URL
	first    bytes.Reader
	observed observedBody
}

// errResent is why a request is not sent again over HTTP/2: a server may refuse a
// stream, or go away, after it has processed the request.
var errResent = errors.New("the server reset the HTTP/2 stream or closed the connection; the request is not sent again, because it may have been processed")

func (t *transfer) observe() {
	t.trace.GetConn = func(string) {
		t.asked.Store(true)
		// With a body, net/http asks again only when nothing was written: GetBody
		// refuses over HTTP/2.
		if t.std != nil && t.body != nil && t.got.Swap(false) {
			t.unwritten.Store(true)
		}
	}
	t.trace.GotConn = func(info httptrace.GotConnInfo) {
		if kind := reflect.TypeOf(info.Conn); kind != nil && kind.String() == "*httputil.dumpConn" {
			return // DumpRequestOut's, which leads nowhere
		}
		conn, ok := info.Conn.(*tls.Conn)
		t.fresh.Store(ok && !info.Reused && conn.ConnectionState().Version == tls.VersionTLS13)
		t.got.Store(true)
		if t.cancel != nil && t.http2.Load() {
			t.cancel(errResent)
		}
	}
	if t.std == nil {
		t.trace.TLSHandshakeDone = func(_ tls.ConnectionState, err error) { t.handshake.Store(err != nil) }
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

// unconnected reports whether net/http was asked for connections and had none.
func (t *transfer) unconnected() bool { return t.asked.Load() && !t.got.Load() }

// unsent reports whether it is proven that the request was not sent: no connection
// was had, no byte of the body was read, or the server broke off the TLS handshake.
func (t *transfer) unsent(ctx context.Context, err error) bool {
	switch {
	case t.std == nil && t.body != nil && t.seal():
		return true
	case t.std == nil:
		return t.unconnected() && (Connecting(err) || t.handshake.Load() || ctx.Err() != nil)
	case t.got.Load():
		return t.fresh.Load() && certificateRequired(err)
	case t.body == nil:
		return t.unconnected()
	}
	// A protocol that was registered with the transport may have sent the request
	// without asking for a connection, though not without the body.
	return (t.unwritten.Load() || t.first.Len() == len(t.body)) && (t.unconnected() || !Transient(err))
}
