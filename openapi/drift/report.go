package main

import (
	"cmp"
	"context"
	"encoding/json"
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
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/exp/apidiff"
)

// maxReport limits the reports of all sources together. They and the errors must fit into
// an issue, which GitHub limits to 65536 characters.
const maxReport = 50000

// markdown returns the report of the changes, of at most about limit bytes.
func markdown(source, vendored string, changes []*change, limit int) string {
	against := code(source) + " against " + code(vendored)
	if len(changes) == 0 {
		return "## Upstream drift\n\nNone: " + against + " means the same.\n"
	}
	lines := make([][]string, len(grades))
	for _, c := range changes {
		line := code(c.subject) + ": " + c.what
		if len(c.where) > 0 {
			line += " (" + strings.Join(c.where, ", ") + ")"
		}
		lines[c.grade] = append(lines[c.grade], line)
	}
	report := "## Upstream drift\n\n" + against + ".\n"
	for g, title := range grades {
		report += list("\n### "+title, lines[g], limit-len(report))
	}
	return report
}

// list returns a titled list in Markdown, nothing when there are no items.
func list(title string, items []string, limit int) string {
	if len(items) == 0 {
		return ""
	}
	b := fmt.Sprintf("%s (%d)\n\n", title, len(items))
	for i, item := range items {
		if len(b)+len(item) > limit {
			return b + fmt.Sprintf("\n%d more are omitted to keep the report short.\n", len(items)-i)
		}
		b += "- " + item + "\n"
	}
	return b
}

// code returns upstream's text as a code span, in which markup, mentions and references
// to issues have no effect.
func code(s string) string {
	s = oneLine(s, 160)
	if s == "" {
		return "none"
	}
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}

// fromTo describes a change of value. Long texts are shown from shortly before their
// first difference.
func fromTo(from, to any) string {
	a, b := literal(cmp.Or(from, any(""))), literal(cmp.Or(to, any("")))
	if slices.Equal(strings.Fields(a), strings.Fields(b)) {
		return "differs in white space only"
	}
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	if skip := same - 40; skip > 0 && max(len(a), len(b)) > 160 {
		a, b = "…"+strings.ToValidUTF8(a[skip:], ""), "…"+strings.ToValidUTF8(b[skip:], "")
	}
	return code(a) + " → " + code(b)
}

// literal returns a value as upstream would write it: a text without quotes unless it
// would look like another value.
func literal(v any) string {
	if s, ok := v.(string); ok && !json.Valid([]byte(s)) {
		return s
	}
	return quoted(v)
}

// quoted returns v in JSON, which distinguishes 1 from "1".
func quoted(v any) string {
	b, err := json.Marshal(v)
	return cmp.Or(string(b), fmt.Sprint(v, err))
}

// oneLine collapses white space, replaces control and invisible characters, and truncates
// the text to so many characters.
func oneLine(s string, most int) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	for i := range r {
		if !unicode.IsPrint(r[i]) {
			r[i] = unicode.ReplacementChar
		}
	}
	if len(r) > most {
		return string(r[:most]) + "…"
	}
	return string(r)
}

// generated is the file with the generated code, relative to the root of the project.
const generated = "gen/connect.gen.go"

// growing matches a new method of the interfaces of all operations. Programs call these
// interfaces and do not implement them, and the method is listed as the client's.
var growing = regexp.MustCompile(`^Client(WithResponses)?Interface\.\w+: added$`)

// explained matches reports of changes that may alter the behaviour of the code.
var explained = regexp.MustCompile(`\A## Added|\n### (` + grades[mayBreak] + "|" + grades[isNew] + ")")

// api reports what has changed for Go programs between the generated code in o.api and
// gen/connect.gen.go. The text is the report of what upstream has changed. Code that
// behaves differently is an error unless one of the two reports explains it.
func api(ctx context.Context, o options, _, upstream string) (result, error) {
	files := token.NewFileSet()
	was, before, err := parsed(files, o.api)
	is, after, err2 := parsed(files, generated)
	imports, err3 := dependencies(ctx, files, append(was, is...))
	if err := cmp.Or(err, err2, err3); err != nil {
		return result{}, err
	}
	config := types.Config{Importer: imports, Error: func(error) {}} // make refresh has compiled it
	old, _ := config.Check("gen", files, was, nil)
	current, _ := config.Check("gen", files, is, nil)
	var breaking, compatible []string
	for _, c := range apidiff.Changes(old, current).Changes {
		switch {
		case growing.MatchString(c.Message):
		case c.Compatible && !strings.Contains(c.Message, "MarshalJSON: added"): // then unset fields are sent
			compatible = append(compatible, code(c.Message))
		default:
			breaking = append(breaking, code(c.Message))
		}
	}
	report := list("\n### Breaks Go programs", breaking, maxReport/4) + list("\n### New in Go", compatible, maxReport/4)
	if told := explained.MatchString(upstream); report == "" && before != after && !told {
		return result{}, errors.New("the generated code behaves differently, " +
			"and neither upstream's changes nor those of the Go API explain it")
	}
	report = "\n## Go API\n" + cmp.Or(report, "\nThe same.\n")
	return result{report: report, exit: min(len(breaking), exitDrift)}, nil
}

// parsed returns package gen with the named file as its generated code, and that code
// without comments. Other files of gen may not fit the new code yet and declare nothing
// that it needs.
func parsed(files *token.FileSet, name string) ([]*ast.File, string, error) {
	file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
	byHand, err2 := parser.ParseFile(files, "gen/path.go", nil, parser.SkipObjectResolution)
	if err := cmp.Or(err, err2); err != nil {
		return nil, "", err
	}
	var code strings.Builder
	err = format.Node(&code, files, file)
	return []*ast.File{file, byHand}, code.String(), err
}

// dependencies returns an importer for the imports of the files, which reads the export
// data in go's build cache.
func dependencies(ctx context.Context, files *token.FileSet, pkg []*ast.File) (types.Importer, error) {
	args := []string{"list", "-e", "-export", "-f", "{{.ImportPath}} {{.Export}}", "--"}
	for _, file := range pkg {
		for _, spec := range file.Imports {
			args = append(args, strings.Trim(spec.Path.Value, "`\""))
		}
	}
	listed, err := exec.CommandContext(ctx, "go", args...).Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	return importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) {
		_, export, _ := strings.Cut("\n"+string(listed), "\n"+path+" ")
		export, _, _ = strings.Cut(export, "\n")
		return os.Open(export)
	}), nil
}
