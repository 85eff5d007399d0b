package wire

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestModuleVersion(t *testing.T) {
	t.Parallel()
	const module = "github.com/StackOneHQ/stackone-client-go"
	for want, info := range map[string]*debug.BuildInfo{
		"devel": nil,
		"1.2.3": {Deps: []*debug.Module{{Path: "example.com/other", Version: "v9.9.9"}, {Path: module, Version: "v1.2.3"}}},
		"0.1.0": {Main: debug.Module{Path: module, Version: "v0.1.0"}},
	} {
		assert.Equal(t, want, moduleVersion(info))
	}
	for version, replaced := range map[string]*debug.Module{
		"devel": {Path: "../stackone-client-go"},
		"1.2.4": {Path: "example.com/fork", Version: "v1.2.4"},
	} {
		info := &debug.BuildInfo{Deps: []*debug.Module{{Path: module, Version: "v0.0.0-00010101000000-000000000000", Replace: replaced}}}
		assert.Equal(t, version, moduleVersion(info))
	}
	assert.Equal(t, "devel", moduleVersion(&debug.BuildInfo{Main: debug.Module{Path: module, Version: "(devel)"}}))
}
