package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// The examples call a fake StackOne, so they set its key and base URL. A program calls
// client.New(), which reads the key from STACKONE_API_KEY.

func Example() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	ctx := context.Background()

	c, err := client.New(client.WithAPIKey(srv.APIKey), client.WithBaseURL(srv.URL))
	if err != nil {
		log.Fatal(err)
	}
	link, err := c.ConnectSessions.Create(ctx, gen.ConnectSessionCreate{
		OriginOwnerID:   "customer-42", // from your own sign-in, never from the browser
		OriginOwnerName: "Acme",
		Categories:      []gen.Category{gen.CategoryHRIS},
	})
	if err != nil {
		log.Fatal(err)
	}
	session, err := c.ConnectSessions.Authenticate(ctx, gen.ConnectSessionAuthenticate{Token: link.Token})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(session.OriginOwnerName, session.Categories, session.Type)
	// Output: Acme [hris] production
}

// The code of the package documentation calls the real service: it is compiled, not run.
var _ = func(ctx context.Context) error {
	c, err := client.New() // the key is in STACKONE_API_KEY
	if err != nil {
		return err
	}
	link, err := c.ConnectSessions.Create(ctx, gen.ConnectSessionCreate{
		OriginOwnerID:   "customer-42", // from your own sign-in, never from the browser
		OriginOwnerName: "Acme",
		Categories:      []gen.Category{gen.CategoryHRIS},
	})
	_ = link
	return err
}

func Example_errors() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	ctx, c := context.Background(), srv.Client(client.WithAPIKey("mistyped"))

	request := gen.ConnectSessionCreate{OriginOwnerID: "customer-42", OriginOwnerName: "Acme"}
	_, err := c.ConnectSessions.Create(ctx, request)
	var api *client.APIError
	switch {
	case err == nil:
		fmt.Println("created")
	case client.MaybeCreated(err):
		fmt.Println("perhaps created; creating another is harmless:", err)
	case errors.Is(err, client.ErrUnauthorized):
		fmt.Println("the key is wrong:", err)
	case errors.Is(err, client.ErrTooManyRequests) && errors.As(err, &api):
		fmt.Println("try again in", api.RetryAfter)
	default:
		fmt.Println("not created:", err)
	}
	// Output: the key is wrong: stackone: create_connect_session: 401 Unauthorized (check the API key) (request ID request-1)
}

// A call's options override the client's.
func Example_options() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	ctx, c := context.Background(), srv.Client()

	request := gen.ConnectSessionCreate{OriginOwnerID: "customer-42", OriginOwnerName: "Acme"}
	var response client.Response
	_, err := c.ConnectSessions.Create(ctx, request,
		client.WithTimeout(5*time.Second),
		client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}),
		client.WithResponse(&response))
	fmt.Println(err, response.StatusCode, response.Attempts, response.Header.Get("Content-Type"))
	// Output: <nil> 201 1 application/json; charset=utf-8
}

// A link in an e-mail has to live longer than the default of 30 minutes.
func ExampleConnectSessions_Create_link() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	ctx, c := context.Background(), srv.Client()

	link, err := c.ConnectSessions.Create(ctx, gen.ConnectSessionCreate{
		OriginOwnerID:   "customer-42",
		OriginOwnerName: "Acme",
		ExpiresIn:       5 * 24 * 60 * 60, // seconds
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.HasPrefix(link.AuthLinkURL, srv.URL))
	// Output: true
}

// The customer edits an account that is already connected, for example to enter a new
// password.
func ExampleConnectSessions_Create_editAccount() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	ctx, c := context.Background(), srv.Client()

	link, err := c.ConnectSessions.Create(ctx, gen.ConnectSessionCreate{
		OriginOwnerID:   "customer-42",
		OriginOwnerName: "Acme",
		AccountID:       "account-1", // from the webhook or the Waiter
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link.AccountID)
	// Output: account-1
}

// If a webhook is lost, Authenticate still returns the account of an OAuth connection,
// until the session expires.
func ExampleConnectSessions_Authenticate() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	ctx, c := context.Background(), srv.Client()
	link, err := onboard(ctx, c)
	if err != nil {
		log.Fatal(err)
	}
	if err := srv.Session(link.Token).Connect("account-1"); err != nil { // as the customer does
		log.Fatal(err)
	}

	session, err := c.ConnectSessions.Authenticate(ctx, gen.ConnectSessionAuthenticate{Token: link.Token})
	if err != nil {
		log.Fatal(err)
	}
	if attempt := session.LatestConnectionAttempt; attempt != nil { // nil if not opened, or without OAuth
		fmt.Println(attempt.Status, attempt.AccountSecureID)
	}
	// Output: authenticated account-1
}

// If the customer has connected the provider before, the session edits that account,
// unless Multiple is set.
func ExampleConnectSessions_Create_again() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	request := gen.ConnectSessionCreate{OriginOwnerID: "customer-42", OriginOwnerName: "Acme", Provider: "bamboohr"}
	connect := func() string {
		link, err := srv.Client().ConnectSessions.Create(context.Background(), request)
		if err != nil {
			log.Fatal(err)
		}
		account, err := srv.Session(link.Token).ConnectWith(stackonetest.Connection{}) // as the customer does
		if err != nil {
			log.Fatal(err)
		}
		return account
	}
	first, second := connect(), connect()
	request.Multiple = true
	fmt.Println(first == second, first == connect())
	// Output: true false
}

// All operations of the generated client have the same authentication, retries and
// errors, including those that an update of the API description adds later.
func ExampleClient_Generated() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	ctx, c := context.Background(), srv.Client()

	response, err := c.Generated().CreateConnectSessionWithResponse(ctx, gen.ConnectSessionCreate{
		OriginOwnerID: "customer-42", OriginOwnerName: "Acme",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.StatusCode(), response.JSON201.OriginOwnerName)
	// Output: 201 Acme
}

// TestOnboarding tests code that uses the client, in virtual time.
func TestOnboarding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
		c := srv.Client()
		srv.Inject(stackonetest.Fault{Status: 429, RetryAfter: time.Minute}) // a minute of virtual time
		link, err := onboard(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := srv.Session(link.Token).Connect("account-1"); err != nil {
			t.Fatal(err)
		}
		attempt, err := connect.NewWaiter(c, connect.WaiterOptions{}).Wait(t.Context(), link.Token)
		if err != nil || attempt.AccountSecureID != "account-1" {
			t.Errorf("got %v, %v", attempt, err)
		}
	})
}

// onboard stands for your code.
func onboard(ctx context.Context, c *client.Client, opts ...client.Option) (*gen.ConnectSessionTokenAuthLink, error) {
	return c.ConnectSessions.Create(ctx, gen.ConnectSessionCreate{OriginOwnerID: "customer-42", OriginOwnerName: "Acme"}, opts...)
}
