package client

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// refusedHeader says why WithHeader does not take a header, if it does not.
func refusedHeader(key, value string) string {
	switch key {
	case "Authorization", "Host":
		return "an option of its own sets it"
	case "Idempotency-Key", "X-Idempotency-Key":
		return "it makes net/http repeat a POST"
	case "Accept-Encoding", "Content-Length", "Transfer-Encoding", "Trailer":
		return "it is the transport's"
	}
	if !visibleASCII(value) {
		return "the value has characters that a header cannot hold"
	}
	return ""
}

// headerName reports whether s can name a header (RFC 9110, section 5.6.2).
func headerName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		alphanumeric := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// userAgent names this module, at the version that the program was built with,
// and Go's.
func userAgent(info *debug.BuildInfo) string {
	const module = "github.com/StackOneHQ/stackone-client-go"
	version := "devel"
	if info != nil {
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
	}
	return fmt.Sprintf("stackone-client-go/%s (%s)", version, runtime.Version())
}
