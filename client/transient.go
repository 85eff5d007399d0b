package client

import (
	"errors"
	"io"
	"net/http"
)

// Transient reports whether the same call may succeed later although it has failed
// with err: after 408, 429 and 5xx but 501, after a failure of the network that can
// pass, and after an answer that was cut. It is false for nil, other statuses, a
// certificate, a host that does not exist and an API key function that failed.
func Transient(err error) bool {
	var (
		api       *APIError
		transport *TransportError
		response  *ResponseError
		timeout   timeoutError
	)
	switch {
	case errors.As(err, &api):
		return api.StatusCode >= 500 && api.StatusCode != http.StatusNotImplemented ||
			api.StatusCode == http.StatusTooManyRequests || api.StatusCode == http.StatusRequestTimeout
	case errors.As(err, &response):
		return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &timeout)
	case errors.As(err, &transport):
		return transport.MaybeSent || passing(transport.Err)
	}
	return false
}

// NewTransport returns a transport with the settings of the client's own, for those
// who need a proxy, a certificate authority or a wrapper.
func NewTransport() *http.Transport { return newTransport() }

// Redact returns text as one line of about 512 bytes at most, without the secrets
// that the call handled: the API key, the token, the link and the trigger token.
func (r Response) Redact(text string) string {
	var m mask
	if r.call != nil {
		m = r.call.mask(r.call.last)
	}
	return m.line(text, maxText)
}

// keep remembers the call that has filled r, if it sent anything.
func (r *Response) keep(c *call) {
	if r.Attempts > 0 {
		r.call = c
	}
}
