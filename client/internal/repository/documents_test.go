package repository

import (
	"encoding/json"
	"fmt"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// root is the root directory of the repository.
const root = "../../.."

var (
	fence        = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")
	relativeLink = regexp.MustCompile(`\]\(([^):#]+)(?:#[^)]*)?\)`)
)

// files returns the contents of all files with this name or extension, keyed by their path
// in the repository. It skips hidden directories and bin.
func files(t *testing.T, name string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if hidden := path != "." && strings.HasPrefix(entry.Name(), "."); hidden || path == "bin" {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) == name || filepath.Base(path) == name {
			text, err := os.ReadFile(filepath.Join(root, path))
			found[path] = string(text)
			return err
		}
		return nil
	}))
	require.NotEmpty(t, found, name)
	return found
}

// sources returns all Go code of the repository, without indentation.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, text := range files(t, ".go") {
		all.WriteString(dedent(text))
	}
	return all.String()
}

// TestMarkdown checks that the Go code in Markdown files compiles, and that the targets of
// relative links exist. It builds whole programs. A fragment must be part of a Go file.
func TestMarkdown(t *testing.T) {
	t.Parallel()
	code := sources(t)
	programs := map[string]string{} // an overlay: paths that do not exist, and the files with the programs
	for name, text := range files(t, ".md") {
		for _, target := range relativeLink.FindAllStringSubmatch(text, -1) {
			_, err := os.Stat(filepath.Join(root, filepath.Dir(name), target[1]))
			assert.NoError(t, err, "broken link in %s", name)
		}
		for i, block := range fence.FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(block[1], "package ") {
				if !strings.Contains(code, dedent(block[1])) {
					t.Errorf("block %d of %s is not part of a Go file", i+1, name)
				}
				continue
			}
			file := filepath.Join(t.TempDir(), "main.go")
			require.NoError(t, os.WriteFile(file, []byte(block[1]), 0o600))
			path, err := filepath.Abs(filepath.Join(root, "client", "examples", fmt.Sprintf("documented-%d", len(programs)), "main.go"))
			require.NoError(t, err)
			programs[path] = file
		}
	}
	require.NotEmpty(t, programs)
	overlay, err := json.Marshal(map[string]any{"Replace": programs})
	require.NoError(t, err)
	overlayFile := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(overlayFile, overlay, 0o600))
	for path := range programs {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", os.DevNull, "-overlay", overlayFile, filepath.Dir(path))
		build.Dir = root
		output, err := build.CombinedOutput()
		assert.NoError(t, err, "%s", output)
	}
}

// TestPackageComments checks that the comment of each public package has code, and that
// all of it is part of another Go file.
func TestPackageComments(t *testing.T) {
	t.Parallel()
	code := sources(t)
	for name, text := range files(t, "doc.go") {
		if strings.Contains(name, "internal/") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.PackageClauseOnly)
		require.NoError(t, err)
		blocks := 0
		for _, block := range new(comment.Parser).Parse(parsed.Doc.Text()).Content {
			if block, ok := block.(*comment.Code); ok && strings.Contains(block.Text, ":=") { // other blocks are tables
				blocks++
				if !strings.Contains(code, dedent(block.Text)) {
					t.Errorf("code in %s is not part of another Go file:\n%s", name, block.Text)
				}
			}
		}
		assert.NotZero(t, blocks, "%s has no code", name)
	}
}

// dedent removes leading and trailing white space from each line.
func dedent(code string) string {
	lines := strings.Split(code, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}
