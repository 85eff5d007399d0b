package calls

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

// What the service answers: the documented success and a refusal.
const (
	link = `{"id":42,"organization_id":"1","project_id":"103/dev-56501","categories":["hris"],"provider":"bamboohr",` +
		`"origin_owner_id":"customer-42","origin_owner_name":"Acme","created_at":"2026-01-02T03:04:05.678Z",` +
		`"metadata":{"plan":"pro"},"type":"production","token":"eyJhbGciOiJIUzI1NiJ9.token",` +
		`"auth_link_url":"https://app.stackone.com/embedded/accounts/connect/eyJhbGciOiJIUzI1NiJ9.token"}`
	read = `{"id":42,"organization_id":"1","project_id":"103/dev-56501","categories":["hris"],"provider":"bamboohr",` +
		`"origin_owner_id":"customer-42","origin_owner_name":"Acme","created_at":"2026-01-02T03:04:05.678Z",` +
		`"metadata":{"plan":"pro"},"type":"production","latest_connection_attempt":{"id":"attempt-1","status":"pending",` +
		`"created_at":"2026-01-02T03:05:00Z","updated_at":"2026-01-02T03:05:00Z"}}`
	refusal = `{"statusCode":429,"message":"Too Many Requests","timestamp":"2026-01-02T03:04:05.678Z"}`

	requestID = "0b1e2f3a-4c5d-4e6f-8a9b-0c1d2e3f4a5b"
)

func success(path string) string {
	if strings.HasSuffix(path, "/authenticate") {
		return read
	}
	return link
}

// Handler answers every request with success.
func Handler(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	text := success(r.URL.Path)
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("X-Request-Id", requestID)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, text)
}

// Memory is a RoundTripper that answers every request at once, with success
// unless Refuse says otherwise.
type Memory struct {
	Refuse func() bool // 429 instead; may be nil
}

// RoundTrip reads the request's body, as a transport does.
func (m *Memory) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	if err := r.Body.Close(); err != nil {
		return nil, err
	}
	status, text := http.StatusCreated, success(r.URL.Path)
	if m.Refuse != nil && m.Refuse() {
		status, text = http.StatusTooManyRequests, refusal
	}
	return &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Content-Type": {"application/json; charset=utf-8"},
			"X-Request-Id": {requestID},
		},
		Body:          io.NopCloser(strings.NewReader(text)),
		ContentLength: int64(len(text)),
		Request:       r,
	}, nil
}
