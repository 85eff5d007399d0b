package client_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/internal/bench/calls"
)

// What a call may cost. Times are measured in internal/bench and not asserted;
// what is asserted here is the same in every run.

// It is not parallel, and neither is the next: allocations are counted for the
// whole process. The limits are what Go 1.25 needs; Go 1.26 needs one less.
func TestAllocations(t *testing.T) {
	skipUnderRace(t)
	for name, tt := range map[string]struct {
		opts []client.Option
		most float64 // more than the call by hand makes
	}{
		"plain":          {nil, 1},
		"with no log":    {[]client.Option{client.WithLogger(slog.New(slog.DiscardHandler))}, 1},
		"with a log":     {[]client.Option{client.WithLogger(slog.New(slog.NewJSONHandler(io.Discard, nil)))}, 46},
		"with an option": {[]client.Option{client.WithHeader("X-Tenant", "42")}, 2},
	} {
		for _, operation := range []string{calls.OpCreate, calls.OpAuthenticate} {
			t.Run(name+"/"+operation, func(t *testing.T) {
				own, err := calls.Client(client.DefaultBaseURL, new(calls.Memory), tt.opts...)
				require.NoError(t, err)
				byHand := calls.ByHand(client.DefaultBaseURL, new(calls.Memory))
				assert.LessOrEqual(t, allocations(t, own, operation)-allocations(t, byHand, operation), tt.most)
			})
		}
	}
}

// A call that is refused once is two calls and a wait: the first answer is not made
// into an error that nobody sees.
func TestAllocationsOfRefusedCall(t *testing.T) {
	skipUnderRace(t)
	for _, operation := range []string{calls.OpCreate, calls.OpAuthenticate} {
		t.Run(operation, func(t *testing.T) {
			const good = 10 // calls that pay for a retry
			refuse, refusals := false, 0
			transport := &calls.Memory{Refuse: func() bool {
				if !refuse {
					return false
				}
				refuse = false
				refusals++
				return true
			}}
			way, err := calls.Client(client.DefaultBaseURL, transport,
				client.WithRetryPolicy(client.RetryPolicy{MinBackoff: 1, MaxBackoff: 1}))
			require.NoError(t, err)
			once := allocations(t, way, operation)
			const runs = 100
			all := testing.AllocsPerRun(runs, func() {
				for n := range good + 1 {
					refuse = n == good
					if err := way.Call(context.Background(), operation); err != nil {
						panic(err)
					}
				}
			})
			require.Equal(t, runs+1, refusals)
			const most = 36 // more than a call that is not refused makes
			assert.LessOrEqual(t, all-(good+1)*once, float64(most))
		})
	}
}

func allocations(t *testing.T, way calls.Way, operation string) float64 {
	t.Helper()
	require.NoError(t, way.Call(t.Context(), operation))
	return testing.AllocsPerRun(200, func() { _ = way.Call(context.Background(), operation) })
}

// The calls of TestAllocations, to be profiled; internal/bench compares their times.
func BenchmarkCall(b *testing.B) {
	own, err := calls.Client(client.DefaultBaseURL, new(calls.Memory))
	require.NoError(b, err)
	generated, err := calls.Generated(client.DefaultBaseURL, new(calls.Memory))
	require.NoError(b, err)
	for _, operation := range []string{calls.OpCreate, calls.OpAuthenticate} {
		for _, way := range []calls.Way{own, generated, calls.ByHand(client.DefaultBaseURL, new(calls.Memory))} {
			b.Run(operation+"/"+way.Name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					require.NoError(b, way.Call(context.Background(), operation))
				}
			})
		}
	}
}

// skipUnderRace skips where sync.Pool drops what it holds at random.
func skipUnderRace(t *testing.T) {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	if ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("the race detector changes what is allocated")
	}
}

// TestConnections says that n callers open n connections and no more, whatever
// they are answered: every body is read to its end, or as far as that is worth it,
// and closed.
func TestConnections(t *testing.T) {
	t.Parallel()
	const callers, each = 16, 50
	kinds := []http.HandlerFunc{
		answer(201, link), answer(201, "{"), answer(201, ""), answer(200, link), answer(302, "elsewhere"),
		answer(400, `{"message":["one","two"]}`), answer(401, ""), answer(404, "<html>"), answer(408, "{}"),
		answer(429, "{}"), answer(500, strings.Repeat("x", 200<<10)), answer(502, "{}"), answer(503, "{"),
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		func(w http.ResponseWriter, _ *http.Request) { // in chunks
			w.WriteHeader(http.StatusCreated)
			for part := range slices.Chunk([]byte(link), 100) {
				_, _ = w.Write(part)
				w.(http.Flusher).Flush()
			}
		},
		func(w http.ResponseWriter, _ *http.Request) { // as large as an error may be
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.CopyN(w, zeros{}, 250<<10)
		},
	}
	var (
		requests, opened atomic.Int64
		together         = make(chan struct{}) // closed when each caller has a connection
	)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		n := requests.Add(1)
		if n == callers {
			close(together)
		}
		<-together
		kinds[n%int64(len(kinds))](w, r)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c, err := client.New(client.WithAPIKey(testKey), client.WithBaseURL(server.URL),
		client.WithRetryPolicy(client.RetryPolicy{MinBackoff: 1, MaxBackoff: 1}))
	require.NoError(t, err)

	var succeeded, failed atomic.Int64
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for n := range each {
				call := create
				if (caller+n)%2 == 0 {
					call = authenticate
				}
				if call(c) == nil {
					succeeded.Add(1)
				} else {
					failed.Add(1)
				}
			}
		})
	}
	all.Wait()
	assert.Positive(t, succeeded.Load())
	assert.Positive(t, failed.Load())
	assert.Greater(t, requests.Load(), int64(callers*each), "some calls are repeated")
	assert.Equal(t, int64(callers), opened.Load(), "connections")
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
