package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The meaning of keywords. Values of all others are compared literally.
var (
	methods = strings.Fields("delete get head options patch post put query trace")
	// named keywords map names to objects, in OpenAPI or in the normal form; the values are the
	// report's terms for one of these objects.
	named = map[string]string{
		"operations": "operation", "callbacks": "callback", "parameters": "parameter",
		"responses": "response", "headers": "header", "content": "content type", "links": "link", "encoding": "encoding",
		"securitySchemes": "security scheme", "security": "security", "servers": "server", "tags": "tag",
		"properties": "property", "patternProperties": "pattern property", "dependentSchemas": "dependent schema",
		"$defs": "definition", "enum": "enum value", fieldsRequired: "required property",
		"allOf": "allOf", "oneOf": "oneOf", "anyOf": "anyOf", "prefixItems": "prefix item",
	}
	// schemas are the keywords that hold schemas.
	schemas = strings.Fields("schema items additionalProperties not contains propertyNames if then else properties " +
		"patternProperties dependentSchemas $defs allOf oneOf anyOf prefixItems")
	// holders are the keywords that map names to parts of the description.
	holders = strings.Fields("paths webhooks schemas responses parameters requestBodies headers securitySchemes links " +
		"callbacks pathItems content encoding variables properties patternProperties dependentSchemas $defs")
	// offers are the keywords whose additions a program can ignore.
	offers = strings.Fields("operations responses callbacks headers content links securitySchemes security " +
		"servers parameters properties enum")
	// absent has the values of keywords that mean the same as leaving them out.
	absent = map[string]any{
		"nullable": false, "deprecated": false, "required": false, "uniqueItems": false, "readOnly": false,
		"writeOnly": false, "exclusiveMinimum": false, "exclusiveMaximum": false, "allowEmptyValue": false,
		"allowReserved": false, "minLength": 0, "minItems": 0, "minProperties": 0,
		"description": "", "summary": "", "title": "",
	}
	// data matches keywords whose values are no part of the description.
	data  = regexp.MustCompile(`^(examples?|default|const|x-.*)$`)
	prose = regexp.MustCompile(`^(info|tags|externalDocs|examples?|description|summary|title|deprecated|\$comment|x-.*)$`)
	// directs matches instructions to our generator, shapes everything that changes its output.
	directs    = regexp.MustCompile(`^x-(go|oapi-codegen)-`)
	shapes     = regexp.MustCompile(`^x-(go|oapi-codegen|enum|omit|order)`)
	notInNames = regexp.MustCompile(`[^\pL\p{Nd}]+`) // characters dropped from Go names
)

// fieldsRequired is a schema's required list in the normal form; a parameter has a boolean.
const fieldsRequired = "required "

// normal returns an object in a form that is the same for all spellings of the same
// meaning: lists of named things become maps, and defaults are written out.
func (c *comparison) normal(t tree, m map[string]any, at place) map[string]any {
	m = maps.Collect(maps.All(m)) // never nil
	_, added := c.ours[at.call]
	switch {
	case at.kind == "callbacks": // a map from expressions to paths
		m = map[string]any{"operations": t.operations(m)}
	case at.kind == "operations" && added:
		delete(m, "operationId") // we chose it
	case at.kind == "parameters", at.kind == "headers":
		style := map[string]string{"query": "form", "cookie": "form"}[fmt.Sprint(m["in"])]
		m["style"] = cmp.Or(m["style"], any(cmp.Or(style, "simple")))
		m["explode"] = cmp.Or(m["explode"], any(m["style"] == "form"))
		delete(m, "name") // compared already; case does not matter in headers
	case slices.Contains(schemas, at.kind):
		schema(m)
	}
	if headers := object(m, "headers"); headers != nil {
		canonical := map[string]any{}
		for name, header := range headers {
			canonical[http.CanonicalHeaderKey(name)] = header
		}
		m["headers"] = canonical
	}
	for key := range strings.FieldsSeq("tags security servers parameters allOf oneOf anyOf prefixItems") {
		list, isList := m[key].([]any)
		if !isList {
			continue
		}
		items := map[string]any{}
		for i, item := range list {
			name := "part " + strconv.Itoa(i+1)
			switch {
			case key == "tags":
				name = cmp.Or(t.text(item, "name"), literal(item))
			case key == "security":
				name, item = quoted(item), nil
			case key == "servers" && i == 0:
				name = "the first"
			case key == "servers":
				name = t.text(item, "url")
			case key == "parameters":
				name = t.parameter(item)
			case len(list) > 1 && c.ours == nil && len(siblings(item)) == 0:
				name = cmp.Or(reference(item), name)
			}
			if _, isObject := item.(map[string]any); !isObject {
				item = maps.Collect(maps.All(t.resolved(item)))
			}
			items[name] = item
		}
		m[key] = items
	}
	return m
}

// schema converts a schema to its normal form.
func schema(m map[string]any) {
	required := map[string]any{}
	for _, name := range sorted(m["required"]) {
		required[name] = map[string]any{}
	}
	delete(m, "required")
	m[fieldsRequired] = required
	if value, ok := m["const"]; ok {
		m["const"] = []any{value} // unlike nothing if it is null
	}
	if types, ok := m["type"].([]any); ok {
		m["type"] = strings.ReplaceAll(strings.Join(sorted(types), " or "), `"`, "")
	}
	if values, ok := m["enum"].([]any); ok {
		called, _ := m["x-enum-varnames"].([]any)
		called = append(slices.Clip(called), make([]any, len(values))...)
		constants := map[string]any{}
		for i, value := range values {
			constants[literal(value)] = map[string]any{"type": quoted(value), "x-enum-varnames": called[i]}
		}
		m["enum"] = constants
		delete(m, "x-enum-varnames")
	}
	for _, key := range []string{"additionalProperties", "items"} {
		empty, isObject := m[key].(map[string]any)
		if isObject && len(empty) == 0 || m[key] == true && len(object(m, "properties")) == 0 {
			delete(m, key)
		}
	}
}

// sorted returns the scalars of a list as sorted text.
func sorted(list any) []string {
	var all []string
	items, _ := list.([]any)
	for _, item := range items {
		all = append(all, literal(item))
	}
	slices.Sort(all)
	return all
}

// gradeNamed grades a thing that only one side has, given those that were there before.
func gradeNamed(key, name string, before, r map[string]any, added bool, at place) grade {
	like := func(is func(string) bool) bool { return slices.ContainsFunc(slices.Collect(maps.Keys(before)), is) }
	isJSON := func(s string) bool { return strings.Contains(strings.ToLower(s), "json") }
	identifier := func(s string) string { return strings.ToLower(notInNames.ReplaceAllString(s, "")) }
	isIdentifier := func(s string) bool { return identifier(s) == identifier(name) }
	inStruct := func(s string) bool { return !strings.HasPrefix(s, "path ") }
	firstCounts := key == "properties" || key == "security" || key == "enum" // it was a map in Go, open to everybody, any value
	switch {
	case key == fieldsRequired && added == (at.part != "request"):
		return isNew
	case !added, !slices.Contains(offers, key), firstCounts && len(before) == 0,
		name == "the first", // replaces the client's
		key == "parameters" && (r["required"] == true || !like(inStruct)), // the first one changes the method's signature
		key == "content" && isJSON(name) && like(isJSON),                  // the generated code distinguishes two by the exact header
		key == "enum" && like(isIdentifier):                               // takes the other's Go name
		return mayBreak
	}
	return isNew
}
