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
// returns the names that the revision does not have, with its own for them, ""
// where it writes the schema in place.
func align(base, revision tree) map[string]string {
	a := aligner{base, revision, map[string]string{}, map[[2]string]bool{}}
	a.visit(map[string]any(base), map[string]any(revision))
	return a.renamed
}

type aligner struct {
	base, revision tree
	renamed        map[string]string
	seen           map[[2]string]bool
}

func (a *aligner) visit(b, r any) {
	switch b := b.(type) {
	case []any:
		r, _ := r.([]any)
		for i := range min(len(b), len(r)) {
			a.visit(b[i], r[i])
		}
	case map[string]any:
		r, ok := r.(map[string]any)
		if !ok {
			return
		}
		theirs, _ := b["$ref"].(string)
		own, _ := r["$ref"].(string)
		if theirs == "" && own == "" {
			for _, key := range slices.Sorted(maps.Keys(b)) {
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

// rename makes r, which stands for the schema found, refer to it as name, unless
// the revision has a schema of that name.
func (a *aligner) rename(r map[string]any, found any, name, own string) any {
	schema, isObject := found.(map[string]any)
	all := object(a.revision, "components", "schemas")
	before, again := a.renamed[name]
	if _, taken := all[name]; taken && (!again || own == "" || own != before) || all == nil || !isObject {
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
