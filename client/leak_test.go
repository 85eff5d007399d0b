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

// pipes is a listener whose connections stay in the process, so that its server
// runs in virtual time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serveInProcess starts a server in the bubble of a test, and connects transport to it.
// In virtual time net/http keeps every connection that can be kept; on a busy machine
// it drops one whose write has not returned within 50 ms.
func serveInProcess(t *testing.T, transport *http.Transport, handler http.HandlerFunc, state func(net.Conn, http.ConnState)) {
	t.Helper()
	listener := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: handler, ConnState: state}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	transport.DialContext = listener.dial
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		assert.NoError(t, server.Close())
		serving.Wait()
	})
}

// Not parallel: it counts goroutines. The bubble also reports a goroutine that
// never ends.
func TestNoLeaks(t *testing.T) {
	const callers, each = 40, 25
	goroutines := runtime.NumGoroutine()
	synctest.Test(t, func(t *testing.T) {
		kinds := []http.HandlerFunc{
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
		var kind, opened, closed atomic.Int64
		transport := &http.Transport{MaxIdleConnsPerHost: callers, IdleConnTimeout: 30 * time.Second}
		serveInProcess(t, transport, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			kinds[kind.Add(1)%int64(len(kinds))](w, r)
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
						api   *client.APIError
						bad   *client.ResponseError
						wires *client.TransportError
					)
					switch {
					case err == nil:
						outcomes[0].Add(1)
					case errors.As(err, &wires):
						outcomes[1].Add(1)
					case errors.As(err, &bad):
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
			assert.Positive(t, outcomes[kind].Load(), "calls with outcome %d", kind)
			sum += outcomes[kind].Load()
		}
		assert.Equal(t, int64(callers*each), sum)
		assert.LessOrEqual(t, opened.Load()-closed.Load(), int64(callers), "open connections")

		time.Sleep(31 * time.Second) // in virtual time, until idle connections are closed
		synctest.Wait()
		assert.Equal(t, opened.Load(), closed.Load(), "connections opened and closed")
	})
	assertGoroutines(t, goroutines)
}
