package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/internal/wire"
)

func dialError(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }

func TestRetryable(t *testing.T) {
	t.Parallel()
	unsent := func(err error) wire.Result { return wire.Result{Err: err, Unsent: true} }
	response := func(status int, err error) wire.Result {
		return wire.Result{Response: &http.Response{StatusCode: status}, Err: err}
	}
	status := func(status int) wire.Result { return response(status, nil) }
	tests := map[string]struct {
		result               wire.Result
		create, authenticate bool
	}{
		"connection refused":  {unsent(dialError(os.NewSyscallError("connect", syscall.ECONNREFUSED))), true, true},
		"network unreachable": {unsent(dialError(syscall.ENETUNREACH)), true, true},
		"dial timeout":        {unsent(dialError(os.ErrDeadlineExceeded)), true, true},
		"attempt timeout":     {unsent(timeoutError(time.Second)), true, true},
		"DNS timeout":         {unsent(dialError(&net.DNSError{IsTimeout: true})), true, true},
		"DNS server failure":  {unsent(dialError(&net.DNSError{IsTemporary: true})), true, true},
		"proxy refused":       {unsent(&net.OpError{Op: "proxyconnect", Err: dialError(syscall.ECONNREFUSED)}), true, true},
		"SOCKS proxy refused": {unsent(&net.OpError{Op: "socks connect", Err: dialError(syscall.ECONNREFUSED)}), true, true},
		"handshake EOF":       {unsent(io.EOF), true, true},
		"handshake reset":     {unsent(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), true, true},

		// Never sent, so that a retry is safe but would only fail again.
		"no such host":       {unsent(dialError(&net.DNSError{IsNotFound: true})), false, false},
		"invalid port":       {unsent(dialError(&net.AddrError{Err: "invalid port"})), false, false},
		"unknown network":    {unsent(dialError(net.UnknownNetworkError("x"))), false, false},
		"unknown authority":  {unsent(x509.UnknownAuthorityError{}), false, false},
		"wrong host":         {unsent(&tls.CertificateVerificationError{Err: x509.HostnameError{}}), false, false},
		"server without TLS": {unsent(tls.RecordHeaderError{}), false, false},
		"proxy certificate":  {unsent(&net.OpError{Op: "proxyconnect", Err: x509.UnknownAuthorityError{}}), false, false},
		"407 of a proxy":     {unsent(errors.New("Proxy Authentication Required")), false, false},
		"invalid header":     {unsent(errors.New("net/http: invalid header field value")), false, false},

		// A key function does its own retries.
		"key function": {unsent(credentialsError{os.ErrDeadlineExceeded}), false, false},

		"broken connection": {wire.Result{Err: io.ErrUnexpectedEOF}, false, true},
		// Without proof, a dial error may concern another connection.
		"refused, maybe sent": {wire.Result{Err: dialError(syscall.ECONNREFUSED)}, false, true},

		"408": {status(408), true, true}, // documented with Retry-After as safe to repeat
		"429": {status(429), true, true},
		"500": {status(500), false, true},
		"502": {status(502), false, true},
		"503": {status(503), false, true},
		"504": {status(504), false, true},
		"501": {status(501), false, false}, // a retry would get the same response
		"505": {status(505), false, false},
		"101": {status(101), false, false},
		"99":  {status(99), false, false}, // counts as a 5xx (RFC 9110, section 15)
		"600": {status(600), false, false},
		"301": {status(301), false, false},
		"400": {status(400), false, false},
		"401": {status(401), false, false},
		"409": {status(409), false, false},
		"422": {status(422), false, false},
		"425": {status(425), false, false},
		// A success is never retried, even if its body cannot be used.
		"201 truncated": {response(201, io.ErrUnexpectedEOF), false, false},
		// Only the status decides.
		"429 truncated": {response(429, io.ErrUnexpectedEOF), true, true},
		"500 truncated": {response(500, io.ErrUnexpectedEOF), false, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.create, retryable(tt.result, false), "create")
			assert.Equal(t, tt.authenticate, retryable(tt.result, true), "authenticate, or create with RetryAmbiguous")
		})
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	for status := range 1000 {
		assert.Equal(t, status/100 == 3 || status/100 == 4 || status == 501, refusal(status), status)
	}
	assert.False(t, refusal(-1))
}

func TestOperation(t *testing.T) {
	t.Parallel()
	base, err := parseBaseURL("https://host/prefix")
	require.NoError(t, err)
	known, err := operations(base)
	require.NoError(t, err)
	tests := map[string]struct {
		name     string
		readOnly bool
	}{
		"POST /prefix/connect_sessions":              {"create_connect_session", false},
		"POST /prefix/connect_sessions/authenticate": {"authenticate_connect_session", true},
		"GET /prefix/connect_sessions":               {"GET /connect_sessions", true},
		"HEAD /prefix/x":                             {"HEAD /x", true},
		"OPTIONS /prefix/x":                          {"OPTIONS /x", true},
		"PUT /prefix/x":                              {"PUT /x", false},
		"DELETE /prefix/x":                           {"DELETE /x", false},
		"POST /prefix/accounts":                      {"POST /accounts", false},
	}
	for request, want := range tests {
		var method, path string
		_, err := fmt.Sscan(request, &method, &path)
		assert.NoError(t, err)
		req, err := http.NewRequest(method, "https://host"+path, nil)
		assert.NoError(t, err)
		got := operationOf(known, base, req)
		assert.Equal(t, want.name, got.name)
		assert.Equal(t, want.readOnly, got.readOnly, request)
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	p := RetryPolicy{MinBackoff: 100, MaxBackoff: 1000}
	limits := map[int]time.Duration{0: 100, 1: 100, 2: 200, 3: 400, 4: 800, 5: 1000, 6: 1000, math.MaxInt: 1000}
	for n, limit := range limits {
		seen := map[bool]bool{}
		for range 10_000 {
			d := p.backoff(n)
			if d <= 0 || d > limit {
				t.Fatalf("backoff(%d) = %d, want within (0, %d]", n, d, limit)
			}
			seen[d > limit/2] = true
		}
		assert.Len(t, seen, 2, "jitter covers the whole range after %d attempts", n)
	}
	for range 10_000 {
		assert.LessOrEqual(t, RetryPolicy{MinBackoff: 100, MaxBackoff: 401}.backoff(3), time.Duration(400))
	}
	assert.Equal(t, time.Duration(1), RetryPolicy{MinBackoff: 1, MaxBackoff: 1}.backoff(9))
	assert.LessOrEqual(t, RetryPolicy{MinBackoff: 1000, MaxBackoff: 10}.backoff(1), time.Duration(10))
	assert.Positive(t, RetryPolicy{MinBackoff: math.MaxInt64, MaxBackoff: math.MaxInt64}.backoff(9))
}

func TestWait(t *testing.T) {
	t.Parallel()
	const none = time.Duration(math.MaxInt64)
	p := RetryPolicy{}.withDefaults()
	tests := []struct {
		name                  string
		retryAfter, remaining time.Duration
		from, to              time.Duration
		ok                    bool
	}{
		{"no Retry-After", 0, none, 1, 200 * time.Millisecond, true},
		{"Retry-After", 10 * time.Second, none, 10 * time.Second, 11 * time.Second, true},
		{"longest Retry-After", 60 * time.Second, none, 60 * time.Second, 66 * time.Second, true},
		{"Retry-After above the limit", 60*time.Second + 1, none, 0, 0, false},
		{"largest Retry-After", math.MaxInt64, none, 0, 0, false},
		{"Retry-After fits the deadline without jitter only", 10 * time.Second, 10*time.Second + 1, 10 * time.Second, 10 * time.Second, true},
		{"Retry-After of ten nanoseconds fits the deadline", 10, 11, 10, 10, true},
		{"Retry-After ends at the deadline", 10 * time.Second, 10 * time.Second, 0, 0, false},
		{"Retry-After ends after the deadline", 10 * time.Second, time.Second, 0, 0, false},
		{"deadline reached", 0, 0, 0, 0, false},
		{"deadline long passed", time.Second, math.MinInt64, 0, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for range 1000 {
				d, ok := p.wait(1, tt.retryAfter, tt.remaining)
				if ok != tt.ok || ok && (d < tt.from || d > tt.to) {
					t.Fatalf("wait = %s, %t, want within [%s, %s], %t", d, ok, tt.from, tt.to, tt.ok)
				}
			}
		})
	}
	seen := map[bool]int{}
	for range 1000 {
		d, _ := p.wait(1, 10*time.Second, 10*time.Second+500*time.Millisecond)
		seen[d > 10*time.Second]++
		if d >= 10*time.Second+500*time.Millisecond {
			t.Fatalf("wait = %s, beyond the deadline", d)
		}
	}
	assert.InDelta(t, 500, seen[true], 150, "half of the jitter fits before the deadline")
	huge := RetryPolicy{MaxRetryAfter: math.MaxInt64}.withDefaults()
	for range 1000 {
		_, ok := huge.wait(1, 9e18, -5e18)
		assert.False(t, ok, "Retry-After plus jitter overflows a Duration")
	}
	d, ok := huge.wait(1, math.MaxInt64-1, none)
	assert.True(t, ok)
	assert.GreaterOrEqual(t, d, time.Duration(math.MaxInt64-1))
}

func TestBudget(t *testing.T) {
	t.Parallel()
	b := newBudget()
	b.give() // the budget is full
	for i := range 10 {
		assert.True(t, b.take(), strconv.Itoa(i))
	}
	assert.False(t, b.take())
	for range 9 {
		b.give()
	}
	assert.False(t, b.take(), "nine successes do not pay for a retry")
	b.give()
	assert.True(t, b.take())
	assert.False(t, b.take())
}

func TestRemaining(t *testing.T) {
	t.Parallel()
	assert.Equal(t, time.Duration(math.MaxInt64), remaining(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	assert.InDelta(t, time.Hour, remaining(ctx), float64(time.Minute))
}
