// Copy from this file the endpoint that gives StackOne's Hub in the page its token.
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

// hubRoutes mounts what the page with StackOne's Hub needs.
func (a *app) hubRoutes(mux *http.ServeMux) error {
	mux.HandleFunc("GET /hub.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, a.hubScript) })
	mux.HandleFunc("/api/session", a.serveSession)
	mux.HandleFunc("POST /api/hub/succeeded", a.hubSucceeded)
	_, err := os.Stat(a.hubScript)
	return err
}

// serveSession creates a session for the customer, and stores it and begins to wait
// before the page has the token. The Hub uses the token, so the page offers no auth link.
func (a *app) serveSession(w http.ResponseWriter, r *http.Request) {
	id := rand.Text()
	log := a.correlated(id)
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

// hubSucceeded takes the Hub's success event, which the page passes on. A browser can
// say anything, so the event is shown and has no other effect.
func (a *app) hubSucceeded(w http.ResponseWriter, r *http.Request) {
	who, ok := a.signedIn(r)
	if !ok {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	err := a.store.change(r.Context(), who.ID, func(c *connection) {
		if c.State == waiting {
			c.add("browser", "The Hub reports success; StackOne has yet to confirm it")
		}
	})
	if err != nil {
		a.failPage(w, r, err)
	}
}
