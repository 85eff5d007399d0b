package main

import (
	"context"
	"errors"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/exp/apidiff"
	"golang.org/x/tools/go/packages"
)

// generated is the file with the generated code, seen from the project's folder.
const generated = "gen/connect.gen.go"

// growing matches a method that an interface of all operations gains. The interfaces are
// there to be called, and the method is listed as the client's.
var growing = regexp.MustCompile(`^Client(WithResponses)?Interface\.\w+: added$`)

// api reports what has changed for a Go program between the generated code in
// o.api and that of now. The source is the report of what upstream has changed: code
// that works in another way although neither tells of it is an error.
func api(ctx context.Context, o options, source string) (string, int, error) {
	upstream, err := readFile(ctx, source)
	var gen [2]*types.Package
	var code [2]string // without comments
	for i, name := range []string{o.api, generated} {
		text, err2 := readFile(ctx, name)
		if err = errors.Join(err, err2); err == nil {
			gen[i], code[i], err = typed(ctx, text)
		}
	}
	if err != nil {
		return "", 0, err
	}
	var breaking, compatible []string
	for _, c := range apidiff.Changes(gen[0], gen[1]).Changes {
		switch {
		case growing.MatchString(c.Message): // with every operation
		case c.Compatible && !strings.Contains(c.Message, "MarshalJSON: added"): // which sends fields that nobody has set
			compatible = append(compatible, c.Message)
		default:
			breaking = append(breaking, c.Message)
		}
	}
	told := strings.Contains(upstream, "\n### "+grades[mayBreak]) || strings.Contains(upstream, "\n### "+grades[isNew]) || strings.HasPrefix(upstream, "## Added")
	switch silent := len(breaking)+len(compatible) == 0; {
	case silent && code[0] != code[1] && !told:
		return "", 0, errors.New("the generated code works in another way, and neither what upstream has changed nor Go's API says why")
	case silent:
		return "\n## Go API\n\nThe same.\n", exitSame, nil
	}
	markdown := "\n## Go API\n" + list(fmt.Sprintf("\n### Breaks Go programs (%d)", len(breaking)), breaking) +
		list(fmt.Sprintf("\n### New in Go (%d)", len(compatible)), compatible)
	return markdown, min(len(breaking), exitDrift), nil
}

// typed returns package gen with that text as its generated file, and the text
// without comments. Code by hand in the package need not fit it.
func typed(ctx context.Context, text string) (*types.Package, string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, generated, text, parser.SkipObjectResolution)
	var b strings.Builder
	if err == nil {
		err = format.Node(&b, files, file)
	}
	path, err2 := filepath.Abs(generated)
	if err = errors.Join(err, err2); err != nil {
		return nil, "", err
	}
	found, err := packages.Load(&packages.Config{
		Context: ctx, Mode: packages.LoadSyntax, Overlay: map[string][]byte{path: []byte(text)},
	}, "./gen")
	if err == nil && (len(found) != 1 || found[0].Types == nil) {
		err = errors.New("package gen has no types")
	}
	if err != nil {
		return nil, "", err
	}
	return found[0].Types, b.String(), nil
}
