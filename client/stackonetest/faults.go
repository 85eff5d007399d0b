package stackonetest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Fault is what goes wrong with a request. Its parts combine: a fault with a
// status, a Retry-After and a delay is a late answer with both. At least one part
// has to change what the client sees: the zero Fault is refused.
type Fault struct {
	// Path picks the requests with this path, such as /connect_sessions; empty picks
	// all.
	Path string

	// When picks among the requests with Path; nil picks all of them. It can be
	// called from several goroutines at a time. For a reset before reading the
	// request has no body.
	When func(Request) bool

	// Times is how many requests the fault is for: 0 means one, and a negative
	// number all of them.
	Times int

	// Status is answered instead of serving the request, which then has no
	// effect unless Processed is set. 0 serves it: the faults below then befall the
	// usual answer. Net/http can send 101 and 200 to 999.
	Status int

	// Processed serves the request before Status is answered, so that its effect
	// stays: a proxy's 502 to a session that was created.
	Processed bool

	// Header is set in the answer, which is labelled application/json otherwise. A
	// member with a nil value is removed from it.
	Header http.Header

	// Body is the answer's body, verbatim. Nil means the usual body, which with a
	// Status of 400 or more is the documented error body and with another one is
	// empty.
	Body []byte

	// RetryAfter is sent as the header Retry-After, in whole seconds, rounded up; 0
	// sends 1 second with a Status of 429 or 408 and none otherwise. Header has
	// precedence: it can hold anything else, or nil for no Retry-After.
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
// closed; over HTTP/2 the request's stream is reset.
type Reset int

const (
	// ResetBeforeReading leaves the body unread: the request has no effect.
	ResetBeforeReading Reset = iota + 1

	// ResetAfterReading serves the request, whose effect stays, and withholds the
	// answer, after Delay. With a Status the request has no effect, as usual.
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

// Check returns an error for a fault that changes nothing, that cannot be sent, or
// with a part that another one makes meaningless, such as the body of an answer
// that a reset withholds.
func (f Fault) Check() error {
	var errs []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("stackonetest: "+format, args...))
		}
	}
	refuse(f.Status == 0 && len(f.Header) == 0 && f.Body == nil && f.RetryAfter == 0 && f.Delay == 0 && f.SlowBody == 0 &&
		!f.CutBody && f.Reset == 0 && !f.Processed, "the fault changes nothing: set a status, a header, a body, a delay or a reset")
	refuse(f.Path != "" && f.Path[0] != '/', "the path %q does not begin with a slash", f.Path)
	refuse(f.Status != 0 && f.Status != http.StatusSwitchingProtocols && (f.Status < 200 || f.Status > 999),
		"status %d cannot be sent", f.Status)
	bodiless := f.Status == http.StatusSwitchingProtocols || f.Status == http.StatusNoContent || f.Status == http.StatusNotModified
	refuse(bodiless && (len(f.Body) > 0 || f.CutBody || f.SlowBody > 0), "an answer with status %d has no body", f.Status)
	refuse(f.Processed && f.Status == 0, "Processed is for a fault with a Status")
	refuse(f.Reset < 0 || f.Reset > ResetAfterReading, "no reset is numbered %d", f.Reset)
	refuse(f.Reset != 0 && (f.Header != nil || f.Body != nil || f.RetryAfter > 0 || f.SlowBody > 0 || f.CutBody),
		"a reset withholds the answer that the fault describes")
	refuse(f.Reset == ResetBeforeReading && (f.Status != 0 || f.Delay > 0),
		"a reset before reading has neither Status nor Delay")
	refuse(f.RetryAfter < 0 || f.Delay < 0 || f.SlowBody < 0, "RetryAfter, Delay and SlowBody are not negative")
	return errors.Join(errs...)
}

// Inject scripts faults. Each API request takes the first one that is for it and
// not used up; injected without Path, When and Times, they befall the next requests,
// one each. A fault that [Fault.Check] refuses is left out, and [Server.Verify]
// says so. Calling remove takes the faults away, used or not: the way to end one
// that is for all requests. Verify does not miss what was taken away.
func (s *Server) Inject(faults ...Fault) (remove func()) {
	var injected []*scripted
	for _, f := range faults {
		if f.Times == 0 {
			f.Times = 1
		}
		f.Header, f.Body = f.Header.Clone(), bytes.Clone(f.Body)
		injected = append(injected, &scripted{Fault: f, err: f.Check()})
	}
	s.script.add(injected)
	return func() {
		s.script.remove(func(f *scripted) bool { return slices.Contains(injected, f) })
	}
}

// Faults returns the injected faults that are not used up, in the order in which
// requests take them. Times is how many requests each is still for, and negative
// for all.
func (s *Server) Faults() []Fault { return s.script.pending() }

// ClearFaults takes all injected faults away.
func (s *Server) ClearFaults() { s.script.remove(func(*scripted) bool { return true }) }
