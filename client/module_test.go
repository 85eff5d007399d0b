package client_test

import (
	"encoding/json"
	"go/version"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWhatUsersCompile says that a program which imports client and gen compiles
// four small packages from elsewhere and none of the generator's or the tests'.
func TestWhatUsersCompile(t *testing.T) {
	t.Parallel()
	var others []string
	for _, path := range goList(t, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "../client", "../gen") {
		if !strings.HasPrefix(path, "github.com/StackOneHQ/stackone-client-go/") {
			others = append(others, path)
		}
	}
	assert.ElementsMatch(t, []string{
		"github.com/apapsch/go-jsonmerge/v2", "github.com/google/uuid",
		"github.com/oapi-codegen/runtime", "github.com/oapi-codegen/runtime/types",
	}, others)
}

// TestGoLine says that go.mod asks for the lowest Go that its requirements allow.
func TestGoLine(t *testing.T) {
	t.Parallel()
	var mod struct {
		Go      string
		Require []struct{ Path string }
	}
	output, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", "../go.mod").Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(output, &mod))
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
}

// goList returns the lines that go list prints.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	output, err := list.Output()
	require.NoError(t, err)
	return strings.Fields(string(output))
}
