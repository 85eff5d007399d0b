package client

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/internal/redact"
)

const headerRequestID = "X-Request-Id"

// Limits of printed texts, in bytes.
const maxText, maxID = 512, 128

// Response holds the last HTTP response of a call; see [WithResponse]. StatusCode, Header
// and Body are zero if the last attempt got no response. Body can contain secrets, so
// printing a Response does not show it.
type Response struct {
	StatusCode int
	Header     http.Header
	Attempts   int    // number of attempts that the call made
	Body       []byte // as received, up to the limit of WithMaxResponseBytes

	// Dropped names the members of a session that did not fit their Go type and were
	// left zero: top-level members, such as created_at, and latest_connection_attempt.status.
	// Any other member of the latest attempt is reported as latest_connection_attempt.
	Dropped []string

	retryAfter time.Duration // from when it arrived
	redactor   func() redact.Redactor
}

// Redact makes text from the service or a provider safe to log. It returns one printable
// line of about 512 bytes at most, in which the API key, tokens and links of the call are
// replaced.
func (r Response) Redact(text string) string {
	var redactor redact.Redactor
	if r.redactor != nil {
		redactor = r.redactor()
	}
	return redactor.Line(text, maxText)
}

// headerText returns the value of a header, safe to print, and "" for a huge one.
func (r Response) headerText(key string, redactor redact.Redactor) string {
	value := r.Header.Get(key)
	if len(value) > 1<<10 {
		return ""
	}
	return redactor.Line(value, maxID)
}

// Format writes the status, the number of attempts and the length of the body,
// whatever the verb.
func (r Response) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{StatusCode:%d Attempts:%d Body:%d bytes}", r.StatusCode, r.Attempts, len(r.Body))
}

// LogValue returns what slog logs: the status, the number of attempts and the length of
// the body.
func (r Response) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int("status", r.StatusCode), slog.Int("attempts", r.Attempts), slog.Int("bytes", len(r.Body)))
}
