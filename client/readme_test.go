package client_test

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

var (
	fence        = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")
	relativeLink = regexp.MustCompile(`\]\(([^):#]+)(?:#[^)]*)?\)`)
)

// TestDocuments says that the Go code of every Markdown file and package comment
// compiles (a whole program is built here, and a part of one stands in a Go file of
// this module), and that what a Markdown file links to inside the tree is there.
func TestDocuments(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	var sources strings.Builder
	documents := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		switch filepath.Ext(path) {
		case ".go":
			text, err := os.ReadFile(path)
			sources.WriteString(dedent(string(text)))
			return err
		case ".md":
			text, err := os.ReadFile(path)
			documents[strings.TrimPrefix(path, root)] = string(text)
			return err
		}
		return nil
	}))
	for _, file := range []string{"doc.go", "webhook/doc.go", "stackonetest/doc.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
		require.NoError(t, err)
		code := 0
		for _, block := range new(comment.Parser).Parse(parsed.Doc.Text()).Content {
			if block, ok := block.(*comment.Code); ok && strings.Contains(block.Text, ":=") { // or it is a table
				code++
				assert.Contains(t, sources.String(), dedent(block.Text), "the code of %s is in no other Go file", file)
			}
		}
		assert.NotZero(t, code, file)
	}
	programs := map[string]string{} // of a path that is not there, the file that stands in for it
	for name, text := range documents {
		for _, target := range relativeLink.FindAllStringSubmatch(text, -1) {
			_, err := os.Stat(filepath.Join(root, filepath.Dir(name), target[1]))
			assert.NoError(t, err, "%s links to what is not there", name)
		}
		for i, block := range fence.FindAllStringSubmatch(text, -1) {
			code := block[1]
			if strings.HasPrefix(code, "package ") {
				file := filepath.Join(t.TempDir(), "main.go")
				require.NoError(t, os.WriteFile(file, []byte(code), 0o600))
				programs[filepath.Join(root, "client", "examples", fmt.Sprintf("documented-%d", len(programs)), "main.go")] = file
				continue
			}
			assert.Contains(t, sources.String(), dedent(code), "block %d of %s is in no Go file", i+1, name)
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

// TestTargets says that CONTRIBUTING.md tells what each target of the Makefile does.
func TestTargets(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("../Makefile")
	require.NoError(t, err)
	contributing, err := os.ReadFile("../CONTRIBUTING.md")
	require.NoError(t, err)
	targets := regexp.MustCompile(`(?m)^([a-z-]+):.*## `).FindAllSubmatch(makefile, -1)
	require.NotEmpty(t, targets)
	for _, target := range targets {
		assert.Contains(t, string(contributing), "`make "+string(target[1])+"`")
	}
}

// dedent drops the white space that begins each line.
func dedent(code string) string {
	lines := strings.Split(code, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}
