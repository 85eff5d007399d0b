package stackonetest

import (
	"context"
	"log"
	"net"
	"net/http"
	"sync"
)

// running is the HTTP server at work.
type running struct {
	closing context.Context // done as soon as the server is closed
	mu      sync.Mutex
	work    sync.WaitGroup // grows under mu, and not once closing is done
}

// start serves until the function that it returns is called. That function closes
// every connection, and returns when no handler or delivery runs any more. What
// net/http has to say goes to errors, or to the standard logger if that is nil.
func (r *running) start(l net.Listener, handler http.Handler, errors *log.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	r.closing = ctx
	server := &http.Server{ //nolint:gosec // a test may be slow to send a header
		ErrorLog: errors,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if !r.enter() {
				panic(http.ErrAbortHandler)
			}
			defer r.leave()
			handler.ServeHTTP(w, req)
		}),
	}
	r.work.Go(func() { _ = server.Serve(l) }) // ends when l is closed
	return sync.OnceFunc(func() {
		r.mu.Lock()
		cancel()
		r.mu.Unlock()
		l.Close() // the server closes it too, unless it has not begun to serve
		server.Close()
		r.work.Wait()
	})
}

// enter begins a piece of work, unless the server is closing.
func (r *running) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing.Err() != nil {
		return false
	}
	r.work.Add(1)
	return true
}

// leave ends it.
func (r *running) leave() { r.work.Done() }
