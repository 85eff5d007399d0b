//go:build peers

package bench

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// BenchmarkCall compares the ways over a transport that answers in memory.
func BenchmarkCall(b *testing.B) {
	compare(b, 1, setup{url: client.DefaultBaseURL, transport: new(memory)})
}

// compare runs the ways in an order that differs from run to run.
func compare(b *testing.B, callers int, s setup) {
	for _, i := range rand.Perm(len(ways)) {
		b.Run("way="+ways[i].name, func(b *testing.B) { measure(b, callers, ways[i].new(s)) })
	}
}

// measure makes b.N calls from a number of goroutines, and reports the processor
// time of this process too.
func measure(b *testing.B, callers int, c call) {
	if err := run(callers, callers, c); err != nil { // connections are opened
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime()
	err := run(callers, b.N, c)
	used := processorTime() - before
	b.StopTimer()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
}

func run(callers, calls int, c call) error {
	var (
		next    atomic.Int64
		failure atomic.Pointer[error]
		all     sync.WaitGroup
	)
	for range min(callers, calls) {
		all.Go(func() {
			for next.Add(1) <= int64(calls) && failure.Load() == nil {
				if err := c(context.Background()); err != nil {
					failure.Store(&err)
				}
			}
		})
	}
	all.Wait()
	if err := failure.Load(); err != nil {
		return *err
	}
	return nil
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
