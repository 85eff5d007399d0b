package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// Upstream's text is shown and has no effect.
func TestReportIsInert(t *testing.T) {
	t.Parallel()
	const hostile = "`@everyone` <b onload=x> [a](javascript:b) #1 ``` \x1b[31m \u202e \u2028\n### May break callers (9)\n::error::x\r- `y`: z"
	quoted, err := yaml.Marshal(hostile)
	require.NoError(t, err)
	value := strings.TrimSpace(string(quoted))
	require.NotContains(t, value, "\n")
	for name, e := range map[string]edit{
		"description": swap("description: The origin username", "description: "+value, create),
		"field":       swap("        provider:\n", "        "+value+":\n          type: string\n        provider:\n", create),
		"type":        swap("        provider:\n", "        region:\n          type: "+value+"\n        provider:\n", create),
		"enum value":  swap("            - test\n", "            - test\n            - "+value+"\n", create),
		"default":     swap("default: production", "default: "+value, create),
		"status":      swap("        '502':\n", "        "+value+":\n          description: x\n        '502':\n"),
		"header":      swap("            Retry-After:\n", "            "+value+": {schema: {type: string}}\n            Retry-After:\n"),
		"media type":  swap("            application/json:\n", "            "+value+": {}\n            application/json:\n", "'201':"),
		"path":        swap("paths:\n", "paths:\n  "+value+":\n    "+extraOp),
		"parameter":   swap("parameters: []", "parameters: [{in: query, name: "+value+", schema: {type: string}}]"),
		"server":      swap("url: https://api.stackone.com", "url: "+value),
		"scheme":      swap("    basic:\n", "    "+value+": {type: http, scheme: basic}\n    basic:\n", "securitySchemes:"),
		"extension":   swap("        provider:\n", "        provider:\n          "+value+": 1\n", create),
		"schema":      both(all("/UnifiedError'", "/U@e'"), swap("    UnifiedError:", "    U@e:")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := drift(t, asPage(e(t, vendoredText(t))))
			require.Equal(t, exitDrift, code, stderr)
			assert.NotContains(t, stdout, "\x1b")
			assert.NotContains(t, stdout, "\u202e")
			outside := withoutSpans(t, stdout)
			for _, live := range []string{"@", "<", "[", "#1", "::", "\r", "javascript"} {
				assert.NotContains(t, outside, live, stdout)
			}
			assert.Equal(t, 1, strings.Count(outside, "\n- "), stdout)
		})
	}
}

// withoutSpans removes the code spans (CommonMark 6.1).
func withoutSpans(t testing.TB, markdown string) string {
	t.Helper()
	var b strings.Builder
	for markdown != "" {
		i := strings.IndexByte(markdown, '`')
		if i < 0 {
			b.WriteString(markdown)
			break
		}
		b.WriteString(markdown[:i])
		rest := strings.TrimLeft(markdown[i:], "`")
		n := len(markdown) - i - len(rest)
		for closing := 0; closing != n; {
			j := strings.IndexByte(rest, '`')
			require.GreaterOrEqual(t, j, 0, "span not closed")
			require.NotContains(t, rest[:j], "\n")
			after := strings.TrimLeft(rest[j:], "`")
			closing, rest = len(rest)-j-len(after), after
		}
		markdown = rest
	}
	return b.String()
}

func TestReportIsBounded(t *testing.T) {
	t.Parallel()
	const n = 3000
	var fields strings.Builder
	for i := range n {
		fmt.Fprintf(&fields, "        %s_%d:\n          type: string\n", strings.Repeat("é", 300), i)
	}
	code, stdout, _ := drift(t, asPage(both(
		swap("        provider:\n", fields.String()+"        provider:\n", create),
		swap("default: 1800", "default: 60"),
	)(t, vendoredText(t))))
	assert.Equal(t, exitDrift, code)
	assert.Less(t, len(stdout), 65536)
	assert.True(t, utf8.ValidString(stdout))
	assert.Contains(t, stdout, fmt.Sprintf("### New (%d)", n))
	assert.Contains(t, stdout, "`default` `1800` → `60`", "what may break comes first")
	assert.Contains(t, stdout, fmt.Sprintf("\n%d more are omitted to keep the report short", n+1-len(lines(stdout))))
}

// The order of a Go map must not show, since an issue is updated whenever the report changes.
func TestReportIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	text := asPage(all("format: date-time", "format: date")(t, all("nullable: true", "nullable: false")(t, vendoredText(t))))
	file := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	_, first, _ := command(t, file)
	require.Greater(t, len(lines(first)), 30)
	for range 10 {
		_, again, _ := command(t, file)
		require.Equal(t, first, again)
	}
	seen := map[string]bool{}
	for _, line := range lines(first) {
		assert.False(t, seen[line], "twice: %s", line)
		seen[line] = true
	}
}

func TestReportWhole(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(file, []byte(asPage(swap("default: 1800", "default: 3600")(t, vendoredText(t)))), 0o600))
	_, stdout, _ := command(t, file)
	assert.Equal(t, "## Upstream drift\n\n`"+file+"` against `"+vendoredFile+"`.\n\n### May break callers (1)\n\n"+
		"- `ConnectSessionCreate.expires_in`: `default` `1800` → `3600` (`request of POST /connect_sessions`)\n", stdout)
}
