// Copy nothing from this file: it is the fake StackOne of the demonstration, and the
// buttons of the page that play its part.
package main

import (
	"crypto/rand"
	"net/http"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/hub"
)

// fake is a fake StackOne with a webhook, the Hub included.
type fake struct {
	*stackonetest.Server
	webhookSecret string
}

func newFake(opts ...stackonetest.Option) *fake {
	f := &fake{stackonetest.NewServer(opts...), "whsec_" + rand.Text()}
	hub.Serve(f.Server)
	return f
}

// deliver makes the fake post its events to the endpoint.
func (f *fake) deliver(endpoint string) {
	f.Deliver(stackonetest.Webhook{URL: endpoint, Secret: f.webhookSecret})
}

// playFake lets a person see what a customer cannot do on the fake's consent page.
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
		a.showProblem(w, http.StatusBadRequest, "There is nothing of that name to play", "Use the buttons of the page.")
		return
	}
	if err != nil {
		a.showProblem(w, http.StatusConflict, "Connect first", "There is no session to play with.")
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
