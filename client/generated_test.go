package client_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oapi-codegen/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// Every generated operation, including one without a method in this package, sends what
// the caller sets where the description wants it, and nothing else; it authenticates, is
// retried after a 429 and fails with an APIError.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	doc, err := document()
	require.NoError(t, err)
	generated := reflect.TypeOf((*client.Client).Generated).Out(0)
	methods := map[string]string{}
	for i := range generated.NumMethod() {
		if method := generated.Method(i); method.Type.Out(0) != reflect.TypeFor[*http.Response]() {
			methods[letters(strings.TrimSuffix(method.Name, "WithResponse"))] = method.Name
		}
	}
	var called []string
	for path, item := range doc.Paths.Map() {
		for verb, op := range item.Operations() {
			id := letters(cmp.Or(op.OperationID, verb+path))
			if unicode.IsDigit(rune(id[0])) {
				id = "n" + id
			}
			for _, call := range callsOf(verb, path, item, op) {
				raw := methods[id+"withbody"]
				name := cmp.Or(methods[id+letters(call.suffix())], raw)
				call.raw = name == raw
				called = append(called, name, cmp.Or(raw, name))
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					call.test(t, name)
					call.full = true
					call.test(t, name)
				})
			}
		}
	}
	slices.Sort(called)
	assert.ElementsMatch(t, slices.Compact(called), slices.Collect(maps.Values(methods)))
	assert.GreaterOrEqual(t, len(methods), 4)
}

// letters returns the letters and digits of a name in lower case. The generator changes the
// case and leaves out the rest.
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// generatedCall is a call of a generated operation.
type generatedCall struct {
	verb, path string
	parameters []*openapi3.Parameter // those of the path in its order
	mediaType  string                // of the body
	body       *openapi3.MediaType   // nil: none
	raw        bool                  // the caller encodes the body
	full       bool                  // with everything optional
}

// callsOf returns a call for each media type of the operation's body.
func callsOf(verb, path string, item *openapi3.PathItem, op *openapi3.Operation) []generatedCall {
	call := generatedCall{verb: verb, path: path}
	for _, ref := range slices.Concat(op.Parameters, item.Parameters) {
		same := func(p *openapi3.Parameter) bool { return p.In == ref.Value.In && p.Name == ref.Value.Name }
		if !slices.ContainsFunc(call.parameters, same) {
			call.parameters = append(call.parameters, ref.Value)
		}
	}
	slices.SortFunc(call.parameters, func(a, b *openapi3.Parameter) int {
		return strings.Index(path, "{"+a.Name+"}") - strings.Index(path, "{"+b.Name+"}")
	})
	if op.RequestBody == nil {
		return []generatedCall{call}
	}
	var calls []generatedCall
	for call.mediaType, call.body = range op.RequestBody.Value.Content {
		calls = append(calls, call)
	}
	return calls
}

// suffix returns what the generator appends to the operation's name for a body that it
// encodes.
func (c generatedCall) suffix() string {
	switch c.mediaType {
	case "", "application/json":
		return ""
	case "application/x-www-form-urlencoded":
		return "WithFormdataBody"
	case "text/plain":
		return "WithTextBody"
	}
	return "With" + strings.ReplaceAll(c.mediaType, "+", "Plus") + "Body"
}

func (c generatedCall) test(t *testing.T, name string) {
	t.Helper()
	require.NotEmpty(t, name, "%s %s has no generated method", c.verb, c.path)
	requests := 0
	sender := serveUnvalidated(t, func(w http.ResponseWriter, r *http.Request) {
		username, password, _ := r.BasicAuth()
		assert.Equal(t, testKey, username)
		assert.Empty(t, password)
		c.assertSent(t, r)
		if requests++; requests == 1 {
			answer(429, `{"message":"slow down"}`)(w, r)
			return
		}
		answer(409, `{"message":"conflict"}`)(w, r)
	}, client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 3, MinBackoff: time.Nanosecond}))

	method := reflect.ValueOf(sender.Generated()).MethodByName(name)
	arguments := []reflect.Value{reflect.ValueOf(t.Context())}
	for i, value := range c.arguments() {
		argument := reflect.New(method.Type().In(i + 1))
		if reader, ok := value.(io.Reader); ok {
			argument.Elem().Set(reflect.ValueOf(reader))
		} else {
			require.NoError(t, json.Unmarshal([]byte(asJSON(t, value)), argument.Interface()))
		}
		arguments = append(arguments, argument.Elem())
	}
	err, _ := reflect.TypeAssert[error](method.Call(arguments)[1])
	var api *client.APIError
	require.ErrorAs(t, err, &api)
	assert.ErrorIs(t, err, client.ErrConflict)
	if c.verb != http.MethodHead {
		assert.Equal(t, "conflict", api.Message)
	}
	assert.Equal(t, 2, api.Attempts)
	assert.Equal(t, 2, requests)
}

// arguments returns the arguments of the generated method after the context.
func (c generatedCall) arguments() (values []any) {
	fields, inStruct := map[string]any{}, false
	for _, p := range c.parameters {
		switch {
		case p.In == openapi3.ParameterInPath:
			values = append(values, c.valueOf(p))
			continue
		case p.Required || c.full:
			fields[p.Name] = c.valueOf(p)
		}
		inStruct = true
	}
	if inStruct {
		values = append(values, fields)
	}
	switch {
	case c.raw:
		values = append(values, c.mediaType, strings.NewReader(rawBody))
	case c.body != nil:
		values = append(values, c.bodyValue())
	}
	return values
}

const rawBody = "as the caller encodes it"

func (c generatedCall) bodyValue() any {
	if c.full {
		return sample(c.body.Schema, true, "x", 2)
	}
	return sample(c.body.Schema, false, "", 1)
}

func (c generatedCall) valueOf(p *openapi3.Parameter) any {
	schema := p.Schema
	for _, content := range p.Content {
		schema = content.Schema
	}
	return sample(schema, c.full, p.Name, 2)
}

// assertSent asserts that the request has the arguments where the description wants them,
// and nothing else.
func (c generatedCall) assertSent(t *testing.T, r *http.Request) {
	t.Helper()
	path, header := c.path, http.Header{}
	var query, cookies, sentCookies []string
	for _, p := range c.parameters {
		how, err := p.SerializationMethod()
		assert.NoError(t, err)
		value := c.valueOf(p)
		if p.Content.Get("application/json") != nil {
			value = asJSON(t, value)
		}
		text := styled(t, how, p.Name, value, p.In == openapi3.ParameterInQuery || p.In == openapi3.ParameterInCookie)
		switch {
		case p.In == openapi3.ParameterInPath:
			path = strings.ReplaceAll(path, "{"+p.Name+"}", text)
		case !p.Required && !c.full:
		case p.In == openapi3.ParameterInHeader:
			header.Set(p.Name, text)
		case p.In == openapi3.ParameterInCookie:
			cookies = append(cookies, text)
		default:
			query = append(query, text)
		}
	}
	for _, cookie := range r.Cookies() {
		sentCookies = append(sentCookies, cookie.Name+"="+cookie.Value)
	}
	sentHeader := r.Header.Clone()
	for _, name := range []string{"Accept", "Accept-Encoding", "Authorization", "Content-Length", "Content-Type", "Cookie", "User-Agent"} {
		if header[name] == nil {
			sentHeader.Del(name) // every request may have it
		}
	}
	assert.Equal(t, c.verb, r.Method)
	assert.Equal(t, path, r.URL.Path)
	assert.Equal(t, values(t, query), r.URL.Query())
	assert.Equal(t, values(t, cookies), values(t, sentCookies))
	assert.Equal(t, header, sentHeader)
	assert.Equal(t, c.mediaType, r.Header.Get("Content-Type"))

	sent, err := io.ReadAll(r.Body)
	assert.NoError(t, err)
	switch {
	case c.raw:
		assert.Equal(t, rawBody, string(sent))
	case c.body == nil:
		assert.Empty(t, sent)
	case c.mediaType == "text/plain":
		assert.Equal(t, fmt.Sprint(c.bodyValue()), string(sent))
	case c.mediaType == "application/x-www-form-urlencoded":
		members, _ := c.bodyValue().(map[string]any)
		var pairs []string
		for name, value := range members {
			pairs = append(pairs, styled(t, c.body.Encoding[name].SerializationMethod(), name, value, true))
		}
		assert.Equal(t, values(t, pairs), values(t, []string{string(sent)}))
	default:
		assert.JSONEq(t, asJSON(t, c.bodyValue()), string(sent))
	}
}

// styled returns a value as OpenAPI wants it to be sent, escaped for a query or not.
func styled(t *testing.T, how *openapi3.SerializationMethod, name string, value any, escaped bool) string {
	t.Helper()
	var options runtime.StyleParamOptions
	if escaped {
		options.ParamLocation = runtime.ParamLocationQuery
	}
	text, err := runtime.StyleParamWithOptions(how.Style, how.Explode, name, value, options)
	assert.NoError(t, err)
	return text
}

// values returns the values of a query or of cookies by name.
func values(t *testing.T, pairs []string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(strings.Join(pairs, "&"))
	assert.NoError(t, err)
	return values
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	assert.NoError(t, err)
	return string(text)
}
