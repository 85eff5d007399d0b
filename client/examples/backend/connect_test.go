package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func TestConnectWithoutJavaScript(t *testing.T) {
	t.Parallel()
	h := start(t)
	v := signInAs(t, h, "Acme")
	v.press("Connect your HR system")
	assert.Equal(t, headWaiting, v.heading())
	assert.Contains(t, v.text, `http-equiv="refresh"`)
	v.follow("Stop reloading")
	assert.NotContains(t, v.text, `http-equiv="refresh"`)

	v.follow("Open StackOne")
	assert.Equal(t, h.fake.URL, v.pageURL.Scheme+"://"+v.pageURL.Host)
	v.press("Connect")

	h.waitFor(t, "customer-acme", hasStep("webhook", "account.created"))
	account := h.waitFor(t, "customer-acme", hasStep("waiter", "Connected")).Account
	v.open(h.url)
	assert.Equal(t, headConnected, v.heading())
	assert.NotContains(t, v.text, `http-equiv="refresh"`)
	assert.Contains(t, v.text, account.ID)
	assert.Contains(t, v.text, fakeProvider)
}

func TestConnectByPollingOnly(t *testing.T) {
	t.Parallel()
	h := start(t, pollingOnly)
	v := signInAs(t, h, "Acme")
	v.press("Connect your HR system")
	require.NoError(t, h.fake.Sessions()[0].Connect("8801"))
	now := h.waitFor(t, "customer-acme", inState(connected))
	assert.Equal(t, "8801", now.Account.ID)
	assert.False(t, now.Account.ConnectedAt.IsZero())
	v.open("/")
	assert.Contains(t, v.text, "8801")
	assert.NotContains(t, v.text, "<dt>HR system</dt>", "only webhooks report the provider")
}

func TestOwnerComesFromSignIn(t *testing.T) {
	t.Parallel()
	h := start(t, withHub)
	for _, path := range []string{"/connect", "/api/session"} {
		h.do(h.as(t, "customer-acme", form(path, "origin_owner_id", "customer-cobalt", "customer", "customer-cobalt")))
	}
	require.Len(t, h.fake.Sessions(), 2)
	for _, session := range h.fake.Sessions() {
		assert.Equal(t, "customer-acme", session.Request().OriginOwnerID)
		assert.Equal(t, []gen.Category{gen.CategoryHRIS}, session.Request().Categories)
		assert.Equal(t, gen.AccountTypeTest, session.Request().Type)
	}
}

// All log records about a session have the same correlation ID, from the call that creates
// it to the page that shows the result.
func TestCorrelationID(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/connect", "/api/session"} {
		t.Run(path, func(t *testing.T) {
			h := start(t, withHub)
			s := openStream(t, h, "customer-acme", "", "")
			h.do(h.as(t, "customer-acme", form(path)))
			id := h.connection(t, "customer-acme").Reference
			require.NotEmpty(t, id)
			require.NoError(t, h.fake.Sessions()[0].Connect(""))
			h.waitFor(t, "customer-acme", hasStep("webhook", "account.created"))
			h.waitFor(t, "customer-acme", hasStep("waiter", "Connected"))
			s.waitFor(headConnected)
			page := h.do(h.as(t, "customer-acme", httptest.NewRequest(http.MethodGet, "/", nil)))
			assert.Contains(t, page.Body.String(), "<code>"+id+"</code>", "the page shows the ID as the reference for support")
			for _, message := range []string{
				"stackone attempt", "wait started", "webhook event stored", "wait ended", "page updated", "page shown",
			} {
				assert.Contains(t, h.log.String(), `msg="`+message+`" correlation_id=`+id)
			}
			for line := range strings.Lines(h.log.String()) {
				for _, secret := range []string{h.fake.APIKey, h.fake.webhookSecret, h.fake.Sessions()[0].Details().Token} {
					assert.NotContains(t, line, secret)
				}
			}
		})
	}
}

// The page shows the correlation ID of a failed call as the reference for support.
func TestCorrelationIDOfFailedCreate(t *testing.T) {
	t.Parallel()
	h := start(t)
	v := signInAs(t, h, "Acme")
	h.fake.Inject(stackonetest.Fault{Status: http.StatusForbidden})
	v.press("Connect your HR system")
	id := h.connection(t, "customer-acme").Reference
	require.NotEmpty(t, id)
	assert.Contains(t, v.text, "<code>"+id+"</code>")
	assert.Regexp(t, `"cannot create a connect session" correlation_id=`+id, h.log.String())
	assert.Regexp(t, `"stackone attempt" correlation_id=`+id, h.log.String())
}

func TestSecretsStayOnTheServer(t *testing.T) {
	t.Parallel()
	h := start(t)
	v := signInAs(t, h, "Acme")
	v.press("Connect your HR system")
	details := h.fake.Sessions()[0].Details()
	assert.NotContains(t, v.text, details.Token)
	assert.NotContains(t, v.text, h.fake.APIKey)

	rec := h.do(h.as(t, "customer-acme", httptest.NewRequest(http.MethodGet, "/open", nil)))
	assert.Equal(t, details.AuthLinkURL, rec.Header().Get("Location"))
	rec = h.do(h.as(t, "customer-cobalt", httptest.NewRequest(http.MethodGet, "/open", nil)))
	assert.Equal(t, "/", rec.Header().Get("Location"), "another customer does not get the link")
}

func TestUnsuccessfulConnections(t *testing.T) {
	t.Parallel()
	failWith := func(code, description string) func(*harness) error {
		return func(h *harness) error { return h.fake.Sessions()[0].Fail(code, description) }
	}
	tests := map[string]struct {
		cause   func(*harness) error
		heading string
		text    string
	}{
		"access denied":      {failWith("access_denied", "No & <b>never</b>"), headDeclined, "No &amp; &lt;b&gt;never&lt;/b&gt;"},
		"server error":       {failWith("server_error", ""), headDeclined, "in a few minutes"},
		"invalid scope":      {failWith("invalid_scope", ""), headDeclined, "<code>invalid_scope</code>"},
		"unknown error code": {failWith("strange_code", ""), headDeclined, "returned an error during the sign-in"},
		"no error code":      {failWith("", ""), headDeclined, "returned an error during the sign-in"},
		"cancelled":          {func(h *harness) error { return h.fake.Sessions()[0].Cancel() }, headCancelled, "No data was shared"},
		"attempt expired":    {func(h *harness) error { return h.fake.Sessions()[0].Expire() }, headExpired, "Start again"},
		"token expired":      {func(h *harness) error { h.fake.Advance(sessionLife + time.Minute); return nil }, headExpired, "Start again"},
		"403 while waiting": {func(h *harness) error {
			h.fake.Inject(stackonetest.Fault{Status: http.StatusForbidden})
			return nil
		}, headFailed, "our fault"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t)
			v := signInAs(t, h, "Acme")
			v.press("Connect your HR system")
			require.NoError(t, test.cause(h))
			h.waitFor(t, "customer-acme", func(c connection) bool { return c.State != waiting })
			v.open("/")
			assert.Equal(t, test.heading, v.heading())
			assert.Contains(t, v.text, test.text)

			v.press("Try again")
			assert.Equal(t, headWaiting, v.heading())
			sessions := h.fake.Sessions()
			require.Len(t, sessions, 2)
			require.NoError(t, sessions[1].Connect(""))
			h.waitFor(t, "customer-acme", inState(connected))
		})
	}
}

func TestCreateFails(t *testing.T) {
	t.Parallel()
	tests := map[string]stackonetest.Fault{
		"401":                         {Status: http.StatusUnauthorized},
		"502 from a proxy":            stackonetest.ProxyError(http.StatusBadGateway),
		"429 with a long Retry-After": {Status: http.StatusTooManyRequests, RetryAfter: time.Hour},
		"connection reset":            {Reset: stackonetest.ResetAfterReading},
		"unusable response":           {Status: http.StatusCreated, Body: []byte("{}")},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t)
			v := signInAs(t, h, "Acme")
			h.fake.Inject(fault)
			v.press("Connect your HR system")
			assert.Equal(t, headFailed, v.heading())
			assert.NotContains(t, v.text, "stackone:", "the page shows no internal details")
			assert.Contains(t, h.log.String(), "cannot create a connect session")
			assert.NotContains(t, h.log.String(), h.fake.APIKey)
			v.press("Try again")
			assert.Equal(t, headWaiting, v.heading())
		})
	}
}

func TestWaitDuringOutage(t *testing.T) {
	t.Parallel()
	h := start(t, pollingOnly)
	v := signInAs(t, h, "Acme")
	h.fake.Inject(stackonetest.Fault{
		Status: http.StatusServiceUnavailable, Times: 5,
		When: func(r stackonetest.Request) bool { return r.Path == "/connect_sessions/authenticate" },
	})
	v.press("Connect your HR system")
	require.NoError(t, h.fake.Sessions()[0].Connect(""))
	h.waitFor(t, "customer-acme", inState(connected))
}

func TestStartAgainWhileWaiting(t *testing.T) {
	t.Parallel()
	h := start(t, pollingOnly)
	v := signInAs(t, h, "Acme")
	v.press("Connect your HR system")
	h.do(h.as(t, "customer-acme", form("/connect"))) // in another tab
	sessions := h.fake.Sessions()
	require.Len(t, sessions, 2)
	h.waitFor(t, "customer-acme", hasStep("waiter", "Waiting for you"))

	require.NoError(t, sessions[0].Cancel()) // has no effect, because its wait was cancelled
	require.NoError(t, sessions[1].Begin())
	now := h.waitFor(t, "customer-acme", func(c connection) bool { return c.Begun })
	assert.Equal(t, waiting, now.State)
	require.NoError(t, sessions[1].Connect(""))
	h.waitFor(t, "customer-acme", inState(connected))
}

// Starting again cancels the wait for the previous session.
func TestOneWaitPerCustomer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, srv := inMemory(t)
		for range 3 {
			h.do(h.as(t, "customer-acme", form("/connect")))
			synctest.Wait()
		}
		before := len(srv.Requests())
		time.Sleep(time.Minute)
		polls := len(srv.Requests()) - before
		assert.InDelta(t, 29, polls, 3, "one poll about every 2 s, only of the last session")
		h.stop()
		h.waits.running.Wait()
	})
}

// Progress and results of an earlier session change nothing, even if its wait reports them
// after the customer has started again.
func TestLateResultOfEarlierSession(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		h, ctx := start(t, withDatabase(t, d)), t.Context()
		s := h.store
		first := session{ID: "1", CustomerID: "customer-acme", Token: "first"}
		require.NoError(t, s.begin(ctx, first))
		require.NoError(t, s.begin(ctx, session{ID: "2", CustomerID: "customer-acme", Token: "second"}))
		before, err := s.connection(ctx, "customer-acme")
		require.NoError(t, err)
		h.storeProgress("first", &gen.ConnectSessionLatestAttempt{Status: gen.AttemptStatusPending})
		require.NoError(t, s.connected(ctx, first, &gen.ConnectSessionLatestAttempt{AccountSecureID: "1"}))
		require.NoError(t, s.finish(ctx, first, expired, "", connect.ConnectionError{}))
		after, err := s.connection(ctx, "customer-acme")
		require.NoError(t, err)
		before.Version = after.Version
		assert.Equal(t, before, after)
		now, err := s.session(ctx, "customer-acme")
		require.NoError(t, err)
		assert.Equal(t, "second", now.Token)
	})
}

func TestReconnect(t *testing.T) {
	t.Parallel()
	h := start(t)
	v := signInAs(t, h, "Acme")
	v.press("Connect your HR system")
	require.NoError(t, h.fake.Sessions()[0].Connect(""))
	h.waitFor(t, "customer-acme", hasStep("webhook", "account.created"))
	first := h.waitFor(t, "customer-acme", hasStep("waiter", "Connected")).Account

	v.open("/")
	v.press("Connect again")
	require.NoError(t, h.fake.Sessions()[1].Cancel())
	h.waitFor(t, "customer-acme", inState(cancelled))
	v.open("/")
	assert.Contains(t, v.text, "Your earlier connection is still active")
	assert.Contains(t, v.text, first.ID)

	v.press("Try again")
	require.NoError(t, h.fake.Sessions()[2].Connect(""))
	h.waitFor(t, "customer-acme", hasStep("webhook", "account.updated"))
	assert.Equal(t, first.ID, h.waitFor(t, "customer-acme", inState(connected)).Account.ID, "the account is updated, not created again")
}

func TestSimulateWithoutSession(t *testing.T) {
	t.Parallel()
	h := start(t)
	for _, outcome := range []string{"begin", "deny", "expire"} {
		assert.Equal(t, http.StatusConflict, h.do(h.as(t, "customer-acme", form("/fake", "outcome", outcome))).Code, outcome)
	}
	assert.Equal(t, http.StatusBadRequest, h.do(h.as(t, "customer-acme", form("/fake", "outcome", "unknown"))).Code)
}

// If the customer never connects, the wait ends when the session expires.
func TestCustomerNeverConnects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, srv := inMemory(t)
		begun := time.Now()
		h.do(h.as(t, "customer-acme", form("/connect")))
		h.waits.running.Wait()
		assert.Equal(t, sessionLife, time.Since(begun).Round(5*time.Second))
		now := h.connection(t, "customer-acme")
		assert.Equal(t, expired, now.State)
		assert.LessOrEqual(t, len(srv.Requests()), 1+int(sessionLife/(2*time.Second))+1)
	})
}

// Shutdown cancels a wait without changing the connection, so that a restart can resume it.
func TestShutdownWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _ := inMemory(t)
		h.do(h.as(t, "customer-acme", form("/connect")))
		synctest.Wait()
		h.stop()
		h.waits.running.Wait()
		now := h.connection(t, "customer-acme")
		assert.Equal(t, waiting, now.State)
	})
}

// If the browser disconnects while the session is created, no failure is stored.
func TestDisconnectBeforeResponse(t *testing.T) {
	t.Parallel()
	h := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	h.fake.Inject(stackonetest.Fault{Delay: time.Hour, When: func(stackonetest.Request) bool { cancel(); return true }})
	h.do(h.as(t, "customer-acme", form("/connect")).WithContext(ctx))
	now := h.connection(t, "customer-acme")
	assert.Equal(t, ready, now.State)
}

func TestHubSession(t *testing.T) {
	t.Parallel()
	h := start(t, withHub)
	rec := h.do(h.as(t, "customer-cobalt", form("/api/session")))
	require.Equal(t, http.StatusOK, rec.Code)
	session := h.fake.Sessions()[0]
	assert.Contains(t, rec.Body.String(), session.Details().Token)
	assert.Equal(t, waiting, h.connection(t, "customer-cobalt").State, "the wait starts before the page opens the Hub")

	for _, who := range []string{"customer-acme", "customer-cobalt"} {
		assert.Equal(t, http.StatusOK, h.do(h.as(t, who, form("/api/hub/succeeded"))).Code)
	}
	assert.Empty(t, h.connection(t, "customer-acme").Steps, "ignored for a customer without an open session")
	now := h.connection(t, "customer-cobalt")
	assert.True(t, hasStep("browser", "reports success")(now))
	assert.Equal(t, waiting, now.State)
	require.NoError(t, session.Connect(""))
	h.waitFor(t, "customer-cobalt", inState(connected))
}

// If a session cannot be stored, the page does not get its token.
func TestHubSessionNotStored(t *testing.T) {
	t.Parallel()
	h := start(t, withHub)
	r := h.as(t, "customer-acme", form("/api/session"))
	require.NoError(t, h.store.transact(t.Context(), func(tx *tx) { tx.exec("DROP TABLE sessions") }))
	rec := h.do(r)
	assert.Equal(t, http.StatusInternalServerError, rec.Code)
	require.Len(t, h.fake.Sessions(), 1)
	assert.NotContains(t, rec.Body.String(), h.fake.Sessions()[0].Details().Token)
	assert.Contains(t, h.log.String(), "cannot store a connect session")
}
