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
// returns the names that the revision does not have, or no longer has there, with
// its own for them, "" where it writes the schema in place.
func align(base, revision tree) (renamed, replaced map[string]string) {
	a := aligner{base, revision, map[string]string{}, map[string]string{}, map[[2]string]bool{}}
	a.visit(map[string]any(base), map[string]any(revision))
	return a.renamed, a.replaced
}

type aligner struct {
	base, revision    tree
	renamed, replaced map[string]string
	seen              map[[2]string]bool
}

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
	if taken && own != name && (!again || own != before) {
		a.replaced[name] = own
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
