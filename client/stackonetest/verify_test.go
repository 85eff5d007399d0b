package stackonetest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

func TestUnusedFaults(t *testing.T) {
	t.Parallel()
	never := func(stackonetest.Request) bool { return false }
	for _, row := range []struct {
		name  string
		fault stackonetest.Fault
		sent  int
		want  string
	}{
		{name: "triggered", fault: stackonetest.Fault{Status: 500}, sent: 1},
		{name: "triggered, then other requests", fault: stackonetest.Fault{Status: 500}, sent: 3},
		{name: "no request", fault: stackonetest.Fault{Status: 500}, want: "stackonetest: injected fault 1 was triggered 0 of 1 times"},
		{name: "triggered less often than Times", fault: stackonetest.Fault{Status: 500, Times: 3}, sent: 2, want: "stackonetest: injected fault 1 was triggered 2 of 3 times"},
		{name: "When returns false", fault: stackonetest.Fault{Status: 500, When: never}, sent: 1, want: "stackonetest: injected fault 1 was triggered 0 of 1 times"},
		{name: "for all requests", fault: stackonetest.Fault{Status: 500, Times: -1}, sent: 2},
		{name: "for all requests, but there is none", fault: stackonetest.Fault{Status: 500, Times: -1}, want: "stackonetest: injected fault 1 was triggered 0 of 1 times"},
		{name: "changes nothing", fault: stackonetest.Fault{Times: -1, When: never, Header: http.Header{}}, sent: 1,
			want: "stackonetest: the fault changes nothing: set a status, a header, a body, a delay or a reset"},
		{name: "interim status", fault: stackonetest.Fault{Status: 103}, want: "stackonetest: status 103 cannot be sent"},
		{name: "negative status", fault: stackonetest.Fault{Status: -1}, sent: 1, want: "stackonetest: status -1 cannot be sent"},
		{name: "body of 304", fault: stackonetest.Fault{Status: 304, Body: []byte("x")}, want: "stackonetest: a response with status 304 has no body"},
		{name: "reset with a cut body", fault: stackonetest.Fault{Reset: stackonetest.ResetAfterReading, CutBody: true},
			want: "stackonetest: a fault with Reset sends no response, so it cannot change the response"},
		{name: "delayed reset before reading", fault: stackonetest.Fault{Reset: stackonetest.ResetBeforeReading, Delay: 1},
			want: "stackonetest: ResetBeforeReading excludes Status and Delay"},
		{name: "unknown reset", fault: stackonetest.Fault{Reset: 3}, want: "stackonetest: invalid Reset 3"},
		{name: "processed without a status", fault: stackonetest.Fault{Processed: true}, want: "stackonetest: Processed requires a Status"},
		{name: "negative delay", fault: stackonetest.Fault{Delay: -1}, want: "stackonetest: RetryAfter, Delay and SlowBody must not be negative"},
		{name: "negative slow body", fault: stackonetest.Fault{SlowBody: -1}, want: "stackonetest: RetryAfter, Delay and SlowBody must not be negative"},
		{name: "negative Retry-After", fault: stackonetest.Fault{RetryAfter: -1}, want: "stackonetest: RetryAfter, Delay and SlowBody must not be negative"},
		{name: "path without a slash", fault: stackonetest.Fault{Status: 500, Path: "connect_sessions"}, sent: 1,
			want: `stackonetest: path "connect_sessions" does not begin with a slash`},
		{name: "another path", fault: stackonetest.Fault{Status: 500, Path: authenticatePath}, sent: 1, want: "stackonetest: injected fault 1 was triggered 0 of 1 times"},
		{name: "informational status", fault: stackonetest.Fault{Status: 103}, want: "stackonetest: status 103 cannot be sent"},
		{name: "body of a 101", fault: stackonetest.Fault{Status: 101, Body: []byte("{}")}, want: "stackonetest: a response with status 101 has no body"},
		{name: "long status", fault: stackonetest.Fault{Status: 1000}, want: "stackonetest: status 1000 cannot be sent"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			test := &recorder{}
			srv := stackonetest.NewTestServer(test)
			srv.Inject(row.fault)
			for range row.sent {
				post(t, srv, createPath, acmeJSON)
			}
			for range 2 {
				if err := srv.Verify(); row.want == "" {
					assert.NoError(t, err)
				} else {
					assert.EqualError(t, err, row.want)
				}
			}
			test.end()
			assert.Equal(t, row.want != "", len(test.failures) == 1)
		})
	}
}

func TestPendingFaults(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewServer()
	defer srv.Close()
	assert.Empty(t, srv.Faults())
	once, thrice := stackonetest.Fault{Status: 500}, stackonetest.Fault{Status: 502, Times: 3, Path: createPath, Body: []byte("x")}
	always := stackonetest.Fault{Status: 503, Times: -1}
	srv.Inject(once, thrice, stackonetest.Fault{}, always)
	once.Times = 1
	assert.Equal(t, []stackonetest.Fault{once, thrice, always}, srv.Faults())
	post(t, srv, createPath, acmeJSON)
	assert.Equal(t, 502, post(t, srv, createPath, acmeJSON).StatusCode)
	assert.Equal(t, 503, post(t, srv, authenticatePath, `{"token":"x"}`).StatusCode)
	thrice.Times = 2
	assert.Equal(t, []stackonetest.Fault{thrice, always}, srv.Faults())
	srv.ClearFaults()
	assert.Empty(t, srv.Faults())
}

func TestRemoveFaults(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t) // Verify ignores removed faults
	srv.Inject(stackonetest.Fault{Status: 500})
	remove := srv.Inject(stackonetest.Fault{Status: 502, Times: -1}, stackonetest.Fault{Status: 503})
	srv.Inject(stackonetest.Fault{Status: 409})
	status := func() int { return post(t, srv, createPath, acmeJSON).StatusCode }
	assert.Equal(t, []int{500, 502, 502}, []int{status(), status(), status()})
	remove()
	remove()
	assert.Equal(t, []int{409, 201}, []int{status(), status()})

	srv.Inject()() // must not panic
	srv.Inject(stackonetest.Fault{Status: 500, Times: -1}, stackonetest.Fault{Status: -1})
	require.Error(t, srv.Verify())
	srv.ClearFaults()
	assert.Equal(t, 201, status())
}
