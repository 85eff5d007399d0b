package client

import (
	"math"
	"testing"
	"time"
)

func FuzzBackoff(f *testing.F) {
	f.Add(1, int64(0), int64(0))
	f.Add(64, int64(1), int64(math.MaxInt64))
	f.Add(-1, int64(time.Hour), int64(time.Second))
	f.Add(math.MaxInt, int64(math.MaxInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, n int, least, most int64) {
		p := RetryPolicy{MinBackoff: time.Duration(least), MaxBackoff: time.Duration(most)}
		if p.check() != nil {
			t.Skip("invalid policy")
		}
		p = p.withDefaults()
		if d := p.backoff(n); d <= 0 || d > p.MaxBackoff || n <= 1 && d > p.MinBackoff {
			t.Fatalf("backoff(%d) of %+v = %d", n, p, d)
		}
	})
}
