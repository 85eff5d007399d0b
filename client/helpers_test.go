package client_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

const testKey = "v1.eu1.test-key-as-long-as-a-real-one-0123456"

const (
	opCreate       = "create_connect_session"
	opAuthenticate = "authenticate_connect_session"
)

var owner = gen.ConnectSessionCreate{OriginOwnerID: "customer-1", OriginOwnerName: "Customer One"}

// sessionFields are all documented members that Create and Authenticate both return.
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
	session = withRequiredMembers("ConnectSession", `{`+sessionFields+`}`)
	link    = withRequiredMembers("ConnectSessionTokenAuthLink", `{"token": "token-1", "auth_link_url": "https://hub.example/link-1",`+sessionFields+`}`)

	requiredLink = withRequiredMembers("ConnectSessionTokenAuthLink", `{
		"id": 1, "organization_id": "org-1", "project_id": "project-1",
		"origin_owner_id": "customer-1", "origin_owner_name": "Customer One",
		"created_at": "2026-01-02T03:04:05.678Z",
		"token": "token-1", "auth_link_url": "https://hub.example/link-1"}`)
)

func create(c *client.Client, opts ...client.Option) error {
	_, err := c.ConnectSessions.Create(context.Background(), owner, opts...)
	return err
}

func authenticate(c *client.Client, opts ...client.Option) error {
	_, err := c.ConnectSessions.Authenticate(context.Background(), gen.ConnectSessionAuthenticate{Token: "token-1"}, opts...)
	return err
}

// operations holds both calls, by operation.
var operations = map[string]func(*client.Client, ...client.Option) error{
	opCreate:       create,
	opAuthenticate: authenticate,
}

// quick is the default policy without the backoff.
var quick = client.RetryPolicy{MinBackoff: time.Nanosecond, MaxBackoff: time.Nanosecond}

var noRetries = client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1})

// newClient returns a client with testKey.
func newClient(tb testing.TB, opts ...client.Option) *client.Client {
	tb.Helper()
	c, err := client.New(append([]client.Option{client.WithAPIKey(testKey)}, opts...)...)
	require.NoError(tb, err)
	return c
}

// through returns a client that sends through rt.
func through(tb testing.TB, rt http.RoundTripper, opts ...client.Option) *client.Client {
	tb.Helper()
	return newClient(tb, append([]client.Option{client.WithHTTPClient(&http.Client{Transport: rt})}, opts...)...)
}

// at returns a client for a server, without backoff.
func at(tb testing.TB, baseURL string, opts ...client.Option) *client.Client {
	tb.Helper()
	return newClient(tb, append([]client.Option{client.WithBaseURL(baseURL), client.WithRetryPolicy(quick)}, opts...)...)
}

// responding returns a client that makes one attempt and gets this response.
func responding(tb testing.TB, status int, header http.Header, body string, opts ...client.Option) *client.Client {
	tb.Helper()
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})
	return through(tb, transport, append([]client.Option{noRetries}, opts...)...)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// sendWithoutBody makes a call of an operation that has no body and no method.
func sendWithoutBody(ctx context.Context, c *client.Client, method string) error {
	_, err := c.Generated().CreateConnectSessionWithBodyWithResponse(ctx, "", nil,
		func(_ context.Context, r *http.Request) error { r.Method = method; return nil })
	return err
}

func requireMaybeSent(t *testing.T, err error) {
	t.Helper()
	var sent *client.TransportError
	require.ErrorAs(t, err, &sent)
	assert.True(t, sent.MaybeSent, "%v", err)
}

func requireAPIError(t *testing.T, err error, operation string, status int) *client.APIError {
	t.Helper()
	var api *client.APIError
	require.ErrorAs(t, err, &api)
	assert.Equal(t, operation, api.Operation)
	assert.Equal(t, status, api.StatusCode)
	return api
}

// requireSafeText requires one short line without secrets.
func requireSafeText(t *testing.T, text string) {
	t.Helper()
	assert.Less(t, len(text), 1200, "length of the text")
	assert.False(t, strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }), "%q is not printable", text)
	for _, secret := range []string{
		testKey, base64.StdEncoding.EncodeToString([]byte(testKey + ":")), "token-1", "hub.example/link-1", "trigger-1", "hunter2",
	} {
		assert.NotContains(t, text, secret)
	}
}
