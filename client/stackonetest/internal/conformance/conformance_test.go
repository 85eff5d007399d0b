// Package conformance compares a service with the API description: by default the fake,
// and StackOne with
//
//	STACKONE_API_KEY=... make smoke
//
// which creates a few sessions of type test. Differences are reported with the names of
// members but never with their values, because responses contain secrets.
//
// Fields that refer to resources of a StackOne project are only tested against StackOne
// if a variable such as STACKONE_SMOKE_PROVIDER or STACKONE_SMOKE_ACCOUNT_ID is set.
package conformance

import (
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/internal/description"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

var (
	smoke   = flag.Bool("smoke", false, "call StackOne with the key in "+client.APIKeyEnv)
	baseURL = flag.String("base-url", client.DefaultBaseURL, "with -smoke, the `URL` to call")
)

// fields and projectFields hold a value for each field of a request. The values of
// projectFields are only valid for the fake.
var (
	fields = map[string]any{
		"origin_owner_id":   "stackone-client-go-smoke",
		"origin_owner_name": "stackone-client-go smoke test",
		"type":              "test",
		"categories":        []string{"hris", "ats"},
		"origin_username":   "smoke@example.com",
		"expires_in":        600,
		"metadata":          map[string]any{"purpose": "smoke", "nested": map[string]any{"list": []any{1.5, true, nil}}},
		"multiple":          true,
		"label":             "smoke",
	}
	projectFields = map[string]any{
		"provider":             "bamboohr",
		"provider_version":     "1.0",
		"account_id":           "account-1",
		"integration_id":       "integration-1",
		"connector_profile_id": "profile-1",
	}
)

// suite describes the service under test.
type suite struct {
	opts                 []client.Option
	create, authenticate *openapi3.Operation
}

func newSuite(t *testing.T) suite {
	t.Helper()
	document, err := description.GetSpec()
	require.NoError(t, err)
	s := suite{create: document.Paths.Value("/connect_sessions").Post, authenticate: document.Paths.Value("/connect_sessions/authenticate").Post}
	if *smoke {
		s.opts = []client.Option{client.WithBaseURL(*baseURL)}
	} else {
		server := stackonetest.NewTestServer(t)
		s.opts = []client.Option{client.WithBaseURL(server.URL), client.WithAPIKey(server.APIKey)}
	}
	return s
}

func (s suite) client(t *testing.T, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(append(slices.Clip(s.opts), opts...)...)
	require.NoError(t, err)
	return c
}

// request returns a request with the required fields and other ones.
func request(t *testing.T, other map[string]any) (r gen.ConnectSessionCreate) {
	t.Helper()
	for _, set := range []map[string]any{
		{"origin_owner_id": fields["origin_owner_id"], "origin_owner_name": fields["origin_owner_name"], "type": fields["type"]}, other,
	} {
		text, err := json.Marshal(set)
		require.NoError(t, err)
		decoder := json.NewDecoder(strings.NewReader(string(text)))
		decoder.DisallowUnknownFields()
		require.NoError(t, decoder.Decode(&r))
	}
	return r
}

func TestCreate(t *testing.T) {
	s := newSuite(t)
	c := s.client(t)
	all := maps.Clone(fields)
	maps.Copy(all, projectFields)
	for name := range s.create.RequestBody.Value.Content.Get("application/json").Schema.Value.Properties {
		assert.Contains(t, all, name, "a documented field is not tested")
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			value := all[name]
			if _, ok := projectFields[name]; ok && *smoke {
				variable := "STACKONE_SMOKE_" + strings.ToUpper(name)
				if value = os.Getenv(variable); value == "" {
					t.Skip(variable + " is not set")
				}
			}
			var response client.Response
			_, err := c.ConnectSessions.Create(t.Context(), request(t, map[string]any{name: value}), client.WithResponse(&response))
			if err != nil {
				t.Error(err)
			}
			body, schema := documented(t, s.create, http.StatusCreated, response)
			if _, ok := schema.Properties[name]; ok {
				assertSame(t, name, value, body[name])
			}
		})
	}
}

func TestAuthenticate(t *testing.T) {
	s := newSuite(t)
	c := s.client(t)
	var created, seen client.Response
	link, err := c.ConnectSessions.Create(t.Context(), request(t, map[string]any{
		"categories": fields["categories"], "label": fields["label"], "metadata": fields["metadata"],
	}), client.WithResponse(&created))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: link.Token}, client.WithResponse(&seen))
	if err != nil {
		t.Fatal(err)
	}
	before, _ := documented(t, s.create, http.StatusCreated, created)
	body, _ := documented(t, s.authenticate, http.StatusCreated, seen)
	for name, value := range before {
		if name != "token" && name != "auth_link_url" {
			assertSame(t, name, value, body[name])
		}
	}
}

func TestWrongKey(t *testing.T) {
	s := newSuite(t)
	c := s.client(t, client.WithAPIKey("v1.eu1.not-a-key"))
	var rejected client.Response
	_, err := c.ConnectSessions.Create(t.Context(), request(t, nil), client.WithResponse(&rejected))
	assert.ErrorIs(t, err, client.ErrUnauthorized)
	documented(t, s.create, http.StatusUnauthorized, rejected)
	_, err = c.ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: "not-a-token"}, client.WithResponse(&rejected))
	assert.ErrorIs(t, err, client.ErrUnauthorized)
	documented(t, s.authenticate, http.StatusUnauthorized, rejected)
}

// The description does not say which status an unknown token gets. The fake responds with
// 404.
func TestUnknownToken(t *testing.T) {
	s := newSuite(t)
	var rejected client.Response
	_, err := s.client(t).ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: "not-a-token"}, client.WithResponse(&rejected))
	assert.ErrorIs(t, err, client.ErrNotFound)
	documented(t, s.authenticate, http.StatusNotFound, rejected)
}

func TestInvalidRequest(t *testing.T) {
	s := newSuite(t)
	_, err := s.client(t).Generated().CreateConnectSessionWithBodyWithResponse(t.Context(), "application/json",
		strings.NewReader(`{"origin_owner_name":"stackone-client-go smoke test","type":"test"}`))
	var rejected *client.APIError
	if !errors.As(err, &rejected) {
		t.Fatalf("a request without origin_owner_id is not rejected: %v", err)
	}
	documented(t, s.create, http.StatusBadRequest, client.Response{StatusCode: rejected.StatusCode, Header: rejected.Header, Body: rejected.Body})
}

// documented reports how a response differs from the description of the operation. It
// returns the members of the response and their schema.
func documented(t *testing.T, operation *openapi3.Operation, status int, response client.Response) (body map[string]any, schema *openapi3.Schema) {
	t.Helper()
	if response.StatusCode == 0 {
		t.Fatal("no response")
	}
	assert.Equal(t, status, response.StatusCode, "status")
	described := operation.Responses.Status(response.StatusCode)
	if described == nil {
		t.Fatalf("the status %d is not documented", response.StatusCode)
	}
	if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		t.Errorf("the Content-Type is %q", kind)
	}
	if err := json.Unmarshal(response.Body, &body); err != nil {
		t.Fatal("the body is not a JSON object")
	}
	schema = described.Value.Content.Get("application/json").Schema.Value
	report(t, schema.VisitJSON(body, openapi3.MultiErrors(), openapi3.VisitAsResponse(), openapi3.EnableFormatValidation()))
	for _, name := range slices.Sorted(maps.Keys(body)) {
		if schema.Properties[name] == nil {
			t.Logf("%s is not documented", name)
		}
	}
	return body, schema
}

// report reports differences without the values, which the texts of the errors contain.
func report(t *testing.T, err error) {
	t.Helper()
	var all openapi3.MultiError
	var one *openapi3.SchemaError
	switch {
	case errors.As(err, &all):
		for _, err := range all {
			report(t, err)
		}
	case errors.As(err, &one):
		t.Errorf("%s does not have the documented %s", strings.Join(one.JSONPointer(), "."), one.SchemaField)
	case err != nil:
		t.Errorf("the response does not conform to the description (%T)", err)
	}
}

// assertSame compares a member of a response with the value in the request, as JSON.
func assertSame(t *testing.T, name string, want, got any) {
	t.Helper()
	text, err := json.Marshal(want)
	require.NoError(t, err)
	var plain any
	require.NoError(t, json.Unmarshal(text, &plain))
	if !reflect.DeepEqual(plain, got) {
		t.Errorf("%s is not the value that was sent", name)
	}
}
