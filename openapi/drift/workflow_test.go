package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeGH notes each call, with the file that a body comes from, and answers
// lists with $GH_OPEN, and questions for the body of an issue with $GH_BODY.
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
esac
exit "${GH_EXIT:-0}"
`

// workflow is a project in which gh is a fake, and a service that has pages.
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

// noted is what gh, or the step, was given, "" when nothing was.
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
	// Text that a shell would expand and GitHub would obey.
	const hostile = "$(touch pwned) `touch pwned` ${HOME} @everyone"
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
		{"not found, an issue", "", "7", false, ""},
		{"HTML, no issue", "<html>", "", false, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorkflow(t, row.page, row.open)
			before := w.files()
			output, ok := w.make("drift-issue", "SOURCE="+w.url)
			assert.Equal(t, row.ok, ok, output)
			assert.Equal(t, row.calls, w.noted(""))
			assert.Equal(t, before, w.files(), "nothing of the project changes")
			if !row.ok {
				assert.Regexp(t, `(?m)^::error title=Upstream could not be checked::drift: could not check: \S+/100%2525\.md.*$`, output)
				assert.Empty(t, w.noted(".output")+w.noted(".body"))
				return
			}
			assert.NotContains(t, output, "::error")
			assert.Contains(t, w.noted(".summary"), "## Upstream drift")
			if row.page == drifted {
				assert.Equal(t, "drift=true\n", w.noted(".output"))
				assert.Contains(t, w.noted(".body"), hostile)
				assert.Equal(t, w.noted(".summary"), w.noted(".body"))
			} else {
				assert.Empty(t, w.noted(".output"))
			}
		})
	}
	t.Run("the drift that the issue is about", func(t *testing.T) {
		t.Parallel()
		w := newWorkflow(t, drifted, "7")
		report, _ := w.run("bin/drift", w.url)
		stored := strings.ReplaceAll(strings.TrimSpace(report), "\n", " \r\n")
		w.env = append(w.env, "GH_BODY="+stored)
		output, ok := w.make("drift-issue", "SOURCE="+w.url)
		assert.True(t, ok, output)
		assert.Equal(t, list+body, w.noted(""), "is no news")

		w.env = append(w.env, "GH_BODY="+strings.Replace(stored, "summary", "description", 1))
		output, ok = w.make("drift-issue", "SOURCE="+w.url)
		assert.True(t, ok, output)
		assert.Equal(t, list+body+list+body+edited, w.noted(""))
	})
	t.Run("more sources", func(t *testing.T) {
		t.Parallel()
		w := newWorkflow(t, same, "")
		whole := filepath.Join(t.TempDir(), "whole.yaml")
		changed := swap("            - pending\n", "            - pending\n            - expired\n")
		require.NoError(t, os.WriteFile(whole, []byte(changed(t, contents(t, "../connect-sessions.yaml"))), 0o600))
		w.env = append(w.env, "DRIFT_SOURCES= "+w.url+"?a=*&b\n "+whole)
		output, ok := w.make("drift-issue", "SOURCE="+w.url)
		assert.True(t, ok, output)
		assert.Equal(t, 3, strings.Count(w.noted(".body"), "## Upstream drift\n"))
		assert.Contains(t, w.noted(".body"), "enum value `expired` added")
		assert.Empty(t, w.noted(".output"), "make refresh takes the first source only")

		require.NoError(t, os.WriteFile(whole, []byte("<html>"), 0o600))
		before := w.noted("")
		output, ok = w.make("drift-issue", "SOURCE="+w.url)
		assert.False(t, ok)
		assert.Contains(t, output, "::error title=Upstream could not be checked::drift: could not check: "+whole)
		assert.Equal(t, before, w.noted(""))
	})
	t.Run("gh fails", func(t *testing.T) {
		t.Parallel()
		w := newWorkflow(t, drifted, "7")
		w.env = append(w.env, "GH_EXIT=1")
		_, ok := w.make("drift-issue", "SOURCE="+w.url)
		assert.False(t, ok)
		assert.Equal(t, list, w.noted(""), "what cannot be listed is not made anew")
	})
}

func TestRefreshPullRequest(t *testing.T) {
	t.Parallel()
	const list = "pr list <--head> <refresh> <--state> <open> <--json> <number,isCrossRepository> <--jq> <map(select(.isCrossRepository | not)) | .[0].number // empty>\n"
	live := contents(t, "../connect-sessions.yaml")
	changed := swap("summary: Create Connect Session", "summary: Create a session $(touch pwned)")(t, live)
	w := newWorkflow(t, asPage(live), "")
	w.env = append(w.env, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com")
	git := func(args ...string) string {
		t.Helper()
		output, ok := w.run("git", args...)
		require.True(t, ok, "%v: %s", args, output)
		return output
	}
	remote := t.TempDir()
	git("init", "-q", "--bare", remote)
	git("init", "-q", "-b", "main")
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, ".gitignore"), []byte("/bin/\n"), 0o600))
	git("add", "-A")
	git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "all")
	git("remote", "add", "origin", remote)
	git("push", "-q", "origin", "main")

	refresh := func(page string) (string, bool) {
		t.Helper()
		w.page.Store(&page)
		git("checkout", "-q", "main") // as each run begins
		return w.make("refresh", "SOURCE="+w.url, "CHECKED_BY=true")
	}
	offer := func() string {
		t.Helper()
		require.NoError(t, os.RemoveAll(w.calls))
		output, ok := w.make("refresh-pull-request")
		require.True(t, ok, output)
		return output
	}

	output, ok := refresh(asPage(live))
	require.True(t, ok, output)
	offer()
	assert.Empty(t, w.noted(""), "nothing to offer")

	output, ok = refresh(asPage(changed))
	require.True(t, ok, output)
	offer()
	assert.Equal(t, list+"pr create <--head> <refresh> <--title> <Refresh from upstream's description> <--body-file> <bin/refresh.md>\n", w.noted(""))
	assert.Contains(t, w.noted(".body"), "Create a session $(touch pwned)")
	assert.Equal(t, changed, git("show", "origin/refresh:openapi/connect-sessions.yaml"))
	assert.Contains(t, git("show", "origin/refresh:gen/connect.gen.go"), "Create a session")
	assert.Equal(t, live, git("show", "origin/main:openapi/connect-sessions.yaml"))

	// The next day upstream has changed once more, and there is still one pull request.
	again := swap("summary: Create a session", "summary: Create one session")(t, changed)
	w.env = append(w.env, "GH_OPEN=9")
	output, ok = refresh(asPage(again))
	require.True(t, ok, output)
	offer()
	const edited = "api --method <PATCH> <repos/{owner}/{repo}/pulls/9> <-F> <body=@bin/refresh.md> <--silent>\n"
	assert.Equal(t, list+edited, w.noted(""))
	assert.Equal(t, again, git("show", "origin/refresh:openapi/connect-sessions.yaml"))
	assert.Equal(t, "1\n", git("rev-list", "--count", "main..origin/refresh"))

	// On the day after it has not, and the same pull request stays as it is.
	head := func() string { return git("ls-remote", "origin", "refs/heads/refresh") }
	offered := head()
	output, ok = refresh(asPage(again))
	require.True(t, ok, output)
	readme := filepath.Join(w.dir, "openapi", "README.md")
	require.NoError(t, os.WriteFile(readme, []byte(swap("fence, on 2", "fence, on 3")(t, contents(t, readme))), 0o600))
	offer()
	assert.Equal(t, list+edited, w.noted(""))
	assert.Equal(t, offered, head())
	git("checkout", "-q", ".")

	// Somebody adds what the refresh needs by hand, and keeps it.
	git("checkout", "-q", "refresh")
	git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "by hand")
	git("push", "-q", "origin", "refresh")
	byHand := head()
	require.NotEqual(t, offered, byHand)
	output, ok = refresh(asPage(changed))
	require.True(t, ok, output)
	assert.Contains(t, offer(), "::warning title=Refresh not offered::somebody else has committed to the branch refresh")
	assert.Empty(t, w.noted(""))
	assert.Equal(t, byHand, head())
	git("checkout", "-q", ".")

	// A refresh that stops says so to who watches, and leaves nothing to offer.
	output, ok = refresh(asPage(swap("    post:\n", "    put:\n")(t, live)))
	assert.False(t, ok)
	assert.Regexp(t, `(?m)^::error title=Refresh stopped::drift: could not update: openapi/overlay\.yaml: its correction of .*openapi/README\.md says what to do`, output)
	offer()
	assert.Empty(t, w.noted(""))
	assert.NoFileExists(t, filepath.Join(w.dir, "pwned"))
}
