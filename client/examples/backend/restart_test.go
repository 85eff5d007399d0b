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

// withCookies adds the cookies that a response set to a request.
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
		before := start(t, withDatabase(t, d), withFake(fake), pollingOnly)
		cookie := before.do(form("/sign-in", "customer", "customer-acme"))
		before.do(withCookies(form("/connect"), cookie))
		before.waitFor(t, "customer-acme", hasStep("waiter", "Waiting for you"))
		before.stop()

		require.NoError(t, fake.Sessions()[0].Connect("8801"))
		after := start(t, withDatabase(t, d), withFake(fake), pollingOnly)
		now := after.waitFor(t, "customer-acme", inState(connected))
		assert.Equal(t, "8801", now.Account.ID)
		page := after.do(withCookies(httptest.NewRequest(http.MethodGet, "/", nil), cookie))
		assert.Contains(t, page.Body.String(), headConnected, "the customer is still signed in")
		assert.Equal(t, 0, after.store.count(t, "sessions WHERE token <> '' OR auth_link <> ''"), "secrets are erased")
		assert.Equal(t, 1, after.store.count(t, "sessions"))
	})
}

// A session that expired while no instance was running is closed at the next start.
func TestRestartAfterExpiry(t *testing.T) {
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

// A page shows the result of a wait or webhook of another instance.
func TestTwoInstances(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		one := start(t, withDatabase(t, d), pollingOnly)
		two := start(t, withDatabase(t, d), withFake(one.fake)) // webhooks arrive here
		cookie := one.do(form("/sign-in", "customer", "customer-acme"))
		one.do(withCookies(form("/connect"), cookie))

		page := two.do(withCookies(httptest.NewRequest(http.MethodGet, "/", nil), cookie))
		assert.Contains(t, page.Body.String(), headWaiting)
		s := openStream(t, one, "customer-acme", "", "")
		_, err := one.fake.Sessions()[0].ConnectWith(stackonetest.Connection{Provider: "hibob", NoAttempt: true})
		require.NoError(t, err)
		s.waitFor(headConnected)
		assert.Equal(t, "hibob", two.waitFor(t, "customer-acme", inState(connected)).Account.Provider)

		two.do(withCookies(form("/connect"), cookie)) // the first instance still waits for the previous session
		require.NoError(t, one.fake.Sessions()[0].Cancel())
		require.NoError(t, one.fake.Sessions()[1].Connect(""))
		s.waitFor(headConnected)
	})
}
