package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/speakeasy-api/openapi/jsonpointer"
	"gopkg.in/yaml.v3"
)

// maxValues limits the size of a description. The vendored one has two thousand values,
// a whole one of 2 MB a hundred thousand.
const maxValues = 500_000

// marks separate the values of a text.
var marks = regexp.MustCompile(`[\n,:\[{]|- `)

// tree is a parsed description.
type tree map[string]any

// object returns the object at the keys, nil if there is none.
func object(from map[string]any, keys ...string) map[string]any {
	for _, key := range keys {
		from, _ = from[key].(map[string]any)
	}
	return from
}

// parse reads an OpenAPI 3 description in YAML or JSON.
func parse(text string) (tree, error) {
	doc, err := node(text)
	if err != nil {
		return nil, err
	}
	return plain(doc)
}

func node(text string) (*yaml.Node, error) {
	if len(marks.FindAllStringIndex(text, maxValues+1)) > maxValues {
		return nil, fmt.Errorf("more than %d values", maxValues)
	}
	source := []byte(text)
	var v any
	j := json.NewDecoder(strings.NewReader(text))
	j.UseNumber()
	if json.Valid(source) && j.Decode(&v) == nil { // JSON is YAML, except for tabs and surrogate pairs
		source, _ = json.Marshal(v)
	}
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(source))
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	if d.Decode(new(yaml.Node)) != io.EOF {
		return nil, errors.New("more than one YAML document")
	}
	return &doc, nil
}

// plain returns the description in doc, or an error when it is incomplete: a truncated
// page must not be mistaken for one that describes less.
func plain(doc *yaml.Node) (t tree, err error) {
	asText(doc)
	if err := doc.Decode((*map[string]any)(&t)); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(fmt.Sprint(t["openapi"]), "3") {
		return nil, errors.New("not an OpenAPI 3 description")
	}
	return t, t.check()
}

// asText turns keys, such as an unquoted status, dates, and numbers that would be rounded
// into strings.
func asText(n *yaml.Node) {
	for i, item := range n.Content {
		tag := item.ShortTag()
		rounded := (tag == "!!int" || tag == "!!float") && len(item.Value) > 18
		if tag == "!!timestamp" || rounded || n.Kind == yaml.MappingNode && i%2 == 0 && tag != "!!merge" {
			item.Tag = "!!str"
		}
		asText(item)
	}
}

// walk calls f for every object of the description in v, outer ones first, with its path
// in v. It leaves out data, such as examples.
func walk(v any, f func(m map[string]any, at ...string), at ...string) {
	list, _ := v.([]any)
	for i, item := range list {
		walk(item, f, append(at, strconv.Itoa(i))...)
	}
	m, isObject := v.(map[string]any)
	if isObject {
		f(m, at...)
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		in := strings.Join(at[max(0, len(at)-1):], "")
		if !data.MatchString(key) || slices.Contains(holders, in) { // a name, such as default, is no keyword
			walk(m[key], f, append(at, key)...)
		}
	}
}

// resolve returns the object that v is or refers to through any number of references, nil
// if v is none.
func (t tree) resolve(v any) (map[string]any, error) {
	for range 100 {
		if schema, ok := v.(bool); ok { // OpenAPI 3.1
			return map[bool]map[string]any{true: {}, false: {"not": map[string]any{}}}[schema], nil
		}
		m, _ := v.(map[string]any)
		ref := reference(m)
		if ref == "" {
			return m, nil
		}
		pointer, local := strings.CutPrefix(ref, "#")
		if !local {
			return nil, fmt.Errorf("reference %q points outside the description", ref)
		}
		target, _ := jsonpointer.GetTarget(map[string]any(t), jsonpointer.JSONPointer(pointer))
		if _, isObject := target.(map[string]any); !isObject {
			return nil, fmt.Errorf("reference %q has no target object", ref)
		}
		v = target
	}
	return nil, errors.New("more than 100 references in a row, or a cycle of them")
}

// resolved is resolve after check, which reports the errors.
func (t tree) resolved(v any) map[string]any {
	m, _ := t.resolve(v)
	return m
}

// text returns a text of the object that v is or refers to.
func (t tree) text(v any, key string) string {
	s, _ := t.resolved(v)[key].(string)
	return s
}

// operations returns the operations of the paths by name, such as "GET /accounts", each
// with what it inherits.
func (t tree) operations(paths map[string]any) map[string]any {
	all := map[string]any{}
	for name, v := range paths {
		path := siblings(v)
		for key, value := range t.resolved(v) {
			path[key] = cmp.Or(path[key], value)
		}
		for _, method := range methods {
			own := object(path, method)
			if own == nil {
				continue
			}
			operation := maps.Clone(path)
			maps.DeleteFunc(operation, func(key string, _ any) bool { return slices.Contains(methods, key) })
			if security := t["security"]; security != nil {
				operation["security"] = security
			}
			maps.Copy(operation, own)
			operation["parameters"] = t.parameters(own, path)
			all[strings.ToUpper(method)+" "+name] = operation
		}
	}
	return all
}

// calls returns the sorted names of the operations.
func (t tree) calls() []string { return slices.Sorted(maps.Keys(t.operations(object(t, "paths")))) }

// has reports whether t has any of the operations.
func (t tree) has(calls ...string) bool {
	return slices.ContainsFunc(t.calls(), func(c string) bool { return slices.Contains(calls, c) })
}

// parameters returns those of the operation and those that it inherits from its path.
func (t tree) parameters(operation, path map[string]any) []any {
	all, _ := operation["parameters"].([]any)
	shared, _ := path["parameters"].([]any)
	for _, v := range shared {
		if !slices.ContainsFunc(all, func(own any) bool { return t.parameter(own) == t.parameter(v) }) {
			all = append(slices.Clip(all), v)
		}
	}
	return all
}

// parameter returns the name of one, such as "query page_size". Case does not matter in headers.
func (t tree) parameter(v any) string {
	name := t.text(v, "name")
	if t.text(v, "in") == "header" {
		name = http.CanonicalHeaderKey(name)
	}
	return t.text(v, "in") + " " + name
}

// check returns the first reason for which the description is incomplete.
func (t tree) check() (err error) {
	walk(map[string]any(t), func(m map[string]any, _ ...string) {
		_, dangling := t.resolve(m)
		err = cmp.Or(err, dangling)
	})
	for path, v := range object(t, "paths") {
		if t.resolved(v) == nil && strings.HasPrefix(path, "/") {
			err = cmp.Or(err, fmt.Errorf("path %q is not an object", path))
		}
	}
	operations := t.operations(object(t, "paths"))
	if len(operations) == 0 {
		err = cmp.Or(err, errors.New("the description has no operations"))
	}
	for name := range operations {
		if len(object(operations, name, "responses")) == 0 {
			err = cmp.Or(err, fmt.Errorf("%s has no responses", name))
		}
		walk(object(operations, name)["security"], func(alternative map[string]any, _ ...string) {
			for scheme := range alternative {
				v := object(t, "components", "securitySchemes")[scheme]
				if kind := t.text(v, "type"); kind == "" || kind == "http" && t.text(v, "scheme") == "" {
					err = cmp.Or(err, fmt.Errorf("%s: security scheme %q is missing or incomplete", name, scheme))
				}
			}
		})
	}
	return err
}
