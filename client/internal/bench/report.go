package main

import (
	_ "embed"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"
)

// results is everything that was measured.
type results struct {
	plan  plan
	begun time.Time
	took  time.Duration
	load  string // before it began, "" when not known

	calls      []comparison // create and authenticate in turn
	transports comparison
	loggers    comparison
	refusals   []refusals
	tenths     []tenth
	builds     builds
}

// The figures that are compared.
func wall(f figures) float64      { return f.time }
func processor(f figures) float64 { return f.cpu }
func p50(f figures) float64       { return f.p50 }
func p99(f figures) float64       { return f.p99 }
func allocs(f figures) float64    { return f.allocs }
func allocated(f figures) float64 { return f.bytes }
func peak(f figures) float64      { return f.peak }

// floor is the call by hand.
func (c comparison) floor() samples { return c.samples[len(c.samples)-1] }

// target is a figure of both operations that must be reached.
type target struct {
	figure string
	limit  float64
	least  bool // the figure must be at least the limit, or else at most
	got    []ratio
}

// verdict says whether the figures of both operations are reached.
func (t target) verdict() string {
	for _, got := range t.got {
		if t.least && got.median < t.limit || !t.least && got.median > t.limit {
			return "no"
		}
	}
	return "yes"
}

// The figures to reach, as ratios to the call by hand.
const (
	mostInMemory     = 1.10
	mostAllocs       = 12
	mostOnLoopback   = 1.03
	leastThroughput  = 0.97
	mostP99          = 1.10
	mostForRefused   = 2.2
	mostKept         = 0.1 // bytes
	mostThirdParties = 4
)

func (r *results) targets() []target {
	var all []target
	for i := 0; i < len(r.calls); i += 2 {
		pair := r.calls[i : i+2]
		add := func(name string, limit float64, least bool, got func(comparison) ratio) {
			c := pair[0]
			t := target{fmt.Sprintf("%s, %s: %s", c.wire, callers(c.callers), name), limit, least, nil}
			for _, c := range pair {
				t.got = append(t.got, got(c))
			}
			all = append(all, t)
		}
		time := func(c comparison) ratio { return c.samples[0].ratio(c.floor(), wall) }
		switch c := pair[0]; {
		case c.wire == inMemory && c.callers == 1:
			add("time", mostInMemory, false, time)
			add("allocations more", mostAllocs, false, func(c comparison) ratio {
				return exactly(c.samples[0].median(allocs) - c.floor().median(allocs))
			})
		case c.callers == 1:
			add("time", mostOnLoopback, false, time)
		case c.wire != inMemory:
			add("throughput", leastThroughput, true, func(c comparison) ratio { return time(c).inverse() })
			if c.callers == 64 {
				add("p99", mostP99, false, func(c comparison) ratio { return c.samples[0].ratio(c.floor(), p99) })
			}
		}
	}
	refused := target{"429 and then 201, in good calls, without the wait", mostForRefused, false, nil}
	for _, f := range r.refusals {
		refused.got = append(refused.got, f.net)
	}
	// The first half fills what is kept for reuse.
	kept := (float64(r.tenths[9].heap) - float64(r.tenths[4].heap)) / float64(r.plan.calls/2)
	return append(all, refused,
		target{fmt.Sprintf("memory kept by each of the last %d calls, bytes", r.plan.calls/2), mostKept, false, []ratio{exactly(kept)}})
}

func callers(n int) string {
	if n == 1 {
		return "1 caller"
	}
	return fmt.Sprintf("%d callers", n)
}

// tables is everything that was measured, in Markdown.
func (r *results) tables() string {
	var b strings.Builder
	section := func(title string, header []string, rows [][]string) {
		fmt.Fprintf(&b, "## %s\n\n%s\n", title, table(header, rows))
	}
	section("Figures to reach", []string{"figure", "create", "authenticate", "to reach", "reached"}, r.targetRows())
	header := []string{"wire, callers, operation", "way", "time", "processor", "p50", "p99", "throughput", "allocations", "bytes", "peak memory"}
	var rows [][]string
	for _, c := range r.calls {
		rows = append(rows, c.rows()...)
	}
	section("Every call", header, rows)
	section("Transports", header, r.transports.rows())
	section("Logger", header, r.loggers.rows())
	section("Refused once", []string{"operation", "to a good call", "without the wait", "allocations"}, r.refusalRows())
	section("Many calls", []string{"calls", "memory in use", "goroutines", "seconds"}, r.tenthRows())
	if r.plan.builds {
		section("Build", []string{"program", "executable", "processor time to build"}, r.builds.rows())
		fmt.Fprintf(&b, "Packages from elsewhere (%d, to reach: at most %d): %s.\n\n",
			len(r.builds.packages), mostThirdParties, strings.Join(r.builds.packages, ", "))
	}
	return b.String()
}

func (r *results) targetRows() (rows [][]string) {
	for _, t := range r.targets() {
		row := []string{t.figure}
		for _, got := range t.got {
			row = append(row, got.String())
		}
		if len(t.got) == 1 {
			row = append(row, "")
		}
		bound := "at most"
		if t.least {
			bound = "at least"
		}
		rows = append(rows, append(row, fmt.Sprintf("%s %.4g", bound, t.limit), t.verdict()))
	}
	return rows
}

// exactly is a figure without noise.
func exactly(value float64) ratio { return ratio{value, value, value} }

// String is the ratio with its noise.
func (r ratio) String() string {
	if r.low == r.high {
		return fmt.Sprintf("%.2f", r.median)
	}
	return fmt.Sprintf("%.2f (%.2f to %.2f)", r.median, r.low, r.high)
}

// rows shows the call by hand in its own units and the others in proportion to it.
func (c comparison) rows() (rows [][]string) {
	floor := c.floor()
	first := fmt.Sprintf("%s, %d, %s", c.wire, c.callers, c.operation)
	rows = append(rows, []string{
		first, c.names[len(c.names)-1],
		micros(floor.median(wall)), micros(floor.median(processor)), micros(floor.median(p50)), micros(floor.median(p99)),
		fmt.Sprintf("%.0f/s", 1e9/floor.median(wall)),
		fmt.Sprintf("%.0f", floor.median(allocs)), fmt.Sprintf("%.0f", floor.median(allocated)), megabytes(floor.median(peak)),
	})
	for i, s := range c.samples[:len(c.samples)-1] {
		times := func(figure func(figures) float64) string { return fmt.Sprintf("%.2f", s.ratio(floor, figure).median) }
		rows = append(rows, []string{
			"", c.names[i], s.ratio(floor, wall).String(), times(processor), times(p50), times(p99),
			fmt.Sprintf("%.2f", s.ratio(floor, wall).inverse().median),
			fmt.Sprintf("%+.0f", s.median(allocs)-floor.median(allocs)),
			fmt.Sprintf("%+.0f", s.median(allocated)-floor.median(allocated)), times(peak),
		})
	}
	return rows
}

func (r *results) refusalRows() (rows [][]string) {
	for _, f := range r.refusals {
		rows = append(rows, []string{f.operation, f.whole.String(), f.net.String(), fmt.Sprintf("%.0f", f.allocs)})
	}
	return rows
}

func (r *results) tenthRows() (rows [][]string) {
	for i, t := range r.tenths {
		rows = append(rows, []string{
			fmt.Sprint(r.plan.calls / 10 * (i + 1)), fmt.Sprintf("%d B", t.heap), fmt.Sprint(t.goroutines),
			fmt.Sprintf("%.2f", t.took.Seconds()),
		})
	}
	return rows
}

func (b builds) rows() [][]string {
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
	return [][]string{
		{"on net/http alone", megabytes(float64(b.plainSize)), seconds(b.fromNothing) + ", the standard library included"},
		{"on client and gen", megabytes(float64(b.ownSize)), seconds(b.onTop) + " on top of that"},
		{"the same, in proportion", fmt.Sprintf("%.3f", float64(b.ownSize)/float64(b.plainSize)),
			fmt.Sprintf("%.3f", float64(b.fromNothing+b.onTop)/float64(b.fromNothing))},
	}
}

func micros(ns float64) string       { return fmt.Sprintf("%.1f µs", ns/1e3) }
func megabytes(bytes float64) string { return fmt.Sprintf("%.2f MB", bytes/1e6) }

// table is an aligned Markdown table, its numbers to the right.
func table(header []string, rows [][]string) string {
	width := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell), 3)
		}
	}
	var b strings.Builder
	write := func(row []string) {
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i < 2 && len(header) > 6 || i == 0 {
				b.WriteString("| " + cell + pad + " ")
			} else {
				b.WriteString("| " + pad + cell + " ")
			}
		}
		b.WriteString("|\n")
	}
	write(header)
	for i := range header {
		if i < 2 && len(header) > 6 || i == 0 {
			b.WriteString("|" + strings.Repeat("-", width[i]+2))
		} else {
			b.WriteString("|" + strings.Repeat("-", width[i]+1) + ":")
		}
	}
	b.WriteString("|\n")
	for _, row := range rows {
		write(row)
	}
	return b.String()
}

//go:embed notes.md
var notes string

// document is BENCHMARKS.md.
func (r *results) document(tables string) string {
	machine := []string{runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH, fmt.Sprintf("%d processors", runtime.GOMAXPROCS(0))}
	if model := processorModel(); model != "" {
		machine = append(machine, model)
	}
	if r.load != "" {
		machine = append(machine, fmt.Sprintf("load average %s before and %s after", r.load, loadAverage()))
	}
	return fmt.Sprintf("# Benchmarks\n\n"+
		"What a call through package client costs beside the same call written by hand with net/http and encoding/json.\n"+
		"`make bench` measures it and writes this file and the chart.\n\n"+
		"![Time of a call to one by hand](benchmarks.svg)\n\n"+
		"Measured on %s, in %.0f s and %d rounds: %s.\n\n%s%s",
		r.begun.UTC().Format(time.DateOnly), r.took.Seconds(), r.plan.rounds, strings.Join(machine, ", "), tables, notes)
}

func processorModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
