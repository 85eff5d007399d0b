package stackonetest

import (
	"crypto/rand"
	"strconv"
	"sync/atomic"
	"time"
)

// clock is the system's clock, or one that stands still, moved by an offset.
type clock struct {
	fixed  time.Time // zero: the system's
	offset atomic.Int64
}

func (c *clock) now() time.Time {
	now := c.fixed
	if now.IsZero() {
		now = time.Now()
	}
	return now.Add(time.Duration(c.offset.Load()))
}

// Now is the time by the server's clock.
func (s *Server) Now() time.Time { return s.clock.now() }

// Advance moves the server's clock by d, back when d is negative. Tokens expire,
// sessions are stamped and the rate limit counts by this clock; delays of
// injected faults do not.
func (s *Server) Advance(d time.Duration) { s.clock.offset.Add(int64(d)) }

// stamp writes a time as the service does: UTC, with milliseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// names makes tokens and request ids.
type names struct {
	fixed    bool // tokens are numbered instead of random
	tokens   atomic.Int64
	requests atomic.Int64
}

// request returns the id of the next request: "request-1" and so on.
func (n *names) request() string { return "request-" + strconv.FormatInt(n.requests.Add(1), 10) }

// token returns a text that nobody guesses, or else "token-1" and so on.
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
