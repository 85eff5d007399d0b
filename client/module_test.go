package client_test

import (
	"encoding/json"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const modulePath = "github.com/StackOneHQ/stackone-client-go/"

// consumer is a module of a user's: a program against what the packages export.
const consumer = "testdata/consumer"

// TestWhatUsersCompile says that a program which imports client, gen and webhook
// compiles four small packages from elsewhere at most and none of the generator's or
// the tests'.
func TestWhatUsersCompile(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{consumer, ".", "webhook", "../gen"} {
		dependOn(t, folder)
	}
	var others []string
	for _, path := range goList(t, "-C", consumer, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".") {
		if !strings.HasPrefix(path, modulePath) && path != "example.com/consumer" {
			others = append(others, path)
		}
	}
	assert.Subset(t, []string{
		"github.com/apapsch/go-jsonmerge/v2", "github.com/google/uuid",
		"github.com/oapi-codegen/runtime", "github.com/oapi-codegen/runtime/types",
	}, others)
}

// TestGoLine says that go.mod asks for the lowest Go that its requirements allow,
// and that a user's module needs no higher one.
func TestGoLine(t *testing.T) {
	t.Parallel()
	mod := goMod(t, "..")
	args := []string{"-m", "-f", "{{.GoVersion}}"}
	for _, r := range mod.Require {
		args = append(args, r.Path)
	}
	lowest := "go1"
	for _, line := range goList(t, args...) {
		if version.Compare("go"+line, lowest) > 0 {
			lowest = "go" + line
		}
	}
	assert.Zero(t, version.Compare(lowest, "go"+mod.Go), "the requirements ask for %s, go.mod for %s", lowest, mod.Go)
	assert.Equal(t, mod.Go, goMod(t, consumer).Go)
}

type module struct {
	Go      string
	Require []struct{ Path string }
}

// goMod reads the go.mod of a folder.
func goMod(t *testing.T, folder string) (m module) {
	t.Helper()
	dependOn(t, folder)
	output, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", filepath.Join(folder, "go.mod")).Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(output, &m))
	return m
}

// dependOn has go test run a test again, rather than show a cached result, when a file
// of the folder has changed. It cannot see what the go command reads for the test.
func dependOn(t *testing.T, folder string) {
	t.Helper()
	_, err := os.ReadDir(folder)
	require.NoError(t, err)
}

// goList returns the lines that go list prints.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	output, err := list.Output()
	require.NoError(t, err)
	return strings.FieldsFunc(string(output), func(r rune) bool { return r == '\n' || r == '\r' })
}
