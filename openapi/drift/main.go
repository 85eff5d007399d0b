// Drift compares upstream's description of the API with the one vendored here and
// says, in Markdown, what has changed for a caller of this client.
//
//	drift [flags] [source ...]
//
// A source is the http(s) address or the path of a documentation page in Markdown, of
// which the one fenced description is read, or of a whole description in YAML or JSON;
// none, or "", is the page that the vendored file was taken from. A page is compared
// with the vendored file that has its operations. A whole description is cut to the
// operations that are known here, so that one which has no page is watched too.
//
// With -update the page takes the place of the vendored file, byte for byte, unless both
// mean the same. With -add it becomes a further file, whose operations the overlay takes
// over. With -api the source is what one of them has printed, and drift adds what has
// changed for a Go program since gen/connect.gen.go was the given file.
//
// Exit status: 0 when both mean the same, or what was asked for is done; 1 when they
// differ, or with -api when programs may not compile any more; 2 when that could not be
// found out, with one line on standard error for each source. go run turns 2 into 1.
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

const (
	exitSame = iota
	exitDrift
	exitUnknown
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program immediately
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

type options struct {
	update, add            bool
	api, vendored, overlay string
	timeout, pause, work   time.Duration
	limit                  int // of a report, in bytes
}

// A task compares or takes the text of a source.
type task func(ctx context.Context, o options, source, text string) (result, error)

// result is what a task makes of a source.
type result struct {
	report string
	exit   int
	write  map[string]string // contents by path
}

// run is the command without the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintln(stderr, "drift: "+oneLine(err.Error(), 600))
		return exitUnknown
	}
	var o options
	flags := flag.NewFlagSet("drift", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&o.update, "update", false, "replace the vendored file by the page's description")
	flags.BoolVar(&o.add, "add", false, "take over the operations of the page that are not here yet")
	flags.StringVar(&o.api, "api", "", "`file` with the generated code before the source was taken")
	flags.StringVar(&o.vendored, "vendored", "openapi/connect-sessions.yaml", "vendored description")
	flags.StringVar(&o.overlay, "overlay", "openapi/overlay.yaml", "overlay that corrects it")
	flags.DurationVar(&o.timeout, "timeout", 30*time.Second, "time to read a source")
	flags.DurationVar(&o.work, "work", 8*time.Second, "time to compare a source, whatever is in it")
	flags.DurationVar(&o.pause, "pause", time.Second, "time before an address that has failed is read again")
	err := flags.Parse(args)
	sources := flags.Args()
	task, what := task(check), "check"
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stderr, "usage: drift [flags] [source ...]\n\nA source is an address or a file; default", page)
		flags.SetOutput(stderr)
		flags.PrintDefaults()
		return exitUnknown
	case err != nil:
		return fail(fmt.Errorf("%w; drift -h lists the flags", err))
	case len(sources) > 1 && (o.update || o.add || o.api != ""):
		return fail(errors.New("more than one source given; flags come before the source"))
	case o.add && (o.update || len(sources) == 0):
		return fail(errors.New("-add takes a source, and not -update"))
	case o.api != "":
		task, what, o.work = api, "compare what is generated", 5*time.Minute // go builds what gen imports
	case o.add:
		task, what = add, "add"
	case o.update:
		what = "update"
	}
	if len(sources) == 0 {
		sources = []string{""}
	}
	o.limit = maxReport / len(sources)
	code, reports := exitSame, []string(nil)
	for _, source := range sources {
		r, err := do(ctx, task, o, cmp.Or(source, page))
		if err != nil {
			r.exit = fail(fmt.Errorf("could not %s: %w", what, err))
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

// do reads the source, gives the task its time and writes what comes of it.
func do(ctx context.Context, task task, o options, source string) (result, error) {
	text, err := bounded(ctx, o.timeout, func(ctx context.Context) (string, error) { return read(ctx, source, o.pause) })
	if err != nil {
		return result{}, fmt.Errorf("%s: %w", shown(source), err)
	}
	r, err := bounded(ctx, o.work, func(ctx context.Context) (result, error) { return task(ctx, o, shown(source), text) })
	if err != nil {
		return result{}, fmt.Errorf("%s: %w", shown(source), err)
	}
	for path, text := range r.write {
		err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
	}
	return r, err
}

// bounded gives f its time, and turns a panic into an error: the libraries that
// read and compare know no context and are given whatever upstream serves. One
// that is still running when the time is over ends with the process.
func bounded[T any](ctx context.Context, limit time.Duration, f func(context.Context) (T, error)) (found T, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not finished in %v", limit))
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

// check compares a source with the vendored file that it belongs to, and with
// -update takes it.
func check(_ context.Context, o options, source, text string) (r result, err error) {
	here, err := load(o, text)
	if err != nil {
		return r, err
	}
	found := here.found
	against, ours, err := here.counterpart()
	if err != nil {
		return r, err
	}
	changes, err := compare(against.tree, found.tree, ours)
	r = result{report: markdown(source, against.path, changes, o.limit), exit: min(len(changes), exitDrift)}
	switch {
	case err != nil || !o.update:
		return r, err
	case !found.page:
		return r, errors.New("not a documentation page: -update takes the vendored file from its page and from nothing else")
	case against.path != here.files[0].path || ours != nil:
		return r, fmt.Errorf("it describes other operations than %s: make page takes it", here.files[0].path)
	case len(changes) == 0:
		return r, nil
	}
	r.report += fmt.Sprintf("\n%s has been replaced by the page's description.\n", code(against.path))
	r.exit, r.write = exitSame, map[string]string{o.vendored: found.text}
	return r, cmp.Or(refused(found.tree), here.fits(found.text))
}
