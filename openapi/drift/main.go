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
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
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
	task, what := check, "check"
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
	case o.timeout <= 0:
		return fail(errors.New("-timeout must be positive"))
	case o.api != "":
		task, what = api, "compare what is generated"
	case o.add:
		task, what = add, "add"
	case o.update:
		what = "update"
	}
	if len(sources) == 0 {
		sources = []string{""}
	}
	o.limit = maxReport / len(sources)
	code, markdown := exitSame, ""
	for _, source := range sources {
		found, exit, err := task(ctx, o, cmp.Or(source, page))
		if err != nil {
			exit = fail(fmt.Errorf("could not %s: %w", what, err))
		} else if markdown != "" {
			markdown += "\n"
		}
		markdown += found
		code = max(code, exit)
	}
	if _, err := io.WriteString(stdout, markdown); err != nil {
		return fail(fmt.Errorf("could not write the report: %w", err))
	}
	return code
}

// bounded gives f its time, and turns a panic into an error: the libraries that
// read and compare know no context and are given whatever upstream serves. One
// that is still at it when the time is over ends with the process.
func bounded[T any](ctx context.Context, limit time.Duration, f func() (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var nothing T
	done := make(chan func() (T, error), 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- func() (T, error) { return nothing, fmt.Errorf("panic: %v", p) }
			}
		}()
		found, err := f()
		done <- func() (T, error) { return found, err }
	}()
	select {
	case result := <-done:
		return result()
	case <-ctx.Done():
		return nothing, ended(ctx, limit)
	}
}

// ended says why the context is done.
func ended(ctx context.Context, limit time.Duration) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("not finished in %v", limit)
	}
	return errors.New("interrupted")
}

// check compares a source with the vendored file that it belongs to, and with
// -update takes it.
func check(ctx context.Context, o options, source string) (string, int, error) {
	text, err := read(ctx, source, o)
	if err != nil {
		return "", 0, err
	}
	c, err := bounded(ctx, o.work, func() (comparison, error) { return judge(o, text) })
	if err != nil {
		return "", 0, fmt.Errorf("%s: %w", shown(source), err)
	}
	report := markdown(shown(source), c.against, c.changes, o.limit)
	switch {
	case len(c.changes) == 0:
		return report, exitSame, nil
	case o.update:
		report += fmt.Sprintf("\n%s has been replaced by the page's description.\n", code(c.against))
		return report, exitSame, os.WriteFile(o.vendored, []byte(c.found), 0o644)
	}
	return report, exitDrift, nil
}

// comparison is what judge has found.
type comparison struct {
	against, found string // a file's path, and upstream's description
	changes        []change
}

func judge(o options, text string) (comparison, error) {
	here, err := load(o)
	if err != nil {
		return comparison{}, err
	}
	found, err := extract(text, here.files[0])
	if err != nil {
		return comparison{}, err
	}
	against, ours, err := here.counterpart(found)
	if err != nil {
		return comparison{}, err
	}
	changes, err := compare(against.tree, found.tree, ours)
	switch {
	case err != nil || !o.update:
	case !found.page:
		err = errors.New("not a documentation page: -update takes the vendored file from its page and from nothing else")
	case against.path != here.files[0].path || ours != nil:
		err = fmt.Errorf("it describes other operations than %s: make page takes it", here.files[0].path)
	case len(changes) > 0:
		if err = refused(found.tree); err == nil {
			err = here.fits(found.text)
		}
	}
	return comparison{against.path, found.text, changes}, err
}
