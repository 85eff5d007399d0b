package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// What errors say, those included that a caller's tests make.
func TestErrorText(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	long := strings.Repeat("x", 1000)
	for want, err := range map[string]error{
		"x: dial tcp: connection refused (nothing was sent: check the network and the base URL)": &client.TransportError{Operation: "x", Err: refused},
		"x: lost (nothing was sent)":                                              &client.TransportError{Operation: "x", Err: errors.New("lost")},
		"x:  (nothing was sent)":                                                  &client.TransportError{Operation: "x"},
		"x: lost (the request may have arrived)":                                  &client.TransportError{Operation: "x", Err: errors.New("lost"), MaybeSent: true},
		opCreate + ": lost (the request may have arrived: the session may exist)": &client.TransportError{Operation: opCreate, Err: errors.New("lost"), MaybeSent: true},
		"x: " + long[:513] + "... (nothing was sent)":                             &client.TransportError{Operation: "x", Err: errors.New(long)},

		"x: 201 Created with a body that cannot be used: lost": &client.ResponseError{Operation: "x", StatusCode: 201, Err: errors.New("lost")},
		"x: 201 Created with a body that cannot be used: lost (its Content-Type is text/html: check the base URL) (request id r-1)": &client.ResponseError{
			Operation: "x", StatusCode: 201, Err: errors.New("lost"), ContentType: "text/html", RequestID: "r-1",
		},
		opCreate + ": 200 OK with a body that cannot be used: lost (the session may exist)": &client.ResponseError{
			Operation: opCreate, StatusCode: 200, Err: errors.New("lost"), ContentType: "application/problem+json",
		},

		"x: 299": &client.APIError{Operation: "x", StatusCode: 299},
		"x: 300 Multiple Choices (redirects are not followed: check the base URL)": &client.APIError{Operation: "x", StatusCode: 300},
		"x: 399 (redirects are not followed: check the base URL)":                  &client.APIError{Operation: "x", StatusCode: 399},
		"x: 400 Bad Request":     &client.APIError{Operation: "x", StatusCode: 400},
		"x: 404 Not Found: gone": &client.APIError{Operation: "x", StatusCode: 404, Message: "gone"},
		"x: 405 Method Not Allowed (the response may not be from StackOne: check the base URL)": &client.APIError{Operation: "x", StatusCode: 405},
		"x: 429 Too Many Requests (retry after 1ns) (request id r-1)":                           &client.APIError{Operation: "x", StatusCode: 429, RetryAfter: time.Nanosecond, RequestID: "r-1"},
		opCreate + ": 599 (the session may exist)":                                              &client.APIError{Operation: opCreate, StatusCode: 599},
	} {
		assert.EqualError(t, err, "stackone: "+want)
		assert.Equal(t, fmt.Sprintf("%q", "stackone: "+want), fmt.Sprintf("%q", err))
	}
}

func TestKindsOfErrors(t *testing.T) {
	t.Parallel()
	err := &client.APIError{StatusCode: 404}
	assert.ErrorIs(t, err, client.ErrNotFound)
	assert.NotErrorIs(t, err, client.ErrConflict)
	assert.NotErrorIs(t, err, errors.New("another"))
	assert.NotErrorIs(t, &client.APIError{}, errors.New("another"))
	assert.EqualError(t, client.ErrNotFound, "stackone: Not Found")
}

// A call says what was refused, and what never left.
func TestErrorTextAfterRefusal(t *testing.T) {
	hint := answers(429, "{}", "Retry-After", "1")
	run(t, []scenario{
		{
			name: "refused, then no such host", steps: []step{hint, fails(noSuchHost)}, took: hinted(time.Second),
			want: all(refusedThenFails(2), byOperation(says("(no session was created)"), func(t *testing.T, r *result) {
				t.Helper()
				assert.NotContains(t, r.err.Error(), "session was")
			})),
		},
		{name: "no such host", steps: []step{fails(noSuchHost)}, want: says("(nothing was sent: check the network and the base URL)")},
		{name: "no way to know", steps: []step{fails(errors.New("lost"))}, want: says("lost (nothing was sent)")},
	})
}

// A value that cannot be encoded may say anything in its error.
func TestErrorTextOfValueThatCannotBeEncoded(t *testing.T) {
	t.Parallel()
	body := owner
	body.Metadata = map[string]any{"x": func() {}}
	_, err := through(t, scripted(hangs)).ConnectSessions.Create(t.Context(), body)
	var unsupported *json.UnsupportedTypeError
	assert.ErrorAs(t, err, &unsupported)
	for verb, want := range map[string]string{"%v": err.Error(), "%+v": err.Error(), "%#v": err.Error(), "%q": strconv.Quote(err.Error())} {
		assert.Equal(t, want, fmt.Sprintf(verb, err), verb)
	}
	assert.EqualError(t, err, "stackone: create_connect_session: cannot encode the request: json: unsupported type: func()")
}
