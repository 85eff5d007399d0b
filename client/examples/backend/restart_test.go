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
)

// withCookies makes a request with the cookies that an instance has set.
func withCookies(r *http.Request, from *httptest.ResponseRecorder) *http.Request {
	for _, cookie := range from.Result().Cookies() {
		r.AddCookie(cookie)
	}
	return r
}

func TestRestart(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		fake := sharedFake(t)
		before := start(t, on(t, d), with(fake), pollingOnly)
		cookie := before.do(form("/sign-in", "customer", "customer-acme"))
		before.do(withCookies(form("/connect"), cookie))
		before.until(t, "customer-acme", knows("waiter", "Waiting for you"))
		before.stop()

		require.NoError(t, fake.Sessions()[0].Connect("8801"))
		after := start(t, on(t, d), with(fake), pollingOnly)
		now := after.until(t, "customer-acme", is(connected))
		assert.Equal(t, "8801", now.Account.ID)
		page := after.do(withCookies(httptest.NewRequest(http.MethodGet, "/", nil), cookie))
		assert.Contains(t, page.Body.String(), headConnected, "the customer is signed in as before")
		assert.Equal(t, 0, after.store.count(t, "sessions WHERE token <> '' OR auth_link <> ''"), "secrets are erased")
		assert.Equal(t, 1, after.store.count(t, "sessions"))
	})
}

// A session that has expired while no instance ran does not stay open.
func TestRestartAfterTheSessionHasExpired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := sqlite(t)
		h, _ := inMemoryOn(t, d)
		h.do(h.as(t, "customer-acme", form("/connect")))
		h.stop()
		h.waits.running.Wait()
		require.Equal(t, waiting, h.connection(t, "customer-acme").State)
		time.Sleep(sessionLife)

		h, _ = inMemoryOn(t, d)
		h.waits.running.Wait()
		assert.Equal(t, expired, h.connection(t, "customer-acme").State)
	})
}

// A page shows what another instance has learned, from a wait or a webhook.
func TestTwoInstances(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		one := start(t, on(t, d), pollingOnly)
		two := start(t, on(t, d), with(one.fake)) // webhooks arrive here
		cookie := one.do(form("/sign-in", "customer", "customer-acme"))
		one.do(withCookies(form("/connect"), cookie))

		page := two.do(withCookies(httptest.NewRequest(http.MethodGet, "/", nil), cookie))
		assert.Contains(t, page.Body.String(), headWaiting)
		s := openStream(t, one, "customer-acme", "", "")
		_, err := one.fake.Sessions()[0].ConnectWith(stackonetest.Connection{Provider: "hibob", NoAttempt: true})
		require.NoError(t, err)
		s.until(headConnected)
		assert.Equal(t, "hibob", two.until(t, "customer-acme", is(connected)).Account.Provider)

		two.do(withCookies(form("/connect"), cookie)) // one still waits for the session before
		require.NoError(t, one.fake.Sessions()[0].Cancel())
		require.NoError(t, one.fake.Sessions()[1].Connect(""))
		s.until(headConnected)
	})
}
