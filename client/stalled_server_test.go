package client_test

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// Servers that stop responding, in virtual time.
func TestStalledServer(t *testing.T) {
	t.Parallel()
	const timeout = 65 * time.Second
	body := okHeader + "Content-Length: 500\r\n\r\n" + link[:50]
	threeHandshakes := span{30 * time.Second, 30*time.Second + backoffs(3).max}
	tests := []struct {
		name     string
		serve    func(net.Conn)
		want     expectation
		took     span // of Create
		deadline time.Duration
		base     string
		opts     []client.Option
	}{
		{name: "TLS handshake never ends", serve: hold, want: neverSent(3), took: threeHandshakes, base: "https://localhost"},
		{
			name: "TLS handshake outlasts the attempt", serve: hold, want: all(neverSent(3), says("timeout of 1s")), base: "https://localhost",
			took: span{3 * time.Second, 3*time.Second + backoffs(3).max}, opts: []client.Option{client.WithTimeout(time.Second)},
		},
		{name: "no response header", serve: hold, want: all(ambiguous, wraps(context.DeadlineExceeded), says("timeout of 1m5s")), took: exactly(timeout)},
		{name: "response header stalls", serve: sendsAndHolds(okHeader), want: ambiguous, took: exactly(timeout)},
		{name: "no response header before the deadline", serve: hold, want: all(contextEnds(context.DeadlineExceeded, 1), maybeSent(1)), took: exactly(time.Second), deadline: time.Second},
		{name: "101 Switching Protocols, then silence", serve: sendsAndHolds("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello"), want: failsWithStatus(101, 1)},
		{name: "body stalls", serve: sendsAndHolds(body), want: all(unusable("timeout of 1m5s"), wraps(context.DeadlineExceeded)), took: exactly(timeout)},
		{name: "body stalls until the deadline", serve: sendsAndHolds(body), want: contextEnds(context.DeadlineExceeded, 1), took: exactly(time.Second), deadline: time.Second},
		{name: "error body stalls", serve: sendsAndHolds(badHeader + "Content-Length: 500\r\n\r\n{"), want: failsWithStatus(400, 1), took: exactly(timeout)},
	}
	for _, tt := range tests {
		for operation := range operations {
			t.Run(tt.name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					if tt.deadline > 0 {
						ctx, cancel = context.WithTimeout(t.Context(), tt.deadline)
					}
					defer cancel()
					transport := &http.Transport{TLSHandshakeTimeout: 10 * time.Second, DialContext: inProcess(tt.serve)}
					base := cmp.Or(tt.base, "http://localhost")
					r := call(ctx, t, operation, through(t, transport, append(tt.opts, client.WithBaseURL(base))...))
					tt.want(t, r)
					if operation == opCreate {
						requireTook(t, tt.took, r.took)
					}
					transport.CloseIdleConnections()
				})
			})
		}
	}
}
