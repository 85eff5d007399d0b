// Command mutants breaks code in small ways, and prints the mutants that no test notices.
//
//	mutants [-skip regexp] DIRECTORY|FILE... ./PACKAGE...
//
// It runs the tests of the packages, apart from those that -skip names, once for each
// mutant of the files. An overlay of the go command takes the place of the file that a
// mutant changes, and no file of the repository is written.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const workers = 2

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r := runner{timeout: 10 * time.Minute}
	flag.StringVar(&r.skip, "skip", "^$", "tests that do not run")
	flag.Parse()
	if err := r.run(ctx, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

type runner struct {
	packages []string
	skip     string
	timeout  time.Duration // of the tests of a package
}

func (r runner) run(ctx context.Context, args []string) error {
	var mutants []mutant
	for _, arg := range args {
		if strings.HasPrefix(arg, "./") {
			r.packages = append(r.packages, arg)
			continue
		}
		files := []string{arg}
		if !strings.HasSuffix(arg, ".go") {
			files, _ = filepath.Glob(filepath.Join(arg, "*.go"))
		}
		for _, file := range files {
			found, err := mutantsOf(file)
			if err != nil {
				return err
			}
			mutants = append(mutants, found...)
		}
	}
	start := time.Now()
	if fate, out := r.test(ctx); fate != "lived" {
		return fmt.Errorf("without a mutant: %s\n%s", fate, out)
	}
	r.timeout = 10*time.Second + 2*workers*time.Since(start)

	fates := map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	next := make(chan mutant)
	for range workers {
		all.Go(func() {
			for m := range next {
				fate := r.try(ctx, m)
				mu.Lock()
				if fates[fate]++; fate == "lived" || fate == "timed out" {
					fmt.Printf("%s:%d: %s: %s\n", m.file, m.line, m.what, fate)
				}
				mu.Unlock()
			}
		})
	}
	for _, m := range mutants {
		if ctx.Err() == nil {
			next <- m
		}
	}
	close(next)
	all.Wait()
	fmt.Println(strings.Join(args, " "), fates)
	return ctx.Err()
}

// try returns the fate of a mutant.
func (r runner) try(ctx context.Context, m mutant) string {
	dir, err := os.MkdirTemp("", "mutant-")
	defer os.RemoveAll(dir)
	original, _ := filepath.Abs(m.file)
	changed, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	replace, _ := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err = errors.Join(err, os.WriteFile(changed, m.text, 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		return err.Error()
	}
	fate, _ := r.test(ctx, "-overlay", overlay)
	return fate
}

func (r runner) test(ctx context.Context, flags ...string) (fate string, out []byte) {
	args := append([]string{"test", "-count=1", "-vet=off", "-failfast", "-skip", r.skip, "-timeout", r.timeout.String()}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, r.packages...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return "stopped", nil
	case err == nil:
		return "lived", nil
	case bytes.Contains(out, []byte(" failed]")): // to build
		return "not compiled", out
	case bytes.Contains(out, []byte("panic: test timed out")):
		return "timed out", out
	}
	return "killed", out
}
