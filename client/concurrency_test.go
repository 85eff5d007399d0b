package client_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// Concurrent callers of one client each get their own response.
func TestConcurrentCallers(t *testing.T) {
	t.Parallel()
	const callers = 100
	var refused sync.Map // callers that got a 429
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
			if _, again := refused.LoadOrStore(id, true); !again {
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
				if err != nil { // the retry budget is exhausted
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
