package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// project is a copy of the whole project, for its make targets to work in.
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
	p := project{t, t.TempDir(), append(os.Environ(), "GITHUB_ACTIONS=", "GITHUB_STEP_SUMMARY=", "GITHUB_OUTPUT=", "MAKEFLAGS=", "MAKELEVEL=")}
	root := filepath.Join("..", "..")
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		to := filepath.Join(p.dir, name)
		switch {
		case err != nil:
			return err
		case name == ".git" && !entry.IsDir(): // of a worktree
			return nil
		case name == ".git" || name == "bin":
			return fs.SkipDir
		case entry.IsDir():
			return os.Mkdir(to, 0o700)
		case !entry.Type().IsRegular():
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, info.Mode())
	}))
	built, err := program()
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(p.dir, "bin"), 0o700))
	require.NoError(t, os.Symlink(built, filepath.Join(p.dir, "bin", "drift")))
	return p
}

var programDir string // removed by TestMain

// program is the path of the built command.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programDir, "drift")
	return path, exec.Command("go", "build", "-o", path, ".").Run()
})

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "drift")
	if err != nil {
		panic(err)
	}
	programDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// make runs a target, and returns everything that it prints.
func (p project) make(args ...string) (output string, ok bool) {
	p.t.Helper()
	// bin/drift is as new as its sources, whatever their times say.
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

// files are all files but those in bin, with what is in them.
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

// changed names the files that are not as they were.
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
