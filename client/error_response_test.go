package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func TestErrorStatus(t *testing.T) {
	t.Parallel()
	kinds := map[int]error{
		400: client.ErrBadRequest, 401: client.ErrUnauthorized, 403: client.ErrForbidden, 404: client.ErrNotFound,
		408: client.ErrRequestTimedOut, 409: client.ErrConflict, 422: client.ErrUnprocessableEntity,
		429: client.ErrTooManyRequests, 500: client.ErrInternalServer, 501: client.ErrNotImplemented,
		502: client.ErrBadGateway,
		418: nil, 503: nil, 504: nil, // undocumented
	}
	const html = `<html><body><h1>Bad things</h1></body></html>`
	for name, call := range operations {
		for status, kind := range kinds {
			t.Run(fmt.Sprintf("%s %d documented body", name, status), func(t *testing.T) {
				t.Parallel()
				on := serve
				if kind == nil {
					on = serveUnvalidated
				}
				body := fmt.Sprintf(`{"statusCode":%d,"message":"what went wrong","timestamp":"2023-05-30T00:00:00.000Z"}`, status)
				c := on(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("X-Request-Id", "request-1")
					w.Header().Set("Retry-After", "7")
					answer(status, body)(w, r)
				})
				api := requireAPIError(t, call(c), name, status)
				assert.Equal(t, "what went wrong", api.Message)
				assert.Equal(t, time.Date(2023, 5, 30, 0, 0, 0, 0, time.UTC), api.Timestamp)
				assert.Equal(t, "request-1", api.RequestID)
				assert.Equal(t, 7*time.Second, api.RetryAfter)
				assert.Equal(t, 1, api.Attempts)
				assert.Equal(t, "request-1", api.Header.Get("X-Request-Id"))
				assert.Equal(t, body, string(api.Body))
				assert.Contains(t, api.Error(), name)
				assert.Contains(t, api.Error(), "what went wrong")
				assert.Contains(t, api.Error(), "request-1")
				for _, other := range kinds {
					if other != nil {
						assert.Equal(t, other == kind, errors.Is(api, other))
					}
				}
			})
			t.Run(fmt.Sprintf("%s %d HTML", name, status), func(t *testing.T) {
				t.Parallel()
				c := serveUnvalidated(t, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "text/html")
					w.WriteHeader(status)
					_, _ = io.WriteString(w, html)
				})
				api := requireAPIError(t, call(c), name, status)
				assert.Empty(t, api.Message)
				assert.Zero(t, api.Timestamp)
				assert.Equal(t, html, string(api.Body))
				assert.NotContains(t, api.Error(), "<")
			})
		}
	}
	t.Run("400 with details", func(t *testing.T) {
		t.Parallel()
		c := serve(t, answer(400, `{"statusCode":400,"message":"no","timestamp":"2023-05-30T00:00:00.000Z",
			"data":{"statusCode":422,"message":"inner","headers":{"x":"y"}},
			"provider_errors":[{"status":404,"url":"https://provider.example","raw":{"a":1},"headers":{"h":"v"}}]}`))
		api := requireAPIError(t, create(c), "create_connect_session", 400)
		assert.Equal(t, &gen.UnifiedError{StatusCode: 422, Message: "inner", Headers: map[string]any{"x": "y"}}, api.Data)
		assert.Equal(t, []gen.ProviderError{{
			Status: 404, URL: "https://provider.example",
			Raw: map[string]any{"a": 1.0}, Headers: map[string]any{"h": "v"},
		}}, api.ProviderErrors)
	})
	t.Run("through the generated client", func(t *testing.T) {
		t.Parallel()
		c := serveUnvalidated(t, answer(401, `{}`))
		_, err := c.Generated().AuthenticateConnectSessionWithResponse(t.Context(), gen.ConnectSessionAuthenticate{Token: "t"})
		requireAPIError(t, err, "authenticate_connect_session", 401)
	})
}

func TestErrorBody(t *testing.T) {
	rows := []scenario{
		{name: "empty", steps: []step{responds(400, "")}, want: failsWithStatus(400, 1)},
		{name: "truncated", steps: []step{respondsWith(400, `{"mess`, truncated)}, want: all(failsWithStatus(400, 1), keepsBody(`{"mess`))},
		{name: "truncated body of a 429", steps: []step{respondsWith(429, "", truncated)}, want: failsWithStatus(429, 3)},
		{name: "not JSON", steps: []step{responds(400, "no!")}, want: all(failsWithStatus(400, 1), keepsBody("no!"))},
		{name: "null", steps: []step{responds(400, "null")}, want: failsWithStatus(400, 1)},
		{name: "array", steps: []step{responds(400, "[]")}, want: failsWithStatus(400, 1)},
		{name: "not UTF-8", steps: []step{responds(400, "{\"message\":\"\xff\"}")}, want: failsWithStatus(400, 1)},
		{name: "nested too deeply", steps: []step{responds(400, strings.Repeat("[", 20000))}, want: failsWithStatus(400, 1)},
	}
	for status := 502; status <= 504; status++ {
		for _, label := range []string{"text/html", "application/json"} {
			rows = append(rows, scenario{
				name:  fmt.Sprintf("%d with HTML labelled %s", status, label),
				steps: []step{responds(status, gatewayPage, "Content-Type", label)}, want: all(ambiguousStatus(status), keepsBody(gatewayPage)),
			})
		}
	}
	for name, members := range map[string]string{
		"invalid timestamp":                   `"timestamp":"yesterday"`,
		"empty timestamp":                     `"timestamp":""`,
		"number as timestamp":                 `"timestamp":1685404800`,
		"string as statusCode":                `"statusCode":"400"`,
		"statusCode of another status":        `"statusCode":201`,
		"object as statusCode":                `"statusCode":{}`,
		"array as data":                       `"data":[1,2]`,
		"string as data":                      `"data":"no"`,
		"string as provider_errors":           `"provider_errors":"no"`,
		"object as provider_errors":           `"provider_errors":{"status":1}`,
		"invalid elements in provider_errors": `"provider_errors":[null,"no",1,[],{"status":"no"}]`,
		"array as data.headers":               `"data":{"headers":[1]}`,
		"every member null":                   `"statusCode":null,"timestamp":null,"data":null,"provider_errors":null`,
		"message given twice":                 `"message":"first"`,
	} {
		text := fmt.Sprintf(`{%s,"message":"what went wrong"}`, members)
		rows = append(rows, scenario{
			name: name, steps: []step{responds(400, text)}, want: all(failsWithStatus(400, 1), says("what went wrong"), keepsBody(text)),
		})
	}
	for message, text := range map[string]string{
		`["one","two"]`: "one; two", `{"why":"no"}`: `{"why":"no"}`, `17`: "17", `""`: "400 Bad Request", `null`: "400 Bad Request",
		`"two\nlines\u0000\u001b[31m"`: `two\nlines\x00\x1b[31m`, `"` + strings.Repeat("long ", 1000) + `"`: "long long",
		`"the key ` + testKey + ` is not known"`: "the key [redacted] is not known",
	} {
		rows = append(rows, scenario{
			name: "message " + message[:min(len(message), 20)], steps: []step{responds(400, `{"message":`+message+`}`)}, want: all(failsWithStatus(400, 1), says(text)),
		})
	}
	run(t, rows)
}

// keepsBody expects an APIError and a Response with this body.
func keepsBody(body string) expectation {
	return func(t *testing.T, r *result) {
		t.Helper()
		var api *client.APIError
		require.ErrorAs(t, r.err, &api)
		assert.Equal(t, body, string(api.Body))
		assert.Equal(t, body, string(r.response.Body))
	}
}

func TestErrorBodyKeepsUsableMembers(t *testing.T) {
	t.Parallel()
	c := through(t, fake(responds(400, `{"statusCode":"x","message":"m","timestamp":0,
		"data":{"statusCode":"x","message":"inner","headers":{"h":1}},
		"provider_errors":[{"status":"x","url":"https://p"},null,{"status":404}]}`)))
	api := requireAPIError(t, call(t.Context(), t, opCreate, c).err, opCreate, 400)
	assert.Equal(t, &gen.UnifiedError{Message: "inner", Headers: map[string]any{"h": 1.0}}, api.Data)
	assert.Equal(t, []gen.ProviderError{{URL: "https://p"}, {Status: 404}}, api.ProviderErrors)
	assert.Zero(t, api.Timestamp)
}

func TestErrorKinds(t *testing.T) {
	t.Parallel()
	err := &client.APIError{StatusCode: 404}
	assert.ErrorIs(t, err, client.ErrNotFound)
	assert.NotErrorIs(t, err, client.ErrConflict)
	assert.NotErrorIs(t, err, errors.New("another"))
	assert.NotErrorIs(t, &client.APIError{}, errors.New("another"))
	assert.EqualError(t, client.ErrNotFound, "stackone: Not Found")
}
