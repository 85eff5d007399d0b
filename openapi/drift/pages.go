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

	"gopkg.in/yaml.v3"
)

// The lines of the overlay between which are the actions that make page writes.
const (
	pagesBegin = "  # What make page has taken from the files in pages. Do not edit.\n"
	pagesEnd   = "  # End of the pages.\n"
)

// refused finds what upstream's text must not say when code is generated from it:
// instructions to the generator, and text that would end a string in Go.
func refused(t tree) error {
	return walk(map[string]any(t), "", func(m map[string]any, where string) error {
		texts := slices.Sorted(maps.Keys(m))
		if i := slices.IndexFunc(texts, directs); i >= 0 {
			return fmt.Errorf("%s has %s, an instruction to our generator, which only the overlay may give", code(where), code(texts[i]))
		}
		values, _ := m["enum"].([]any)
		if m["x-enum-varnames"] != nil && (slices.Contains(values, nil) || slices.Contains(values, any("unmapped_value"))) {
			return fmt.Errorf("%s names its values by their order, and the overlay takes null and unmapped_value out of it", code(where))
		}
		for _, v := range append(slices.Clone(values), m["name"], m["operationId"], m["url"]) {
			s, _ := v.(string)
			texts = append(texts, s)
		}
		for _, s := range texts {
			if strings.ContainsAny(s, "\"`\\\n\r") {
				return fmt.Errorf("%s has %s, which the generator does not quote", code(where), code(s))
			}
		}
		return nil
	})
}

// mayJoin says why operations of another description cannot join known's.
func mayJoin(known, other tree) error {
	server := func(m map[string]any) string {
		list, _ := m["servers"].([]any)
		return other.text(append(list, nil)[0], "url")
	}
	if theirs := server(other); theirs != "" && theirs != server(known) {
		return fmt.Errorf("its operations are at %s, and the client calls %s", code(theirs), code(server(known)))
	}
	return walk(map[string]any(other), "", func(m map[string]any, where string) error {
		if where != "" && server(m) != "" {
			return fmt.Errorf("%s has a server of its own, which the client would not call", code(where))
		}
		if _, isList := m["type"].([]any); isList {
			return fmt.Errorf("%s has a list of types, as in OpenAPI 3.1, and the client is generated from a description in 3.0", code(where))
		}
		return nil
	})
}

// takeOver returns what the page has and known has not, and adds it to known.
func takeOver(known, page tree) (update map[string]any, gained, kept []string) {
	update = map[string]any{}
	add := func(v any, keys ...string) {
		for _, to := range []map[string]any{update, known} {
			for _, key := range keys[:2] {
				if to[key] == nil {
					to[key] = map[string]any{}
				}
				to = object(to, key)
			}
			to[keys[2]] = v
		}
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
		gained = append(gained, code(c.String()))
		add(operation, "paths", c.path, c.method)
	}
	components := object(page, "components")
	for _, kind := range slices.Sorted(maps.Keys(components)) {
		for _, name := range slices.Sorted(maps.Keys(object(components, kind))) {
			v := object(components, kind)[name]
			switch ours, taken := object(known, "components", kind)[name]; {
			case !taken:
				add(v, "components", kind, name)
			case !reflect.DeepEqual(ours, v):
				kept = append(kept, code(kind+"/"+name))
			}
		}
	}
	return update, gained, kept
}

// addition is what add writes.
type addition struct{ path, page, overlay, report string }

// add makes the page a file in pages, and takes its operations over into the overlay.
func add(ctx context.Context, o options, source string) (string, int, error) {
	text, err := read(ctx, source, o)
	if err != nil {
		return "", 0, err
	}
	a, err := bounded(ctx, o.work, func() (addition, error) { return prepare(o, shown(source), text) })
	if err != nil {
		return "", 0, fmt.Errorf("%s: %w", shown(source), err)
	}
	return a.report, exitSame, errors.Join(os.MkdirAll(filepath.Dir(a.path), 0o755),
		os.WriteFile(a.path, []byte(a.page), 0o644), os.WriteFile(o.overlay, []byte(a.overlay), 0o644))
}

var unsafe = regexp.MustCompile(`[^a-z0-9]+`)

func prepare(o options, source, text string) (a addition, err error) {
	here, err := load(o)
	if err != nil {
		return a, err
	}
	found, err := extract(text, file{})
	if err != nil {
		return a, err
	}
	if err := errors.Join(refused(found.tree), mayJoin(here.files[0].tree, found.tree)); err != nil {
		return a, err
	}
	name := strings.TrimSuffix(strings.ToLower(filepath.Base(source)), filepath.Ext(source))
	a.path = filepath.ToSlash(filepath.Join(filepath.Dir(o.overlay), "pages", strings.Trim(unsafe.ReplaceAllString(name, "-"), "-")+".yaml"))
	a.page = found.text
	here.files = append(slices.DeleteFunc(here.files, func(f file) bool { return f.path == a.path }), file{a.path, a.page, found.tree})
	slices.SortFunc(here.files[1:], func(a, b file) int { return strings.Compare(a.path, b.path) })

	before, rest, ok := strings.Cut(here.overlay, pagesBegin)
	_, after, ok2 := strings.Cut(rest, pagesEnd)
	if !ok || !ok2 {
		return a, fmt.Errorf("the overlay lacks the lines %q and %q", strings.TrimSpace(pagesBegin), strings.TrimSpace(pagesEnd))
	}
	here.overlay = before + after
	known, err := here.everything()
	if err != nil {
		return a, err
	}
	var actions []any
	for _, f := range here.files[1:] {
		update, gained, kept := takeOver(known, f.tree)
		if f.path == a.path && len(gained) == 0 {
			return a, errors.New("all of its operations are here already")
		}
		if f.path == a.path {
			a.report = list("## Added from "+code(source), gained, maxReport/4) + list("\n### Described in another way there, and kept as they were", kept, maxReport/4)
		}
		actions = append(actions, map[string]any{"target": "$", "description": "The operations of " + filepath.Base(f.path) + ".", "x-adds": true, "update": update})
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(actions); err != nil {
		return a, err
	}
	here.overlay = before + pagesBegin + "  " + strings.ReplaceAll(strings.TrimRight(b.String(), "\n"), "\n", "\n  ") + "\n" + pagesEnd + after
	a.overlay = here.overlay
	return a, here.fits(here.files[0].text)
}
