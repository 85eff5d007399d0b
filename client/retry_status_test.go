package client_test

import (
	"fmt"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// hasRetryAfter expects an APIError with this RetryAfter.
func hasRetryAfter(d time.Duration) expectation {
	return func(t *testing.T, r *result) {
		t.Helper()
		var api *client.APIError
		require.ErrorAs(t, r.err, &api)
		assert.Equal(t, d, api.RetryAfter, "RetryAfter")
	}
}

// later responds with a Retry-After that is the date after d, in this layout.
func later(status int, layout string, d time.Duration) step {
	return func(r *http.Request) (*http.Response, error) {
		return responds(status, "{}", "Retry-After", time.Now().UTC().Add(d).Format(layout))(r)
	}
}

func TestStatusAndRetryAfter(t *testing.T) {
	ok := responds(201, link)
	hint := func(status int, values ...string) step {
		var header []string
		for _, v := range values {
			header = append(header, "Retry-After", v)
		}
		return responds(status, "{}", header...)
	}
	retryAmbiguous := client.WithRetryPolicy(client.RetryPolicy{RetryAmbiguous: true})
	rows := []scenario{
		{name: "429 with Retry-After 1 s", steps: []step{hint(429, "1"), ok}, want: succeeds(2), took: withJitter(time.Second)},
		{name: "429 with Retry-After 1 s, twice", steps: []step{hint(429, "1"), hint(429, "1"), ok}, want: succeeds(3), took: withJitter(2 * time.Second)},
		{name: "429 with Retry-After 1 s, three times", steps: []step{hint(429, "1")}, want: all(failsWithStatus(429, 3), hasRetryAfter(time.Second)), took: withJitter(2 * time.Second)},
		{name: "408 with Retry-After 007", steps: []step{hint(408, "007"), ok}, want: succeeds(2), took: withJitter(7 * time.Second)},
		{name: "429 without Retry-After", steps: []step{hint(429), ok}, want: succeeds(2)},
		{name: "Retry-After of 60 s", steps: []step{hint(429, "60"), ok}, want: succeeds(2), took: withJitter(time.Minute)},
		{name: "Retry-After of 61 s", steps: []step{hint(429, "61"), ok}, want: all(failsWithStatus(429, 1), hasRetryAfter(61*time.Second))},
		{name: "Retry-After of 10^9 s", steps: []step{hint(429, "1000000000"), ok}, want: all(failsWithStatus(429, 1), hasRetryAfter(1e9*time.Second))},
		{name: "largest Retry-After that fits a Duration", steps: []step{hint(429, "9223372036"), ok}, want: all(failsWithStatus(429, 1), hasRetryAfter(9223372036*time.Second))},
		{name: "Retry-After that overflows a Duration by one second", steps: []step{hint(429, "9223372037"), ok}, want: all(failsWithStatus(429, 1), hasRetryAfter(math.MaxInt64))},
		{name: "Retry-After of twenty digits", steps: []step{hint(429, "99999999999999999999"), ok}, want: all(failsWithStatus(429, 1), hasRetryAfter(math.MaxInt64))},
		{name: "Retry-After in ten years", steps: []step{later(429, http.TimeFormat, 10*365*24*time.Hour), ok}, want: all(failsWithStatus(429, 1), hasRetryAfter(10*365*24*time.Hour))},
		{name: "Retry-After in the year 9999", steps: []step{hint(429, "Fri, 31 Dec 9999 23:59:59 GMT"), ok}, want: all(failsWithStatus(429, 1), hasRetryAfter(math.MaxInt64))},
		{name: "Retry-After within the limit, then above it", steps: []step{hint(429, "1"), hint(429, "100"), ok}, want: failsWithStatus(429, 2), took: withJitter(time.Second)},
		{name: "Retry-After as an RFC 1123 date", steps: []step{later(429, http.TimeFormat, 5*time.Second), ok}, want: succeeds(2), took: withJitter(5 * time.Second)},
		{name: "Retry-After as an RFC 850 date", steps: []step{later(429, "Monday, 02-Jan-06 15:04:05 GMT", 5*time.Second), ok}, want: succeeds(2), took: withJitter(5 * time.Second)},
		{name: "Retry-After as an asctime date", steps: []step{later(429, time.ANSIC, 5*time.Second), ok}, want: succeeds(2), took: withJitter(5 * time.Second)},
		{name: "Retry-After as a date in an hour", steps: []step{later(429, time.ANSIC, time.Hour), ok}, want: all(failsWithStatus(429, 1), hasRetryAfter(time.Hour))},
		{name: "Retry-After of 60 s, deadline in 10 s", steps: []step{hint(408, "60"), ok}, want: failsWithStatus(408, 1), deadline: 10 * time.Second},
		{name: "wait would end at the deadline", steps: []step{hint(429, "10"), ok}, want: failsWithStatus(429, 1), deadline: 10 * time.Second},
		{name: "wait fits the deadline without jitter only", steps: []step{hint(429, "10"), ok}, want: succeeds(2), deadline: 10*time.Second + 1, took: exactly(10 * time.Second)},
		{name: "backoff outlasts the deadline", steps: []step{hint(429), ok}, want: failsWithStatus(429, 1), deadline: 1},
		{
			name: "second wait outlasts the deadline", steps: []step{hint(429, "6"), hint(429, "6"), ok}, want: failsWithStatus(429, 2),
			deadline: 10 * time.Second, took: withJitter(6 * time.Second),
		},
		{name: "connection refused, backoff outlasts the deadline", steps: []step{fails(errRefused)}, want: neverSent(1), deadline: 1},
		{name: "503 with Retry-After 2 s", steps: []step{hint(503, "2"), ok}, want: byOperation(all(failsWithStatus(503, 1), hasRetryAfter(2*time.Second)), all(succeeds(2), took(withJitter(2*time.Second)))), took: span{0, 3 * time.Second}},
		{name: "500, then success", steps: []step{hint(500), ok}, want: byOperation(failsWithStatus(500, 1), succeeds(2))},
		{name: "connection reset with RetryAmbiguous", steps: []step{failsAfterSending(errReset)}, want: maybeSent(3), opts: []client.Option{retryAmbiguous}},
		{name: "connection reset, then success, with RetryAmbiguous", steps: []step{failsAfterSending(errReset), ok}, want: succeeds(2), opts: []client.Option{retryAmbiguous}},
		{
			name: "connection reset, then refused, with RetryAmbiguous", steps: []step{failsAfterSending(errReset), fails(errRefused)},
			want: maybeSent(3), opts: []client.Option{retryAmbiguous},
		},
		{name: "429, then connection reset", steps: []step{hint(429), failsAfterSending(errReset), ok}, want: byOperation(maybeSent(2), succeeds(3))},
		{name: "429, then connection refused", steps: []step{hint(429), fails(errRefused)}, want: refusedThenFails(3)},
		{name: "429, then a truncated body", steps: []step{hint(429), responds(201, "{")}, want: unusableAfter(2, "")},
		{
			name: "MaxRetryAfter equal to Retry-After", steps: []step{hint(429, "2"), ok}, want: succeeds(2), took: withJitter(2 * time.Second),
			opts: []client.Option{client.WithRetryPolicy(client.RetryPolicy{MaxRetryAfter: 2 * time.Second})},
		},
		{
			name: "MaxRetryAfter below Retry-After", steps: []step{hint(429, "2"), ok}, want: all(failsWithStatus(429, 1), hasRetryAfter(2*time.Second)),
			opts: []client.Option{client.WithRetryPolicy(client.RetryPolicy{MaxRetryAfter: 2*time.Second - 1})},
		},
		{
			name: "MaxAttempts 5", steps: []step{hint(429)}, want: failsWithStatus(429, 5),
			opts: []client.Option{client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 5})},
		},
		{name: "MaxAttempts 1", steps: []step{hint(429), ok}, want: failsWithStatus(429, 1), opts: []client.Option{noRetries}},
		{
			name: "MaxBackoff below MinBackoff", steps: []step{hint(429)}, want: failsWithStatus(429, 9), took: span{8, 800 * time.Millisecond},
			opts: []client.Option{client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 9, MinBackoff: time.Hour, MaxBackoff: 100 * time.Millisecond})},
		},
	}
	for _, value := range []string{"soon", "", "1.5", "1e3", "5, 6", "-1", "+1", "0", "0x10", "١", "Sat, 01 Jan 2000 00:00:00 GMT", "Mon, 01 Jan 1900 00:00:00 GMT", "1999-12-31T23:59:59Z"} {
		rows = append(rows, scenario{name: fmt.Sprintf("unusable Retry-After %q", value), steps: []step{hint(429, value), ok}, want: succeeds(2)})
	}
	rows = append(rows, scenario{name: "Retry-After given twice", steps: []step{hint(429, "5", "6"), ok}, want: succeeds(2)})
	for _, status := range []int{401, 403, 404, 409, 422, 501, 302, 304, 407, 410, 418, 505, 999} {
		for name, body := range map[string]string{"JSON": `{"message":"no"}`, "HTML": "<html>no</html>", "an empty body": ""} {
			rows = append(rows, scenario{name: fmt.Sprintf("%d with %s", status, name), steps: []step{responds(status, body, "Retry-After", "1"), ok}, want: failsWithStatus(status, 1)})
		}
	}
	for _, status := range []int{500, 502, 503, 504} {
		rows = append(rows,
			scenario{name: fmt.Sprintf("%d", status), steps: []step{responds(status, "{}")}, want: ambiguousStatus(status)},
			scenario{name: fmt.Sprintf("%d with RetryAmbiguous", status), steps: []step{responds(status, "{}")}, want: failsWithStatus(status, 3), opts: []client.Option{retryAmbiguous}})
	}
	run(t, rows)
}
