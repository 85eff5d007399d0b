package stackonetest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// Not parallel: it counts the goroutines of the process.
func TestCloseLeavesNoGoroutines(t *testing.T) {
	for _, row := range []struct {
		name string
		opts []stackonetest.Option
	}{
		{name: "socket"},
		{name: "memory", opts: []stackonetest.Option{stackonetest.InMemory()}},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			srv := stackonetest.NewServer(row.opts...)
			for range 3 { // idle connections
				create(t, srv, acme)
			}
			srv.Inject(
				stackonetest.Fault{Delay: time.Hour},
				stackonetest.Fault{SlowBody: time.Hour},
				stackonetest.Fault{Reset: stackonetest.ResetAfterReading, Delay: time.Hour},
				stackonetest.Fault{Reset: stackonetest.ResetBeforeReading},
				stackonetest.Fault{CutBody: true},
			)
			var group sync.WaitGroup
			for range 10 {
				group.Go(func() {
					_, _ = once(srv).ConnectSessions.Create(context.Background(), acme)
				})
			}
			require.Eventually(t, func() bool { return len(srv.Requests()) >= 13 }, 10*time.Second, time.Millisecond)
			body, writer := io.Pipe()
			group.Go(func() { // incomplete body
				_, err := srv.HTTPClient().Post(srv.URL+createPath, "application/json", body)
				assert.Error(t, err)
			})
			_, err := writer.Write([]byte("{"))
			require.NoError(t, err)
			srv.Close()
			srv.Close()
			writer.Close()
			group.Wait()
			// One more, because Eventually runs the condition in a goroutine.
			assert.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, 10*time.Second, time.Millisecond)

			_, err = once(srv).ConnectSessions.Create(t.Context(), acme)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			assert.NotEmpty(t, srv.Requests(), "requests remain readable")
		})
	}
}

// Close interrupts delayed and slow responses. Concurrent calls return immediately too.
func TestCloseInterruptsResponses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
		srv.Inject(stackonetest.Fault{Delay: time.Hour}, stackonetest.Fault{SlowBody: time.Hour})
		began := time.Now()
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				_, err := once(srv).ConnectSessions.Create(context.Background(), acme)
				assert.Error(t, err)
			})
		}
		synctest.Wait()
		for range 2 {
			group.Go(srv.Close)
		}
		group.Wait()
		assert.Zero(t, time.Since(began))
	})
}

func TestInMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
		session := create(t, srv, acme)
		assert.Equal(t, time.Now().UTC(), session.Details().CreatedAt.UTC(), "the server uses the bubble's time")

		time.Sleep(29*time.Minute + 59*time.Second)
		authenticate(t, srv, session)
		time.Sleep(time.Second)
		_, err := srv.Client().ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: session.Details().Token})
		require.ErrorIs(t, err, client.ErrUnauthorized)

		srv.Inject(stackonetest.Fault{Delay: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = srv.Client().ConnectSessions.Create(ctx, acme)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestInMemoryHasNoSocket(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
	assert.Equal(t, http.StatusCreated, post(t, srv, createPath, acmeJSON).StatusCode)
	_, err := http.Post(srv.URL+createPath, "application/json", nil)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	srv.Close()
	_, err = srv.HTTPClient().Get(srv.URL)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	host, _, err := net.SplitHostPort(strings.TrimPrefix(srv.URL, "http://"))
	require.NoError(t, err)
	assert.True(t, net.ParseIP(host).IsLoopback(), host)
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
	c := srv.Client()
	const callers, calls = 32, 8
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for n := range calls {
				owner := fmt.Sprintf("%d-%d", caller, n)
				link, err := c.ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{OriginOwnerID: owner, OriginOwnerName: owner})
				if !assert.NoError(t, err) {
					return
				}
				session := srv.Session(link.Token)
				assert.NoError(t, errors.Join(session.Begin(), session.Connect("account "+owner)))
				got, err := c.ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: link.Token})
				if assert.NoError(t, err) {
					assert.Equal(t, owner, got.OriginOwnerID)
					assert.Equal(t, "account "+owner, got.LatestConnectionAttempt.AccountSecureID)
				}
				srv.Advance(time.Millisecond)
				srv.Requests()
				assert.NoError(t, srv.Verify())
			}
		})
	}
	group.Wait()
	assert.Len(t, srv.Requests(), 2*callers*calls)
	seen, tokens := map[int64]bool{}, map[string]bool{}
	for i, session := range srv.Sessions() {
		details := session.Details()
		assert.EqualValues(t, i+1, details.ID)
		seen[details.ID], tokens[details.Token] = true, true
	}
	assert.Len(t, seen, callers*calls)
	assert.Len(t, tokens, callers*calls)
}

func TestManyServers(t *testing.T) {
	t.Parallel()
	servers := make([]*stackonetest.Server, 300)
	for i := range servers {
		servers[i] = stackonetest.NewTestServer(t)
	}
	var group sync.WaitGroup
	for _, srv := range servers {
		group.Go(func() {
			_, err := srv.Client().ConnectSessions.Create(t.Context(), acme)
			assert.NoError(t, err)
			assert.Len(t, srv.Sessions(), 1)
		})
	}
	group.Wait()
}

// A connection that is accepted while the server closes is closed too, even if the rest
// of its request never arrives.
func TestCloseDuringAccept(t *testing.T) {
	t.Parallel()
	for range 20 {
		srv := stackonetest.NewServer()
		var conns []net.Conn
		for range 8 { // the system accepts connections before the server does
			conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, "POST "+createPath+" HTTP/1.1\r\nHost: stackone\r\nContent-Length: 2\r\n\r\n{")
			require.NoError(t, err)
			conns = append(conns, conn)
		}
		srv.Close()
		for _, conn := range conns {
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
			_, err := io.Copy(io.Discard, conn)
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server left a connection open")
		}
	}
}

// With Keep, memory does not grow with the number of requests, which SOAK_CALLS sets.
// Not parallel, because it measures the memory of the process.
func TestMemoryIsBounded(t *testing.T) {
	calls := 3000
	if n, err := strconv.Atoi(os.Getenv("SOAK_CALLS")); err == nil {
		calls = n
	}
	srv := stackonetest.NewTestServer(t, stackonetest.InMemory(), stackonetest.Keep(100))
	srv.Deliver(stackonetest.Webhook{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})})
	c := srv.Client()
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	var before uint64
	for n := range calls {
		if n == calls/10 {
			before = heap()
		}
		owner := strconv.Itoa(n)
		srv.Inject(stackonetest.Fault{RetryAfter: time.Second})
		link, err := c.ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{OriginOwnerID: owner, OriginOwnerName: owner})
		require.NoError(t, err)
		require.NoError(t, srv.Session(link.Token).Connect(""))
	}
	require.NoError(t, srv.WaitDelivered(t.Context()))
	grown := int64(heap()) - int64(before)
	t.Logf("%d requests: %d bytes more than after the first tenth", calls, grown)
	assert.Less(t, grown, int64(256<<10))
}
