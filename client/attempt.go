package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync/atomic"
	"time"
)

// attempt is a request on its way. Its flags are set by the transport, in any
// goroutine, and are the evidence of what may have been sent.
type attempt struct {
	asked atomic.Bool  // the transport looked for a connection
	got   atomic.Bool  // it had one
	http2 atomic.Bool  // which speaks HTTP/2
	read  atomic.Bool  // it read the body
	sends atomic.Int32 // how often it sent the request, as far as that can be seen

	trace   httptrace.ClientTrace
	getBody func() (io.ReadCloser, error) // the caller's
	header  [3]string                     // values, one allocation for all
}

// maxSends bounds what net/http sends in one attempt. It replays a request that
// the server refused unprocessed, which is safe, but also one that was reset with
// the HTTP/2 code PROTOCOL_ERROR, and that for as long as the server does it.
const maxSends = 2

// roundTrip sends req once and reads the answer whole. The returned response is
// nil when none came; its body is closed, and what was read of it is returned. An
// error beside a response is about its body.
func (c *call) roundTrip(ctx context.Context) (*http.Response, []byte, outcome) {
	t := &attempt{getBody: c.req.GetBody}
	t.trace.GetConn = func(string) { t.asked.Store(true) }
	t.trace.GotConn = func(info httptrace.GotConnInfo) {
		t.got.Store(true)
		t.http2.Store(speaksHTTP2(info.Conn))
	}
	t.trace.WroteHeaders = func() {
		if t.http2.Load() { // HTTP/1 is replayed only when nothing was written
			t.sends.Add(1)
		}
	}
	r := c.req.WithContext(httptrace.WithClientTrace(ctx, &t.trace))
	transport := c.settings.transport
	_, reports := transport.(*http.Transport)
	if err := t.prepareBody(r, c.response.Attempts, !reports); err != nil {
		return nil, nil, outcome{err: err, unsent: true}
	}
	// A transport may still be reading the header of an attempt that has failed.
	r.Header = r.Header.Clone()
	t.setHeader(r, c.settings, c.authorization.header)

	res, err := transport.RoundTrip(r)
	if res != nil && res.Body == nil {
		res.Body = http.NoBody
	}
	switch {
	case err != nil:
		if res != nil {
			res.Body.Close()
		}
		return nil, nil, outcome{err: err, unsent: t.unsent(reports, err)}
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

// prepareBody gives attempt n of the call a body of its own. A transport that does
// not report its connections has its reading watched; net/http's does, and writes
// header and body at once when it knows the reader.
func (t *attempt) prepareBody(r *http.Request, n int, watch bool) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	prepare := func(body io.ReadCloser) io.ReadCloser {
		if watch {
			return &watchedBody{ReadCloser: body, attempt: t}
		}
		return body
	}
	if n > 1 {
		body, err := t.getBody()
		if err != nil {
			return fmt.Errorf("cannot read the request's body again: %w", err)
		}
		r.Body = body
	}
	r.Body = prepare(r.Body)
	r.GetBody = func() (io.ReadCloser, error) {
		if t.sends.Load() >= maxSends {
			return nil, errors.New("the server keeps resetting the request's stream")
		}
		body, err := t.getBody()
		if err != nil {
			return nil, err
		}
		return prepare(body), nil
	}
	if r.Header["Idempotency-Key"] != nil || r.Header["X-Idempotency-Key"] != nil {
		r.GetBody = nil // a request editor's; net/http would take it as leave to send a POST twice
	}
	return nil
}

// watchedBody tells the attempt that it is read.
type watchedBody struct {
	io.ReadCloser
	attempt *attempt
	begun   atomic.Bool
}

func (b *watchedBody) Read(p []byte) (int, error) {
	if b.begun.CompareAndSwap(false, true) {
		b.attempt.read.Store(true)
		b.attempt.sends.Add(1)
	}
	return b.ReadCloser.Read(p)
}

func speaksHTTP2(conn net.Conn) bool {
	c, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	return ok && c.ConnectionState().NegotiatedProtocol == "h2"
}

// unsent reports whether it is proven that nothing was sent: no connection was
// had and the body was not touched, and either the transport is known to report
// its connections, or the error can only come from making one. A transport that
// is not net/http's may have sent by other means, which it cannot without
// reading the body.
func (t *attempt) unsent(reports bool, err error) bool {
	if t.got.Load() || t.read.Load() {
		return false
	}
	return reports || t.asked.Load() || connecting(err)
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
	maxErrorBody = 256 << 10 // what is kept of an error's body
	maxDrain     = 64 << 10  // what is read beyond, to keep the connection
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
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = ctx.Err()
	case err == errTooLarge && success(res.StatusCode):
		err = fmt.Errorf("the body is larger than %d bytes", limit)
	case err == errTooLarge:
		_, _ = io.CopyN(io.Discard, res.Body, maxDrain)
		err = nil
	}
	return body, err
}

var errTooLarge = errors.New("too large")

// readAll is io.ReadAll with a limit: it returns the first limit bytes and
// errTooLarge when there are more. hint is the expected size, or -1.
func readAll(r io.Reader, hint, limit int64) ([]byte, error) {
	body := make([]byte, 0, max(512, min(hint, maxDrain)+1))
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
	return target == context.DeadlineExceeded || target == os.ErrDeadlineExceeded
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
