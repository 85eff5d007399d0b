// Command mutants checks whether tests detect small changes to the code, called mutants. It
// prints the mutants that survive, which no test detects, and those that make a test time
// out.
//
//	mutants [-skip regexp] DIRECTORY|FILE... ./PACKAGE...
//
// It mutates the files, which are named without a leading "./", and runs the tests of the
// packages once for each mutant, except for tests that match -skip. It changes no files of
// the repository: an overlay of the go command replaces the mutated file.
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
	flag.StringVar(&r.skip, "skip", "^$", "`regexp` of tests to skip")
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
	if outcome, out := r.test(ctx); outcome != "survived" {
		return fmt.Errorf("the tests do not pass without a mutant: %s\n%s", outcome, out)
	}
	r.timeout = 10*time.Second + 2*workers*time.Since(start)

	outcomes := map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	next := make(chan mutant)
	for range workers {
		all.Go(func() {
			for m := range next {
				outcome := r.try(ctx, m)
				mu.Lock()
				if outcomes[outcome]++; outcome == "survived" || outcome == "timed out" {
					fmt.Printf("%s:%d: %s: %s\n", m.file, m.line, m.what, outcome)
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
	fmt.Println(strings.Join(args, " "), outcomes)
	return ctx.Err()
}

// try tests a mutant, and returns the outcome.
func (r runner) try(ctx context.Context, m mutant) string {
	dir, err := os.MkdirTemp("", "mutant-")
	defer os.RemoveAll(dir)
	original, _ := filepath.Abs(m.file)
	changed, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	replace, _ := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err = errors.Join(err, os.WriteFile(changed, m.text, 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		return err.Error()
	}
	outcome, _ := r.test(ctx, "-overlay", overlay)
	return outcome
}

// test runs the tests, and returns whether they detect a mutant.
func (r runner) test(ctx context.Context, flags ...string) (outcome string, out []byte) {
	args := append([]string{"test", "-count=1", "-vet=off", "-failfast", "-skip", r.skip, "-timeout", r.timeout.String()}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, r.packages...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return "stopped", nil
	case err == nil:
		return "survived", nil
	case bytes.Contains(out, []byte(" failed]")): // "[build failed]" or "[setup failed]"
		return "not compiled", out
	case bytes.Contains(out, []byte("panic: test timed out")):
		return "timed out", out
	}
	return "killed", out
}
