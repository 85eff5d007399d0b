package client_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// Faults that many calls of one client meet.

func TestFault36RetryBudget(t *testing.T) {
	t.Parallel()
	const calls, budget = 30, 10
	for name, tt := range map[string]struct {
		operation string
		meets     step
		last      func(attempts int) outcome
	}{
		"create, 429":       {opCreate, answers(429, "{}"), func(n int) outcome { return API(429, n) }},
		"create, refused":   {opCreate, fails(errRefused), func(n int) outcome { return transportError(false, n) }},
		"authenticate, 500": {opAuthenticate, answers(500, "{}"), func(n int) outcome { return API(500, n) }},
		"authenticate, reset": {
			opAuthenticate, failsAfterSending(errReset), func(n int) outcome { return transportError(true, n) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				transport := meets(tt.meets)
				c := through(t, transport)
				for n := range calls {
					attempts := 1
					if n < budget/2 {
						attempts = 3
					}
					// A call's own policy draws on the same budget.
					opt := client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 3})
					tt.last(attempts)(t, call(t.Context(), t, tt.operation, c, opt))
				}
				assert.Equal(t, calls+budget, transport.met, "attempts")
			})
		})
	}
	t.Run("ten successes pay for a retry", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			down := true
			c := through(t, roundTripper(func(r *http.Request) (*http.Response, error) {
				if down {
					return answers(500, "{}")(r)
				}
				return answers(201, link)(r)
			}))
			attempts := func() int { return call(t.Context(), t, opAuthenticate, c).response.Attempts }
			for spent := 0; attempts() > 1; spent++ {
				require.Less(t, spent, budget, "calls that are still repeated")
			}
			for _, want := range []struct{ successes, attempts int }{{9, 1}, {1, 2}, {0, 1}, {200, 3}} {
				down = false
				for range want.successes {
					attempts()
				}
				down = true
				assert.Equal(t, want.attempts, attempts(), "attempts after %d successes", want.successes)
			}
			sends := 3
			for range calls {
				sends += attempts()
			}
			assert.Equal(t, 1+calls+budget, sends, "attempts: the budget does not grow beyond its size")
		})
	})
	t.Run("a wait that is not begun costs nothing", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			transport := meets(answers(429, "{}", "Retry-After", "100"))
			c := through(t, transport)
			for range calls {
				API(429, 1)(t, call(t.Context(), t, opCreate, c))
			}
			transport.steps = []step{answers(429, "{}")}
			API(429, 3)(t, call(t.Context(), t, opCreate, c))
		})
	})
}

func TestFault37ManyCallersOneClient(t *testing.T) {
	t.Parallel()
	const callers = 100
	var second sync.Map // the callers that were told to come again
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			OriginOwnerID string `json:"origin_owner_id"`
			Token         string `json:"token"`
		}
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		id := body.OriginOwnerID + body.Token
		var n int
		_, err := fmt.Sscanf(id, "%d", &n)
		assert.NoError(t, err)
		own := fmt.Sprintf(`{"id":%d,"token":%q,"auth_link_url":%q,"origin_owner_id":%q,"message":%q}`, n+1, id, id, id, "caller "+id)
		switch n % 5 {
		case 0:
			answer(404, own)(w, r)
		case 1:
			_, _ = io.WriteString(w, own[:10])
		case 2:
			if _, again := second.LoadOrStore(id, true); !again {
				answer(429, own)(w, r)
				return
			}
			fallthrough
		default:
			answer(201, own)(w, r)
		}
	}))
	t.Cleanup(server.Close)
	c := at(t, server.URL)
	var all sync.WaitGroup
	for n := range callers {
		all.Go(func() {
			id := fmt.Sprint(n)
			var got string
			var response client.Response
			var err error
			opt := client.WithResponse(&response)
			if n%2 == 0 {
				var s *gen.ConnectSessionTokenAuthLink
				if s, err = c.ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{OriginOwnerID: id, OriginOwnerName: "x"}, opt); err == nil {
					got = s.Token
				}
			} else {
				var s *gen.ConnectSession
				if s, err = c.ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: id}, opt); err == nil {
					got = fmt.Sprint(s.ID - 1)
				}
			}
			var api *client.APIError
			var bad *client.ResponseError
			switch n % 5 {
			case 0:
				if assert.ErrorAs(t, err, &api) {
					assert.Contains(t, string(api.Body), fmt.Sprintf("caller %d\"", n))
				}
			case 1:
				if assert.ErrorAs(t, err, &bad) {
					assert.Equal(t, fmt.Sprintf(`{"id":%d,"token"`, n+1)[:10], string(bad.Body))
				}
			case 2:
				if err != nil { // the budget was spent
					if assert.ErrorAs(t, err, &api) {
						assert.Equal(t, 429, api.StatusCode)
						assert.Contains(t, string(api.Body), fmt.Sprintf("caller %d\"", n))
					}
					return
				}
				assert.Equal(t, 2, response.Attempts)
				assert.Equal(t, id, got)
			default:
				assert.NoError(t, err)
				assert.Equal(t, id, got)
				assert.Contains(t, string(response.Body), fmt.Sprintf("caller %d\"", n))
			}
		})
	}
	all.Wait()
}
