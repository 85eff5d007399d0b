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

// Faults in virtual time: what each attempt meets is a script.

// step is what one attempt meets.
type step func(*http.Request) (*http.Response, error)

// script is a transport of steps, the last of which goes on for ever.
type script struct {
	steps  []step
	mu     sync.Mutex
	met    int
	bodies []string // as they were read
}

func meets(steps ...step) *script { return &script{steps: steps} }

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	step := s.steps[min(s.met, len(s.steps)-1)]
	s.met++
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

// fails is an attempt that touches nothing of the request.
func fails(err error) step {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// failsAfterSending is an attempt that fails when the request has been sent.
func failsAfterSending(err error) step {
	return func(r *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		return nil, err
	}
}

// answers is an attempt with an answer; header is keys and values in turn.
func answers(status int, body string, header ...string) step {
	return func(r *http.Request) (*http.Response, error) {
		return response(r, status, strings.NewReader(body), header...), nil
	}
}

// hangs is an attempt whose answer never comes.
func hangs(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// takes is an attempt that takes some time.
func takes(d time.Duration, then step) step {
	return func(r *http.Request) (*http.Response, error) {
		time.Sleep(d) // of a bubble
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

// connecting is the error of a connection that could not be made.
func connecting(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }

var (
	errRefused = connecting(syscall.ECONNREFUSED)
	errReset   = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
)

// span is how long a call takes, bounds included.
type span struct{ min, max time.Duration }

func exactly(d time.Duration) span { return span{d, d} }

// hinted is the wait for a Retry-After.
func hinted(d time.Duration) span { return span{d, d + d/10} }

// backoffs is how long a call waits before its attempts when nothing says for how long.
func backoffs(attempts int) span {
	s := span{min: time.Duration(max(0, attempts-1))}
	for n := range s.min {
		s.max += 200 * time.Millisecond << n
	}
	return s
}

// fault is a row: what the attempts of a call meet, in virtual time.
type fault struct {
	name     string
	meets    []step
	want     outcome
	took     span          // zero: the backoffs
	deadline time.Duration // of the context; zero: none
	opts     []client.Option
}

// run runs the rows for both operations.
func run(t *testing.T, faults []fault) {
	t.Parallel()
	for _, f := range faults {
		for operation := range operations {
			t.Run(f.name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { f.run(t, operation) })
			})
		}
	}
}

func (f fault) run(t *testing.T, operation string) {
	ctx := t.Context()
	if f.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.deadline)
		defer cancel()
	}
	transport := meets(f.meets...)
	r := call(ctx, t, operation, through(t, transport, f.opts...))
	f.want(t, r)
	assert.Equal(t, r.response.Attempts, transport.met, "attempts that the transport saw")
	requireSameBodies(t, operation, transport.bodies)
	took := f.took
	if took == (span{}) {
		took = backoffs(r.response.Attempts)
	}
	requireTook(t, took, r.took)
}

func requireTook(t *testing.T, want span, got time.Duration) {
	t.Helper()
	assert.True(t, want.min <= got && got <= want.max, "took %s, want %s to %s", got, want.min, want.max)
}

// requireSameBodies says that whatever was sent of a request was sent whole.
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
