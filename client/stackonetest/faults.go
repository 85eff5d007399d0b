package stackonetest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Fault describes how the server misbehaves for a request. Its fields combine: with
// Status, RetryAfter and Delay, the response is late and has both. The zero Fault is
// invalid, because it changes nothing.
type Fault struct {
	// Path selects requests by their path, such as /connect_sessions. Empty selects
	// all.
	Path string

	// When selects among the requests with Path; nil selects all of them. It may be
	// called from several goroutines at the same time. With ResetBeforeReading, the
	// request has no body.
	When func(Request) bool

	// Times is the number of requests that the fault affects: 0 means one, and a
	// negative number means all.
	Times int

	// Status is the status of the response. The request is not processed unless
	// Processed is set. 0 means that the request is processed, and the other fields
	// modify the regular response. Valid statuses are 101 and 200 to 999.
	Status int

	// Processed makes the server process the request before it responds with Status,
	// like a proxy that responds with 502 after the session was created.
	Processed bool

	// Header is added to the header of the response, and replaces fields of the same
	// name. A nil value removes the field. Without it, Content-Type is
	// application/json.
	Header http.Header

	// Body is the body of the response. Nil means the regular body: the documented
	// error body if Status is 400 or more, and an empty body for any other Status.
	Body []byte

	// RetryAfter is sent as the Retry-After header, in whole seconds, rounded up. 0
	// means 1 second if Status is 429 or 408, and no Retry-After otherwise. A
	// Retry-After in Header takes precedence; nil there removes it.
	RetryAfter time.Duration

	// Delay is the time between the processing of the request and the response.
	Delay time.Duration

	// SlowBody is the time that the body takes to arrive, in at most ten pieces.
	SlowBody time.Duration

	// CutBody closes the connection after half of the body.
	CutBody bool

	// Reset resets the connection instead of sending a response.
	Reset Reset
}

// Reset says when a connection is reset. With [InMemory] it is closed instead; over
// HTTP/2 the stream of the request is reset.
type Reset int

const (
	// ResetBeforeReading resets without reading the body. The request is not
	// processed.
	ResetBeforeReading Reset = iota + 1

	// ResetAfterReading processes the request, and resets instead of sending the
	// response, after Delay. If Status is set, the request is not processed.
	ResetAfterReading
)

// ProxyError returns the fault of a proxy in front of StackOne: a status with an HTML
// page as the body.
func ProxyError(status int) Fault {
	text := http.StatusText(status)
	return Fault{
		Status: status,
		Header: http.Header{"Content-Type": {"text/html"}},
		Body: fmt.Appendf(nil, "<html>\r\n<head><title>%[1]d %[2]s</title></head>\r\n<body>\r\n"+
			"<center><h1>%[1]d %[2]s</h1></center>\r\n<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n", status, text),
	}
}

// Check returns an error if the fault changes nothing, has invalid values, or has fields
// that exclude each other, such as a body with a reset.
func (f Fault) Check() error {
	var errs []error
	check := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("stackonetest: "+format, args...))
		}
	}
	check(f.Status == 0 && len(f.Header) == 0 && f.Body == nil && f.RetryAfter == 0 && f.Delay == 0 &&
		f.SlowBody == 0 && !f.CutBody && f.Reset == 0 && !f.Processed,
		"the fault changes nothing: set a status, a header, a body, a delay or a reset")
	check(f.Path != "" && f.Path[0] != '/', "path %q does not begin with a slash", f.Path)
	check(f.Status != 0 && f.Status != http.StatusSwitchingProtocols && (f.Status < 200 || f.Status > 999),
		"status %d cannot be sent", f.Status)
	bodiless := slices.Contains([]int{http.StatusSwitchingProtocols, http.StatusNoContent, http.StatusNotModified}, f.Status)
	check(bodiless && (len(f.Body) > 0 || f.CutBody || f.SlowBody > 0), "a response with status %d has no body", f.Status)
	check(f.Processed && f.Status == 0, "Processed requires a Status")
	check(f.Reset < 0 || f.Reset > ResetAfterReading, "invalid Reset %d", f.Reset)
	check(f.Reset != 0 && (f.Header != nil || f.Body != nil || f.RetryAfter > 0 || f.SlowBody > 0 || f.CutBody),
		"a fault with Reset sends no response, so it cannot change the response")
	check(f.Reset == ResetBeforeReading && (f.Status != 0 || f.Delay > 0),
		"ResetBeforeReading excludes Status and Delay")
	check(f.RetryAfter < 0 || f.Delay < 0 || f.SlowBody < 0, "RetryAfter, Delay and SlowBody must not be negative")
	return errors.Join(errs...)
}

// Inject adds faults. Each API request triggers the first fault that selects it and has
// not been triggered Times times. Faults without Path, When and Times therefore affect
// the next requests, one each. Invalid faults are ignored, and [Server.Verify] returns
// the error of [Fault.Check] for them.
//
// The returned function removes the faults, for example those that affect all requests.
// Verify does not report removed faults.
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

// Faults returns the injected faults that can still be triggered, in the order in which
// they are tried. Times is the remaining number of requests, negative for all.
func (s *Server) Faults() []Fault { return s.script.pending() }

// ClearFaults removes all injected faults.
func (s *Server) ClearFaults() { s.script.remove(func(*scripted) bool { return true }) }
