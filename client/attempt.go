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

	trace  httptrace.ClientTrace
	header [3]string // values, one allocation for all
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
	t := &attempt{}
	std, _ := c.settings.transport.(*http.Transport)
	stop := func() {}
	if c.body == nil { // which GetBody cannot bound
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		stop = func() { cancel(errResets) }
		defer cancel(nil)
	}
	t.trace.GetConn = func(string) { t.asked.Store(true) }
	t.trace.GotConn = func(info httptrace.GotConnInfo) {
		t.got.Store(true)
		t.http2.Store(speaksHTTP2(info.Conn, std))
		if t.sends.Load() >= maxSends {
			stop()
		}
	}
	t.trace.WroteHeaders = func() {
		if t.http2.Load() { // HTTP/1 is replayed only when nothing was written
			t.sends.Add(1)
		}
	}
	r := c.req.WithContext(httptrace.WithClientTrace(ctx, &t.trace))
	untouched := t.prepareBody(r, c.body, std == nil)
	// A transport may still be reading the header of an attempt that has failed.
	r.Header = r.Header.Clone()
	t.setHeader(r, c.settings, c.authorization.header)

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
		return nil, nil, outcome{err: err, unsent: !t.got.Load() && untouched() &&
			(std != nil && c.body != nil || t.asked.Load() || connecting(err))}
	case res == nil:
		return nil, nil, outcome{err: errors.New("the transport returned neither a response nor an error")}
	case res.StatusCode < 100:
		res.Body.Close()
		return nil, nil, outcome{err: errors.New("the transport returned a response without a status")}
	}
	body, err := c.settings.read(ctx, res)
	return res, body, outcome{status: res.StatusCode, err: err}
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
		r.Header["Authorization"] = t.header[2:3:3]
	}
}

// prepareBody gives the attempt a body of its own. It returns a function that tells,
// when no connection was had, whether the transport left the body alone: a request
// that was sent by other means, such as a protocol that the transport was taught,
// was not sent without its body.
//
// net/http's transport is given a reader that it knows, since it then writes header
// and body at once; another one, which may read it at any time, is watched.
func (t *attempt) prepareBody(r *http.Request, body []byte, watch bool) (untouched func() bool) {
	if body == nil {
		return func() bool { return true }
	}
	if watch {
		r.Body = &watchedBody{attempt: t, Reader: bytes.NewReader(body)}
		untouched = func() bool { return t.reads.Load() == 0 }
	} else {
		known := bytes.NewReader(body)
		r.Body = io.NopCloser(known)
		untouched = func() bool { return known.Len() == len(body) }
	}
	r.GetBody = func() (io.ReadCloser, error) {
		if t.sends.Load() >= maxSends || t.reads.Load() >= maxReads {
			return nil, errResets
		}
		if watch {
			return &watchedBody{attempt: t, Reader: bytes.NewReader(body)}, nil
		}
		return io.NopCloser(bytes.NewReader(body)), nil
	}
	if r.Header["Idempotency-Key"] != nil || r.Header["X-Idempotency-Key"] != nil {
		r.GetBody = nil // a request editor's; net/http would take it as leave to send a POST twice
	}
	return untouched
}

// watchedBody tells the attempt that it is read.
type watchedBody struct {
	*bytes.Reader
	attempt *attempt
	begun   atomic.Bool
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.begin()
	return b.Reader.Read(p)
}

func (b *watchedBody) WriteTo(w io.Writer) (int64, error) {
	b.begin()
	return b.Reader.WriteTo(w)
}

func (b *watchedBody) begin() {
	if b.begun.CompareAndSwap(false, true) {
		b.attempt.reads.Add(1)
	}
}

func (b *watchedBody) Close() error { return nil }

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

const (
	maxErrorBody = 256 << 10 // what is read of an error's body
	maxDrain     = 64 << 10  // what is read of it at least, to keep the connection
	maxGuess     = 64 << 10  // what is set aside for a body because the header says so
)

// read reads the body of an answer and closes it.
func (s *settings) read(ctx context.Context, res *http.Response) ([]byte, error) {
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return nil, nil // its body is the connection
	}
	if _, ok := s.transport.(*http.Transport); !ok {
		// Another transport may hand out a body that does not end with the context.
		stop := context.AfterFunc(ctx, func() { res.Body.Close() })
		defer stop()
	}

	limit := s.maxBody
	if !success(res.StatusCode) {
		limit = min(limit, maxErrorBody)
	}
	body, err := readAll(res.Body, res.ContentLength, limit)
	if err == errTooLarge && !success(res.StatusCode) && limit < maxDrain {
		_, _ = io.CopyN(io.Discard, res.Body, maxDrain-limit)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = ctx.Err()
	case err == errTooLarge && success(res.StatusCode):
		err = fmt.Errorf("the body is larger than %d bytes", limit)
	case err == errTooLarge:
		err = nil
	}
	return body, err
}

var errTooLarge = errors.New("too large")

// readAll is io.ReadAll with a limit: it returns the first limit bytes and
// errTooLarge when there are more. hint is the expected size, or -1.
func readAll(r io.Reader, hint, limit int64) ([]byte, error) {
	body := make([]byte, 0, max(512, min(hint, maxGuess)+1))
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		room := body[len(body):cap(body)]
		if left := limit - int64(len(body)); int64(len(room)) > left {
			room = room[:left+1] // one more, to see that there is more
		}
		n, err := r.Read(room)
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return body[:limit], errTooLarge
		case err == io.EOF:
			return body, nil
		case err != nil:
			return body, err
		}
	}
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
