package stackonetest

import (
	"context"
	"log"
	"net"
	"net/http"
	"sync"
)

// running is a running HTTP server.
type running struct {
	closing context.Context // cancelled when the server is closed
	mu      sync.Mutex
	work    sync.WaitGroup // Add is called with mu held, and not after closing is done
}

// start serves until stop is called. stop closes all connections, and returns when no
// handler or delivery is running any more. net/http logs to errors, or to the standard
// logger if that is nil.
func (r *running) start(l net.Listener, handler http.Handler, errors *log.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	r.closing = ctx
	server := &http.Server{ //nolint:gosec // a test may send a header slowly
		ErrorLog: errors,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if !r.enter() {
				panic(http.ErrAbortHandler)
			}
			defer r.leave()
			handler.ServeHTTP(w, req)
		}),
	}
	r.work.Go(func() { _ = server.Serve(l) }) // returns when l is closed
	return sync.OnceFunc(func() {
		r.mu.Lock()
		cancel()
		r.mu.Unlock()
		l.Close() // server.Close does not close it before Serve has been called
		server.Close()
		r.work.Wait()
	})
}

// enter registers a handler or delivery. It returns false if the server is closing.
func (r *running) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing.Err() != nil {
		return false
	}
	r.work.Add(1)
	return true
}

// leave ends a handler or delivery.
func (r *running) leave() { r.work.Done() }
