package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
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
func sessionFor(who customer) gen.ConnectSessionCreate {
	return gen.ConnectSessionCreate{
		OriginOwnerID:   who.ID,
		OriginOwnerName: who.Name,
		Categories:      []gen.Category{gen.CategoryHRIS},
		ExpiresIn:       int(sessionLife.Seconds()),
	}
}

// connect makes a session for the customer and begins to wait for its end.
func (a *app) connect(w http.ResponseWriter, r *http.Request) {
	who, ok := a.signedIn(r)
	if !ok {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), createTimeout)
	defer cancel()
	next := "/"
	link, err := a.client.ConnectSessions.Create(ctx, sessionFor(who))
	switch {
	case err == nil:
		a.await(who, link.Token, link.AuthLinkURL)
		if r.PostFormValue("then") == "open" {
			next = "/open"
		}
	case r.Context().Err() == nil: // the customer is still there
		a.log.Error("cannot create a connect session", "customer", who.ID, "error", err)
		a.connections.fail(who.ID)
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// openAuthLink leads to StackOne. The auth link is a secret, and so in no page.
func (a *app) openAuthLink(w http.ResponseWriter, r *http.Request) {
	next := "/"
	if who, ok := a.signedIn(r); ok {
		if link := a.connections.authLink(who.ID); link != "" {
			next = link
		}
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// await waits for the customer in a goroutine, which ends with the session's
// life, with the application, or when the customer begins anew.
func (a *app) await(who customer, token, authLink string) {
	ctx, cancel := context.WithTimeout(a.ctx, sessionLife)
	a.connections.begin(who.ID, token, authLink, cancel)
	a.waits.Go(func() {
		defer cancel()
		a.wait(ctx, who, token)
	})
}

func (a *app) wait(ctx context.Context, who customer, token string) {
	attempt, err := a.waiter.Wait(ctx, token)
	var ended *connect.ConnectionError
	switch {
	case err == nil:
		a.connections.connected(who.ID, token, attempt)
	case errors.As(err, &ended):
		a.connections.ended(who.ID, token, ended)
	case errors.Is(ctx.Err(), context.DeadlineExceeded),
		// Create has just accepted the API key, so what is refused here is the token.
		errors.Is(err, client.ErrUnauthorized), errors.Is(err, client.ErrNotFound):
		a.connections.expired(who.ID, token)
	case ctx.Err() != nil: // the customer has begun anew, or the application ends
	default:
		a.log.Error("cannot wait for a connection", "customer", who.ID, "error", err)
		a.connections.lost(who.ID, token)
	}
}

// takeEvent is given every event that StackOne has signed.
func (a *app) takeEvent(_ context.Context, event webhook.Event) error {
	a.connections.event(event)
	a.waiter.Connected(event)
	return nil
}
