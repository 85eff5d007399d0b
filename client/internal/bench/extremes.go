package main

import (
	"context"
	"runtime"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/internal/bench/calls"
)

// refusals is what a call costs that is refused with 429 and then succeeds, in
// proportion to one that succeeds at once.
type refusals struct {
	operation string
	whole     ratio   // with the wait, as short as it can be
	net       ratio   // without the wait
	allocs    float64 // of a refused call
}

// good is how many calls succeed at once for each that is refused before: one
// more than the retry budget asks for.
const good = 10

// refused lets every 11th call be refused once, and times both kinds in the same run.
func refused(ctx context.Context, operation string, rounds int, slice time.Duration) (refusals, error) {
	refuse := false
	transport := &calls.Memory{Refuse: func() bool { r := refuse; refuse = false; return r }}
	way, err := calls.Client(client.DefaultBaseURL, transport, client.WithRetryPolicy(client.RetryPolicy{MinBackoff: 1, MaxBackoff: 1}))
	if err != nil {
		return refusals{}, err
	}
	// cycle makes the calls of a slice; every one of them may be refused or none.
	cycle := func(refusing bool) (fine, failing []time.Duration, allocs uint64, err error) {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for begun := time.Now(); time.Since(begun) < slice; {
			for range good {
				took, err := timed(way, operation)
				if err != nil {
					return nil, nil, 0, err
				}
				fine = append(fine, took)
			}
			refuse = refusing
			took, err := timed(way, operation)
			if err != nil {
				return nil, nil, 0, err
			}
			failing = append(failing, took)
		}
		runtime.ReadMemStats(&after)
		return fine, failing, after.Mallocs - before.Mallocs, nil
	}
	var whole, net, allocs []float64
	for range rounds {
		if err := ctx.Err(); err != nil {
			return refusals{}, err
		}
		fine, failing, some, err := cycle(true)
		if err != nil {
			return refusals{}, err
		}
		plainFine, plainFailing, none, err := cycle(false)
		if err != nil {
			return refusals{}, err
		}
		each := float64(none) / float64(len(plainFine)+len(plainFailing))
		allocs = append(allocs, float64(some)/float64(len(failing))-good*each)
		once, twice := float64(quantile(fine, 0.5)), float64(quantile(failing, 0.5))
		whole = append(whole, twice/once)
		net = append(net, (twice-float64(shortestWait()))/once)
	}
	return refusals{
		operation: operation, whole: spread(whole), net: spread(net), allocs: quantile(allocs, 0.5),
	}, nil
}

func timed(way calls.Way, operation string) (time.Duration, error) {
	begun := time.Now()
	err := way.Call(context.Background(), operation)
	return time.Since(begun), err
}

// shortestWait is how long a wait of a nanosecond takes.
func shortestWait() time.Duration {
	took := make([]time.Duration, 1000)
	for i := range took {
		begun := time.Now()
		timer := time.NewTimer(1)
		<-timer.C
		timer.Stop()
		took[i] = time.Since(begun)
	}
	return quantile(took, 0.5)
}

// tenth is what is in memory after another tenth of many calls.
type tenth struct {
	heap       uint64 // live, in bytes
	goroutines int
	took       time.Duration
}

// endure makes very many calls from 64 callers through one client.
func endure(ctx context.Context, count int) ([]tenth, error) {
	way, err := calls.Client(client.DefaultBaseURL, new(calls.Memory))
	if err != nil {
		return nil, err
	}
	call := func(ctx context.Context) error { return way.Call(ctx, calls.OpCreate) }
	took := make([]time.Duration, count/10)
	var tenths []tenth
	for range 10 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		all, err := run(call, 64, took)
		if err != nil {
			return nil, err
		}
		runtime.GC()
		runtime.GC() // the first one only moves what sync.Pools hold
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		tenths = append(tenths, tenth{stats.HeapAlloc, runtime.NumGoroutine(), all})
	}
	return tenths, nil
}
