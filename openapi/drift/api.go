package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/exp/apidiff"
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
	if err != nil {
		return "", 0, err
	}
	gen, text, err := typed(ctx, o.api, generated)
	if err != nil {
		return "", 0, err
	}
	var breaking, compatible []string
	for _, c := range apidiff.Changes(gen[0], gen[1]).Changes {
		switch {
		case growing.MatchString(c.Message):
		case c.Compatible && !strings.Contains(c.Message, "MarshalJSON: added"): // which sends fields that nobody has set
			compatible = append(compatible, code(c.Message))
		default:
			breaking = append(breaking, code(c.Message))
		}
	}
	told := strings.Contains(upstream, "\n### "+grades[mayBreak]) || strings.Contains(upstream, "\n### "+grades[isNew]) || strings.HasPrefix(upstream, "## Added")
	switch silent := len(breaking)+len(compatible) == 0; {
	case silent && text[0] != text[1] && !told:
		return "", 0, errors.New("the generated code works in another way, and neither what upstream has changed nor Go's API says why")
	case silent:
		return "\n## Go API\n\nThe same.\n", exitSame, nil
	}
	report := "\n## Go API\n" + list("\n### Breaks Go programs", breaking, maxReport/4) + list("\n### New in Go", compatible, maxReport/4)
	return report, min(len(breaking), exitDrift), nil
}

// typed returns the types of package gen with each of the files as the generated one,
// and its text without comments.
func typed(ctx context.Context, names ...string) (all []*types.Package, texts []string, err error) {
	files, exports := token.NewFileSet(), map[string]string{}
	imports := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	byHand, _ := filepath.Glob("gen/*.go")
	byHand = slices.DeleteFunc(byHand, func(name string) bool { return name == filepath.FromSlash(generated) })
	for _, name := range names {
		var syntax []*ast.File
		args := []string{"list", "-e", "-deps", "-export", "-f", "{{.ImportPath}} {{.Export}}"}
		for _, name := range append(byHand, name) {
			file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, nil, err
			}
			syntax = append(syntax, file)
			for _, spec := range file.Imports {
				args = append(args, strings.Trim(spec.Path.Value, `"`))
			}
		}
		var b strings.Builder
		if err := format.Node(&b, files, syntax[len(syntax)-1]); err != nil {
			return nil, nil, err
		}
		out, err := exec.CommandContext(ctx, "go", args...).Output()
		if err != nil {
			return nil, nil, fmt.Errorf("go list: %w", err)
		}
		for line := range strings.Lines(string(out)) {
			path, export, _ := strings.Cut(strings.TrimSpace(line), " ")
			exports[path] = export
		}
		// Code by hand need not fit what is generated: its errors say nothing about that.
		config := types.Config{Importer: imports, Error: func(error) {}}
		gen, _ := config.Check("gen", files, syntax, nil)
		all, texts = append(all, gen), append(texts, b.String())
	}
	return all, texts, nil
}
