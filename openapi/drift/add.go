package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// everything is the target of the actions that add a page: the description.
const everything = "$"

// addition is an overlay that has gained operations.
type addition struct {
	overlay, source string
	gained          []string // the operations
	kept            []string // components that the source describes in another way than we do
}

func (a *addition) markdown() string {
	var b strings.Builder
	list := func(title string, items []string) {
		if len(items) > 0 {
			fmt.Fprintf(&b, "%s\n\n", title)
			for _, item := range items {
				fmt.Fprintf(&b, "- %s\n", code(item))
			}
		}
	}
	list("## Added from "+code(a.source), a.gained)
	list("\n### Ours kept, which differ there (make drift tells how)", a.kept)
	return b.String()
}

// add puts the operations of another description into the overlay, as one action
// with the components that they need. It comes before the corrections, which so
// apply to it too. What is here already stays as it is.
func add(ctx context.Context, o options) (*addition, error) {
	vendored, err := readFile(ctx, o.vendored)
	if err != nil {
		return nil, err
	}
	overlay, err := readFile(ctx, o.overlay)
	if err != nil {
		return nil, err
	}
	base, _, err := withAdditions(vendored, overlay)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.overlay, err)
	}
	a := &addition{source: shown(o.source)}
	origin := a.source
	if address(o.source) == nil {
		origin = filepath.Base(origin) // where it lies is this machine's own
	}
	text, err := read(ctx, o.source)
	if err != nil {
		return nil, err
	}
	found, err := extract(text)
	if err == nil {
		_, err = load(found.tree)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.source, err)
	}
	if a.gained = leaveNew(found.tree, base); len(a.gained) == 0 {
		return nil, fmt.Errorf("%s: all of its operations are here already", a.source)
	}
	update := part(found.tree, found.tree)
	for _, general := range []string{"openapi", "info", "servers"} {
		delete(update, general)
	}
	a.kept = leaveOurs(update, base)
	if a.overlay, err = withAction(overlay, origin, update); err == nil {
		err = fits(a.overlay, vendored)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.overlay, err)
	}
	return a, nil
}

// leaveNew takes out of t the operations that base has, names those that stay,
// and drops the prefix of their ids, which would begin every generated name.
func leaveNew(t, base tree) []string {
	var names []string
	for path := range t.paths() {
		item := object(t, "paths", path)
		known, left := base.paths()[path] != nil, 0
		for _, method := range methods {
			op := object(item, method)
			switch {
			case op == nil:
			case object(base, "paths", path, method) != nil:
				delete(item, method)
			default:
				left++
				names = append(names, strings.ToUpper(method)+" "+path)
				if id, ok := op["operationId"].(string); ok {
					op["operationId"] = strings.TrimPrefix(id, "stackone_")
				}
			}
		}
		if known { // what all operations of the path share is there
			maps.DeleteFunc(item, func(key string, _ any) bool { return !slices.Contains(methods, key) })
		}
		if left == 0 {
			delete(t.paths(), path)
		}
	}
	slices.SortFunc(names, func(a, b string) int { // by path
		return cmp.Or(strings.Compare(a[strings.Index(a, " "):], b[strings.Index(b, " "):]), strings.Compare(a, b))
	})
	return names
}

// leaveOurs takes the components out of t that base has, and names those of them
// that are not the same.
func leaveOurs(t, base tree) []string {
	var others []string
	for kind := range object(t, "components") {
		components := object(t, "components", kind)
		for name, component := range components {
			ours, ok := object(base, "components", kind)[name]
			if ok && !reflect.DeepEqual(ours, component) {
				others = append(others, kind+"/"+name)
			}
			if ok {
				delete(components, name)
			}
		}
		if len(components) == 0 {
			delete(object(t, "components"), kind)
		}
	}
	slices.Sort(others)
	return others
}

// withAction is the overlay with a first action that adds t, and otherwise as it
// is written: it is a file that people edit.
func withAction(overlay, source string, t tree) (string, error) {
	const actions = "\nactions:\n"
	if strings.Count(overlay, actions) != 1 {
		return "", errors.New(`no line that reads "actions:", for the new action to follow`)
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	err := encoder.Encode([]any{map[string]any{
		"target":      everything,
		"description": "From " + source + ", by make page. Delete this action and run it again to take the page anew.",
		"update":      map[string]any(t),
	}})
	action := "  " + strings.ReplaceAll(strings.TrimRight(b.String(), "\n"), "\n", "\n  ") + "\n"
	return strings.Replace(overlay, actions, actions+action, 1), err
}
