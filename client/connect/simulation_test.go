package connect_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// scenario is a number of customers who connect within two minutes, in random order,
// once each wait has had time for its first look. Meanwhile the same key creates 300
// sessions a minute, and the service allows it 1,000 requests a minute.
type scenario struct {
	waits     int
	webhooks  bool // Connected is called, and every second connector asks for an API key
	processes int  // each with its own Waiter; 0: one
	perMinute int  // LooksPerMinute of each
	separate  bool // each wait has its own Waiter, without a limit
}

// report is the result of a scenario.
type report struct {
	scenario
	requests                     int // largest number in any minute
	refusedLooks, refusedCreates int
	creates, failed              int
	longest                      time.Duration // longest create
	passedOver                   float64       // most looks between two looks of a wait, divided by the number of waits
	lags                         []time.Duration
	goroutines                   float64 // for each wait; 0: not measured
	bytes, withGoroutine         int     // for each wait, without and with the goroutine that calls Wait
}

// TestSimulation runs a few small scenarios, with WAITS=all every scenario. -v prints the table.
func TestSimulation(t *testing.T) {
	scenarios := []scenario{}
	sizes := []int{1, 100}
	all := os.Getenv("WAITS") == "all"
	if all {
		sizes = []int{1, 30, 40, 100, 1000, 10000}
	}
	for _, n := range sizes {
		scenarios = append(scenarios, scenario{waits: n}, scenario{waits: n, webhooks: true})
	}
	if all {
		scenarios = append(scenarios,
			scenario{waits: 900, processes: 3, perMinute: 500 / 3}, scenario{waits: 900, processes: 3},
			scenario{waits: 40, separate: true}, scenario{waits: 100, separate: true}, scenario{waits: 1000, separate: true})
	}
	var table strings.Builder
	fmt.Fprintln(&table, "| waits | webhooks | requests a minute | looks refused | creates refused | creates failed "+
		"| longest create | passed over | lag: median | 90 % | longest | goroutines | bytes | with goroutine |")
	fmt.Fprintln(&table, "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, s := range scenarios {
		var r *report
		t.Run(fmt.Sprintf("%s, webhooks %t", s, s.webhooks), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { r = simulate(t, s) })
			if s.processes == 0 && !s.separate {
				if all { // the race detector needs more memory
					r.goroutines, r.bytes, r.withGoroutine = footprint(t, s.waits)
				}
				r.assert(t)
			}
		})
		fmt.Fprintln(&table, r)
	}
	t.Log("\n" + table.String())
}

func (s scenario) String() string {
	text := fmt.Sprint(s.waits)
	switch {
	case s.separate:
		text += ", a Waiter each"
	case s.processes > 0:
		text += fmt.Sprintf(", %d processes, %d looks each", s.processes, cmp.Or(s.perMinute, 500))
	}
	return text
}

func (r *report) String() string {
	n := len(r.lags)
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
	webhooks := map[bool]string{true: "yes", false: "no"}[r.webhooks]
	footprint := "| | | |"
	if r.goroutines > 0 {
		footprint = fmt.Sprintf("| %.1f | %d | %d |", r.goroutines, r.bytes, r.withGoroutine)
	}
	return fmt.Sprintf("| %s | %s | %d | %d | %d | %d of %d | %s | %.2f turns | %s | %s | %s %s", r.scenario, webhooks,
		r.requests, r.refusedLooks, r.refusedCreates, r.failed, r.creates, seconds(r.longest), r.passedOver,
		seconds(r.lags[n/2]), seconds(r.lags[n*9/10]), seconds(r.lags[n-1]), footprint)
}

// assert checks what holds for one process with any number of waits.
func (r *report) assert(t *testing.T) {
	assert.LessOrEqual(t, r.requests, 800)
	assert.Zero(t, r.refusedLooks)
	assert.Zero(t, r.refusedCreates)
	assert.Zero(t, r.failed)
	assert.LessOrEqual(t, r.longest, 100*time.Millisecond)
	if r.waits >= 30 { // fewer waits do not take turns
		assert.LessOrEqual(t, r.passedOver, 1.1)
	}
	slowest := r.lags[len(r.lags)-1]
	if r.webhooks {
		assert.LessOrEqual(t, slowest, time.Second)
	}
	if r.waits == 1 {
		assert.LessOrEqual(t, slowest, 2200*time.Millisecond, "one interval")
	}
	assert.LessOrEqual(t, r.goroutines, 1.)
	assert.LessOrEqual(t, r.bytes, 5000)
}

// traffic records the requests to the service.
type traffic struct {
	next http.RoundTripper
	*report
	mu    sync.Mutex
	looks []look
	all   []look
}

func (tr *traffic) RoundTrip(r *http.Request) (*http.Response, error) {
	isLook := strings.HasSuffix(r.URL.Path, "/authenticate")
	l := look{time.Now(), r.Header.Get("X-Wait")}
	res, err := tr.next.RoundTrip(r)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.all = append(tr.all, l)
	if isLook {
		tr.looks = append(tr.looks, l)
	}
	switch refused := err == nil && res.StatusCode == http.StatusTooManyRequests; {
	case refused && isLook:
		tr.refusedLooks++
	case refused:
		tr.refusedCreates++
	}
	return res, err
}

func simulate(t *testing.T, s scenario) *report {
	srv := stackonetest.NewServer(stackonetest.InMemory())
	defer srv.Close()
	r := &report{scenario: s}
	tr := &traffic{next: srv.HTTPClient().Transport, report: r}
	newClient := func() *client.Client { return srv.Client(client.WithHTTPClient(&http.Client{Transport: tr})) }

	processes := max(1, s.processes)
	var waiters []*connect.Waiter
	for range processes {
		waiters = append(waiters, connect.NewWaiter(newClient(), connect.WaiterOptions{LooksPerMinute: s.perMinute}))
	}
	sessions := make([]*stackonetest.Session, s.waits)
	for i := range sessions {
		link, err := srv.Client().ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{
			OriginOwnerID: fmt.Sprint("customer-", i), OriginOwnerName: "Customer", ExpiresIn: 24 * 60 * 60,
		})
		require.NoError(t, err)
		sessions[i] = srv.Session(link.Token)
	}
	srv.LimitRate(stackonetest.RateLimit)

	settled := time.Duration(s.waits)*time.Minute/time.Duration(cmp.Or(s.perMinute, 500)*processes) + 5*time.Second
	ctx, cancel := context.WithTimeout(t.Context(), 2*settled+10*time.Minute)
	defer cancel()
	var waits, others sync.WaitGroup
	creating, stop := context.WithCancel(t.Context())
	others.Go(func() { r.create(creating, newClient(), &others) })
	connectedAt := make([]time.Time, s.waits)
	r.lags = make([]time.Duration, s.waits)
	for i, session := range sessions {
		token := session.Details().Token
		waits.Go(func() {
			waiter := waiters[i%processes]
			if s.separate {
				waiter = connect.NewWaiter(newClient(), connect.WaiterOptions{LooksPerMinute: -1})
			}
			_, err := waiter.Wait(ctx, token, client.WithHeader("X-Wait", fmt.Sprint(i)))
			assert.NoError(t, err)
			r.lags[i] = time.Since(connectedAt[i])
		})
	}
	time.Sleep(settled)
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(s.waits) {
		oauth := !s.webhooks || i%2 == 0
		if oauth {
			assert.NoError(t, sessions[i].Begin())
		}
		time.AfterFunc(10*time.Second, func() {
			connectedAt[i] = time.Now()
			if oauth {
				assert.NoError(t, sessions[i].Connect(""))
			}
			if s.webhooks {
				waiters[i%processes].Connected(webhook.Event{
					Type: webhook.AccountCreated, OriginOwnerID: fmt.Sprint("customer-", i),
					AccountID: "account", EventDate: time.Now(),
				})
			}
		})
		time.Sleep(2 * time.Minute / time.Duration(s.waits))
	}
	waits.Wait()
	stop()
	others.Wait()
	slices.Sort(r.lags)
	r.requests, r.passedOver = withinAMinute(tr.all), passedOver(tr.looks, s.waits)
	return r
}

// create creates 300 sessions a minute, until ctx is done.
func (r *report) create(ctx context.Context, c *client.Client, running *sync.WaitGroup) {
	var mu sync.Mutex
	for ctx.Err() == nil {
		r.creates++
		running.Go(func() {
			begun := time.Now()
			_, err := c.ConnectSessions.Create(context.WithoutCancel(ctx), owner)
			mu.Lock()
			defer mu.Unlock()
			r.longest = max(r.longest, time.Since(begun))
			if err != nil {
				r.failed++
			}
		})
		time.Sleep(time.Minute / 300)
	}
}

// passedOver returns the largest number of other looks between two looks of a wait, or
// before its first, divided by the number of waits.
func passedOver(looks []look, waits int) float64 {
	slices.SortStableFunc(looks, func(a, b look) int { return a.at.Compare(b.at) })
	last, most := map[string]int{}, 0
	for i, l := range looks {
		before, ok := last[l.token]
		if !ok {
			before = -1
		}
		most = max(most, i-before-1)
		last[l.token] = i
	}
	return float64(most) / float64(waits)
}

// footprint measures what each of n waits of a Waiter costs after its first look:
// goroutines, and bytes of heap and stack without and with the goroutine that calls
// Wait. It averages over at least a thousand waits.
func footprint(t *testing.T, n int) (goroutines float64, bytes, withGoroutine int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		service := roundTripper(func(r *http.Request) (*http.Response, error) {
			return respondWith(`{"id":1,"origin_owner_id":"customer-` + r.Header.Get("X-Wait") +
				`","provider":"bamboohr","created_at":"2000-01-01T00:00:00Z"}`)(r)
		})
		c := newClient(t, service)
		used := func() int {
			synctest.Wait()
			var m runtime.MemStats
			for range 3 { // a collection also shrinks stacks
				runtime.GC()
			}
			runtime.ReadMemStats(&m)
			return int(m.HeapAlloc + m.StackInuse)
		}
		nothing := used()
		ctx, cancel := context.WithCancel(t.Context())
		begin := make(chan struct{})
		var waits sync.WaitGroup
		all := max(n, 1000)
		waiters := make([]*connect.Waiter, (all+n-1)/n)
		for i := range all {
			waits.Go(func() {
				header := client.WithHeader("X-Wait", fmt.Sprint(i))
				<-begin
				_, err := waiters[i/n].Wait(ctx, "token", header)
				assert.ErrorIs(t, err, context.Canceled)
			})
		}
		before, running := used(), runtime.NumGoroutine()
		for i := range waiters {
			waiters[i] = connect.NewWaiter(c, connect.WaiterOptions{LooksPerMinute: -1, Interval: time.Hour})
		}
		close(begin)
		after := used()
		bytes, withGoroutine = (after-before)/all, (after-nothing)/all
		goroutines = 1 + float64(runtime.NumGoroutine()-running)/float64(all)
		cancel()
		waits.Wait()
	})
	return goroutines, bytes, withGoroutine
}
