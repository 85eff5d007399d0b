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

// Servers that stall, in virtual time: net/http over connections inside the process.
func TestFaultStall(t *testing.T) {
	t.Parallel()
	const timeout = 65 * time.Second
	body := okHeader + "Content-Length: 500\r\n\r\n" + link[:50]
	handshakes := span{30 * time.Second, 30*time.Second + backoffs(3).max}
	tests := []struct {
		name     string
		serve    func(net.Conn)
		want     outcome
		took     span // of create
		deadline time.Duration
		base     string
		opts     []client.Option
	}{
		{name: "05 handshake never ends", serve: hold, want: NS, took: handshakes, base: "https://localhost"},
		{
			name: "05 handshake longer than an attempt", serve: hold, want: all(NS, says("time-out of 1s")), base: "https://localhost",
			took: span{3 * time.Second, 3*time.Second + backoffs(3).max}, opts: []client.Option{client.WithTimeout(time.Second)},
		},
		{name: "11 header never comes", serve: hold, want: all(AMB, wraps(context.DeadlineExceeded), says("time-out of 1m5s")), took: exactly(timeout)},
		{name: "11 header stalls", serve: sendsAndHolds(okHeader), want: AMB, took: exactly(timeout)},
		{name: "11 until the deadline", serve: hold, want: all(CTX(context.DeadlineExceeded, 1), transportError(true, 1)), took: exactly(time.Second), deadline: time.Second},
		{name: "13 101 stalls", serve: sendsAndHolds("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello"), want: API(101, 1)},
		{name: "16 body stalls", serve: sendsAndHolds(body), want: all(BAD("time-out of 1m5s", 1), wraps(context.DeadlineExceeded)), took: exactly(timeout)},
		{name: "16 body stalls until the deadline", serve: sendsAndHolds(body), want: CTX(context.DeadlineExceeded, 1), took: exactly(time.Second), deadline: time.Second},
		{name: "19 error stalls", serve: sendsAndHolds(badHeader + "Content-Length: 500\r\n\r\n{"), want: API(400, 1), took: exactly(timeout)},
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

func sendsAndHolds(text string) func(net.Conn) {
	return func(conn net.Conn) { sends(text)(conn); hold(conn) }
}

// inProcess dials a server that is a function.
func inProcess(serve func(net.Conn)) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() { defer theirs.Close(); serve(theirs) }()
		return ours, nil
	}
}
