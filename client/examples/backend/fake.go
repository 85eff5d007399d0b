// Copy nothing from this file: it is the fake StackOne of the demonstration, and the
// buttons of the page that control it.
package main

import (
	"crypto/rand"
	"net/http"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/hub"
)

// fake is a fake StackOne with a webhook and the Hub.
type fake struct {
	*stackonetest.Server
	webhookSecret string
}

func newFake(opts ...stackonetest.Option) *fake {
	f := &fake{stackonetest.NewServer(opts...), "whsec_" + rand.Text()}
	hub.Serve(f.Server)
	return f
}

// deliver makes the fake post its events to an endpoint.
func (f *fake) deliver(endpoint string) {
	f.Deliver(stackonetest.Webhook{URL: endpoint, Secret: f.webhookSecret})
}

// playFake simulates outcomes that the fake's consent page does not offer.
func (a *app) playFake(w http.ResponseWriter, r *http.Request) {
	who, ok := a.signedIn(r)
	if !ok {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	now, err := a.store.session(r.Context(), who.ID)
	if err != nil {
		a.failPage(w, r, err)
		return
	}
	session := a.fake.Session(now.Token)
	switch r.PostFormValue("play") {
	case "begin":
		err = session.Begin()
	case "refuse":
		err = session.Fail("access_denied", "The resource owner denied the request")
	case "expire":
		err = session.Expire()
	case "outage":
		a.fake.Inject(stackonetest.Fault{
			Status: http.StatusBadGateway,
			When:   func(r stackonetest.Request) bool { return r.Path == "/connect_sessions" },
		})
	default:
		a.showProblem(w, http.StatusBadRequest, "Unknown action", "Use the buttons on the page.")
		return
	}
	if err != nil {
		a.showProblem(w, http.StatusConflict, "Connect first", "There is no open session.")
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
