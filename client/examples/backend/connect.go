// Copy the integration from this file: how to create a session for the signed-in customer,
// store it, wait for it, resume the wait after a restart, and process webhook events.
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
	sessionLife   = 30 * time.Minute // how long a customer can connect, and a wait can last
	createTimeout = 20 * time.Second // limit for creating a session, including retries
)

// sessionFor returns the session to create for a customer.
func (a *app) sessionFor(who customer) gen.ConnectSessionCreate {
	return gen.ConnectSessionCreate{
		OriginOwnerID:   who.ID,
		OriginOwnerName: who.Name,
		Categories:      []gen.Category{gen.CategoryHRIS},
		Type:            gen.AccountTypeTest, // remove it to connect real accounts
		ExpiresIn:       int(sessionLife.Seconds()),
	}
}

// logger returns a logger that adds a correlation ID. All records about a session have
// the same ID, from the call that creates it to the page that shows the result.
func (a *app) logger(id string) *slog.Logger { return a.log.With("correlation_id", id) }

// connect creates a session for the customer and starts a wait.
func (a *app) connect(w http.ResponseWriter, r *http.Request) {
	who, ok := a.signedIn(r)
	if !ok {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	id, next := rand.Text(), "/"
	ctx, cancel := context.WithTimeout(r.Context(), createTimeout)
	defer cancel()
	link, err := a.client.ConnectSessions.Create(ctx, a.sessionFor(who), client.WithLogger(a.logger(id)))
	if err == nil {
		err = a.created(r.Context(), session{ID: id, CustomerID: who.ID, Token: link.Token, AuthLink: link.AuthLinkURL})
	}
	switch {
	case err == nil && r.PostFormValue("then") == "open":
		next = "/open"
	case err != nil && r.Context().Err() == nil: // the browser has not disconnected
		a.logger(id).Error("cannot create a connect session", "customer", who.ID, "error", err)
		err = a.store.change(r.Context(), who.ID, func(c *connection) {
			c.Reference, c.Steps = id, nil
			c.move(failed, "create", "No session could be created")
		})
		if err != nil {
			a.showError(w, r, err)
			return
		}
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// created stores a new session before the customer uses it, and starts a wait.
func (a *app) created(ctx context.Context, s session) error {
	s.Expires = instant{time.Now().Add(sessionLife)}
	if err := a.store.begin(ctx, s); err != nil {
		return err // the session expires unused
	}
	a.await(s)
	return nil
}

// openAuthLink redirects to the auth link. The link is a secret, so pages do not contain it.
func (a *app) openAuthLink(w http.ResponseWriter, r *http.Request) {
	who, _ := a.signedIn(r)
	s, err := a.store.session(r.Context(), who.ID)
	if err != nil {
		a.showError(w, r, err)
		return
	}
	http.Redirect(w, r, cmp.Or(s.AuthLink, "/"), http.StatusSeeOther)
}

// waits holds the waits of this instance.
type waits struct {
	mu      sync.Mutex
	cancel  map[string]context.CancelFunc // of each customer's latest wait
	running sync.WaitGroup
}

// resume starts waits for all open sessions, including those of other instances: two waits
// for one session are harmless, and another instance may never be restarted.
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

// await starts a goroutine that waits for the session. The wait ends with a result, when
// the session expires, when the customer starts another session, or at shutdown.
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
	log := a.logger(s.ID).With("customer", s.CustomerID)
	log.Info("wait started")
	attempt, err := a.waiter.Wait(ctx, s.Token)
	log.Info("wait ended", "error", err)
	var ended *connect.ConnectionError
	storeCtx := context.WithoutCancel(ctx)
	switch {
	case err == nil:
		err = a.store.connected(storeCtx, s, attempt)
	case errors.As(err, &ended):
		to, text := expired, "Time ran out"
		switch ended.Status {
		case gen.AttemptStatusCancelled:
			to, text = cancelled, "Cancelled"
		case gen.AttemptStatusError:
			to, text = declined, "Declined"
		}
		err = a.store.finish(storeCtx, s, to, text, *ended)
	case errors.Is(ctx.Err(), context.DeadlineExceeded),
		// The API key was valid for Create, so the token is invalid.
		errors.Is(err, client.ErrUnauthorized), errors.Is(err, client.ErrNotFound):
		err = a.store.finish(storeCtx, s, expired, "The session has expired", connect.ConnectionError{})
	case ctx.Err() != nil: // another session, or shutdown
		return
	default:
		log.Error("cannot wait for a connection", "error", err)
		err = a.store.finish(storeCtx, s, failed, "StackOne sent an unexpected response", connect.ConnectionError{})
	}
	if err != nil { // the wait is resumed after the next restart
		log.Error("cannot store the result of a wait", "error", err)
	}
}

// storeProgress stores the progress of the session with the token.
func (a *app) storeProgress(token string, attempt *gen.ConnectSessionLatestAttempt) {
	var s session
	found, err := a.store.lookUp(a.ctx, []any{&s.ID, &s.CustomerID}, `SELECT id, customer_id FROM sessions WHERE token = $1`, token)
	if found {
		err = a.store.change(a.ctx, s.CustomerID, func(c *connection) {
			switch {
			case !c.isWaitingFor(s):
			case attempt == nil:
				c.add("waiter", "Waiting for you to sign in")
			case attempt.Status == gen.AttemptStatusPending:
				c.Begun = true
				c.add("waiter", "You are signing in")
			}
		})
	}
	if err != nil && a.ctx.Err() == nil {
		a.logger(s.ID).Warn("cannot store the progress of a wait", "error", err)
	}
}

// storeEvent stores a verified webhook event. If it returns an error, StackOne may deliver
// the event again.
func (a *app) storeEvent(ctx context.Context, event webhook.Event) error {
	id, first, err := a.store.event(ctx, event)
	if err != nil {
		a.log.Error("cannot store a webhook event", "event", event, "error", err)
		return err
	}
	a.logger(id).Info("webhook event stored", "event", event, "first", first)
	a.waiter.Connected(event)
	return nil
}
