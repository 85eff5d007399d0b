package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

func opError(op string, err error) error { return &net.OpError{Op: op, Net: "tcp", Err: err} }

func TestConnecting(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"dial":                  {opError("dial", syscall.ECONNREFUSED), true},
		"HTTP proxy":            {opError("proxyconnect", errors.New("refused")), true},
		"SOCKS proxy":           {opError("socks connect", errors.New("refused")), true},
		"wrapped":               {fmt.Errorf("middleware: %w", opError("dial", syscall.ECONNREFUSED)), true},
		"no such host":          {&net.DNSError{IsNotFound: true}, true},
		"untrusted certificate": {&tls.CertificateVerificationError{Err: io.EOF}, true},
		"server without TLS":    {tls.RecordHeaderError{}, true},
		"unknown authority":     {x509.UnknownAuthorityError{}, true},
		"expired certificate":   {x509.CertificateInvalidError{}, true},
		"wrong host":            {x509.HostnameError{}, true},
		"read":                  {opError("read", syscall.ECONNRESET), false},
		"write":                 {opError("write", syscall.EPIPE), false},
		"alert":                 {opError("remote error", tls.AlertError(42)), false},
		"EOF":                   {io.EOF, false},
		"no error":              {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, Connecting(tt.err))
		})
	}
}

func TestTransient(t *testing.T) {
	t.Parallel()
	proxy := func(status int) error { return opError("proxyconnect", &ProxyError{status: status}) }
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"proxy: 429":                           {proxy(429), true},
		"proxy: 502":                           {proxy(502), true},
		"proxy: 503":                           {proxy(503), true},
		"proxy: 504":                           {proxy(504), true},
		"proxy: 407":                           {proxy(407), false},
		"proxy: 500":                           {proxy(500), false},
		"DNS timeout":                          {&net.DNSError{IsTimeout: true}, true},
		"DNS server failure":                   {&net.DNSError{IsTemporary: true}, true},
		"no such host":                         {&net.DNSError{IsNotFound: true}, false},
		"timeout":                              {os.ErrDeadlineExceeded, true},
		"refused":                              {opError("dial", syscall.ECONNREFUSED), true},
		"other dial error":                     {opError("dial", errors.New("unknown")), true},
		"invalid address":                      {opError("dial", &net.AddrError{}), false},
		"unknown network":                      {opError("dial", net.UnknownNetworkError("x")), false},
		"proxy that refuses connections":       {opError("proxyconnect", opError("dial", syscall.ECONNREFUSED)), true},
		"proxy host not found":                 {opError("proxyconnect", opError("dial", &net.DNSError{IsNotFound: true})), false},
		"SOCKS proxy that refuses connections": {opError("socks connect", opError("dial", syscall.ECONNREFUSED)), true},
		"SOCKS proxy that denies the request":  {opError("socks connect", errors.New("not allowed")), false},
		"EOF":                                  {io.EOF, true},
		"unexpected EOF":                       {io.ErrUnexpectedEOF, true},
		"reset":                                {opError("read", syscall.ECONNRESET), true},
		"other read error":                     {opError("read", syscall.EINVAL), false},
		"error that is no timeout":             {&url.Error{Op: "Post", Err: errors.New("lost")}, false},
		"unknown error":                        {errors.New("lost"), false},
		"unknown network, not dialling":        {net.UnknownNetworkError("x"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, Transient(tt.err))
		})
	}
}

// certificateRequired compares texts, because crypto/tls does not export its alert type
// for received alerts.
func TestCertificateRequired(t *testing.T) {
	t.Parallel()
	want := map[tls.AlertError]bool{116: true} // certificate_required (RFC 8446, section 6)
	for alert := range tls.AlertError(255) {
		err := opError("remote error", alert)
		assert.Equal(t, want[alert], certificateRequired(fmt.Errorf("broken: %w", err)), "%d: %v", alert, err)
		assert.False(t, certificateRequired(opError("local error", alert)), "sent alert: %v", alert)
		assert.False(t, certificateRequired(alert), "without a net.OpError: %v", alert)
	}
	assert.False(t, certificateRequired(io.EOF))
}

func TestAsProxyError(t *testing.T) {
	t.Parallel()
	for _, status := range []int{300, 301, 407, 429, 503, 511} {
		err := asProxyError(fmt.Errorf("broken: %w", errors.New(http.StatusText(status))))
		var proxy *ProxyError
		assert.ErrorAs(t, err, &proxy)
		assert.ErrorContains(t, err, fmt.Sprintf("the proxy responded to CONNECT with %d %s", status, http.StatusText(status)))
		assert.True(t, Connecting(err))
	}
	for _, text := range []string{"", "OK", "Continue", "Early Hints", "unknown"} {
		err := errors.New(text)
		assert.Equal(t, err, asProxyError(err), text)
	}
}

func TestCheckProxyResponse(t *testing.T) {
	t.Parallel()
	proxy := &url.URL{Host: "proxy.example:3128", User: url.UserPassword("user", "hunter2")}
	check := func(status int) error {
		return checkProxyResponse(t.Context(), proxy, nil, &http.Response{StatusCode: status})
	}
	assert.NoError(t, check(200))
	for _, status := range []int{101, 201, 302, 407, 502} {
		want := fmt.Sprintf("proxyconnect tcp: the proxy proxy.example:3128 responded to CONNECT with %d %s", status, http.StatusText(status))
		assert.EqualError(t, check(status), want)
	}
}

func TestUnquoted(t *testing.T) {
	t.Parallel()
	const planted = `malformed HTTP response "planted"`
	op := opError("read", syscall.ECONNRESET)
	for name, tt := range map[string]struct {
		err      error
		inHeader bool
		want     error
	}{
		"network error":                     {fmt.Errorf("planted: %w", op), true, op},
		"timeout":                           {fmt.Errorf("planted: %w", context.DeadlineExceeded), true, context.DeadlineExceeded},
		"url.Error without a timeout":       {&url.Error{Op: "Post", URL: "planted", Err: errors.New(planted)}, true, errMalformed},
		"Timeout method that returns false": {notTimeout("planted"), true, errMalformed},
		"unexpected EOF":                    {fmt.Errorf("planted: %w", io.ErrUnexpectedEOF), true, io.ErrUnexpectedEOF},
		"EOF":                               {fmt.Errorf("planted: %w", io.EOF), true, io.EOF},
		"header":                            {errors.New(planted), true, errMalformed},
		"header, nothing quoted":            {errors.New("planted"), true, errMalformed},
		"textproto.ProtocolError":           {textproto.ProtocolError("planted"), false, errMalformed},
		"body":                              {errors.New(`bad chunk length: "planted"`), false, errors.New("bad chunk length")},
		"body, nothing quoted":              {io.ErrNoProgress, false, io.ErrNoProgress},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, unquoted(tt.err, tt.inHeader))
		})
	}
}

// notTimeout is an error with a Timeout method that returns false.
type notTimeout string

func (e notTimeout) Error() string { return string(e) }
func (e notTimeout) Timeout() bool { return false }
