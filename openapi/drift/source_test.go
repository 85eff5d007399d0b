package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requireUnknown requires exit status 2, one line on standard error and no report.
func requireUnknown(t testing.TB, code int, stdout, stderr, reason string) {
	t.Helper()
	assert.Equal(t, exitUnknown, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, reason)
	assert.Regexp(t, `\Adrift: [^\n]+\n\z`, stderr)
}

func TestUnusableText(t *testing.T) {
	t.Parallel()
	v := vendoredText(t)
	bomb := "x0: &x0 [a,a,a,a,a,a,a,a,a]\n"
	for i := range 12 {
		bomb += fmt.Sprintf("x%d: &x%[1]d [*x%d%s]\n", i+1, i, strings.Repeat(fmt.Sprintf(",*x%d", i), 8))
	}
	for _, row := range []struct{ name, text, reason string }{
		{"empty", "", "neither a page"},
		{"HTML", "<!doctype html>\n<title>Not here</title>", "HTML"},
		{"a page without a description", "# Create\n\n```yaml\na: 1\n```\n", "neither a page"},
		{"a page in another language", asPage(strings.ReplaceAll(v, "openapi:", "asyncapi:")), "neither a page"},
		{"two fences", asPage(v) + asPage(v), "2 fenced"},
		{"fence not closed", strings.TrimSuffix(asPage(v), "````\n"), "not closed"},
		{"fence closed by a shorter one", strings.TrimSuffix(asPage(v), "````\n") + "```\n", "not closed"},
		{"cut in the middle, fence closed", asPage(v[:len(v)/2]), ""},
		{"bad YAML", asPage(strings.Replace(v, "paths:\n", "paths: [\n", 1)), "yaml"},
		{"a key twice", asPage(strings.Replace(v, "      summary:", "      summary: a\n      summary:", 1)), "already defined"},
		{"a status twice", asPage(strings.Replace(v, "        '502':", "        502:\n          description: x\n        '502':", 1)), "already defined"},
		{"bad JSON", `{"openapi": "3.1.0", "paths": {`, "drift: could not use "},
		{"a bad description by itself", "# of the service\n" + strings.Replace(v, "paths:\n", "paths: [\n", 1), "nor a description: yaml: "},
		{"a bad description by itself, with a fence in it", strings.Replace(v, "description: The origin username", "description: |\n            ```yaml\n            x: [\n      y", 1), "nor a description: yaml: "},
		{"two documents", asPage(v + "---\n" + v), "more than one"},
		{"front matter that says openapi", "---\ntitle: Create\nopenapi: post /connect_sessions\n---\n\n# Create\n", "neither a page"},
		{"Swagger 2", "swagger: '2.0'\npaths: {}\n", "not an OpenAPI 3 description"},
		{"no paths", "openapi: 3.1.0\ninfo: {title: a, version: b}\n", "no operations"},
		{"a list", "- openapi: 3.1.0\n", "neither a page"},
		{"paths that are no objects", asPage(strings.Replace(v, "paths:\n  /connect_sessions:\n", "paths:\n  /x: 1\n  /connect_sessions:\n", 1)), ""},
		{"a type that is an object", asPage(strings.Replace(v, "type: object", "type: {a: b}", 1)), ""},
		{"properties that are a list", asPage(strings.Replace(v, "      properties:\n", "      properties: [a]\n      more:\n", 1)), "properties has the wrong type"},
		{"a reference without a target", asPage(strings.Replace(v, "schemas/ProviderError'", "schemas/Gone'", 1)), "has no target"},
		{"a reference to a text", asPage(strings.Replace(v, "schemas/ProviderError'", "schemas/ProviderError/type'", 1)), "has no target object"},
		{"a reference out of the page", asPage(strings.Replace(v, "'#/components/schemas/ProviderError'", "'https://example.com/a.yaml'", 1)), "points outside"},
		{"references in a cycle", asPage(strings.Replace(v, "    UnifiedError:\n      type: object\n", "    UnifiedError:\n      $ref: '#/components/schemas/UnifiedError'\n", 1)), "or a cycle of them"},
		{"no responses", asPage(v[:strings.Index(v, "      responses:")] + "      responses: {}\n" + v[strings.Index(v, "      security:\n"):]), "no responses"},
		{"security scheme missing", asPage(v[:strings.Index(v, "  securitySchemes:")]), `"basic" is missing`},
		{"security scheme cut", asPage(strings.Replace(v, "      scheme: basic\n", "", 1)), "basic"},
		{"aliases that multiply", asPage(bomb + v), "aliasing"},
		{"nested deeper than a parser goes", asPage(strings.Replace(v, "example: 400", "example: "+strings.Repeat("{a: ", 20000)+strings.Repeat("}", 20000), 1)), ""},
		{"values without end", asPage(v + "x-many: [" + strings.Repeat("1,", maxValues) + "]\n"), "more than 500000 values"},
		{"Latin-1", asPage(v) + "caf\xe9\n", "UTF-8"},
		{"too large", asPage(v) + strings.Repeat(" ", maxSource), "larger than 4 MiB"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := drift(t, row.text)
			requireUnknown(t, code, stdout, stderr, row.reason)
		})
	}
}

// The time to compare schemas that refer to each other grows with their number only.
func TestSchemasThatLeadToEachOther(t *testing.T) {
	t.Parallel()
	ring, chain := "", ""
	for i := range 25 {
		ring += fmt.Sprintf("    Ring%d:\n      properties:\n", i)
		for j := range 25 {
			ring += fmt.Sprintf("        to%d: {$ref: '#/components/schemas/Ring%[1]d'}\n", j)
		}
	}
	for i := range 1200 {
		chain += fmt.Sprintf("    Chain%d: {properties: {next: {$ref: '#/components/schemas/Chain%d'}}}\n", i, i+1)
	}
	chain += "    Chain1200: {type: string}\n"
	// Each is a reference on every second level only.
	offset := "    Offset:\n      definition:\n"
	for _, name := range []string{"x", "y"} {
		inner := "{properties: {a: {$ref: '#/components/schemas/Offset/definition/" + name + "'}, b: {$ref: '#/components/schemas/Offset/definition/" + name + "'}}}"
		offset += "        " + name + ": {properties: {a: " + inner + ", b: " + inner + "}}\n"
	}
	field := func(name string) edit {
		return swap("        provider:\n", "        more: {$ref: '#/components/schemas/"+name+"'}\n        provider:\n", create)
	}
	summary := swap("summary: Create", "summary: create")
	const told = "Documentation | `POST /connect_sessions`: `summary` `Create Connect Session` → `create Connect Session`"
	for _, row := range []struct {
		name       string
		base, edit edit
		want       []string
	}{
		{"a recursive one", field("ConnectSessionCreate"), summary, []string{told}},
		{"one that becomes recursive", both(), field("ConnectSessionCreate"), []string{"New | `ConnectSessionCreate`: property `more` added" + asked}},
		{"a ring", both(swap("  schemas:\n", "  schemas:\n"+ring), field("Ring0")), both(), nil},
		{"a ring that changes", both(swap("  schemas:\n", "  schemas:\n"+ring), field("Ring0")), swap("    Ring24:\n", "    Ring24:\n      type: object\n"), []string{"May break callers | `Ring24`: `type` none → `object`" + asked}},
		{"a chain", both(swap("  schemas:\n", "  schemas:\n"+chain), field("Chain400")), summary, []string{told}},
		{
			"references that never meet",
			both(swap("  schemas:\n", "  schemas:\n"+offset), swap("        provider:\n", "        more: {$ref: '#/components/schemas/Offset/definition/x'}\n        provider:\n", create)),
			swap("{$ref: '#/components/schemas/Offset/definition/x'}", "{properties: {a: {$ref: '#/components/schemas/Offset/definition/y'}, b: {$ref: '#/components/schemas/Offset/definition/y'}}}", create),
			[]string{
				"May break callers | `Offset/definition/x`: `$ref` `x` → none" + asked,
				"May break callers | `Offset/definition/x.a`: `$ref` none → `y`" + asked,
				"May break callers | `Offset/definition/x.b`: `$ref` none → `y`" + asked,
			},
		},
		{"a long chain", both(swap("  schemas:\n", "  schemas:\n"+chain), field("Chain0")), summary, []string{told}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "vendored.yaml")
			base := row.base(t, vendoredText(t))
			require.NoError(t, os.WriteFile(file, []byte(base), 0o600))
			code, stdout, stderr := drift(t, asPage(row.edit(t, base)), "-vendored", file)
			assert.Empty(t, stderr)
			assert.Equal(t, min(1, len(row.want)), code)
			assert.Equal(t, row.want, lines(stdout))
		})
	}
}

// A truncated page is never mistaken for one that describes less.
func TestCutPage(t *testing.T) {
	t.Parallel()
	whole := strings.SplitAfter(strings.TrimRight(vendoredText(t), "\n")+"\n", "\n")
	whole = whole[:len(whole)-1]
	for n := range whole {
		if n%9 != 0 && n < len(whole)-30 {
			continue // each line would be as good, and slow
		}
		code, stdout, _ := drift(t, asPage(strings.Join(whole[:n], "")))
		assert.Equal(t, exitUnknown, code, "cut before line %d: %s", n+1, whole[n])
		assert.Empty(t, stdout)
	}
}

func TestFences(t *testing.T) {
	t.Parallel()
	v := vendoredText(t)
	for name, text := range map[string]string{
		"three backticks":           "```yaml\n" + v + "```\n",
		"closed by a longer fence":  "```yml\n" + v + "``````\n",
		"json in capitals":          "```` JSON openapi.json\n" + v + "````",
		"indented":                  "  ```yaml\n  " + strings.ReplaceAll(v, "\n", "\n  ") + "\n  ```\n",
		"others around it":          "~~~yaml\nopenapi: none\n```yaml\n~~~\n```yaml\na: 1\n```\n" + asPage(v) + "``` not `one`\n",
		"next to one about OpenAPI": "```yaml\nsource: openapi.json # openapi: as it is published\n```\n" + asPage(v),
		"below a component":         "<Note>Read this.</Note>\n\n" + asPage(v),
		"description by itself":     v,
		"behind a comment":          "# of the service\n---\n" + v,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := drift(t, text)
			assert.Equal(t, exitSame, code, "%s%s", stdout, stderr)
		})
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, reason string
		args         []string
	}{
		{"unknown flag", "-nope", []string{"-nope"}},
		{"two sources to take", "more than one source", []string{"-update", "a", "b"}},
		{"no time", "timed out after 0s", []string{"-timeout", "0s", vendoredFile}},
		{"no such file", "no such file", []string{"nowhere.md"}},
		{"a directory", "directory", []string{"."}},
		{"another scheme", "no such file", []string{"ftp://example.com/page.md"}},
		{"no vendored file", "no such file", []string{"-vendored", "nowhere.yaml", vendoredFile}},
		{"vendored file is no description", "main.go", []string{"-vendored", "main.go", vendoredFile}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := command(t, row.args...)
			requireUnknown(t, code, stdout, stderr, row.reason)
		})
	}
	t.Run("help", func(t *testing.T) {
		t.Parallel()
		code, stdout, stderr := command(t, "-h")
		assert.Equal(t, exitUnknown, code) // nothing was checked
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, "usage: drift")
		assert.Contains(t, stderr, page)
	})
}

type fullPipe struct{}

func (fullPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestReportNotWritten(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	code := run(t.Context(), []string{"-vendored", vendoredFile, vendoredFile}, fullPipe{}, &errs)
	requireUnknown(t, code, "", errs.String(), "broken pipe")
}

func TestBounded(t *testing.T) {
	t.Parallel()
	_, err := bounded(t.Context(), time.Hour, func(context.Context) (int, error) { panic("from a library") })
	assert.EqualError(t, err, "panic: from a library")

	// It does not wait for a function that ignores the context.
	release := make(chan struct{})
	defer close(release)
	_, err = bounded(t.Context(), time.Nanosecond, func(context.Context) (int, error) { <-release; return 0, nil })
	assert.ErrorContains(t, err, "timed out after 1ns")
}

// The built program, as CI runs it.
func TestProgram(t *testing.T) {
	t.Parallel()
	built, err := built()
	require.NoError(t, err)
	program := filepath.Join(built, "drift")
	live := contents(t, "../connect-sessions.yaml")
	file := filepath.Join(t.TempDir(), "page.md")
	for code, text := range map[int]string{
		exitSame:    asPage(live),
		exitDrift:   asPage(strings.Replace(live, "/connect_sessions:", "/sessions:", 1)),
		exitUnknown: "<html>",
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		cmd := exec.CommandContext(t.Context(), program, file)
		cmd.Dir = "../.." // where the files are by default
		_ = cmd.Run()
		assert.Equal(t, code, cmd.ProcessState.ExitCode())
	}

	var cmd *exec.Cmd
	started := make(chan struct{})
	waiting := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-started
		_ = cmd.Process.Signal(os.Interrupt)
		<-r.Context().Done()
	}))
	defer waiting.Close()
	var errs bytes.Buffer
	cmd = exec.CommandContext(t.Context(), program, "-vendored", vendoredFile, waiting.URL)
	cmd.Stderr = &errs
	require.NoError(t, cmd.Start())
	close(started)
	_ = cmd.Wait()
	assert.Equal(t, exitUnknown, cmd.ProcessState.ExitCode())
	assert.Contains(t, errs.String(), "interrupt signal received")
}
