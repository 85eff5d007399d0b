package stackonetest_test

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

// statusOfCreate creates a session and returns the status. It may be called from any goroutine.
func statusOfCreate(t *testing.T, srv *stackonetest.Server) int {
	_, err := once(srv).ConnectSessions.Create(t.Context(), acme)
	var api *client.APIError
	if errors.As(err, &api) {
		return api.StatusCode
	}
	assert.NoError(t, err)
	return http.StatusCreated
}

func TestConcurrentRequestsTriggerFaultsOnce(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	srv.Inject(stackonetest.Fault{Status: 500, Times: 5}, stackonetest.Fault{Status: 409, Times: 7, When: func(stackonetest.Request) bool { return true }})
	var counts [1000]atomic.Int32
	var group sync.WaitGroup
	for range 40 {
		group.Go(func() { counts[statusOfCreate(t, srv)].Add(1) })
	}
	group.Wait()
	assert.EqualValues(t, 5, counts[500].Load())
	assert.EqualValues(t, 7, counts[409].Load())
	assert.EqualValues(t, 28, counts[201].Load())
	assert.Len(t, srv.Sessions(), 28)
}

// Only one of two simultaneous requests triggers a fault.
func TestOneOfTwoRequestsTriggersFault(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	var both sync.WaitGroup
	both.Add(2)
	srv.Inject(stackonetest.Fault{Status: 500, When: func(stackonetest.Request) bool {
		both.Done()
		both.Wait()
		return true
	}})
	var statuses [2]int
	var group sync.WaitGroup
	for i := range statuses {
		group.Go(func() { statuses[i] = statusOfCreate(t, srv) })
	}
	group.Wait()
	assert.ElementsMatch(t, []int{201, 500}, statuses[:])
}
