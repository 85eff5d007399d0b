package connect_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// The customer connects in StackOne's Hub; here the fake does it for them.
func ExampleWaiter() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	ctx, c := context.Background(), srv.Client()
	link, err := c.ConnectSessions.Create(ctx, gen.ConnectSessionCreate{OriginOwnerID: "customer-42", OriginOwnerName: "Acme"})
	if err != nil {
		log.Fatal(err)
	}
	if err := srv.Session(link.Token).Connect("account-1"); err != nil {
		log.Fatal(err)
	}

	waiter := connect.NewWaiter(c, connect.WaiterOptions{}) // one for each API key

	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	attempt, err := waiter.Wait(ctx, link.Token)
	var ended *connect.ConnectionError
	switch {
	case err == nil:
		fmt.Println("connected as", attempt.AccountSecureID)
	case errors.As(err, &ended):
		fmt.Println("ended as", ended.Status, ended.Code)
	case errors.Is(err, context.DeadlineExceeded):
		fmt.Println("not yet: a webhook will tell")
	default:
		fmt.Println(err)
	}
	// Output: connected as account-1
}

// The page with StackOne's Hub asks this endpoint for a token.
func ExampleSessionHandler() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	c := srv.Client()
	signedIn := func(*http.Request) (id, name string, ok bool) { return "customer-42", "Acme", true }

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
	mux := http.NewServeMux()
	mux.Handle("/api/connect-session", http.NewCrossOriginProtection().Handler(handler))

	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/api/connect-session", nil))
	fmt.Println(rec.Code, rec.Header().Get("Cache-Control"), srv.Sessions()[0].Details().OriginOwnerName)
	// Output: 200 no-store Acme
}
