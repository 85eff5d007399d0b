package wire

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// UserAgent returns the User-Agent: this module and the Go version.
func UserAgent() string {
	info, _ := debug.ReadBuildInfo()
	return fmt.Sprintf("stackone-client-go/%s (%s)", moduleVersion(info), runtime.Version())
}

// moduleVersion returns the version of this module in a program's build information.
func moduleVersion(info *debug.BuildInfo) string {
	const module = "github.com/StackOneHQ/stackone-client-go"
	version := "devel"
	if info == nil {
		return version
	}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path != module {
			continue
		}
		if m.Replace != nil {
			m = m.Replace
		}
		if m.Version != "" && m.Version != "(devel)" {
			version = strings.TrimPrefix(m.Version, "v")
		}
	}
	return version
}
