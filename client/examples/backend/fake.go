package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// fake is a fake StackOne for the demonstration. Its consent page stands in for
// the Hub; webhooks, which it does not send, come from deliver.
type fake struct {
	*stackonetest.Server
	webhookSecret string
}

func newFake() *fake {
	return &fake{Server: stackonetest.NewServer(), webhookSecret: "whsec_" + rand.Text()}
}

// fakeProvider is the HR system that every customer of the fake has: its consent
// page has no picker.
const fakeProvider = "bamboohr"

// deliver posts a signed event to endpoint for each attempt that has connected an
// account, until ctx is done.
func (f *fake) deliver(ctx context.Context, endpoint string, log *slog.Logger) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	delivered, accounts := map[string]bool{}, map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, session := range f.Sessions() {
			details := session.Details()
			attempt := details.LatestConnectionAttempt
			if attempt == nil || attempt.Status != gen.AttemptStatusAuthenticated || delivered[attempt.ID] {
				continue
			}
			event := webhook.AccountCreated
			if accounts[attempt.AccountSecureID] {
				event = webhook.AccountUpdated
			}
			delivered[attempt.ID], accounts[attempt.AccountSecureID] = true, true
			if err := f.post(ctx, endpoint, event, details); err != nil && ctx.Err() == nil {
				log.Error("cannot deliver a webhook", "event", string(event), "error", err)
			}
		}
	}
}

func (f *fake) post(ctx context.Context, endpoint string, event webhook.EventType, session gen.ConnectSessionTokenAuthLink) error {
	attempt := session.LatestConnectionAttempt
	payload, err := json.Marshal(map[string]any{
		"event": event, "event_date": attempt.UpdatedAt, "sent_at": time.Now().UTC(),
		"project_id": session.ProjectID, "record_type": "account", "record_id": attempt.AccountSecureID,
		"account_id": attempt.AccountSecureID, "provider": fakeProvider,
		"origin_owner_id": session.OriginOwnerID, "origin_owner_name": session.OriginOwnerName,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(payload))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(webhook.SignatureHeader, webhook.Sign(payload, f.webhookSecret))
	res, err := f.HTTPClient().Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the endpoint answered %s", res.Status)
	}
	return nil
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
