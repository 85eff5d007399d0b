package stackonetest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
)

// Request is an API request as it arrived.
type Request struct {
	Method string
	Path   string      // without the query
	Header http.Header // without Authorization and Proxy-Authorization
	Body   []byte      // raw, at most 1 MiB of it
}

// Format writes method and path and nothing else, whatever the verb: a body can
// hold a token.
func (r Request) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "%s %s", r.Method, r.Path) }

func (r Request) clone() Request {
	r.Header, r.Body = r.Header.Clone(), bytes.Clone(r.Body)
	return r
}

// journal is what arrived, and what should.
type journal struct {
	mu       sync.Mutex
	requests []Request
	expected []string
	strict   bool // Expect was called
}

func (j *journal) add(r Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests = append(j.requests, r)
}

// Requests returns the API requests in the order in which they arrived, refused
// ones included. What a browser sends to an auth link is not among them.
func (s *Server) Requests() []Request {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	requests := make([]Request, len(s.journal.requests))
	for i, r := range s.journal.requests {
		requests[i] = r.clone()
	}
	return requests
}

// Expect adds requests to those that the test expects, written as method and
// path: "POST /connect_sessions". Once it has been called, with or without
// requests, [Server.Verify] wants the requests of the server's whole life to be
// the expected ones, each as often as it was named, in any order. A repeated
// attempt counts as a request.
func (s *Server) Expect(requests ...string) {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.strict = true
	s.journal.expected = append(s.journal.expected, requests...)
}

// Verify says, in one error, how what happened differs from what the test
// scripted: requests that were not expected, expected requests that did not come,
// and injected faults that were used too seldom. It is nil when nothing differs.
func (s *Server) Verify() error {
	return errors.Join(s.journal.verify(), s.script.verify())
}

func (j *journal) verify() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.strict {
		return nil
	}
	var errs []error
	missing := slices.Clone(j.expected)
	for _, r := range j.requests {
		got := r.Method + " " + r.Path
		if i := slices.Index(missing, got); i >= 0 {
			missing = slices.Delete(missing, i, i+1)
			continue
		}
		errs = append(errs, fmt.Errorf("stackonetest: request %q was not expected", got))
	}
	for _, want := range missing {
		errs = append(errs, fmt.Errorf("stackonetest: expected request %q did not come", want))
	}
	return errors.Join(errs...)
}
