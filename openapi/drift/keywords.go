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
	case at.kind == "description":
		delete(m, "security")
		m["tags"] = keyed(m["tags"], func(_ int, v any) string { return t.text(v, "name") })
		if w.ours != nil { // what a larger one says of itself says nothing about ours
			m = map[string]any{"servers": m["servers"], "paths": m["paths"]}
		}
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
		m["parameters"] = keyed(m["parameters"], func(_ int, v any) string { return t.parameter(v) })
		m["tags"] = keyed(m["tags"], func(_ int, v any) string { return literal(v) })
		m["security"] = keyed(t.security(m), alternative)
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
		for _, key := range []string{"allOf", "oneOf", "anyOf", "prefixItems"} {
			list, _ := m[key].([]any)
			m[key] = keyed(m[key], func(i int, v any) string {
				if ref := reference(v); ref != "" && len(list) > 1 && w.ours == nil {
					return ref
				}
				return "part " + strconv.Itoa(i+1)
			})
		}
		return m
	}
	m["servers"] = keyed(m["servers"], func(i int, v any) string {
		if i == 0 && at.kind == "description" {
			return "the first"
		}
		return t.text(v, "url")
	})
	if headers := object(m, "headers"); headers != nil {
		canonical := map[string]any{}
		for name, header := range headers {
			canonical[http.CanonicalHeaderKey(name)] = header
		}
		m["headers"] = canonical
	}
	return m
}

// alternative names one of several ways to sign in.
func alternative(_ int, v any) string {
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

// keyed makes a list a map by the names that name gives its items.
func keyed(v any, name func(i int, v any) string) any {
	list, isList := v.([]any)
	if !isList {
		return v
	}
	m := map[string]any{}
	for i, item := range list {
		if _, isObject := item.(map[string]any); !isObject {
			item = map[string]any{}
		}
		m[name(i, list[i])] = item
	}
	return m
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
	breaks := r == nil || !offers[key]
	switch key {
	case "properties": // of what was a map in Go, or a field that callers must set
		breaks = breaks || len(before) == 0 || m[isRequired] == true && at.side != "response"
	case "requestBody":
		breaks = breaks || m["required"] == true
	case "parameters": // the first one that is not in the path changes the method's signature
		breaks = breaks || m["required"] == true || !like(func(s string) bool { return !strings.HasPrefix(s, "path ") })
	case "security": // of what was open to all
		breaks = breaks || len(before) == 0
	case "servers": // of a path or an operation, which take the place of the client's
		breaks = breaks || at.path != ""
	case "content": // the generated code tells two of JSON apart by the whole header
		breaks = breaks || isJSON(name) && like(isJSON)
	case "enum": // another value has the Go name
		breaks = breaks || like(func(s string) bool { return identifier(s) == identifier(name) })
	}
	if breaks {
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

// typeOf is the type of a schema, or of the one that it wraps.
func (w *walker) typeOf(v any) string {
	v, _ = w.revision.resolve(v)
	m, _ := v.(map[string]any)
	if parts, _ := m["allOf"].([]any); len(parts) == 1 && m["type"] == nil {
		v, _ = w.revision.resolve(parts[0])
		m, _ = v.(map[string]any)
	}
	m = maps.Clone(m)
	schema(m)
	if m["type"] == nil {
		return ""
	}
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
