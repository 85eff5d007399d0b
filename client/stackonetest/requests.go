package stackonetest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Request is an API request as it arrived, and how it was answered.
type Request struct {
	ID     string    // the answer's X-Request-Id
	Time   time.Time // of arrival, by the server's clock
	Method string
	Path   string // without the query
	Query  url.Values
	Header http.Header // without Authorization and Proxy-Authorization
	Body   []byte      // raw, at most 1 MiB of it

	Answer Answer // zero until there is one, and after a reset
	Reason string // why the request was refused, or got no answer; else empty
}

// Answer is the server's answer to a request. The faults that cut or slow a body
// do not show here.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Format writes method and path and nothing else, whatever the verb: a body can
// hold a token.
func (r Request) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "%s %s", r.Method, r.Path) }

// Format writes the status and nothing else, whatever the verb.
func (a Answer) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.Status) }

func (r Request) clone() Request {
	r.Query = url.Values(http.Header(r.Query).Clone())
	r.Header, r.Body = r.Header.Clone(), bytes.Clone(r.Body)
	r.Answer.Header, r.Answer.Body = r.Answer.Header.Clone(), bytes.Clone(r.Answer.Body)
	return r
}

// journal is what arrived, and what should.
type journal struct {
	mu       sync.Mutex
	keep     int
	requests []*Request
	expected []string
	strict   bool // Expect was called
}

func (j *journal) add(r Request) *Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests = latest(append(j.requests, &r), j.keep)
	return &r
}

// answered adds the answer to a request, and returns the request.
func (j *journal) answered(r *Request, a answer, shared http.Header) Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	r.Answer, r.Reason = a.Answer, a.reason
	if a.Status != 0 {
		r.Answer.Header = shared.Clone()
		maps.Copy(r.Answer.Header, a.Header)
	}
	return *r
}

// latest drops the oldest of more than keep, unless that is 0.
func latest[T any](all []T, keep int) []T {
	if keep > 0 && len(all) > keep {
		return slices.Delete(all, 0, len(all)-keep)
	}
	return all
}

func (j *journal) reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests, j.expected, j.strict = nil, nil, false
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
// requests, [Server.Verify] wants the requests of the server's whole life, or
// those that [Keep] leaves, to be the expected ones, each as often as it was
// named, in any order. A repeated attempt counts as a request.
func (s *Server) Expect(requests ...string) {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.strict = true
	s.journal.expected = append(s.journal.expected, requests...)
}

// Verify says, in one error, how what happened differs from what the test
// scripted: requests that were not expected, expected requests that did not come,
// and injected faults that were used too seldom or make no sense. It is nil when
// nothing differs.
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
