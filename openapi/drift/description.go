package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Limits of a description. Reading takes time with the square of the nesting,
// and aliases make much out of little. The vendored one nests 13 levels and has
// two thousand nodes, a whole one of 2 MB a hundred thousand.
const (
	maxDepth = 200
	maxNodes = 2_000_000
)

// tree is a description as plain maps with text keys, lists and scalars.
type tree map[string]any

func (t tree) paths() map[string]any { return object(t, "paths") }

// object is the object at the keys, nil when there is none.
func object(from map[string]any, keys ...string) map[string]any {
	for _, key := range keys {
		from, _ = from[key].(map[string]any)
	}
	return from
}

// parse reads an OpenAPI 3 description in YAML or JSON, checks what tells a
// whole one from one that was cut, and writes what has several spellings in one.
func parse(text string) (tree, error) {
	doc, err := node(text)
	if err != nil {
		return nil, err
	}
	v, err := plain(doc)
	if err != nil {
		return nil, err
	}
	t := tree(v)
	if version, _ := t["openapi"].(string); !strings.HasPrefix(version, "3.") {
		return nil, errors.New("no OpenAPI 3 description")
	}
	if len(t.paths()) == 0 {
		return nil, errors.New("the description has no paths")
	}
	if err := checkRefs(t); err != nil {
		return nil, err
	}
	spreadSecurity(t)
	spreadParameters(t)
	return t, nil
}

func node(text string) (*yaml.Node, error) {
	doc, err := yamlNode(text)
	if err != nil && strings.HasPrefix(strings.TrimSpace(text), "{") {
		// JSON is YAML but for tabs and for halves of a surrogate pair.
		var v any
		if json.Unmarshal([]byte(text), &v) == nil {
			b, _ := json.Marshal(v)
			return yamlNode(string(b))
		}
	}
	return doc, err
}

func yamlNode(text string) (*yaml.Node, error) {
	var doc yaml.Node
	d := yaml.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	if err := d.Decode(new(yaml.Node)); err != io.EOF {
		return nil, cmp.Or(err, errors.New("more than one YAML document"))
	}
	return &doc, nil
}

// plain is the object that doc holds, nil when that is no object.
func plain(doc *yaml.Node) (map[string]any, error) {
	var c converter
	v, err := c.value(doc, "", 0)
	m, _ := v.(map[string]any)
	return m, err
}

// converter turns nodes into plain values. YAML's own decoder takes an unquoted
// status for a number and a date for a time, which they are not in JSON, and
// compares each key of an object with all others.
type converter struct{ nodes int }

func (c *converter) value(n *yaml.Node, key string, depth int) (any, error) {
	c.nodes++
	switch {
	case depth > maxDepth:
		return nil, fmt.Errorf("line %d: nested more than %d levels deep", n.Line, maxDepth)
	case c.nodes > maxNodes:
		return nil, fmt.Errorf("line %d: more than %d values, aliases followed", n.Line, maxNodes)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return c.value(n.Content[0], key, depth)
	case yaml.AliasNode:
		return c.value(n.Alias, key, depth+1)
	case yaml.MappingNode:
		return c.object(n, depth)
	case yaml.SequenceNode:
		return c.list(n, key, depth)
	}
	switch n.ShortTag() {
	case "!!null", "!!bool", "!!int", "!!float":
		var v any
		err := n.Decode(&v)
		return v, err
	}
	return n.Value, nil
}

func (c *converter) object(n *yaml.Node, depth int) (any, error) {
	m := make(map[string]any, len(n.Content)/2)
	merged := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		v, err := c.value(value, key.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if key.ShortTag() == "!!merge" {
			sources, isList := v.([]any)
			if !isList {
				sources = []any{v}
			}
			for _, source := range slices.Backward(sources) { // the first one wins
				object, _ := source.(map[string]any)
				maps.Copy(merged, object)
			}
			continue
		}
		if _, twice := m[key.Value]; twice || key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: key %q is there twice or is no text", key.Line, key.Value)
		}
		m[key.Value] = v
	}
	maps.Copy(merged, m)
	return merged, nil
}

// list gives a list of scalars one order, as in enum, required and tags. A
// default keeps its own, since it is a value.
func (c *converter) list(n *yaml.Node, key string, depth int) (any, error) {
	items, orders := make([]any, len(n.Content)), make(map[any]string)
	scalars := key != "default" && key != "const"
	for i, item := range n.Content {
		v, err := c.value(item, key, depth+1)
		if err != nil {
			return nil, err
		}
		switch items[i] = v; v.(type) {
		case map[string]any, []any:
			scalars = false
		default:
			orders[v] = fmt.Sprintf("%T %[1]v", v)
		}
	}
	if scalars {
		slices.SortFunc(items, func(a, b any) int { return strings.Compare(orders[a], orders[b]) })
	}
	return items, nil
}

// walk calls f for every object below v, outer ones first.
func walk(v any, f func(map[string]any) error) error {
	switch v := v.(type) {
	case map[string]any:
		if err := f(v); err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := walk(v[key], f); err != nil {
				return err
			}
		}
	case []any:
		for _, item := range v {
			if err := walk(item, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// resolve follows references from v to the object they lead to.
func resolve(root map[string]any, v any) (any, error) {
	for range maxDepth {
		m, _ := v.(map[string]any)
		ref, ok := m["$ref"].(string)
		if !ok {
			return v, nil
		}
		pointer, local := strings.CutPrefix(ref, "#/")
		if !local {
			return nil, fmt.Errorf("reference %q leads out of the description", ref)
		}
		v = root
		for name := range strings.SplitSeq(pointer, "/") {
			if unescaped, err := url.PathUnescape(name); err == nil {
				name = unescaped
			}
			m, _ := v.(map[string]any)
			if v, ok = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]; !ok {
				return nil, fmt.Errorf("reference %q leads nowhere", ref)
			}
		}
	}
	return nil, errors.New("references lead in a circle")
}

// checkRefs finds references that lead nowhere: the mark of a description that
// was cut. The library ignores those it does not come by.
func checkRefs(root tree) error {
	return walk(map[string]any(root), func(m map[string]any) error {
		_, err := resolve(root, m)
		return err
	})
}

// methods are the operations that a path can have.
var methods = []string{"delete", "get", "head", "options", "patch", "post", "put", "query", "trace"}

// call names an operation.
type call struct{ path, method string }

func (c call) String() string { return strings.ToUpper(c.method) + " " + c.path }

// calls are the operations of t. One may be taken out of it meanwhile.
func calls(t tree) iter.Seq[call] {
	return func(yield func(call) bool) {
		for path := range t.paths() {
			for _, method := range methods {
				if c := (call{path, method}); t.has(c) && !yield(c) {
					return
				}
			}
		}
	}
}

func (t tree) has(c call) bool { return object(t, "paths", c.path, c.method) != nil }

// spreadSecurity gives every operation the security that it inherits.
func spreadSecurity(t tree) {
	if inherited, ok := t["security"]; ok {
		for c := range calls(t) {
			op := object(t, "paths", c.path, c.method)
			if _, own := op["security"]; !own {
				op["security"] = inherited
			}
		}
		delete(t, "security")
	}
}

// spreadParameters gives every operation those of its path that it has not itself.
func spreadParameters(t tree) {
	for path := range t.paths() {
		item := object(t, "paths", path)
		shared, _ := item["parameters"].([]any)
		for _, method := range methods {
			op := object(item, method)
			if op == nil || len(shared) == 0 {
				continue
			}
			own, _ := op["parameters"].([]any)
			all := slices.Clone(own)
			for _, parameter := range shared {
				if !slices.ContainsFunc(own, func(other any) bool { return t.parameter(other) == t.parameter(parameter) }) {
					all = append(all, parameter)
				}
			}
			op["parameters"] = all
		}
		delete(item, "parameters")
	}
}

// parameter is what tells a parameter from others.
func (t tree) parameter(v any) [2]string {
	v, _ = resolve(t, v) // checkRefs has seen that it does
	m, _ := v.(map[string]any)
	in, _ := m["in"].(string)
	name, _ := m["name"].(string)
	return [2]string{in, name}
}
