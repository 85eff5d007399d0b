package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
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
	shared := func(f file) int {
		return len(slices.DeleteFunc(f.tree.calls(), func(c string) bool { return !slices.Contains(calls, c) }))
	}
	if f := slices.MaxFunc(v.files, func(a, b file) int { return shared(a) - shared(b) }); !whole && shared(f) > 0 {
		return f, nil, nil
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
func (v vendored) apply(to tree, wanted func(action) bool) (t tree, loose []action, err error) {
	var o struct{ Actions []action }
	if err := cmp.Or(v.err, yaml.Unmarshal([]byte(v.overlay), &o)); err != nil {
		return nil, nil, fmt.Errorf("the overlay: %w", err)
	}
	doc, err := node(quoted(to)) // without anchors and aliases, like the generator's
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
	t, _, err := v.apply(v.files[0].tree, func(a action) bool { return a.Adds })
	return t, err
}

// fits returns an error when an action of the overlay matches nothing in the first page,
// which the generator would refuse.
func (v vendored) fits() error {
	_, loose, err := v.apply(v.files[0].tree, func(action) bool { return true })
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
	for kind := range components {
		ours := object(known, "components", kind)
		maps.DeleteFunc(object(components, kind), func(name string, theirs any) bool {
			if ours[name] != nil && !reflect.DeepEqual(ours[name], theirs) {
				kept = append(kept, code(kind+"/"+name))
			}
			return ours[name] != nil
		})
	}
	slices.Sort(kept)
	maps.DeleteFunc(components, func(kind string, _ any) bool { return len(object(components, kind)) == 0 })
	return map[string]any{"paths": paths, "components": components}, gained, kept
}

// withPages returns the overlay with the operations that each page adds to what was
// known before, those of the page at the path, and what that page describes differently.
func (v vendored) withPages(path string) (text string, gained, kept []string, err error) {
	before, rest, ok := strings.Cut(v.overlay, pagesBegin)
	_, after, ok2 := strings.Cut(rest, pagesEnd)
	if !ok || !ok2 {
		return "", nil, nil, fmt.Errorf("the overlay lacks the line %q or %q", pagesBegin, pagesEnd)
	}
	v.overlay = before + pagesBegin + pagesEnd + after
	first, err := v.everything()
	for _, f := range v.files[1:] {
		known, err2 := v.everything()
		if err := cmp.Or(err, err2, mayJoin(first, f.tree)); err != nil {
			return "", nil, nil, err
		}
		update, added, differs := missing(known, f.tree)
		if f.path == path {
			gained, kept = added, differs
		}
		action, _ := yaml.Marshal([]any{map[string]any{
			"target": "$", "description": "The operations of " + filepath.Base(f.path) + ".", "x-adds": true, "update": update,
		}})
		indented := "  " + strings.ReplaceAll(strings.TrimSpace(string(action)), "\n", "\n  ") + "\n"
		v.overlay = strings.Replace(v.overlay, pagesEnd, indented+pagesEnd, 1)
	}
	return v.overlay, gained, kept, nil
}

// add stores the page as a file in pages and adds its operations to the overlay.
func add(_ context.Context, o options, source, text string) (r result, err error) {
	here, err := load(o, text)
	if err != nil {
		return r, err
	}
	name := strings.TrimSuffix(filepath.Base(source), filepath.Ext(source)) + ".yaml"
	page := here.found
	page.path = filepath.ToSlash(filepath.Join(filepath.Dir(o.overlay), "pages", name))
	err = refused(page)
	here.files = slices.DeleteFunc(here.files, func(f file) bool {
		if f.path == page.path && !f.tree.has(page.tree.calls()...) {
			err = cmp.Or(err, fmt.Errorf("%s has the operations of another page; give this one another name", f.path))
		}
		return f.path == page.path
	})
	here.files = append(here.files, page)
	slices.SortFunc(here.files[1:], func(a, b file) int { return strings.Compare(a.path, b.path) })
	overlay, gained, kept, err2 := here.withPages(page.path)
	switch {
	case cmp.Or(err, err2) != nil:
		return r, cmp.Or(err, err2)
	case len(gained) == 0:
		return r, errors.New("all of its operations have been added already")
	}
	here.overlay, r.write = overlay, map[string]string{page.path: page.text, o.overlay: overlay}
	r.report = list("## Added from "+code(source), gained, maxReport/4) +
		list("\n### Described differently there, ours kept", kept, maxReport/4)
	return r, here.fits()
}
