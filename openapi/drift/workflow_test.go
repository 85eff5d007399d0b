package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// fakeGH records each call and the contents of body files. It answers lists with $GH_OPEN,
// requests for the body of an issue with $GH_BODY, for the last runs with $GH_RUNS, and for
// the result of the check in each run with $GH_CHECKS.
const fakeGH = `#!/bin/sh
all=$*
printf '%s' "$1 $2" >>"$GH_CALLS"
shift 2
while [ $# -gt 0 ]; do
	printf ' <%s>' "$1" >>"$GH_CALLS"
	case $1 in
	--body-file) cat "$2" >"$GH_CALLS.body" ;;
	body=@*) cat "${1#body=@}" >"$GH_CALLS.body" ;;
	esac
	shift
done
echo >>"$GH_CALLS"
case $all in
*state*open*) printf '%s\n' "$GH_OPEN" ;;
*--jq\ .body) printf '%s\n' "$GH_BODY" ;;
*/runs\?*) printf '%s\n' $GH_RUNS ;;
*/jobs*) printf '%s\n' "${GH_CHECKS:-success}" ;;
esac
exit "${GH_EXIT:-0}"
`

// workflow is a project with a fake gh, and a server for a page.
type workflow struct {
	project
	page  atomic.Pointer[string] // "" for none
	url   string
	calls string
}

func newWorkflow(t *testing.T, page, open string) *workflow {
	t.Helper()
	w := &workflow{project: copyProject(t)}
	w.page.Store(&page)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if page := *w.page.Load(); page != "" {
			rw.Header().Set("Content-Type", "text/markdown; charset=utf-8")
			_, _ = io.WriteString(rw, page)
			return
		}
		http.NotFound(rw, r)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL + "/100%25.md"

	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "gh"), []byte(fakeGH), 0o700))
	w.calls = filepath.Join(t.TempDir(), "calls")
	w.env = append(w.env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "GH_CALLS="+w.calls, "GH_OPEN="+open,
		"GITHUB_ACTIONS=true", "GITHUB_STEP_SUMMARY="+w.calls+".summary", "GITHUB_OUTPUT="+w.calls+".output",
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
	return w
}

// check runs the daily check.
func (w *workflow) check() (output string, ok bool) {
	w.t.Helper()
	w.env = append(w.env, "SOURCE="+w.url)
	return w.run(".ci/drift-issue")
}

// noted returns what gh or the step was given, "" if nothing.
func (w *workflow) noted(suffix string) string {
	text, err := os.ReadFile(w.calls + suffix)
	if !os.IsNotExist(err) {
		require.NoError(w.t, err)
	}
	return string(text)
}

func TestDriftIssue(t *testing.T) {
	t.Parallel()
	same := asPage(contents(t, "../connect-sessions.yaml"))
	// Text that a shell would expand and GitHub would interpret.
	const hostile = "$(touch pwned) `touch pwned` ${HOME} @everyone"
	const runs = "api repos/{owner}/{repo}/actions/workflows/drift.yml/runs?event=schedule&status=completed&per_page=2 <--jq> <.workflow_runs[].id>\n"
	const list = "api repos/{owner}/{repo}/issues?labels=drift&state=open <--jq> <map(select(.pull_request | not)) | .[0].number // empty>\n"
	const body = "api repos/{owner}/{repo}/issues/7 <--jq> <.body>\n"
	const edited = "api repos/{owner}/{repo}/issues/7/comments <-F> <body=@bin/drift.md> <--silent>\n" +
		"api --method <PATCH> <repos/{owner}/{repo}/issues/7> <-F> <body=@bin/drift.md> <--silent>\n"
	drifted := strings.Replace(same, "summary: ", "summary: '"+hostile+"' # ", 1)
	require.NotEqual(t, same, drifted)

	for _, row := range []struct {
		name, page, open string
		ok               bool
		calls            string
	}{
		{"no drift, no issue", same, "", true, list},
		{"no drift, an issue", same, "7", true, list + "issue close <7> <--comment> <The drift is gone: upstream and the vendored description mean the same.>\n"},
		{"drift, no issue", drifted, "", true, list + "label create <drift> <--force> <--description> <Upstream has changed its description of the API>\n" +
			"issue create <--title> <Upstream drift> <--label> <drift> <--body-file> <bin/drift.md>\n"},
		{"drift, an issue", drifted, "7", true, list + body + edited},
		{"not found, an issue", "", "7", false, runs + list},
		{"HTML, no issue", "<html>", "", false, runs + list},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorkflow(t, row.page, row.open)
			before := w.files()
			output, ok := w.check()
			assert.Equal(t, row.ok, ok, output)
			assert.Equal(t, row.calls, w.noted(""))
			assert.Empty(t, w.changed(before), "nothing of the project changes")
			if !row.ok {
				assert.Regexp(t, `(?m)^::error title=Upstream could not be checked::drift: could not use \S+/100%2525\.md.*$`, output)
				assert.Empty(t, w.noted(".output")+w.noted(".body"))
				return
			}
			assert.NotContains(t, output, "::error")
			assert.Contains(t, w.noted(".summary"), "## Upstream drift")
			if row.page == drifted {
				assert.Equal(t, "drift=true\n", w.noted(".output"))
				assert.Contains(t, w.noted(".body"), strings.ReplaceAll(hostile, "`", "ˋ"))
				assert.Equal(t, w.noted(".summary"), w.noted(".body"))
			} else {
				assert.Equal(t, "drift=false\n", w.noted(".output"))
			}
		})
	}
	t.Run("drift that the issue already reports", func(t *testing.T) {
		t.Parallel()
		w := newWorkflow(t, drifted, "7")
		report, _ := w.run("bin/drift", w.url)
		stored := strings.ReplaceAll(strings.TrimSpace(report), "\n", " \r\n")
		w.env = append(w.env, "GH_BODY="+stored)
		output, ok := w.check()
		assert.True(t, ok, output)
		assert.Equal(t, list+body, w.noted(""), "is no news")

		w.env = append(w.env, "GH_BODY="+strings.Replace(stored, "summary", "description", 1))
		output, ok = w.check()
		assert.True(t, ok, output)
		assert.Equal(t, list+body+list+body+edited, w.noted(""))
	})
	// The first page decides about the pull request, and a source that cannot be read hides
	// nothing about another one.
	for _, row := range []struct {
		first, further, output           string
		opens, opensLater, edits, closes bool // opensLater: from the third day on
	}{
		{"same", "same", "drift=false\n", false, false, false, true},
		{"same", "drift", "drift=false\n", true, true, true, false},
		{"same", "dead", "drift=false\n", false, true, true, false},
		{"drift", "same", "drift=true\n", true, true, true, false},
		{"drift", "drift", "drift=true\n", true, true, true, false},
		{"drift", "dead", "drift=true\n", true, true, true, false},
		{"dead", "same", "", false, true, true, false},
		{"dead", "drift", "", true, true, true, false},
		{"dead", "dead", "", false, true, false, false},
	} {
		t.Run("first page "+row.first+", further page "+row.further, func(t *testing.T) {
			t.Parallel()
			pages := map[string]string{"same": same, "drift": drifted, "dead": ""}
			w := newWorkflow(t, pages[row.first], "")
			further := filepath.Join(t.TempDir(), "further.md")
			if page := pages[row.further]; page != "" {
				require.NoError(t, os.WriteFile(further, []byte(page), 0o600))
			}
			check := func(env ...string) (calls string) {
				t.Helper()
				for _, suffix := range []string{"", ".body", ".output"} {
					require.NoError(t, os.RemoveAll(w.calls+suffix))
				}
				w.env = append(append(w.env, "DRIFT_SOURCES="+further, "GH_RUNS=11 12", "GH_BODY=x"), env...)
				output, ok := w.check()
				assert.Equal(t, row.first != "dead" && row.further != "dead", ok, output)
				assert.Equal(t, row.output, w.noted(".output"))
				if body := w.noted(".body"); body != "" {
					assert.Equal(t, strings.Count(row.first+row.further, "drift"), strings.Count(body, "\n### Doc"))
					assert.Equal(t, strings.Count(row.first+row.further, "same"), strings.Count(body, "\nNone: "))
					assert.Equal(t, strings.Count(row.first+row.further, "dead"), strings.Count(body, "\n    drift: could not use "))
				}
				return w.noted("")
			}
			assert.Equal(t, row.opens, strings.Contains(check(), "issue create"))
			assert.Equal(t, row.opensLater, strings.Contains(check("GH_CHECKS=failure"), "issue create"))
			calls := check("GH_CHECKS=success", "GH_OPEN=7")
			assert.Equal(t, row.edits, strings.Contains(calls, edited))
			assert.Equal(t, row.closes, strings.Contains(calls, "issue close"))
			assert.NotContains(t, calls, "issue create")
		})
	}
	t.Run("more sources", func(t *testing.T) {
		t.Parallel()
		w := newWorkflow(t, same, "")
		whole := filepath.Join(t.TempDir(), "whole.yaml")
		changed := swap("            - pending\n", "            - pending\n            - expired\n")
		require.NoError(t, os.WriteFile(whole, []byte(changed(t, contents(t, "../connect-sessions.yaml"))), 0o600))
		w.env = append(w.env, "DRIFT_SOURCES= "+w.url+"?a=*&b\n "+whole)
		output, ok := w.check()
		assert.True(t, ok, output)
		assert.Equal(t, 3, strings.Count(w.noted(".body"), "## Upstream drift\n"))
		assert.Contains(t, w.noted(".body"), "enum value `expired` added")

		// One that cannot be read does not hide the others.
		w.env = append(w.env, "DRIFT_SOURCES=nowhere.md "+whole)
		output, ok = w.check()
		assert.False(t, ok)
		assert.Contains(t, output, "::error title=Upstream could not be checked::drift: could not use nowhere.md: open nowhere.md: ")
		assert.Contains(t, w.noted(".body"), "enum value `expired` added")
		assert.Contains(t, w.noted(".body"), "\n## Could not be read\n\n    drift: could not use nowhere.md: open nowhere.md: ")
	})
	t.Run("much drift in many sources", func(t *testing.T) {
		t.Parallel()
		w := newWorkflow(t, same, "")
		var fields strings.Builder
		for i := range 2000 {
			fmt.Fprintf(&fields, "        field_%d:\n          type: string\n", i)
		}
		large := filepath.Join(t.TempDir(), "large.md")
		page := swap("        provider:\n", fields.String()+"        provider:\n", create)(t, same)
		require.NoError(t, os.WriteFile(large, []byte(page), 0o600))
		w.page.Store(&page)
		w.env = append(w.env, "DRIFT_SOURCES="+strings.Repeat(large+" ", 3)+strings.Repeat(" nowhere.md", 40))
		_, ok := w.check()
		assert.False(t, ok)
		assert.Less(t, len(w.noted(".body")), 65536)
		assert.Equal(t, 4, strings.Count(w.noted(".body"), "\n### New (2000)\n"))
	})
	t.Run("a source that could not be read for days", func(t *testing.T) {
		t.Parallel()
		w := newWorkflow(t, "", "")
		w.env = append(w.env, "GH_RUNS=11 12", "GH_CHECKS=success")
		_, ok := w.check()
		assert.False(t, ok)
		jobs := func(id string) string {
			return "api repos/{owner}/{repo}/actions/runs/" + id + "/jobs <--jq> <.jobs[] | select(.name == \"check\").conclusion>\n"
		}
		assert.Equal(t, runs+jobs("11")+jobs("12")+list, w.noted(""), "is nothing to report on the first day")
		assert.Empty(t, w.noted(".output"))

		w.env = append(w.env, "GH_CHECKS=failure")
		_, ok = w.check()
		assert.False(t, ok)
		assert.Contains(t, w.noted(""), "issue create <--title> <Upstream drift>")
		assert.Regexp(t, `^\n## Could not be read\n\n    drift: could not use \S+/100%25\.md: answered 404 Not Found\n$`, w.noted(".body"))

		w.env = append(w.env, "GH_OPEN=7", "GH_BODY=x")
		require.NoError(t, os.RemoveAll(w.calls))
		_, ok = w.check()
		assert.False(t, ok)
		assert.Equal(t, runs+jobs("11")+jobs("12")+list+body+edited, w.noted(""))

		// Reasons may contain a port or the time, which differ every day.
		const daily = "certificate has expired: current time 2026-11-26T15:46:51Z is after 2026-11-25T16:00:00Z"
		stored := strings.Replace(w.noted(".body"), "answered 404 Not Found", daily, 1)
		for stored, calls := range map[string]string{stored: "", strings.Replace(stored, "100", "101", 1): edited} {
			w.env = append(w.env, "GH_BODY="+stored)
			require.NoError(t, os.RemoveAll(w.calls))
			_, ok = w.check()
			assert.False(t, ok)
			assert.Equal(t, runs+jobs("11")+jobs("12")+list+body+calls, w.noted(""), "only another source is news")
		}
	})
	t.Run("gh fails", func(t *testing.T) {
		t.Parallel()
		w := newWorkflow(t, drifted, "7")
		w.env = append(w.env, "GH_EXIT=1")
		_, ok := w.check()
		assert.False(t, ok)
		assert.Equal(t, list, w.noted(""), "what cannot be listed is not made anew")
	})
}

type job struct {
	Permissions map[string]string
	Steps       []struct {
		Uses, Run string
		With      map[string]any
	}
}

// driftJobs returns the jobs of the daily check, which has no permissions outside them.
func driftJobs(t testing.TB) map[string]job {
	t.Helper()
	var file struct {
		Permissions map[string]string
		Jobs        map[string]job
	}
	require.NoError(t, yaml.Unmarshal([]byte(contents(t, "../../.github/workflows/drift.yml")), &file))
	assert.Empty(t, file.Permissions)
	return file.Jobs
}

// The job that compiles and runs code from upstream's text has no permission to write, and
// no job restores a cache that it could have written.
func TestWorkflow(t *testing.T) {
	t.Parallel()
	jobs := driftJobs(t)
	writes := map[string][]string{}
	for name, job := range jobs {
		for scope, access := range job.Permissions {
			if access == "write" {
				writes[name] = append(writes[name], scope)
			}
		}
		slices.Sort(writes[name])
		for _, step := range job.Steps {
			if strings.HasPrefix(step.Uses, "actions/setup-go@") {
				assert.Equal(t, false, step.With["cache"], name)
			}
			if strings.HasPrefix(step.Uses, "actions/checkout@") {
				assert.Equal(t, false, step.With["persist-credentials"], name)
			}
			if strings.Contains(step.Run, "make refresh") {
				assert.Empty(t, writes[name])
			}
		}
	}
	assert.Equal(t, map[string][]string{"alive": {"actions"}, "check": {"issues"}, "pull-request": {"contents", "pull-requests"}}, writes)

	// GitHub disables schedules after 60 days without activity; this re-enables all of them.
	var enabled strings.Builder
	workflows, err := filepath.Glob("../../.github/workflows/*.yml")
	require.NoError(t, err)
	for _, path := range workflows {
		if strings.Contains(contents(t, path), "\n  schedule:") {
			fmt.Fprintf(&enabled, "api --method <PUT> <repos/{owner}/{repo}/actions/workflows/%s/enable> <--silent>\n", filepath.Base(path))
		}
	}
	w := newWorkflow(t, "", "")
	output, ok := w.run("sh", "-ec", jobs["alive"].Steps[0].Run)
	assert.True(t, ok, output)
	assert.Equal(t, enabled.String(), w.noted(""))
}
