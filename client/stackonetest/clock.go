package stackonetest

import (
	"sync/atomic"
	"time"
)

// clock is the system's clock, moved by an offset.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// Advance moves the server's clock by d, back when d is negative. Tokens expire,
// sessions are stamped and the rate limit counts by this clock; delays of
// injected faults do not.
func (s *Server) Advance(d time.Duration) { s.clock.offset.Add(int64(d)) }

// stamp writes a time as the service does: UTC, with milliseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
