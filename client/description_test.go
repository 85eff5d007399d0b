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

// document is what gen was generated from: the vendored file with the overlay
// applied.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	return util.LoadSwaggerWithOverlay("../openapi/connect-sessions.yaml",
		util.LoadSwaggerWithOverlayOpts{Path: "../openapi/overlay.yaml", Strict: true})
})

// documented is the answer with the required members that the description has
// gained since it was written, blank.
func documented(schema, answer string) string {
	doc, err := document()
	if err != nil {
		return answer // which the tests then say
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(answer), &members); err != nil {
		return answer
	}
	blanks := map[string]string{"string": `""`, "boolean": "false", "array": "[]", "object": "{}"}
	for _, name := range doc.Components.Schemas[schema].Value.Required {
		if _, ok := members[name]; !ok {
			kinds := doc.Components.Schemas[schema].Value.Properties[name].Value.Type.Slice()
			answer = fmt.Sprintf(`{%q: %s, %s`, name, cmp.Or(blanks[strings.Join(kinds, "")], "0"), strings.TrimPrefix(answer, "{"))
		}
	}
	return answer
}

// description routes a request to its operation.
var description = sync.OnceValues(func() (routers.Router, error) {
	doc, err := document()
	if err != nil {
		return nil, err
	}
	doc.Servers = nil // or no route matches a server on loopback
	for _, schema := range doc.Components.Schemas {
		no := false // what the description does not name, this client does not know
		schema.Value.AdditionalProperties.Has = &no
	}
	version := doc.OpenAPI
	doc.OpenAPI = "3.1.0" // what upstream says; the overlay says 3.0.3 for the sake of nullable alone
	router, err := legacy.NewRouter(doc)
	doc.OpenAPI = version
	return router, err
})

// prefix is the path that test servers serve under, so that a client which
// forgets the base URL's path fails.
const prefix = "/gateway/v1"

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// serve returns a client of a server on loopback that answers with handler. What
// is sent and answered is checked against the description.
func serve(t *testing.T, handler http.HandlerFunc, opts ...client.Option) *client.Client {
	t.Helper()
	router, err := description()
	require.NoError(t, err)
	return serveUndescribed(t, func(w http.ResponseWriter, r *http.Request) {
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

// serveUndescribed is serve without the check, for what the description does not allow.
func serveUndescribed(t *testing.T, handler http.HandlerFunc, opts ...client.Option) *client.Client {
	t.Helper()
	server := httptest.NewServer(http.StripPrefix(prefix, handler))
	t.Cleanup(server.Close)
	opts = append([]client.Option{
		client.WithAPIKey(testKey), client.WithBaseURL(server.URL + prefix),
		client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}),
	}, opts...)
	c, err := client.New(opts...)
	require.NoError(t, err)
	return c
}

func authenticated(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	username, password, ok := in.RequestValidationInput.Request.BasicAuth()
	if !ok || username != testKey || password != "" {
		return in.NewError(assert.AnError)
	}
	return nil
}

// baseURL is what a client prints of itself.
func baseURL(c *client.Client) string { return c.LogValue().String() }
