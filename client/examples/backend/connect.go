// Copy from this file the integration: create a session for the signed-in customer,
// store it, wait for it, also after a restart, and take the webhook's events.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

const (
	sessionLife   = 30 * time.Minute // how long a customer has to connect, and how long we wait
	createTimeout = 20 * time.Second // how long a customer waits for a button, retries included
)

// sessionFor describes the session of a customer.
func (a *app) sessionFor(who customer) gen.ConnectSessionCreate {
	return gen.ConnectSessionCreate{
		OriginOwnerID:   who.ID,
		OriginOwnerName: who.Name,
		Categories:      []gen.Category{gen.CategoryHRIS},
		Type:            gen.AccountTypeTest, // leave it out for customers' real accounts
		ExpiresIn:       int(sessionLife.Seconds()),
	}
}

// correlated returns a log whose records belong together: those about a session, from
// the call that creates it to the page that shows how it has ended.
func (a *app) correlated(id string) *slog.Logger { return a.log.With("correlation_id", id) }

// connect creates a session for the customer and begins to wait for its end.
func (a *app) connect(w http.ResponseWriter, r *http.Request) {
	who, ok := a.signedIn(r)
	if !ok {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	id, next := rand.Text(), "/"
	ctx, cancel := context.WithTimeout(r.Context(), createTimeout)
	defer cancel()
	link, err := a.client.ConnectSessions.Create(ctx, a.sessionFor(who), client.WithLogger(a.correlated(id)))
	if err == nil {
		err = a.created(r.Context(), session{ID: id, CustomerID: who.ID, Token: link.Token, AuthLink: link.AuthLinkURL})
	}
	switch {
	case err == nil && r.PostFormValue("then") == "open":
		next = "/open"
	case err != nil && r.Context().Err() == nil: // the customer is still there
		a.correlated(id).Error("cannot create a connect session", "customer", who.ID, "error", err)
		err = a.store.change(r.Context(), who.ID, func(c *connection) {
			c.Reference, c.Steps = id, nil
			c.move(failed, "create", "StackOne made no session")
		})
		if err != nil {
			a.failPage(w, r, err)
			return
		}
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// created stores a session before anybody uses it, and begins to wait.
func (a *app) created(ctx context.Context, s session) error {
	s.Expires = instant{time.Now().Add(sessionLife)}
	if err := a.store.begin(ctx, s); err != nil {
		return err // the session expires unused
	}
	a.await(s)
	return nil
}

// openAuthLink leads to StackOne. The auth link is a secret, and so in no page.
func (a *app) openAuthLink(w http.ResponseWriter, r *http.Request) {
	who, _ := a.signedIn(r)
	s, err := a.store.session(r.Context(), who.ID)
	if err != nil {
		a.failPage(w, r, err)
		return
	}
	http.Redirect(w, r, cmp.Or(s.AuthLink, "/"), http.StatusSeeOther)
}

// waits are the waits of this instance.
type waits struct {
	mu      sync.Mutex
	cancel  map[string]context.CancelFunc // by customer, the latest
	running sync.WaitGroup
}

// resume begins the waits that have not ended, also those of other instances: two waits
// for one session do no harm, and an instance that has gone may never come back.
func (a *app) resume() error {
	ctx, cancel := context.WithTimeout(a.ctx, storeTimeout)
	defer cancel()
	rows, err := a.store.db.QueryContext(ctx, `SELECT id, customer_id, token, expires_at FROM sessions WHERE token <> ''`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var s session
		if err := rows.Scan(&s.ID, &s.CustomerID, &s.Token, &s.Expires); err != nil {
			return err
		}
		a.await(s)
	}
	return rows.Err()
}

// await waits for the session in a goroutine, which ends when the session or the
// application does, and when the customer begins anew.
func (a *app) await(s session) {
	ctx, cancel := context.WithDeadline(a.ctx, s.Expires.Time)
	a.waits.mu.Lock()
	defer a.waits.mu.Unlock()
	if previous := a.waits.cancel[s.CustomerID]; previous != nil {
		previous()
	}
	a.waits.cancel[s.CustomerID] = cancel
	a.waits.running.Go(func() {
		defer cancel()
		a.wait(ctx, s)
	})
}

func (a *app) wait(ctx context.Context, s session) {
	log := a.correlated(s.ID).With("customer", s.CustomerID)
	log.Info("wait begins")
	attempt, err := a.waiter.Wait(ctx, s.Token)
	log.Info("wait ends", "error", err)
	var ended *connect.ConnectionError
	stored := context.WithoutCancel(ctx)
	switch {
	case err == nil:
		err = a.store.connected(stored, s, attempt)
	case errors.As(err, &ended):
		to, text := expired, "Out of time"
		switch ended.Status {
		case gen.AttemptStatusCancelled:
			to, text = cancelled, "Cancelled"
		case gen.AttemptStatusError:
			to, text = declined, "Declined"
		}
		err = a.store.finish(stored, s, to, text, *ended)
	case errors.Is(ctx.Err(), context.DeadlineExceeded),
		// Create has accepted the API key, so what is refused here is the token.
		errors.Is(err, client.ErrUnauthorized), errors.Is(err, client.ErrNotFound):
		err = a.store.finish(stored, s, expired, "The session has ended", connect.ConnectionError{})
	case ctx.Err() != nil: // the customer has begun anew, or the application ends
		return
	default:
		log.Error("cannot wait for a connection", "error", err)
		err = a.store.finish(stored, s, failed, "StackOne does not answer as expected", connect.ConnectionError{})
	}
	if err != nil { // the wait begins again after the next restart
		log.Error("cannot store how a wait has ended", "error", err)
	}
}

// progressed is told how far the customer of the session with the token has come.
func (a *app) progressed(token string, attempt *gen.ConnectSessionLatestAttempt) {
	var s session
	found, err := a.store.lookUp(a.ctx, []any{&s.ID, &s.CustomerID}, `SELECT id, customer_id FROM sessions WHERE token = $1`, token)
	if found {
		err = a.store.change(a.ctx, s.CustomerID, func(c *connection) {
			switch {
			case !c.waitsFor(s):
			case attempt == nil:
				c.add("waiter", "Waiting for you to sign in")
			case attempt.Status == gen.AttemptStatusPending:
				c.Begun = true
				c.add("waiter", "You are signing in")
			}
		})
	}
	if err != nil && a.ctx.Err() == nil {
		a.correlated(s.ID).Warn("cannot store the progress of a wait", "error", err)
	}
}

// takeEvent is given every event that StackOne has signed. StackOne delivers an event
// again unless it is stored when this returns.
func (a *app) takeEvent(ctx context.Context, event webhook.Event) error {
	id, first, err := a.store.event(ctx, event)
	if err != nil {
		a.log.Error("cannot store a webhook event", "event", event, "error", err)
		return err
	}
	a.correlated(id).Info("webhook event stored", "event", event, "first", first)
	a.waiter.Connected(event)
	return nil
}
