package main

import (
	"crypto/rand"
	"net/http"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/hub"
)

// fake is a fake StackOne for the demonstration, the Hub included.
type fake struct {
	*stackonetest.Server
	webhookSecret string
}

func newFake() *fake {
	f := &fake{Server: stackonetest.NewServer(), webhookSecret: "whsec_" + rand.Text()}
	hub.Serve(f.Server)
	return f
}

// deliver sends the fake's webhooks to the application at origin.
func (f *fake) deliver(origin string) {
	f.Deliver(stackonetest.Webhook{URL: origin + webhookPath, Secret: f.webhookSecret})
}

// playFake lets a person see what a customer cannot do on the fake's consent page.
func (a *app) playFake(w http.ResponseWriter, r *http.Request) {
	who, ok := a.signedIn(r)
	if !ok {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	session := a.fake.Session(a.connections.token(who.ID))
	var err error
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
		http.Error(w, "There is nothing of that name to play.", http.StatusBadRequest)
		return
	}
	if err != nil {
		http.Error(w, "Connect first: "+err.Error(), http.StatusConflict)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
