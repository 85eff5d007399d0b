package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/speakeasy-api/openapi/overlay"
	"gopkg.in/yaml.v3"
)

// file is a description, vendored or upstream's.
type file struct {
	path, text string
	tree       tree
	page       bool // found in a documentation page
}

// vendored is what is known here of the API, and the description to compare it with.
type vendored struct {
	files   []file // the first page, then those in pages
	overlay string // its text
	err     error  // of reading the overlay
	found   file   // upstream's description
}

// load reads the vendored files and finds the description in upstream's text.
func load(o options, text string) (v vendored, err error) {
	v.overlay, v.err = readFile(o.overlay)
	pages, _ := filepath.Glob(filepath.Join(filepath.Dir(o.overlay), "pages", "*.yaml")) // sorted
	for _, path := range append([]string{o.vendored}, pages...) {
		f := file{path: filepath.ToSlash(path)}
		if f.text, err = readFile(path); err != nil {
			return v, err
		}
		if f.tree, err = parse(f.text); err != nil {
			return v, fmt.Errorf("%s: %w", path, err)
		}
		v.files = append(v.files, f)
	}
	v.found, err = extract(text)
	return v, err
}

// counterpart returns what to compare the source with: the file that has an operation of
// the page; otherwise the source's part of everything known here, together with the
// operations that the overlay adds, true for those that no file has.
func (v vendored) counterpart() (file, map[string]bool, error) {
	first, s := v.files[0], v.found
	calls := s.tree.calls()
	whole := !s.page && len(object(s.tree, "paths")) > len(object(first.tree, "paths"))
	for _, f := range v.files {
		if !whole && f.tree.has(calls...) {
			return f, nil, nil
		}
	}
	all, err := v.everything()
	switch {
	case err != nil || !whole && !all.has(calls...):
		return first, nil, err
	case !whole:
		maps.DeleteFunc(object(all, "paths"), func(path string, _ any) bool { return object(s.tree, "paths")[path] == nil })
	}
	ours := map[string]bool{}
	for _, c := range all.calls() {
		if !first.tree.has(c) {
			ours[c] = !slices.ContainsFunc(v.files, func(f file) bool { return f.tree.has(c) })
		}
	}
	return file{path: first.path, tree: all}, ours, nil
}

// action is an action of the overlay. Adds marks those that add operations.
type action struct {
	overlay.Action `yaml:",inline"`
	Adds           bool `yaml:"x-adds"`
}

// apply applies the wanted actions to a description, and returns those that match
// nothing.
func (v vendored) apply(text string, wanted func(action) bool) (t tree, loose []action, err error) {
	var o struct{ Actions []action }
	if err := cmp.Or(v.err, yaml.Unmarshal([]byte(v.overlay), &o)); err != nil {
		return nil, nil, fmt.Errorf("the overlay: %w", err)
	}
	doc, err := node(text)
	if err != nil {
		return nil, nil, err
	}
	for _, action := range slices.DeleteFunc(o.Actions, func(a action) bool { return !wanted(a) }) {
		one := overlay.Overlay{Version: overlay.LatestVersion, Actions: []overlay.Action{action.Action}}
		if _, err := one.ApplyToStrict(doc); err != nil {
			loose = append(loose, action)
		}
	}
	if t, err = plain(doc); err != nil {
		err = fmt.Errorf("the overlay: %w", err)
	}
	return t, loose, err
}

// everything returns the first page with the operations that the overlay adds, without
// its corrections.
func (v vendored) everything() (tree, error) {
	t, _, err := v.apply(v.files[0].text, func(a action) bool { return a.Adds })
	return t, err
}

// fits returns an error when an action of the overlay matches nothing in the text as the
// first page, which the generator would refuse.
func (v vendored) fits(text string) error {
	_, loose, err := v.apply(text, func(action) bool { return true })
	if len(loose) == 0 {
		return err
	}
	var targets []string
	for _, a := range loose {
		targets = append(targets, a.Target)
	}
	return fmt.Errorf("the overlay's correction of %s no longer fits upstream's description; its reason was: %q. "+
		"openapi/README.md says what to do; nothing has been changed",
		strings.Join(targets, ", and of "), oneLine(loose[0].Description, 300))
}

// The lines of the overlay around the actions that make page writes.
const (
	pagesBegin = "  # What make page has taken from the files in pages. Do not edit.\n"
	pagesEnd   = "  # End of the pages.\n"
)

// refused returns an error when code must not be generated from upstream's text: it has
// instructions to the generator, or text that would end a string in Go.
func refused(t tree) (err error) {
	walk(map[string]any(t), func(m map[string]any, at ...string) {
		texts := slices.Sorted(maps.Keys(m))
		if i := slices.IndexFunc(texts, directs.MatchString); i >= 0 {
			err = cmp.Or(err, fmt.Errorf("%s has %s, an instruction to our generator, which only the overlay may give", pointer(at), code(texts[i])))
		}
		values, _ := m["enum"].([]any)
		if m["x-enum-varnames"] != nil && (slices.Contains(values, nil) || slices.Contains(values, any("unmapped_value"))) {
			err = cmp.Or(err, fmt.Errorf("%s names its enum values by position, and the overlay removes null and unmapped_value", pointer(at)))
		}
		for _, v := range append(slices.Clone(values), m["name"], m["operationId"], m["url"]) {
			s, _ := v.(string)
			texts = append(texts, s)
		}
		ends := func(s string) bool { return strings.ContainsAny(s, "\"`\\\n\r") }
		if i := slices.IndexFunc(texts, ends); i >= 0 {
			err = cmp.Or(err, fmt.Errorf("%s has %s, which the generator does not quote", pointer(at), code(texts[i])))
		}
	})
	return err
}

// mayJoin returns an error when the client could not call the other description's operations.
func mayJoin(known, other tree) (err error) {
	server := func(m map[string]any) string {
		list, _ := m["servers"].([]any)
		return other.text(append(list, nil)[0], "url")
	}
	walk(map[string]any(other), func(m map[string]any, at ...string) {
		if theirs := server(m); theirs != "" && theirs != server(known) {
			err = cmp.Or(err, fmt.Errorf("its operations are at %s, and the client calls %s", code(theirs), code(server(known))))
		}
		if _, isList := m["type"].([]any); isList {
			err = cmp.Or(err, fmt.Errorf("%s has a list of types, as in OpenAPI 3.1, and the client is generated from OpenAPI 3.0", pointer(at)))
		}
	})
	return err
}

func pointer(at []string) string { return code("/" + strings.Join(at, "/")) }

// missing returns the operations and components that only the page has, as the update of
// an overlay action, and the components that the two describe differently.
func missing(known, page tree) (update map[string]any, gained, kept []string) {
	paths := map[string]map[string]any{}
	operations := page.operations(object(page, "paths"))
	for _, call := range page.calls() {
		if known.has(call) {
			continue
		}
		operation := object(operations, call)
		if id, ok := operation["operationId"].(string); ok { // otherwise every generated name would begin with it
			operation["operationId"] = strings.TrimPrefix(id, "stackone_")
		}
		gained = append(gained, code(call))
		method, path, _ := strings.Cut(call, " ")
		if paths[path] == nil {
			paths[path] = map[string]any{}
		}
		paths[path][strings.ToLower(method)] = operation
	}
	components := object(page, "components")
	for _, kind := range slices.Sorted(maps.Keys(components)) {
		ours, theirs := object(known, "components", kind), object(components, kind)
		for _, name := range slices.Sorted(maps.Keys(theirs)) {
			if _, taken := ours[name]; taken && !reflect.DeepEqual(ours[name], theirs[name]) {
				kept = append(kept, code(kind+"/"+name))
			}
		}
		maps.DeleteFunc(theirs, func(name string, _ any) bool { return ours[name] != nil })
	}
	maps.DeleteFunc(components, func(kind string, _ any) bool { return len(object(components, kind)) == 0 })
	return map[string]any{"paths": paths, "components": components}, gained, kept
}

var unsafe = regexp.MustCompile(`[^a-z0-9]+`)

// add stores the page as a file in pages and adds its operations to the overlay.
func add(_ context.Context, o options, source, text string) (r result, err error) {
	here, err := load(o, text)
	if err == nil {
		err = cmp.Or(refused(here.found.tree), mayJoin(here.files[0].tree, here.found.tree))
	}
	if err != nil {
		return r, err
	}
	name := strings.TrimSuffix(strings.ToLower(filepath.Base(source)), filepath.Ext(source))
	name = strings.Trim(unsafe.ReplaceAllString(name, "-"), "-") + ".yaml"
	path := filepath.ToSlash(filepath.Join(filepath.Dir(o.overlay), "pages", name))
	here.files = slices.DeleteFunc(here.files, func(f file) bool { return f.path == path })
	here.files = append(here.files, file{path: path, text: here.found.text, tree: here.found.tree})
	slices.SortFunc(here.files[1:], func(a, b file) int { return strings.Compare(a.path, b.path) })

	before, rest, ok := strings.Cut(here.overlay, pagesBegin)
	_, after, ok2 := strings.Cut(rest, pagesEnd)
	if !ok || !ok2 {
		return r, fmt.Errorf("the overlay lacks the line %q or %q", pagesBegin, pagesEnd)
	}
	here.overlay = before + pagesBegin + pagesEnd + after
	for _, f := range here.files[1:] {
		known, err := here.everything()
		if err != nil {
			return r, err
		}
		update, gained, kept := missing(known, f.tree)
		switch {
		case f.path != path:
		case len(gained) == 0:
			return r, errors.New("all of its operations have been added already")
		default:
			r.report = list("## Added from "+code(source), gained, maxReport/4) +
				list("\n### Described differently there, ours kept", kept, maxReport/4)
		}
		action, err := yaml.Marshal([]any{map[string]any{
			"target": "$", "description": "The operations of " + filepath.Base(f.path) + ".", "x-adds": true, "update": update,
		}})
		if err != nil {
			return r, err
		}
		indented := "  " + strings.ReplaceAll(strings.TrimSpace(string(action)), "\n", "\n  ") + "\n"
		here.overlay = strings.Replace(here.overlay, pagesEnd, indented+pagesEnd, 1)
	}
	r.write = map[string]string{path: here.found.text, o.overlay: here.overlay}
	return r, here.fits(here.files[0].text)
}
