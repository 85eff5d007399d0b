package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// The texts of error literals, such as those in a caller's tests.
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
		"x: 201 Created with a body that cannot be used: lost (its Content-Type is text/html: check the base URL) (request ID r-1)": &client.ResponseError{
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
		"x: 429 Too Many Requests (retry after 1ns) (request ID r-1)":                           &client.APIError{Operation: "x", StatusCode: 429, RetryAfter: time.Nanosecond, RequestID: "r-1"},
		opCreate + ": 599 (the session may exist)":                                              &client.APIError{Operation: opCreate, StatusCode: 599},
	} {
		assert.EqualError(t, err, "stackone: "+want)
		assert.Equal(t, fmt.Sprintf("%q", "stackone: "+want), fmt.Sprintf("%q", err))
	}
}

// Error literals may leave fields zero, and a cause may have several lines.
func TestErrorTextOfZeroFields(t *testing.T) {
	t.Parallel()
	assert.EqualError(t, &client.TransportError{Operation: "o", Err: errors.New("a\nb")}, `stackone: o: a\nb (nothing was sent)`)
	assert.EqualError(t, &client.ResponseError{Operation: "o", StatusCode: 200, Err: errors.New("a\nb")},
		`stackone: o: 200 OK with a body that cannot be used: a\nb`)
	assert.EqualError(t, &client.TransportError{}, `stackone: :  (nothing was sent)`)
	assert.EqualError(t, &client.APIError{}, `stackone: : 0`)
	assert.Equal(t, `"stackone: : 0"`, fmt.Sprintf("%q", &client.APIError{}))
	assert.Equal(t, "stackone.Client(not made by New)", fmt.Sprint(client.Client{}))
}

// The text of an APIError includes a hint where the remedy is known.
func TestErrorHints(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		call   func(*client.Client, ...client.Option) error
		status int
		body   string
		want   string
	}{
		"wrong key":                        {create, 401, `{}`, "401 Unauthorized (check the API key)"},
		"wrong key or token":               {authenticate, 401, `{"message":"no"}`, "401 Unauthorized: no (check the API key and the token)"},
		"redirect":                         {create, 308, ``, "308 Permanent Redirect (redirects are not followed: check the base URL)"},
		"HTML 404":                         {create, 404, `<html>`, "404 Not Found (the response may not be from StackOne: check the base URL)"},
		"404 of another path":              {create, 404, `{"message":"Cannot POST /v1/connect_sessions"}`, "404 Not Found: Cannot POST /v1/connect_sessions (the response may not be from StackOne: check the base URL)"},
		"501 without a body":               {create, 501, ``, "501 Not Implemented (the response may not be from StackOne: check the base URL)"},
		"not implemented":                  {create, 501, `{"message":"not yet"}`, "501 Not Implemented: not yet"},
		"unknown token":                    {authenticate, 404, `{"message":"Session not found"}`, "404 Not Found: Session not found"},
		"message equal to the status text": {create, 409, `{"message":"conflict"}`, "409 Conflict"},
		"undocumented status":              {create, 418, `{}`, "418 I'm a teapot"},
		"status without a name":            {create, 499, `{}`, "499"},
		"server error":                     {create, 502, `{}`, "502 Bad Gateway (the session may exist)"},
		"server error of Authenticate":     {authenticate, 502, `{}`, "502 Bad Gateway"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := tt.call(responding(t, tt.status, nil, tt.body)).Error()
			assert.Equal(t, tt.want, text[strings.LastIndex(text, "session: ")+len("session: "):])
		})
	}
	for body, message := range map[string]string{
		`{"type":"about:blank","title":"x","detail":"the owner is gone","status":422}`: "the owner is gone",
		`{"error":"invalid_client"}`:                                                "invalid_client",
		`{"errors":["one","two"]}`:                                                  "one; two",
		`{"error":{"code":7,"message":"seven"}}`:                                    "seven",
		`{"message":"first","detail":"second","error":"third","errors":["fourth"]}`: "first",
		`{"message":"","detail":null,"error":"third"}`:                              "third",
		`{"errors":[{"field":"label"}]}`:                                            `[{"field":"label"}]`,
		`{"title":"a title alone"}`:                                                 "a title alone",
		`{"error":true}`:                                                            "",
		`{"errors":{}}`:                                                             "",
		`{"message":{"en":"an object"}}`:                                            `{"en":"an object"}`,
		`{"message":["one",2]}`:                                                     `["one",2]`,
		`<error>not JSON</error>`:                                                   "",
		`{"error":"line\nbreak"}`:                                                   `line\nbreak`,
	} {
		api := requireAPIError(t, create(responding(t, 422, nil, body)), opCreate, 422)
		assert.Equal(t, message, api.Message, body)
	}
	limited := create(responding(t, 429, http.Header{"Retry-After": {"120"}}, `{"message":"slow down"}`))
	assert.ErrorContains(t, limited, "429 Too Many Requests: slow down (retry after 2m0s)")
}

// The text of a TransportError distinguishes a refused call from one that never sent.
func TestErrorTextAfterRefusal(t *testing.T) {
	hint := responds(429, "{}", "Retry-After", "1")
	run(t, []scenario{
		{
			name: "refused, then no such host", steps: []step{hint, fails(errNoSuchHost)}, took: withJitter(time.Second),
			want: all(refusedThenFails(2), byOperation(says("(no session was created)"), func(t *testing.T, r *result) {
				t.Helper()
				assert.NotContains(t, r.err.Error(), "session was")
			})),
		},
		{name: "no such host", steps: []step{fails(errNoSuchHost)}, want: says("(nothing was sent: check the network and the base URL)")},
		{name: "unknown error without sending", steps: []step{fails(errors.New("lost"))}, want: says("lost (nothing was sent)")},
	})
}

// The error of a request that cannot be encoded prints as one line with every verb.
func TestErrorTextOfEncodingFailure(t *testing.T) {
	t.Parallel()
	body := owner
	body.Metadata = map[string]any{"x": func() {}}
	_, err := through(t, fake(hangs)).ConnectSessions.Create(t.Context(), body)
	var unsupported *json.UnsupportedTypeError
	assert.ErrorAs(t, err, &unsupported)
	for verb, want := range map[string]string{"%v": err.Error(), "%+v": err.Error(), "%#v": err.Error(), "%q": strconv.Quote(err.Error())} {
		assert.Equal(t, want, fmt.Sprintf(verb, err), verb)
	}
	assert.EqualError(t, err, "stackone: create_connect_session: cannot encode the request: json: unsupported type: func()")
}

func TestLongRequestIDIsTruncated(t *testing.T) {
	t.Parallel()
	for _, status := range []int{201, 400} {
		err := create(responding(t, status, http.Header{"X-Request-Id": {strings.Repeat("x", 60<<10)}}, "{"))
		var api *client.APIError
		var response *client.ResponseError
		switch {
		case errors.As(err, &api):
			assert.Less(t, len(api.RequestID), 200)
		case errors.As(err, &response):
			assert.Less(t, len(response.RequestID), 200)
			assert.Equal(t, 1, response.Attempts)
			assert.Len(t, response.Header.Get("X-Request-Id"), 60<<10)
		}
		assert.Less(t, len(err.Error()), 500)
	}
}
