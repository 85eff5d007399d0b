package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

// attempt is a request on its way. Its flags are set by the transport, in any
// goroutine, and are the evidence of what may have been sent.
type attempt struct {
	asked atomic.Bool  // the transport looked for a connection
	got   atomic.Bool  // it had one
	http2 atomic.Bool  // which speaks HTTP/2
	reads atomic.Int32 // how many readers of the body were begun, as far as they are watched
	sends atomic.Int32 // how often the request was sent over HTTP/2

	std  *http.Transport // nil: the transport is another one
	body []byte          // nil: none

	// What the request refers to, in one allocation.
	trace  httptrace.ClientTrace
	url    url.URL
	header [3]string // values
	first  bodyReader
}

// Bounds of what is sent in one attempt. net/http replays a request that the
// server refused unprocessed, which is safe, but also one that was reset with the
// HTTP/2 code PROTOCOL_ERROR, and that for as long as the server does it. Another
// transport may also read the body for other reasons, such as to sign it.
const maxSends, maxReads = 2, 8

var errResets = errors.New("the server keeps resetting the request's stream")

// roundTrip sends the request once and reads the answer whole. The returned
// response is nil when none came; its body is closed, and what was read of it is
// returned. An error beside a response is about its body.
func (c *call) roundTrip(ctx context.Context) (*http.Response, []byte, outcome) {
	t := &attempt{body: c.body}
	t.std, _ = c.settings.transport.(*http.Transport)
	stop := func() {}
	if t.body == nil { // which GetBody cannot bound
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		stop = func() { cancel(errResets) }
		defer cancel(nil)
	}
	t.observe(stop)
	r := c.req.WithContext(httptrace.WithClientTrace(ctx, &t.trace))
	// A transport may still be reading the request of an attempt that has failed.
	t.url, r.Header = *r.URL, r.Header.Clone()
	r.URL = &t.url
	t.setHeader(r, c.settings, c.authorization.header)
	t.setBody(r)

	res, err := c.settings.transport.RoundTrip(r)
	if res != nil && res.Body == nil {
		res.Body = http.NoBody
	}
	switch {
	case err != nil:
		if res != nil {
			res.Body.Close()
		}
		if context.Cause(ctx) == errResets {
			err = errResets
		}
		return nil, nil, outcome{err: err, unsent: !t.got.Load() && t.untouched() &&
			(t.asked.Load() || connecting(err) || t.std != nil && t.body != nil && !passing(err))}
	case res == nil:
		return nil, nil, outcome{err: errors.New("the transport returned neither a response nor an error")}
	case res.StatusCode < 100:
		res.Body.Close()
		return nil, nil, outcome{err: errors.New("the transport returned a response without a status")}
	}
	body, err := c.settings.read(ctx, res)
	return res, body, outcome{status: res.StatusCode, err: err}
}

// observe has the transport report what it does.
func (t *attempt) observe(stop func()) {
	t.trace.GetConn = func(string) { t.asked.Store(true) }
	t.trace.GotConn = func(info httptrace.GotConnInfo) {
		t.got.Store(true)
		t.http2.Store(speaksHTTP2(info.Conn, t.std))
		if t.sends.Load() >= maxSends {
			stop()
		}
	}
	t.trace.WroteHeaders = func() {
		if t.http2.Load() { // HTTP/1 is replayed only when nothing was written
			t.sends.Add(1)
		}
	}
}

// setHeader gives the request what every request has, in values of its own.
func (t *attempt) setHeader(r *http.Request, s *settings, authorization string) {
	t.header = [...]string{"application/json", s.userAgent, authorization}
	for i, key := range [...]string{"Accept", "User-Agent"} {
		if _, ok := r.Header[key]; !ok { // or a request editor's stays
			r.Header[key] = t.header[i : i+1 : i+1]
		}
	}
	for key, value := range s.header {
		r.Header[key] = []string{value}
	}
	if r.URL.Scheme == s.base.Scheme && r.URL.Host == s.base.Host {
		r.Header["Authorization"] = t.header[2:3]
	}
}

// setBody gives the request a body of its own.
func (t *attempt) setBody(r *http.Request) {
	r.Body, r.GetBody, r.ContentLength = nil, nil, int64(len(t.body))
	if t.body == nil {
		return
	}
	r.Body = t.begin(&t.first)
	if r.Header["Idempotency-Key"] == nil && r.Header["X-Idempotency-Key"] == nil {
		r.GetBody = t.replay // or net/http takes a request editor's key as leave to send a POST twice
	}
}

func (t *attempt) replay() (io.ReadCloser, error) {
	if t.sends.Load() >= maxSends || t.reads.Load() >= maxReads {
		return nil, errResets
	}
	return t.begin(new(bodyReader)), nil
}

// begin gives net/http's transport a reader that it knows, since it then writes
// header and body at once; another one, which may read it at any time, is watched.
func (t *attempt) begin(b *bodyReader) io.ReadCloser {
	b.attempt, b.body = t, bytes.NewReader(t.body)
	if t.std != nil {
		return io.NopCloser(b.body)
	}
	return b
}

// untouched reports, when no connection was had, whether the transport left the
// body alone: a request that was sent by other means, such as a protocol that the
// transport was taught, was not sent without its body. (Should that protocol go on
// reading after it has failed, it does so beside this.)
func (t *attempt) untouched() bool {
	if t.std == nil || t.body == nil {
		return t.reads.Load() == 0
	}
	return t.first.body.Len() == len(t.body)
}

// bodyReader reads a body, and tells its attempt when that begins.
type bodyReader struct {
	body    *bytes.Reader // behind a pointer, which printing a request does not follow
	attempt *attempt
	begun   atomic.Bool
}

func (b *bodyReader) Read(p []byte) (int, error) {
	b.tell()
	return b.body.Read(p)
}

func (b *bodyReader) WriteTo(w io.Writer) (int64, error) {
	b.tell()
	return b.body.WriteTo(w)
}

func (b *bodyReader) tell() {
	if b.begun.CompareAndSwap(false, true) {
		b.attempt.reads.Add(1)
	}
}

func (b *bodyReader) Close() error { return nil }

// speaksHTTP2 reports whether a connection is one of HTTP/2. Without TLS, net/http
// uses HTTP/2 only when it is told not to use HTTP/1.
func speaksHTTP2(conn net.Conn, std *http.Transport) bool {
	if c, ok := conn.(interface{ ConnectionState() tls.ConnectionState }); ok {
		return c.ConnectionState().NegotiatedProtocol == "h2"
	}
	return std != nil && std.Protocols != nil && std.Protocols.UnencryptedHTTP2() && !std.Protocols.HTTP1()
}

const opDial, opProxyConnect, opSOCKSConnect = "dial", "proxyconnect", "socks connect" // net.OpError.Op

// connecting reports whether err comes from making a connection.
func connecting(err error) bool {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		switch op.Op {
		case opDial, opProxyConnect, opSOCKSConnect:
			return true
		}
	}
	var (
		dns       *net.DNSError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		hostname  x509.HostnameError
	)
	return errors.As(err, &dns) || errors.As(err, &verify) || errors.As(err, &record) ||
		errors.As(err, &authority) || errors.As(err, &invalid) || errors.As(err, &hostname)
}

// attemptTimeout is the shorter of the two that options give, or 0 for none.
func (s *settings) attemptTimeout() time.Duration {
	if s.timeout == 0 || s.httpTimeout > 0 && s.httpTimeout < s.timeout {
		return s.httpTimeout
	}
	return s.timeout
}

// timeoutError is an attempt that took too long. Like net/http's, it is also
// context.DeadlineExceeded.
type timeoutError time.Duration

func (e timeoutError) Error() string {
	return fmt.Sprintf("no complete answer within the attempt's time-out of %s", time.Duration(e))
}

func (e timeoutError) Timeout() bool { return true }

func (e timeoutError) Is(target error) bool {
	return target == context.DeadlineExceeded
}

func success(status int) bool { return status >= 200 && status < 300 }

// newTransport returns net/http's default transport, set for many calls to one
// host, where the default keeps two connections open.
func newTransport() *http.Transport {
	t, ok := http.DefaultTransport.(*http.Transport)
	if ok {
		t = t.Clone()
	} else {
		t = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second}
	}
	t.MaxIdleConns = 0 // no limit beside the next
	t.MaxIdleConnsPerHost = 1024
	t.IdleConnTimeout = 30 * time.Second
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second}
	return t
}
