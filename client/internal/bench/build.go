package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const module = "github.com/StackOneHQ/stackone-client-go"

// builds is what it takes to build the two programs in built.
type builds struct {
	packages           []string // from elsewhere, that client and gen bring
	ownSize, plainSize int64    // of the executable, stripped, in bytes
	fromNothing, onTop time.Duration
}

// build builds both programs with a build cache of their own: the one on net/http
// from nothing, then client's, for which the standard library is built already.
// Times are of the processor.
func build(ctx context.Context) (b builds, err error) {
	if b.packages, err = thirdParty(ctx); err != nil {
		return b, err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return b, err
	}
	defer os.RemoveAll(dir)
	compile := func(name string) (took time.Duration, size int64, err error) {
		out := filepath.Join(dir, name)
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, module+"/client/internal/bench/built/"+name)
		cmd.Env = append(os.Environ(), "GOCACHE="+filepath.Join(dir, "cache"), "CGO_ENABLED=0")
		if output, err := cmd.CombinedOutput(); err != nil {
			return 0, 0, fmt.Errorf("go build %s: %w: %s", name, err, output)
		}
		info, err := os.Stat(out)
		if err != nil {
			return 0, 0, err
		}
		return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), info.Size(), nil
	}
	if b.fromNothing, b.plainSize, err = compile("nethttp"); err != nil {
		return b, err
	}
	b.onTop, b.ownSize, err = compile("client")
	return b, err
}

// thirdParty lists the packages that a program compiles when it imports client and
// gen, beside those of the standard library and of this module.
func thirdParty(ctx context.Context) ([]string, error) {
	list := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", module+"/client", module+"/gen")
	list.Stderr = os.Stderr
	output, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var packages []string
	for path := range strings.FieldsSeq(string(output)) {
		if path != module && !strings.HasPrefix(path, module+"/") {
			packages = append(packages, path)
		}
	}
	return packages, nil
}
