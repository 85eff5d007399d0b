// Command bench measures what a call through package client costs beside the same
// call through the generated client alone and the same call written by hand, and
// writes what it found to BENCHMARKS.md and benchmarks.svg.
//
//	go run ./client/internal/bench                 # about five minutes, when nothing else runs
//	go run ./client/internal/bench -quick -out ""  # a look, in seconds
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/internal/bench/calls"
)

func main() {
	rounds := flag.Int("rounds", 41, "how often each contender has its turn")
	quick := flag.Bool("quick", false, "three short rounds, fewer calls and no builds")
	out := flag.String("out", "client", "the directory of BENCHMARKS.md and benchmarks.svg; empty to write neither")
	flag.Parse()
	p := plan{rounds: *rounds, slice: 60 * time.Millisecond, calls: 1_000_000, builds: true}
	if *quick {
		p = plan{rounds: 3, slice: 20 * time.Millisecond, calls: 100_000}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := p.run(ctx, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// plan is how much is measured.
type plan struct {
	rounds int
	slice  time.Duration // of a contender's turn, with one caller
	calls  int           // of the long run
	builds bool
}

func (p plan) run(ctx context.Context, out string) error {
	if out != "" { // not to find out at the end
		if err := os.MkdirAll(out, 0o755); err != nil {
			return err
		}
	}
	r, err := p.measure(ctx)
	if err != nil {
		return err
	}
	text := r.tables()
	fmt.Print(text)
	if out == "" {
		return nil
	}
	if err := os.WriteFile(filepath.Join(out, "BENCHMARKS.md"), []byte(r.document(text)), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "benchmarks.svg"), []byte(r.chart()), 0o644)
}

// measure takes every figure, one after the other, and tells on standard error
// what it is at.
func (p plan) measure(ctx context.Context) (*results, error) {
	r := &results{plan: p, begun: time.Now(), load: loadAverage()}
	var err error
	progress("%d calls", p.calls) // first, when nothing else is in memory
	if r.tenths, err = endure(ctx, p.calls); err != nil {
		return nil, err
	}
	for _, open := range []func() (wire, error){memory, loopback, encrypted} {
		for _, callers := range []int{1, 64, 1000} {
			for _, operation := range []string{calls.OpCreate, calls.OpAuthenticate} {
				c, err := p.compareWays(ctx, open, operation, callers)
				if err != nil {
					return nil, err
				}
				r.calls = append(r.calls, c)
			}
		}
	}
	if r.transports, err = p.compareTransports(ctx); err != nil {
		return nil, err
	}
	if r.loggers, err = p.compareLoggers(ctx); err != nil {
		return nil, err
	}
	for _, operation := range []string{calls.OpCreate, calls.OpAuthenticate} {
		progress("429 and then 201, %s", operation)
		refusals, err := refused(ctx, operation, p.rounds, p.slice)
		if err != nil {
			return nil, err
		}
		r.refusals = append(r.refusals, refusals)
	}
	if p.builds {
		progress("building")
		if r.builds, err = build(ctx); err != nil {
			return nil, err
		}
	}
	r.took = time.Since(r.begun)
	return r, nil
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// comparison is what the contenders' calls cost; the last one's are by hand.
type comparison struct {
	wire, operation string
	callers         int
	names           []string // of the contenders
	samples         []samples
}

func (c comparison) String() string {
	if c.callers == 1 {
		return fmt.Sprintf("%s, 1 caller, %s", c.wire, c.operation)
	}
	return fmt.Sprintf("%s, %d callers, %s", c.wire, c.callers, c.operation)
}

func (p plan) compare(ctx context.Context, w wire, operation string, callers int, ways ...calls.Way) (comparison, error) {
	c := comparison{wire: w.name, operation: operation, callers: callers}
	if err := ctx.Err(); err != nil {
		return c, err
	}
	progress("%s", c)
	var contenders []contender
	for _, way := range ways {
		c.names = append(c.names, way.Name)
		contenders = append(contenders, contender{way.Name, func(ctx context.Context) error { return way.Call(ctx, operation) }})
	}
	slice := p.slice
	if callers > 64 {
		slice *= 2
	}
	var err error
	c.samples, err = compare(ctx, contenders, callers, p.rounds, slice)
	return c, err
}

func (p plan) compareWays(ctx context.Context, open func() (wire, error), operation string, callers int) (comparison, error) {
	w, err := open()
	if err != nil {
		return comparison{}, err
	}
	defer w.close()
	own, err := calls.Client(w.baseURL, w.transport())
	if err != nil {
		return comparison{}, err
	}
	generated, err := calls.Generated(w.baseURL, w.transport())
	if err != nil {
		return comparison{}, err
	}
	return p.compare(ctx, w, operation, callers, own, generated, calls.ByHand(w.baseURL, w.transport()))
}

// compareTransports shows what a transport costs that keeps two connections open.
func (p plan) compareTransports(ctx context.Context) (comparison, error) {
	w, err := loopback()
	if err != nil {
		return comparison{}, err
	}
	defer w.close()
	own, err := calls.Client(w.baseURL, nil)
	if err != nil {
		return comparison{}, err
	}
	own.Name = "client, its own transport"
	two, err := calls.Client(w.baseURL, http.DefaultTransport.(*http.Transport).Clone())
	if err != nil {
		return comparison{}, err
	}
	two.Name = "client, http.DefaultTransport"
	return p.compare(ctx, w, calls.OpCreate, 64, own, two, calls.ByHand(w.baseURL, w.transport()))
}

// compareLoggers shows what a log record of each call costs.
func (p plan) compareLoggers(ctx context.Context) (comparison, error) {
	w, err := memory()
	if err != nil {
		return comparison{}, err
	}
	silent, err := calls.Client(w.baseURL, w.transport())
	if err != nil {
		return comparison{}, err
	}
	logged, err := calls.Client(w.baseURL, w.transport(), client.WithLogger(slog.New(slog.NewJSONHandler(io.Discard, nil))))
	if err != nil {
		return comparison{}, err
	}
	logged.Name = "client with a logger"
	return p.compare(ctx, w, calls.OpCreate, 1, logged, silent, calls.ByHand(w.baseURL, w.transport()))
}
