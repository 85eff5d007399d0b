package connect_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// A customer opens the Hub and connects, and StackOne sends an event.
func Example() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	c := srv.Client()
	background := context.Background()
	secrets := []string{"secret"}
	signedIn := func(*http.Request) (id, name string, ok bool) { return "customer-42", "Acme", true }
	saved := make(chan struct{})
	save := func(owner string, attempt *gen.ConnectSessionLatestAttempt, err error) {
		defer close(saved)
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Println(owner, "connected", attempt.AccountSecureID)
	}

	waiter := connect.NewWaiter(c, connect.WaiterOptions{}) // one for each API key

	handler := &connect.SessionHandler{
		Client: c,
		Session: func(r *http.Request) (gen.ConnectSessionCreate, error) {
			id, name, ok := signedIn(r)
			if !ok {
				return gen.ConnectSessionCreate{}, client.ErrUnauthorized
			}
			return gen.ConnectSessionCreate{OriginOwnerID: id, OriginOwnerName: name}, nil
		},
		Created: func(_ context.Context, _ *http.Request, link *gen.ConnectSessionTokenAuthLink) error {
			go func() {
				ctx, cancel := context.WithTimeout(background, 30*time.Minute) // the lifetime of a session
				defer cancel()
				attempt, err := waiter.Wait(ctx, link.Token)
				save(link.OriginOwnerID, attempt, err)
			}()
			return nil
		},
	}
	events, err := webhook.NewHandler(secrets, func(_ context.Context, event webhook.Event) error {
		waiter.Connected(event)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}

	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/api/connect-session", nil))
	if err := srv.Sessions()[0].Connect("account-1"); err != nil {
		log.Fatal(err)
	}
	event := `{"event":"account.created","account_id":"account-1","origin_owner_id":"customer-42"}`
	r := httptest.NewRequest(http.MethodPost, "/webhooks", strings.NewReader(event))
	r.Header.Set(webhook.SignatureHeader, webhook.Sign([]byte(event), secrets[0]))
	events.ServeHTTP(httptest.NewRecorder(), r)
	<-saved
	// Output: customer-42 connected account-1
}
