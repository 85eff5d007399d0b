package stackonetest

import (
	"sync"
	"time"
)

// RateLimit is StackOne's documented limit of requests a minute for each key.
const RateLimit = 1000

// LimitRate limits the API requests a minute, including rejected ones. Requests above
// the limit get 429 with a Retry-After in seconds. A minute begins with the first
// request after the previous minute; [Server.Advance] can end it. Requests for which a
// fault sets a status do not count. By default there is no limit; 0 or less removes it.
func (s *Server) LimitRate(perMinute int) {
	s.limiter.mu.Lock()
	defer s.limiter.mu.Unlock()
	s.limiter.perMinute, s.limiter.began = perMinute, time.Time{}
}

// RateLimit returns the limit set by [Server.LimitRate], or 0 if there is none.
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

// wait counts a request. It returns 0 if the request is within the limit, and otherwise
// the time until the next minute.
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
