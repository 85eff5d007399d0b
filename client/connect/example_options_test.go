package connect_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// One Waiter serves all waits of a key. Here four processes wait with the same key, so
// each uses a quarter of the default limit.
func ExampleNewWaiter() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	c, _ := newSession(srv)
	waiter := connect.NewWaiter(c, connect.WaiterOptions{LooksPerMinute: 500 / 4})

	accounts := make(chan string)
	for _, account := range []string{"account-1", "account-2"} {
		link, err := c.ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{OriginOwnerID: account, OriginOwnerName: "Acme"})
		if err != nil {
			log.Fatal(err)
		}
		if err := srv.Session(link.Token).Connect(account); err != nil {
			log.Fatal(err)
		}
		go func() {
			attempt, err := waiter.Wait(context.Background(), link.Token)
			if err != nil {
				log.Fatal(err)
			}
			accounts <- attempt.AccountSecureID
		}()
	}
	fmt.Println(<-accounts)
	fmt.Println(<-accounts)
	// Unordered output:
	// account-1
	// account-2
}

// Progress reports what the customer does. It receives nil until the customer has opened
// the provider's page.
func ExampleWaiterOptions() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	c, link := newSession(srv)
	customer := []func() error{ // what the customer does after each look
		srv.Session(link.Token).Begin,
		func() error { return srv.Session(link.Token).Connect("account-1") },
		func() error { return nil },
	}
	waiter := connect.NewWaiter(c, connect.WaiterOptions{
		Interval: 10 * time.Millisecond,
		Progress: func(_ string, attempt *gen.ConnectSessionLatestAttempt) {
			if attempt == nil {
				fmt.Println("not opened yet")
			} else {
				fmt.Println(attempt.Status)
			}
			if err := customer[0](); err != nil {
				log.Fatal(err)
			}
			customer = customer[1:]
		},
	})
	_, err := waiter.Wait(context.Background(), link.Token)
	fmt.Println(err)
	// Output:
	// not opened yet
	// pending
	// authenticated
	// <nil>
}

// Created stores each session before the browser gets it. If it fails, the browser does
// not get the session.
func ExampleSessionHandler_created() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	save := func(_ context.Context, _ *http.Request, link *gen.ConnectSessionTokenAuthLink) error {
		fmt.Println("saved session", link.ID, "of", link.OriginOwnerID)
		return nil
	}
	handler := &connect.SessionHandler{
		Client: srv.Client(),
		Session: func(*http.Request) (gen.ConnectSessionCreate, error) { // of the signed-in customer
			return gen.ConnectSessionCreate{OriginOwnerID: "customer-42", OriginOwnerName: "Acme"}, nil
		},
		Created: save,
		Timeout: 10 * time.Second,
	}
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/api/connect-session", nil))
	fmt.Println(rec.Code)
	// Output:
	// saved session 1 of customer-42
	// 200
}

// The key is wrong: the reason is logged, and not sent to the browser.
func ExampleSessionHandler_logger() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	handler := &connect.SessionHandler{
		Client: srv.Client(client.WithAPIKey("revoked")),
		Session: func(*http.Request) (gen.ConnectSessionCreate, error) {
			return gen.ConnectSessionCreate{OriginOwnerID: "customer-42", OriginOwnerName: "Acme"}, nil
		},
		Logger: slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})),
	}
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/api/connect-session", nil))
	fmt.Print(rec.Body)
	// Output:
	// level=WARN msg="stackone session handler" error="stackone: create_connect_session: 401 Unauthorized (check the API key) (request ID request-1)"
	// {"status":502,"title":"Bad Gateway","type":"about:blank"}
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
