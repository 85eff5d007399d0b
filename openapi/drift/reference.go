package main

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/speakeasy-api/openapi/overlay"
	"gopkg.in/yaml.v3"
)

// additions is what the overlay has beside its corrections.
type additions struct {
	calls map[string]bool // the operations, as POST /path; true for those that we have written ourselves
	words map[string]bool // the texts that are ours
}

// withAdditions is the vendored description with what the overlay adds to it,
// and without what the overlay corrects in it, so that it compares with what
// upstream writes. An action counts as an addition when, on its own, it leaves
// everything vendored as it is.
func withAdditions(vendored, overlayText string) (tree, *additions, error) {
	o, err := corrections(overlayText)
	if err != nil {
		return nil, nil, err
	}
	doc, err := node(vendored)
	if err != nil {
		return nil, nil, err
	}
	_, base, err := apply(o, nil, doc)
	if err != nil {
		return nil, nil, err
	}
	_, corrected, err := apply(o, o.Actions, doc)
	if err != nil {
		return nil, nil, err
	}
	extra := &additions{calls: map[string]bool{}, words: map[string]bool{}}
	for _, action := range o.Actions {
		after, values, err := apply(o, []overlay.Action{action}, doc)
		if err != nil {
			return nil, nil, fmt.Errorf("action %s: %w", action.Target, err)
		}
		there := slices.Collect(calls(values))
		if reflect.DeepEqual(base, without(values, base)) {
			doc = after
			scalars(&action.Update, extra.words)
			for _, call := range there {
				if _, known := extra.calls[call.String()]; !known && !tree(base).has(call) {
					extra.calls[call.String()] = action.Target != everything
				}
			}
		}
	}
	text, err := yaml.Marshal(doc)
	if err != nil {
		return nil, nil, err
	}
	t, err := parse(string(text))
	if err != nil {
		return nil, nil, err
	}
	for call := range calls(corrected) {
		if !t.has(call) {
			return nil, nil, fmt.Errorf("the action that adds %v also changes what is vendored; make two of it", call)
		}
	}
	return t, extra, nil
}

// apply is what actions of o make of doc, which stays as it is, and its values.
func apply(o overlay.Overlay, actions []overlay.Action, doc *yaml.Node) (*yaml.Node, map[string]any, error) {
	after := clone(doc)
	o.Actions = actions
	if err := o.ApplyTo(after); err != nil {
		return nil, nil, err
	}
	values, err := plain(after)
	return after, values, err
}

func clone(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = nil
	for _, item := range n.Content {
		c.Content = append(c.Content, clone(item))
	}
	return &c
}

// scalars collects the texts in n.
func scalars(n *yaml.Node, found map[string]bool) {
	if n.Kind == yaml.ScalarNode {
		found[n.Value] = true
	}
	for _, item := range n.Content {
		scalars(item, found)
	}
}

// without is v less the paths and components that base does not have.
func without(v, base map[string]any) map[string]any {
	keep := func(keys ...string) {
		maps.DeleteFunc(object(v, keys...), func(name string, _ any) bool {
			return object(base, keys...)[name] == nil
		})
	}
	keep("paths")
	for call := range calls(v) {
		if !tree(base).has(call) {
			delete(object(v, "paths", call.path), call.method)
		}
	}
	for kind := range object(v, "components") {
		keep("components", kind)
	}
	return v
}

// cut leaves in base and revision what bears on the operations of base: its
// paths, what they reach, and the servers. What a whole description says of
// itself says nothing about them, and the overlay's operations are named by us.
func cut(base, revision tree, extra *additions) (tree, tree) {
	for call := range calls(base) {
		if _, added := extra.calls[call.String()]; added {
			delete(object(base, "paths", call.path, call.method), "operationId")
			delete(object(revision, "paths", call.path, call.method), "operationId")
		}
	}
	return part(base, base), part(revision, base)
}

func part(t, base tree) tree {
	out := tree{"openapi": base["openapi"], "info": base["info"]}
	if servers, ok := t["servers"]; ok {
		out["servers"] = servers
	}
	paths, components := map[string]any{}, map[string]any{}
	out["paths"], out["components"] = paths, components

	var reach func(kind, name string)
	follow := func(v any) {
		_ = walk(v, func(m map[string]any) error {
			if keys := strings.Split(fmt.Sprint(m["$ref"]), "/"); len(keys) > 3 && keys[1] == "components" {
				reach(keys[2], keys[3])
			}
			for _, target := range object(m, "discriminator", "mapping") {
				if keys := strings.Split(fmt.Sprint(target), "/"); len(keys) == 4 && keys[1] == "components" {
					reach(keys[2], keys[3])
				}
			}
			requirements, _ := m["security"].([]any)
			for _, requirement := range requirements {
				schemes, _ := requirement.(map[string]any)
				for name := range schemes {
					reach("securitySchemes", name)
				}
			}
			return nil
		})
	}
	reach = func(kind, name string) {
		component, ok := object(t, "components", kind)[name]
		if !ok {
			return
		}
		if components[kind] == nil {
			components[kind] = map[string]any{}
		}
		if _, been := object(components, kind)[name]; !been {
			object(components, kind)[name] = component
			follow(component)
		}
	}
	for path := range base.paths() {
		if item, ok := t.paths()[path]; ok {
			paths[path] = item
			follow(item)
		}
	}
	return out
}
