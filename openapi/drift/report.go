package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
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
	report := []byte("## Upstream drift\n\n" + against + ".\n")
	for g, title := range grades {
		report = append(report, list("\n### "+title, lines[g], limit-len(report))...)
	}
	return string(report)
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
	if s = oneLine(s, 160); s == "" {
		return "none"
	}
	return "`" + strings.ReplaceAll(s, "`", "ˋ") + "`" // another character, which ends no span
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
	s = unprintable.ReplaceAllString(strings.Join(strings.Fields(s), " "), "\uFFFD")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

var unprintable = regexp.MustCompile(`[^\pL\pM\pN\pP\pS ]`)

// growing matches a new method of the interfaces of all operations. Programs call these
// interfaces and do not implement them, and the method is listed as the client's.
var growing = regexp.MustCompile(`^Client(WithResponses)?Interface\.\w+: added$`)

// api reports in Markdown what apidiff has printed of the generated code.
func api(_ context.Context, _ options, _, printed string) (result, error) {
	var breaking, compatible []string
	incompatible := false
	for line := range strings.Lines(printed) {
		what, isChange := strings.CutPrefix(strings.TrimSpace(line), "- ")
		switch {
		case !isChange:
			incompatible = strings.HasPrefix(line, "Incompatible")
		case growing.MatchString(what):
		case incompatible, strings.Contains(what, "MarshalJSON: added"): // then unset fields are sent
			breaking = append(breaking, code(what))
		default:
			compatible = append(compatible, code(what))
		}
	}
	report := cmp.Or(list("\n### Breaks Go programs", breaking, maxReport/4)+list("\n### New in Go", compatible, maxReport/4), "\nThe same.\n")
	return result{report: "\n## Go API\n" + report, exit: min(len(breaking), exitDrift)}, nil
}
