package stackonetest_test

import (
	"io"
	"math"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func TestFaultResponses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name     string
		fault    stackonetest.Fault
		status   int
		body     string // "": the regular body
		header   http.Header
		sessions int
	}{
		{name: "status", fault: stackonetest.Fault{Status: 503}, status: 503,
			header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}},
		{name: "status and body", fault: stackonetest.Fault{Status: 400, Body: []byte("{}")}, status: 400, body: "{}"},
		{name: "success with an unusable body", fault: stackonetest.Fault{Status: 201, Body: []byte("null")}, status: 201, body: "null",
			header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}},
		{name: "regular status with an empty body", fault: stackonetest.Fault{Body: []byte{}}, status: 201, body: "\x00", sessions: 1},
		{name: "header", fault: stackonetest.Fault{Header: http.Header{"x-request-id": {"r1"}}}, status: 201,
			header: http.Header{"X-Request-Id": {"r1"}}, sessions: 1},
		{name: "two values of a header", fault: stackonetest.Fault{Status: 429, Header: http.Header{"Retry-After": {"1", "2"}}}, status: 429,
			header: http.Header{"Retry-After": {"1", "2"}}},
		{name: "header in lower case", fault: stackonetest.Fault{Header: http.Header{"content-type": {"text/html"}}}, status: 201,
			header: http.Header{"Content-Type": {"text/html"}}, sessions: 1},
		{name: "without a content type", fault: stackonetest.Fault{Header: http.Header{"Content-Type": nil}}, status: 201,
			header: http.Header{"Content-Type": nil}, sessions: 1},
		{name: "Retry-After", fault: stackonetest.Fault{Status: 429, RetryAfter: 1100 * time.Millisecond}, status: 429,
			header: http.Header{"Retry-After": {"2"}}},
		{name: "longest Retry-After", fault: stackonetest.Fault{Status: 429, RetryAfter: math.MaxInt64}, status: 429,
			header: http.Header{"Retry-After": {"9223372037"}}},
		{name: "redirect", fault: stackonetest.Fault{Status: 307, Header: http.Header{"Location": {"http://127.0.0.1:1/"}}}, status: 307, body: "\x00"},
		{name: "status 999", fault: stackonetest.Fault{Status: 999}, status: 999},
		{name: "proxy error", fault: stackonetest.ProxyError(502), status: 502, header: http.Header{"Content-Type": {"text/html"}},
			body: "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n"},
		{name: "200", fault: stackonetest.Fault{Status: 200}, status: 200, body: "\x00"},
		{name: "429", fault: stackonetest.Fault{Status: 429}, status: 429, header: http.Header{"Retry-After": {"1"}}},
		{name: "408", fault: stackonetest.Fault{Status: 408}, status: 408, header: http.Header{"Retry-After": {"1"}}},
		{name: "429 without Retry-After", fault: stackonetest.Fault{Status: 429, Header: http.Header{"Retry-After": nil}}, status: 429,
			header: http.Header{"Retry-After": nil}},
		{name: "processed, then failed", fault: stackonetest.Fault{Status: 502, Processed: true}, status: 502, sessions: 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			srv := stackonetest.NewTestServer(t)
			hc := srv.HTTPClient()
			hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			srv.Inject(row.fault)

			got := post(t, srv, createPath, acmeJSON)
			assert.Equal(t, row.status, got.StatusCode)
			for name, values := range row.header {
				assert.Equal(t, values, got.Header[name])
			}
			switch row.body {
			case "":
				assert.True(t, got.object(t)["id"] != nil || got.object(t)["statusCode"] == float64(row.status), "%s", got.body)
			default:
				assert.Equal(t, strings.Trim(row.body, "\x00"), string(got.body))
			}
			assert.Len(t, srv.Sessions(), row.sessions)
			assert.Len(t, srv.Requests(), 1)

			assert.Equal(t, http.StatusCreated, post(t, srv, createPath, acmeJSON).StatusCode, "the next request is served")
		})
	}
}

func TestDocumentedFaultStatuses(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	for _, status := range []int{400, 401, 403, 404, 408, 409, 422, 429, 500, 501, 502} {
		srv.Inject(stackonetest.Fault{Status: status, RetryAfter: time.Minute})
		got := post(t, srv, createPath, acmeJSON)
		assert.Equal(t, status, got.StatusCode)
		assert.Equal(t, "60", got.Header.Get("Retry-After"))
		got.conforms(t)
	}
}

func TestResetsAndCutBodies(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name     string
		fault    stackonetest.Fault
		check    func(*testing.T, error)
		sessions int
		body     bool // the server has read the body
	}{
		{name: "reset before reading", fault: stackonetest.Fault{Reset: stackonetest.ResetBeforeReading}, check: wasReset},
		{name: "reset after reading", fault: stackonetest.Fault{Reset: stackonetest.ResetAfterReading}, check: wasReset, sessions: 1, body: true},
		{name: "reset after reading, with a status", fault: stackonetest.Fault{Reset: stackonetest.ResetAfterReading, Status: 500}, check: wasReset, body: true},
		{name: "cut body", fault: stackonetest.Fault{CutBody: true}, check: wasCut, sessions: 1, body: true},
		{name: "cut body of one byte", fault: stackonetest.Fault{Status: 201, Body: []byte("1"), CutBody: true}, check: wasCut, body: true},
		{name: "cut empty body", fault: stackonetest.Fault{Status: 201, CutBody: true}, check: wasCut, body: true},
		{name: "slow and cut body", fault: stackonetest.Fault{SlowBody: time.Millisecond, CutBody: true}, check: wasCut, sessions: 1, body: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			srv := stackonetest.NewTestServer(t)
			srv.Inject(row.fault)
			_, err := once(srv).ConnectSessions.Create(t.Context(), acme)
			row.check(t, err)
			assert.Len(t, srv.Sessions(), row.sessions)
			require.Len(t, srv.Requests(), 1)
			assert.Equal(t, row.body, len(srv.Requests()[0].Body) > 0)
			create(t, srv, acme)
		})
	}
}

func wasReset(t *testing.T, err error) {
	t.Helper()
	var transport *client.TransportError
	require.ErrorAs(t, err, &transport)
	assert.True(t, transport.MaybeSent)
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

func wasCut(t *testing.T, err error) {
	t.Helper()
	var response *client.ResponseError
	require.ErrorAs(t, err, &response)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestFaultsInOrder(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	srv.Inject(stackonetest.Fault{Status: 500, Times: 2}, stackonetest.Fault{Status: 502})
	srv.Inject(stackonetest.Fault{Status: 409})
	var got []int
	for range 5 {
		got = append(got, post(t, srv, createPath, acmeJSON).StatusCode)
	}
	assert.Equal(t, []int{500, 500, 502, 409, 201}, got)
}

func TestFaultsWhen(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	srv.Inject(
		stackonetest.Fault{Status: 403, When: func(r stackonetest.Request) bool { return strings.Contains(string(r.Body), "globex") }},
		stackonetest.Fault{Status: 408, Times: -1, When: func(r stackonetest.Request) bool { return r.Path == authenticatePath }},
		stackonetest.Fault{Status: 418, When: func(r stackonetest.Request) bool { return r.Header.Get("X-Tea") != "" }},
	)
	assert.Equal(t, 201, post(t, srv, createPath, acmeJSON).StatusCode)
	assert.Equal(t, 403, post(t, srv, createPath, `{"origin_owner_id":"globex","origin_owner_name":"Globex"}`).StatusCode)
	assert.Equal(t, 201, post(t, srv, createPath, `{"origin_owner_id":"globex","origin_owner_name":"Globex"}`).StatusCode)
	assert.Equal(t, 408, post(t, srv, authenticatePath, `{"token":"x"}`).StatusCode)
	assert.Equal(t, 408, post(t, srv, authenticatePath, `{"token":"x"}`).StatusCode)
	assert.Equal(t, 418, call(t, srv, http.MethodPost, createPath, acmeJSON, http.Header{"X-Tea": {"1"}}).StatusCode)
}

func TestFaultWhenReceivesTheRequest(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	var before, after stackonetest.Request
	srv.Inject(
		stackonetest.Fault{Reset: stackonetest.ResetBeforeReading, Times: -1, When: func(r stackonetest.Request) bool {
			before = r
			return r.Header.Get("X-Reset") != ""
		}},
		stackonetest.Fault{RetryAfter: time.Second, Times: -1, When: func(r stackonetest.Request) bool {
			after = r
			r.Body[0], r.Header["Content-Type"] = 'X', nil // r is a copy, so the request stays valid
			return true
		}},
	)
	assert.Equal(t, 201, post(t, srv, createPath, acmeJSON).StatusCode)
	assert.Empty(t, before.Body)
	assert.NotContains(t, before.Header, "Authorization")
	assert.Len(t, after.Body, len(acmeJSON))

	_, err := once(srv).ConnectSessions.Create(t.Context(), acme, client.WithHeader("X-Reset", "1"))
	wasReset(t, err)
	assert.Len(t, srv.Sessions(), 1)
}

// Changes to a fault after Inject have no effect.
func TestInjectCopies(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	fault := stackonetest.Fault{Status: 400, Body: []byte("one"), Header: http.Header{"X-A": {"one"}}}
	srv.Inject(fault)
	fault.Body[0] = 'X'
	fault.Header.Set("X-A", "two")
	got := post(t, srv, createPath, acmeJSON)
	assert.Equal(t, "one", string(got.body))
	assert.Equal(t, "one", got.Header.Get("X-A"))
}

// When may call methods of the server.
func TestFaultWhenMayCallTheServer(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	srv.Inject(stackonetest.Fault{RetryAfter: time.Second, When: func(stackonetest.Request) bool {
		srv.Inject(stackonetest.Fault{Status: 500})
		return len(srv.Requests()) == 0 && len(srv.Sessions()) == 0
	}})
	assert.Equal(t, 201, post(t, srv, createPath, acmeJSON).StatusCode)
	assert.Equal(t, 500, post(t, srv, createPath, acmeJSON).StatusCode)
}

func TestFaultsAgainstTheClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
		srv.Inject(stackonetest.ProxyError(502), stackonetest.Fault{Status: 429, RetryAfter: 10 * time.Second})
		c := srv.Client()
		_, err := c.ConnectSessions.Create(t.Context(), acme)
		var api *client.APIError
		require.ErrorAs(t, err, &api)
		assert.Equal(t, 502, api.StatusCode)
		assert.Contains(t, string(api.Body), "<center>proxy</center>")

		began := time.Now()
		link, err := c.ConnectSessions.Create(t.Context(), acme)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(began), 10*time.Second)

		srv.Inject(stackonetest.Fault{Reset: stackonetest.ResetAfterReading})
		_, err = c.ConnectSessions.Create(t.Context(), acme)
		var transport *client.TransportError
		require.ErrorAs(t, err, &transport)
		assert.True(t, transport.MaybeSent)
		assert.Len(t, srv.Sessions(), 2, "one of which the client does not know")

		srv.Inject(stackonetest.Fault{Reset: stackonetest.ResetBeforeReading}, stackonetest.Fault{Status: 503})
		_, err = c.ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: link.Token})
		require.NoError(t, err, "Authenticate is retried")
	})
}

func TestSwitchingProtocols(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	srv.Inject(stackonetest.Fault{Status: http.StatusSwitchingProtocols})
	res, err := srv.HTTPClient().Post(srv.URL+createPath, "application/json", nil)
	require.NoError(t, err)
	defer res.Body.Close()
	assert.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
}
