package repository

import (
	"encoding/json"
	"go/version"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const modulePath = "github.com/StackOneHQ/stackone-client-go/"

// consumer is a module that imports the packages, like that of a user.
const consumer = "testdata/consumer"

// TestDependencies checks that a program that imports client, connect, gen and webhook
// depends on at most four packages of other modules, and on none that only the generator
// or the tests need.
func TestDependencies(t *testing.T) {
	t.Parallel()
	dependOn(t, consumer)
	var others []string
	for _, line := range goList(t, "-C", consumer, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}\t{{.Dir}}{{end}}", ".") {
		name, dir, _ := strings.Cut(line, "\t")
		switch {
		case strings.HasPrefix(name, modulePath):
			dependOn(t, dir)
		case name != "example.com/consumer":
			others = append(others, name)
		}
	}
	assert.Subset(t, []string{
		"github.com/apapsch/go-jsonmerge/v2", "github.com/google/uuid",
		"github.com/oapi-codegen/runtime", "github.com/oapi-codegen/runtime/types",
	}, others)
}

// TestGoVersion checks that go.mod has the lowest Go version that its requirements allow,
// and that a user's module does not need a higher one.
func TestGoVersion(t *testing.T) {
	t.Parallel()
	mod := goMod(t, root)
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
	assert.Zero(t, version.Compare(lowest, "go"+mod.Go), "the requirements need %s, but go.mod has %s", lowest, mod.Go)
	assert.Equal(t, mod.Go, goMod(t, consumer).Go)
}

// TestDependabot checks that Dependabot updates every module of the repository.
func TestDependabot(t *testing.T) {
	t.Parallel()
	config, err := os.ReadFile(filepath.Join(root, ".github/dependabot.yml"))
	require.NoError(t, err)
	for file := range files(t, "go.mod") {
		assert.Regexp(t, `(?m)^ +- `+path.Join("/", filepath.ToSlash(filepath.Dir(file)))+`$`, string(config))
	}
}

// TestKinOpenAPI checks that the drift check reads a description with the generator's
// version of kin-openapi.
func TestKinOpenAPI(t *testing.T) {
	t.Parallel()
	version := func(dir string) string {
		for _, r := range goMod(t, dir).Require {
			if r.Path == "github.com/getkin/kin-openapi" {
				return r.Version
			}
		}
		return ""
	}
	assert.NotEmpty(t, version(root))
	assert.Equal(t, version(root), version(filepath.Join(root, "openapi/drift")))
}

type module struct {
	Go      string
	Require []struct{ Path, Version string }
}

// goMod parses the go.mod of a directory.
func goMod(t *testing.T, dir string) (m module) {
	t.Helper()
	dependOn(t, dir)
	output, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", filepath.Join(dir, "go.mod")).Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(output, &m))
	return m
}

// dependOn makes go test run the test again when a file in the directory changes. Without
// it, go test would use a cached result, because it does not see what the go command reads.
func dependOn(t *testing.T, dir string) {
	t.Helper()
	_, err := os.ReadDir(dir)
	require.NoError(t, err)
}

// goList returns the output of go list as lines.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	output, err := list.Output()
	require.NoError(t, err)
	return strings.FieldsFunc(string(output), func(r rune) bool { return r == '\n' || r == '\r' })
}
