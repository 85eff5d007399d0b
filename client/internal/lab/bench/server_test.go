//go:build peers

package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

var success = answer{status: http.StatusCreated, body: `{"id":42,"organization_id":"1","project_id":"103/dev-56501","categories":["hris"],"provider":"bamboohr",` +
	`"origin_owner_id":"customer-42","origin_owner_name":"Acme","created_at":"2026-01-02T03:04:05.678Z",` +
	`"metadata":{"plan":"pro"},"type":"production","token":"eyJhbGciOiJIUzI1NiJ9.eyJzZXNzaW9uX2lkIjoxMiwicHJvamVjdCI6MX0.uT5m8kq0Ww3nB7xRz1vJd4sYc9Gf2aLhEoPiKtQyVbM",` +
	`"auth_link_url":"https://app.stackone.com/embedded/accounts/connect/eyJhbGciOiJIUzI1NiJ9.eyJzZXNzaW9uX2lkIjoxMiwicHJvamVjdCI6MX0.uT5m8kq0Ww3nB7xRz1vJd4sYc9Gf2aLhEoPiKtQyVbM"}`}

// answer is what the service answers to one request.
type answer struct {
	status int
	body   string
	err    error // no answer at all
}

func (a answer) header() http.Header {
	return http.Header{
		"Content-Type": {"application/json; charset=utf-8"}, "Content-Length": {strconv.Itoa(len(a.body))},
		"X-Request-Id": {"0b1e2f3a-4c5d-4e6f-8a9b-0c1d2e3f4a5b"}, "Retry-After": {"0"},
	}
}

// memory answers request n, from 1, in the caller's goroutine: with success if
// answers is nil.
type memory struct {
	answers func(n int64) answer
	sent    atomic.Int64
}

func (m *memory) RoundTrip(r *http.Request) (*http.Response, error) {
	a := success
	if n := m.sent.Add(1); m.answers != nil {
		a = m.answers(n)
	}
	if a.err != nil {
		return nil, a.err
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status, Header: a.header(), Request: r,
		Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)),
	}, r.Body.Close()
}

const serverEnv = "BENCH_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(serverEnv) != "" {
		serve()
		return
	}
	fmt.Println("toolchain:", runtime.Version())
	m.Run()
}

// serve is the server's process, which ends with its standard input. It prints the
// addresses of a server of HTTP/1.1 and of one of HTTP/2, and the certificate.
func serve() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		maps.Copy(w.Header(), success.header())
		w.WriteHeader(success.status)
		_, _ = io.WriteString(w, success.body)
	})
	plain, secure := httptest.NewServer(handler), httptest.NewUnstartedServer(handler)
	secure.EnableHTTP2 = true
	secure.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 2000}
	secure.StartTLS()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	_ = must(0, json.NewEncoder(os.Stdout).Encode([]string{plain.URL, secure.URL, string(certificate)}))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// start runs a server until the benchmark ends, and returns its two addresses. Its
// certificate is trusted by every transport here, because crypto/x509 reads
// SSL_CERT_FILE.
func start(b *testing.B) []string {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), serverEnv+"=1")
	stdin, stdout := must(cmd.StdinPipe()), must(cmd.StdoutPipe())
	_ = must(0, cmd.Start())
	b.Cleanup(func() { stdin.Close(); _ = cmd.Wait() })
	var printed []string
	_ = must(0, json.NewDecoder(stdout).Decode(&printed))
	certificate := filepath.Join(b.TempDir(), "certificate.pem")
	_ = must(0, os.WriteFile(certificate, []byte(printed[2]), 0o600))
	b.Setenv("SSL_CERT_FILE", certificate)
	return printed[:2]
}
