// Do not copy from this file: it runs the fake StackOne for the demonstration, and handles
// the buttons that control it.
package main

import (
	"crypto/rand"
	"net/http"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/hub"
)

// fake is a fake StackOne that serves the Hub and can deliver webhooks.
type fake struct {
	*stackonetest.Server
	webhookSecret string
}

func newFake(opts ...stackonetest.Option) *fake {
	f := &fake{stackonetest.NewServer(opts...), "whsec_" + rand.Text()}
	hub.Serve(f.Server)
	return f
}

// deliver configures the endpoint for webhooks.
func (f *fake) deliver(endpoint string) {
	f.Deliver(stackonetest.Webhook{URL: endpoint, Secret: f.webhookSecret})
}

// simulate handles the buttons for outcomes that the fake's consent page does not offer.
func (a *app) simulate(w http.ResponseWriter, r *http.Request) {
	who, ok := a.signedIn(r)
	if !ok {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	now, err := a.store.session(r.Context(), who.ID)
	if err != nil {
		a.showError(w, r, err)
		return
	}
	session := a.fake.Session(now.Token)
	switch r.PostFormValue("outcome") {
	case "begin":
		err = session.Begin()
	case "deny":
		err = session.Fail("access_denied", "The resource owner denied the request")
	case "expire":
		err = session.Expire()
	case "outage":
		a.fake.Inject(stackonetest.Fault{
			Status: http.StatusBadGateway,
			When:   func(r stackonetest.Request) bool { return r.Path == "/connect_sessions" },
		})
	default:
		a.showMessage(w, http.StatusBadRequest, "Unknown outcome", "Use the buttons on the page.")
		return
	}
	if err != nil {
		a.showMessage(w, http.StatusConflict, "No open session", "Connect first.")
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
