package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// maxReport keeps the reports of all sources, and what could not be read, within an
// issue's body, which GitHub ends at 65536 characters.
const maxReport = 50000

// markdown is the report of the changes, within the limit in bytes.
func markdown(source, vendored string, changes []change, limit int) string {
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
	var b strings.Builder
	b.WriteString("## Upstream drift\n\n" + against + ".\n")
	for g, title := range grades {
		b.WriteString(list("\n### "+title, lines[g], limit-b.Len()))
	}
	return b.String()
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

// code shows upstream's text as a code span, where no markup, no mention and no
// reference to an issue comes to life.
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
	if from, ok := from.(string); ok {
		if to, ok := to.(string); ok && from != to && strings.Join(strings.Fields(from), " ") == strings.Join(strings.Fields(to), " ") {
			return "with other white space"
		}
	}
	shown := func(v any) string {
		if v == nil {
			return ""
		}
		return literal(v)
	}
	a, b := shown(from), shown(to)
	if a == b { // a text and a number
		a, b = quoted(from), quoted(to)
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
