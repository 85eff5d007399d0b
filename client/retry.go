package client

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/internal/wire"
)

// RetryPolicy sets how many attempts a call makes and how long it waits between them. The
// table in the package documentation says which failures are retried. The zero value is
// the default policy. A negative value is an error.
//
// In addition to the policy, each client has a budget for retries, so that retries do not
// make an outage worse. It starts full, at 10. A retry costs 1, and a successful call
// returns 0.1, unless its MaxAttempts is 1. With less than 1 left, a call fails instead of
// retrying.
type RetryPolicy struct {
	// MaxAttempts is the maximum number of attempts, including the first. 0 means the
	// default, 3; 1 means no retries.
	MaxAttempts int

	// MinBackoff and MaxBackoff limit the wait before a retry if the service sent no
	// Retry-After: retry n waits a random time up to MinBackoff*2^(n-1), at most
	// MaxBackoff. 0 means the default, 200 ms and 5 s. If MinBackoff is longer than
	// MaxBackoff, MaxBackoff applies.
	MinBackoff time.Duration
	MaxBackoff time.Duration

	// MaxRetryAfter is the longest Retry-After that the client honours; a longer one
	// fails the call immediately with an *APIError. 0 means the default, 60 s.
	MaxRetryAfter time.Duration

	// RetryAmbiguous also retries an operation that changes something if the failed
	// attempt may have been processed: after a 500, 502, 503 or 504, and if the
	// connection broke or the attempt timed out. Create may then create a second
	// session, which is harmless: the first expires unused.
	RetryAmbiguous bool
}

func (p RetryPolicy) check() error {
	if p.MaxAttempts < 0 || p.MinBackoff < 0 || p.MaxBackoff < 0 || p.MaxRetryAfter < 0 {
		return errors.New("the retry policy has a negative value")
	}
	return nil
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	p.MaxAttempts = cmp.Or(p.MaxAttempts, 3)
	p.MinBackoff = cmp.Or(p.MinBackoff, 200*time.Millisecond)
	p.MaxBackoff = cmp.Or(p.MaxBackoff, 5*time.Second)
	p.MaxRetryAfter = cmp.Or(p.MaxRetryAfter, 60*time.Second)
	return p
}

// retryable reports whether another attempt may follow one with this result.
// repeatable says that the operation may run twice.
func retryable(r wire.Result, repeatable bool) bool {
	switch {
	case r.Unsent:
		return transient(r.Err)
	case r.Response == nil:
		return repeatable
	}
	switch r.Response.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return repeatable
	}
	return false
}

// transient reports whether the failure to send a request is transient.
func transient(err error) bool {
	return !errors.As(err, new(credentialsError)) && wire.Transient(err)
}

// wait returns how long to wait after n attempts, given the response's Retry-After (0:
// none), and whether the policy and the remaining time allow it.
func (p RetryPolicy) wait(n int, retryAfter, remaining time.Duration) (time.Duration, bool) {
	d := p.backoff(n)
	if retryAfter > 0 {
		if retryAfter > p.MaxRetryAfter {
			return 0, false
		}
		// Jitter, so that clients that were told the same do not all return together.
		d = retryAfter
		if extra := rand.N(d/10 + 1); extra < max(0, remaining)-d {
			d += extra
		}
	}
	return d, d < remaining
}

// backoff returns a random wait in (0, min(MaxBackoff, MinBackoff*2^(n-1))].
func (p RetryPolicy) backoff(n int) time.Duration {
	limit := p.MaxBackoff
	if doublings := max(0, n-1); p.MinBackoff <= limit>>doublings {
		limit = p.MinBackoff << doublings
	}
	return 1 + rand.N(limit)
}

// remaining returns the time until the context's deadline.
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

// budget is what a client may still spend on retries, in tenths of a retry.
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
