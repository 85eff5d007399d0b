package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// contender is a way to make one call.
type contender struct {
	name string
	call func(context.Context) error
}

// figures are what a call costs: its share of the time that all took and of the
// processor's, its own latency, its share of what was allocated, and the largest
// memory in use meanwhile.
type figures struct {
	time, cpu, p50, p99 float64 // ns
	allocs, bytes       float64
	peak                float64 // bytes
}

// samples are a contender's figures, one for each round.
type samples []figures

// median is the median of one figure over the rounds.
func (s samples) median(figure func(figures) float64) float64 {
	return quantile(s.values(figure), 0.5)
}

func (s samples) values(figure func(figures) float64) []float64 {
	values := make([]float64, len(s))
	for i, f := range s {
		values[i] = figure(f)
	}
	return values
}

// ratio is a figure in proportion to the same of another contender: that of the
// medians, and between which values half of the rounds' own ratios lie, which is
// the noise.
type ratio struct{ median, low, high float64 }

func (s samples) ratio(floor samples, figure func(figures) float64) ratio {
	rounds := s.values(figure)
	for i, value := range floor.values(figure) {
		rounds[i] /= value
	}
	r := spread(rounds)
	r.median = s.median(figure) / floor.median(figure)
	return r
}

func spread(rounds []float64) ratio {
	return ratio{median: quantile(rounds, 0.5), low: quantile(rounds, 0.25), high: quantile(rounds, 0.75)}
}

// inverse is a throughput from a time.
func (r ratio) inverse() ratio { return ratio{1 / r.median, 1 / r.high, 1 / r.low} }

// quantile returns the smallest value that the share q of the values does not
// exceed, and sorts them.
func quantile[T float64 | time.Duration](values []T, q float64) T {
	slices.Sort(values)
	return values[max(0, int(math.Ceil(q*float64(len(values))))-1)]
}

// compare runs the contenders in turns: in each round each makes the same number
// of calls, in about the time of slice. Each round begins with another one, and
// every second one goes backwards, so that nobody always follows the same one.
func compare(ctx context.Context, contenders []contender, callers, rounds int, slice time.Duration) ([]samples, error) {
	calls, err := calibrate(contenders, callers, slice)
	if err != nil {
		return nil, err
	}
	results := make([]samples, len(contenders))
	took := make([]time.Duration, calls)
	for round := range rounds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for turn := range contenders {
			i := (round + turn) % len(contenders)
			if round%2 == 1 {
				i = (round + len(contenders) - turn) % len(contenders)
			}
			f, err := measure(contenders[i].call, callers, took)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", contenders[i].name, err)
			}
			results[i] = append(results[i], f)
		}
	}
	return results, nil
}

// calibrate warms the contenders up, connections included, and returns how many
// calls the last one makes in a slice.
func calibrate(contenders []contender, callers int, slice time.Duration) (int, error) {
	calls := 4 * callers
	for _, c := range contenders {
		if _, err := run(c.call, callers, make([]time.Duration, calls)); err != nil {
			return 0, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	for {
		took, err := run(contenders[len(contenders)-1].call, callers, make([]time.Duration, calls))
		if err != nil {
			return 0, err
		}
		if took >= slice/4 {
			return max(2*callers, int(float64(calls)*float64(slice)/float64(took))), nil
		}
		calls *= 2
	}
}

// measure makes len(took) calls.
func measure(call func(context.Context) error, callers int, took []time.Duration) (figures, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	peak, cpu := watchMemory(), cpuTime()
	all, err := run(call, callers, took)
	cpu = cpuTime() - cpu
	largest := peak()
	runtime.ReadMemStats(&after)
	calls := float64(len(took))
	return figures{
		time:   float64(all) / calls,
		cpu:    float64(cpu) / calls,
		p50:    float64(quantile(took, 0.5)),
		p99:    float64(quantile(took, 0.99)),
		allocs: float64(after.Mallocs-before.Mallocs) / calls,
		bytes:  float64(after.TotalAlloc-before.TotalAlloc) / calls,
		peak:   float64(largest),
	}, err
}

// run makes len(took) calls, with as many callers at a time, stores how long each
// took and returns how long all took. A failing call ends it.
func run(call func(context.Context) error, callers int, took []time.Duration) (time.Duration, error) {
	var (
		next    atomic.Int64
		failure atomic.Pointer[error]
		all     sync.WaitGroup
		start   = make(chan struct{})
	)
	for range callers {
		all.Go(func() {
			<-start
			for failure.Load() == nil {
				i := next.Add(1) - 1
				if i >= int64(len(took)) {
					return
				}
				begun := time.Now()
				if err := call(context.Background()); err != nil {
					failure.Store(&err)
				}
				took[i] = time.Since(begun)
			}
		})
	}
	begun := time.Now()
	close(start)
	all.Wait()
	if err := failure.Load(); err != nil {
		return 0, *err
	}
	return time.Since(begun), nil
}

// watchMemory looks at the memory that the heap and the stacks use, each
// millisecond until the function that it returns is called, which returns the most.
func watchMemory() (peak func() uint64) {
	parts := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
	}
	var most uint64
	look := func() {
		metrics.Read(parts)
		sum := uint64(0)
		for _, part := range parts {
			sum += part.Value.Uint64()
		}
		most = max(most, sum)
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				look()
			case <-done:
				look()
				return
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-ended
		return most
	}
}
