package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// Not parallel: it counts goroutines. synctest also reports goroutines that never end.
func TestNoLeaks(t *testing.T) {
	const callers, each = 40, 25
	goroutines := runtime.NumGoroutine()
	synctest.Test(t, func(t *testing.T) {
		handlers := []http.HandlerFunc{
			answer(201, link), answer(404, "{}"), answer(500, "{}"), answer(200, "half"), answer(302, ""), answer(429, strings.Repeat("x", 100<<10)),
			func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "1")
				answer(429, "{}")(w, r)
			},
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); panic(http.ErrAbortHandler) },
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "500")
				w.WriteHeader(201)
				_, _ = io.WriteString(w, link[:50])
			},
			func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(201)
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			},
			answer(201, strings.Repeat(" ", 100<<10)),
		}
		var next, opened, closed atomic.Int64
		transport := &http.Transport{MaxIdleConnsPerHost: callers, IdleConnTimeout: 30 * time.Second}
		serveInProcess(t, transport, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			handlers[next.Add(1)%int64(len(handlers))](w, r)
		}, func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				opened.Add(1)
			case http.StateClosed, http.StateHijacked:
				closed.Add(1)
			}
		})
		c := through(t, transport, client.WithBaseURL("http://localhost"), client.WithTimeout(5*time.Second), client.WithMaxResponseBytes(16<<10))

		var outcomes, all = [4]atomic.Int64{}, sync.WaitGroup{}
		for caller := range callers {
			all.Go(func() {
				for n := range each {
					operation := opCreate
					if (caller+n)%2 == 0 {
						operation = opAuthenticate
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*time.Second+time.Millisecond)
					err := call(ctx, t, operation, c).err
					cancel()
					var (
						api       *client.APIError
						response  *client.ResponseError
						transport *client.TransportError
					)
					switch {
					case err == nil:
						outcomes[0].Add(1)
					case errors.As(err, &transport):
						outcomes[1].Add(1)
					case errors.As(err, &response):
						outcomes[2].Add(1)
					case errors.As(err, &api):
						outcomes[3].Add(1)
					}
				}
			})
		}
		all.Wait()
		synctest.Wait()
		sum := int64(0)
		for kind := range outcomes {
			assert.Positive(t, outcomes[kind].Load(), "calls with expectation %d", kind)
			sum += outcomes[kind].Load()
		}
		assert.Equal(t, int64(callers*each), sum)
		assert.LessOrEqual(t, opened.Load()-closed.Load(), int64(callers), "open connections")

		time.Sleep(31 * time.Second) // in virtual time; longer than IdleConnTimeout
		synctest.Wait()
		assert.Equal(t, opened.Load(), closed.Load(), "connections opened and closed")
	})
	assertGoroutines(t, goroutines)
}

// assertGoroutines waits for goroutines to end, and fails if more than before remain.
func assertGoroutines(t *testing.T, before int) {
	t.Helper()
	for range 1_000_000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d goroutines left of %d:\n%s", runtime.NumGoroutine()-before, before, stacks[:runtime.Stack(stacks, true)])
}
