package stackonetest_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

func TestLimitRate(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	srv.LimitRate(2)
	srv.Inject(stackonetest.Fault{Status: 500})
	statuses := func(n int) (got []int) {
		for range n {
			got = append(got, post(t, srv, createPath, acmeJSON).StatusCode)
		}
		return got
	}
	assert.Equal(t, []int{500, 201, 201, 429, 429}, statuses(5))

	srv.Advance(30 * time.Second)
	got := post(t, srv, createPath, acmeJSON)
	assert.Equal(t, 429, got.StatusCode)
	assert.Contains(t, []string{"29", "30"}, got.Header.Get("Retry-After"))
	got.conforms(t)

	srv.Advance(30 * time.Second)
	assert.Equal(t, []int{201, 201, 429}, statuses(3))
	srv.Advance(-time.Hour)
	assert.Equal(t, []int{201, 201, 429}, statuses(3), "moving the clock back begins a new minute")
	srv.LimitRate(3)
	assert.Equal(t, 3, srv.RateLimit())
	assert.Equal(t, []int{201, 201, 201, 429}, statuses(4))
	srv.LimitRate(-1)
	assert.Zero(t, srv.RateLimit())
	assert.Equal(t, []int{201, 201, 201, 201}, statuses(4))
}

func TestDocumentedRateLimit(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
	srv.LimitRate(stackonetest.RateLimit)
	c := once(srv)
	var rejected atomic.Int32
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 260 {
				if _, err := c.ConnectSessions.Create(t.Context(), acme); errors.Is(err, client.ErrTooManyRequests) {
					rejected.Add(1)
				}
			}
		})
	}
	group.Wait()
	assert.EqualValues(t, 40, rejected.Load())
	assert.Len(t, srv.Sessions(), 1000)
}

func TestClientHonoursTheRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
		srv.LimitRate(1)
		c := srv.Client(client.WithRetryPolicy(client.RetryPolicy{MaxRetryAfter: time.Hour}))
		began := time.Now()
		for range 2 {
			_, err := c.ConnectSessions.Create(t.Context(), acme)
			require.NoError(t, err)
		}
		waited := time.Since(began)
		assert.GreaterOrEqual(t, waited, time.Minute)
		assert.LessOrEqual(t, waited, 66*time.Second)
		assert.Len(t, srv.Requests(), 3)
	})
}
