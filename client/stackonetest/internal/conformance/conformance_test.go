// Package conformance compares a service with the API description: the fake in
// every test run, and StackOne with
//
//	STACKONE_API_KEY=... make smoke
//
// which creates a few sessions of type test. What differs from the description is
// printed by the name of the member, never by its value: answers hold secrets.
//
// A field that names something in the project is set only when a variable such as
// STACKONE_SMOKE_PROVIDER or STACKONE_SMOKE_ACCOUNT_ID has its value.
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

// fields are the values to set, one field at a time. Those in the project hold
// only for the fake.
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

// suite is a service under test.
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

// request is the smallest request, with other fields set.
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
		assert.Contains(t, all, name, "a documented field has no value here")
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
			answer, schema := documented(t, s.create, http.StatusCreated, response)
			if _, ok := schema.Properties[name]; ok {
				assertSame(t, name, value, answer[name])
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
	answer, _ := documented(t, s.authenticate, http.StatusCreated, seen)
	for name, value := range before {
		if name != "token" && name != "auth_link_url" {
			assertSame(t, name, value, answer[name])
		}
	}
}

func TestWrongKey(t *testing.T) {
	s := newSuite(t)
	c := s.client(t, client.WithAPIKey("v1.eu1.not-a-key"))
	var refused client.Response
	_, err := c.ConnectSessions.Create(t.Context(), request(t, nil), client.WithResponse(&refused))
	assert.ErrorIs(t, err, client.ErrUnauthorized)
	documented(t, s.create, http.StatusUnauthorized, refused)
	_, err = c.ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: "not-a-token"}, client.WithResponse(&refused))
	assert.ErrorIs(t, err, client.ErrUnauthorized)
	documented(t, s.authenticate, http.StatusUnauthorized, refused)
}

// The description does not say which of its statuses an unknown token has; the fake
// answers 404.
func TestUnknownToken(t *testing.T) {
	s := newSuite(t)
	var refused client.Response
	_, err := s.client(t).ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: "not-a-token"}, client.WithResponse(&refused))
	assert.ErrorIs(t, err, client.ErrNotFound)
	documented(t, s.authenticate, http.StatusNotFound, refused)
}

func TestRefusedRequest(t *testing.T) {
	s := newSuite(t)
	_, err := s.client(t).Generated().CreateConnectSessionWithBodyWithResponse(t.Context(), "application/json",
		strings.NewReader(`{"origin_owner_name":"stackone-client-go smoke test","type":"test"}`))
	var refused *client.APIError
	if !errors.As(err, &refused) {
		t.Fatalf("a request without origin_owner_id is not refused: %v", err)
	}
	documented(t, s.create, http.StatusBadRequest, client.Response{StatusCode: refused.StatusCode, Header: refused.Header, Body: refused.Body})
}

// documented reports how an answer differs from the description of the operation. It
// returns the answer's members and their schema.
func documented(t *testing.T, operation *openapi3.Operation, status int, response client.Response) (answer map[string]any, schema *openapi3.Schema) {
	t.Helper()
	if response.StatusCode == 0 {
		t.Fatal("no answer")
	}
	assert.Equal(t, status, response.StatusCode, "the status")
	described := operation.Responses.Status(response.StatusCode)
	if described == nil {
		t.Fatalf("the status %d is not documented", response.StatusCode)
	}
	if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		t.Errorf("the Content-Type is %q", kind)
	}
	if err := json.Unmarshal(response.Body, &answer); err != nil {
		t.Fatal("the body is not a JSON object")
	}
	schema = described.Value.Content.Get("application/json").Schema.Value
	report(t, schema.VisitJSON(answer, openapi3.MultiErrors(), openapi3.VisitAsResponse(), openapi3.EnableFormatValidation()))
	for _, name := range slices.Sorted(maps.Keys(answer)) {
		if schema.Properties[name] == nil {
			t.Logf("%s is not documented", name)
		}
	}
	return answer, schema
}

// report prints where an answer differs without its values, which the error's text has.
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
		t.Errorf("the answer is not as documented (%T)", err)
	}
}

// assertSame compares a member of an answer with what it should be, as JSON.
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
