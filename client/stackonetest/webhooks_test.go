package stackonetest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

const webhookSecret = "whsec_test"

// receiver is a webhook endpoint that records its events.
func receiver(t *testing.T, events *[]webhook.Event) http.Handler {
	t.Helper()
	var mu sync.Mutex
	handler, err := webhook.NewHandler([]string{webhookSecret}, func(_ context.Context, e webhook.Event) error {
		mu.Lock()
		defer mu.Unlock()
		*events = append(*events, e)
		return nil
	})
	require.NoError(t, err)
	return handler
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	var events, posted []webhook.Event
	endpoint := httptest.NewServer(receiver(t, &posted))
	defer endpoint.Close()
	srv := stackonetest.NewTestServer(t)
	srv.Deliver(stackonetest.Webhook{Handler: receiver(t, &events), Secret: webhookSecret})
	srv.Deliver(stackonetest.Webhook{URL: endpoint.URL, Secret: webhookSecret})

	session := create(t, srv, gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme", OriginUsername: "jo"})
	id, err := session.ConnectWith(stackonetest.Connection{Provider: "hibob", NoAttempt: true})
	require.NoError(t, err)
	require.NoError(t, session.Begin())
	require.NoError(t, session.Fail("access_denied", ""))
	require.NoError(t, session.Connect(""))
	require.NoError(t, srv.WaitDelivered(t.Context()))

	require.Len(t, events, 2)
	assert.Equal(t, webhook.AccountCreated, events[0].Type)
	assert.Equal(t, webhook.AccountUpdated, events[1].Type)
	for _, e := range events {
		assert.Equal(t, id, e.AccountID)
		assert.Equal(t, "hibob", e.Provider)
		assert.Equal(t, "acme", e.OriginOwnerID)
		assert.Equal(t, "Acme", e.OriginOwnerName)
		assert.Equal(t, session.Details().ProjectID, e.ProjectID)
		assert.WithinDuration(t, srv.Now(), e.EventDate, time.Minute)
	}
	assert.Len(t, posted, 2)
	deliveries := srv.Deliveries()
	require.Len(t, deliveries, 4)
	for _, d := range deliveries {
		assert.True(t, d.Done)
		assert.True(t, d.Received())
		assert.Len(t, d.Attempts, 1)
	}
}

// First attempts are made in the order of the events. Retries do not delay them.
func TestWebhookOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
		var order []webhook.EventType
		srv.Deliver(stackonetest.Webhook{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			event, err := webhook.Parse(body)
			assert.NoError(t, err)
			if len(order) == 0 {
				time.Sleep(time.Second)
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			order = append(order, event.Type)
		})})
		session := create(t, srv, acme)
		require.NoError(t, errors.Join(session.Connect(""), session.Connect("")))
		require.NoError(t, srv.WaitDelivered(t.Context()))
		assert.Equal(t, []webhook.EventType{webhook.AccountCreated, webhook.AccountUpdated, webhook.AccountCreated}, order)
	})
}

func TestWebhookRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
		statuses, began := []int{500, 0, 302, 404, 204}, time.Now()
		srv.Deliver(stackonetest.Webhook{Secret: webhookSecret, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			status := statuses[0]
			statuses = statuses[1:]
			if status == 0 {
				panic("bug")
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "response")
		})})
		require.NoError(t, create(t, srv, acme).Connect(""))
		require.NoError(t, srv.WaitDelivered(t.Context()))
		assert.Equal(t, 15*time.Second, time.Since(began), "1 s, 2 s, 4 s, 8 s")
		delivery := srv.Deliveries()[0]
		assert.True(t, delivery.Received())
		require.Len(t, delivery.Attempts, 5)
		assert.Equal(t, 500, delivery.Attempts[0].Status)
		assert.Equal(t, "response", string(delivery.Attempts[0].Body))
		assert.ErrorContains(t, delivery.Attempts[1].Err, "panicked: bug")
		assert.Equal(t, 204, delivery.Attempts[4].Status)
	})
}

func TestWebhookGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := stackonetest.NewTestServer(t, stackonetest.InMemory(), stackonetest.Keep(2))
		srv.Deliver(stackonetest.Webhook{Attempts: 2, Backoff: time.Minute, Handler: http.NotFoundHandler()})
		began := time.Now()
		for range 3 {
			require.NoError(t, create(t, srv, acme).Connect(""))
		}
		require.NoError(t, srv.WaitDelivered(t.Context()))
		assert.Equal(t, time.Minute, time.Since(began))
		require.Len(t, srv.Deliveries(), 2, "Keep(2)")
		for _, d := range srv.Deliveries() {
			assert.True(t, d.Done)
			assert.False(t, d.Received())
			assert.Len(t, d.Attempts, 2)
		}
	})
}

// Close interrupts deliveries, and no delivery starts after it.
func TestCloseInterruptsWebhooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
		srv.Deliver(stackonetest.Webhook{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		})})
		session := create(t, srv, acme)
		require.NoError(t, errors.Join(session.Connect(""), session.Connect("")))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, srv.WaitDelivered(ctx), context.DeadlineExceeded)
		began := time.Now()
		srv.Close()
		assert.Zero(t, time.Since(began))
		require.NoError(t, session.Connect(""))
		assert.Len(t, srv.Deliveries(), 2, "a closed server sends no events")
	})
}
