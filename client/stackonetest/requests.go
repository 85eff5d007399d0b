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

// Request is an API request as it arrived, and the server's response to it.
type Request struct {
	ID     string    // X-Request-Id of the response
	Time   time.Time // of arrival, by the server's clock
	Method string
	Path   string // without the query
	Query  url.Values
	Header http.Header // without Authorization and Proxy-Authorization
	Body   []byte      // at most 1 MiB

	Response Response // zero until the server has responded, and after a reset
	Reason   string   // why the request was rejected or got no response; otherwise empty
}

// Response is the server's response to a request. It does not show whether a fault cut or
// slowed the body.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Format writes only the method and the path, whatever the verb, because a body may
// contain a token.
func (r Request) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "%s %s", r.Method, r.Path) }

// Format writes only the status, whatever the verb.
func (r Response) Format(f fmt.State, _ rune) { fmt.Fprint(f, r.Status) }

func (r Request) clone() Request {
	r.Query = url.Values(http.Header(r.Query).Clone())
	r.Header, r.Body = r.Header.Clone(), bytes.Clone(r.Body)
	r.Response.Header, r.Response.Body = r.Response.Header.Clone(), bytes.Clone(r.Response.Body)
	return r
}

// journal records requests and the requests that the test expects.
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

// setResponse adds the response to a request, and returns the request.
func (j *journal) setResponse(r *Request, a response, shared http.Header) Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	r.Response, r.Reason = a.Response, a.reason
	if a.Status != 0 {
		r.Response.Header = shared.Clone()
		maps.Copy(r.Response.Header, a.Header)
	}
	return *r
}

// latest returns the last keep elements, or all if keep is 0.
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

// Requests returns the API requests in the order of arrival, including rejected ones.
// It does not include requests for auth links.
func (s *Server) Requests() []Request {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	requests := make([]Request, len(s.journal.requests))
	for i, r := range s.journal.requests {
		requests[i] = r.clone()
	}
	return requests
}

// Expect declares API requests that the test expects, written as method and path:
// "POST /connect_sessions". After the first call, even one without requests,
// [Server.Verify] fails unless the recorded requests are exactly the expected ones, in
// any order. A request that is expected n times must be passed n times. Requests sent
// before the call count as well, and so do retries; with [Keep], only the recorded
// requests count.
func (s *Server) Expect(requests ...string) {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.strict = true
	s.journal.expected = append(s.journal.expected, requests...)
}

// Verify returns an error that lists unexpected requests, expected requests that did
// not arrive, and injected faults that are invalid or were triggered less often than
// their Times, or never if Times is negative. It returns nil if there are none.
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
		errs = append(errs, fmt.Errorf("stackonetest: expected request %q did not arrive", want))
	}
	return errors.Join(errs...)
}
