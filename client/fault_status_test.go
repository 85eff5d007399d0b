package client_test

import (
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// Faults that are statuses, and the waits after them.

// tellsToWait is what RetryAfter says.
func tellsToWait(d time.Duration) outcome {
	return func(t *testing.T, r *result) {
		t.Helper()
		var api *client.APIError
		require.ErrorAs(t, r.err, &api)
		assert.Equal(t, d, api.RetryAfter, "RetryAfter")
	}
}

// later is a date as Retry-After, from the time when it is sent.
func later(status int, layout string, d time.Duration) step {
	return func(r *http.Request) (*http.Response, error) {
		return answers(status, "{}", "Retry-After", time.Now().UTC().Add(d).Format(layout))(r)
	}
}

func TestFaultStatus(t *testing.T) {
	ok := answers(201, link)
	hint := func(status int, values ...string) step {
		var header []string
		for _, v := range values {
			header = append(header, "Retry-After", v)
		}
		return answers(status, "{}", header...)
	}
	ambiguous := client.WithRetryPolicy(client.RetryPolicy{RetryAmbiguous: true})
	rows := []fault{
		{name: "28 429 and 1 s", meets: []step{hint(429, "1"), ok}, want: OK(2), took: hinted(time.Second)},
		{name: "28 429 and 1 s, twice", meets: []step{hint(429, "1"), hint(429, "1"), ok}, want: OK(3), took: hinted(2 * time.Second)},
		{name: "28 429 and 1 s, always", meets: []step{hint(429, "1")}, want: all(API(429, 3), tellsToWait(time.Second)), took: hinted(2 * time.Second)},
		{name: "28 408 and 7 s", meets: []step{hint(408, "007"), ok}, want: OK(2), took: hinted(7 * time.Second)},
		{name: "28 429 without a hint", meets: []step{hint(429), ok}, want: OK(2)},
		{name: "30 a minute", meets: []step{hint(429, "60"), ok}, want: OK(2), took: hinted(time.Minute)},
		{name: "30 a second more", meets: []step{hint(429, "61"), ok}, want: all(API(429, 1), tellsToWait(61*time.Second))},
		{name: "30 10^9", meets: []step{hint(429, "1000000000"), ok}, want: all(API(429, 1), tellsToWait(1e9*time.Second))},
		{name: "30 the most seconds", meets: []step{hint(429, "9223372036"), ok}, want: all(API(429, 1), tellsToWait(9223372036*time.Second))},
		{name: "30 one more", meets: []step{hint(429, "9223372037"), ok}, want: all(API(429, 1), tellsToWait(math.MaxInt64))},
		{name: "30 twenty digits", meets: []step{hint(429, "99999999999999999999"), ok}, want: all(API(429, 1), tellsToWait(math.MaxInt64))},
		{name: "30 in ten years", meets: []step{later(429, http.TimeFormat, 10*365*24*time.Hour), ok}, want: all(API(429, 1), tellsToWait(10*365*24*time.Hour))},
		{name: "30 in 8000 years", meets: []step{hint(429, "Fri, 31 Dec 9999 23:59:59 GMT"), ok}, want: all(API(429, 1), tellsToWait(math.MaxInt64))},
		{name: "30 then less", meets: []step{hint(429, "1"), hint(429, "100"), ok}, want: API(429, 2), took: hinted(time.Second)},
		{name: "31 RFC 1123", meets: []step{later(429, http.TimeFormat, 5*time.Second), ok}, want: OK(2), took: hinted(5 * time.Second)},
		{name: "31 RFC 850", meets: []step{later(429, "Monday, 02-Jan-06 15:04:05 GMT", 5*time.Second), ok}, want: OK(2), took: hinted(5 * time.Second)},
		{name: "31 asctime", meets: []step{later(429, time.ANSIC, 5*time.Second), ok}, want: OK(2), took: hinted(5 * time.Second)},
		{name: "31 too late", meets: []step{later(429, time.ANSIC, time.Hour), ok}, want: all(API(429, 1), tellsToWait(time.Hour))},
		{name: "32 408 and a minute, of ten seconds", meets: []step{hint(408, "60"), ok}, want: API(408, 1), deadline: 10 * time.Second},
		{name: "32 the wait ends at the deadline", meets: []step{hint(429, "10"), ok}, want: API(429, 1), deadline: 10 * time.Second},
		{name: "32 the wait fits, 10 % more does not", meets: []step{hint(429, "10"), ok}, want: OK(2), deadline: 10*time.Second + 1, took: exactly(10 * time.Second)},
		{name: "32 backoff that does not fit", meets: []step{hint(429), ok}, want: API(429, 1), deadline: 1},
		{
			name: "32 the second wait does not fit", meets: []step{hint(429, "6"), hint(429, "6"), ok}, want: API(429, 2),
			deadline: 10 * time.Second, took: hinted(6 * time.Second),
		},
		{name: "32 a refused connection, and no time", meets: []step{fails(errRefused)}, want: transportError(false, 1), deadline: 1},
		{name: "33 503 and 2 s", meets: []step{hint(503, "2"), ok}, want: each(all(API(503, 1), tellsToWait(2*time.Second)), all(OK(2), took(hinted(2*time.Second)))), took: span{0, 3 * time.Second}},
		{name: "33 500, then up", meets: []step{hint(500), ok}, want: each(API(500, 1), OK(2))},
		{name: "33 reset with RetryAmbiguous", meets: []step{failsAfterSending(errReset)}, want: transportError(true, 3), opts: []client.Option{ambiguous}},
		{name: "33 reset, then up, with RetryAmbiguous", meets: []step{failsAfterSending(errReset), ok}, want: OK(2), opts: []client.Option{ambiguous}},
		{
			name: "33 reset, then refused, with RetryAmbiguous", meets: []step{failsAfterSending(errReset), fails(errRefused)},
			want: transportError(true, 3), opts: []client.Option{ambiguous},
		},
		{name: "33 429, then reset", meets: []step{hint(429), failsAfterSending(errReset), ok}, want: each(transportError(true, 2), OK(3))},
		{name: "33 429, then refused", meets: []step{hint(429), fails(errRefused)}, want: transportError(true, 3)},
		{name: "33 429, then cut", meets: []step{hint(429), answers(201, "{")}, want: sentAfter(2)},
		{
			name: "MaxRetryAfter as long as the hint", meets: []step{hint(429, "2"), ok}, want: OK(2), took: hinted(2 * time.Second),
			opts: []client.Option{client.WithRetryPolicy(client.RetryPolicy{MaxRetryAfter: 2 * time.Second})},
		},
		{
			name: "MaxRetryAfter shorter than the hint", meets: []step{hint(429, "2"), ok}, want: all(API(429, 1), tellsToWait(2*time.Second)),
			opts: []client.Option{client.WithRetryPolicy(client.RetryPolicy{MaxRetryAfter: 2*time.Second - 1})},
		},
		{
			name: "MaxAttempts", meets: []step{hint(429)}, want: API(429, 5),
			opts: []client.Option{client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 5})},
		},
		{name: "one attempt", meets: []step{hint(429), ok}, want: API(429, 1), opts: []client.Option{client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1})}},
		{
			name: "MaxBackoff", meets: []step{hint(429)}, want: API(429, 9), took: span{8, 800 * time.Millisecond},
			opts: []client.Option{client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 9, MinBackoff: time.Hour, MaxBackoff: 100 * time.Millisecond})},
		},
	}
	for _, value := range []string{"soon", "", "1.5", "1e3", "5, 6", "-1", "+1", "0", "0x10", "١", "Sat, 01 Jan 2000 00:00:00 GMT", "Mon, 01 Jan 1900 00:00:00 GMT", "1999-12-31T23:59:59Z"} {
		rows = append(rows, fault{name: fmt.Sprintf("29 Retry-After %q", value), meets: []step{hint(429, value), ok}, want: OK(2)})
	}
	rows = append(rows, fault{name: "29 Retry-After twice", meets: []step{hint(429, "5", "6"), ok}, want: OK(2)})
	for _, status := range []int{401, 403, 404, 409, 422, 501, 302, 304, 407, 410, 418, 505, 999} {
		for name, body := range map[string]string{"JSON": `{"message":"no"}`, "HTML": "<html>no</html>", "an empty body": ""} {
			rows = append(rows, fault{name: fmt.Sprintf("27 %d with %s", status, name), meets: []step{answers(status, body, "Retry-After", "1"), ok}, want: API(status, 1)})
		}
	}
	for _, status := range []int{500, 502, 503, 504} {
		rows = append(rows,
			fault{name: fmt.Sprintf("33 %d", status), meets: []step{answers(status, "{}")}, want: refused(status)},
			fault{name: fmt.Sprintf("33 %d with RetryAmbiguous", status), meets: []step{answers(status, "{}")}, want: API(status, 3), opts: []client.Option{ambiguous}})
	}
	run(t, rows)
}

func took(want span) outcome {
	return func(t *testing.T, r *result) { t.Helper(); requireTook(t, want, r.took) }
}

func sentAfter(attempts int) outcome { return BAD("", attempts) }

func TestFault26Redirects(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere.Add(1)
		answer(201, link)(w, r)
	}))
	t.Cleanup(target.Close)
	port := target.Listener.Addr().(*net.TCPAddr).Port
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	follow := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	usual := &http.Client{Transport: transport}
	for location, to := range map[string]string{
		"another port":          target.URL + "/connect_sessions",
		"another host":          fmt.Sprintf("http://localhost:%d/connect_sessions", port),
		"the same path":         "",
		"no location":           "none",
		"one that is no URL":    "http://[::1",
		"one with a bad escape": "http://host/%zz",
		"another scheme":        "ftp://127.0.0.1/",
		"one with user info":    "http://user:hunter2@127.0.0.1/",
	} {
		for _, status := range []int{300, 301, 302, 303, 307, 308} {
			for operation := range operations {
				t.Run(fmt.Sprintf("%s/%d/%s", location, status, operation), func(t *testing.T) {
					t.Parallel()
					var seen atomic.Int32
					server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						seen.Add(1)
						if to != "none" {
							w.Header()["Location"] = []string{to}
						}
						w.WriteHeader(status)
					}))
					t.Cleanup(server.Close)
					for _, opt := range []client.Option{client.WithUserAgent("x"), client.WithHTTPClient(follow), client.WithHTTPClient(usual)} {
						all(API(status, 1), says("redirects are not followed"))(t, call(t.Context(), t, operation, at(t, server.URL, opt)))
					}
					assert.Equal(t, int32(3), seen.Load(), "requests")
				})
			}
		}
	}
	t.Run("http on the same host", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewTLSServer(http.RedirectHandler(target.URL+"/connect_sessions", http.StatusTemporaryRedirect))
		t.Cleanup(server.Close)
		for operation := range operations {
			API(307, 1)(t, call(t.Context(), t, operation, at(t, server.URL, trusting(t, server, func(*http.Transport) {}))))
		}
	})
	t.Cleanup(func() { assert.Zero(t, elsewhere.Load(), "requests that arrived elsewhere") })
}

// The caller's HTTP client is used for its transport and time-out, and not changed.
func TestCallersHTTPClient(t *testing.T) {
	t.Parallel()
	var cookies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookies = append(cookies, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		answer(201, link)(w, r)
	}))
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	redirected := false
	hc := &http.Client{
		Transport: transport, Timeout: time.Minute, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { redirected = true; return nil },
	}
	before := *hc
	c := at(t, server.URL, client.WithHTTPClient(hc))
	for range 2 {
		OK(1)(t, call(t.Context(), t, opCreate, c))
	}
	for i := range reflect.TypeFor[http.Client]().NumField() {
		field := reflect.TypeFor[http.Client]().Field(i)
		was, is := reflect.ValueOf(before).Field(i), reflect.ValueOf(*hc).Field(i)
		if field.Type.Kind() == reflect.Func {
			assert.Equal(t, was.Pointer(), is.Pointer(), field.Name)
			continue
		}
		assert.Equal(t, was.Interface(), is.Interface(), field.Name)
	}
	assert.Same(t, transport, hc.Transport)
	assert.False(t, redirected)
	assert.Equal(t, []string{"", ""}, cookies)

	hc.Transport, hc.Timeout = meets(answers(500, "{}")), 1
	OK(1)(t, call(t.Context(), t, opCreate, c)) // what is changed later has no effect
}
