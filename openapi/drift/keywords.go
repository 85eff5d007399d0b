package main

import (
	"cmp"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

func names(list string) map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(list) {
		m[name] = true
	}
	return m
}

// What keywords mean. One that is in no table has a value, compared as it is.
var (
	methods = []string{"delete", "get", "head", "options", "patch", "post", "put", "query", "trace"}
	// single have an object.
	single = names("requestBody components schema items additionalProperties not contains propertyNames if then else " + strings.Join(methods, " "))
	// named have objects by name, in OpenAPI or in the normal form.
	named = names("paths webhooks parameters responses callbacks headers content links encoding securitySchemes security servers tags " +
		"properties patternProperties dependentSchemas $defs enum allOf oneOf anyOf prefixItems")
	// schemas have a schema, or schemas.
	schemas = names("schema items additionalProperties not contains propertyNames if then else properties patternProperties dependentSchemas $defs allOf oneOf anyOf prefixItems")
	// documents are documentation, as are extensions that tell our generator nothing.
	documents = names("info tags externalDocs examples example description summary title deprecated $comment")
	directing = names("x-enum-varnames x-enumNames x-omitempty x-omitzero x-order")
	// offers are what a program may do without: one more is new.
	offers = names("paths webhooks operations responses callbacks headers content links securitySchemes security servers parameters properties enum requestBody")
	// absent values mean the same as none.
	absent = map[string]any{
		"nullable": false, "deprecated": false, "required": false, isRequired: false, "uniqueItems": false, "readOnly": false, "writeOnly": false,
		"exclusiveMinimum": false, "exclusiveMaximum": false, "allowEmptyValue": false, "allowReserved": false,
		"minLength": 0, "minItems": 0, "minProperties": 0, "description": "", "summary": "", "title": "",
	}
)

var keyword = regexp.MustCompile(`^[$a-zA-Z]+$`)

// isRequired is the member of a property that says what its object says in required.
const isRequired = "required "

func isProse(key string) bool {
	return documents[key] || strings.HasPrefix(key, "x-") && !directs(key) && !directing[key]
}

// directs says whether the extension is an instruction to our generator.
// (x-deprecated-reason only makes it write another comment.)
func directs(key string) bool {
	return strings.HasPrefix(key, "x-go-") || strings.HasPrefix(key, "x-oapi-codegen-")
}

// normal returns an object with what can be written in several ways in one, lists
// of things that have names as maps, and what is inherited where it belongs.
func (w *walker) normal(t tree, m map[string]any, at place) map[string]any {
	m = maps.Clone(m)
	switch {
	case at.kind == "description" && w.ours != nil: // what a larger one says of itself says nothing about ours
		m = map[string]any{"servers": m["servers"], "paths": m["paths"]}
	case at.kind == "description":
		delete(m, "security")
	case at.kind == "components": // the others are met where they are used
		m = map[string]any{"securitySchemes": m["securitySchemes"]}
	case at.kind == "callbacks": // a map from expressions to paths
		m = map[string]any{"paths": m}
	case at.kind == "paths" || at.kind == "webhooks":
		for _, method := range methods {
			if operation := maps.Clone(object(m, method)); operation != nil {
				operation["parameters"] = t.parameters(operation, m)
				m[method] = operation
			}
		}
		delete(m, "parameters")
	case at.kind == "operation":
		m["security"] = t.security(m)
		if _, added := w.ours[at.call]; added {
			delete(m, "operationId") // is our own
		}
	case at.kind == "parameters" || at.kind == "headers":
		style := map[any]string{"query": "form", "cookie": "form"}[m["in"]]
		m["style"] = cmp.Or(m["style"], any(cmp.Or(style, "simple")))
		m["explode"] = cmp.Or(m["explode"], any(m["style"] == "form"))
		delete(m, "name") // is known, perhaps in other case
	case schemas[at.kind]:
		schema(m)
	}
	if headers := object(m, "headers"); headers != nil && !schemas[at.kind] {
		canonical := map[string]any{}
		for name, header := range headers {
			canonical[http.CanonicalHeaderKey(name)] = header
		}
		m["headers"] = canonical
	}
	for _, key := range []string{"tags", "security", "servers", "parameters", "allOf", "oneOf", "anyOf", "prefixItems"} {
		list, isList := m[key].([]any)
		if !isList {
			continue
		}
		items := map[string]any{}
		for i, item := range list {
			name := cmp.Or(reference(item), "part "+strconv.Itoa(i+1))
			switch {
			case key == "tags":
				name = cmp.Or(t.text(item, "name"), literal(item))
			case key == "security":
				name = alternative(item)
			case key == "servers" && i == 0 && at.kind == "description":
				name = "the first"
			case key == "servers":
				name = t.text(item, "url")
			case key == "parameters":
				name = t.parameter(item)
			case len(list) == 1 || w.ours != nil:
				name = "part " + strconv.Itoa(i+1)
			}
			if _, isObject := item.(map[string]any); !isObject || key == "security" {
				item = map[string]any{}
			}
			items[name] = item
		}
		m[key] = items
	}
	return m
}

// alternative names one of several ways to sign in.
func alternative(v any) string {
	m, _ := v.(map[string]any)
	var parts []string
	for _, scheme := range slices.Sorted(maps.Keys(m)) {
		scopes, _ := m[scheme].([]any)
		parts = append(parts, strings.TrimSpace(scheme+" "+strings.Join(sorted(scopes), " ")))
	}
	return strings.Join(parts, " and ")
}

// schema gives the properties what their schema says of them, and its values their names.
func schema(m map[string]any) {
	required, _ := m["required"].([]any)
	delete(m, "required")
	if properties := maps.Clone(object(m, "properties")); properties != nil {
		for _, name := range sorted(required) {
			if property := maps.Clone(object(properties, name)); property != nil {
				property[isRequired] = true
				properties[name] = property
			}
		}
		m["properties"] = properties
	} else if len(required) > 0 { // of what other schemas describe
		m["required"] = sorted(required)
	}
	if types, ok := m["type"].([]any); ok {
		m["type"] = strings.Join(sorted(types), " or ")
	}
	called, _ := cmp.Or(m["x-enum-varnames"], m["x-enumNames"]).([]any)
	if values, ok := m["enum"].([]any); ok {
		constants := map[string]any{}
		for i, value := range values {
			constant := map[string]any{"type": quoted(value)}
			if i < len(called) {
				constant["x-enum-varnames"] = called[i]
			}
			constants[literal(value)] = constant
		}
		m["enum"] = constants
		delete(m, "x-enum-varnames")
		delete(m, "x-enumNames")
	}
	nothing := func(key string) bool { v, ok := m[key].(map[string]any); return ok && len(v) == 0 }
	if nothing("additionalProperties") || m["additionalProperties"] == true && len(object(m, "properties")) == 0 {
		delete(m, "additionalProperties")
	}
	if nothing("items") {
		delete(m, "items")
	}
}

// sorted gives a list of scalars one order.
func sorted(list []any) []string {
	var all []string
	for _, item := range list {
		all = append(all, literal(item))
	}
	slices.Sort(all)
	return all
}

// gradeValue grades the change of a value.
func gradeValue(key string, to any, at place) grade {
	if at.side == "request" && (key == "nullable" && to == true || strings.HasPrefix(key, "required") && to == false) ||
		at.side == "response" && key == isRequired && to == true {
		return isNew
	}
	return mayBreak
}

// gradeNamed grades what is on one side only: r, nil when it was removed, beside
// what was there before.
func (w *walker) gradeNamed(key, name string, before map[string]any, r any, at place) grade {
	resolved, _ := w.revision.resolve(r)
	m, _ := resolved.(map[string]any)
	like := func(is func(string) bool) bool { return slices.ContainsFunc(slices.Collect(maps.Keys(before)), is) }
	isJSON := func(s string) bool { return strings.Contains(strings.ToLower(s), "json") }
	isIdentifier := func(s string) bool { return identifier(s) == identifier(name) }
	inStruct := func(s string) bool { return !strings.HasPrefix(s, "path ") }
	switch {
	case r == nil, !offers[key],
		key == "properties" && (len(before) == 0 || m[isRequired] == true && at.side != "response"), // was a map in Go, or must be set
		key == "requestBody" && m["required"] == true,
		key == "parameters" && (m["required"] == true || !like(inStruct)), // the first one changes the method's signature
		key == "security" && len(before) == 0,                             // was open to all
		key == "servers" && at.path != "",                                 // takes the place of the client's
		key == "content" && isJSON(name) && like(isJSON),                  // the generated code tells two apart by the whole header
		key == "enum" && like(isIdentifier):                               // takes over the Go name
		return mayBreak
	}
	return isNew
}

// identifier is what of a value is left in a Go name.
func identifier(value string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, value)
}

// typeOf is the type of a schema, "" for none.
func (w *walker) typeOf(v any) string {
	v, _ = w.revision.resolve(v)
	m, _ := v.(map[string]any)
	if m = maps.Clone(m); m["type"] == nil {
		return ""
	}
	schema(m)
	return " " + code(literal(m["type"]))
}

// spelled shows a keyword as it is, and what is none as a code span.
func spelled(key string) string {
	if key = strings.TrimSpace(key); keyword.MatchString(key) {
		return key
	}
	return code(key)
}

func singular(key string) string {
	return cmp.Or(map[string]string{
		"properties": "property", "patternProperties": "pattern property", "securitySchemes": "security scheme",
		"content": "content type", "security": "security", "enum": "enum value",
	}[key], strings.TrimSuffix(key, "s")) + " "
}
