package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/speakeasy-api/openapi/overlay"
	"gopkg.in/yaml.v3"
)

// file is a vendored description.
type file struct {
	path, text string
	tree       tree
}

// vendored is what is known here of the API.
type vendored struct {
	files   []file // the first page, then those in pages
	overlay string // its text
	err     error  // why there is none
}

func load(o options) (*vendored, error) {
	var v vendored
	v.overlay, v.err = readFile(context.Background(), o.overlay)
	pages, _ := filepath.Glob(filepath.Join(filepath.Dir(o.overlay), "pages", "*.yaml")) // sorted
	for _, path := range append([]string{o.vendored}, pages...) {
		text, err := readFile(context.Background(), path)
		if err != nil {
			return nil, err
		}
		t, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		v.files = append(v.files, file{filepath.ToSlash(path), text, t})
	}
	return &v, nil
}

// counterpart returns what the source is compared with: the file with an operation
// of the page, or the source's part of everything that is known here, and then
// which operations the overlay adds, true for those that no file has.
func (v *vendored) counterpart(s *source) (file, map[string]bool, error) {
	whole := !s.page && len(object(s.tree, "paths")) > len(object(v.files[0].tree, "paths"))
	if i := slices.IndexFunc(v.files, func(f file) bool { return f.tree.shares(s.tree) }); !whole && i >= 0 {
		return v.files[i], nil, nil
	}
	all, err := v.everything()
	if err != nil {
		return file{}, nil, err
	}
	if !whole && !all.shares(s.tree) {
		return v.files[0], nil, nil
	}
	ours := map[string]bool{}
	for _, c := range all.calls() {
		if v.files[0].tree.operation(c) == nil {
			ours[c.String()] = !slices.ContainsFunc(v.files, func(f file) bool { return f.tree.operation(c) != nil })
		}
	}
	if !whole {
		maps.DeleteFunc(object(all, "paths"), func(path string, _ any) bool { return s.tree.path(path) == nil })
	}
	return file{path: v.files[0].path, tree: all}, ours, nil
}

// action is one of the overlay's. Adds marks those that add operations.
type action struct {
	overlay.Action `yaml:",inline"`
	Adds           bool `yaml:"x-adds"`
}

// apply applies the wanted actions to a description, and returns those without
// anything to act on.
func (v *vendored) apply(text string, wanted func(action) bool) (doc *yaml.Node, loose []action, err error) {
	var o struct{ Actions []action }
	if err := errors.Join(v.err, yaml.Unmarshal([]byte(v.overlay), &o)); err != nil {
		return nil, nil, fmt.Errorf("the overlay: %w", err)
	}
	doc, err = node(text)
	for _, action := range o.Actions {
		one := overlay.Overlay{Version: overlay.LatestVersion, Actions: []overlay.Action{action.Action}}
		if err != nil || !wanted(action) {
			continue
		}
		if _, err := one.ApplyToStrict(doc); err != nil {
			loose = append(loose, action)
		}
	}
	return doc, loose, err
}

// everything is the first page with the operations that the overlay adds, and
// without what it corrects.
func (v *vendored) everything() (tree, error) {
	doc, _, err := v.apply(v.files[0].text, func(a action) bool { return a.Adds })
	if err != nil {
		return nil, err
	}
	t, err := plain(doc)
	if err = errors.Join(err, t.check()); err != nil {
		return nil, fmt.Errorf("the overlay: %w", err)
	}
	return t, nil
}

// fits says whether every action of the overlay has something to act on when the
// first page is the text, which is what the generator demands.
func (v *vendored) fits(text string) error {
	_, loose, err := v.apply(text, func(action) bool { return true })
	if err != nil || len(loose) == 0 {
		return err
	}
	var targets []string
	for _, a := range loose {
		targets = append(targets, a.Target)
	}
	return fmt.Errorf("the overlay's correction of %s no longer fits upstream's description; it was there because: %q. openapi/README.md says what to do; nothing has been changed",
		strings.Join(targets, ", and of "), oneLine(loose[0].Description, 300))
}
