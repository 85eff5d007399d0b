package connect_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
)

func TestNoGoroutinesButTheCallers(t *testing.T) { // not parallel: it counts goroutines
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, respondWith(`{"id":1,"origin_owner_id":"customer-1"}`))
		before := runtime.NumGoroutine()
		waiter := connect.NewWaiter(c, connect.WaiterOptions{})
		assert.Equal(t, before, runtime.NumGoroutine())
		ctx, cancel := context.WithCancel(t.Context())
		w := &fixture{t: t, client: c, waiter: waiter}
		var results []func() *result
		for range 1000 {
			results = append(results, w.start(ctx, "token"))
		}
		for range 30 {
			time.Sleep(time.Second)
			synctest.Wait()
			require.LessOrEqual(t, runtime.NumGoroutine(), before+1000)
		}
		cancel()
		for _, result := range results {
			require.NotNil(t, result())
		}
	})
}

// Waits and events are garbage collected, although there is always a wait that does not
// know its owner, for which events are kept.
func TestEndedWaitsAreFreed(t *testing.T) { // not parallel: it measures memory
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			customer := r.Header.Get("X-Owner")
			if customer == "" {
				return nil, assert.AnError
			}
			return respondWith(`{"id":1,"origin_owner_id":"` + customer + `","provider":"bamboohr"}`)(r)
		}))
		w := &fixture{t: t, client: c, waiter: connect.NewWaiter(c, connect.WaiterOptions{LooksPerMinute: -1})}
		customers := 0
		leave := func() {}
		round := func() {
			before := leave
			var ctx context.Context
			ctx, leave = context.WithCancel(t.Context())
			w.start(ctx, "token") // never learns its owner
			synctest.Wait()
			before()
			var results []func() *result
			for range 200 {
				customers++
				results = append(results, w.start(t.Context(), "token", client.WithHeader("X-Owner", fmt.Sprint(customers))))
			}
			synctest.Wait()
			for i := range 200 {
				e := connected("account-1")
				e.OriginOwnerID = fmt.Sprint(customers - i)
				w.waiter.Connected(e)
			}
			for _, result := range results {
				require.NotNil(t, result())
			}
		}
		heap := func() int {
			var m runtime.MemStats
			runtime.GC()
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int(m.HeapAlloc)
		}
		for range 5 {
			round()
		}
		before := heap()
		for range 20 {
			round()
		}
		assert.Less(t, heap()-before, 120_000, "bytes after 4,000 waits and events")
		leave()
		runtime.KeepAlive(w)
	})
}
