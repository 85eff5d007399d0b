package main

import (
	"cmp"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What keywords mean. One that is in no table has a value, compared as it is.
var (
	methods = strings.Fields("delete get head options patch post put query trace")
	// named have objects by name, in OpenAPI or in the normal form. The values say what a report calls one.
	named = map[string]string{
		"operations": "operation", "callbacks": "callback", "parameters": "parameter",
		"responses": "response", "headers": "header", "content": "content type", "links": "link", "encoding": "encoding",
		"securitySchemes": "security scheme", "security": "security", "servers": "server", "tags": "tag",
		"properties": "property", "patternProperties": "pattern property", "dependentSchemas": "dependent schema",
		"$defs": "definition", "enum": "enum value", fieldsRequired: "required property",
		"allOf": "allOf", "oneOf": "oneOf", "anyOf": "anyOf", "prefixItems": "prefix item",
	}
	// schemas have a schema, or schemas.
	schemas = strings.Fields("schema items additionalProperties not contains propertyNames if then else properties " +
		"patternProperties dependentSchemas $defs allOf oneOf anyOf prefixItems")
	// offers are what a program may do without: one more is new.
	offers = strings.Fields("operations responses callbacks headers content links securitySchemes security " +
		"servers parameters properties enum")
	// absent values mean the same as none.
	absent = map[string]any{
		"nullable": false, "deprecated": false, "required": false, "uniqueItems": false, "readOnly": false,
		"writeOnly": false, "exclusiveMinimum": false, "exclusiveMaximum": false, "allowEmptyValue": false,
		"allowReserved": false, "minLength": 0, "minItems": 0, "minProperties": 0,
		"description": "", "summary": "", "title": "",
	}
	prose = regexp.MustCompile(`^(info|tags|externalDocs|examples?|description|summary|title|deprecated|\$comment|x-.*)$`)
	// directs matches instructions to our generator, and shapes what else changes the code.
	directs    = regexp.MustCompile(`^x-(go|oapi-codegen)-`)
	shapes     = regexp.MustCompile(`^x-(go|oapi-codegen|enum|omit|order)`)
	notInNames = regexp.MustCompile(`[^\pL\p{Nd}]+`) // what is left out of a Go name
)

// fieldsRequired is a schema's list in the normal form, unlike a parameter's boolean.
const fieldsRequired = "required "

// normal returns an object with what can be written in several ways in one, lists
// of things that have names as maps, and what is inherited where it belongs.
func (c *comparison) normal(t tree, m map[string]any, at place) map[string]any {
	m = maps.Clone(m)
	_, added := c.ours[at.call]
	switch {
	case at.kind == "callbacks": // a map from expressions to paths
		m = map[string]any{"operations": t.operations(m)}
	case at.kind == "operations" && added:
		delete(m, "operationId") // is our own
	case at.kind == "parameters" || at.kind == "headers":
		style := map[any]string{"query": "form", "cookie": "form"}[m["in"]]
		m["style"] = cmp.Or(m["style"], any(cmp.Or(style, "simple")))
		m["explode"] = cmp.Or(m["explode"], any(m["style"] == "form"))
		delete(m, "name") // is known, perhaps in other case
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
			case len(list) > 1 && c.ours == nil:
				name = cmp.Or(reference(item), name)
			}
			if _, isObject := item.(map[string]any); !isObject {
				item = map[string]any{}
			}
			items[name] = item
		}
		m[key] = items
	}
	return m
}

// schema writes a schema in its normal form.
func schema(m map[string]any) {
	required := map[string]any{}
	for _, name := range sorted(m["required"]) {
		required[name] = map[string]any{}
	}
	delete(m, "required")
	m[fieldsRequired] = required
	if types, ok := m["type"].([]any); ok {
		m["type"] = strings.Join(sorted(types), " or ")
	}
	if values, ok := m["enum"].([]any); ok {
		called, _ := cmp.Or(m["x-enum-varnames"], m["x-enumNames"]).([]any)
		called = append(slices.Clip(called), make([]any, len(values))...)
		constants := map[string]any{}
		for i, value := range values {
			constants[literal(value)] = map[string]any{"type": quoted(value), "x-enum-varnames": called[i]}
		}
		m["enum"] = constants
		delete(m, "x-enum-varnames")
		delete(m, "x-enumNames")
	}
	for _, key := range []string{"additionalProperties", "items"} {
		empty, isObject := m[key].(map[string]any)
		if isObject && len(empty) == 0 || m[key] == true && len(object(m, "properties")) == 0 {
			delete(m, key)
		}
	}
}

// sorted gives a list of scalars one order.
func sorted(list any) []string {
	var all []string
	items, _ := list.([]any)
	for _, item := range items {
		all = append(all, literal(item))
	}
	slices.Sort(all)
	return all
}

// gradeNamed grades what is on one side only, beside what was there before.
func gradeNamed(key, name string, before, r map[string]any, added bool, at place) grade {
	like := func(is func(string) bool) bool { return slices.ContainsFunc(slices.Collect(maps.Keys(before)), is) }
	isJSON := func(s string) bool { return strings.Contains(strings.ToLower(s), "json") }
	identifier := func(s string) string { return strings.ToLower(notInNames.ReplaceAllString(s, "")) }
	isIdentifier := func(s string) bool { return identifier(s) == identifier(name) }
	inStruct := func(s string) bool { return !strings.HasPrefix(s, "path ") }
	firstCounts := key == "properties" || key == "security" || key == "enum" // was a map in Go, open to all, any value
	switch {
	case key == fieldsRequired && added == (at.side == "response"):
		return isNew
	case !added, !slices.Contains(offers, key), firstCounts && len(before) == 0,
		name == "the first", // takes the place of the client's
		key == "parameters" && (r["required"] == true || !like(inStruct)), // the first one changes the method's signature
		key == "content" && isJSON(name) && like(isJSON),                  // Go tells two apart by the whole header
		key == "enum" && like(isIdentifier):                               // takes over the Go name
		return mayBreak
	}
	return isNew
}
