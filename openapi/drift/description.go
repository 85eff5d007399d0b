package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxValues bounds a description. The vendored one has two thousand values, a
// whole one of 2 MB a hundred thousand.
const maxValues = 1_000_000

// tree is a description as plain values.
type tree map[string]any

// object returns the object at the keys, nil when there is none.
func object(from map[string]any, keys ...string) map[string]any {
	for _, key := range keys {
		from, _ = from[key].(map[string]any)
	}
	return from
}

// parse reads an OpenAPI 3 description in YAML or JSON and checks that nothing is
// missing: a page that was cut must not pass for one with less in it.
func parse(text string) (tree, error) {
	doc, err := node(text)
	if err != nil {
		return nil, err
	}
	t, err := plain(doc)
	if err == nil && !strings.HasPrefix(literal(t["openapi"]), "3") {
		err = errors.New("not an OpenAPI 3 description")
	}
	if err == nil {
		err = t.check()
	}
	return t, err
}

func node(text string) (*yaml.Node, error) {
	if strings.Count(text, "\n")+strings.Count(text, ",")+strings.Count(text, ":")+strings.Count(text, "[")+strings.Count(text, "- ") > maxValues {
		return nil, fmt.Errorf("more than %d values", maxValues)
	}
	if json.Valid([]byte(text)) { // which is YAML but for tabs and for halves of a surrogate pair
		var v any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		_ = d.Decode(&v)
		b, _ := json.Marshal(v)
		text = string(b)
	}
	var doc yaml.Node
	d := yaml.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	if d.Decode(new(yaml.Node)) != io.EOF {
		return nil, errors.New("more than one YAML document")
	}
	return &doc, nil
}

// plain returns the object in doc.
func plain(doc *yaml.Node) (t tree, err error) {
	asText(doc)
	return t, doc.Decode((*map[string]any)(&t))
}

// asText makes keys texts, such as a status without quotes, and dates, as in JSON.
func asText(n *yaml.Node) {
	for i, item := range n.Content {
		if tag := item.ShortTag(); tag == "!!timestamp" || n.Kind == yaml.MappingNode && i%2 == 0 && tag != "!!merge" {
			item.Tag = "!!str"
		}
		asText(item)
	}
}

// walk calls f for every object below v, outer ones first.
func walk(v any, at string, f func(m map[string]any, at string) error) error {
	list, _ := v.([]any)
	for i, item := range list {
		if err := walk(item, at+"/"+strconv.Itoa(i), f); err != nil {
			return err
		}
	}
	m, isObject := v.(map[string]any)
	if !isObject {
		return nil
	}
	err := f(m, at)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if err == nil {
			err = walk(m[key], at+"/"+key, f)
		}
	}
	return err
}

// resolve follows the references that begin at v to the value they lead to. What
// stands beside a reference, which OpenAPI 3.1 allows, adds to that value.
func (t tree) resolve(v any) (any, error) {
	var beside []map[string]any
	for range 100 {
		m, _ := v.(map[string]any)
		ref, ok := m["$ref"].(string)
		if !ok {
			for _, more := range slices.Backward(beside) {
				v = with(v, more)
			}
			return v, nil
		}
		beside = append(beside, m)
		pointer, local := strings.CutPrefix(ref, "#/")
		if !local {
			return nil, fmt.Errorf("reference %q leads out of the description", ref)
		}
		v = map[string]any(t)
		for name := range strings.SplitSeq(pointer, "/") {
			if unescaped, err := url.PathUnescape(name); err == nil {
				name = unescaped
			}
			in, _ := v.(map[string]any)
			list, _ := v.([]any)
			v, ok = in[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
			if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(list) {
				v, ok = list[i], true
			}
			if !ok {
				return nil, fmt.Errorf("reference %q leads nowhere", ref)
			}
		}
	}
	return nil, errors.New("references lead in a circle")
}

// with returns the object v with what more says beside a reference to it.
func with(v any, more map[string]any) any {
	m, _ := v.(map[string]any)
	if m == nil || len(more) == 1 {
		return v
	}
	m = maps.Clone(m)
	for key, value := range more {
		inner, outer := object(m, key), object(more, key)
		list, _ := m[key].([]any)
		if names, _ := value.([]any); key == "required" && len(list) > 0 {
			value = slices.Concat(list, names)
		} else if key == "properties" && inner != nil && outer != nil {
			value = maps.Clone(inner)
			maps.Copy(value.(map[string]any), outer)
		}
		m[key] = value
	}
	delete(m, "$ref")
	return m
}

// call names an operation.
type call struct{ path, method string }

func (c call) String() string { return strings.ToUpper(c.method) + " " + c.path }

// path returns the object of a path, which may be a reference.
func (t tree) path(name string) map[string]any {
	v, _ := t.resolve(object(t, "paths")[name])
	m, _ := v.(map[string]any)
	return m
}

func (t tree) operation(c call) map[string]any { return object(t.path(c.path), c.method) }

// shares says whether the descriptions have an operation in common.
func (t tree) shares(other tree) bool {
	return slices.ContainsFunc(other.calls(), func(c call) bool { return t.operation(c) != nil })
}

// calls returns the operations in the order of their paths.
func (t tree) calls() []call {
	var all []call
	for _, path := range slices.Sorted(maps.Keys(object(t, "paths"))) {
		for _, method := range methods {
			if c := (call{path, method}); t.operation(c) != nil {
				all = append(all, c)
			}
		}
	}
	return all
}

// text is a member of the object that v refers to.
func (t tree) text(v any, key string) string {
	v, _ = t.resolve(v)
	m, _ := v.(map[string]any)
	s, _ := m[key].(string)
	return s
}

// security lists the alternatives that the operation has or inherits.
func (t tree) security(operation map[string]any) any {
	if own, ok := operation["security"]; ok {
		return own
	}
	return t["security"]
}

// parameters lists those of the operation and the others of its path.
func (t tree) parameters(operation, path map[string]any) any {
	own, _ := operation["parameters"].([]any)
	shared, ok := path["parameters"].([]any)
	if !ok || own == nil && operation["parameters"] != nil {
		return operation["parameters"]
	}
	return append(slices.DeleteFunc(slices.Clone(shared), func(v any) bool {
		return slices.ContainsFunc(own, func(other any) bool { return t.parameter(other) == t.parameter(v) })
	}), own...)
}

// parameter names one: "query page_size". HTTP tells no case of headers.
func (t tree) parameter(v any) string {
	name := t.text(v, "name")
	if t.text(v, "in") == "header" {
		name = http.CanonicalHeaderKey(name)
	}
	return t.text(v, "in") + " " + name
}

// check finds what a description that was cut lacks.
func (t tree) check() error {
	err := walk(map[string]any(t), "", func(m map[string]any, _ string) error {
		_, err := t.resolve(m)
		return err
	})
	if err == nil && len(t.calls()) == 0 {
		err = errors.New("the description has no operations")
	}
	for _, c := range t.calls() {
		operation := t.operation(c)
		if err == nil && len(object(operation, "responses")) == 0 {
			err = fmt.Errorf("%v: no responses", c)
		}
		alternatives, _ := t.security(operation).([]any)
		for _, alternative := range alternatives {
			m, _ := alternative.(map[string]any)
			for name := range m {
				scheme := object(t, "components", "securitySchemes")[name]
				kind := t.text(scheme, "type")
				if err == nil && (kind == "" || kind == "http" && t.text(scheme, "scheme") == "") {
					err = fmt.Errorf("%v: security scheme %q is missing or incomplete", c, name)
				}
			}
		}
	}
	return err
}
