package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"syscall"
)

// The values of net.OpError.Op for errors made while connecting.
const opDial, opProxyConnect, opSOCKSConnect = "dial", "proxyconnect", "socks connect"

// Connecting reports whether err occurred while making a connection.
func Connecting(err error) bool {
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

// Transient reports whether the failure that kept a request from being sent is
// transient. An invalid certificate or an unknown host is not.
func Transient(err error) bool {
	if proxy := (*ProxyError)(nil); errors.As(err, &proxy) {
		switch proxy.status {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) {
		return dns.IsTimeout || dns.IsTemporary
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return true
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		switch op.Op {
		case opProxyConnect, opSOCKSConnect:
			return Transient(op.Err)
		case opDial:
			addr, network := (*net.AddrError)(nil), net.UnknownNetworkError("")
			return !errors.As(err, &addr) && !errors.As(err, &network)
		}
	}
	// The peer closed the connection during the handshake.
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// ProxyError reports that a proxy did not respond to CONNECT with 200.
type ProxyError struct {
	proxy  string // host and port; empty if unknown
	status int
}

func (e *ProxyError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the proxy %s", e.proxy)) +
		fmt.Sprintf(" responded to CONNECT with %d %s", e.status, http.StatusText(e.status))
}

// asProxyError returns a ProxyError for an error that consists of a status text, which
// is how net/http reports a proxy's response to CONNECT. It returns any other error
// unchanged.
func asProxyError(err error) error {
	last := err
	for next := err; next != nil; next = errors.Unwrap(next) {
		last = next
	}
	for status := 300; status < 600; status++ {
		if text := http.StatusText(status); text != "" && text == last.Error() {
			return &net.OpError{Op: opProxyConnect, Net: "tcp", Err: &ProxyError{status: status}}
		}
	}
	return err
}

// certificateRequired reports whether the server aborted the handshake because the
// client sent no certificate. In TLS 1.3 that alert arrives after the client has completed
// its side of the handshake and may have written the request, which the server discards.
// (A server may also request a certificate after the handshake, RFC 8446, section 4.6.2,
// but only if the client offers it, which crypto/tls does not.)
func certificateRequired(err error) bool {
	op := (*net.OpError)(nil)
	return errors.As(err, &op) && op.Op == "remote error" && op.Err.Error() == "tls: certificate required"
}

var errMalformed = errors.New("the connection broke, or the response is not valid HTTP or its header is too large")

// unquoted returns err without the text that net/http quotes from a response it could
// not parse, which may hold a live session. inHeader means that the error concerns the
// response's header.
func unquoted(err error, inHeader bool) error {
	if outer := (*url.Error)(nil); errors.As(err, &outer) { // from an http.Client; it quotes the URL
		err = outer.Err
	}
	var (
		op       *net.OpError
		protocol textproto.ProtocolError
		timeout  interface {
			error
			Timeout() bool
		}
	)
	switch {
	case errors.As(err, &op):
		return op
	case errors.As(err, &timeout) && timeout.Timeout():
		return timeout
	case errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	case errors.Is(err, io.EOF):
		return io.EOF
	case inHeader, errors.As(err, &protocol):
		return errMalformed
	}
	if text, _, quotes := strings.Cut(err.Error(), `"`); quotes {
		return errors.New(strings.TrimRight(text, " :,;="))
	}
	return err
}
