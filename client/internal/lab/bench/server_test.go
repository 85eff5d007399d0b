//go:build peers

package bench

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

const created = `{"id":42,"organization_id":"1","project_id":"103/dev-56501","categories":["hris"],"provider":"bamboohr",` +
	`"origin_owner_id":"customer-42","origin_owner_name":"Acme","created_at":"2026-01-02T03:04:05.678Z",` +
	`"metadata":{"plan":"pro"},"type":"production","token":"eyJhbGciOiJIUzI1NiJ9.token",` +
	`"auth_link_url":"https://app.stackone.com/embedded/accounts/connect/eyJhbGciOiJIUzI1NiJ9.token"}`

// memory answers every request in the caller's goroutine.
type memory struct{}

func (*memory) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	if err := r.Body.Close(); err != nil {
		return nil, err
	}
	return response(r, http.StatusCreated, created), nil
}

func response(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Content-Type": {"application/json; charset=utf-8"},
			"X-Request-Id": {"0b1e2f3a-4c5d-4e6f-8a9b-0c1d2e3f4a5b"},
		},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}
