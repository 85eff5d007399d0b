package main

import (
	"cmp"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// project is a copy of the whole project to run make targets in.
type project struct {
	t   testing.TB
	dir string
	env []string
}

func copyProject(t testing.TB) project {
	t.Helper()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed")
	}
	built, err := built()
	require.NoError(t, err)
	p := project{t, t.TempDir(), append(os.Environ(), "GITHUB_ACTIONS=", "GITHUB_STEP_SUMMARY=", "GITHUB_OUTPUT=", "MAKEFLAGS=", "MAKELEVEL=",
		"GOFLAGS=-trimpath", // so that all copies share the build cache
		"GO="+filepath.Join(built, "go"))}
	files, err := projectFiles()
	require.NoError(t, err)
	require.NoError(t, os.CopyFS(p.dir, files))
	require.NoError(t, os.Mkdir(filepath.Join(p.dir, "bin"), 0o700))
	for _, program := range []string{"drift", "apidiff"} {
		require.NoError(t, os.Symlink(filepath.Join(built, program), filepath.Join(p.dir, "bin", program)))
	}
	return p
}

// projectFiles returns the files of the project without its git repository and bin.
var projectFiles = sync.OnceValues(func() (fs.FS, error) {
	files := fstest.MapFS{}
	root := os.DirFS("../..")
	return files, fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (path == ".git" || path == "bin"):
			return fs.SkipDir
		case path == ".git" || !entry.Type().IsRegular(): // .git is a file in a worktree
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := fs.ReadFile(root, path)
		files[path] = &fstest.MapFile{Data: text, Mode: info.Mode()}
		return err
	})
})

// goTool is go with a prebuilt generator. The go run in go generate would check each time
// whether it is up to date.
const goTool = `#!/bin/sh
[ "$1" = generate ] || exec go "$@"
go() { # -C folder run package argument ...
	cd "$2" && shift 4 && "${0%/*}/oapi-codegen" "$@"
}
for file in $(grep -rl '^//go:generate go -C' --include='*.go' .); do
	(cd "${file%/*}" && eval "$(sed -n 's,^//go:generate ,,p' "${file##*/}")") || exit
done
`

var builtDir string // removed by TestMain

// built returns a folder with the command, apidiff, the generator, and a go that uses it.
var built = sync.OnceValues(func() (string, error) {
	generator := exec.Command("go", "build", "-o", builtDir, "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen")
	generator.Dir = "../.."
	return builtDir, cmp.Or(
		exec.Command("go", "build", "-o", builtDir, ".", "tool").Run(),
		generator.Run(),
		os.WriteFile(filepath.Join(builtDir, "go"), []byte(goTool), 0o700),
	)
})

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "drift")
	if err != nil {
		panic(err)
	}
	builtDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// make runs a target and returns its output.
func (p project) make(args ...string) (output string, ok bool) {
	p.t.Helper()
	// -o: bin/drift is up to date, whatever the modification times say.
	return p.run("make", append([]string{"--no-print-directory", "-o", "bin/drift"}, args...)...)
}

func (p project) run(name string, args ...string) (output string, ok bool) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), name, args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func (p project) read(name string) string {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, name))
	require.NoError(p.t, err)
	return string(text)
}

// files returns the contents of all files outside bin.
func (p project) files() map[string]string {
	p.t.Helper()
	found := map[string]string{}
	require.NoError(p.t, filepath.WalkDir(p.dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "bin" || entry.Name() == ".git"):
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		text, err := os.ReadFile(path)
		found[path] = string(text)
		return err
	}))
	return found
}

// changed returns the names of the files that differ from before.
func (p project) changed(before map[string]string) []string {
	p.t.Helper()
	var names []string
	now := p.files()
	for name, text := range now {
		if was, ok := before[name]; !ok || was != text {
			names = append(names, name)
		}
	}
	for name := range before {
		if _, ok := now[name]; !ok {
			names = append(names, name)
		}
	}
	return names
}
