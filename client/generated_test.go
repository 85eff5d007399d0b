package client_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// Every generated operation, including one without a method in this package, sends what
// the description requires and nothing that is not set, authenticates, is retried after a
// 429 and fails with an APIError.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	doc, err := document()
	require.NoError(t, err)
	described := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			described[method+" "+path] = true
		}
	}
	var mutex sync.Mutex
	called := map[string]bool{}
	t.Cleanup(func() {
		assert.Equal(t, described, called)
		assert.GreaterOrEqual(t, len(called), 2)
	})
	generated := reflect.TypeOf((*client.Client).Generated).Out(0)
	for i := range generated.NumMethod() {
		name := generated.Method(i).Name
		operation, isOperation := strings.CutSuffix(name, "WithResponse")
		operation, raw := strings.CutSuffix(operation, "WithBody")
		// An operation with a JSON body has a typed method and one for any body.
		if _, typed := generated.MethodByName(operation + "WithResponse"); !isOperation || raw && typed {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests := 0
			c := serveUnvalidated(t, func(w http.ResponseWriter, r *http.Request) {
				username, password, _ := r.BasicAuth()
				assert.Equal(t, testKey, username)
				assert.Empty(t, password)
				path, op := operationOf(doc, r)
				if assert.NotNil(t, op, "%s %s is not described", r.Method, r.URL) {
					assertSent(t, op, r, raw)
				}
				mutex.Lock()
				defer mutex.Unlock()
				called[r.Method+" "+path] = true
				if requests++; requests == 1 {
					answer(429, `{"message":"slow down"}`)(w, r)
					return
				}
				answer(409, `{"message":"conflict"}`)(w, r)
			}, client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 3, MinBackoff: time.Nanosecond}))

			method := reflect.ValueOf(c.Generated()).MethodByName(name)
			results := method.Call(arguments(t.Context(), method.Type()))
			err, _ := reflect.TypeAssert[error](results[1])
			var api *client.APIError
			require.ErrorAs(t, err, &api)
			assert.ErrorIs(t, err, client.ErrConflict)
			assert.Equal(t, "conflict", api.Message)
			assert.Equal(t, 2, api.Attempts)
			assert.Equal(t, 2, requests)
		})
	}
}

// arguments returns the context, "x" for strings, since a path parameter cannot be empty,
// a body for methods that take a reader, and zero values for the rest.
func arguments(ctx context.Context, method reflect.Type) []reflect.Value {
	in := []reflect.Value{reflect.ValueOf(ctx)}
	for i := 1; i < method.NumIn()-1; i++ { // the last argument is the request editors
		v := reflect.New(method.In(i)).Elem()
		switch v.Kind() {
		case reflect.String:
			v.SetString("x")
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
		case reflect.Interface:
			if body := reflect.ValueOf(strings.NewReader("x")); body.Type().Implements(v.Type()) {
				v.Set(body)
			}
		}
		in = append(in, v)
	}
	return in
}

var pathParameter = regexp.MustCompile(`\\\{[^}]*\\\}`)

// operationOf returns the described operation of a request and its path.
func operationOf(doc *openapi3.T, r *http.Request) (path string, operation *openapi3.Operation) {
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) { // sorted, paths without a parameter come before those with one
		op := doc.Paths.Value(path).GetOperation(r.Method)
		match := regexp.MustCompile("^" + pathParameter.ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$")
		if op != nil && match.MatchString(r.URL.EscapedPath()) {
			return path, op
		}
	}
	return "", nil
}

// assertSent asserts that the request has the parameters and the members that the
// description requires, and no others.
func assertSent(t *testing.T, op *openapi3.Operation, r *http.Request, raw bool) {
	t.Helper()
	query, body := url.Values{}, []string{}
	for _, ref := range op.Parameters {
		p := ref.Value
		if p.In == "query" && p.Required {
			query[p.Name] = r.URL.Query()[p.Name]
		}
		if p.In == "header" {
			assert.Equal(t, p.Required, r.Header.Values(p.Name) != nil, "header %s", p.Name)
		}
	}
	assert.Equal(t, query, r.URL.Query())
	sent, err := io.ReadAll(r.Body)
	assert.NoError(t, err)
	if op.RequestBody == nil || raw {
		assert.Equal(t, map[bool]string{true: "x"}[raw], string(sent))
		return
	}
	assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
	required(op.RequestBody.Value.Content.Get("application/json").Schema, &body)
	var members map[string]json.RawMessage
	if json.Unmarshal(sent, &members) == nil { // a list has no members
		assert.ElementsMatch(t, body, slices.Collect(maps.Keys(members)))
	}
}

// required collects the names that a schema and its parts require.
func required(schema *openapi3.SchemaRef, names *[]string) {
	for _, name := range schema.Value.Required {
		if !slices.Contains(*names, name) {
			*names = append(*names, name)
		}
	}
	for _, part := range schema.Value.AllOf {
		required(part, names)
	}
}
