package client

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/StackOneHQ/stackone-client-go/gen"
)

// Kinds of APIError, one for each status that the API documents. errors.Is tells
// whether an error is of a kind:
//
//	if errors.Is(err, client.ErrTooManyRequests) { ... }
var (
	ErrBadRequest          error = kind(http.StatusBadRequest)
	ErrUnauthorized        error = kind(http.StatusUnauthorized)
	ErrForbidden           error = kind(http.StatusForbidden)
	ErrNotFound            error = kind(http.StatusNotFound)
	ErrRequestTimedOut     error = kind(http.StatusRequestTimeout)
	ErrConflict            error = kind(http.StatusConflict)
	ErrUnprocessableEntity error = kind(http.StatusUnprocessableEntity)
	ErrTooManyRequests     error = kind(http.StatusTooManyRequests)
	ErrInternalServer      error = kind(http.StatusInternalServerError)
	ErrNotImplemented      error = kind(http.StatusNotImplemented)
	ErrBadGateway          error = kind(http.StatusBadGateway)
)

type kind int

func (k kind) Error() string { return "stackone: " + http.StatusText(int(k)) }

const headerRequestID = "X-Request-Id"

// APIError is an answer with any other status than 2xx; that includes 3xx, since
// redirects are not followed. StatusCode is that of the HTTP answer, whatever the
// body says. The other fields are what the body and the header hold of them, and
// empty otherwise. Printing an APIError, with any verb, shows its one-line text
// and never the header or the body.
type APIError struct {
	// Operation is the description's operationId, such as
	// create_connect_session, or method and path of an operation without one here.
	Operation  string
	StatusCode int

	// Message and Timestamp are the service's. A message that quotes the API key
	// or the token has it masked, and is cut after about 512 bytes.
	Message   string
	Timestamp time.Time

	// Data and ProviderErrors say more of an invalid request (400), and the latter
	// comes with other statuses at times. They are masked as Message is.
	Data           *gen.UnifiedError
	ProviderErrors []gen.ProviderError

	// RetryAfter is how long the service asks to wait, 0 if it does not; a time
	// too long for a Duration is the longest.
	RetryAfter time.Duration
	RequestID  string      // the header X-Request-Id
	Attempts   int         // how often the call was tried
	Header     http.Header // of the answer
	Body       []byte      // the first 256 KiB of the answer's, as they arrived
}

// Error returns one line: the operation, the status, the service's message, what
// to do next where that is known, and the request id.
func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stackone: %s: %d", e.Operation, e.StatusCode)
	text := http.StatusText(e.StatusCode)
	if text != "" {
		b.WriteString(" " + text)
	}
	if e.Message != "" && !strings.EqualFold(e.Message, text) {
		b.WriteString(": " + mask{}.line(e.Message, maxText))
	}
	switch {
	case e.StatusCode == http.StatusUnauthorized && e.Operation == opAuthenticate:
		b.WriteString(" (check the API key and the token)")
	case e.StatusCode == http.StatusUnauthorized:
		b.WriteString(" (check the API key)")
	case e.StatusCode >= 300 && e.StatusCode < 400:
		b.WriteString(" (redirects are not followed: check the base URL)")
	case e.Message == "" && slices.Contains([]int{404, 405, 501}, e.StatusCode), strings.HasPrefix(e.Message, "Cannot POST /"):
		b.WriteString(" (perhaps not StackOne's answer: check the base URL)")
	case e.RetryAfter > 0:
		b.WriteString(" (retry after " + e.RetryAfter.String() + ")")
	}
	if e.RequestID != "" {
		b.WriteString(" (request id " + mask{}.line(e.RequestID, maxRequestID) + ")")
	}
	return b.String()
}

// Is reports whether target is the kind of the error's status.
func (e *APIError) Is(target error) bool {
	k, ok := target.(kind)
	return ok && int(k) == e.StatusCode
}

// Format writes the text of Error, whatever the verb.
func (e APIError) Format(f fmt.State, verb rune) { formatError(f, verb, &e) }

// MarshalText returns the text of Error, which is what encoding/json writes.
func (e APIError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// LogValue is what slog logs: the text of Error.
func (e APIError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// TransportError is a call that got no usable answer: no connection, one that
// broke, a time-out, a context that ended, or credentials that could not be had.
// errors.Is and errors.As see the cause in Err, a context's error included, and
// the *APIError of an attempt before, when the context ended after that.
type TransportError struct {
	Operation string
	Attempts  int // how often the call was tried; 0 when its context had ended before

	// MaybeSent is false only when it is proven that no attempt of the call left
	// this machine. When it is true, the service may have done what was asked: a
	// session may exist.
	MaybeSent bool
	Err       error

	text string // of Err, fit to be shown
}

// Error returns one line: the operation, the cause, and what may have happened.
func (e *TransportError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stackone: %s: ", e.Operation)
	b.WriteString(textOf(e.text, e.Err))
	switch {
	case !e.MaybeSent && e.Err != nil && connecting(e.Err):
		b.WriteString(" (nothing was sent: check the network and the base URL)")
	case !e.MaybeSent:
		b.WriteString(" (nothing was sent)")
	case e.Operation == opCreate:
		b.WriteString(" (the request may have arrived: the session may exist)")
	default:
		b.WriteString(" (the request may have arrived)")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *TransportError) Unwrap() error { return e.Err }

// Format writes the text of Error, whatever the verb.
func (e TransportError) Format(f fmt.State, verb rune) { formatError(f, verb, &e) }

// MarshalText returns the text of Error, which is what encoding/json writes.
func (e TransportError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// LogValue is what slog logs: the text of Error.
func (e TransportError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// ResponseError is a success status with a body that cannot be used: cut, too
// large, not JSON, or without what the operation is for. What was asked for has
// probably been done: a session may exist.
type ResponseError struct {
	Operation   string
	StatusCode  int
	ContentType string
	Body        []byte // what arrived, up to the limit of WithMaxResponseBytes
	Err         error  // what is wrong with it

	text string // of Err, fit to be shown
}

// Error returns one line: the operation, the status, and what is wrong with the
// body, without quoting it.
func (e *ResponseError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stackone: %s: %d %s with a body that cannot be used: ", e.Operation, e.StatusCode, http.StatusText(e.StatusCode))
	b.WriteString(textOf(e.text, e.Err))
	if e.ContentType != "" && !strings.Contains(e.ContentType, "json") {
		b.WriteString(" (it is labelled " + mask{}.line(e.ContentType, maxRequestID) + ": check the base URL)")
	}
	if e.Operation == opCreate {
		b.WriteString(" (the session may exist)")
	}
	return b.String()
}

// Unwrap returns what is wrong with the body.
func (e *ResponseError) Unwrap() error { return e.Err }

// Format writes the text of Error, whatever the verb.
func (e ResponseError) Format(f fmt.State, verb rune) { formatError(f, verb, &e) }

// MarshalText returns the text of Error, which is what encoding/json writes.
func (e ResponseError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// LogValue is what slog logs: the text of Error.
func (e ResponseError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// textOf is the prepared text, or that of an error which was not made here.
func textOf(text string, err error) string {
	if text == "" && err != nil {
		return mask{}.line(explain(err), maxText)
	}
	return text
}

func formatError(w io.Writer, verb rune, err error) {
	text := err.Error()
	if verb == 'q' {
		text = strconv.Quote(text)
	}
	_, _ = io.WriteString(w, text)
}

// apiError reads what it can of an error's body.
func (c *call) apiError(r answer) *APIError {
	m := c.mask(r)
	e := &APIError{
		Operation:  c.operation.shown(m),
		StatusCode: r.StatusCode,
		RetryAfter: r.retryAfter,
		RequestID:  m.line(r.Header.Get(headerRequestID), maxRequestID),
		Attempts:   r.Attempts,
		Header:     r.Header,
		Body:       r.Body,
	}
	var body struct {
		Message        json.RawMessage `json:"message"`
		Timestamp      json.RawMessage `json:"timestamp"`
		Data           json.RawMessage `json:"data"`
		ProviderErrors json.RawMessage `json:"provider_errors"`
	}
	if json.Unmarshal(r.Body, &body) != nil {
		return e
	}
	e.Message = m.line(messageText(body.Message), maxText)
	_ = json.Unmarshal(body.Timestamp, &e.Timestamp)
	e.Data = lenient[gen.UnifiedError](m.json(body.Data))
	var providers []json.RawMessage
	_ = json.Unmarshal(body.ProviderErrors, &providers)
	for _, raw := range providers {
		if p := lenient[gen.ProviderError](m.json(raw)); p != nil {
			e.ProviderErrors = append(e.ProviderErrors, *p)
		}
	}
	return e
}

// messageText reads a message that is a string, or a list of them, or is shown
// as the JSON that it is.
func messageText(raw json.RawMessage) string {
	var text string
	var list []string
	switch {
	case json.Unmarshal(raw, &text) == nil:
		return text
	case json.Unmarshal(raw, &list) == nil:
		return strings.Join(list, "; ")
	}
	return string(raw)
}

// lenient reads the members of an object that fit, and returns nil for anything else.
func lenient[T any](raw json.RawMessage) *T {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil || members == nil {
		return nil
	}
	result := new(T)
	_ = json.Unmarshal(raw, result) // goes on after a member of the wrong type
	return result
}
