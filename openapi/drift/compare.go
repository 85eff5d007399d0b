package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/diff"
)

// group says what a change means for a program that uses this client, which is
// not how oasdiff grades: to a server a response field may go and a host may
// move, and a new enum value is an error.
type group int

const (
	mayBreak      group = iota // another type, value or rule than the program was built for
	added                      // there to be used; the program goes on as it is
	documentation              // the same on the wire
	groups
)

func (g group) String() string {
	return [...]string{"May break callers", "New", "Documentation"}[g]
}

// change is one line of the report. Its texts are Markdown.
type change struct {
	group         group
	subject, what string
	where         []string // the requests and responses that it is part of
}

// compare lists what differs between two descriptions, in the report's order.
// With extra, both are parts of a whole description and of what it is held
// against: the names of the schemas may differ then.
func compare(base, revision tree, extra *additions) ([]change, error) {
	w := walker{found: map[string]*change{}, extra: extra}
	for _, change := range align(base, revision) {
		if extra == nil {
			w.add(mayBreak, place{subject: change[0]}, change[1])
		}
	}
	b, err := load(base)
	if err != nil {
		return nil, fmt.Errorf("the vendored description: %w", err)
	}
	r, err := load(revision)
	if err != nil {
		return nil, err
	}
	d, err := diff.Get(diff.NewConfig(diff.WithExcludeElements([]string{diff.ExcludeEndpointsOption})), b, r)
	if err != nil {
		return nil, err
	}
	if d == nil {
		d = &diff.Diff{}
	}
	w.servers(b.Servers, r.Servers, d)
	if c := d.ComponentsDiff; c != nil { // the others are met where they are used
		d.ComponentsDiff = &diff.ComponentsDiff{SecuritySchemesDiff: c.SecuritySchemesDiff}
	}
	w.fields(reflect.ValueOf(*d), "", place{})
	return w.changes(), nil
}

// load makes the description the library's and finds what is missing at the end
// of one that was cut.
func load(t tree) (*openapi3.T, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		operations := doc.Paths.Value(path).Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			if err := complete(doc, operations[method]); err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
		}
	}
	return doc, nil
}

func complete(doc *openapi3.T, op *openapi3.Operation) error {
	if op.Responses.Len() == 0 {
		return errors.New("no responses")
	}
	if op.Security == nil {
		return nil
	}
	for _, requirement := range *op.Security {
		for _, name := range slices.Sorted(maps.Keys(requirement)) {
			var scheme *openapi3.SecuritySchemeRef
			if doc.Components != nil {
				scheme = doc.Components.SecuritySchemes[name]
			}
			if scheme == nil || scheme.Value == nil {
				return fmt.Errorf("security scheme %q is missing", name)
			}
			if err := scheme.Value.Validate(context.Background()); err != nil {
				return fmt.Errorf("security scheme %q: %w", name, err)
			}
		}
	}
	return nil
}
