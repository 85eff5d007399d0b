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
		"dial":                     {opError("dial", syscall.ECONNREFUSED), true},
		"HTTP proxy":               {opError("proxyconnect", errors.New("refused")), true},
		"SOCKS proxy":              {opError("socks connect", errors.New("refused")), true},
		"wrapped":                  {fmt.Errorf("middleware: %w", opError("dial", syscall.ECONNREFUSED)), true},
		"no such host":             {&net.DNSError{IsNotFound: true}, true},
		"untrusted certificate":    {&tls.CertificateVerificationError{Err: io.EOF}, true},
		"no TLS":                   {tls.RecordHeaderError{}, true},
		"unknown authority":        {x509.UnknownAuthorityError{}, true},
		"expired certificate":      {x509.CertificateInvalidError{}, true},
		"certificate of elsewhere": {x509.HostnameError{}, true},
		"read":                     {opError("read", syscall.ECONNRESET), false},
		"write":                    {opError("write", syscall.EPIPE), false},
		"alert":                    {opError("remote error", tls.AlertError(42)), false},
		"EOF":                      {io.EOF, false},
		"no error":                 {nil, false},
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
		"proxy: 429":                {proxy(429), true},
		"proxy: 502":                {proxy(502), true},
		"proxy: 503":                {proxy(503), true},
		"proxy: 504":                {proxy(504), true},
		"proxy: 407":                {proxy(407), false},
		"proxy: 500":                {proxy(500), false},
		"DNS time-out":              {&net.DNSError{IsTimeout: true}, true},
		"DNS server failure":        {&net.DNSError{IsTemporary: true}, true},
		"no such host":              {&net.DNSError{IsNotFound: true}, false},
		"time-out":                  {os.ErrDeadlineExceeded, true},
		"refused":                   {opError("dial", syscall.ECONNREFUSED), true},
		"dial with another error":   {opError("dial", errors.New("no network today")), true},
		"invalid address":           {opError("dial", &net.AddrError{}), false},
		"unknown network":           {opError("dial", net.UnknownNetworkError("x")), false},
		"proxy refuses":             {opError("proxyconnect", opError("dial", syscall.ECONNREFUSED)), true},
		"proxy with no host":        {opError("proxyconnect", opError("dial", &net.DNSError{IsNotFound: true})), false},
		"SOCKS proxy refuses":       {opError("socks connect", opError("dial", syscall.ECONNREFUSED)), true},
		"SOCKS proxy says no":       {opError("socks connect", errors.New("not allowed")), false},
		"EOF":                       {io.EOF, true},
		"unexpected EOF":            {io.ErrUnexpectedEOF, true},
		"reset":                     {opError("read", syscall.ECONNRESET), true},
		"another error of a read":   {opError("read", syscall.EINVAL), false},
		"an error without a time":   {&url.Error{Op: "Post", Err: errors.New("lost")}, false},
		"an unknown error":          {errors.New("lost"), false},
		"an unknown network, no op": {net.UnknownNetworkError("x"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, Transient(tt.err))
		})
	}
}

// The texts are those of crypto/tls, whose type for alerts is not exported.
func TestCertificateRequired(t *testing.T) {
	t.Parallel()
	about := map[tls.AlertError]bool{116: true} // certificate_required (RFC 8446, section 6)
	for alert := range tls.AlertError(255) {
		err := opError("remote error", alert)
		assert.Equal(t, about[alert], certificateRequired(fmt.Errorf("broken: %w", err)), "%d: %v", alert, err)
		assert.False(t, certificateRequired(opError("local error", alert)), "sent, not received: %v", alert)
		assert.False(t, certificateRequired(alert), "from nowhere: %v", alert)
	}
	assert.False(t, certificateRequired(io.EOF))
}

func TestConnectError(t *testing.T) {
	t.Parallel()
	for _, status := range []int{300, 301, 407, 429, 503, 511} {
		err := connectError(fmt.Errorf("broken: %w", errors.New(http.StatusText(status))))
		var proxy *ProxyError
		assert.ErrorAs(t, err, &proxy)
		assert.ErrorContains(t, err, fmt.Sprintf("the proxy answered CONNECT with %d %s", status, http.StatusText(status)))
		assert.True(t, Connecting(err))
	}
	for _, text := range []string{"", "OK", "Continue", "Early Hints", "no proxy today"} {
		err := errors.New(text)
		assert.Equal(t, err, connectError(err), text)
	}
}

func TestProxyAnswered(t *testing.T) {
	t.Parallel()
	proxy := &url.URL{Host: "proxy.example:3128", User: url.UserPassword("user", "hunter2")}
	answered := func(status int) error {
		return proxyAnswered(t.Context(), proxy, nil, &http.Response{StatusCode: status})
	}
	assert.NoError(t, answered(200))
	for _, status := range []int{101, 201, 302, 407, 502} {
		want := fmt.Sprintf("proxyconnect tcp: the proxy proxy.example:3128 answered CONNECT with %d %s", status, http.StatusText(status))
		assert.EqualError(t, answered(status), want)
	}
}

func TestUnquoted(t *testing.T) {
	t.Parallel()
	const planted = `malformed HTTP response "planted"`
	op := opError("read", syscall.ECONNRESET)
	for name, tt := range map[string]struct {
		err    error
		header bool
		want   error
	}{
		"of the network":              {fmt.Errorf("planted: %w", op), true, op},
		"a time-out":                  {fmt.Errorf("planted: %w", context.DeadlineExceeded), true, context.DeadlineExceeded},
		"no time-out":                 {&url.Error{Op: "Post", URL: "planted", Err: errors.New(planted)}, true, errMalformed},
		"never a time-out":            {patient("planted"), true, errMalformed},
		"cut":                         {fmt.Errorf("planted: %w", io.ErrUnexpectedEOF), true, io.ErrUnexpectedEOF},
		"closed":                      {fmt.Errorf("planted: %w", io.EOF), true, io.EOF},
		"of the header":               {errors.New(planted), true, errMalformed},
		"of the header, not quoted":   {errors.New("planted"), true, errMalformed},
		"of the protocol":             {textproto.ProtocolError("planted"), false, errMalformed},
		"of the body, quoted":         {errors.New(`bad chunk length: "planted"`), false, errors.New("bad chunk length")},
		"of the body, nothing quoted": {io.ErrNoProgress, false, io.ErrNoProgress},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, unquoted(tt.err, tt.header))
		})
	}
}

// patient is an error that could be a time-out and is none.
type patient string

func (p patient) Error() string { return string(p) }
func (p patient) Timeout() bool { return false }
