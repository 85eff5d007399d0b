//go:build unix

// Command mutants breaks code in small ways, and prints the mutants that no test
// notices.
//
//	mutants [-skip regexp] [-late regexp] [-timeout duration] DIRECTORY|FILE... PACKAGE...
//
// The files, those of a directory among them, belong to one package, and its tests and
// those of other packages are named as ./client. The code of all mutants is compiled
// together, with an overlay, so that no file changes; a variable of the environment
// chooses one for each run of the tests. The tests that -late names run only when no
// other notices a mutant.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const workers = 2

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	skip := flag.String("skip", "^$", "tests that do not run")
	late := flag.String("late", "^$", "tests that run last")
	limit := flag.Duration("timeout", 0, "limit of a run of the tests; 0: ten seconds more than four times what it takes")
	flag.Parse()
	if err := run(ctx, flag.Args(), &runner{skip: *skip, late: *late, timeout: *limit}); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, r *runner) (err error) {
	var files []string
	for _, arg := range args {
		switch {
		case strings.HasPrefix(arg, "./"):
			if !slices.Contains(r.packages, arg) {
				r.packages = append(r.packages, arg)
			}
		case strings.HasSuffix(arg, ".go"):
			files = append(files, arg)
		default:
			found, _ := filepath.Glob(filepath.Join(arg, "*.go"))
			files = append(files, found...)
		}
	}
	if r.temp, err = os.MkdirTemp("", "mutants-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.temp)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		s, err := parse(name)
		if err != nil {
			return err
		}
		r.sources = append(r.sources, s)
		r.mutants = append(r.mutants, s.mutants()...)
	}
	if err := r.compile(ctx); err != nil {
		return err
	}
	return r.testAll(ctx)
}

// runner tests the mutants of the sources.
type runner struct {
	sources    []*source
	mutants    []*mutant
	packages   []string
	temp       string
	skip, late string
	timeout    time.Duration // of a run of one package's tests
}

func (r *runner) binary(i int) string { return filepath.Join(r.temp, fmt.Sprintf("test%d", i)) }

var position = regexp.MustCompile(`(?m)^\S*?([^/\s]+\.go):(\d+):`)

// compile compiles the tests. Mutants that cannot be compiled are left out.
func (r *runner) compile(ctx context.Context) error {
	for {
		if err := r.overlay(); err != nil {
			return err
		}
		var failed []byte
		for i, pkg := range r.packages {
			out, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-gcflags=-e",
				"-overlay", filepath.Join(r.temp, "overlay.json"), "-o", r.binary(i), pkg).CombinedOutput()
			if err != nil {
				failed = out
				break
			}
		}
		if failed == nil {
			return nil
		}
		if !r.drop(failed) {
			return errors.New(string(failed))
		}
	}
}

// overlay writes the sources with their mutants.
func (r *runner) overlay() error {
	replace := map[string]string{}
	write := func(name string, text []byte) error {
		original, err := filepath.Abs(name)
		replace[original] = filepath.Join(r.temp, filepath.Base(name))
		return errors.Join(err, os.WriteFile(replace[original], text, 0o600))
	}
	for _, s := range r.sources {
		if err := write(s.name, s.rewrite(r.mutants)); err != nil {
			return err
		}
	}
	first := r.sources[0]
	if err := write(filepath.Join(filepath.Dir(first.name), "zz_mutants.go"), []byte("package "+first.file.Name.Name+helpers)); err != nil {
		return err
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	return errors.Join(err, os.WriteFile(filepath.Join(r.temp, "overlay.json"), text, 0o600))
}

// drop leaves out the mutants that errors of the compiler are about.
func (r *runner) drop(failed []byte) (any bool) {
	for _, match := range position.FindAllSubmatch(failed, -1) {
		line, _ := strconv.Atoi(string(match[2]))
		for _, kind := range []string{prefix + "pick", prefix + "zero", prefix + "except", "if ", "("} {
			found := false
			for _, m := range r.mutants {
				if filepath.Base(m.file) == string(match[1]) && m.line <= line && line <= m.lastLine && !m.dropped && strings.HasPrefix(m.before, kind) {
					m.dropped, found = true, true
				}
			}
			if any = any || found; found {
				break
			}
		}
	}
	return any
}

// test returns the fate of a mutant; number -1 is the unchanged code.
func (r *runner) test(ctx context.Context, number int) (fate string, out []byte) {
	for _, which := range [][]string{{"-test.skip", r.skip + "|" + r.late}, {"-test.run", r.late, "-test.skip", r.skip}} {
		for i, pkg := range r.packages {
			if _, err := os.Stat(r.binary(i)); err != nil {
				continue // it has no tests
			}
			cmd := exec.CommandContext(ctx, r.binary(i), append(which, "-test.failfast", "-test.timeout", r.timeout.String())...)
			cmd.Dir = pkg
			cmd.Env = append(os.Environ(), "MUTANT="+strconv.Itoa(number))
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // and what it started
			out, err := cmd.CombinedOutput()
			switch {
			case ctx.Err() != nil:
				return "stopped", nil
			case err != nil && bytes.Contains(out, []byte("panic: test timed out")):
				return "timed out", out
			case err != nil:
				return "killed", out
			}
		}
		if r.late == "^$" {
			break
		}
	}
	return "lived", nil
}

func (r *runner) testAll(ctx context.Context) error {
	limit := r.timeout
	r.timeout = 5 * time.Minute
	start := time.Now()
	if fate, out := r.test(ctx, -1); fate != "lived" {
		return fmt.Errorf("without a mutant: %s\n%s", fate, out)
	}
	r.timeout = cmp.Or(limit, 10*time.Second+2*workers*time.Since(start))

	var wg sync.WaitGroup
	var mu sync.Mutex
	fates := map[string]map[string]int{}
	next := make(chan int)
	for range workers {
		wg.Go(func() {
			for i := range next {
				m := r.mutants[i]
				fate, _ := r.test(ctx, i)
				mu.Lock()
				if fates[m.file] == nil {
					fates[m.file] = map[string]int{}
				}
				if fates[m.file][fate]++; fate == "lived" || fate == "timed out" {
					fmt.Printf("%s: %s\n", fate, m)
				}
				mu.Unlock()
			}
		})
	}
	for i, m := range r.mutants {
		if !m.dropped && ctx.Err() == nil {
			next <- i
		}
	}
	close(next)
	wg.Wait()
	for _, file := range slices.Sorted(maps.Keys(fates)) {
		fmt.Println(file, fates[file])
	}
	return ctx.Err()
}
