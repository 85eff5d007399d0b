package stackonetest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/internal/description"
)

// describe returns the API description after it was modified by change.
func describe(t *testing.T, change func(*openapi3.T)) *specification {
	t.Helper()
	doc, err := description.GetSpec()
	require.NoError(t, err)
	change(doc)
	return newSpecification(doc)
}

// The embedded description may contain other operations, whose examples and defaults may
// be invalid.
func TestInvalidDefaultsOfOtherOperations(t *testing.T) {
	t.Parallel()
	odd := openapi3.NewIntegerSchema().WithDefault("twenty")
	odd.Example, odd.Pattern = []any{"x"}, "(?<!lookbehind"
	spec := describe(t, func(doc *openapi3.T) {
		get := &openapi3.Operation{Parameters: openapi3.Parameters{{Value: openapi3.NewQueryParameter("page").WithSchema(odd)}}}
		doc.Paths.Set("/actions/{id}", &openapi3.PathItem{Get: get})
		doc.Components.Schemas["Odd"] = openapi3.NewSchemaRef("", odd)
	})
	require.NoError(t, spec.err)

	srv := NewServer(InMemory())
	defer srv.Close()
	srv.spec = spec
	status := func(method, path string) int {
		r := httptest.NewRequest(method, path, nil)
		r.SetBasicAuth(srv.APIKey, "")
		return srv.respond(r, nil).Status
	}
	assert.Equal(t, http.StatusNotImplemented, status(http.MethodGet, "/actions/1"))
	assert.Equal(t, http.StatusNotFound, status(http.MethodPost, "/actions/1"))
	assert.Equal(t, http.StatusNotFound, status(http.MethodGet, "/actions/"))
	assert.Equal(t, http.StatusNotFound, status(http.MethodGet, "/actions/1/2"))
}

func TestUnusableDescription(t *testing.T) {
	t.Parallel()
	spec := describe(t, func(doc *openapi3.T) {
		doc.Components.Schemas["ConnectSessionCreate"].Value.Properties["expires_in"].Value.Default = "soon"
		delete(doc.Components.Schemas, "ConnectSession")
	})
	srv := NewServer(InMemory())
	defer srv.Close()
	srv.spec = spec
	a := srv.respond(httptest.NewRequest(http.MethodPost, "/connect_sessions", nil), nil)
	assert.Equal(t, http.StatusInternalServerError, a.Status)
	assert.Equal(t, "the embedded API description has no schema ConnectSession\n"+
		"the embedded API description has an invalid default for expires_in: soon", a.reason)
}

// A member that the server does not know has its zero value if it is required. Otherwise
// it is null, or left out if it cannot be null.
func TestUnknownMembersOfResponses(t *testing.T) {
	t.Parallel()
	srv := NewServer(InMemory())
	defer srv.Close()
	session := srv.createSession(map[string]any{})
	object := openapi3.NewObjectSchema().
		WithProperty("text", openapi3.NewStringSchema()).
		WithProperty("truth", openapi3.NewBoolSchema()).
		WithProperty("list", openapi3.NewArraySchema()).
		WithProperty("object", openapi3.NewObjectSchema()).
		WithProperty("number", openapi3.NewFloat64Schema()).
		WithProperty("null", openapi3.NewStringSchema().WithNullable()).
		WithProperty("absent", openapi3.NewStringSchema()).
		WithProperty("id", openapi3.NewInt64Schema()).
		WithRequired([]string{"text", "truth", "list", "object", "number"})
	assert.Equal(t, map[string]any{
		"text": "", "truth": false, "list": []any{}, "object": map[string]any{}, "number": 0, "null": nil, "id": int64(1),
	}, session.body(object))
}

func TestRecursiveSchema(t *testing.T) {
	t.Parallel()
	spec := describe(t, func(doc *openapi3.T) {
		create := doc.Components.Schemas["ConnectSessionCreate"]
		create.Value.Properties["parent"] = create
		create.Value.Properties["any"] = &openapi3.SchemaRef{Value: &openapi3.Schema{AnyOf: openapi3.SchemaRefs{
			{Value: openapi3.NewStringSchema().WithEnum("a")},
		}}}
	})
	require.NoError(t, spec.err)
	require.NoError(t, spec.create.VisitJSON(map[string]any{
		"origin_owner_id": "a", "origin_owner_name": "A", "any": "b",
		"parent": map[string]any{"origin_owner_id": "a", "origin_owner_name": "A", "type": "other"},
	}), "enums are open at every level")
}
