package wire

import (
	"math"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	tests := []struct {
		name   string
		values []string
		want   time.Duration
	}{
		{"seconds", []string{"60"}, time.Minute},
		{"leading zeros", []string{"0060"}, time.Minute},
		{"largest that fits a Duration", []string{"9223372036"}, 9223372036 * time.Second},
		{"one second more", []string{"9223372037"}, math.MaxInt64},
		{"twenty digits", []string{"92233720368547758079"}, math.MaxInt64},
		{"RFC 1123", []string{"Fri, 02 Jan 2026 03:05:05 GMT"}, time.Minute},
		{"RFC 850", []string{"Friday, 02-Jan-26 03:05:05 GMT"}, time.Minute},
		{"asctime", []string{"Fri Jan  2 03:05:05 2026"}, time.Minute},
		{"date in ten years", []string{"Wed, 02 Jan 2036 03:04:05 GMT"}, 3652 * 24 * time.Hour},
		{"date too far for a Duration", []string{"Fri, 31 Dec 9999 23:59:59 GMT"}, math.MaxInt64},

		// Ignored.
		{"no header", nil, 0},
		{"two headers", []string{"1", "1"}, 0},
		{"zero", []string{"0"}, 0},
		{"negative", []string{"-1"}, 0},
		{"plus sign", []string{"+1"}, 0},
		{"fraction", []string{"1.5"}, 0},
		{"exponent", []string{"1e3"}, 0},
		{"hexadecimal", []string{"0x10"}, 0},
		{"underscore", []string{"1_0"}, 0},
		{"list", []string{"5, 6"}, 0},
		{"empty", []string{""}, 0},
		{"words", []string{"soon"}, 0},
		{"Arabic digit", []string{"٣"}, 0},
		{"current date", []string{"Fri, 02 Jan 2026 03:04:05 GMT"}, 0},
		{"past date", []string{"Fri, 02 Jan 2026 03:04:04 GMT"}, 0},
		{"date too far in the past for a Duration", []string{"Mon, 01 Jan 0001 00:00:00 GMT"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, retryAfter(http.Header{"Retry-After": tt.values}, now))
		})
	}
}

func TestRetryAfterIsRelativeToDate(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	const ahead, twoLater = "Fri, 02 Jan 2026 04:04:05 GMT", "Fri, 02 Jan 2026 04:04:07 GMT"
	tests := map[string]struct {
		value string
		dates []string
		want  time.Duration
	}{
		"server clock an hour ahead": {twoLater, []string{ahead}, 2 * time.Second},
		"server clock a day behind":  {"Thu, 01 Jan 2026 03:04:09 GMT", []string{"Thu, 01 Jan 2026 03:04:05 GMT"}, 4 * time.Second},
		"asctime Date":               {twoLater, []string{"Fri Jan  2 04:04:05 2026"}, 2 * time.Second},
		"no Date":                    {twoLater, nil, time.Hour + 2*time.Second},
		"invalid Date":               {twoLater, []string{"yesterday"}, time.Hour + 2*time.Second},
		"two Dates":                  {twoLater, []string{ahead, ahead}, time.Hour + 2*time.Second},
		"seconds ignore Date":        {"7", []string{ahead}, 7 * time.Second},
		"already past":               {ahead, []string{twoLater}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, retryAfter(http.Header{"Retry-After": {tt.value}, "Date": tt.dates}, now))
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{
		"0", "1", "60", "-1", "+1", "1.5", "1e3", "5, 6", "", " 7", "9223372036", "9223372037", "99999999999999999999",
		"Fri, 02 Jan 2026 03:05:05 GMT", "Friday, 02-Jan-26 03:05:05 GMT", "Fri Jan  2 03:05:05 2026", "soon", "0x10",
	} {
		f.Add(seed)
	}
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	read := func(value string) time.Duration { return retryAfter(http.Header{"Retry-After": {value}}, now) }
	f.Fuzz(func(t *testing.T, value string) {
		d := read(value)
		if d < 0 {
			t.Fatalf("%q is negative: %d", value, d)
		}
		if value == "" || strings.Trim(value, "0123456789") != "" {
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
