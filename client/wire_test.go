package client_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
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

// Documented answers: every field of the success of create and of authenticate.
const sessionFields = `
		"id": 9223372036854775807,
		"organization_id": "org-1",
		"project_id": "project-1",
		"categories": ["hris", "hris-legacy"],
		"provider": "bamboohr",
		"origin_owner_id": "customer-1",
		"origin_owner_name": "Customer One",
		"origin_username": "jo",
		"account_id": "account-1",
		"label": "label-1",
		"created_at": "2026-01-02T03:04:05.678Z",
		"metadata": {"plan": "pro", "nested": {"deep": [1, "two", null]}},
		"external_trigger_token": "trigger-1",
		"type": "test",
		"integration_id": "integration-1",
		"connector_profile_id": "profile-1",
		"latest_connection_attempt": {
			"id": "attempt-1",
			"status": "authenticated",
			"account_secure_id": "secure-1",
			"oauth_error_code": "access_denied",
			"oauth_error_description": "declined at first",
			"created_at": "2026-01-02T03:05:00Z",
			"updated_at": "2026-01-02T03:06:00Z"
		}`

var (
	session = documented("ConnectSession", `{`+sessionFields+`}`)
	link    = documented("ConnectSessionTokenAuthLink", `{"token": "token-1", "auth_link_url": "https://hub.example/link-1",`+sessionFields+`}`)

	requiredLink = documented("ConnectSessionTokenAuthLink", `{
		"id": 1, "organization_id": "org-1", "project_id": "project-1",
		"origin_owner_id": "customer-1", "origin_owner_name": "Customer One",
		"created_at": "2026-01-02T03:04:05.678Z",
		"token": "token-1", "auth_link_url": "https://hub.example/link-1"}`)
)

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

var owner = gen.ConnectSessionCreate{OriginOwnerID: "customer-1", OriginOwnerName: "Customer One"}

func create(c *client.Client, opts ...client.Option) error {
	_, err := c.ConnectSessions.Create(context.Background(), owner, opts...)
	return err
}

func authenticate(c *client.Client, opts ...client.Option) error {
	_, err := c.ConnectSessions.Authenticate(context.Background(), gen.ConnectSessionAuthenticate{Token: "token-1"}, opts...)
	return err
}

// operations are the calls that every rule must hold for.
var operations = map[string]func(*client.Client, ...client.Option) error{
	"create_connect_session":       create,
	"authenticate_connect_session": authenticate,
}

func TestRequest(t *testing.T) {
	t.Parallel()
	all := gen.ConnectSessionCreate{
		OriginOwnerID: "customer-1", OriginOwnerName: "Customer <One> & Ünïcode",
		AccountID:          "account-1",
		Categories:         []gen.Category{gen.CategoryHRIS, gen.CategoryStackOne},
		ConnectorProfileID: "profile-1",
		ExpiresIn:          432000,
		IntegrationID:      "integration-1", //nolint:staticcheck // deprecated, and still part of the API
		Label:              "label-1",
		Metadata:           map[string]any{"plan": "pro", "nested": map[string]any{"deep": []any{1.0, "two", nil}}},
		Multiple:           true,
		OriginUsername:     "jo",
		Provider:           "bamboohr",
		ProviderVersion:    "2", //nolint:staticcheck // deprecated, and still part of the API
		Type:               gen.AccountTypeTest,
	}
	tests := map[string]struct {
		call   func(*client.Client) error
		path   string
		answer string
		body   string
	}{
		"create with the required fields": {
			func(c *client.Client) error { return create(c) }, "/connect_sessions", link,
			`{"origin_owner_id":"customer-1","origin_owner_name":"Customer One"}`,
		},
		"create with every field": {
			func(c *client.Client) error { _, err := c.ConnectSessions.Create(t.Context(), all); return err },
			"/connect_sessions", link,
			`{"origin_owner_id":"customer-1","origin_owner_name":"Customer <One> & Ünïcode","account_id":"account-1",
			  "categories":["hris","stackone"],"connector_profile_id":"profile-1","expires_in":432000,
			  "integration_id":"integration-1","label":"label-1",
			  "metadata":{"plan":"pro","nested":{"deep":[1,"two",null]}},"multiple":true,"origin_username":"jo",
			  "provider":"bamboohr","provider_version":"2","type":"test"}`,
		},
		"authenticate": {
			func(c *client.Client) error { return authenticate(c) }, "/connect_sessions/authenticate", session,
			`{"token":"token-1"}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests []string
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				requests = append(requests, r.Method+" "+r.URL.String())
				assert.JSONEq(t, tt.body, string(body))
				assert.Equal(t, int64(len(body)), r.ContentLength)

				agent := r.Header.Get("User-Agent")
				assert.Regexp(t, `^stackone-client-go/\S+ \(go1\.\d+.*\)$`, agent)
				assert.Equal(t, http.Header{
					"Accept":          {"application/json"},
					"Accept-Encoding": {"gzip"}, // net/http's own, which it undoes
					"Authorization":   {"Basic " + base64.StdEncoding.EncodeToString([]byte(testKey+":"))},
					"Content-Length":  r.Header["Content-Length"],
					"Content-Type":    {"application/json"},
					"User-Agent":      {agent},
				}, withContentLength(r.Header))
				answer(201, tt.answer)(w, r)
			})
			require.NoError(t, tt.call(c))
			assert.Equal(t, []string{"POST " + tt.path}, requests)
		})
	}
}

// withContentLength makes the one header that varies comparable.
func withContentLength(h http.Header) http.Header {
	h = h.Clone()
	if _, ok := h["Content-Length"]; !ok {
		h["Content-Length"] = nil
	}
	return h
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	attempt := gen.ConnectSessionLatestAttempt{
		ID: "attempt-1", Status: gen.AttemptStatusAuthenticated, AccountSecureID: "secure-1",
		OAuthErrorCode: "access_denied", OAuthErrorDescription: "declined at first",
		CreatedAt: time.Date(2026, 1, 2, 3, 5, 0, 0, time.UTC), UpdatedAt: time.Date(2026, 1, 2, 3, 6, 0, 0, time.UTC),
	}
	full := gen.ConnectSession{
		ID: 1<<63 - 1, OrganizationID: "org-1", ProjectID: "project-1",
		Categories: []gen.Category{gen.CategoryHRIS, gen.CategoryHRISLegacy}, Provider: "bamboohr",
		OriginOwnerID: "customer-1", OriginOwnerName: "Customer One", OriginUsername: "jo",
		AccountID: "account-1", Label: "label-1", CreatedAt: created,
		Metadata:             map[string]any{"plan": "pro", "nested": map[string]any{"deep": []any{1.0, "two", nil}}},
		ExternalTriggerToken: "trigger-1", Type: gen.AccountTypeTest,
		IntegrationID:      "integration-1", //nolint:staticcheck // deprecated, and still part of the API
		ConnectorProfileID: "profile-1", LatestConnectionAttempt: &attempt,
	}

	t.Run("create with every field", func(t *testing.T) {
		t.Parallel()
		got, err := serve(t, answer(201, link)).ConnectSessions.Create(t.Context(), owner)
		require.NoError(t, err)
		assertJSONEqual(t, link, got)
		assert.Equal(t, "token-1", got.Token)
		assert.Equal(t, "https://hub.example/link-1", got.AuthLinkURL)
		assert.Equal(t, full.ID, got.ID)
		assert.Equal(t, full.Categories, got.Categories)
		assert.Equal(t, full.Metadata, got.Metadata)
		assert.Equal(t, &attempt, got.LatestConnectionAttempt)
	})
	t.Run("create with the required fields", func(t *testing.T) {
		t.Parallel()
		got, err := serve(t, answer(201, requiredLink)).ConnectSessions.Create(t.Context(), owner)
		require.NoError(t, err)
		assertJSONEqual(t, requiredLink, got)
		assert.Nil(t, got.LatestConnectionAttempt)
	})
	t.Run("authenticate with every field", func(t *testing.T) {
		t.Parallel()
		got, err := serve(t, answer(201, session)).ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: "token-1"})
		require.NoError(t, err)
		assert.Equal(t, full, *got)
		assertJSONEqual(t, session, got)
	})
	t.Run("through the generated client", func(t *testing.T) {
		t.Parallel()
		got, err := serve(t, answer(201, link)).Generated().CreateConnectSessionWithResponse(t.Context(), owner)
		require.NoError(t, err)
		assert.Equal(t, "token-1", got.JSON201.Token)
		assert.JSONEq(t, link, string(got.Body))
	})
}

// assertJSONEqual says that encoding a decoded answer loses nothing of it.
func assertJSONEqual(t *testing.T, want string, got any) {
	t.Helper()
	encoded, err := json.Marshal(got)
	require.NoError(t, err)
	assert.JSONEq(t, want, string(encoded))
}

func TestErrorStatus(t *testing.T) {
	t.Parallel()
	kinds := map[int]error{
		400: client.ErrBadRequest, 401: client.ErrUnauthorized, 403: client.ErrForbidden, 404: client.ErrNotFound,
		408: client.ErrRequestTimedOut, 409: client.ErrConflict, 422: client.ErrUnprocessableEntity,
		429: client.ErrTooManyRequests, 500: client.ErrInternalServer, 501: client.ErrNotImplemented,
		502: client.ErrBadGateway,
		418: nil, 503: nil, 504: nil, // not documented
	}
	const html = `<html><body><h1>Bad things</h1></body></html>`
	for name, call := range operations {
		for status, kind := range kinds {
			t.Run(fmt.Sprintf("%s %d documented body", name, status), func(t *testing.T) {
				t.Parallel()
				on := serve
				if kind == nil {
					on = serveUndescribed
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
				c := serveUndescribed(t, func(w http.ResponseWriter, _ *http.Request) {
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
		c := serveUndescribed(t, answer(401, `{}`))
		_, err := c.Generated().AuthenticateConnectSessionWithResponse(t.Context(), gen.ConnectSessionAuthenticate{Token: "t"})
		requireAPIError(t, err, "authenticate_connect_session", 401)
	})
}

// TestErrorHints says that a text tells what to do next where that is known.
func TestErrorHints(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		call   func(*client.Client, ...client.Option) error
		status int
		body   string
		want   string
	}{
		"wrong key":             {create, 401, `{}`, "401 Unauthorized (check the API key)"},
		"wrong key or token":    {authenticate, 401, `{"message":"no"}`, "401 Unauthorized: no (check the API key and the token)"},
		"redirect":              {create, 308, ``, "308 Permanent Redirect (redirects are not followed: check the base URL)"},
		"wrong address":         {create, 404, `<html>`, "404 Not Found (the response may not be from StackOne: check the base URL)"},
		"wrong path":            {create, 404, `{"message":"Cannot POST /v1/connect_sessions"}`, "404 Not Found: Cannot POST /v1/connect_sessions (the response may not be from StackOne: check the base URL)"},
		"another server":        {create, 501, ``, "501 Not Implemented (the response may not be from StackOne: check the base URL)"},
		"not implemented":       {create, 501, `{"message":"not yet"}`, "501 Not Implemented: not yet"},
		"unknown token":         {authenticate, 404, `{"message":"Session not found"}`, "404 Not Found: Session not found"},
		"known status text":     {create, 409, `{"message":"conflict"}`, "409 Conflict"},
		"unknown status":        {create, 418, `{}`, "418 I'm a teapot"},
		"status without a name": {create, 499, `{}`, "499"},
		"server error":          {create, 502, `{}`, "502 Bad Gateway (the session may exist)"},
		"server error, read":    {authenticate, 502, `{}`, "502 Bad Gateway"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := tt.call(answering(t, tt.status, nil, tt.body)).Error()
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
		api := requireAPIError(t, create(answering(t, 422, nil, body)), opCreate, 422)
		assert.Equal(t, message, api.Message, body)
	}
	later := create(answering(t, 429, http.Header{"Retry-After": {"120"}}, `{"message":"slow down"}`))
	assert.ErrorContains(t, later, "429 Too Many Requests: slow down (retry after 2m0s)")
}

func requireAPIError(t *testing.T, err error, operation string, status int) *client.APIError {
	t.Helper()
	var api *client.APIError
	require.ErrorAs(t, err, &api)
	assert.Equal(t, operation, api.Operation)
	assert.Equal(t, status, api.StatusCode)
	return api
}
