package stackonetest

import (
	"crypto/rand"
	"strconv"
	"sync/atomic"
	"time"
)

// clock is the system's clock or a fixed time, plus an offset.
type clock struct {
	fixed  time.Time // zero: the system's time
	offset atomic.Int64
}

func (c *clock) now() time.Time {
	now := c.fixed
	if now.IsZero() {
		now = time.Now()
	}
	return now.Add(time.Duration(c.offset.Load()))
}

// Now returns the time of the server's clock.
func (s *Server) Now() time.Time { return s.clock.now() }

// Advance moves the server's clock by d, which may be negative. The clock determines
// when tokens expire, the timestamps of sessions, and the minutes of the rate limit. It
// does not affect the delays of injected faults.
func (s *Server) Advance(d time.Duration) { s.clock.offset.Add(int64(d)) }

// stamp formats a time as StackOne does: in UTC, with milliseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// names generates tokens and request IDs.
type names struct {
	fixed    bool // tokens are numbered instead of random
	tokens   atomic.Int64
	requests atomic.Int64
}

// request returns the next request ID: "request-1" and so on.
func (n *names) request() string { return "request-" + strconv.FormatInt(n.requests.Add(1), 10) }

// token returns a random token, or "token-1" and so on with the option Fixed.
func (n *names) token() string {
	if !n.fixed {
		return rand.Text() + rand.Text()
	}
	return "token-" + strconv.FormatInt(n.tokens.Add(1), 10)
}

func (n *names) reset() {
	n.tokens.Store(0)
	n.requests.Store(0)
}
