// Copy from this file the integration: create a session for the signed-in customer,
// store it, wait for it, and take the webhook's events.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

const (
	// sessionLife is how long a customer has to connect, and how long we wait.
	sessionLife = 30 * time.Minute

	// createTimeout is how long a customer waits for a button, retries included.
	createTimeout = 20 * time.Second
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
		if err := a.store.fail(r.Context(), who.ID, id); err != nil {
			a.failPage(w, r, err)
			return
		}
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// created stores a session before anybody uses it, and begins to wait.
func (a *app) created(ctx context.Context, s session) error {
	s.Expires = time.Now().Add(sessionLife)
	if err := a.store.begin(ctx, s); err != nil {
		return err // the session expires unused
	}
	a.await(s)
	return nil
}

// openAuthLink leads to StackOne. The auth link is a secret, and so in no page.
func (a *app) openAuthLink(w http.ResponseWriter, r *http.Request) {
	next := "/"
	if who, ok := a.signedIn(r); ok {
		s, err := a.store.session(r.Context(), who.ID)
		if err != nil {
			a.failPage(w, r, err)
			return
		}
		next = cmp.Or(s.AuthLink, next)
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
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
