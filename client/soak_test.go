package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// received describes what the server did with one request.
type received struct {
	created bool
	status  int // 0 for no response
}

// flakyServer creates sessions, with faults at random. It records what it did for each
// origin_owner_id.
type flakyServer struct {
	mu       sync.Mutex
	requests map[string][]received
}

func (f *flakyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request gen.ConnectSessionCreate
	if json.NewDecoder(r.Body).Decode(&request) != nil {
		panic(http.ErrAbortHandler)
	}
	statuses := []int{429, 429, 408, 400, 404, 500, 502, 503}
	a := received{status: 201, created: true}
	fault := rand.IntN(16)
	if fault < len(statuses) {
		a = received{status: statuses[fault]}
	}
	f.mu.Lock()
	reset := fault == 8 || fault == 9
	if reset {
		a = received{created: fault == 9}
	}
	f.requests[request.OriginOwnerID] = append(f.requests[request.OriginOwnerID], a)
	f.mu.Unlock()
	switch {
	case reset:
		panic(http.ErrAbortHandler) // closes the connection
	case fault == 10: // truncated body
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, link)
		panic(http.ErrAbortHandler)
	case fault == 11: // unusable body
		w.WriteHeader(201)
		_, _ = io.WriteString(w, "<html>")
	default:
		answer(a.status, link)(w, r)
	}
}

// TestSoak makes SOAK_CALLS calls (2,000 by default) to a flaky server and compares their
// errors with what the server did.
func TestSoak(t *testing.T) {
	calls, err := strconv.Atoi(os.Getenv("SOAK_CALLS"))
	if err != nil {
		calls = 2000
	}
	const callers = 16
	goroutines := runtime.NumGoroutine()
	memory := heap()

	server := &flakyServer{requests: map[string][]received{}}
	var connections, peak atomic.Int64
	listening := httptest.NewUnstartedServer(server)
	listening.Config.ErrorLog = nil
	listening.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			n := connections.Add(1)
			for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
			}
		case http.StateClosed, http.StateHijacked:
			connections.Add(-1)
		}
	}
	listening.Start()
	var dials atomic.Int64
	transport := &http.Transport{MaxIdleConnsPerHost: callers, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials.Add(1)%5 == 0 {
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	c := through(t, transport, client.WithBaseURL(listening.URL), client.WithRetryPolicy(quick))

	results := make([]error, calls)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(calls); i = next.Add(1) - 1 {
				_, results[i] = c.ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{
					OriginOwnerID: strconv.FormatInt(i, 10), OriginOwnerName: "soak",
				})
			}
		})
	}
	wg.Wait()
	server.mu.Lock()
	defer server.mu.Unlock()
	sends, duplicates := 0, 0
	outcomes := map[string]int{}
	for i, err := range results {
		seen := server.requests[strconv.Itoa(i)]
		sends += len(seen)
		created := 0
		for n, a := range seen {
			if a.created {
				created++
			}
			if n < len(seen)-1 && a.status != 429 && a.status != 408 {
				t.Errorf("call %d was retried after %+v", i, a)
			}
		}
		duplicates += max(0, created-1)
		outcomes[errorType(err)]++
		if !consistent(err, seen) {
			t.Errorf("call %d returned %v after %+v", i, err, seen)
		}
	}
	assert.Zero(t, duplicates)
	t.Logf("%d calls, %d requests, %d duplicates, at most %d connections for %d callers; outcomes: %v",
		calls, sends, duplicates, peak.Load(), callers, outcomes)

	// After a reset, the server's side of a connection stays open for a moment, while the
	// client already has a new one.
	assert.LessOrEqual(t, peak.Load(), int64(2*callers))
	transport.CloseIdleConnections()
	listening.Close()
	assert.Zero(t, connections.Load(), "open connections")
	server.requests, results = nil, nil
	assertGoroutines(t, goroutines)
	assert.Less(t, heap(), memory+8<<20, "heap after the calls")
}

// consistent reports whether the error of a call agrees with what the server did.
func consistent(err error, seen []received) bool {
	var api *client.APIError
	var transport *client.TransportError
	var response *client.ResponseError
	last := received{}
	if len(seen) > 0 {
		last = seen[len(seen)-1]
	}
	ambiguous := slices.ContainsFunc(seen, func(a received) bool {
		return a.status < 300 || a.status >= 500 && a.status != 501 // 0: no response
	})
	if err != nil && client.MaybeCreated(err) != ambiguous {
		return false
	}
	switch {
	case err == nil:
		return last.created && last.status == 201
	case errors.As(err, &api):
		return last.status == api.StatusCode && !last.created
	case errors.As(err, &response):
		return last.created && last.status == 201
	case errors.As(err, &transport):
		return transport.MaybeSent == ambiguous
	}
	return false
}

func errorType(err error) string {
	if err == nil {
		return "success"
	}
	return fmt.Sprintf("%T", err)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
