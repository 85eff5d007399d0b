//go:build linux

package main

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"
)

// act is what the service does with a request to create a session.
type act int

const (
	create act = iota // create a session, and respond with 201
	abort             // create, and close the connection without a response
	cut               // create, and close the connection in the middle of the response
	fail              // create, and respond with 503
	drop              // close the connection without creating anything
	refuse            // respond with 429 without creating anything
)

// truth is what the service did for a call.
type truth struct{ arrived, refused, sessions int }

// service replaces StackOne. It records what it did for each call, by its
// origin_owner_id.
type service struct {
	http.Server
	port int
	acts []act // chosen at random

	mu    sync.Mutex
	calls map[string]truth
}

// serve starts a service on a free port, with or without TLS.
func serve(t trouble, tls bool, dir string) (*service, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &service{port: l.Addr().(*net.TCPAddr).Port, acts: t.acts, calls: map[string]truth{}}
	s.Handler, s.IdleTimeout = s, t.idle
	if pem := filepath.Join(dir, "server.pem"); tls {
		go func() { _ = s.ServeTLS(l, pem, pem) }()
	} else {
		go func() { _ = s.Serve(l) }()
	}
	return s, nil
}

// end closes the service after it has completed the requests in progress.
func (s *service) end() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.Shutdown(ctx)
	_ = s.Close()
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost { // a probe
		return
	}
	var request struct {
		Owner string `json:"origin_owner_id"`
	}
	if json.NewDecoder(r.Body).Decode(&request) != nil {
		panic(http.ErrAbortHandler) // the request is incomplete
	}
	time.Sleep(rand.N(4 * time.Millisecond))
	act := s.acts[rand.IntN(len(s.acts))]
	s.mu.Lock()
	t := s.calls[request.Owner]
	t.arrived++
	switch act {
	case refuse:
		t.refused++
	case create, abort, cut, fail:
		t.sessions++
	}
	s.calls[request.Owner] = t
	s.mu.Unlock()
	time.Sleep(rand.N(4 * time.Millisecond))

	const session = `{"id":1,"organization_id":"o","project_id":"p","origin_owner_id":"a","origin_owner_name":"A",` +
		`"created_at":"2026-01-02T03:04:05.000Z","token":"t","auth_link_url":"https://hub.example/t"}`
	w.Header().Set("Content-Type", "application/json")
	switch act {
	case create:
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, session)
	case cut:
		w.Header().Set("Content-Length", "300")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, session[:100])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case fail:
		w.WriteHeader(http.StatusServiceUnavailable)
	case refuse:
		w.WriteHeader(http.StatusTooManyRequests)
	case abort, drop:
		panic(http.ErrAbortHandler)
	}
}

// of returns what the service did for the owner's call.
func (s *service) of(owner string) truth {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[owner]
}
