package client

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// RetryPolicy says how often a call is repeated and how long it waits. The zero
// value is the default policy. What is repeated at all is decided by what is safe:
// the package documentation has the table. A negative value is an error.
//
// Beside the policy, a client has a budget for retries, so that an outage is not
// made worse: 10 retries, of which each success gives 0.1 back; there is none when
// less than one is left.
type RetryPolicy struct {
	// MaxAttempts is how often a call is sent at most, the first time included.
	// 0 is the default, 3; 1 is never to retry.
	MaxAttempts int

	// MinBackoff and MaxBackoff bound the wait before a retry that the service
	// gave no Retry-After for: it is random between 0 and MinBackoff before the
	// first retry, and the upper end doubles with each up to MaxBackoff, which counts
	// where it is the smaller from the start: set it too for a MinBackoff above its
	// default. 0 is the default, 200 ms and 5 s.
	MinBackoff time.Duration
	MaxBackoff time.Duration

	// MaxRetryAfter is the longest Retry-After that is waited for; a call that is
	// told a longer one fails at once, with an *APIError that says it. 0 is the
	// default, 60 s.
	MaxRetryAfter time.Duration

	// RetryAmbiguous repeats also those calls that may have created a session:
	// after a 500, 502, 503 or 504, and when a connection broke in use. A session
	// too many is harmless to the customer and ends by itself.
	RetryAmbiguous bool
}

func (p RetryPolicy) check() error {
	if p.MaxAttempts < 0 || p.MinBackoff < 0 || p.MaxBackoff < 0 || p.MaxRetryAfter < 0 {
		return errors.New("the retry policy has a negative value")
	}
	return nil
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	or := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	if p.MaxAttempts == 0 {
		p.MaxAttempts = 3
	}
	or(&p.MinBackoff, 200*time.Millisecond)
	or(&p.MaxBackoff, 5*time.Second)
	or(&p.MaxRetryAfter, 60*time.Second)
	return p
}

// outcome is what is known of an attempt when it is over.
type outcome struct {
	status int   // of the answer; 0 when none came
	err    error // why none came, or why its body could not be read
	unsent bool  // proven: the request never left
	final  bool  // the caller's own code gave up
}

// worthRepeating is the whole decision whether an attempt may be followed by
// another. repeatable says that the operation may run twice.
func worthRepeating(o outcome, repeatable bool) bool {
	switch {
	case o.final:
		return false
	case o.unsent:
		return passing(o.err)
	case o.status == 0:
		return repeatable
	}
	switch o.status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return repeatable
	}
	return false
}

// passing reports whether the cause that kept a request from being sent may go
// away by itself. A certificate or a name that does not exist will not.
func passing(err error) bool {
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) {
		return dns.IsTimeout || dns.IsTemporary
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return true
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		switch op.Op {
		case opProxyConnect, opSOCKSConnect:
			return passing(op.Err)
		case opDial:
			addr, network := (*net.AddrError)(nil), net.UnknownNetworkError("")
			return !errors.As(err, &addr) && !errors.As(err, &network)
		}
	}
	// A peer that hung up during the handshake.
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// wait returns how long to wait before the next attempt, after n attempts and
// for the answer's Retry-After (0: none), and whether that is within the policy
// and ends before the time that remains.
func (p RetryPolicy) wait(n int, retryAfter, remaining time.Duration) (time.Duration, bool) {
	d := p.backoff(n)
	if retryAfter > 0 {
		if retryAfter > p.MaxRetryAfter {
			return 0, false
		}
		// A little later than told, so that not all who were told come at once.
		d = retryAfter
		if extra := rand.N(d/10 + 1); d < remaining && extra < remaining-d {
			d += extra
		}
	}
	return d, d < remaining
}

// backoff returns a random wait in (0, min(MaxBackoff, MinBackoff*2^(n-1))].
func (p RetryPolicy) backoff(n int) time.Duration {
	limit := p.MinBackoff
	for range n - 1 {
		if limit >= p.MaxBackoff/2 {
			limit = p.MaxBackoff
			break
		}
		limit *= 2
	}
	return 1 + rand.N(min(limit, p.MaxBackoff))
}

// retryAfter reads a Retry-After header (RFC 9110, section 10.2.3): whole seconds
// or a date. It returns 0, no hint, for anything else, for a time that is over and
// for more than one value, and the longest Duration for what does not fit in one.
func retryAfter(h http.Header, now time.Time) time.Duration {
	values := h["Retry-After"]
	if len(values) != 1 {
		return 0
	}
	value := values[0]
	if digits(value) {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > math.MaxInt64/int64(time.Second) {
			return math.MaxInt64
		}
		return time.Duration(seconds) * time.Second
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return max(0, date.Sub(now)) // Sub saturates
}

func digits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// remaining is the time until the context's deadline.
func remaining(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return time.Until(deadline)
	}
	return math.MaxInt64
}

// sleep waits for d, or until the context is done.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// budget is a client's store of retries, counted in tenths.
type budget struct{ tenths atomic.Int64 }

const fullBudget, costOfRetry, gainOfSuccess = 100, 10, 1

func newBudget() *budget {
	b := new(budget)
	b.tenths.Store(fullBudget)
	return b
}

// take pays for one retry, if it can.
func (b *budget) take() bool {
	for {
		have := b.tenths.Load()
		if have < costOfRetry {
			return false
		}
		if b.tenths.CompareAndSwap(have, have-costOfRetry) {
			return true
		}
	}
}

func (b *budget) give() {
	for {
		have := b.tenths.Load()
		if have >= fullBudget || b.tenths.CompareAndSwap(have, have+gainOfSuccess) {
			return
		}
	}
}
