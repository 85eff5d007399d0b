package main

import (
	"maps"
	"slices"
	"strings"
)

const schemaRef = "#/components/schemas/"

// align goes through both descriptions at once, from the top and along the
// references, and gives a schema of the revision the name that base has for what
// stands in the same place: oasdiff pairs the parts of an allOf by name. It
// returns what that hides from oasdiff, by the name of the schema.
func align(base, revision tree) [][2]string {
	a := aligner{base: base, revision: revision, renamed: map[string]string{}, seen: map[[2]string]bool{}}
	a.visit(map[string]any(base), map[string]any(revision))
	return a.found
}

type aligner struct {
	base, revision tree
	renamed        map[string]string
	seen           map[[2]string]bool
	found          [][2]string
}

func (a *aligner) say(name, what string) { a.found = append(a.found, [2]string{name, what}) }

func (a *aligner) visit(b, r any) {
	switch b := b.(type) {
	case []any:
		r, _ := r.([]any)
		a.list(b, slices.Clone(r))
	case map[string]any:
		r, ok := r.(map[string]any)
		if !ok {
			return
		}
		theirs, _ := b["$ref"].(string)
		own, _ := r["$ref"].(string)
		if theirs == "" && own == "" {
			for _, key := range slices.Sorted(maps.Keys(b)) {
				if key == "headers" {
					respell(object(b, key), object(r, key))
				}
				a.visit(b[key], r[key])
			}
			return
		}
		pair := [2]string{theirs, own}
		target, _ := resolve(a.base, b) // parse has seen that all references resolve
		found, _ := resolve(a.revision, r)
		if name, ok := strings.CutPrefix(theirs, schemaRef); ok {
			found = a.rename(r, found, name, strings.TrimPrefix(own, schemaRef))
		} else if name, ok := strings.CutPrefix(own, schemaRef); ok && (b["properties"] != nil || b["enum"] != nil) {
			a.say(name, "schema takes the place of one without a name")
		}
		if theirs == "" || own == "" || !a.seen[pair] {
			a.seen[pair] = true
			a.visit(target, found)
		}
	}
}

// list visits what two lists share by name, and the rest as it comes.
func (a *aligner) list(b, r []any) {
	var rest []any
	for _, item := range b {
		i := slices.IndexFunc(r, func(other any) bool { return named(item) != "" && named(item) == named(other) })
		if i < 0 {
			rest = append(rest, item)
			continue
		}
		a.visit(item, r[i])
		r = slices.Delete(r, i, i+1)
	}
	for i := range min(len(rest), len(r)) {
		a.visit(rest[i], r[i])
	}
}

// named is what tells a reference or a parameter from the others in a list.
func named(v any) string {
	m, _ := v.(map[string]any)
	if ref, ok := m["$ref"].(string); ok {
		return ref
	}
	in, _ := m["in"].(string)
	name, _ := m["name"].(string)
	return in + name
}

// respell gives headers the case that base has: HTTP tells none.
func respell(base, revision map[string]any) {
	for name := range base {
		for _, other := range slices.Collect(maps.Keys(revision)) {
			if _, taken := revision[name]; !taken && strings.EqualFold(name, other) {
				revision[name] = revision[other]
				delete(revision, other)
			}
		}
	}
}

// rename makes r, which stands for the schema found, refer to it as name, unless
// the revision has a schema of that name.
func (a *aligner) rename(r map[string]any, found any, name, own string) any {
	schema, isObject := found.(map[string]any)
	all := object(a.revision, "components", "schemas")
	before, again := a.renamed[name]
	_, taken := all[name]
	switch {
	case again && own == before || taken && own == name:
	case own == "":
		a.say(name, "schema written in place, without a name")
	case taken:
		a.say(name, "schema replaced by "+code(own))
	default:
		a.say(name, "schema renamed to "+code(own))
	}
	if taken && (!again || own == "" || own != before) || all == nil || !isObject {
		return found
	}
	if own == "" {
		schema = maps.Clone(schema)
		clear(r)
	}
	r["$ref"] = schemaRef + name
	all[name], a.renamed[name] = schema, own
	return schema
}
