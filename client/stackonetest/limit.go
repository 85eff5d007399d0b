package stackonetest

import (
	"sync"
	"time"
)

// RateLimit is the number of requests a minute that StackOne documents for a key.
const RateLimit = 1000

// LimitRate makes the server answer 429, with a Retry-After in seconds, to every
// API request above so many in a minute, refused requests included. A minute
// begins with the first request after the one before it ended; [Server.Advance]
// can end it. A server has no limit until this is called, and 0 or less takes it
// away. Requests to which a fault gives a status do not count.
func (s *Server) LimitRate(perMinute int) {
	s.limiter.mu.Lock()
	defer s.limiter.mu.Unlock()
	s.limiter.perMinute, s.limiter.began = perMinute, time.Time{}
}

// RateLimit returns the limit that [Server.LimitRate] has set, and 0 when there is
// none.
func (s *Server) RateLimit() int {
	s.limiter.mu.Lock()
	defer s.limiter.mu.Unlock()
	return max(s.limiter.perMinute, 0)
}

type limiter struct {
	mu        sync.Mutex
	perMinute int
	count     int
	began     time.Time
}

// wait counts a request and returns 0 when it is within the limit, or else the
// time until the next minute.
func (l *limiter) wait(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.perMinute <= 0 {
		return 0
	}
	if age := now.Sub(l.began); age >= time.Minute || age < 0 {
		l.began, l.count = now, 0
	}
	if l.count >= l.perMinute {
		return l.began.Add(time.Minute).Sub(now)
	}
	l.count++
	return 0
}
