// Copy the endpoint that returns a token for StackOne's Hub from this file.
package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"os"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// hubRoutes registers the routes for a page with StackOne's Hub.
func (a *app) hubRoutes(mux *http.ServeMux) error {
	mux.HandleFunc("GET /hub.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, a.hubScript) })
	mux.HandleFunc("/api/session", a.serveSession)
	mux.HandleFunc("POST /api/hub/succeeded", a.hubSucceeded)
	_, err := os.Stat(a.hubScript)
	return err
}

// serveSession creates a session for the customer. Before it sends the token to the page,
// it stores the session and starts a wait. The Hub needs no auth link.
func (a *app) serveSession(w http.ResponseWriter, r *http.Request) {
	id := rand.Text()
	log := a.logger(id)
	sessions := connect.SessionHandler{
		Client: a.client, Timeout: createTimeout, Logger: log, Options: []client.Option{client.WithLogger(log)},
		Session: func(r *http.Request) (gen.ConnectSessionCreate, error) {
			who, ok := a.signedIn(r)
			if !ok {
				return gen.ConnectSessionCreate{}, client.ErrUnauthorized
			}
			return a.sessionFor(who), nil
		},
		Created: func(ctx context.Context, _ *http.Request, link *gen.ConnectSessionTokenAuthLink) error {
			err := a.created(ctx, session{ID: id, CustomerID: link.OriginOwnerID, Token: link.Token})
			if err != nil {
				log.Error("cannot store a connect session", "error", err)
			}
			return err
		},
	}
	sessions.ServeHTTP(w, r)
}

// hubSucceeded records the Hub's success event, which the page forwards. Browsers cannot be
// trusted, so the event is only displayed.
func (a *app) hubSucceeded(w http.ResponseWriter, r *http.Request) {
	who, ok := a.signedIn(r)
	if !ok {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	err := a.store.change(r.Context(), who.ID, func(c *connection) {
		if c.State == waiting {
			c.add("browser", "The Hub reports success; waiting for StackOne to confirm it")
		}
	})
	if err != nil {
		a.showError(w, r, err)
	}
}
