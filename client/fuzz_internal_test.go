package client

import (
	"math"
	"math/big"
	"net/http"
	"testing"
	"time"
)

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{
		"0", "1", "60", "-1", "+1", "1.5", "1e3", "5, 6", "", " 7", "9223372036", "9223372037", "99999999999999999999",
		"Fri, 02 Jan 2026 03:05:05 GMT", "Friday, 02-Jan-26 03:05:05 GMT", "Fri Jan  2 03:05:05 2026", "soon", "0x10",
	} {
		f.Add(seed)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	read := func(value string) time.Duration { return retryAfter(http.Header{"Retry-After": {value}}, now) }
	f.Fuzz(func(t *testing.T, value string) {
		d := read(value)
		if d < 0 {
			t.Fatalf("%q is negative: %d", value, d)
		}
		if !digits(value) {
			if _, err := http.ParseTime(value); err != nil && d != 0 {
				t.Fatalf("%q is neither seconds nor a date, and is %d", value, d)
			}
			return
		}
		seconds, _ := new(big.Int).SetString(value, 10)
		want := seconds.Mul(seconds, big.NewInt(int64(time.Second)))
		if limit := big.NewInt(math.MaxInt64); want.Cmp(limit) > 0 {
			want = limit
		}
		if want.Int64() != int64(d) {
			t.Fatalf("%q is %d, want %s", value, d, want)
		}
		if longer := read(value + "0"); longer < d {
			t.Fatalf("%q0 is %d, less than %d", value, longer, d)
		}
	})
}

func FuzzBackoff(f *testing.F) {
	f.Add(1, int64(0), int64(0))
	f.Add(64, int64(1), int64(math.MaxInt64))
	f.Add(-1, int64(time.Hour), int64(time.Second))
	f.Add(math.MaxInt, int64(math.MaxInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, n int, least, most int64) {
		p := RetryPolicy{MinBackoff: time.Duration(least), MaxBackoff: time.Duration(most)}
		if p.check() != nil {
			t.Skip("refused")
		}
		p = p.withDefaults()
		if d := p.backoff(n); d <= 0 || d > p.MaxBackoff || n <= 1 && d > p.MinBackoff {
			t.Fatalf("backoff(%d) of %+v = %d", n, p, d)
		}
	})
}
