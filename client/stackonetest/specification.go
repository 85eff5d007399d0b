package stackonetest

import (
	"fmt"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/internal/description"
)

// specification is the API description in the form that the server works with.
type specification struct {
	routers.Router
	create  *openapi3.Schema // the request that makes a session
	link    *openapi3.Schema // its answer: the session with token and auth link
	session *openapi3.Schema // the session without them
}

// loadSpecification reads the description once: it costs milliseconds, and nothing
// changes it afterwards.
var loadSpecification = sync.OnceValues(func() (*specification, error) {
	doc, err := description.GetSpec()
	if err != nil {
		return nil, err
	}
	doc.Servers = nil // or requests to a loopback address match no route
	schema := func(name string) *openapi3.Schema {
		if ref := doc.Components.Schemas[name]; ref != nil {
			return ref.Value
		}
		err = fmt.Errorf("it has no schema %s", name)
		return nil
	}
	d := &specification{
		create:  schema("ConnectSessionCreate"),
		link:    schema("ConnectSessionTokenAuthLink"),
		session: schema("ConnectSession"),
	}
	if err != nil {
		return nil, err
	}
	opened := map[*openapi3.Schema]bool{}
	for _, ref := range doc.Components.Schemas {
		openEnums(ref.Value, opened)
	}
	// Upstream's description is of OpenAPI 3.1 in all but nullable, for which the
	// overlay calls it 3.0.3. The router's check must not mind the rest of 3.1.
	version := doc.OpenAPI
	doc.OpenAPI = "3.1.0"
	d.Router, err = legacy.NewRouter(doc)
	doc.OpenAPI = version
	return d, err
})

// openEnums drops the lists of values that a schema and what it holds, itself
// maybe, are limited to. The service's lists are open, and all of them hold null.
func openEnums(schema *openapi3.Schema, opened map[*openapi3.Schema]bool) {
	if opened[schema] {
		return
	}
	opened[schema] = true
	if schema.Enum != nil {
		schema.Enum, schema.Nullable = nil, true
	}
	for _, ref := range schema.Properties {
		openEnums(ref.Value, opened)
	}
	if schema.Items != nil {
		openEnums(schema.Items.Value, opened)
	}
}
