package stackonetest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/internal/description"
)

// serviceTime is the format of times in the API description's examples.
var serviceTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

// missing returns the documented members that a response lacks although they are
// required or may be null.
func missing(t *testing.T, schema string, body map[string]any) (names []string) {
	t.Helper()
	doc, err := description.GetSpec()
	require.NoError(t, err)
	documented := doc.Components.Schemas[schema].Value
	require.NotEmpty(t, documented.Properties)
	for name, ref := range documented.Properties {
		if _, ok := body[name]; !ok && (ref.Value.Nullable || slices.Contains(documented.Required, name)) {
			names = append(names, name)
		}
	}
	return names
}

func TestEveryDocumentedMember(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)

	created := post(t, srv, createPath, acmeJSON)
	created.conforms(t)
	assert.Equal(t, http.StatusCreated, created.StatusCode)
	assert.Equal(t, "application/json; charset=utf-8", created.Header.Get("Content-Type"))
	link := created.object(t)
	assert.Empty(t, missing(t, "ConnectSessionTokenAuthLink", link))
	assert.Regexp(t, serviceTime, link["created_at"])
	assert.Equal(t, "production", link["type"])
	assert.Nil(t, link["provider"])

	seen := post(t, srv, authenticatePath, fmt.Sprintf(`{"token":%q}`, link["token"]))
	seen.conforms(t)
	assert.Equal(t, http.StatusCreated, seen.StatusCode)
	session := seen.object(t)
	delete(link, "token")
	delete(link, "auth_link_url")
	assert.Equal(t, link, session)

	require.NoError(t, srv.Sessions()[0].Fail("access_denied", "no"))
	seen = post(t, srv, authenticatePath, fmt.Sprintf(`{"token":%q}`, srv.Sessions()[0].Details().Token))
	seen.conforms(t)
	attempt := seen.object(t)["latest_connection_attempt"].(map[string]any)
	assert.Empty(t, missing(t, "ConnectSessionLatestAttempt", attempt))
	assert.Regexp(t, serviceTime, attempt["created_at"])
	assert.Regexp(t, serviceTime, attempt["updated_at"])
}

// The requests of the published SDKs, and values that StackOne's open enums allow.
func TestAcceptedRequests(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, body string
		header     http.Header
		member     string // of the response
		want       string // JSON of the member
		strict     bool   // the response conforms to the description
	}{
		{name: "TypeScript defaults", strict: true,
			body:   `{"origin_owner_id":"acme","origin_owner_name":"Acme","expires_in":1800,"multiple":false,"type":"production"}`,
			member: "type", want: `"production"`},
		{name: "null for every optional member", strict: true,
			body: `{"categories":null,"provider":null,"provider_version":null,"origin_owner_id":"acme","origin_owner_name":"Acme",` +
				`"origin_username":null,"account_id":null,"expires_in":null,"metadata":null,"multiple":null,"label":null,"type":null,` +
				`"integration_id":null,"connector_profile_id":null}`,
			header: http.Header{"Cookie": nil},
			member: "type", want: `"production"`},
		{name: "content type with a charset", strict: true, body: acmeJSON,
			header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
			member: "origin_owner_id", want: `"acme"`},
		{name: "unknown category", body: `{"origin_owner_id":"a","origin_owner_name":"A","categories":["hris","brand-new"]}`,
			member: "categories", want: `["hris","brand-new"]`},
		{name: "null in categories", body: `{"origin_owner_id":"a","origin_owner_name":"A","categories":["hris",null]}`,
			member: "categories", want: `["hris",null]`},
		{name: "unknown type", body: `{"origin_owner_id":"a","origin_owner_name":"A","type":"sandbox"}`,
			member: "type", want: `"sandbox"`},
		{name: "unknown member", strict: true, body: `{"origin_owner_id":"a","origin_owner_name":"A","brand_new":{"a":[1]}}`,
			member: "origin_owner_id", want: `"a"`},
		{name: "members in different case", strict: true, body: `{"origin_owner_id":"a","ORIGIN_OWNER_ID":"b","origin_owner_name":"A"}`,
			member: "origin_owner_id", want: `"a"`},
		{name: "metadata with long numbers", strict: true,
			body:   `{"origin_owner_id":"a","origin_owner_name":"A","metadata":{"n":123456789012345678901234567890,"deep":[{"x":null}]}}`,
			member: "metadata", want: `{"deep":[{"x":null}],"n":123456789012345678901234567890}`},
		{name: "whole seconds in another notation", strict: true, body: `{"origin_owner_id":"a","origin_owner_name":"A","expires_in":1.8e3}`,
			member: "origin_owner_id", want: `"a"`},
		{name: "special characters", strict: true, body: `{"origin_owner_id":"ä \u0000 <b>","origin_owner_name":"日本"}`,
			member: "origin_owner_id", want: `"ä \u0000 <b>"`},
		{name: "without Accept and User-Agent", strict: true, body: acmeJSON, header: http.Header{"Accept": nil, "User-Agent": {""}},
			member: "origin_owner_name", want: `"Acme"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			srv := stackonetest.NewTestServer(t)
			got := call(t, srv, http.MethodPost, createPath, row.body, row.header)
			require.Equal(t, http.StatusCreated, got.StatusCode, "%s", got.body)
			if row.strict {
				got.conforms(t)
			}
			var object map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(got.body, &object))
			var text any
			require.NoError(t, json.Unmarshal([]byte(row.want), &text))
			assert.JSONEq(t, row.want, string(object[row.member]))
			if row.member == "metadata" {
				assert.Equal(t, row.want, string(object[row.member]), "JSONEq compares floats")
			}
		})
	}
}

func TestRejectedRequests(t *testing.T) {
	t.Parallel()
	auth := func(value ...string) http.Header { return http.Header{"Authorization": value} }
	for _, row := range []struct {
		name, method, path, body string
		header                   func(key string) http.Header
		status                   int
		message                  string
	}{
		{name: "no key", header: func(string) http.Header { return auth() }, status: 401, message: "Unauthorized"},
		{name: "wrong key", header: func(string) http.Header { return auth(basic("v1.test.WRONG:")) }, status: 401, message: "Unauthorized"},
		{name: "key without a colon", header: func(key string) http.Header { return auth(basic(key)) }, status: 401,
			message: "Unauthorized: the Authorization header has no colon after the API key"},
		{name: "key as password", header: func(key string) http.Header { return auth(basic(":" + key)) }, status: 401, message: "Unauthorized"},
		{name: "key with a password", header: func(key string) http.Header { return auth(basic(key + ":x")) }, status: 401, message: "Unauthorized"},
		{name: "key not encoded", header: func(key string) http.Header { return auth("Basic " + key + ":") }, status: 401, message: "Unauthorized"},
		{name: "bearer", header: func(key string) http.Header { return auth("Bearer " + key) }, status: 401, message: "Unauthorized"},
		{name: "no key and an invalid body", body: `{`, header: func(string) http.Header { return auth() }, status: 401, message: "Unauthorized"},

		{name: "truncated JSON", body: `{"origin_owner_id":"acme",`, status: 400, message: "request body has an error: failed to decode request body: unexpected EOF"},
		{name: "text after the JSON", body: acmeJSON + ` {"secret":1}`, status: 400, message: "the body is not JSON"},
		{name: "empty body", body: " ", status: 400},
		{name: "null", body: "null", status: 400},
		{name: "array", body: "[]", status: 400},
		{name: "string", body: `"acme"`, status: 400},
		{name: "missing member", body: `{"origin_owner_name":"Acme"}`, status: 400, message: `body.origin_owner_id: property "origin_owner_id" is missing`},
		{name: "null for a required member", path: authenticatePath, body: `{"token":null}`, status: 400},
		{name: "number for a string", body: `{"origin_owner_id":7,"origin_owner_name":"Acme"}`, status: 400, message: "body.origin_owner_id: value must be a string"},
		{name: "string for a number", body: `{"origin_owner_id":"a","origin_owner_name":"A","expires_in":"1800"}`, status: 400},
		{name: "several errors", body: `{"origin_owner_id":7,"origin_owner_name":7,"expires_in":"1800"}`, status: 400,
			message: `body.expires_in: value must be an integer; body.origin_owner_id: value must be a string; body.origin_owner_name: value must be a string`},
		{name: "fraction of a second", body: `{"origin_owner_id":"a","origin_owner_name":"A","expires_in":1.5}`, status: 400, message: "body.expires_in: value must be an integer"},
		{name: "string for a boolean", body: `{"origin_owner_id":"a","origin_owner_name":"A","multiple":"no"}`, status: 400},
		{name: "string for categories", body: `{"origin_owner_id":"a","origin_owner_name":"A","categories":"hris"}`, status: 400},
		{name: "number in categories", body: `{"origin_owner_id":"a","origin_owner_name":"A","categories":["hris",1]}`, status: 400, message: "body.categories.1: value must be a string"},
		{name: "array for metadata", body: `{"origin_owner_id":"a","origin_owner_name":"A","metadata":[]}`, status: 400},
		{name: "form", body: "origin_owner_id=acme", header: func(string) http.Header {
			return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
		}, status: 400},
		{name: "no content type", header: func(string) http.Header { return http.Header{"Content-Type": nil} }, status: 400},
		{name: "more than 1 MiB", body: `{"origin_owner_id":"` + strings.Repeat("a", 1<<20) + `","origin_owner_name":"A"}`, status: 400, message: "http: request body too large"},

		{name: "authenticate without a token", path: authenticatePath, body: `{}`, status: 400, message: `body.token: property "token" is missing`},
		{name: "authenticate with a number", path: authenticatePath, body: `{"token":7}`, status: 400},
		{name: "authenticate without a key", path: authenticatePath, body: `{"token":"x"}`, header: func(string) http.Header { return auth() }, status: 401},
		{name: "unknown token", path: authenticatePath, body: `{"token":"unknown"}`, status: 404, message: "Connect session not found"},
		{name: "empty token", path: authenticatePath, body: `{"token":""}`, status: 404},

		{name: "unknown path", path: "/connect_session", status: 404, message: "Cannot POST /connect_session"},
		{name: "unknown subpath", path: "/connect_sessions/1", status: 404},
		{name: "path with two slashes", path: "//connect_sessions", status: 404},
		{name: "root", path: "/", status: 404},
		{name: "unknown method", method: "PURGE", status: 404, message: "Cannot PURGE /connect_sessions"},
		{name: "method in lower case", method: "post", status: 404},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			srv := stackonetest.NewTestServer(t)
			method, path, body := row.method, row.path, row.body
			if method == "" {
				method = http.MethodPost
			}
			if path == "" {
				path = createPath
			}
			if body == "" {
				body = acmeJSON
			}
			var header http.Header
			if row.header != nil {
				header = row.header(srv.APIKey)
			}
			got := call(t, srv, method, path, body, header)
			require.Equal(t, row.status, got.StatusCode, "%s", got.body)
			if _, _, err := strict().FindRoute(got.Request); err == nil {
				got.conforms(t)
			}
			object := got.object(t)
			assert.EqualValues(t, row.status, object["statusCode"])
			assert.Regexp(t, serviceTime, object["timestamp"])
			assert.NotEmpty(t, object["message"])
			if row.message != "" {
				assert.Equal(t, row.message, object["message"])
			}
			assert.Equal(t, row.status == 400, object["data"] != nil)
			assert.Equal(t, row.status == 400, object["provider_errors"] != nil)
			assert.Empty(t, srv.Sessions(), "no session was created")
			assert.Len(t, srv.Requests(), 1)
		})
	}
}

func TestTokenExpiry(t *testing.T) {
	t.Parallel()
	const century = 100 * 365 * 24 * time.Hour
	for _, row := range []struct {
		name, expiresIn string
		alive, expired  time.Duration // 0: never
	}{
		{name: "default", expiresIn: "null", alive: 1799 * time.Second, expired: 1800 * time.Second},
		{name: "60 seconds", expiresIn: "60", alive: 59 * time.Second, expired: 60 * time.Second},
		{name: "five days", expiresIn: "432000", alive: 119 * time.Hour, expired: 120 * time.Hour},
		{name: "zero", expiresIn: "0", expired: time.Nanosecond},
		{name: "negative", expiresIn: "-5", expired: time.Nanosecond},
		{name: "less than the shortest Duration", expiresIn: "-1e10", expired: time.Nanosecond},
		{name: "more than the longest Duration", expiresIn: "9223372037", alive: century},
		{name: "more than the largest int64", expiresIn: "1e30", alive: century},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			srv := stackonetest.NewTestServer(t)
			created := post(t, srv, createPath, `{"origin_owner_id":"a","origin_owner_name":"A","expires_in":`+row.expiresIn+`}`)
			require.Equal(t, http.StatusCreated, created.StatusCode)
			ask := fmt.Sprintf(`{"token":%q}`, created.object(t)["token"])
			if row.alive > 0 {
				// The half second allows for the time that the test takes.
				srv.Advance(row.alive - 500*time.Millisecond)
				assert.Equal(t, http.StatusCreated, post(t, srv, authenticatePath, ask).StatusCode)
				srv.Advance(500*time.Millisecond - row.alive)
			}
			if row.expired > 0 {
				srv.Advance(row.expired)
				got := post(t, srv, authenticatePath, ask)
				got.conforms(t)
				assert.Equal(t, http.StatusUnauthorized, got.StatusCode)
				assert.Equal(t, "Connect session token has expired", got.object(t)["message"])
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	request := create(t, srv, acme).Request()
	assert.Equal(t, 1800, request.ExpiresIn)
	assert.False(t, request.Multiple)
	assert.EqualValues(t, "production", request.Type)
	assert.JSONEq(t, acmeJSON, string(srv.Requests()[0].Body), "Requests returns the request as it was sent")
}
