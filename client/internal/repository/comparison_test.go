package repository

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// comparison verifies this module's column of the table "How they compare" in MIGRATION.md.
// The keys are the row and the cell. Each function runs in virtual time, with a new fake
// server.
var comparison = map[[2]string]func(*testing.T, *stackonetest.Server){
	{"Covers", "connect sessions"}: func(t *testing.T, _ *stackonetest.Server) {
		var groups []string
		for _, field := range reflect.VisibleFields(reflect.TypeFor[client.Client]()) {
			if field.IsExported() {
				groups = append(groups, field.Name)
			}
		}
		assert.Equal(t, []string{"ConnectSessions"}, groups)
	},
	{"Retries Create after", "failures that cannot have created a session: never sent, 429, 408"}: func(t *testing.T, srv *stackonetest.Server) {
		for _, status := range []int{429, 408} {
			srv.Inject(stackonetest.Fault{Status: status})
			require.NoError(t, create(srv.Client()))
		}
		attempts := 0
		require.NoError(t, create(srv.Client(client.WithHTTPClient(&http.Client{Transport: roundTripper(
			func(r *http.Request) (*http.Response, error) {
				if attempts++; attempts == 1 {
					return nil, errRefused
				}
				return srv.HTTPClient().Transport.RoundTrip(r)
			})}))))
		assert.Len(t, srv.Requests(), 2+2+1)
		assert.Len(t, srv.Sessions(), 3)

		srv.Inject(stackonetest.Fault{Reset: stackonetest.ResetAfterReading})
		var lost *client.TransportError
		require.ErrorAs(t, create(srv.Client()), &lost)
		assert.True(t, lost.MaybeSent)
		srv.Inject(stackonetest.Fault{CutBody: true})
		var cut *client.ResponseError
		require.ErrorAs(t, create(srv.Client()), &cut)
		srv.Inject(stackonetest.Fault{Status: 503})
		requireAPIError(t, create(srv.Client()), 503)
		assert.Len(t, srv.Requests(), 5+3, "none of the three is retried")
		assert.Len(t, srv.Sessions(), 3+2, "the first two created a session")
	},
	{"Gives up after", "three attempts, fewer in an outage"}: func(t *testing.T, srv *stackonetest.Server) {
		srv.Inject(stackonetest.Fault{Status: 429, Times: -1})
		requireAPIError(t, create(srv.Client()), 429)
		assert.Len(t, srv.Requests(), 3)

		c := srv.Client()
		for range 20 {
			requireAPIError(t, create(c), 429)
		}
		assert.Len(t, srv.Requests(), 3+20+10)
	},
	{"Retry-After", "honoured up to a minute; a longer one is an immediate error"}: func(t *testing.T, srv *stackonetest.Server) {
		srv.Inject(stackonetest.Fault{Status: 429, RetryAfter: time.Minute})
		start := time.Now()
		require.NoError(t, create(srv.Client()))
		assert.GreaterOrEqual(t, time.Since(start), time.Minute)
		assert.LessOrEqual(t, time.Since(start), time.Minute*11/10)

		srv.Inject(stackonetest.Fault{Status: 429, RetryAfter: 61 * time.Second})
		start = time.Now()
		api := requireAPIError(t, create(srv.Client()), 429)
		assert.Equal(t, 61*time.Second, api.RetryAfter)
		assert.Zero(t, time.Since(start))
	},
	{"Timeout for an attempt", "65 s"}: func(t *testing.T, srv *stackonetest.Server) {
		srv.Inject(stackonetest.Fault{Delay: time.Hour})
		start := time.Now()
		require.ErrorIs(t, create(srv.Client()), context.DeadlineExceeded)
		assert.Equal(t, 65*time.Second, time.Since(start))
	},
	{"Cancellation", "a context, immediately"}: func(t *testing.T, srv *stackonetest.Server) {
		srv.Inject(
			stackonetest.Fault{Delay: time.Hour},
			stackonetest.Fault{Status: 429, RetryAfter: time.Minute})
		for _, during := range []string{"a request", "a backoff"} {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			_, err := srv.Client().ConnectSessions.Create(ctx, owner)
			require.ErrorIs(t, err, context.Canceled, during)
			assert.Equal(t, time.Second, time.Since(start), during)
		}
	},
	{"Unknown category", "kept"}: func(t *testing.T, srv *stackonetest.Server) {
		const unknown gen.Category = "calendar"
		link, err := srv.Client().ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{
			OriginOwnerID: "customer-42", OriginOwnerName: "Acme", Categories: []gen.Category{unknown},
		})
		require.NoError(t, err)
		assert.Equal(t, []gen.Category{unknown}, link.Categories)
	},
	{"Error status", "`*APIError`, with a kind for each documented status, whatever the body is"}: func(t *testing.T, srv *stackonetest.Server) {
		kinds := map[int]error{
			400: client.ErrBadRequest, 401: client.ErrUnauthorized, 403: client.ErrForbidden, 404: client.ErrNotFound,
			408: client.ErrRequestTimedOut, 409: client.ErrConflict, 422: client.ErrUnprocessableEntity,
			429: client.ErrTooManyRequests, 500: client.ErrInternalServer, 501: client.ErrNotImplemented, 502: client.ErrBadGateway,
		}
		for status, kind := range kinds {
			for _, body := range []string{
				"", "<html>Bad Request</html>", `{"statusCode":400,"mess`, `{"message":"no"}`,
				`{"statusCode":400,"message":"no","timestamp":"yesterday"}`,
			} {
				srv.Inject(stackonetest.Fault{Status: status, Body: []byte(body)})
				err := create(srv.Client(client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1})))
				requireAPIError(t, err, status)
				assert.ErrorIs(t, err, kind, body)
			}
		}
	},
	{"Printed values", "no key, token or link"}: func(t *testing.T, srv *stackonetest.Server) {
		c := srv.Client()
		link, err := c.ConnectSessions.Create(t.Context(), owner)
		require.NoError(t, err)
		printed := fmt.Sprintf("%+v %#v %+v %#v", c, c, link, link)
		for _, secret := range []string{srv.APIKey, link.Token, link.AuthLinkURL} {
			assert.NotContains(t, printed, secret)
		}
	},
	{"Redirects", "an error"}: func(t *testing.T, srv *stackonetest.Server) {
		other := stackonetest.NewServer(stackonetest.InMemory())
		defer other.Close()
		srv.Inject(stackonetest.Fault{Status: 307, Header: http.Header{"Location": {other.URL + "/connect_sessions"}}})
		requireAPIError(t, create(srv.Client()), 307)
		assert.Empty(t, other.Requests())
	},
	{"Adds to Create", "nothing; `metadata` is sent unchanged"}: func(t *testing.T, srv *stackonetest.Server) {
		_, err := srv.Client().ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{
			OriginOwnerID: "customer-42", OriginOwnerName: "Acme", Metadata: map[string]any{"plan": "gold"},
		})
		require.NoError(t, err)
		assert.JSONEq(t, `{"origin_owner_id":"customer-42","origin_owner_name":"Acme","metadata":{"plan":"gold"}}`,
			string(srv.Requests()[0].Body))
	},
	{"Also includes", "waiting for the connection, webhooks, a fake server"}: func(t *testing.T, srv *stackonetest.Server) {
		link, err := srv.Client().ConnectSessions.Create(t.Context(), owner)
		require.NoError(t, err)
		time.AfterFunc(time.Minute, func() { assert.NoError(t, srv.Session(link.Token).Connect("account-1")) })
		attempt, err := connect.NewWaiter(srv.Client(), connect.WaiterOptions{}).Wait(t.Context(), link.Token)
		require.NoError(t, err)
		assert.Equal(t, "account-1", attempt.AccountSecureID)

		payload := []byte(`{"event":"account.created"}`)
		require.NoError(t, webhook.Verify(payload, webhook.Sign(payload, "secret"), "secret"))
		require.Error(t, webhook.Verify(payload, webhook.Sign(payload, "another"), "secret"))
	},
}

// TestComparison verifies each cell, and checks that comparison has exactly the cells of
// the table.
func TestComparison(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(root + "/client/MIGRATION.md")
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(guide), "\n## How they compare\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var documented, tested [][2]string
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|\s].*?) \| (.*?) \|`).FindAllStringSubmatch(section, -1) {
		if row[1] != "---" {
			documented = append(documented, [2]string{row[1], row[2]})
		}
	}
	for cell, test := range comparison {
		tested = append(tested, cell)
		t.Run(cell[0], func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := stackonetest.NewServer(stackonetest.InMemory())
				defer srv.Close()
				test(t, srv)
			})
		})
	}
	assert.ElementsMatch(t, tested, documented)
}

var (
	owner      = gen.ConnectSessionCreate{OriginOwnerID: "customer-1", OriginOwnerName: "Customer One"}
	errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
)

func create(c *client.Client) error {
	_, err := c.ConnectSessions.Create(context.Background(), owner)
	return err
}

func requireAPIError(t *testing.T, err error, status int) *client.APIError {
	t.Helper()
	var api *client.APIError
	require.ErrorAs(t, err, &api)
	assert.Equal(t, "create_connect_session", api.Operation)
	assert.Equal(t, status, api.StatusCode)
	return api
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
