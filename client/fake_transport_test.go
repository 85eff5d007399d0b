package client_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing/iotest"
	"time"
)

// step is what happens to one attempt.
type step func(*http.Request) (*http.Response, error)

// script is a transport that takes one step an attempt, and repeats the last.
type script struct {
	steps    []step
	mu       sync.Mutex
	attempts int
	bodies   []string // what each attempt read of the request's body
}

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

func scripted(steps ...step) *script { return &script{steps: steps} }

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

// responds is a script in which every attempt gets the same response.
func responds(status int, body string, header ...string) []step {
	return []step{answers(status, body, header...)}
}

// reads is responds with a body whose reader is changed.
func reads(status int, text string, change func(io.Reader) io.Reader) []step {
	return []step{func(r *http.Request) (*http.Response, error) {
		return response(r, status, change(strings.NewReader(text))), nil
	}}
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

func truncated(r io.Reader) io.Reader {
	return io.MultiReader(r, iotest.ErrReader(io.ErrUnexpectedEOF))
}

func broken(r io.Reader) io.Reader { return io.MultiReader(r, iotest.ErrReader(errReset)) }

func corrupt(r io.Reader) io.Reader { return io.MultiReader(r, iotest.ErrReader(gzip.ErrChecksum)) }

// stalled is a body that yields some text and then blocks until it is closed.
type stalled struct {
	io.Reader
	closed chan struct{}
	once   sync.Once
}

func (s *stalled) Read(p []byte) (int, error) {
	if n, _ := s.Reader.Read(p); n > 0 {
		return n, nil
	}
	<-s.closed
	return 0, errors.New("read after close")
}

func (s *stalled) Close() error { s.once.Do(func() { close(s.closed) }); return nil }

// stalls responds with a body that never ends, even when the context does.
func stalls(status int) step {
	return func(r *http.Request) (*http.Response, error) {
		res := response(r, status, nil)
		res.Body = &stalled{Reader: strings.NewReader(`{"message":"half`), closed: make(chan struct{})}
		return res, nil
	}
}

// connecting returns err as the error of dialling.
func connecting(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }

var (
	errRefused = connecting(syscall.ECONNREFUSED)
	noSuchHost = connecting(&net.DNSError{Err: "no such host", Name: "api.stackone.com", IsNotFound: true})
	errReset   = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
)
