package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/internal/redact"
	"github.com/StackOneHQ/stackone-client-go/client/internal/wire"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// The kinds of [APIError], one for each status that the API documents. errors.Is reports
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

var errNotMade = errors.New("stackone: this client was not made by client.New")

const sessionMayExist = " (the session may exist)"

// APIError reports a response with a status other than 2xx. That includes 3xx, since
// redirects are not followed. StatusCode is the status of the HTTP response, whatever the
// body says. The fields that come from the header or the body are zero if those lack
// them. Printing an APIError, with any verb, shows the one-line text of Error, and never
// the header or the body.
type APIError struct {
	// Operation is the operationId, such as create_connect_session, or the HTTP method
	// and path of an operation without a method in this package.
	Operation  string
	StatusCode int

	// Message and Timestamp are from the body. Without a message, Message is the
	// body's detail, error, errors or title, in this order. Secrets are removed from
	// it, and it is truncated after about 512 bytes.
	Message   string
	Timestamp time.Time

	// Data and ProviderErrors describe an invalid request (400); some other statuses
	// have ProviderErrors, too. Secrets are removed from both.
	Data           *gen.UnifiedError
	ProviderErrors []gen.ProviderError

	// RetryAfter is how long the service asks to wait, from the header Retry-After; 0 if
	// it does not ask. It is capped at the maximum Duration.
	RetryAfter time.Duration
	RequestID  string      // the header X-Request-Id
	Attempts   int         // number of attempts that the call made
	Header     http.Header // of the response
	Body       []byte      // of the response, as received, at most 256 KiB

	verdict verdict
}

// Error returns one line: the operation, the status, the service's message, what to check
// or when to retry, whether a session may exist, and the request ID.
func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stackone: %s: %d", e.Operation, e.StatusCode)
	text := http.StatusText(e.StatusCode)
	if text != "" {
		b.WriteString(" " + text)
	}
	if e.Message != "" && !strings.EqualFold(e.Message, text) {
		b.WriteString(": " + oneLine(e.Message, maxText))
	}
	switch {
	case e.StatusCode == http.StatusUnauthorized && e.Operation == opAuthenticate:
		b.WriteString(" (check the API key and the token)")
	case e.StatusCode == http.StatusUnauthorized:
		b.WriteString(" (check the API key)")
	case e.StatusCode >= 300 && e.StatusCode < 400:
		b.WriteString(" (redirects are not followed: check the base URL)")
	case e.Message == "" && slices.Contains([]int{404, 405, 501}, e.StatusCode),
		strings.HasPrefix(e.Message, "Cannot POST /"):
		b.WriteString(" (the response may not be from StackOne: check the base URL)")
	case e.RetryAfter > 0:
		b.WriteString(" (retry after " + e.RetryAfter.String() + ")")
	}
	if e.Operation == opCreate && MaybeCreated(e) {
		b.WriteString(sessionMayExist)
	}
	writeRequestID(&b, e.RequestID)
	return b.String()
}

// Is reports whether target is the kind of the error's status.
func (e *APIError) Is(target error) bool {
	k, ok := target.(kind)
	return ok && int(k) == e.StatusCode
}

// Format writes the text of Error, whatever the verb; %q quotes it.
func (e APIError) Format(f fmt.State, verb rune) { formatError(f, verb, &e) }

// MarshalText returns what encoding/json writes: the text of Error.
func (e APIError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// LogValue returns what slog logs: the text of Error.
func (e APIError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// TransportError reports a call that ended without a response: it could not connect, the
// connection broke, the attempt timed out, the context was done, or the credentials could
// not be obtained. errors.Is and errors.As find the cause in Err. If the context was done
// after an attempt got an error status, they find the context's error and the [*APIError]
// of that attempt.
type TransportError struct {
	Operation string
	Attempts  int // number of attempts that the call made; 0 if its context was already done

	// MaybeSent is true if any attempt of the call may have been processed: the session
	// may exist. It is false if every attempt was provably never sent, or was rejected.
	MaybeSent bool
	Err       error // the cause

	text    string // of Err, safe to print
	refused bool   // the last response was a refusal
	verdict verdict

	transient bool // as Transient reports
}

// Error returns one line: the operation, the cause, and whether the request may have been
// sent.
func (e *TransportError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stackone: %s: ", e.Operation)
	b.WriteString(textOf(e.text, e.Err))
	switch {
	case e.MaybeSent && e.Operation == opCreate:
		b.WriteString(" (the request may have arrived: the session may exist)")
	case e.MaybeSent:
		b.WriteString(" (the request may have arrived)")
	case e.refused && e.Operation == opCreate:
		b.WriteString(" (no session was created)")
	case e.refused:
	case errors.As(e.Err, new(*wire.ProxyError)):
		b.WriteString(" (nothing was sent: check the proxy)")
	case wire.Connecting(e.Err):
		b.WriteString(" (nothing was sent: check the network and the base URL)")
	default:
		b.WriteString(" (nothing was sent)")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *TransportError) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// Format writes the text of Error, whatever the verb; %q quotes it.
func (e TransportError) Format(f fmt.State, verb rune) { formatError(f, verb, &e) }

// MarshalText returns what encoding/json writes: the text of Error.
func (e TransportError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// LogValue returns what slog logs: the text of Error.
func (e TransportError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// ResponseError reports a success status with a body that cannot be used: it is truncated,
// too large or not JSON, or lacks the members that matter, such as the token. The service
// has probably processed the request: the session may exist.
type ResponseError struct {
	Operation   string
	StatusCode  int
	ContentType string
	RequestID   string      // the header X-Request-Id
	Attempts    int         // number of attempts that the call made
	Header      http.Header // of the response
	Body        []byte      // as received, up to the limit of WithMaxResponseBytes
	Err         error       // what is wrong with the body

	text    string // of Err, safe to print
	verdict verdict

	transient bool // as Transient reports
}

// Error returns one line: the operation, the status, what is wrong with the body
// without quoting it, whether a session may exist, and the request ID.
func (e *ResponseError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stackone: %s: %d %s with a body that cannot be used: ",
		e.Operation, e.StatusCode, http.StatusText(e.StatusCode))
	b.WriteString(textOf(e.text, e.Err))
	if e.ContentType != "" && !strings.Contains(e.ContentType, "json") {
		b.WriteString(" (its Content-Type is " + oneLine(e.ContentType, maxID) + ": check the base URL)")
	}
	if e.Operation == opCreate {
		b.WriteString(sessionMayExist)
	}
	writeRequestID(&b, e.RequestID)
	return b.String()
}

// Unwrap returns what is wrong with the body.
func (e *ResponseError) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// Format writes the text of Error, whatever the verb; %q quotes it.
func (e ResponseError) Format(f fmt.State, verb rune) { formatError(f, verb, &e) }

// MarshalText returns what encoding/json writes: the text of Error.
func (e ResponseError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// LogValue returns what slog logs: the text of Error.
func (e ResponseError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

func writeRequestID(b *strings.Builder, id string) {
	if id != "" {
		b.WriteString(" (request ID " + oneLine(id, maxID) + ")")
	}
}

// textOf returns text, or that of err if the error did not come from a call.
func textOf(text string, err error) string {
	if text != "" || err == nil {
		return text
	}
	return oneLine(err.Error(), maxText)
}

func oneLine(s string, limit int) string { return redact.Redactor{}.Line(s, limit) }

func formatError(w io.Writer, verb rune, err error) {
	text := err.Error()
	if verb == 'q' {
		text = strconv.Quote(text)
	}
	_, _ = io.WriteString(w, text)
}

// printable is an error with a text that is safe to print, whatever the verb.
type printable struct {
	text string
	err  error
}

func (e *printable) Error() string                 { return e.text }
func (e *printable) Unwrap() error                 { return e.err }
func (e *printable) Format(f fmt.State, verb rune) { formatError(f, verb, e) }

// timeoutError reports that an attempt took too long. Like net/http's timeout error, it
// is also context.DeadlineExceeded.
type timeoutError time.Duration

func (e timeoutError) Error() string {
	return fmt.Sprintf("no complete response within the attempt's timeout of %s", time.Duration(e))
}

func (e timeoutError) Timeout() bool { return true }

func (e timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }
