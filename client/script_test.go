package client_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// A scripted transport, for calls in virtual time.

// step is what happens to one attempt.
type step func(*http.Request) (*http.Response, error)

// script is a transport that takes one step an attempt, and repeats the last.
type script struct {
	steps    []step
	mu       sync.Mutex
	attempts int
	bodies   []string // what each attempt read of the request's body
}

func scripted(steps ...step) *script { return &script{steps: steps} }

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	step := s.steps[min(s.attempts, len(s.steps)-1)]
	s.attempts++
	s.mu.Unlock()
	original := r.Body
	defer original.Close()
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bodyReader(func(p []byte) (int, error) {
		n, err := original.Read(p)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.bodies[len(s.bodies)-1] += string(p[:n])
		return n, err
	}))
	s.mu.Lock()
	s.bodies = append(s.bodies, "")
	s.mu.Unlock()
	return step(r)
}

type bodyReader func([]byte) (int, error)

func (f bodyReader) Read(p []byte) (int, error) { return f(p) }

// fails returns err without reading the request's body.
func fails(err error) step {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// failsAfterSending reads the whole request and returns err.
func failsAfterSending(err error) step {
	return func(r *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		return nil, err
	}
}

// answers responds; header holds keys and values in turn.
func answers(status int, body string, header ...string) step {
	return func(r *http.Request) (*http.Response, error) {
		return response(r, status, strings.NewReader(body), header...), nil
	}
}

// hangs reads the request and waits until the context ends.
func hangs(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// takes waits before the next step.
func takes(d time.Duration, then step) step {
	return func(r *http.Request) (*http.Response, error) {
		time.Sleep(d) // in virtual time
		return then(r)
	}
}

func response(r *http.Request, status int, body io.Reader, header ...string) *http.Response {
	_, _ = io.Copy(io.Discard, r.Body)
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Content-Type" {
			h.Del(header[i])
		}
		h.Add(header[i], header[i+1])
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(body), ContentLength: -1, Request: r,
	}
}

// connecting returns err as the error of dialling.
func connecting(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }

var (
	errRefused = connecting(syscall.ECONNREFUSED)
	noSuchHost = connecting(&net.DNSError{Err: "no such host", Name: "api.stackone.com", IsNotFound: true})
	errReset   = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
)

// span is the shortest and the longest time that a call may take.
type span struct{ min, max time.Duration }

func exactly(d time.Duration) span { return span{d, d} }

// hinted is the wait for a Retry-After: up to 10 % of jitter is added.
func hinted(d time.Duration) span { return span{d, d + d/10} }

// backoffs is the sum of the waits between the attempts when there is no Retry-After.
func backoffs(attempts int) span {
	s := span{min: time.Duration(max(0, attempts-1))}
	for n := range s.min {
		s.max += 200 * time.Millisecond << n
	}
	return s
}

// scenario is a call in virtual time: what happens to its attempts, and how it ends.
type scenario struct {
	name     string
	steps    []step
	want     outcome
	took     span          // zero: the backoffs
	deadline time.Duration // of the context; zero: none
	opts     []client.Option
}

// run runs each scenario with Create and with Authenticate.
func run(t *testing.T, scenarios []scenario) {
	t.Parallel()
	for _, s := range scenarios {
		for operation := range operations {
			t.Run(s.name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { s.run(t, operation) })
			})
		}
	}
}

func (s scenario) run(t *testing.T, operation string) {
	ctx := t.Context()
	if s.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.deadline)
		defer cancel()
	}
	transport := scripted(s.steps...)
	r := call(ctx, t, operation, through(t, transport, s.opts...))
	s.want(t, r)
	assert.Equal(t, r.response.Attempts, transport.attempts, "attempts that the transport saw")
	requireSameBodies(t, operation, transport.bodies)
	took := s.took
	if took == (span{}) {
		took = backoffs(r.response.Attempts)
	}
	requireTook(t, took, r.took)
}

func requireTook(t *testing.T, want span, got time.Duration) {
	t.Helper()
	assert.True(t, want.min <= got && got <= want.max, "took %s, want %s to %s", got, want.min, want.max)
}

// requireSameBodies requires that each attempt read all of the body or nothing.
func requireSameBodies(t *testing.T, operation string, bodies []string) {
	t.Helper()
	for _, body := range bodies {
		if operation == opCreate && body != "" {
			assert.Equal(t, `{"origin_owner_id":"customer-1","origin_owner_name":"Customer One"}`, body)
		} else if body != "" {
			assert.Equal(t, `{"token":"token-1"}`, body)
		}
	}
}
