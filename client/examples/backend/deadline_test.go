package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

// A slow StackOne does not delay a response beyond the server's write timeout.
func TestSlowStackOne(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/connect", "/api/session"} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, srv := inMemoryOn(t, sqlite(t), withHub)
				srv.Inject(stackonetest.Fault{Delay: 35 * time.Second, Times: -1})
				begun := time.Now()
				rec := h.do(h.as(t, "customer-acme", form(path)))
				assert.Less(t, time.Since(begun), requestTimeout)
				assert.Less(t, requestTimeout, writeTimeout)
				if path == "/connect" {
					assert.Equal(t, http.StatusSeeOther, rec.Code)
					assert.Equal(t, failed, h.connection(t, "customer-acme").State)
				} else {
					assert.Equal(t, http.StatusGatewayTimeout, rec.Code)
				}
				h.stop()
				srv.ClearFaults()
			})
		})
	}
}

// A database that does not respond does not delay a response beyond the request timeout.
func TestSlowDatabase(t *testing.T) {
	t.Parallel()
	body := []byte(`{"event":"account.created"}`)
	for name, test := range map[string]struct {
		request *http.Request
		want    int
	}{
		"page":      {httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK}, // the sign-in page
		"sign in":   {form("/sign-in", "customer", "customer-acme"), http.StatusInternalServerError},
		"sign out":  {form("/sign-out"), http.StatusInternalServerError},
		"connect":   {form("/connect"), http.StatusSeeOther},
		"auth link": {httptest.NewRequest(http.MethodGet, "/open", nil), http.StatusInternalServerError},
		"stream":    {httptest.NewRequest(http.MethodGet, "/events", nil), http.StatusUnauthorized},
		"Hub":       {form("/api/hub/succeeded"), http.StatusUnauthorized},
		"webhook":   {delivery(body, ""), http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, _ := inMemoryOn(t, sqlite(t), withHub, func(cfg *config) { cfg.webhookSecrets = []string{"secret"} })
				r := h.as(t, "customer-acme", test.request)
				if name == "webhook" {
					r = delivery(body, webhook.Sign(body, "secret"))
				}
				blocking, err := h.store.db.BeginTx(t.Context(), nil) // holds the only connection
				require.NoError(t, err)
				begun := time.Now()
				assert.Equal(t, test.want, h.do(r).Code)
				assert.LessOrEqual(t, time.Since(begun), requestTimeout)
				require.NoError(t, blocking.Rollback())
			})
		})
	}
}
