// Drift compares upstream's description of the API with the vendored one and reports, in
// Markdown, what has changed for callers of this client.
//
//	drift [flags] [source ...]
//
// A source is the URL or the path of a documentation page in Markdown with one fenced
// description, or of a whole description in YAML or JSON. The default, which "" means
// too, is the page that the vendored file was taken from. A page is compared with the
// vendored file that has its operations. A whole description is reduced to the operations
// known here, which covers operations without a page.
//
// With -update the page replaces the vendored file, byte for byte, unless both mean the
// same. With -add it becomes a further file and the overlay gains its operations. With
// -api the source is what apidiff printed of the generated code before and after that.
//
// Exit status: 0 when both mean the same or the update succeeded; 1 when they differ, or
// with -api when programs may no longer compile; 2 when drift could not tell, with one
// line on standard error for each failed source. go run turns 2 into 1.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// page documents POST /connect_sessions.
const page = "https://docs.stackone.com/platform/api-reference/connect-sessions/create-connect-session.md"

const exitSame, exitDrift, exitUnknown = 0, 1, 2

func main() {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // until the program ends
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

type options struct {
	update, add, api     bool
	vendored, overlay    string
	timeout, pause, work time.Duration
	limit                int // of each report, in bytes
}

// A task handles the text of a source.
type task func(ctx context.Context, o options, source, text string) (result, error)

// result is the outcome of a task.
type result struct {
	report string
	exit   int
	write  map[string]string // contents by path
}

// run is main with its inputs and outputs as arguments.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintln(stderr, "drift: "+oneLine(err.Error(), 600))
		return exitUnknown
	}
	var o options
	flags := flag.NewFlagSet("drift", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&o.update, "update", false, "replace the vendored file with the page's description")
	flags.BoolVar(&o.add, "add", false, "add the operations of the page that are not known yet")
	flags.BoolVar(&o.api, "api", false, "report what apidiff printed, which the source is")
	flags.StringVar(&o.vendored, "vendored", "openapi/connect-sessions.yaml", "vendored description")
	flags.StringVar(&o.overlay, "overlay", "openapi/overlay.yaml", "overlay that corrects it")
	flags.DurationVar(&o.timeout, "timeout", 30*time.Second, "time limit for reading a source")
	flags.DurationVar(&o.work, "work", 8*time.Second, "time limit for comparing a source")
	flags.DurationVar(&o.pause, "pause", time.Second, "time before a failed URL is read again")
	err := flags.Parse(args)
	sources := append(flags.Args(), "")[:max(1, flags.NArg())] // at least the default
	task := task(check)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stderr, "usage: drift [flags] [source ...]\n\nA source is a URL or a file; the default is", page)
		flags.SetOutput(stderr)
		flags.PrintDefaults()
		return exitUnknown
	case err != nil:
		return fail(fmt.Errorf("%w; drift -h lists the flags", err))
	case len(sources) > 1 && (o.update || o.add || o.api):
		return fail(errors.New("more than one source given; flags come before the source"))
	case o.add && (o.update || flags.NArg() == 0):
		return fail(errors.New("-add needs a source and excludes -update"))
	case o.api:
		task = api
	case o.add:
		task = add
	}
	o.limit = maxReport / len(sources)
	code, reports := exitSame, []string(nil)
	for _, source := range sources {
		r, err := do(ctx, task, o, cmp.Or(source, page))
		if err != nil {
			r.exit = fail(fmt.Errorf("could not use %w", err))
		} else {
			reports = append(reports, r.report)
		}
		code = max(code, r.exit)
	}
	if _, err := io.WriteString(stdout, strings.Join(reports, "\n")); err != nil {
		return fail(fmt.Errorf("could not write the report: %w", err))
	}
	return code
}

// do reads the source, runs the task within its time limit and writes its files.
func do(ctx context.Context, task task, o options, source string) (r result, err error) {
	text, err := bounded(ctx, o.timeout, func(ctx context.Context) (string, error) { return read(ctx, source, o.pause) })
	if err == nil {
		r, err = bounded(ctx, o.work, func(ctx context.Context) (result, error) { return task(ctx, o, shown(source), text) })
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", shown(source), err)
	}
	for path, text := range r.write {
		err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
	}
	return r, err
}

// bounded limits the time that f takes and turns a panic into an error: the libraries
// that read and compare upstream's text accept no context. After a timeout f keeps
// running until the process exits.
func bounded[T any](ctx context.Context, limit time.Duration, f func(context.Context) (T, error)) (found T, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("timed out after %v", limit))
	defer cancel()
	done := make(chan func() (T, error), 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- func() (T, error) { return found, fmt.Errorf("panic: %v", p) }
			}
		}()
		result, err := f(ctx)
		done <- func() (T, error) { return result, err }
	}()
	select {
	case result := <-done:
		if ctx.Err() == nil {
			return result()
		}
	case <-ctx.Done():
	}
	return found, context.Cause(ctx)
}

// check compares a source with its counterpart here. With -update it replaces the
// vendored file.
func check(_ context.Context, o options, source, text string) (r result, err error) {
	here, err := load(o, text)
	if err != nil {
		return r, err
	}
	against, ours, err := here.counterpart()
	if err != nil {
		return r, err
	}
	changes, err := compare(against.tree, here.found.tree, ours)
	r = result{report: markdown(source, against.path, changes, o.limit), exit: min(len(changes), exitDrift)}
	switch {
	case err != nil || !o.update:
		return r, err
	case !here.found.page:
		return r, errors.New("not a documentation page, which -update requires")
	case against.path != here.files[0].path || ours != nil:
		return r, fmt.Errorf("it describes other operations than %s; use make page", here.files[0].path)
	case len(changes) == 0:
		return r, nil
	}
	r.report += fmt.Sprintf("\n%s has been replaced by the page's description.\n", code(against.path))
	r.exit, r.write = exitSame, map[string]string{o.vendored: here.found.text}
	if here.files[0] = here.found; len(here.files) > 1 { // the page may describe what others have added
		here.overlay, _, _, err = here.withPages("")
		r.write[o.overlay] = here.overlay
	}
	return r, cmp.Or(refused(here.found), err, here.fits())
}
