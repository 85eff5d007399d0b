package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// maxReport keeps the reports of all sources, and what could not be read, within an
// issue's body, which GitHub ends at 65536 characters.
const maxReport = 50000

type report struct {
	source, vendored string
	changes          []change // in order
	found            string   // the description that was read
	updated          bool
}

func (r *report) markdown(limit int) string {
	var b strings.Builder
	b.WriteString("## Upstream drift\n\n")
	against := fmt.Sprintf("%s against %s", code(r.source), code(r.vendored))
	if len(r.changes) == 0 {
		fmt.Fprintf(&b, "None: %s means the same.\n", against)
		return b.String()
	}
	fmt.Fprintf(&b, "%s: %s.\n", against, count(len(r.changes)))
	left := len(r.changes)
	for g, title := range grades {
		var lines []string
		for _, c := range r.changes {
			if int(c.grade) == g {
				lines = append(lines, c.line())
			}
		}
		if len(lines) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n### %s (%d)\n\n", title, len(lines))
		for _, line := range lines {
			if b.Len()+len(line) > limit {
				break
			}
			b.WriteString(line)
			left--
		}
	}
	if left > 0 {
		fmt.Fprintf(&b, "\nNot listed for want of space: %s.\n", count(left))
	}
	if r.updated {
		fmt.Fprintf(&b, "\n%s has been replaced by the page's description.\n", code(r.vendored))
	}
	return b.String()
}

func count(n int) string {
	if n == 1 {
		return "1 change"
	}
	return fmt.Sprintf("%d changes", n)
}

func (c change) line() string {
	const most = 3
	line := fmt.Sprintf("- %s: %s", code(c.subject), c.what)
	if n := len(c.where); n > 0 {
		var shown []string
		for _, where := range c.where[:min(n, most)] {
			shown = append(shown, code(where))
		}
		line += " (" + strings.Join(shown, ", ")
		if n > most {
			line += fmt.Sprintf(" and %d more", n-most)
		}
		line += ")"
	}
	return line + "\n"
}

// code shows upstream's text as a code span, where no markup, no mention and no
// reference to an issue comes to life.
func code(s string) string {
	s = clip(oneLine(s), 160)
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

// word shows a keyword as it is, and what is none as a code span.
func word(key string) string {
	key = strings.TrimSpace(key)
	if strings.ContainsFunc(key, func(r rune) bool { return !unicode.IsLetter(r) && r != '$' }) {
		return code(key)
	}
	return key
}

// fromTo shows a change of value. Long texts are shown from shortly before
// where they part.
func fromTo(from, to any) string {
	a, b := []rune(oneLine(text(from))), []rune(oneLine(text(to)))
	if string(a) == string(b) {
		_, fromText := from.(string)
		_, toText := to.(string)
		if fromText && toText {
			return "with other white space"
		}
		return code(quoted(from)) + " → " + code(quoted(to))
	}
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	if skip := same - 40; skip > 0 && max(len(a), len(b)) > 160 {
		return code("…"+string(a[skip:])) + " → " + code("…"+string(b[skip:]))
	}
	return code(string(a)) + " → " + code(string(b))
}

// text is a value as upstream would write it; nothing and "" are the same to it.
func text(v any) string {
	if list, ok := v.([]any); v == nil || ok && list == nil {
		return ""
	}
	return literal(v)
}

// literal is text in which null is a value of its own.
func literal(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return quoted(v)
}

// quoted is v in JSON, which tells 1 from "1".
func quoted(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// oneLine makes the white space of foreign text single spaces and shows the
// characters that would act instead of being seen.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
