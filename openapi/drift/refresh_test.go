package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// everyChange makes TestRefresh run the whole catalogue and test each result: make
// catalogue.
const everyChange = "DRIFT_CATALOGUE"

// cures are the corrections for changes that break no caller but result in Go code that
// does not compile. openapi/README.md describes them.
var cures = map[string]string{
	"recursive schema": `
  - target: $.components.schemas.ConnectSessionLatestAttempt.properties.parent
    description: Go has no recursive structs without pointers.
    update: {x-go-type-skip-optional-pointer: false}
`,
	"field that differs in case only": `
  - target: $.components.schemas.ConnectSessionCreate.properties.Label
    description: It would have the Go name of label.
    update: {x-go-name: OtherLabel}
`,
	"schema called as the generated client": `
  - target: $.components.schemas.Client
    description: The generated client has this name.
    update: {x-go-name: SessionOwner}
`,
}

// inGo has parts of the report on the Go API, where it says more than what is new.
var inGo = map[string]string{
	"enum value that differs in case only": "`AccountTypeProduction: value changed from \"production\" to \"Production\"`",
	"response with a name":                 "`CreateConnectSessionResponse.JSON502: changed from *ErrorResponse to *BadGateway`",
	"request open to other fields":         "`ConnectSessionCreate.MarshalJSON: added`",
	"another content type of JSON":         "The same.",
	"request field removed":                "`ConnectSessionCreate.OriginUsername: removed`",
	"enum value removed from a request":    "`CategoryIAM: removed`",
	"default changed":                      "The same.",
	"description":                          "The same.",
}

// After any change upstream, make refresh ends in one of three ways: the tree is updated
// and passes; nothing has changed, and one line has the reason; or the generated code is
// new, and one line says that hand-written code must be adapted. A change that breaks no
// caller ends in the first way or needs a cure. The report has every change that breaks
// programs compiled with the new code.
func TestRefresh(t *testing.T) {
	t.Parallel()
	some := map[string]bool{"CRLF": true, "optional response field": true, "type of an id": true, "recursive schema": true, "Go type of upstream's choice": true}
	for name := range inGo {
		some[name] = true
	}
	check := "go build ./client"
	if os.Getenv(everyChange) != "" {
		some = nil
		check = "go test ./client/internal/repository -run TestExportedAPI -update && go vet ./... && go test -vet=off ./gen ./client ./client/stackonetest -skip 'Leak|Leaves|Load|Soak|Outage'"
	}
	var reached []string
	for _, row := range catalogue() {
		if some != nil && !some[row.name] {
			continue
		}
		reached = append(reached, row.name)
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			description, ok := applied(t, row.edit, contents(t, "../connect-sessions.yaml"))
			if !ok {
				t.Skip("the vendored file no longer has what this changes")
			}
			page := asPage(description)
			p := copyProject(t)
			before := p.files()
			source := filepath.Join(t.TempDir(), "page.md")
			require.NoError(t, os.WriteFile(source, []byte(page), 0o600))

			output, ok := p.make("refresh", "SOURCE="+source, "CHECKED_BY="+check)
			lines := strings.Split(strings.TrimSpace(output), "\n")
			if !ok { // the last line is make's own
				require.GreaterOrEqual(t, len(lines), 2, output)
				lines = lines[:len(lines)-1]
			}
			last := lines[len(lines)-1]
			harmless := !slices.ContainsFunc(row.want, func(line string) bool { return strings.HasPrefix(line, grades[mayBreak]) })
			if expected := inGo[row.name]; expected != "" {
				_, report, _ := strings.Cut(output, "\n## Go API\n")
				assert.Contains(t, report, expected)
				assert.Equal(t, strings.HasPrefix(expected, "`"), strings.Contains(report, "\n### Breaks Go programs ("), report)
			}
			switch {
			case ok && len(row.want) == 0:
				assert.Empty(t, p.changed(before), "the same means that nothing changes")
			case ok:
				t.Log("new")
				assert.Empty(t, cures[row.name], "nothing to cure")
				requireNew(t, p, page)
				if harmless {
					assert.NotContains(t, output, "### Breaks Go programs")
				}
			case cures[row.name] != "":
				assert.Contains(t, last, "the code generated from the new description does not compile, and nothing was changed")
				assert.Empty(t, p.changed(before))
				overlay := filepath.Join(p.dir, overlayName)
				require.NoError(t, os.WriteFile(overlay, []byte(contents(t, overlay)+cures[row.name]), 0o600))
				output, ok := p.make("refresh", "SOURCE="+source, "CHECKED_BY="+check)
				require.True(t, ok, output)
				requireNew(t, p, page)
			case harmless && !strings.Contains(last, "JSON, in which a key may occur twice"):
				assert.Fail(t, "a change that breaks no caller stops the refresh", output)
			case strings.Contains(last, "nothing has been changed") || strings.Contains(last, "as it was") || strings.Contains(last, "could not use"):
				t.Log("stopped: ", last)
				assert.Regexp(t, `^drift: could not use \S+page\.md: (the overlay's correction of \S.* no longer fits .*; its reason was: ".+"\. openapi/README\.md says what to do|the overlay: .*: security scheme ".+" is missing or incomplete|.* has .x-go-|.* names its enum values by position|JSON, in which )`, last)
				assert.Empty(t, p.changed(before))
			default:
				t.Log("by hand: ", last)
				assert.Contains(t, last, "handwritten code or its tests have to be adapted")
				requireNew(t, p, page)
			}
		})
	}
	if some != nil {
		assert.Len(t, reached, len(some), "a row has another name")
	}
}

// applied returns the edited description, if it has the text to change.
func applied(t testing.TB, e edit, description string) (text string, ok bool) {
	attempt := &probe{TB: t}
	done := make(chan struct{})
	go func() { // which FailNow ends
		defer close(done)
		text = e(attempt, description)
	}()
	<-done
	return text, !attempt.failed
}

// probe records failures instead of reporting them.
type probe struct {
	testing.TB
	failed bool
}

func (p *probe) Errorf(string, ...any) { p.failed = true }
func (p *probe) FailNow()              { runtime.Goexit() }

// requireNew requires that the description is the page's and that its checksum and date
// are recorded.
func requireNew(t *testing.T, p project, page string) {
	t.Helper()
	found, err := extract(strings.ReplaceAll(strings.TrimPrefix(page, "\uFEFF"), "\r\n", "\n"))
	require.NoError(t, err)
	vendored := p.read("openapi/connect-sessions.yaml")
	assert.Equal(t, found.text, vendored)
	assert.Contains(t, p.read("openapi/README.md"), fmt.Sprintf("`%x`", sha256.Sum256([]byte(vendored))))
	assert.Contains(t, p.read("openapi/README.md"), "fence, on "+time.Now().UTC().Format(time.DateOnly))
}

// The checksum that refresh records is right in the project itself.
func TestNotedChecksum(t *testing.T) {
	t.Parallel()
	vendored, err := os.ReadFile("../connect-sessions.yaml")
	require.NoError(t, err)
	assert.Contains(t, contents(t, "../README.md"), fmt.Sprintf("`%x`", sha256.Sum256(vendored)))
}

// A refresh that stops leaves everything unchanged.
func TestRefreshStops(t *testing.T) {
	t.Parallel()
	live := contents(t, "../connect-sessions.yaml")
	changed := swap("default: 1800", "default: 3600")(t, live)
	for _, row := range []struct {
		name, page, go_, reason string
	}{
		{"at a page that is gone", "", "true", "no such file"},
		{"at HTML", "<html>", "true", "HTML"},
		{"at the generator", asPage(changed), "[ $1 != generate ]", "make refresh: the generator cannot use the new description, and nothing was changed"},
		{"at a module of upstream's choice", asPage(changed), `[ $1 != generate ] || { go "$@" && sed -i.bak 's,^import (,&\n\t_ "example.com/chosen",' gen/connect.gen.go && rm gen/*.bak; }`,
			"make refresh: the code generated from the new description does not compile, and nothing was changed; openapi/README.md says what to do: gen/connect.gen.go:7:2: no required module provides package example.com/chosen"},
		{"at a requirement", asPage(changed), `[ "$1 $2" != "mod tidy" ] || { go mod edit -require example.com/chosen@v1.0.0; exit; }`, "make refresh: go.mod would gain a requirement, and nothing was changed; openapi/README.md says what to do: \t\t\t\"Path\": \"example.com/chosen\""},
		{"at code that changes without a reason", asPage(swap("summary: Create Connect Session", "summary: Create a session")(t, live)), `[ $1 != generate ] || { go "$@" && sed -i.bak 's,"application/json",("application/json"),' gen/connect.gen.go && rm gen/*.bak; }`,
			"make refresh: the generated code behaves differently, and neither upstream's changes nor those of the Go API explain it"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := copyProject(t)
			before := p.files()
			source := filepath.Join(t.TempDir(), "page.md")
			if row.page != "" {
				require.NoError(t, os.WriteFile(source, []byte(row.page), 0o600))
			}
			tool := filepath.Join(t.TempDir(), "go")
			require.NoError(t, os.WriteFile(tool, []byte("#!/bin/sh\n"+row.go_+" || exit\ncase $1 in generate) ;; *) exec go \"$@\" ;; esac\n"), 0o700))
			output, ok := p.make("refresh", "SOURCE="+source, "GO="+tool, "CHECKED_BY=false")
			assert.False(t, ok)
			assert.Contains(t, output, row.reason)
			assert.Empty(t, p.changed(before))
		})
	}
	t.Run("at the tests", func(t *testing.T) {
		t.Parallel()
		p := copyProject(t)
		source := filepath.Join(t.TempDir(), "page.md")
		require.NoError(t, os.WriteFile(source, []byte(asPage(changed)), 0o600))
		output, ok := p.make("refresh", "SOURCE="+source, "CHECKED_BY=false")
		assert.False(t, ok)
		assert.Contains(t, output, "handwritten code or its tests have to be adapted")
		requireNew(t, p, asPage(changed))
	})
}
