package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/internal/bench/calls"
)

func TestQuantile(t *testing.T) {
	t.Parallel()
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	for _, tt := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{[]float64{7}, 0.5, 7}, {[]float64{7}, 0, 7}, {[]float64{3, 1, 2}, 0.5, 2}, {[]float64{4, 1, 3, 2}, 0.5, 2},
		{hundred, 0.99, 99}, {hundred, 1, 100}, {hundred, 0.25, 25},
	} {
		assert.Equal(t, tt.want, quantile(tt.values, tt.q), "%v of %v", tt.q, tt.values)
	}
}

func TestRatio(t *testing.T) {
	t.Parallel()
	own := samples{{time: 20}, {time: 30}, {time: 90}, {time: 33}}
	floor := samples{{time: 10}, {time: 20}, {time: 30}, {time: 30}}
	got := own.ratio(floor, wall)
	assert.Equal(t, ratio{median: 30.0 / 20, low: 1.1, high: 2}, got, "of medians, between quartiles of the rounds' own")
	assert.Equal(t, ratio{median: 2.0 / 3, low: 0.5, high: 1 / 1.1}, got.inverse())
	assert.Equal(t, "1.50 (1.10 to 2.00)", got.String())
	assert.Equal(t, "-6.00", exactly(-6).String())
}

// Each contender makes equally many calls, and each begins a round in its turn.
func TestCompareTakesTurns(t *testing.T) {
	t.Parallel()
	var order []string
	contenders := make([]contender, 3)
	counts := make([]atomic.Int64, 3)
	for i := range contenders {
		contenders[i] = contender{fmt.Sprint(i), func(context.Context) error {
			counts[i].Add(1)
			if n := len(order); n == 0 || order[n-1] != fmt.Sprint(i) {
				order = append(order, fmt.Sprint(i))
			}
			return nil
		}}
	}
	results, err := compare(t.Context(), contenders, 1, 4, 100*time.Microsecond)
	require.NoError(t, err)
	assert.Equal(t, "01201210201021", strings.Join(order, ""), "warm-up, 012, 102, 201, 021; who ends a round and begins the next stands here once")
	assert.Equal(t, counts[0].Load(), counts[1].Load())
	for _, r := range results {
		assert.Len(t, r, 4)
		assert.Positive(t, r.median(p99))
		assert.Positive(t, r.median(peak))
	}
}

func TestRunUsesAllCallers(t *testing.T) {
	t.Parallel()
	const callers = 7
	var inside atomic.Int64
	together := make(chan struct{})
	took := make([]time.Duration, 3*callers)
	_, err := run(func(context.Context) error {
		if inside.Add(1) == callers {
			close(together)
		}
		<-together // or the test never ends
		return nil
	}, callers, took)
	require.NoError(t, err)
	assert.Equal(t, int64(len(took)), inside.Load(), "calls")
	for _, d := range took {
		assert.Positive(t, d)
	}
}

func TestRunStopsAtAnError(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	var n atomic.Int64
	_, err := run(func(context.Context) error {
		if n.Add(1) == 5 {
			return boom
		}
		return nil
	}, 2, make([]time.Duration, 1e6))
	require.ErrorIs(t, err, boom)
	assert.Less(t, n.Load(), int64(1e6))
	_, err = compare(t.Context(), []contender{{"broken", func(context.Context) error { return boom }}}, 1, 1, time.Millisecond)
	require.ErrorIs(t, err, boom)
	assert.ErrorContains(t, err, "broken")
}

// Every way sends the same and returns the same, over every wire.
func TestWaysAgree(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func() (wire, error){"memory": memory, "loopback": loopback, "encrypted": encrypted} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := open()
			require.NoError(t, err)
			defer w.close()
			var sent []string
			recorded := recorder{w.transport(), &sent}
			own, err := calls.Client(w.baseURL, recorded)
			require.NoError(t, err)
			generated, err := calls.Generated(w.baseURL, recorded)
			require.NoError(t, err)
			byHand := calls.ByHand(w.baseURL, recorded)
			link, err := byHand.Create(t.Context())
			require.NoError(t, err)
			session, err := byHand.Authenticate(t.Context())
			require.NoError(t, err)
			assert.NotEmpty(t, link.Token)
			assert.NotZero(t, session.ID)
			want := sent
			for _, way := range []calls.Way{own, generated} {
				sent = nil
				gotLink, err := way.Create(t.Context())
				require.NoError(t, err)
				assert.Equal(t, link, gotLink, way.Name)
				gotSession, err := way.Authenticate(t.Context())
				require.NoError(t, err)
				assert.Equal(t, session, gotSession, way.Name)
				assert.Equal(t, want, sent, way.Name)
			}
			assert.Error(t, own.Call(t.Context(), "elsewhere"))
		})
	}
}

// recorder notes what is sent, but for the User-Agent.
type recorder struct {
	http.RoundTripper
	sent *[]string
}

func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	header := req.Header.Clone()
	header.Del("User-Agent")
	deadline, limited := req.Context().Deadline()
	*r.sent = append(*r.sent, fmt.Sprint(req.Method, " ", req.URL, " ", header, " ", string(body), " ",
		limited, " ", time.Until(deadline).Round(5*time.Second)))
	req = req.Clone(req.Context())
	req.Body = io.NopCloser(bytes.NewReader(body))
	return r.RoundTripper.RoundTrip(req)
}

// sample results, in which client takes twice the time of the call by hand.
func sample() *results {
	r := &results{plan: plan{rounds: 2, calls: 100}, tenths: make([]tenth, 10)}
	twice, once := samples{{time: 20, p99: 20, allocs: 13}}, samples{{time: 10, p99: 10, allocs: 1}}
	for _, wire := range []string{inMemory, "HTTP/1.1"} {
		for _, callers := range []int{1, 64} {
			for _, operation := range []string{calls.OpCreate, calls.OpAuthenticate} {
				r.calls = append(r.calls, comparison{wire, operation, callers, []string{"client", "generated", "by hand"}, []samples{twice, once, once}})
			}
		}
	}
	r.transports, r.loggers = r.calls[0], r.calls[0]
	r.refusals = []refusals{{net: exactly(2.1)}, {net: exactly(2.3)}}
	return r
}

func TestTargets(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"memory, 1 caller: time":                            "no",
		"memory, 1 caller: allocations more":                "yes",
		"HTTP/1.1, 1 caller: time":                          "no",
		"HTTP/1.1, 64 callers: throughput":                  "no",
		"HTTP/1.1, 64 callers: p99":                         "no",
		"429 and then 201, in good calls, without the wait": "no", // one of both operations
		"memory kept by each of the last 50 calls, bytes":   "yes",
	}
	got := map[string]string{}
	for _, target := range sample().targets() {
		got[target.figure] = target.verdict()
	}
	assert.Equal(t, want, got)
	for _, tt := range []struct {
		got   ratio
		least bool
		want  string
	}{
		{ratio{1, 0.9, 1.1}, false, "yes"}, {ratio{1.01, 0.9, 1.1}, false, "no"},
		{ratio{1, 0.9, 1.1}, true, "yes"}, {ratio{0.99, 0.9, 1.1}, true, "no"},
		{exactly(1.01), false, "no"}, {exactly(0.99), true, "no"},
	} {
		assert.Equal(t, tt.want, target{limit: 1, least: tt.least, got: []ratio{exactly(1), tt.got}}.verdict(), "%v", tt)
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	text := sample().tables()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "|") {
			assert.True(t, strings.HasSuffix(line, "|\n"), line)
		}
	}
	assert.Contains(t, text, "| memory, 1 caller: time ")
	assert.Contains(t, text, "|   2.00 |         2.00 |   at most 1.1 |      no |")
	assert.Equal(t, "| a   | b µ |\n|-----|----:|\n| xyz |   1 |\n", table([]string{"a", "b µ"}, [][]string{{"xyz", "1"}}))
	assert.Contains(t, sample().document("TABLES"), "TABLES")
}

func TestChart(t *testing.T) {
	t.Parallel()
	r := sample()
	chart := r.chart()
	bars := 0
	decoder := xml.NewDecoder(strings.NewReader(chart))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err, "the chart is not XML")
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "rect" {
			bars++
		}
	}
	assert.Equal(t, 1+2+2*len(r.calls), bars, "the page, two keys and a bar for each way and call")
	assert.Contains(t, chart, "prefers-color-scheme: dark")
}
