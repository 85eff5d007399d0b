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
	v := signedIn(t, h, "Acme")
	v.press("Connect your HR system")
	assert.Equal(t, headWaiting, v.heading())
	assert.Contains(t, v.text, `http-equiv="refresh"`)
	v.follow("Stop reloading")
	assert.NotContains(t, v.text, `http-equiv="refresh"`)

	v.follow("Open StackOne")
	assert.Equal(t, h.fake.URL, v.at.Scheme+"://"+v.at.Host)
	v.press("Connect")

	h.until(t, "customer-acme", knows("webhook", "account.created"))
	account := h.until(t, "customer-acme", knows("waiter", "Connected")).Account
	v.open(h.url)
	assert.Equal(t, headConnected, v.heading())
	assert.NotContains(t, v.text, `http-equiv="refresh"`)
	assert.Contains(t, v.text, account.ID)
	assert.Contains(t, v.text, fakeProvider)
}

func TestConnectByPollingAlone(t *testing.T) {
	t.Parallel()
	h := start(t, pollingOnly)
	v := signedIn(t, h, "Acme")
	v.press("Connect your HR system")
	require.NoError(t, h.fake.Sessions()[0].Connect("8801"))
	now := h.until(t, "customer-acme", is(connected))
	assert.Equal(t, "8801", now.Account.ID)
	assert.False(t, now.Account.ConnectedAt.IsZero())
	v.open("/")
	assert.Contains(t, v.text, "8801")
	assert.NotContains(t, v.text, "<dt>HR system</dt>", "only a webhook tells the provider")
}

func TestOwnerComesFromTheSignIn(t *testing.T) {
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

// One correlation ID leads through the log, from the call to the page that shows its end.
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
			h.until(t, "customer-acme", knows("webhook", "account.created"))
			h.until(t, "customer-acme", knows("waiter", "Connected"))
			s.until(headConnected)
			page := h.do(h.as(t, "customer-acme", httptest.NewRequest(http.MethodGet, "/", nil)))
			assert.Contains(t, page.Body.String(), "<code>"+id+"</code>", "for the customer to tell our support")
			for _, message := range []string{
				"stackone attempt", "wait begins", "webhook event stored", "wait ends", "page updated", "page shown",
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

// The customer can tell our support which call has failed.
func TestCorrelationIDOfAFailure(t *testing.T) {
	t.Parallel()
	h := start(t)
	v := signedIn(t, h, "Acme")
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
	v := signedIn(t, h, "Acme")
	v.press("Connect your HR system")
	details := h.fake.Sessions()[0].Details()
	assert.NotContains(t, v.text, details.Token)
	assert.NotContains(t, v.text, h.fake.APIKey)

	rec := h.do(h.as(t, "customer-acme", httptest.NewRequest(http.MethodGet, "/open", nil)))
	assert.Equal(t, details.AuthLinkURL, rec.Header().Get("Location"))
	rec = h.do(h.as(t, "customer-cobalt", httptest.NewRequest(http.MethodGet, "/open", nil)))
	assert.Equal(t, "/", rec.Header().Get("Location"), "another customer has no link")
}

func TestEnds(t *testing.T) {
	t.Parallel()
	fail := func(code, description string) func(*harness) error {
		return func(h *harness) error { return h.fake.Sessions()[0].Fail(code, description) }
	}
	tests := map[string]struct {
		end     func(*harness) error
		heading string
		text    string
	}{
		"access denied":   {fail("access_denied", "No & <b>never</b>"), headDeclined, "No &amp; &lt;b&gt;never&lt;/b&gt;"},
		"provider's own":  {fail("server_error", ""), headDeclined, "in a few minutes"},
		"set up wrong":    {fail("invalid_scope", ""), headDeclined, "<code>invalid_scope</code>"},
		"unknown code":    {fail("strange_code", ""), headDeclined, "ended the sign-in"},
		"no code":         {fail("", ""), headDeclined, "ended the sign-in"},
		"cancelled":       {func(h *harness) error { return h.fake.Sessions()[0].Cancel() }, headCancelled, "Nothing was shared"},
		"attempt expired": {func(h *harness) error { return h.fake.Sessions()[0].Expire() }, headExpired, "Begin again"},
		"token expired":   {func(h *harness) error { h.fake.Advance(sessionLife + time.Minute); return nil }, headExpired, "Begin again"},
		"refused": {func(h *harness) error {
			h.fake.Inject(stackonetest.Fault{Status: http.StatusForbidden})
			return nil
		}, headFailed, "our fault"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t)
			v := signedIn(t, h, "Acme")
			v.press("Connect your HR system")
			require.NoError(t, test.end(h))
			h.until(t, "customer-acme", func(c connection) bool { return c.State != waiting })
			v.open("/")
			assert.Equal(t, test.heading, v.heading())
			assert.Contains(t, v.text, test.text)

			v.press("Try again")
			assert.Equal(t, headWaiting, v.heading())
			sessions := h.fake.Sessions()
			require.Len(t, sessions, 2)
			require.NoError(t, sessions[1].Connect(""))
			h.until(t, "customer-acme", is(connected))
		})
	}
}

func TestServiceFailure(t *testing.T) {
	t.Parallel()
	tests := map[string]stackonetest.Fault{
		"wrong key":         {Status: http.StatusUnauthorized},
		"proxy":             stackonetest.ProxyError(http.StatusBadGateway),
		"later, much later": {Status: http.StatusTooManyRequests, RetryAfter: time.Hour},
		"no connection":     {Reset: stackonetest.ResetAfterReading},
		"of no use":         {Status: http.StatusCreated, Body: []byte("{}")},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t)
			v := signedIn(t, h, "Acme")
			h.fake.Inject(fault)
			v.press("Connect your HR system")
			assert.Equal(t, headFailed, v.heading())
			assert.NotContains(t, v.text, "stackone:", "the customer sees no inner details")
			assert.Contains(t, h.log.String(), "cannot create a connect session", "the operator does")
			assert.NotContains(t, h.log.String(), h.fake.APIKey)
			v.press("Try again")
			assert.Equal(t, headWaiting, v.heading())
		})
	}
}

func TestWaitSurvivesAnOutage(t *testing.T) {
	t.Parallel()
	h := start(t, pollingOnly)
	v := signedIn(t, h, "Acme")
	h.fake.Inject(stackonetest.Fault{
		Status: http.StatusServiceUnavailable, Times: 5,
		When: func(r stackonetest.Request) bool { return r.Path == "/connect_sessions/authenticate" },
	})
	v.press("Connect your HR system")
	require.NoError(t, h.fake.Sessions()[0].Connect(""))
	h.until(t, "customer-acme", is(connected))
}

func TestBeginningAnew(t *testing.T) {
	t.Parallel()
	h := start(t, pollingOnly)
	v := signedIn(t, h, "Acme")
	v.press("Connect your HR system")
	h.do(h.as(t, "customer-acme", form("/connect"))) // in another tab
	sessions := h.fake.Sessions()
	require.Len(t, sessions, 2)
	h.until(t, "customer-acme", knows("waiter", "Waiting for you"))

	require.NoError(t, sessions[0].Cancel()) // nobody waits for this one any more
	require.NoError(t, sessions[1].Begin())
	now := h.until(t, "customer-acme", func(c connection) bool { return c.Begun })
	assert.Equal(t, waiting, now.State)
	require.NoError(t, sessions[1].Connect(""))
	h.until(t, "customer-acme", is(connected))
}

// Beginning anew ends the wait for the session before.
func TestOneWaitForACustomer(t *testing.T) {
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
		assert.InDelta(t, 29, polls, 3, "one every 2 s and a little, for the last session alone")
		h.stop()
		h.waits.running.Wait()
	})
}

// What comes late of an earlier session, when its wait is just ending, changes nothing.
func TestLateNewsOfAnEarlierSession(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		h, ctx := start(t, on(t, d)), t.Context()
		s := h.store
		first := session{ID: "1", CustomerID: "customer-acme", Token: "first"}
		require.NoError(t, s.begin(ctx, first))
		require.NoError(t, s.begin(ctx, session{ID: "2", CustomerID: "customer-acme", Token: "second"}))
		before, err := s.connection(ctx, "customer-acme")
		require.NoError(t, err)
		h.progressed("first", &gen.ConnectSessionLatestAttempt{Status: gen.AttemptStatusPending})
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

func TestConnectingAgain(t *testing.T) {
	t.Parallel()
	h := start(t)
	v := signedIn(t, h, "Acme")
	v.press("Connect your HR system")
	require.NoError(t, h.fake.Sessions()[0].Connect(""))
	h.until(t, "customer-acme", knows("webhook", "account.created"))
	first := h.until(t, "customer-acme", knows("waiter", "Connected")).Account

	v.open("/")
	v.press("Connect again")
	require.NoError(t, h.fake.Sessions()[1].Cancel())
	h.until(t, "customer-acme", is(cancelled))
	v.open("/")
	assert.Contains(t, v.text, "Your earlier connection is still there")
	assert.Contains(t, v.text, first.ID)

	v.press("Try again")
	require.NoError(t, h.fake.Sessions()[2].Connect(""))
	h.until(t, "customer-acme", knows("webhook", "account.updated"))
	assert.Equal(t, first.ID, h.until(t, "customer-acme", is(connected)).Account.ID, "the owner has one account")
}

func TestFakeNeedsASession(t *testing.T) {
	t.Parallel()
	h := start(t)
	for _, play := range []string{"begin", "refuse", "expire"} {
		assert.Equal(t, http.StatusConflict, h.do(h.as(t, "customer-acme", form("/fake", "play", play))).Code, play)
	}
	assert.Equal(t, http.StatusBadRequest, h.do(h.as(t, "customer-acme", form("/fake", "play", "tricks"))).Code)
}

// A customer who walks away is waited for as long as the session lives, and no longer.
func TestWalkingAway(t *testing.T) {
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

// The end of the application ends a wait, and is not the customer's fault.
func TestStopWhileWaiting(t *testing.T) {
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

// The customer closes the browser while the session is being made.
func TestGoneBeforeTheAnswer(t *testing.T) {
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
	assert.Equal(t, waiting, h.connection(t, "customer-cobalt").State, "before the page opens the Hub")

	for _, who := range []string{"customer-acme", "customer-cobalt"} {
		assert.Equal(t, http.StatusOK, h.do(h.as(t, who, form("/api/hub/succeeded"))).Code)
	}
	assert.Empty(t, h.connection(t, "customer-acme").Steps, "who does not wait has nothing to report")
	now := h.connection(t, "customer-cobalt")
	assert.True(t, knows("browser", "reports success")(now))
	assert.Equal(t, waiting, now.State)
	require.NoError(t, session.Connect(""))
	h.until(t, "customer-cobalt", is(connected))
}

// A page gets no token of a session that nobody waits for.
func TestHubSessionThatCannotBeStored(t *testing.T) {
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
