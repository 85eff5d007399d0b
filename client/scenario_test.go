package client_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// span holds the shortest and the longest time that a call may take.
type span struct{ min, max time.Duration }

func exactly(d time.Duration) span { return span{d, d} }

// withJitter is the wait for a Retry-After of d: the client adds up to a tenth.
func withJitter(d time.Duration) span { return span{d, d + d/10} }

// backoffs is the sum of the waits between attempts without a Retry-After.
func backoffs(attempts int) span {
	s := span{min: time.Duration(max(0, attempts-1))}
	for n := range s.min {
		s.max += 200 * time.Millisecond << n
	}
	return s
}

// scenario is a call in virtual time: how its attempts are handled and what it returns.
type scenario struct {
	name     string
	steps    []step
	want     expectation
	took     span          // zero means backoffs
	deadline time.Duration // of the context; zero means none
	opts     []client.Option
}

func (s scenario) run(t *testing.T, operation string) {
	ctx := t.Context()
	if s.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.deadline)
		defer cancel()
	}
	transport := fake(s.steps...)
	r := call(ctx, t, operation, through(t, transport, s.opts...))
	s.want(t, r)
	assert.Equal(t, r.response.Attempts, transport.attempts, "attempts seen by the transport")
	requireSameBodies(t, operation, transport.bodies)
	took := s.took
	if took == (span{}) {
		took = backoffs(r.response.Attempts)
	}
	requireTook(t, took, r.took)
}

// run runs each scenario with Create and with Authenticate.
func run(t *testing.T, scenarios []scenario) {
	t.Parallel()
	for _, s := range scenarios {
		for operation := range operations {
			t.Run(s.name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { s.run(t, operation) })
			})
		}
	}
}

func requireTook(t *testing.T, want span, got time.Duration) {
	t.Helper()
	assert.True(t, want.min <= got && got <= want.max, "took %s, want %s to %s", got, want.min, want.max)
}

func took(want span) expectation {
	return func(t *testing.T, r *result) { t.Helper(); requireTook(t, want, r.took) }
}

// requireSameBodies requires that each attempt read the whole request body or none of it.
func requireSameBodies(t *testing.T, operation string, bodies []string) {
	t.Helper()
	for _, body := range bodies {
		if operation == opCreate && body != "" {
			assert.Equal(t, `{"origin_owner_id":"customer-1","origin_owner_name":"Customer One"}`, body)
		} else if body != "" {
			assert.Equal(t, `{"token":"token-1"}`, body)
		}
	}
}
