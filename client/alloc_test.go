package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// The allocation tests are not parallel: allocations are counted for the whole
// process. The limits are those of Go 1.26. The hand-written call allocates once less
// with Go 1.25, whose io.ReadAll does not copy what it has read.
func mostWith(limit float64) float64 {
	if strings.HasPrefix(runtime.Version(), "go1.25") {
		return limit + 1
	}
	return limit
}

func TestAllocations(t *testing.T) {
	skipUnderRace(t)
	registered := client.NewTransport()
	registered.RegisterProtocol("https", inMemory(nil))
	for name, tt := range map[string]struct {
		opts                        []client.Option
		roundTripper, httpTransport float64 // more than the hand-written call
	}{
		"plain":               {nil, 0, -7},
		"with a silent log":   {[]client.Option{client.WithLogger(slog.New(slog.DiscardHandler))}, 0, -7},
		"with a log":          {[]client.Option{client.WithLogger(slog.New(slog.NewJSONHandler(io.Discard, nil)))}, 4, -3}, // less with tokens as long as real ones
		"with another header": {[]client.Option{client.WithHeader("X-Tenant", "42")}, 1, -6},
	} {
		for _, in := range []struct {
			transport http.RoundTripper
			most      float64
		}{{inMemory(nil), tt.roundTripper}, {registered, tt.httpTransport}} {
			hc := &http.Client{Transport: in.transport}
			c := through(t, in.transport, tt.opts...)
			t.Run(fmt.Sprintf("%s/%T/create", name, in.transport), func(t *testing.T) {
				byHand := allocations(t, func() error {
					_, err := post[gen.ConnectSessionTokenAuthLink](hc, client.DefaultBaseURL+"/connect_sessions", filled)
					return err
				})
				own := allocations(t, func() error {
					_, err := c.ConnectSessions.Create(context.Background(), filled)
					return err
				})
				assert.LessOrEqual(t, own-byHand, mostWith(in.most))
			})
			t.Run(fmt.Sprintf("%s/%T/authenticate", name, in.transport), func(t *testing.T) {
				byHand := allocations(t, func() error {
					_, err := post[gen.ConnectSession](hc, client.DefaultBaseURL+"/connect_sessions/authenticate", look)
					return err
				})
				own := allocations(t, func() error {
					_, err := c.ConnectSessions.Authenticate(context.Background(), look)
					return err
				})
				assert.LessOrEqual(t, own-byHand, mostWith(in.most))
			})
		}
	}
}

// TestAllocationsOfRefusedCall counts what one refusal adds to a call that then
// succeeds: a second attempt and a wait, but no error that nobody sees.
func TestAllocationsOfRefusedCall(t *testing.T) {
	skipUnderRace(t)
	for name, call := range operations {
		t.Run(name, func(t *testing.T) {
			const good = 10 // calls that pay for a retry
			refuse, refusals := false, 0
			c := through(t, inMemory(func() bool {
				refused := refuse
				if refused {
					refuse = false
					refusals++
				}
				return refused
			}), client.WithRetryPolicy(quick))
			once := allocations(t, func() error { return call(c) })
			const runs = 100
			all := testing.AllocsPerRun(runs, func() {
				for n := range good + 1 {
					refuse = n == good
					if err := call(c); err != nil {
						panic(err)
					}
				}
			})
			require.Equal(t, runs+1, refusals)
			const most = 34 // more than a call that is not refused
			assert.LessOrEqual(t, all-(good+1)*once, float64(most))
		})
	}
}

// TestAllocationsOfError counts what an error adds to a call that succeeds.
func TestAllocationsOfError(t *testing.T) {
	skipUnderRace(t)
	for name, call := range operations {
		t.Run(name, func(t *testing.T) {
			c := through(t, inMemory(nil))
			once := allocations(t, func() error { return call(c) })
			c = through(t, inMemory(func() bool { return true }), client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}))
			failed := testing.AllocsPerRun(200, func() { _ = call(c) })
			most := -4.0
			if strings.Contains(runtime.Version(), "jsonv2") { // where a success allocates less
				most = 5
			}
			assert.LessOrEqual(t, failed-once, most)
		})
	}
}

// allocations counts those of a call that succeeds.
func allocations(t *testing.T, call func() error) float64 {
	t.Helper()
	require.NoError(t, call())
	return testing.AllocsPerRun(200, func() { _ = call() })
}

var (
	filled = gen.ConnectSessionCreate{ // as a backend usually fills it in
		OriginOwnerID: "customer-1", OriginOwnerName: "Customer One", Provider: "bamboohr",
		Categories: []gen.Category{gen.CategoryHRIS}, Metadata: map[string]any{"plan": "pro"},
	}
	look = gen.ConnectSessionAuthenticate{Token: "token-1"}
)

// fields are what an answer usually holds.
const fields = `"id":42,"organization_id":"1","project_id":"103/dev-56501","categories":["hris"],"provider":"bamboohr",` +
	`"origin_owner_id":"customer-1","origin_owner_name":"Customer One","created_at":"2026-01-02T03:04:05.678Z",` +
	`"metadata":{"plan":"pro"},"type":"production",`

// inMemory answers every request with success, or with 429 when refuse is not nil
// and returns true.
func inMemory(refuse func() bool) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
		status, body := http.StatusCreated, `{`+fields+`"token":"token-1","auth_link_url":"https://hub.example/embedded/accounts/connect/link-1"}`
		if strings.HasSuffix(r.URL.Path, "/authenticate") {
			body = `{` + fields + `"latest_connection_attempt":{"id":"attempt-1","status":"pending",` +
				`"created_at":"2026-01-02T03:05:00Z","updated_at":"2026-01-02T03:05:00Z"}}`
		}
		if refuse != nil && refuse() {
			status, body = http.StatusTooManyRequests, `{"statusCode":429,"message":"Too Many Requests","timestamp":"2026-01-02T03:04:05Z"}`
		}
		return &http.Response{
			StatusCode:    status,
			Header:        http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {"0b1e2f3a-4c5d-4e6f"}},
			Body:          io.NopCloser(strings.NewReader(body)),
			ContentLength: int64(len(body)),
			Request:       r,
		}, nil
	})
}

// post is a call as one would write it by hand.
func post[Out any](hc *http.Client, url string, in any) (*Out, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(testKey, "")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	res, err := hc.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusCreated {
		return nil, errors.New(res.Status)
	}
	out := new(Out)
	return out, json.Unmarshal(text, out)
}

// skipUnderRace skips a test where sync.Pool drops its contents at random.
func skipUnderRace(t *testing.T) {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	if ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("the race detector changes what is allocated")
	}
}

// TestConnections asserts that n callers open n connections, whatever the answers:
// every body is drained and closed.
func TestConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testConnections)
}

func testConnections(t *testing.T) {
	const callers, each = 16, 50
	kinds := []http.HandlerFunc{
		answer(201, link), answer(201, "{"), answer(201, ""), answer(200, link), answer(302, "elsewhere"),
		answer(400, `{"message":["one","two"]}`), answer(401, ""), answer(404, "<html>"), answer(408, "{}"),
		answer(429, "{}"), answer(500, strings.Repeat("x", 200<<10)), answer(502, "{}"), answer(503, "{"),
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		func(w http.ResponseWriter, _ *http.Request) { // in chunks
			w.WriteHeader(http.StatusCreated)
			for part := range slices.Chunk([]byte(link), 100) {
				_, _ = w.Write(part)
				w.(http.Flusher).Flush()
			}
		},
		func(w http.ResponseWriter, _ *http.Request) { // as large as an error may be
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.CopyN(w, zeros{}, 250<<10)
		},
	}
	var (
		requests, opened atomic.Int64
		together         = make(chan struct{}) // closed when each caller has a connection
	)
	transport := client.NewTransport()
	serveInProcess(t, transport, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		n := requests.Add(1)
		if n == callers {
			close(together)
		}
		<-together
		kinds[n%int64(len(kinds))](w, r)
	}, func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	})
	c := through(t, transport, client.WithBaseURL("http://localhost"), client.WithRetryPolicy(quick))

	var succeeded, failed atomic.Int64
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for n := range each {
				call := create
				if (caller+n)%2 == 0 {
					call = authenticate
				}
				if call(c) == nil {
					succeeded.Add(1)
				} else {
					failed.Add(1)
				}
			}
		})
	}
	all.Wait()
	assert.Positive(t, succeeded.Load())
	assert.Positive(t, failed.Load())
	assert.Greater(t, requests.Load(), int64(callers*each), "some calls are repeated")
	assert.Equal(t, int64(callers), opened.Load(), "connections")
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
