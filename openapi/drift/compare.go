package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// grade is the effect of a change on a program that uses this client. A server may see
// it differently: it can drop a field of its answers, or move to another host.
type grade int

const (
	mayBreak      grade = iota // types, values or rules that the program was not built for
	isNew                      // the program works as before
	documentation              // nothing changes on the wire
)

var grades = []string{"May break callers", "New", "Documentation"}

// change is one line of the report, in Markdown.
type change struct {
	grade         grade
	subject, what string
	where         []string // the affected requests and responses
}

// place is a position in the description.
type place struct {
	kind    string // the keyword that holds the object
	subject string // a schema's field, a parameter, an operation, ...
	call    string // POST /connect_sessions
	part    string // "request", "response 201", ...; "" for neither
	prose   bool   // inside documentation
}

// comparison walks two descriptions from the top and follows their references. A
// schema that many operations use is visited many times and reported once.
type comparison struct {
	base, revision tree
	// ours has the operations that the overlay adds, true for those without a page. When
	// it is not nil, both sides are parts of larger descriptions, and the names of their
	// schemas may differ.
	ours  map[string]bool
	found map[[4]string]*change
	seen  map[[5]string]bool
	todo  []func()
	err   error
}

// compare returns the differences in the order of the report.
func compare(base, revision tree, ours map[string]bool) ([]*change, error) {
	c := comparison{base: base, revision: revision, ours: ours, found: map[[4]string]*change{}, seen: map[[5]string]bool{}}
	if !reflect.DeepEqual(base, revision) {
		c.values(c.described(base), c.described(revision), place{subject: "API"})
	}
	for i := 0; i < len(c.todo); i++ { // grows meanwhile
		c.todo[i]()
	}
	return slices.SortedFunc(maps.Values(c.found), func(a, b *change) int {
		return cmp.Or(cmp.Compare(a.grade, b.grade), strings.Compare(a.subject, b.subject), strings.Compare(a.what, b.what))
	}), c.err
}

// described returns the part of a description to compare: nearly all of a page; of a
// larger one only our operations and the servers.
func (c *comparison) described(t tree) map[string]any {
	m := map[string]any{"servers": t["servers"]}
	if c.ours == nil {
		m = maps.Clone(t)
	}
	schemes, ours := maps.Clone(object(t, "components", "securitySchemes")), object(c.base, "components", "securitySchemes")
	maps.DeleteFunc(schemes, func(name string, _ any) bool { return c.ours != nil && ours[name] == nil })
	m["securitySchemes"] = schemes
	elsewhere := strings.Fields("paths components security") // compared where they are used
	maps.DeleteFunc(m, func(key string, _ any) bool { return slices.Contains(elsewhere, key) })
	m["operations"] = t.operations(object(t, "paths"))
	return m
}

// later queues two values for comparison, which avoids deep recursion.
func (c *comparison) later(b, r any, at place) {
	c.todo = append(c.todo, func() { c.values(b, r, at) })
}

// add records a change of a keyword (kind ""), or of one of several things of a kind.
func (c *comparison) add(g grade, at place, kind, name, what string) {
	if at.prose {
		g = documentation
	}
	if g == documentation && c.ours[at.call] {
		return // we wrote its texts
	}
	key := [4]string{at.subject, kind, name, what}
	if c.found[key] == nil {
		c.found[key] = &change{grade: g, subject: at.subject, what: strings.TrimSpace(kind + " " + code(name) + " " + what)}
	}
	known := c.found[key]
	known.grade = min(known.grade, g)
	where := code(at.part + " of " + at.call)
	if at.part != "" && !slices.Contains(known.where, where) {
		known.where = append(known.where, where)
	}
}

// reference returns the target of v's $ref, "" if it has none.
func reference(v any) string {
	m, _ := v.(map[string]any)
	ref, _ := m["$ref"].(string)
	if plain, err := url.PathUnescape(ref); err == nil {
		return plain
	}
	return ref
}

// siblings returns the keywords next to a $ref, which OpenAPI 3.1 allows.
func siblings(v any) map[string]any {
	if reference(v) == "" {
		return map[string]any{}
	}
	m := maps.Clone(v.(map[string]any))
	delete(m, "$ref")
	return m
}

// values compares two values in the same place after resolving their references.
func (c *comparison) values(b, r any, at place) {
	theirs, own := reference(b), reference(r)
	if theirs+own != "" {
		key := [5]string{theirs, own, at.call, at.part, at.subject}
		if theirs != "" && own != "" {
			key[4] = "" // independent of the place
		}
		if c.seen[key] {
			return
		}
		c.seen[key] = true
		short := func(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }
		if theirs != "" && !slices.Contains([]string{"responses", "parameters", "requestBody"}, at.kind) {
			at.subject = strings.TrimPrefix(theirs, "#/components/schemas/") // which also bounds the length
		}
		if theirs != own && c.ours == nil && at.kind != "headers" {
			c.add(mayBreak, at, "", "$ref", fromTo(short(theirs), short(own)))
		}
		c.later(siblings(b), siblings(r), at)
	}
	bm, rm := c.base.resolved(b), c.revision.resolved(r)
	if bm == nil && rm == nil && quoted(b) != quoted(r) {
		c.add(mayBreak, at, "", "value", fromTo(b, r)) // data, such as a link's parameter
	}
	bm, rm = c.normal(c.base, bm, at), c.normal(c.revision, rm, at)
	for _, key := range keys(bm, rm) {
		c.keyword(key, cmp.Or(bm[key], absent[key]), cmp.Or(rm[key], absent[key]), at)
	}
}

// keys returns the sorted union of the keys.
func keys(b, r map[string]any) []string {
	all := slices.AppendSeq(slices.Collect(maps.Keys(b)), maps.Keys(r))
	slices.Sort(all)
	return slices.Compact(all)
}

// keyword compares the values of one keyword.
func (c *comparison) keyword(key string, b, r any, at place) {
	at.prose = at.prose || prose.MatchString(key) && !shapes.MatchString(key)
	bm, before := b.(map[string]any)
	rm, after := r.(map[string]any)
	switch {
	case named[key] != "" && (after || r == nil):
		for _, name := range keys(bm, rm) {
			c.named(key, name, bm, rm, at)
		}
	case before && after && !data.MatchString(key):
		c.later(b, r, at.inside(key, ""))
	case (named[key] != "" || key == "type" && after) && reflect.TypeOf(b) != reflect.TypeOf(r):
		c.err = cmp.Or(c.err, fmt.Errorf("%s %s has the wrong type", at.subject, key))
	case quoted(b) == quoted(r) || at.prose && sorted(b) != nil && slices.Equal(sorted(b), sorted(r)):
	case c.ours != nil && b == nil && strings.HasPrefix(key, "x-"): // instructions to other generators
	case before && r == nil || after && b == nil:
		c.add(mayBreak, at, "", key, verb[after])
	case at.part == "request" && (key == "nullable" && r == true || key == "required" && r == false):
		c.add(isNew, at, "", key, fromTo(b, r))
	default:
		c.add(mayBreak, at, "", key, fromTo(b, r))
	}
}

// named compares the members of that name of two maps, or of lists of named things.
func (c *comparison) named(key, name string, bm, rm map[string]any, at place) {
	b, before := bm[name]
	r, after := rm[name]
	switch {
	case before && after:
		c.later(b, r, at.inside(key, name))
	case c.ours == nil || before || key != "operations":
		c.add(gradeNamed(key, name, bm, c.revision.resolved(r), after, at), at, named[key], name, verb[after])
	}
}

var verb = map[bool]string{true: "added", false: "removed"}

// inside returns the place of the object under a keyword and, in a map, a name.
func (at place) inside(key, name string) place {
	at.kind = key
	switch {
	case key == "operations":
		at.call, at.subject = name, name
	case key == "requestBody":
		at.part, at.subject = "request", "request body"
	case key == "responses":
		at.part, at.subject = "response "+name, "response "+name
	case key == "parameters":
		at.part, at.subject = "request", "parameter "+name
	case key == "content":
		at.subject = at.part + " body"
	case key == "items":
		at.subject += "[]"
	case slices.Contains([]string{"schema", "allOf", "oneOf", "anyOf"}, key):
	case slices.Contains(schemas, key):
		at.subject += "." + cmp.Or(name, key)
	default:
		at.subject += " " + strings.TrimSpace(cmp.Or(named[key], key)+" "+name)
	}
	return at
}
