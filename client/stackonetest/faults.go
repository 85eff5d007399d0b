package stackonetest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Fault is what goes wrong with a request. Its parts combine: a fault with a
// status, a Retry-After and a delay is a late answer with both. The zero Fault
// changes nothing.
type Fault struct {
	// When picks the requests that the fault is for; nil picks all. It can be
	// called from several goroutines at a time. For a reset before reading the
	// request has no body.
	When func(Request) bool

	// Times is how many requests the fault is for: 0 means one, and a negative
	// number all of them.
	Times int

	// Status is answered instead of serving the request, which then has no
	// effect. 0 serves it: the faults below then befall the usual answer.
	// Net/http can send 101 and 200 to 999.
	Status int

	// Header is set in the answer, which is labelled application/json otherwise. A
	// member with a nil value is removed from it.
	Header http.Header

	// Body is the answer's body, verbatim. Nil means the usual body, which with a
	// Status of 400 or more is the documented error body and with another one is
	// empty.
	Body []byte

	// RetryAfter is sent as the header Retry-After, in whole seconds, rounded up.
	// Anything else that the header can hold goes into Header.
	RetryAfter time.Duration

	// Delay passes between the request's taking effect and the answer.
	Delay time.Duration

	// SlowBody is how long the body takes to arrive, in at most ten pieces.
	SlowBody time.Duration

	// CutBody closes the connection after half of the announced body.
	CutBody bool

	// Reset resets the connection instead of answering.
	Reset Reset
}

// Reset is when a connection is reset. In memory, where there is no reset, it is
// closed.
type Reset int

const (
	// ResetBeforeReading leaves the body unread: the request has no effect.
	ResetBeforeReading Reset = iota + 1

	// ResetAfterReading serves the request, whose effect stays, and withholds the
	// answer, after Delay.
	ResetAfterReading
)

// ProxyError is the fault of a proxy in front of the service: status, with an
// HTML page as the body.
func ProxyError(status int) Fault {
	text := http.StatusText(status)
	return Fault{
		Status: status,
		Header: http.Header{"Content-Type": {"text/html"}},
		Body: fmt.Appendf(nil, "<html>\r\n<head><title>%[1]d %[2]s</title></head>\r\n<body>\r\n"+
			"<center><h1>%[1]d %[2]s</h1></center>\r\n<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n", status, text),
	}
}

// Inject scripts faults. Each API request takes the first one that is for it and
// not used up; injected without When and Times, they befall the next requests,
// one each. A fault that cannot be sent is left out, and [Server.Verify] says so.
func (s *Server) Inject(faults ...Fault) {
	s.script.mu.Lock()
	defer s.script.mu.Unlock()
	for _, f := range faults {
		if f.Status != 0 && f.Status != http.StatusSwitchingProtocols && (f.Status < 200 || f.Status > 999) {
			s.script.errs = append(s.script.errs, fmt.Errorf("stackonetest: status %d cannot be sent", f.Status))
			continue
		}
		if f.Times == 0 {
			f.Times = 1
		}
		f.Header, f.Body = f.Header.Clone(), bytes.Clone(f.Body)
		s.script.faults = append(s.script.faults, &scripted{Fault: f})
	}
}

// script is the injected faults, used ones included.
type script struct {
	mu     sync.Mutex
	faults []*scripted // grows only
	errs   []error
}

type scripted struct {
	Fault
	taken atomic.Int64 // can pass Times: also counts who came too late
}

func (f *scripted) spent() bool { return f.Times >= 0 && f.taken.Load() >= int64(f.Times) }

func (f *scripted) take() bool { return f.taken.Add(1) <= int64(f.Times) || f.Times < 0 }

// take returns the fault for a request, and the zero fault when there is none.
// read returns the request with its body.
func (s *script) take(r Request, read func() Request) Fault {
	s.mu.Lock()
	faults := s.faults
	s.mu.Unlock()
	for _, f := range faults {
		if f.spent() {
			continue
		}
		if f.When != nil {
			seen := r
			if f.Reset != ResetBeforeReading {
				seen = read()
			}
			if !f.When(seen.clone()) {
				continue
			}
		}
		if f.take() {
			return f.Fault
		}
	}
	return Fault{}
}

func (s *script) verify() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := slices.Clone(s.errs)
	for i, f := range s.faults {
		taken, times := int(f.taken.Load()), max(f.Times, 1)
		if taken < times {
			errs = append(errs, fmt.Errorf("stackonetest: injected fault %d was used %d of %d times", i+1, taken, times))
		}
	}
	return errors.Join(errs...)
}
