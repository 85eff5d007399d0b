package wire

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryAfter parses a Retry-After header (RFC 9110, section 10.2.3): whole seconds, or a
// date, taken relative to the response's Date header if it has one. It returns 0 for
// anything else, for a time in the past and for more than one value. A value too large
// for a Duration gives the largest Duration.
func retryAfter(h http.Header, now func() time.Time) time.Duration {
	value := single(h["Retry-After"])
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, _ := strconv.ParseInt(value, 10, 64) // the largest int64 if out of range
		if seconds > math.MaxInt64/int64(time.Second) {
			return math.MaxInt64
		}
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	sent, err := http.ParseTime(single(h["Date"]))
	if err != nil {
		sent = now()
	}
	return max(0, until.Sub(sent)) // Sub saturates
}

// single returns the only value, or "" if there is none or more than one.
func single(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return values[0]
}
