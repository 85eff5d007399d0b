package client_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// comparison proves this client's column of the README's table "Beside StackOne's
// other SDKs", row by row: each runs against a fake of its own, in virtual time.
var comparison = map[string]func(*testing.T, *stackonetest.Server){
	"Covers": func(t *testing.T, _ *stackonetest.Server) {
		var operations []string
		all := reflect.TypeFor[gen.ClientInterface]()
		for i := range all.NumMethod() {
			if name := all.Method(i).Name; !strings.HasSuffix(name, "WithBody") {
				operations = append(operations, name)
			}
		}
		assert.Subset(t, operations, []string{"CreateConnectSession", "AuthenticateConnectSession"})
	},
	"Sends a create again after": func(t *testing.T, srv *stackonetest.Server) {
		for _, status := range []int{429, 408} {
			srv.Inject(stackonetest.Fault{Status: status})
			require.NoError(t, create(srv.Client()))
		}
		refused := 0
		require.NoError(t, create(srv.Client(client.WithHTTPClient(&http.Client{Transport: roundTripper(
			func(r *http.Request) (*http.Response, error) {
				if refused++; refused == 1 {
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
		requireAPIError(t, create(srv.Client()), opCreate, 503)
		assert.Len(t, srv.Requests(), 5+3, "none of the three is sent again")
		assert.Len(t, srv.Sessions(), 3+2, "and the first two made a session")
	},
	"Goes on for": func(t *testing.T, srv *stackonetest.Server) {
		srv.Inject(stackonetest.Fault{Status: 429, Times: -1})
		requireAPIError(t, create(srv.Client()), opCreate, 429)
		assert.Len(t, srv.Requests(), 3)
	},
	"Retry-After": func(t *testing.T, srv *stackonetest.Server) {
		srv.Inject(stackonetest.Fault{Status: 429, RetryAfter: time.Minute})
		start := time.Now()
		require.NoError(t, create(srv.Client()))
		assert.GreaterOrEqual(t, time.Since(start), time.Minute)
		assert.LessOrEqual(t, time.Since(start), time.Minute*11/10)

		srv.Inject(stackonetest.Fault{Status: 429, RetryAfter: 61 * time.Second})
		start = time.Now()
		api := requireAPIError(t, create(srv.Client()), opCreate, 429)
		assert.Equal(t, 61*time.Second, api.RetryAfter)
		assert.Zero(t, time.Since(start))
	},
	"Time-out of an attempt": func(t *testing.T, srv *stackonetest.Server) {
		srv.Inject(stackonetest.Fault{Delay: time.Hour})
		start := time.Now()
		require.ErrorIs(t, create(srv.Client()), context.DeadlineExceeded)
		assert.Equal(t, 65*time.Second, time.Since(start))
	},
	"Cancelling": func(t *testing.T, srv *stackonetest.Server) {
		srv.Inject(
			stackonetest.Fault{Delay: time.Hour},
			stackonetest.Fault{Status: 429, RetryAfter: time.Minute})
		for _, during := range []string{"a request", "a wait"} {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			_, err := srv.Client().ConnectSessions.Create(ctx, owner)
			require.ErrorIs(t, err, context.Canceled, during)
			assert.Equal(t, time.Second, time.Since(start), during)
		}
	},
	"A category it does not know": func(t *testing.T, srv *stackonetest.Server) {
		const unknown gen.Category = "calendar"
		link, err := srv.Client().ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{
			OriginOwnerID: "customer-42", OriginOwnerName: "Acme", Categories: []gen.Category{unknown},
		})
		require.NoError(t, err)
		assert.Equal(t, []gen.Category{unknown}, link.Categories)
	},
	"An error status": func(t *testing.T, srv *stackonetest.Server) {
		for _, body := range []string{
			"", "<html>Bad Request</html>", `{"statusCode":400,"mess`, `{"message":"no"}`,
			`{"statusCode":400,"message":"no","timestamp":"yesterday"}`,
		} {
			srv.Inject(stackonetest.Fault{Status: 400, Body: []byte(body)})
			err := create(srv.Client())
			requireAPIError(t, err, opCreate, 400)
			assert.ErrorIs(t, err, client.ErrBadRequest, body)
		}
	},
	"Printed": func(t *testing.T, srv *stackonetest.Server) {
		c := srv.Client()
		link, err := c.ConnectSessions.Create(t.Context(), owner)
		require.NoError(t, err)
		printed := fmt.Sprintf("%+v %#v %+v %#v", c, c, link, link)
		for _, secret := range []string{srv.APIKey, link.Token, link.AuthLinkURL} {
			assert.NotContains(t, printed, secret)
		}
	},
	"Redirects": func(t *testing.T, srv *stackonetest.Server) {
		other := stackonetest.NewServer(stackonetest.InMemory())
		defer other.Close()
		srv.Inject(stackonetest.Fault{Status: 307, Header: http.Header{"Location": {other.URL + "/connect_sessions"}}})
		requireAPIError(t, create(srv.Client()), opCreate, 307)
		assert.Empty(t, other.Requests())
	},
	"Adds to a create": func(t *testing.T, srv *stackonetest.Server) {
		_, err := srv.Client().ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{
			OriginOwnerID: "customer-42", OriginOwnerName: "Acme", Metadata: map[string]any{"plan": "gold"},
		})
		require.NoError(t, err)
		assert.JSONEq(t, `{"origin_owner_id":"customer-42","origin_owner_name":"Acme","metadata":{"plan":"gold"}}`,
			string(srv.Requests()[0].Body))
	},
	"Brings": func(t *testing.T, srv *stackonetest.Server) {
		link, err := srv.Client().ConnectSessions.Create(t.Context(), owner)
		require.NoError(t, err)
		time.AfterFunc(time.Minute, func() { assert.NoError(t, srv.Session(link.Token).Connect("account-1")) })
		attempt, err := srv.Client().ConnectSessions.WaitForConnection(t.Context(), link.Token)
		require.NoError(t, err)
		assert.Equal(t, "account-1", attempt.AccountSecureID)

		payload := []byte(`{"event":"account.created"}`)
		require.NoError(t, webhook.Verify(payload, webhook.Sign(payload, "secret"), "secret"))
		require.Error(t, webhook.Verify(payload, webhook.Sign(payload, "another"), "secret"))
	},
}

// TestComparison says that each row of the table is proven here, and no other.
func TestComparison(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(readme), "\n## Beside StackOne's other SDKs\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := regexp.MustCompile(`(?m)^\| ([^|\s].*?) \|`).FindAllStringSubmatch(section, -1)
	var proven, named []string
	for _, row := range rows {
		if row[1] != "---" {
			named = append(named, row[1])
		}
	}
	for row, prove := range comparison {
		proven = append(proven, row)
		t.Run(row, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := stackonetest.NewServer(stackonetest.InMemory())
				defer srv.Close()
				prove(t, srv)
			})
		})
	}
	assert.ElementsMatch(t, proven, named)
}
