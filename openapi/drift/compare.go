package main

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// grade says what a change means for a program that uses this client. It is not
// the server's view: to a server a field of an answer may go and a host may move.
type grade int

const (
	mayBreak      grade = iota // another type, value or rule than the program was built for
	isNew                      // there to be used; the program works as before
	documentation              // the same on the wire
)

var grades = []string{"May break callers", "New", "Documentation"}

// change is one line of the report. Its texts are Markdown.
type change struct {
	grade         grade
	subject, what string
	where         []string // the requests and responses that it is part of
}

// place is where in the description the comparison is.
type place struct {
	kind    string // of object: "operation", or the keyword that it stands behind
	subject string // a schema's field, a parameter, an operation, ...
	path    string // /connect_sessions
	call    string // POST /connect_sessions
	side    string // "request" or "response", "" for neither
	part    string // response 201
	prose   bool   // below what is all documentation
	depth   int
}

// maxNesting bounds how deep the comparison follows references.
const maxNesting = 1000

// walker compares two descriptions, from the top and along the references. A
// schema that many operations use is met many times and reported once.
type walker struct {
	base, revision tree
	// ours has the operations that the overlay adds, true for those that no page
	// describes. When it is not nil, both sides are parts of something larger, and the
	// names of their schemas may differ.
	ours  map[string]bool
	found map[string]*change
	seen  map[[4]string]bool
	err   error
}

// compare lists what differs, in the report's order.
func compare(base, revision tree, ours map[string]bool) ([]change, error) {
	if reflect.DeepEqual(base, revision) {
		return nil, nil
	}
	w := walker{base, revision, ours, map[string]*change{}, map[[4]string]bool{}, nil}
	w.object(map[string]any(base), map[string]any(revision), place{kind: "description"})
	var all []change
	for _, c := range w.found {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.grade, b.grade), strings.Compare(a.subject, b.subject), strings.Compare(a.what, b.what))
	})
	return all, w.err
}

func (w *walker) add(g grade, at place, what string) {
	if at.prose {
		g = documentation
	}
	if g == documentation && w.ours[at.call] {
		return // its words are our own
	}
	key := at.subject + "\x00" + what
	if w.found[key] == nil {
		w.found[key] = &change{grade: g, subject: at.subject, what: what}
	}
	c := w.found[key]
	c.grade = min(c.grade, g)
	where := code(at.call)
	if !strings.HasPrefix(at.subject, at.part) {
		where = code(at.part + " of " + at.call)
	}
	if at.side != "" && !slices.Contains(c.where, where) {
		c.where = append(c.where, where)
	}
}

// object compares two objects in the same place, behind their references.
func (w *walker) object(b, r any, at place) {
	theirs, own := reference(b), reference(r)
	w.renamed(theirs, own, at)
	base, _ := w.base.resolve(b) // check has seen that both lead somewhere
	revision, _ := w.revision.resolve(r)
	bm, ok := base.(map[string]any)
	rm, ok2 := revision.(map[string]any)
	if !ok || !ok2 {
		if !reflect.DeepEqual(base, revision) {
			w.add(mayBreak, at, at.kind+" "+fromTo(base, revision))
		}
		return
	}
	if name, found := strings.CutPrefix(theirs, "#/components/schemas/"); found {
		at.subject = name
	}
	key := [4]string{theirs, own, at.call, at.part}
	if at.depth++; at.depth > maxNesting {
		w.err = fmt.Errorf("schemas lead to others more than %d levels deep", maxNesting)
	}
	if w.err != nil || theirs != "" && own != "" && w.seen[key] {
		return
	}
	w.seen[key] = true
	bm, rm = w.normal(w.base, bm, at), w.normal(w.revision, rm, at)
	for _, key := range keys(bm, rm) {
		at := at
		if at.subject == "" && key != "components" {
			at.subject = key
		}
		w.keyword(key, cmp.Or(bm[key], absent[key]), cmp.Or(rm[key], absent[key]), at)
	}
}

// reference is what v refers to, "" when it stands for itself.
func reference(v any) string {
	m, _ := v.(map[string]any)
	ref, _ := m["$ref"].(string)
	return ref
}

// keys returns the names in either, sorted.
func keys(b, r map[string]any) []string {
	all := map[string]any{}
	maps.Copy(all, b)
	maps.Copy(all, r)
	return slices.Sorted(maps.Keys(all))
}

// renamed reports that a component has another name, after which its Go type is called.
func (w *walker) renamed(theirs, own string, at place) {
	_, gone := w.revision.resolve(map[string]any{"$ref": theirs})
	short := func(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }
	kind, what := "schema ", "renamed to "+code(short(own))
	switch {
	case theirs == own || w.ours != nil || at.kind == "headers" || at.kind == "securitySchemes" || at.kind == "paths":
		return
	case theirs == "":
		theirs, what = own, "takes the place of one without a name"
	case own == "":
		what = "written in place, without a name"
	case gone == nil:
		what = "replaced by " + code(short(own))
	}
	if !schemas[at.kind] {
		kind = singular(at.kind)
	}
	w.add(mayBreak, place{subject: short(theirs), prose: at.prose}, kind+what)
}

// keyword compares the values of one keyword.
func (w *walker) keyword(key string, b, r any, at place) {
	at.prose = at.prose || isProse(key)
	bm, before := b.(map[string]any)
	rm, after := r.(map[string]any)
	bl, isList := b.([]any)
	rl, _ := r.([]any)
	switch {
	case key == "enum" && (bm == nil || rm == nil):
		w.add(mayBreak, at, "enum "+fromTo(strings.Join(keys(bm, nil), ", "), strings.Join(keys(rm, nil), ", ")))
	case named[key] && (after || r == nil):
		for _, name := range keys(bm, rm) {
			w.named(key, name, bm, rm, at)
		}
	case before && after && (single[key] || at.prose):
		w.object(b, r, at.inside(key, ""))
	case named[key] || key == "type" && after:
		w.err = fmt.Errorf("%s %s is of the wrong type", at.subject, key)
	case quoted(b) == quoted(r) || at.prose && isList && slices.Equal(sorted(bl), sorted(rl)):
	case strings.HasPrefix(key, "x-"):
		if w.ours == nil || b != nil { // a whole description directs generators as a page does not
			w.add(mayBreak, at, "extension "+code(key)+" "+verb(b, r))
		}
	case !single[key] || b != nil && r != nil || schemas[key] && !before && !after:
		w.add(gradeValue(key, r, at), at, spelled(key)+" "+fromTo(b, r))
	case !slices.Contains(methods, key):
		w.add(w.gradeNamed(key, "", bm, r, at), at.inside(key, ""), key+" "+verb(b, r))
	case w.ours == nil || b != nil:
		w.add(w.gradeNamed("operations", key, bm, r, at), at, "operation "+code(strings.ToUpper(key))+" "+verb(b, r))
	}
}

// named compares a member of a map, or of a list of things that have names.
func (w *walker) named(key, name string, bm, rm map[string]any, at place) {
	b, before := bm[name]
	r, after := rm[name]
	resolved, _ := w.revision.resolve(r)
	_, isObject := resolved.(map[string]any)
	_, isBool := resolved.(bool)
	what := singular(key) + code(name) + " " + verb(b, r)
	switch {
	case after && !isObject && !(isBool && schemas[key]) && !strings.HasPrefix(name, "x-"):
		w.err = fmt.Errorf("%s%s is not an object", singular(key), name)
	case before && after:
		w.object(b, r, at.inside(key, name))
		return
	case w.ours != nil && key == "paths" && !before:
		return
	case key == "properties":
		at.subject += "." + name
		if what = "removed"; after {
			what = "new, " + map[bool]string{true: "required", false: "optional"}[object(rm, name)[isRequired] == true] + w.typeOf(r)
		}
	}
	w.add(w.gradeNamed(key, name, bm, r, at), at, what)
}

func verb(b, r any) string {
	switch {
	case b == nil:
		return "added"
	case r == nil:
		return "removed"
	}
	return "changed"
}

// inside is the place of an object behind a keyword, and in a map its name.
func (at place) inside(key, name string) place {
	at.kind = key
	switch {
	case slices.Contains(methods, key):
		at.kind, at.call = "operation", strings.ToUpper(key)+" "+at.path
		at.subject = at.call
	case key == "paths" || key == "webhooks":
		at.subject, at.path = name, name
	case key == "requestBody":
		at.side, at.part, at.subject = "request", "request", "request body"
	case key == "responses":
		at.side, at.part, at.subject = "response", "response "+name, "response "+name
	case key == "parameters":
		at.side, at.part, at.subject = "request", "request", "parameter "+name
	case key == "content":
		if name != "application/json" {
			at.part += " in " + name
		}
		if at.side == "response" {
			at.subject = at.part + " body"
		}
	case key == "items":
		at.subject += "[]"
	case slices.Contains([]string{"schema", "allOf", "oneOf", "anyOf", "components", "info"}, key):
	case schemas[key]:
		at.subject += "." + cmp.Or(name, key)
	default:
		at.subject = strings.TrimSpace(strings.TrimPrefix(at.subject+" ", key+" ") + singular(key) + name)
	}
	return at
}
