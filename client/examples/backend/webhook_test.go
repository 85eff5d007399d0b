package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

type payload map[string]any

// accountEvent returns an event about Acme's account 8801, dated 12:00, with changes
// applied.
func accountEvent(event string, changes payload) payload {
	p := payload{
		"event": event, "event_date": "2026-11-22T12:00:00Z", "project_id": "p", "record_type": "account",
		"record_id": 8801, "account_id": "8801", "provider": "hibob", "origin_owner_id": "customer-acme",
	}
	maps.Copy(p, changes)
	return p
}

// deliverEvent posts an event like StackOne, and returns the status of the response.
func (h *harness) deliverEvent(t *testing.T, p payload) int {
	t.Helper()
	body, err := json.Marshal(p)
	require.NoError(t, err)
	return h.do(delivery(body, webhook.Sign(body, h.fake.webhookSecret))).Code
}

func delivery(body []byte, signature string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, webhookPath, strings.NewReader(string(body)))
	r.Header.Set(webhook.SignatureHeader, signature)
	return r
}

func TestWebhookUpdatesState(t *testing.T) {
	t.Parallel()
	h := start(t)
	require.Equal(t, http.StatusOK, h.deliverEvent(t, accountEvent("account.created", nil)))
	v := signInAs(t, h, "Acme")
	assert.Equal(t, headConnected, v.heading())
	for _, want := range []string{"8801", "hibob", "22 November 2026, 12:00 UTC"} {
		assert.Contains(t, v.text, want)
	}
	assert.Equal(t, headReady, signInAs(t, h, "Cobalt Logistics").heading())

	require.Equal(t, http.StatusOK, h.deliverEvent(t, accountEvent("account.deleted", payload{"event_date": "2026-11-22T13:00:00Z"})))
	v.open("/")
	assert.Equal(t, headReady, v.heading())
}

func TestWebhookRejected(t *testing.T) {
	t.Parallel()
	h := start(t)
	body, err := json.Marshal(accountEvent("account.created", nil))
	require.NoError(t, err)
	good := webhook.Sign(body, h.fake.webhookSecret)
	tests := map[string]struct {
		request *http.Request
		want    int
	}{
		"no signature":            {delivery(body, ""), 401},
		"another secret":          {delivery(body, webhook.Sign(body, "other")), 401},
		"padded signature":        {delivery(body, good+"="), 401},
		"another body":            {delivery([]byte(strings.Replace(string(body), "acme", "cobalt", 1)), good), 401},
		"not JSON":                {delivery([]byte("{"), webhook.Sign([]byte("{"), h.fake.webhookSecret)), 400},
		"signed in, no signature": {h.as(t, "customer-acme", delivery(body, "")), 401},
	}
	for name, test := range tests {
		assert.Equal(t, test.want, h.do(test.request).Code, name)
	}
	for _, who := range customers() {
		now := h.connection(t, who.ID)
		assert.Equal(t, ready, now.State, who.Name)
	}
}

func TestWebhookEvents(t *testing.T) {
	t.Parallel()
	earlier, later := payload{"event_date": "2026-11-22T11:00:00Z"}, payload{"event_date": "2026-11-22T13:00:00Z"}
	withField := func(p payload, name string, value any) payload {
		q := payload{name: value}
		maps.Copy(q, p)
		return q
	}
	tests := map[string]struct {
		events  []payload
		account string
		steps   int
	}{
		"created":                                 {[]payload{accountEvent("account.created", nil)}, "8801", 1},
		"updated":                                 {[]payload{accountEvent("account.updated", nil)}, "8801", 1},
		"duplicate creation":                      {[]payload{accountEvent("account.created", nil), accountEvent("account.created", payload{"sent_at": "2026-11-22T12:01:00Z"})}, "8801", 1},
		"deleted":                                 {[]payload{accountEvent("account.created", nil), accountEvent("account.deleted", later)}, "", 2},
		"late update after deletion":              {[]payload{accountEvent("account.created", nil), accountEvent("account.deleted", later), accountEvent("account.updated", earlier)}, "", 2},
		"deletion without owner":                  {[]payload{accountEvent("account.created", nil), accountEvent("account.deleted", withField(later, "origin_owner_id", nil))}, "", 2},
		"deletion of unknown account":             {[]payload{accountEvent("account.deleted", payload{"origin_owner_id": nil})}, "", 0},
		"unknown owner":                           {[]payload{accountEvent("account.created", payload{"origin_owner_id": "customer-of-another-application"})}, "", 0},
		"deletion before creation":                {[]payload{accountEvent("account.deleted", later), accountEvent("account.created", nil)}, "", 0},
		"deletion without owner before creation":  {[]payload{accountEvent("account.deleted", withField(later, "origin_owner_id", nil)), accountEvent("account.created", nil)}, "", 0},
		"deletion and creation with same date":    {[]payload{accountEvent("account.deleted", nil), accountEvent("account.created", nil)}, "", 0},
		"undated creation after deletion":         {[]payload{accountEvent("account.deleted", nil), accountEvent("account.created", payload{"event_date": nil})}, "", 0},
		"undated deletion after creation":         {[]payload{accountEvent("account.created", nil), accountEvent("account.deleted", payload{"event_date": nil})}, "", 2},
		"reconnected after deletion":              {[]payload{accountEvent("account.deleted", nil), accountEvent("account.updated", later)}, "8801", 1},
		"late update after creation":              {[]payload{accountEvent("account.created", later), accountEvent("account.updated", earlier)}, "8801", 1},
		"late deletion after update":              {[]payload{accountEvent("account.updated", later), accountEvent("account.deleted", earlier)}, "8801", 1},
		"late creation of another account":        {[]payload{accountEvent("account.created", nil), accountEvent("account.created", withField(earlier, "account_id", "2"))}, "8801", 1},
		"another account deleted before creation": {[]payload{accountEvent("account.deleted", withField(later, "account_id", "2")), accountEvent("account.created", nil)}, "8801", 1},
		"another account deleted":                 {[]payload{accountEvent("account.created", nil), accountEvent("account.deleted", withField(later, "account_id", "1"))}, "8801", 1},
		"unknown event type":                      {[]payload{accountEvent("account.unknown", nil)}, "", 0},
		"undated update of another account":       {[]payload{accountEvent("account.created", nil), accountEvent("account.updated", payload{"event_date": nil, "account_id": "2"})}, "2", 2},
	}
	onEachDatabase(t, func(t *testing.T, d database) {
		s := d.open(t)
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				s.clear(t)
				h := start(t, func(cfg *config) { cfg.store = s })
				for _, event := range test.events {
					require.Equal(t, http.StatusOK, h.deliverEvent(t, event))
				}
				now := h.connection(t, "customer-acme")
				assert.Equal(t, test.account, now.Account.ID)
				assert.Len(t, now.Steps, test.steps)
				assert.Equal(t, test.account != "", now.State == connected)
			})
		}
	})
}

func TestWebhookWithoutOwner(t *testing.T) {
	t.Parallel()
	h := start(t)
	h.deliverEvent(t, accountEvent("account.created", nil))
	h.deliverEvent(t, accountEvent("account.created", payload{"origin_owner_id": "customer-cobalt", "account_id": "9900"}))
	h.deliverEvent(t, accountEvent("account.deleted", payload{"origin_owner_id": nil, "account_id": "9900", "event_date": "2026-11-22T13:00:00Z"}))
	acme := h.connection(t, "customer-acme")
	cobalt := h.connection(t, "customer-cobalt")
	assert.Equal(t, "8801", acme.Account.ID)
	assert.Equal(t, ready, cobalt.State)
}

// A customer may connect in the tab of a session whose wait has ended.
func TestWebhookAfterCancelledWait(t *testing.T) {
	t.Parallel()
	h := start(t)
	v := signInAs(t, h, "Acme")
	v.press("Connect your HR system")
	session := h.fake.Sessions()[0]
	require.NoError(t, session.Cancel())
	h.waitFor(t, "customer-acme", inState(cancelled))
	require.NoError(t, session.Connect(""))
	h.waitFor(t, "customer-acme", inState(connected))
}

// A cancelled session does not change a connection that a webhook has reported.
func TestWebhookBeforeCancelledWait(t *testing.T) {
	t.Parallel()
	h := start(t)
	v := signInAs(t, h, "Acme")
	v.press("Connect your HR system")
	require.Equal(t, http.StatusOK, h.deliverEvent(t, accountEvent("account.created", nil)))
	require.NoError(t, h.fake.Sessions()[0].Cancel())
	h.waits.running.Wait()
	now := h.connection(t, "customer-acme")
	assert.Equal(t, connected, now.State)
}

// Polling, which does not report the provider, keeps the one from a webhook.
func TestWebhookThenPolling(t *testing.T) {
	t.Parallel()
	h := start(t, pollingOnly)
	signInAs(t, h, "Acme").press("Connect your HR system")
	_, _, err := h.store.event(t.Context(), webhook.Event{Type: webhook.AccountCreated, OriginOwnerID: "customer-acme", AccountID: "8801", Provider: "hibob"})
	require.NoError(t, err)
	require.NoError(t, h.fake.Sessions()[0].Connect("8801"))
	now := h.waitFor(t, "customer-acme", hasStep("waiter", "Connected"))
	assert.Equal(t, "hibob", now.Account.Provider)
}

func TestStepsAreBounded(t *testing.T) {
	t.Parallel()
	h := start(t)
	for i := range 3 * maxSteps {
		h.deliverEvent(t, accountEvent("account.updated", payload{"record_id": i}))
	}
	now := h.connection(t, "customer-acme")
	assert.Len(t, now.Steps, maxSteps)
}

// StackOne may deliver an event again, even concurrently, if the response was late.
func TestConcurrentDuplicateEvents(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		a := start(t, withDatabase(t, d))
		b := start(t, withDatabase(t, d), withFake(a.fake))
		var statuses [100]int
		var all sync.WaitGroup
		for i := range statuses {
			all.Go(func() { statuses[i] = []*harness{a, b}[i%2].deliverEvent(t, accountEvent("account.created", nil)) })
		}
		all.Wait()
		for _, status := range statuses {
			assert.Equal(t, http.StatusOK, status)
		}
		assert.Equal(t, 1, a.store.count(t, "events"))
		assert.Equal(t, 1, a.store.count(t, "accounts"))
		now := a.connection(t, "customer-acme")
		assert.Len(t, now.Steps, 1)
		assert.EqualValues(t, 1, now.Version)
	})
}

// An account stays deleted in whichever order, and by whichever instance, its deletion and
// an older update are stored.
func TestConcurrentDeletionAndUpdate(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		a := start(t, withDatabase(t, d))
		b := start(t, withDatabase(t, d), withFake(a.fake))
		var all sync.WaitGroup
		for i := range 20 {
			id := payload{"account_id": strconv.Itoa(i)}
			earlier := payload{"account_id": id["account_id"], "event_date": "2026-11-22T11:00:00Z"}
			require.Equal(t, 200, a.deliverEvent(t, accountEvent("account.created", earlier)))
			deleted := payload{"account_id": id["account_id"], "origin_owner_id": nil, "event_date": "2026-11-22T12:00:01Z"}
			all.Go(func() { assert.Equal(t, 200, a.deliverEvent(t, accountEvent("account.updated", id))) })
			all.Go(func() { assert.Equal(t, 200, b.deliverEvent(t, accountEvent("account.deleted", deleted))) })
		}
		all.Wait()
		assert.Equal(t, 60, a.store.count(t, "events"))
		assert.Equal(t, 20, a.store.count(t, "accounts WHERE deleted"))
		now := a.connection(t, "customer-acme")
		assert.Empty(t, now.Account.ID)
		assert.Equal(t, ready, now.State)
	})
}

func TestWebhookNotStored(t *testing.T) {
	t.Parallel()
	h := start(t)
	h.store.db.Close()
	assert.Equal(t, http.StatusInternalServerError, h.deliverEvent(t, accountEvent("account.created", nil)))
	assert.Contains(t, h.log.String(), "cannot store a webhook event")
}

// The response to a webhook is sent after its transaction has been committed.
func TestWebhookRespondsAfterCommit(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		h := start(t, withDatabase(t, d))
		other := d.open(t)
		blocking, err := other.db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		_, err = blocking.ExecContext(t.Context(), `INSERT INTO connections (customer_id) VALUES ('customer-acme')`)
		require.NoError(t, err)
		responded := make(chan int, 1)
		body, err := json.Marshal(accountEvent("account.created", nil))
		require.NoError(t, err)
		go func() { responded <- h.do(delivery(body, webhook.Sign(body, h.fake.webhookSecret))).Code }()
		select {
		case status := <-responded:
			require.Fail(t, "response sent before the commit", "%d", status)
		case <-time.After(100 * time.Millisecond):
		}
		require.NoError(t, blocking.Rollback())
		assert.Equal(t, http.StatusOK, <-responded)
		assert.Equal(t, 1, other.count(t, "events"))
	})
}
