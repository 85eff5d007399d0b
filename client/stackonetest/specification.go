package stackonetest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/internal/description"
)

// specification holds the parts of the API description that the server uses.
type specification struct {
	doc     *openapi3.T
	create  *openapi3.Schema // the request that creates a session
	link    *openapi3.Schema // its response: the session with token and auth link
	session *openapi3.Schema // the session without them
	err     error            // why the description cannot be used
}

// loadSpecification reads the description once, because that takes milliseconds. It is
// not modified afterwards.
var loadSpecification = sync.OnceValue(func() *specification {
	doc, err := description.GetSpec()
	if err != nil {
		return &specification{err: fmt.Errorf("the embedded API description cannot be read: %w", err)}
	}
	return newSpecification(doc)
})

// newSpecification only checks what the server uses. Invalid examples and defaults of
// other operations do not matter.
func newSpecification(doc *openapi3.T) *specification {
	d := &specification{doc: doc}
	var errs []error
	schema := func(name string) *openapi3.Schema {
		if ref := doc.Components.Schemas[name]; ref != nil && ref.Value != nil {
			openEnums(ref, map[*openapi3.Schema]bool{})
			return ref.Value
		}
		errs = append(errs, fmt.Errorf("the embedded API description has no schema %s", name))
		return &openapi3.Schema{}
	}
	d.create = schema("ConnectSessionCreate")
	d.link = schema("ConnectSessionTokenAuthLink")
	d.session = schema("ConnectSession")
	for name, ref := range d.create.Properties {
		if err := ref.Value.VisitJSON(ref.Value.Default, openapi3.MultiErrors()); ref.Value.Default != nil && err != nil {
			errs = append(errs,
				fmt.Errorf("the embedded API description has an invalid default for %s: %v", name, ref.Value.Default))
		}
	}
	d.err = errors.Join(errs...)
	return d
}

// find returns the operation for a request, and its path parameters. A path without
// parameters takes precedence.
func (d *specification) find(r *http.Request) (*routers.Route, map[string]string) {
	route := func(path string, item *openapi3.PathItem) *routers.Route {
		if operation := item.Operations()[r.Method]; operation != nil {
			return &routers.Route{Spec: d.doc, Path: path, PathItem: item, Method: r.Method, Operation: operation}
		}
		return nil
	}
	if item := d.doc.Paths.Value(r.URL.Path); item != nil {
		return route(r.URL.Path, item), nil
	}
	for path, item := range d.doc.Paths.Map() {
		if params, ok := match(path, r.URL.Path); ok {
			return route(path, item), params
		}
	}
	return nil, nil
}

// match matches a path against a template such as /accounts/{id}.
func match(template, path string) (map[string]string, bool) {
	names, values := strings.Split(template, "/"), strings.Split(path, "/")
	if len(names) != len(values) {
		return nil, false
	}
	params := map[string]string{}
	for i, name := range names {
		if strings.HasPrefix(name, "{") && strings.HasSuffix(name, "}") && values[i] != "" {
			params[name[1:len(name)-1]] = values[i]
		} else if name != values[i] {
			return nil, false
		}
	}
	return params, true
}

// openEnums removes the enums of a schema and of the schemas in it, which may be
// recursive. StackOne's enums are open, and all of them allow null.
func openEnums(ref *openapi3.SchemaRef, opened map[*openapi3.Schema]bool) {
	if ref == nil || ref.Value == nil || opened[ref.Value] {
		return
	}
	schema := ref.Value
	opened[schema] = true
	if schema.Enum != nil {
		schema.Enum, schema.Nullable = nil, true
	}
	for _, property := range schema.Properties {
		openEnums(property, opened)
	}
	for _, part := range append(append(append(openapi3.SchemaRefs{}, schema.AllOf...), schema.AnyOf...), schema.OneOf...) {
		openEnums(part, opened)
	}
	openEnums(schema.Items, opened)
}
