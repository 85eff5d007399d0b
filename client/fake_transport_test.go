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

// step handles one attempt.
type step func(*http.Request) (*http.Response, error)

// fakeTransport handles each attempt with the next of its steps, and repeats the last.
type fakeTransport struct {
	steps    []step
	mu       sync.Mutex
	attempts int
	bodies   []string // the request body as far as each attempt read it
}

func (f *fakeTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	step := f.steps[min(f.attempts, len(f.steps)-1)]
	f.attempts++
	f.mu.Unlock()
	original := r.Body
	defer original.Close()
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bodyReader(func(p []byte) (int, error) {
		n, err := original.Read(p)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.bodies[len(f.bodies)-1] += string(p[:n])
		return n, err
	}))
	f.mu.Lock()
	f.bodies = append(f.bodies, "")
	f.mu.Unlock()
	return step(r)
}

func fake(steps ...step) *fakeTransport { return &fakeTransport{steps: steps} }

type bodyReader func([]byte) (int, error)

func (f bodyReader) Read(p []byte) (int, error) { return f(p) }

// fails returns err without reading the request body.
func fails(err error) step {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// failsAfterSending reads the whole request body and returns err.
func failsAfterSending(err error) step {
	return func(r *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		return nil, err
	}
}

// responds returns a response with a JSON body; header holds keys and values in turn.
func responds(status int, body string, header ...string) step {
	return func(r *http.Request) (*http.Response, error) {
		return response(r, status, strings.NewReader(body), header...), nil
	}
}

// respondsWith is responds with a wrapped body.
func respondsWith(status int, text string, wrap func(io.Reader) io.Reader) step {
	return func(r *http.Request) (*http.Response, error) {
		return response(r, status, wrap(strings.NewReader(text))), nil
	}
}

// hangs reads the request body and waits until the context ends.
func hangs(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// delayed handles the attempt with then, after d.
func delayed(d time.Duration, then step) step {
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

// truncated, broken and corrupt make the body of respondsWith fail at its end.
func truncated(r io.Reader) io.Reader {
	return io.MultiReader(r, iotest.ErrReader(io.ErrUnexpectedEOF))
}

func broken(r io.Reader) io.Reader { return io.MultiReader(r, iotest.ErrReader(errReset)) }

func corrupt(r io.Reader) io.Reader { return io.MultiReader(r, iotest.ErrReader(gzip.ErrChecksum)) }

// stalled is a body that returns some text and then blocks until it is closed.
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

// stalls responds with a body that blocks until it is closed, even after the context has
// ended.
func stalls(status int) step {
	return func(r *http.Request) (*http.Response, error) {
		res := response(r, status, nil)
		res.Body = &stalled{Reader: strings.NewReader(`{"message":"half`), closed: make(chan struct{})}
		return res, nil
	}
}

// dialError wraps err as net.Dialer does.
func dialError(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }

var (
	errRefused    = dialError(syscall.ECONNREFUSED)
	errNoSuchHost = dialError(&net.DNSError{Err: "no such host", Name: "api.stackone.com", IsNotFound: true})
	errReset      = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
)
