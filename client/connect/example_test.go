package connect_test

import (
	"context"
	"errors"
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

// The customer connects in StackOne's Hub; here the fake plays the customer.
func ExampleWaiter() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	c, link := newSession(srv)
	if err := srv.Session(link.Token).Connect("account-1"); err != nil {
		log.Fatal(err)
	}
	wait := func(ctx context.Context) error {
		waiter := connect.NewWaiter(c, connect.WaiterOptions{}) // one for each API key

		ctx, cancel := context.WithTimeout(ctx, 30*time.Minute) // the lifetime of a session
		defer cancel()
		attempt, err := waiter.Wait(ctx, link.Token)
		if err != nil {
			return err // a *connect.ConnectionError if the customer declined or cancelled
		}
		fmt.Println("connected as", attempt.AccountSecureID)
		return nil
	}
	fmt.Println(wait(context.Background()))
	// Output:
	// connected as account-1
	// <nil>
}

// newSession returns a client that calls the fake, and a session for a customer.
func newSession(srv *stackonetest.Server) (*client.Client, *gen.ConnectSessionTokenAuthLink) {
	c := srv.Client()
	link, err := c.ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{OriginOwnerID: "customer-42", OriginOwnerName: "Acme"})
	if err != nil {
		log.Fatal(err)
	}
	return c, link
}

// A ConnectionError says why the customer has no connection.
func ExampleConnectionError() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	c, link := newSession(srv)
	if err := srv.Session(link.Token).Fail("access_denied", "the customer said no"); err != nil {
		log.Fatal(err)
	}

	attempt, err := connect.NewWaiter(c, connect.WaiterOptions{}).Wait(context.Background(), link.Token)
	var ended *connect.ConnectionError
	switch {
	case err == nil:
		fmt.Println("connected as", attempt.AccountSecureID)
	case errors.As(err, &ended):
		fmt.Println("ended as", ended.Status, ended.Code)
	case errors.Is(err, context.DeadlineExceeded):
		fmt.Println("not connected yet")
	default:
		fmt.Println(err)
	}
	// Output: ended as error access_denied
}

// The page with StackOne's Hub gets a token from this endpoint.
func ExampleSessionHandler() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	c := srv.Client()
	signedIn := func(*http.Request) (id, name string, ok bool) { return "customer-42", "Acme", true }
	mux := http.NewServeMux()

	handler := &connect.SessionHandler{
		Client: c,
		Session: func(r *http.Request) (gen.ConnectSessionCreate, error) {
			id, name, ok := signedIn(r)
			if !ok {
				return gen.ConnectSessionCreate{}, client.ErrUnauthorized
			}
			return gen.ConnectSessionCreate{OriginOwnerID: id, OriginOwnerName: name}, nil
		},
	}
	mux.Handle("/api/connect-session", http.NewCrossOriginProtection().Handler(handler))

	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/api/connect-session", nil))
	fmt.Println(rec.Code, rec.Header().Get("Cache-Control"), srv.Sessions()[0].Details().OriginOwnerName)
	// Output: 200 no-store Acme
}

// An event ends the wait, even with a connector that asks for an API key.
func ExampleWaiter_Connected() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	c, link := newSession(srv)

	waiting := make(chan string, 10)
	waiter := connect.NewWaiter(c, connect.WaiterOptions{
		Progress: func(_ string, attempt *gen.ConnectSessionLatestAttempt) {
			if attempt == nil {
				waiting <- "no attempt yet"
			} else {
				waiting <- string(attempt.Status)
			}
		},
	})
	handler, err := webhook.NewHandler([]string{"whsec-1"}, func(_ context.Context, event webhook.Event) error {
		waiter.Connected(event) // and store it
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}

	done := make(chan string)
	go func() {
		attempt, err := waiter.Wait(context.Background(), link.Token)
		if err != nil {
			log.Fatal(err)
		}
		done <- attempt.AccountSecureID
	}()
	fmt.Println(<-waiting)

	payload := `{"event":"account.created","account_id":"account-1","origin_owner_id":"customer-42","provider":"bamboohr"}`
	delivery := httptest.NewRequest(http.MethodPost, "/webhooks/stackone", strings.NewReader(payload))
	delivery.Header.Set(webhook.SignatureHeader, webhook.Sign([]byte(payload), "whsec-1"))
	handler.ServeHTTP(httptest.NewRecorder(), delivery)

	fmt.Println("connected as", <-done)
	// Output:
	// no attempt yet
	// connected as account-1
}
