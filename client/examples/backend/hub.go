package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// sessionOf tells connect.SessionHandler whom a session is for.
func (a *app) sessionOf(r *http.Request) (gen.ConnectSessionCreate, error) {
	who, ok := a.signedIn(r)
	if !ok {
		return gen.ConnectSessionCreate{}, client.ErrUnauthorized
	}
	return sessionFor(who), nil
}

// hubOpened begins to wait for the session that the page has opened the Hub with.
func (a *app) hubOpened(w http.ResponseWriter, r *http.Request) {
	if who, token, ok := a.ownToken(w, r); ok {
		a.await(who, token, "")
		w.WriteHeader(http.StatusNoContent)
	}
}

// hubSucceeded takes the Hub's success event, as the page passes it on. A browser
// can say anything, so the page shows it and nothing else comes of it.
func (a *app) hubSucceeded(w http.ResponseWriter, r *http.Request) {
	if who, token, ok := a.ownToken(w, r); ok {
		a.connections.reported(who.ID, token)
		w.WriteHeader(http.StatusNoContent)
	}
}

// ownToken returns the token in a request, if StackOne says that the session is
// the signed-in customer's. It answers otherwise.
func (a *app) ownToken(w http.ResponseWriter, r *http.Request) (customer, string, bool) {
	who, ok := a.signedIn(r)
	if !ok {
		w.WriteHeader(http.StatusUnauthorized)
		return customer{}, "", false
	}
	token := r.PostFormValue("token")
	if token == "" {
		w.WriteHeader(http.StatusBadRequest)
		return customer{}, "", false
	}
	ctx, cancel := context.WithTimeout(r.Context(), createTimeout)
	defer cancel()
	session, err := a.client.ConnectSessions.Authenticate(ctx, gen.ConnectSessionAuthenticate{Token: token})
	switch {
	case errors.Is(err, client.ErrNotFound), errors.Is(err, client.ErrUnauthorized):
		w.WriteHeader(http.StatusForbidden)
	case err != nil:
		a.log.Warn("cannot authenticate a token that a page has sent", "customer", who.ID, "error", err)
		w.WriteHeader(http.StatusBadGateway)
	case session.OriginOwnerID != who.ID:
		w.WriteHeader(http.StatusForbidden)
	default:
		return who, token, true
	}
	return customer{}, "", false
}
