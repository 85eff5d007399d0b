package client_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/oapi-codegen/oapi-codegen/v2/pkg/util"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// document is the API description that gen is generated from: the vendored file with the
// overlay applied.
var document = sync.OnceValues(loadDocument)

func loadDocument() (*openapi3.T, error) {
	return util.LoadSwaggerWithOverlay("../openapi/connect-sessions.yaml",
		util.LoadSwaggerWithOverlayOpts{Path: "../openapi/overlay.yaml", Strict: true})
}

// withRequiredMembers adds blank members to a response body: those that the description
// has come to require since the body was written.
func withRequiredMembers(schema, response string) string {
	doc, err := document()
	if err != nil {
		return response // invalid; the tests that use it fail
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(response), &members); err != nil {
		return response
	}
	blanks := map[string]string{"string": `""`, "boolean": "false", "array": "[]", "object": "{}"}
	for _, name := range doc.Components.Schemas[schema].Value.Required {
		if _, ok := members[name]; !ok {
			kinds := doc.Components.Schemas[schema].Value.Properties[name].Value.Type.Slice()
			response = fmt.Sprintf(`{%q: %s, %s`, name, cmp.Or(blanks[strings.Join(kinds, "")], "0"), strings.TrimPrefix(response, "{"))
		}
	}
	return response
}

// descriptionRouter finds the described operation of a request.
var descriptionRouter = sync.OnceValues(func() (routers.Router, error) {
	doc, err := loadDocument() // which is changed here
	if err != nil {
		return nil, err
	}
	doc.Servers = nil // otherwise no route matches a server on loopback
	for _, schema := range doc.Components.Schemas {
		no := false // reject members that are not described
		schema.Value.AdditionalProperties.Has = &no
	}
	version := doc.OpenAPI
	doc.OpenAPI = "3.1.0" // the upstream version; the overlay sets 3.0.3 only because of nullable
	router, err := legacy.NewRouter(doc)
	doc.OpenAPI = version
	return router, err
})

// prefix is the path of the test servers, so that a client that ignores the path of the
// base URL fails.
const prefix = "/gateway/v1"

// answer returns a handler that sends a JSON response.
func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// serve returns a client for a server on loopback with this handler. Requests and
// responses are validated against the description.
func serve(t *testing.T, handler http.HandlerFunc, opts ...client.Option) *client.Client {
	t.Helper()
	router, err := descriptionRouter()
	require.NoError(t, err)
	return serveUnvalidated(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		r.Body = io.NopCloser(bytes.NewReader(body))
		route, params, err := router.FindRoute(r)
		if !assert.NoError(t, err, "the request is not described") {
			return
		}
		in := &openapi3filter.RequestValidationInput{
			Request: r, PathParams: params, Route: route,
			Options: &openapi3filter.Options{
				AuthenticationFunc:    authenticated,
				SkipSettingDefaults:   true,
				IncludeResponseStatus: true,
			},
		}
		assert.NoError(t, openapi3filter.ValidateRequest(t.Context(), in))
		r.Body = io.NopCloser(bytes.NewReader(body))

		rec := httptest.NewRecorder()
		handler(rec, r)
		assert.NoError(t, openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: in, Status: rec.Code, Header: rec.Header(),
			Body: io.NopCloser(bytes.NewReader(rec.Body.Bytes())), Options: in.Options,
		}))
		maps.Copy(w.Header(), rec.Header())
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	}, opts...)
}

// serveUnvalidated is serve without the validation.
func serveUnvalidated(t *testing.T, handler http.HandlerFunc, opts ...client.Option) *client.Client {
	t.Helper()
	server := httptest.NewServer(http.StripPrefix(prefix, handler))
	t.Cleanup(server.Close)
	return newClient(t, append([]client.Option{
		client.WithBaseURL(server.URL + prefix), noRetries,
	}, opts...)...)
}

func authenticated(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	username, password, ok := in.RequestValidationInput.Request.BasicAuth()
	if !ok || username != testKey || password != "" {
		return in.NewError(assert.AnError)
	}
	return nil
}

// baseURL returns the base URL of a client, which is what it prints.
func baseURL(c *client.Client) string { return c.LogValue().String() }
