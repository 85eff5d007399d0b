package client_test

import (
	"encoding/json"
	"go/version"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// consumer is a module of a user's: a program against what the packages export.
const consumer = "testdata/consumer"

// TestWhatUsersCompile says that a program which imports client, gen and webhook
// compiles four small packages from elsewhere and none of the generator's or the
// tests'.
func TestWhatUsersCompile(t *testing.T) {
	t.Parallel()
	var others []string
	for _, path := range goList(t, "-C", consumer, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".") {
		if !strings.HasPrefix(path, "github.com/StackOneHQ/stackone-client-go/") && path != "example.com/consumer" {
			others = append(others, path)
		}
	}
	assert.ElementsMatch(t, []string{
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
	output, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", filepath.Join(folder, "go.mod")).Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(output, &m))
	return m
}

// goList returns the lines that go list prints.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	output, err := list.Output()
	require.NoError(t, err)
	return strings.Fields(string(output))
}
