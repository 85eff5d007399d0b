package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/exp/apidiff"
	"golang.org/x/tools/go/packages"
)

// maxReport keeps the reports of all sources, and what could not be read, within an
// issue's body, which GitHub ends at 65536 characters.
const maxReport = 50000

// markdown is the report of the changes, within the limit in bytes.
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
	var report strings.Builder
	report.WriteString("## Upstream drift\n\n" + against + ".\n")
	for g, title := range grades {
		report.WriteString(list("\n### "+title, lines[g], limit-report.Len()))
	}
	return report.String()
}

// list returns a list in Markdown under a title, nothing when it is empty.
func list(title string, items []string, limit int) string {
	if len(items) == 0 {
		return ""
	}
	b := fmt.Sprintf("%s (%d)\n\n", title, len(items))
	for i, item := range items {
		if len(b)+len(item) > limit {
			return b + fmt.Sprintf("\nNot listed for want of space: %d more.\n", len(items)-i)
		}
		b += "- " + item + "\n"
	}
	return b
}

// code shows upstream's text as a code span, in which no markup, mention or
// reference to an issue takes effect.
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

// fromTo shows a change of value. Long texts are shown from shortly before where
// they part.
func fromTo(from, to any) string {
	a, b := literal(cmp.Or(from, any(""))), literal(cmp.Or(to, any("")))
	switch {
	case a == b: // a text and a number
		a, b = quoted(from), quoted(to)
	case slices.Equal(strings.Fields(a), strings.Fields(b)):
		return "with other white space"
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

// literal is a value as upstream would write it.
func literal(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return quoted(v)
}

// quoted is v in JSON, which tells 1 from "1".
func quoted(v any) string {
	b, err := json.Marshal(v)
	return cmp.Or(string(b), fmt.Sprint(v, err))
}

// oneLine makes the white space of foreign text single spaces, shows the characters
// that would act instead of being seen, and ends after so many.
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

// generated is the file with the generated code, seen from the project's folder.
const generated = "gen/connect.gen.go"

// growing matches a method that an interface of all operations gains. The interfaces are
// there to be called, and the method is listed as the client's.
var growing = regexp.MustCompile(`^Client(WithResponses)?Interface\.\w+: added$`)

// explained matches the report of a change that may change what the code does.
var explained = regexp.MustCompile(`\A## Added|\n### (` + grades[mayBreak] + "|" + grades[isNew] + ")")

// api reports what has changed for a Go program between the generated code in
// o.api and that of now. The text is the report of what upstream has changed: code
// that works in another way although neither tells of it is an error.
func api(ctx context.Context, o options, _, upstream string) (result, error) {
	was, before, err := typed(ctx, o.api)
	is, after, err2 := typed(ctx, generated)
	if err := cmp.Or(err, err2); err != nil {
		return result{}, err
	}
	var breaking, compatible []string
	for _, c := range apidiff.Changes(was, is).Changes {
		switch {
		case growing.MatchString(c.Message):
		case c.Compatible && !strings.Contains(c.Message, "MarshalJSON: added"): // it sends fields that nobody has set
			compatible = append(compatible, code(c.Message))
		default:
			breaking = append(breaking, code(c.Message))
		}
	}
	report := list("\n### Breaks Go programs", breaking, maxReport/4) + list("\n### New in Go", compatible, maxReport/4)
	if told := explained.MatchString(upstream); report == "" && before != after && !told {
		return result{}, errors.New("the generated code works in another way, " +
			"and neither what upstream has changed nor Go's API says why")
	}
	report = "\n## Go API\n" + cmp.Or(report, "\nThe same.\n")
	return result{report: report, exit: min(len(breaking), exitDrift)}, nil
}

// typed returns package gen with the file's text as the generated code, and its code
// without comments. Code by hand need not fit what is generated: its errors say nothing
// about that.
func typed(ctx context.Context, name string) (*types.Package, string, error) {
	text, err := os.ReadFile(name)
	path, err2 := filepath.Abs(generated)
	if err := cmp.Or(err, err2); err != nil {
		return nil, "", err
	}
	parse := func(files *token.FileSet, name string, text []byte) (*ast.File, error) {
		return parser.ParseFile(files, name, text, parser.SkipObjectResolution)
	}
	config := packages.Config{Context: ctx, Mode: packages.LoadSyntax, ParseFile: parse}
	config.Overlay = map[string][]byte{path: text}
	config.BuildFlags = []string{"-trimpath"} // what the cache has of another folder is as good
	loaded, err := packages.Load(&config, "./gen")
	if err != nil {
		return nil, "", err
	}
	var code strings.Builder
	for _, file := range loaded[0].Syntax {
		err = errors.Join(err, format.Node(&code, loaded[0].Fset, file))
	}
	return loaded[0].Types, code.String(), err
}
