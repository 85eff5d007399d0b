package connect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// AttemptStatusExpired is the status of an attempt that the customer did not finish in
// time. StackOne's Hub uses it; the API description does not list it.
const AttemptStatusExpired gen.AttemptStatus = "expired"

// ConnectionError is the error of [Waiter.Wait] if the customer's attempt ended without a
// connection. The session stays valid until it expires: the customer can try again in
// the Hub, which creates a new attempt. Until then, another Wait returns the same error
// after its first look.
type ConnectionError struct {
	Status gen.AttemptStatus // error, cancelled or AttemptStatusExpired

	// Code and Description are from the OAuth error, and empty if the provider gave
	// none. Secrets are removed from both.
	Code, Description string
}

// Error returns one line: the status and the OAuth error.
func (e *ConnectionError) Error() string {
	parts := []string{"stackone: the connection attempt ended as " + string(e.Status), e.Code, e.Description}
	text := strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ": ")
	return client.Response{}.Redact(text) // one line of limited length
}

// pendingError is the error of a wait whose context is done. Its text leaves out the
// cause of the context, which may hold any text, secrets too; errors.Is finds it.
type pendingError struct {
	text string
	error
}

func newPendingError(ctx context.Context, t *wait) error {
	text := "stackone: the customer has not connected yet: " + ctx.Err().Error()
	if t.failed != nil {
		text += "; " + t.failed.Error()
	}
	return &pendingError{text, errors.Join(ctx.Err(), context.Cause(ctx), t.failed)}
}

func (e *pendingError) Error() string { return e.text }
func (e *pendingError) Unwrap() error { return e.error }

// Format writes the text of Error, whatever the verb.
func (e *pendingError) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.text) }
