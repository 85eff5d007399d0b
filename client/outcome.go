package client

import (
	"errors"
	"net/http"
	"slices"

	"github.com/StackOneHQ/stackone-client-go/client/internal/wire"
)

// MaybeCreated reports whether a session may exist although Create returned err. If one
// may, creating another is harmless: the first expires unused. MaybeCreated considers
// every attempt of the call, not only the last one, and finds errors that are wrapped or
// joined.
//
// It returns true if an attempt may have been processed: the response had the status 101,
// a 5xx other than 501 or a status outside 100 to 599, was lost, or cannot be used. It
// returns false for nil, for an error before anything was sent, if every attempt was
// rejected (3xx, 4xx, 501) or provably never sent, and for operations that only read. For
// an error that did not come from a call, its type and fields decide.
func MaybeCreated(err error) bool {
	switch e := err.(type) { //nolint:errorlint // the cases below unwrap
	case *APIError:
		return e != nil && e.verdict.or(!readOnly(e.Operation) && !refusal(e.StatusCode))
	case *TransportError:
		return e != nil && e.verdict.or(e.MaybeSent && !readOnly(e.Operation))
	case *ResponseError:
		return e != nil && e.verdict.or(!readOnly(e.Operation))
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(e.Unwrap(), MaybeCreated)
	case interface{ Unwrap() error }:
		return MaybeCreated(e.Unwrap())
	}
	return false
}

// verdict is what a call knows of whether it created a session.
type verdict int

const (
	unknown verdict = iota // the error did not come from a call
	notCreated
	maybeCreated
)

func (v verdict) or(otherwise bool) bool { return v == maybeCreated || v == unknown && otherwise }

// Transient reports whether the same call may succeed later without a change. The last
// attempt of the call decides. Transient returns true after a status of 101, 408, 429, a
// 5xx other than 501 or one outside 100 to 599, and if the connection failed or broke, the
// attempt timed out or the response was truncated. It returns false for nil and for any
// other error, such as an untrusted certificate, a host that does not exist, credentials
// that could not be obtained, and a context that was done before a response arrived.
//
// Do not use Transient to decide whether to repeat Create: use [MaybeCreated].
func Transient(err error) bool {
	var (
		api       *APIError
		transport *TransportError
		response  *ResponseError
	)
	switch {
	case errors.As(err, &transport) && transport != nil:
		return transport.transient || transport.verdict == unknown && (transport.MaybeSent || transient(transport.Err))
	case errors.As(err, &api) && api != nil:
		return !refusal(api.StatusCode) ||
			api.StatusCode == http.StatusTooManyRequests || api.StatusCode == http.StatusRequestTimeout
	case errors.As(err, &response) && response != nil:
		return response.transient || response.verdict == unknown && wire.Transient(response.Err)
	}
	return false
}

// processed reports whether the service may have processed an attempt. StackOne documents
// 429 and 408 as safe to repeat.
func processed(r wire.Result) bool {
	return !r.Unsent && !refusal(r.Status())
}

// refusal reports whether a status says that the request was not processed.
func refusal(status int) bool {
	return status >= 300 && status < 500 || status == http.StatusNotImplemented
}
