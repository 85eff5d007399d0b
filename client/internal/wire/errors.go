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

// net.OpError.Op of making a connection.
const opDial, opProxyConnect, opSOCKSConnect = "dial", "proxyconnect", "socks connect"

// Connecting reports whether err comes from making a connection.
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

// Transient reports whether the cause that kept a request from being sent may go
// away by itself. A bad certificate or a name that does not exist does not.
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
	// The peer hung up during the handshake.
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// ProxyError is a proxy's refusal to connect.
type ProxyError struct {
	proxy  string // its address; "" when it is not known
	status int
}

func (e *ProxyError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the proxy %s", e.proxy)) +
		fmt.Sprintf(" answered CONNECT with %d %s", e.status, http.StatusText(e.status))
}

// connectError says that an error is a proxy's answer to CONNECT. Of that answer,
// net/http returns the status text alone.
func connectError(err error) error {
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

// certificateRequired reports whether the server ended the handshake because the
// client sent no certificate. In TLS 1.3 that alert arrives when the client's side of the
// handshake is over and the request is under way; the server discards it. (A server may
// also ask for a certificate after the handshake, RFC 8446, section 4.6.2, but only of a
// client that offers it, which crypto/tls does not.)
func certificateRequired(err error) bool {
	op := (*net.OpError)(nil)
	return errors.As(err, &op) && op.Op == "remote error" && op.Err.Error() == "tls: certificate required"
}

var errMalformed = errors.New("the connection broke, or the answer is not valid HTTP or has too large a header")

// unquoted returns an error without what net/http quotes of an answer that it could
// not parse, which may be a live session. header says that the error is about the
// answer's header.
func unquoted(err error, header bool) error {
	if outer := (*url.Error)(nil); errors.As(err, &outer) { // an http.Client's, which quotes the address
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
	case header, errors.As(err, &protocol):
		return errMalformed
	}
	if text, _, quotes := strings.Cut(err.Error(), `"`); quotes {
		return errors.New(strings.TrimRight(text, " :,;="))
	}
	return err
}
