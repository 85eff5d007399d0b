package client_test

import (
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// formats are the zero value and another one of strings that have a Go type.
var formats = map[string][2]string{
	"byte":      {"", "AAAA"},
	"date":      {"0001-01-01", "2026-01-02"},
	"date-time": {"0001-01-01T00:00:00Z", "2026-01-02T03:04:05Z"},
	"duration":  {"PT0S", "P1D"},
	"email":     {"a@example.com", "b@example.com"}, // cannot be empty
	"uuid":      {"00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001"},
}

// sample returns a value of the schema. If it is not full, it has the required members only
// and its numbers, booleans and dates are zero. Lists have size items; in each level below,
// size is one less, and at zero there are no optional members.
func sample(ref *openapi3.SchemaRef, full bool, text string, size int) any {
	if ref == nil || size < -9 { // a schema may require itself
		return text
	}
	schema, properties := ref.Value, openapi3.Schemas{}
	names := collect(schema, properties)
	one := map[bool]int{true: 1}[full]
	switch {
	case schema.Type.Is("array"):
		list := []any{}
		for range size {
			list = append(list, sample(schema.Items, full, text, size-1))
		}
		return list
	case schema.Type.Is("integer") || schema.Type.Is("number"):
		return one
	case schema.Type.Is("boolean"):
		return full
	case schema.Type.Is("object") || len(properties) > 0:
		object := map[string]any{}
		if full && size > 0 {
			names = append(names, slices.Collect(maps.Keys(properties))...)
			more := schema.AdditionalProperties
			if more.Schema != nil || more.Has != nil && *more.Has || more.Has == nil && len(properties) == 0 {
				object["additional"] = sample(more.Schema, full, text, size-1)
			}
		}
		for _, name := range names {
			if p := properties[name]; p == nil || !p.Value.ReadOnly {
				object[name] = sample(p, full, text, size-1)
			}
		}
		return object
	}
	for _, part := range parts(schema) {
		return sample(part, full, text, size)
	}
	if format, ok := formats[schema.Format]; ok {
		return format[one]
	}
	return text
}

// collect adds the properties of a schema and its parts and returns the required ones.
func collect(schema *openapi3.Schema, properties openapi3.Schemas) (required []string) {
	maps.Copy(properties, schema.Properties)
	required = slices.Clone(schema.Required)
	for _, part := range parts(schema) {
		required = append(required, collect(part.Value, properties)...)
	}
	return required
}

// parts returns the schemas of which a value of the schema may be composed.
func parts(schema *openapi3.Schema) openapi3.SchemaRefs {
	return slices.Concat(schema.AllOf, schema.OneOf[:min(1, len(schema.OneOf))], schema.AnyOf[:min(1, len(schema.AnyOf))])
}
