package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// The meaning of keywords. Values of all others are compared literally.
var (
	methods = strings.Fields("connect delete get head options patch post put query trace")
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
	directs = regexp.MustCompile(`^x-((go|oapi-codegen)-|omit)`)
	shapes  = regexp.MustCompile(`^x-(go|oapi-codegen|enum|omit|order)`)
	// constantNames are extensions with names for the values of an enum, by position.
	constantNames = [...]string{"x-enum-varnames", "x-enumNames"}
	notInNames    = regexp.MustCompile(`[^\pL\p{Nd}]+`) // characters dropped from Go names
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
	if types, ok := m["type"].([]any); ok {
		m["type"] = strings.ReplaceAll(strings.Join(sorted(types), " or "), `"`, "")
	}
	if values, ok := m["enum"].([]any); ok {
		constants := map[string]any{}
		for i, value := range values {
			constant := map[string]any{"type": quoted(value)}
			for _, key := range constantNames {
				called, _ := m[key].([]any)
				constant[key] = append(slices.Clip(called), make([]any, len(values))...)[i]
			}
			constants[literal(value)] = constant
		}
		m["enum"] = constants
		delete(m, constantNames[0])
		delete(m, constantNames[1])
	}
	for _, key := range []string{"additionalProperties", "items"} {
		empty, isObject := m[key].(map[string]any)
		if isObject && len(empty) == 0 || m[key] == true && len(object(m, "properties")) == 0 {
			delete(m, key)
		}
	}
}

// sorted returns the scalars of a list as sorted text.
func sorted(list any) (all []string) {
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
	inStruct := func(s string) bool { return !strings.HasPrefix(s, "path ") }
	identifier := func(s string) string { return strings.ToLower(notInNames.ReplaceAllString(s, "")) }
	firstCounts := key == "properties" || key == "security" || key == "enum" // it was a map in Go, open to everybody, any value
	switch {
	case key == fieldsRequired && added == (at.part != "request"):
		return isNew
	case !added, !slices.Contains(offers, key), firstCounts && len(before) == 0,
		name == "the first", // replaces the client's
		key == "parameters" && (r["required"] == true || !like(inStruct)),                       // the first one changes the method's signature
		key == "content" && isJSON(name) && like(isJSON),                                        // the generated code distinguishes two by the exact header
		key == "enum" && like(func(s string) bool { return identifier(s) == identifier(name) }): // takes the other's Go name
		return mayBreak
	}
	return isNew
}

// refused returns an error when code must not be generated from upstream's text, because
// the generator finds instructions there, or anything else that drift does not see.
func refused(f file) error {
	if json.Valid([]byte(f.text)) {
		return errors.New("JSON, in which a key may occur twice, instead of YAML")
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(f.text)) // as the generator reads it
	if err != nil {
		return fmt.Errorf("the generator cannot read it: %w", err)
	}
	text, _ := json.Marshal(doc)
	var read any
	_ = json.Unmarshal(text, &read)
	return unseen(read, map[string]any(f.tree))
}

// unseen is refused for a value that the generator reads, and the value that drift has there.
func unseen(read, ours any, at ...string) (err error) {
	list, _ := read.([]any)
	known, _ := ours.([]any)
	known = append(slices.Clip(known), make([]any, len(list))...)
	for i := range list {
		err = cmp.Or(err, unseen(list[i], known[i], append(at, strconv.Itoa(i))...))
	}
	m, _ := read.(map[string]any)
	own, _ := ours.(map[string]any)
	values, _ := m["enum"].([]any)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		switch _, seen := own[key]; {
		case !seen:
			return fmt.Errorf("%s has %s in a spelling that only our generator understands", pointer(at), code(key))
		case directs.MatchString(key):
			return fmt.Errorf("%s has %s, an instruction to our generator, which only the overlay may give", pointer(at), code(key))
		case slices.Contains(constantNames[:], key) && (slices.Contains(values, nil) || slices.Contains(values, any("unmapped_value"))):
			return fmt.Errorf("%s names its enum values by position, and the overlay removes null and unmapped_value", pointer(at))
		}
		err = cmp.Or(err, unseen(m[key], own[key], append(at, key)...))
	}
	return err
}

// mayJoin returns an error when the client could not call the other description's
// operations as it should.
func mayJoin(known, other tree) (err error) {
	refuse := func(format string, args ...any) { err = cmp.Or(err, fmt.Errorf(format, args...)) }
	server := func(m map[string]any) string {
		list, _ := m["servers"].([]any)
		return strings.TrimSuffix(other.text(append(list, nil)[0], "url"), "/")
	}
	walk(map[string]any(other), func(m map[string]any, at ...string) {
		if theirs := server(m); theirs != "" && theirs != server(known) {
			refuse("its operations are at %s, and the client calls %s", code(theirs), code(server(known)))
		}
		if _, isList := m["type"].([]any); isList {
			refuse("%s has a list of types, as in OpenAPI 3.1, and the client is generated from OpenAPI 3.0", pointer(at))
		}
	})
	isOther := func(scheme string) bool {
		return !strings.EqualFold(other.text(object(other, "components", "securitySchemes")[scheme], "scheme"), "basic")
	}
	basic := func(v any) bool { return !slices.ContainsFunc(slices.Collect(maps.Keys(other.resolved(v))), isOther) }
	operations := other.operations(object(other, "paths"))
	for _, call := range slices.DeleteFunc(other.calls(), func(call string) bool { return known.has(call) }) {
		operation := object(operations, call)
		for _, v := range operation["parameters"].([]any) {
			schema := other.resolved(v)["schema"] // of which the overlay makes a PathParam
			if other.text(v, "in") == "path" && (schema == nil || slices.Contains([]string{"array", "object"}, other.text(schema, "type"))) {
				refuse("%s: the parameter %s has no schema of a single value", code(call), code(other.parameter(v)))
			}
		}
		if security, _ := operation["security"].([]any); len(security) > 0 && !slices.ContainsFunc(security, basic) {
			refuse("%s does not accept basic authentication, which the client uses", code(call))
		}
		seen := map[string]bool{}
		var follow func(m map[string]any, _ ...string)
		follow = func(m map[string]any, _ ...string) {
			name := strings.TrimPrefix(reference(m), "#/components/schemas/")
			if object(known, "components", "schemas", name, "properties") != nil {
				refuse("%s sends %s, whose Go type cannot leave out a member and clear another", code(call), code(name))
			}
			if name != "" && !seen[name] {
				seen[name] = true
				walk(other.resolved(m), follow)
			}
		}
		if strings.HasPrefix(call, "PATCH ") || strings.HasPrefix(call, "PUT ") {
			walk(operation["requestBody"], follow)
		}
	}
	return err
}

func pointer(at []string) string { return code("/" + strings.Join(at, "/")) }
