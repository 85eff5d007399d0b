// Drift compares upstream's description of the API with the one vendored here
// and says, in Markdown, what has changed for a caller of this client.
//
//	drift [-update | -add] [-vendored file] [-overlay file] [-timeout 30s] [source]
//
// The source is the http(s) address or the path of a documentation page in
// Markdown, of which the one fenced description is read, or of a whole
// description in YAML or JSON. Without one it is the documentation page that
// the vendored file was taken from.
//
// A description that holds more paths than the vendored file is cut to our own:
// those of the vendored file and those that the overlay adds to it, so that an
// operation which has no page here is watched too.
//
// A page of operations that the overlay adds is compared with those.
//
// With -update the vendored file is replaced by the page's description, byte for
// byte and at once, unless both mean the same, or an action of the overlay has
// nothing to act on in it, which would stop the generator.
//
// With -add the overlay gains an action with the operations of the source that are
// not here yet.
//
// Exit status: 0 when both mean the same, or -update or -add has succeeded; 1 when they
// differ; 2 when that could not be found out, with one line on standard error.
// Run it built: go run turns every failure into 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
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

// run is the command without the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintln(stderr, "drift: "+clip(oneLine(err.Error()), 600))
		return exitUnknown
	}
	show := func(markdown string, code int) int {
		if _, err := io.WriteString(stdout, markdown); err != nil {
			return fail(fmt.Errorf("could not write the report: %w", err))
		}
		return code
	}
	var o options
	flags := flag.NewFlagSet("drift", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&o.update, "update", false, "replace the vendored file by the page's description")
	flags.BoolVar(&o.add, "add", false, "add the operations that only the source has to the overlay")
	flags.StringVar(&o.vendored, "vendored", "openapi/connect-sessions.yaml", "vendored description")
	flags.StringVar(&o.overlay, "overlay", "openapi/overlay.yaml", "overlay that adds operations to it")
	flags.DurationVar(&o.timeout, "timeout", 30*time.Second, "time for the whole check")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stderr, "usage: drift [flags] [source]\n\nThe source is an address or a file; default", page)
		flags.SetOutput(stderr)
		flags.PrintDefaults()
		return exitUnknown
	case err != nil:
		return fail(fmt.Errorf("%w; drift -h lists the flags", err))
	case flags.NArg() > 1:
		return fail(errors.New("more than one source given; flags come before the source"))
	case o.add && (o.update || flags.NArg() == 0):
		return fail(errors.New("-add takes a source, and not -update"))
	case o.timeout <= 0:
		return fail(errors.New("-timeout must be positive"))
	}
	o.source = page
	if flags.NArg() == 1 {
		o.source = flags.Arg(0)
	}

	if o.add {
		a, err := within(ctx, o.timeout, func(ctx context.Context) (*addition, error) { return add(ctx, o) })
		if err == nil {
			err = rewrite(o.overlay, a.overlay)
		}
		if err != nil {
			return fail(fmt.Errorf("could not add: %w", err))
		}
		return show(a.markdown(), exitSame)
	}
	r, err := within(ctx, o.timeout, func(ctx context.Context) (*report, error) { return check(ctx, o) })
	if err != nil {
		if o.update {
			return fail(fmt.Errorf("could not update: %w", err))
		}
		return fail(fmt.Errorf("could not check: %w", err))
	}
	if o.update && len(r.changes) > 0 {
		if err := rewrite(o.vendored, r.found); err != nil {
			return fail(fmt.Errorf("could not update: %w", err))
		}
		r.updated = true
	}
	if len(r.changes) == 0 || o.update {
		return show(r.markdown(), exitSame)
	}
	return show(r.markdown(), exitDrift)
}

// within gives f the time, and turns a panic into an error: the libraries that
// read and compare know no context and are given whatever upstream serves. One
// that is still at it when the time is over ends with the process.
func within[T any](ctx context.Context, limit time.Duration, f func(context.Context) (*T, error)) (*T, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	type result struct {
		found *T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		var res result
		defer func() {
			if p := recover(); p != nil {
				res = result{nil, fmt.Errorf("panic: %v", p)}
			}
			done <- res
		}()
		res.found, res.err = f(ctx)
	}()
	var res result
	select {
	case res = <-done:
	case <-ctx.Done():
	}
	switch ctx.Err() {
	case nil:
		return res.found, res.err
	case context.DeadlineExceeded:
		return nil, fmt.Errorf("not finished in %v; -timeout allows more", limit)
	default:
		return nil, errors.New("interrupted")
	}
}

type options struct {
	update, add               bool
	source, vendored, overlay string
	timeout                   time.Duration
}

// check reads both sides and compares them.
func check(ctx context.Context, o options) (*report, error) {
	ours, err := readFile(ctx, o.vendored)
	if err != nil {
		return nil, err
	}
	base, err := parse(ours)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.vendored, err)
	}
	text, err := read(ctx, o.source)
	if err != nil {
		return nil, err
	}
	found, err := extract(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown(o.source), err)
	}
	if o.update && !found.page {
		return nil, fmt.Errorf("%s is no documentation page: -update takes the vendored file from its page and from nothing else", shown(o.source))
	}
	revision := found.tree
	var extra *additions
	whole := !found.page && len(revision.paths()) > len(base.paths())
	if whole || found.page && !describesAny(revision, base) {
		overlay, err := readFile(ctx, o.overlay)
		if err != nil {
			return nil, err
		}
		all, added, err := withAdditions(ours, overlay)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.overlay, err)
		}
		if found.page { // of operations that the overlay adds, or of none of ours
			leaveOnly(all, revision)
		}
		if whole || len(all.paths()) > 0 {
			extra = added
			base, revision = cut(all, revision, extra)
		}
	}
	if o.update && extra != nil {
		return nil, fmt.Errorf("%s describes what the overlay adds: delete that action in %s, and run make page", shown(o.source), filepath.ToSlash(o.overlay))
	}
	changes, err := compare(base, revision, extra)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown(o.source), err)
	}
	if o.update && len(changes) > 0 {
		overlay, err := readFile(ctx, o.overlay)
		if err == nil {
			err = fits(overlay, found.text)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.ToSlash(o.overlay), err)
		}
	}
	return &report{source: shown(o.source), vendored: filepath.ToSlash(o.vendored), changes: changes, found: found.text}, nil
}

// describesAny says whether t has an operation of base.
func describesAny(t, base tree) bool {
	for call := range calls(base) {
		if t.has(call) {
			return true
		}
	}
	return false
}

// leaveOnly takes out of t what is no operation of page.
func leaveOnly(t, page tree) {
	both := map[string]bool{}
	for call := range calls(t) {
		if page.has(call) {
			both[call.path] = true
		} else {
			delete(object(t, "paths", call.path), call.method)
		}
	}
	maps.DeleteFunc(t.paths(), func(path string, _ any) bool { return !both[path] })
}

// rewrite replaces the file at once, so that nobody ever reads half of it.
func rewrite(path, text string) (err error) {
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	old, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it has been renamed
	_, err = io.WriteString(f, text)
	if err = errors.Join(err, f.Chmod(old.Mode().Perm()), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
