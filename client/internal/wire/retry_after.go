package wire

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryAfter reads a Retry-After header (RFC 9110, section 10.2.3): whole seconds, or
// a date, which is relative to the answer's own Date when it has one. It returns 0 for
// anything else, for a time in the past and for more than one value, and the longest
// Duration for what does not fit in one.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value, ok := single(h["Retry-After"])
	if !ok {
		return 0
	}
	if value != "" && strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > math.MaxInt64/int64(time.Second) {
			return math.MaxInt64
		}
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, ok := single(h["Date"]); ok {
		if sent, err := http.ParseTime(date); err == nil {
			now = sent
		}
	}
	return max(0, until.Sub(now)) // Sub saturates
}

func single(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	return values[0], true
}
