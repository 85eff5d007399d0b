package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const listPullRequests = "pr list <--head> <refresh> <--state> <open> <--json> <number,isCrossRepository> <--jq> <map(select(.isCrossRepository | not)) | .[0].number // empty>\n"

// newRepository returns a workflow whose project is a git repository with a remote.
func newRepository(t *testing.T, page string) *workflow {
	t.Helper()
	w := newWorkflow(t, page, "")
	w.env = append(w.env, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com")
	remote := t.TempDir()
	w.git("init", "-q", "--bare", remote)
	w.git("init", "-q", "-b", "main")
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, ".gitignore"), []byte("/bin/\n"), 0o600))
	w.git("add", "-A")
	w.git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "all")
	w.git("remote", "add", "origin", remote)
	w.git("push", "-q", "origin", "main")
	return w
}

func (w *workflow) git(args ...string) string {
	w.t.Helper()
	output, ok := w.run("git", args...)
	require.True(w.t, ok, "%v: %s", args, output)
	return output
}

// handOver replaces the checkout of the job refresh with that of the job pull-request,
// which has the artifact.
func (w *workflow) handOver() {
	w.t.Helper()
	paths := map[string]string{} // by action
	for _, job := range driftJobs(w.t) {
		for _, step := range job.Steps {
			action, _, _ := strings.Cut(step.Uses, "@")
			paths[action], _ = step.With["path"].(string)
		}
	}
	const pack = `rm -rf "$1" && mkdir "$1" && tar -cf - $0 | tar -xf - -C "$1" && git reset -q --hard && git clean -fdq`
	output, ok := w.run("sh", "-c", pack, strings.Join(strings.Fields(paths["actions/upload-artifact"]), " "), paths["actions/download-artifact"])
	require.True(w.t, ok, output)
}

func TestRefreshPullRequest(t *testing.T) {
	t.Parallel()
	const list = listPullRequests
	live := contents(t, "../connect-sessions.yaml")
	changed := swap("summary: Create Connect Session", "summary: Create a session $(touch pwned)")(t, live)
	w := newRepository(t, asPage(live))
	git := w.git

	refresh := func(page string) (string, bool) {
		t.Helper()
		w.page.Store(&page)
		git("checkout", "-q", "main") // as each run begins
		return w.make("refresh", "SOURCE="+w.url, "CHECKED_BY=true")
	}
	take := func(description string) { // as make refresh does, without the code
		t.Helper()
		git("checkout", "-q", "main")
		require.NoError(t, os.WriteFile(filepath.Join(w.dir, "openapi", "connect-sessions.yaml"), []byte(description), 0o600))
	}
	offer := func() string { // in another checkout, with nothing but the artifact
		t.Helper()
		require.NoError(t, os.RemoveAll(w.calls))
		w.handOver()
		output, ok := w.run(".ci/refresh-pull-request")
		require.True(t, ok, output)
		return output
	}

	output, ok := refresh(asPage(live))
	require.True(t, ok, output)
	offer()
	assert.Equal(t, list, w.noted(""), "nothing to offer")

	output, ok = refresh(asPage(changed))
	require.True(t, ok, output)
	offer()
	assert.Equal(t, list+"pr create <--head> <refresh> <--title> <Refresh from upstream's description> <--body-file> <bin/refresh/bin/refresh.md>\n", w.noted(""))
	assert.Contains(t, w.noted(".body"), "Create a session $(touch pwned)")
	assert.Equal(t, changed, git("show", "origin/refresh:openapi/connect-sessions.yaml"))
	assert.Contains(t, git("show", "origin/refresh:gen/connect.gen.go"), "Create a session")
	assert.Equal(t, live, git("show", "origin/main:openapi/connect-sessions.yaml"))

	// The next day upstream has changed again, and there is still one pull request.
	again := swap("summary: Create a session", "summary: Create one session")(t, changed)
	w.env = append(w.env, "GH_OPEN=9")
	take(again)
	offer()
	const edited = "api --method <PATCH> <repos/{owner}/{repo}/pulls/9> <-F> <body=@bin/refresh/bin/refresh.md> <--silent>\n"
	assert.Equal(t, list+edited, w.noted(""))
	assert.Equal(t, again, git("show", "origin/refresh:openapi/connect-sessions.yaml"))
	assert.Equal(t, "1\n", git("rev-list", "--count", "main..origin/refresh"))

	// The day after it has not changed, and neither does the pull request.
	head := func() string { return git("ls-remote", "origin", "refs/heads/refresh") }
	offered := head()
	take(again)
	readme := filepath.Join(w.dir, "openapi", "README.md")
	require.NoError(t, os.WriteFile(readme, []byte(swap("fence, on 2", "fence, on 3")(t, contents(t, readme))), 0o600))
	offer()
	assert.Equal(t, list+edited, w.noted(""))
	assert.Equal(t, offered, head())

	// Other files that the job changed are ignored: it ran code from upstream's text.
	another := swap("summary: Create one session", "summary: Create some session")(t, again)
	take(another)
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "Makefile"), []byte("pwned:\n"), 0o600))
	offer()
	assert.Equal(t, another, git("show", "origin/refresh:openapi/connect-sessions.yaml"))
	assert.NotContains(t, git("show", "origin/refresh:Makefile"), "pwned")

	// Upstream reverts, there is no artifact, and the pull request is closed.
	require.NoError(t, os.RemoveAll(filepath.Join(w.dir, "bin", "refresh")))
	require.NoError(t, os.RemoveAll(w.calls))
	git("checkout", "-q", "main")
	output, ok = w.run(".ci/refresh-pull-request")
	require.True(t, ok, output)
	assert.Equal(t, list+"pr close <9> <--comment> <Upstream and the vendored description mean the same again.>\n", w.noted(""))
	assert.Empty(t, head())
	take(again)
	w.env = append(w.env, "GH_OPEN=")
	offer()
	offered = head()
	git("checkout", "-q", "main")

	// Somebody commits to the branch, and the commit is kept.
	git("checkout", "-q", "refresh")
	git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "by hand")
	git("push", "-q", "origin", "refresh")
	byHand := head()
	require.NotEqual(t, offered, byHand)
	take(changed)
	assert.Contains(t, offer(), "::warning title=Refresh not offered::somebody else has committed to the branch refresh")
	assert.Empty(t, w.noted(""))
	assert.Equal(t, byHand, head())
	git("checkout", "-q", ".")

	// A refresh that stops reports an error and leaves nothing to offer.
	output, ok = refresh(asPage(swap("    post:\n", "    put:\n")(t, live)))
	assert.False(t, ok)
	assert.Regexp(t, `(?m)^::error title=Refresh stopped::drift: could not use \S+: the overlay's correction of .*openapi/README\.md says what to do`, output)
	assert.Contains(t, offer(), "Refresh not offered")
	assert.NoFileExists(t, filepath.Join(w.dir, "pwned"))
}

// Whatever the job refresh leaves behind, only the contents of the files that make refresh
// writes are committed.
func TestRefreshArtifact(t *testing.T) {
	t.Parallel()
	const all = "client/internal/repository/testdata/api.txt client/stackonetest/internal/description/description.gen.go " +
		"gen/connect.gen.go openapi/README.md openapi/connect-sessions.yaml openapi/overlay.yaml"
	w := newRepository(t, "")
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "bin", "refresh.md"), []byte("report"), 0o600))
	for _, row := range []struct {
		name, job, artifact string // shell commands in the job's checkout and in the artifact
		committed           string
		output              string // of a script that fails
	}{
		{"all files", "for file in " + all + "; do echo >>$file; done", "", all, ""},
		{"rename to a generated file", "git mv -f .ci/run gen/connect.gen.go", "", "gen/connect.gen.go", ""},
		{"copy to a generated file", "cp .ci/run gen/connect.gen.go", "", "gen/connect.gen.go", ""},
		{"executable file", "chmod +x " + all + "; echo >>openapi/README.md", "", "openapi/README.md", ""},
		{"only modes", "chmod +x " + all, "", "", ""},
		{"other files", "echo >>go.mod; rm -r .ci/run .github; ln -sf /etc/passwd Makefile; echo >new; echo >>openapi/README.md", "", "openapi/README.md", ""},
		{"other files in the artifact", "", "mkdir -p .ci .git/hooks; echo >go.mod; echo >.ci/run; echo 'touch pwned' >.git/hooks/pre-commit; " +
			"chmod +x .git/hooks/pre-commit; echo >>openapi/README.md", "openapi/README.md", ""},
		{"missing file", "", "rm openapi/README.md", "", "openapi/README.md: No such file"},
		{"folder instead of a file", "", "rm openapi/README.md; mkdir openapi/README.md", "", "openapi/README.md: Is a directory"},
		{"link instead of a file", "", "ln -sf ../../../.git/config gen/connect.gen.go", "", "::error title=Refresh not offered::"},
		{"link instead of a folder", "", "rm -r openapi; ln -s ../../openapi", "", "::error title=Refresh not offered::"},
		{"link instead of the report", "", "ln -sf ../../../.git/config bin/refresh.md", "", "::error title=Refresh not offered::"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w.t = t // the rows share the repository, because a copy takes a second
			w.git("checkout", "-q", "main")
			require.NoError(t, errors.Join(os.RemoveAll(w.calls), os.RemoveAll(w.calls+".body")))
			output, ok := w.run("sh", "-ec", row.job)
			require.True(t, ok, output)
			w.handOver()
			output, ok = w.run("sh", "-ec", "cd bin/refresh; "+row.artifact)
			require.True(t, ok, output)
			output, ok = w.run(".ci/refresh-pull-request")
			assert.Equal(t, row.output == "", ok, output)
			assert.Contains(t, output, row.output)
			assert.LessOrEqual(t, strings.Count(output, "\n"), 1)
			assert.NoFileExists(t, filepath.Join(w.dir, "pwned"))
			if row.committed == "" {
				assert.Empty(t, w.git("ls-remote", "origin", "refs/heads/refresh"))
				assert.Equal(t, listPullRequests, w.noted(""))
				return
			}
			var want strings.Builder
			for name := range strings.FieldsSeq(row.committed) {
				want.WriteString(":100644 100644 M\t" + name + "\n")
			}
			raw := w.git("diff", "--raw", "--no-renames", "main", "origin/refresh")
			assert.Equal(t, want.String(), regexp.MustCompile(`\b[0-9a-f]{7,40} `).ReplaceAllString(raw, ""))
			assert.Equal(t, "report", w.noted(".body"))
			w.git("push", "-q", "origin", "--delete", "refresh")
		})
	}
}
