package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/speakeasy-api/openapi/overlay"
	"gopkg.in/yaml.v3"
)

// The lines of the overlay between which are the actions that make page writes.
const (
	pagesBegin = "  # What make page has taken from the files in pages. Do not edit.\n"
	pagesEnd   = "  # End of the pages.\n"
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

// has returns the index of the first file that has an operation of t, or -1.
func (v *vendored) has(t tree) int {
	return slices.IndexFunc(v.files, func(f file) bool { return share(f.tree, t) })
}

func share(a, b tree) bool {
	return slices.ContainsFunc(b.calls(), func(c call) bool { return a.operation(c) != nil })
}

// counterpart returns what the source is compared with: the file with an operation
// of the page, or the source's part of everything that is known here, and then
// which operations the overlay adds, true for those that no file has.
func (v *vendored) counterpart(s *source) (file, map[string]bool, error) {
	whole := !s.page && len(object(s.tree, "paths")) > len(object(v.files[0].tree, "paths"))
	if i := v.has(s.tree); !whole && i >= 0 {
		return v.files[i], nil, nil
	}
	all, err := v.everything()
	if err != nil {
		return file{}, nil, fmt.Errorf("the overlay: %w", err)
	}
	if !whole && !share(all, s.tree) {
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

// everything is the first page with the operations that the overlay adds, by the
// actions that x-adds marks, and without what the others correct.
func (v *vendored) everything() (tree, error) {
	var o overlay.Overlay
	var marks struct {
		Actions []struct {
			Adds bool `yaml:"x-adds"`
		}
	}
	err := errors.Join(v.err, yaml.Unmarshal([]byte(v.overlay), &o), yaml.Unmarshal([]byte(v.overlay), &marks))
	if err != nil {
		return nil, err
	}
	var trees [2]tree
	adding := o
	adding.Actions = nil
	for i, action := range o.Actions {
		if marks.Actions[i].Adds {
			adding.Actions = append(adding.Actions, action)
		}
	}
	for i, o := range []overlay.Overlay{adding, o} {
		doc, err := node(v.files[0].text)
		if err == nil {
			err = o.ApplyTo(doc)
		}
		if err == nil {
			trees[i], err = plain(doc)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, c := range trees[1].calls() {
		if trees[0].operation(c) == nil {
			return nil, fmt.Errorf("the action that adds %v lacks x-adds: true", c)
		}
	}
	return trees[0], trees[0].check()
}

// fits says whether every action of the overlay has something to act on when the
// first page is the text, which is what the generator demands.
func fits(overlayText, text string) error {
	var o overlay.Overlay
	if err := yaml.Unmarshal([]byte(overlayText), &o); err != nil {
		return err
	}
	doc, err := node(text)
	if err != nil {
		return err
	}
	var loose []string
	var reason string
	for _, action := range o.Actions {
		one := o
		one.Actions = []overlay.Action{action}
		if _, err := one.ApplyToStrict(doc); err != nil {
			if loose = append(loose, action.Target); reason == "" {
				reason = oneLine(action.Description)
			}
		}
	}
	if len(loose) == 0 {
		return nil
	}
	return fmt.Errorf("its correction of %s no longer fits upstream's description; it was there because: %q. openapi/README.md says what to do; nothing has been changed",
		strings.Join(loose, ", and of "), reason)
}

// refused finds what upstream's text must not say when code is generated from it:
// instructions to the generator, and text that would end a string in Go.
func refused(t tree) error {
	return walk(map[string]any(t), "", func(m map[string]any, at string) error {
		texts := slices.Sorted(maps.Keys(m))
		if i := slices.IndexFunc(texts, directs); i >= 0 {
			return fmt.Errorf("%s has %s, an instruction to our generator, which only the overlay may give", code(at), code(texts[i]))
		}
		values, _ := m["enum"].([]any)
		for _, v := range append(slices.Clone(values), m["name"], m["operationId"], m["url"]) {
			s, _ := v.(string)
			texts = append(texts, s)
		}
		named := m["x-enum-varnames"] != nil || m["x-enumNames"] != nil
		if named && (slices.Contains(values, nil) || slices.Contains(values, any("unmapped_value"))) {
			return fmt.Errorf("%s names its values by their order, and the overlay takes null and unmapped_value out of it", code(at))
		}
		for _, s := range texts {
			if strings.ContainsAny(s, "\"`\\\n\r") {
				return fmt.Errorf("%s has %s, which the generator does not quote", code(at), code(s))
			}
		}
		return nil
	})
}

// mayJoin says why operations of another description cannot join known's.
func mayJoin(known, other tree) error {
	first := func(t tree) string { return t.text(at(t["servers"], 0), "url") }
	if theirs := first(other); theirs != "" && theirs != first(known) {
		return fmt.Errorf("its operations are at %s, and the client calls %s", code(theirs), code(first(known)))
	}
	return walk(map[string]any(other), "", func(m map[string]any, where string) error {
		switch {
		case at(m["servers"], 0) != nil && where != "":
			return fmt.Errorf("%s has a server of its own, which the client would not call", code(where))
		case at(m["type"], 0) != nil:
			return fmt.Errorf("%s has a list of types, as in OpenAPI 3.1, and the client is generated from a description in 3.0", code(where))
		}
		return nil
	})
}

// at is the item of a list, nil when there is none.
func at(v any, i int) any {
	if list, _ := v.([]any); i < len(list) {
		return list[i]
	}
	return nil
}

// takeOver returns what the page has and known has not, and adds it to known.
func takeOver(known, page tree) (update map[string]any, gained, kept []string) {
	paths, components := map[string]any{}, map[string]any{}
	add := func(to map[string]any, keys [2]string, v any) {
		if to[keys[0]] == nil {
			to[keys[0]] = map[string]any{}
		}
		object(to, keys[0])[keys[1]] = v
	}
	for _, c := range page.calls() {
		if known.operation(c) != nil {
			continue
		}
		operation := maps.Clone(page.operation(c))
		if id, ok := operation["operationId"].(string); ok { // the prefix would begin every generated name
			operation["operationId"] = strings.TrimPrefix(id, "stackone_")
		}
		operation["parameters"] = page.parameters(operation, page.path(c.path))
		operation["security"] = page.security(operation)
		maps.DeleteFunc(operation, func(_ string, v any) bool { return v == nil })
		gained = append(gained, c.String())
		add(paths, [2]string{c.path, c.method}, operation)
		add(object(known, "paths"), [2]string{c.path, c.method}, operation)
	}
	for _, kind := range slices.Sorted(maps.Keys(object(page, "components"))) {
		for _, name := range slices.Sorted(maps.Keys(object(page, "components", kind))) {
			v := object(page, "components", kind)[name]
			if ours, taken := object(known, "components", kind)[name]; taken {
				if !reflect.DeepEqual(ours, v) {
					kept = append(kept, kind+"/"+name)
				}
				continue
			}
			add(components, [2]string{kind, name}, v)
			add(object(known, "components"), [2]string{kind, name}, v)
		}
	}
	return map[string]any{"paths": paths, "components": components}, gained, kept
}

var unsafeName = regexp.MustCompile(`[^a-z0-9]+`)

// add makes the page a file in pages, and takes its operations over into the overlay.
func add(ctx context.Context, o options, source string) (string, int, error) {
	text, err := read(ctx, source, o)
	if err != nil {
		return "", 0, err
	}
	a, err := bounded(ctx, maxTime, func() (*addition, error) { return prepare(o, shown(source), text) })
	if err != nil {
		return "", 0, fmt.Errorf("%s: %w", shown(source), err)
	}
	err = errors.Join(os.MkdirAll(filepath.Dir(a.path), 0o755), os.WriteFile(a.path, []byte(a.page), 0o644), os.WriteFile(o.overlay, []byte(a.overlay), 0o644))
	return a.markdown, exitSame, err
}

// addition is what add writes.
type addition struct{ path, page, overlay, markdown string }

func prepare(o options, source, text string) (*addition, error) {
	here, err := load(o)
	if err != nil {
		return nil, err
	}
	found, err := extract(text, file{})
	if err == nil {
		err = errors.Join(here.err, refused(found.tree), mayJoin(here.files[0].tree, found.tree))
	}
	if err != nil {
		return nil, err
	}
	name := filepath.Base(source)
	name = strings.Trim(unsafeName.ReplaceAllString(strings.ToLower(strings.TrimSuffix(name, filepath.Ext(name))), "-"), "-")
	page := file{filepath.ToSlash(filepath.Join(filepath.Dir(o.overlay), "pages", name+".yaml")), found.text, found.tree}
	here.files = append(slices.DeleteFunc(here.files, func(f file) bool { return f.path == page.path }), page)
	slices.SortFunc(here.files[1:], func(a, b file) int { return strings.Compare(a.path, b.path) })

	before, rest, ok := strings.Cut(here.overlay, pagesBegin)
	_, after, ok2 := strings.Cut(rest, pagesEnd)
	if !ok || !ok2 {
		return nil, fmt.Errorf("the overlay lacks the lines %q and %q", strings.TrimSpace(pagesBegin), strings.TrimSpace(pagesEnd))
	}
	here.overlay = before + after
	known, err := here.everything()
	if err != nil {
		return nil, fmt.Errorf("the overlay: %w", err)
	}
	var actions []any
	a := &addition{path: page.path, page: page.text}
	for _, f := range here.files[1:] {
		update, gained, kept := takeOver(known, f.tree)
		if f.path == page.path {
			if len(gained) == 0 {
				return nil, errors.New("all of its operations are here already")
			}
			a.markdown = list("## Added from "+code(source), gained) + list("\n### Described in another way there, and kept as they were", kept)
		}
		actions = append(actions, map[string]any{
			"target": "$", "description": "The operations of " + filepath.Base(f.path) + ".", "x-adds": true, "update": update,
		})
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(actions); err != nil {
		return nil, err
	}
	a.overlay = before + pagesBegin + "  " + strings.ReplaceAll(strings.TrimRight(b.String(), "\n"), "\n", "\n  ") + "\n" + pagesEnd + after
	return a, fits(a.overlay, here.files[0].text)
}

// list returns a list in Markdown, nothing when it is empty.
func list(title string, items []string) string {
	if len(items) == 0 {
		return ""
	}
	b := title + "\n\n"
	for _, item := range items {
		b += "- " + code(item) + "\n"
	}
	return b
}
