package stackonetest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

// A Request is what the program under test sent, and says why it was rejected.
func ExampleRequest() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	res, err := http.Post(srv.URL+"/connect_sessions", "application/json", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	request := srv.Requests()[0]
	fmt.Println(request.Method, request.Path)
	fmt.Println(request.Response.Status, request.Reason)
	// Output:
	// POST /connect_sessions
	// 401 the request has no Authorization header
}

// The body of a response contains the session's token, so printing a response does not
// show it.
func ExampleResponse() {
	srv, _ := startSession()
	defer srv.Close()
	response := srv.Requests()[0].Response
	fmt.Println(response.Status, response.Header.Get("Content-Type"), len(response.Body) > 0)
	fmt.Println(response)
	// Output:
	// 201 application/json; charset=utf-8 true
	// 201
}

// The customer picks a provider in the Hub and enters an API key, which creates no
// attempt.
func ExampleConnection() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	link, err := onboard(srv.Client())
	if err != nil {
		log.Fatal(err)
	}
	account, err := srv.Session(link.Token).ConnectWith(stackonetest.Connection{
		Provider: "hibob", AccountID: "account-1", NoAttempt: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	details := srv.Session(link.Token).Details()
	fmt.Println(account, details.Provider, details.LatestConnectionAttempt == nil)
	// Output: account-1 hibob true
}

// After a reset before reading, there is no session. After a reset after reading, there
// is one, and only the response is lost. The client cannot tell the two apart.
func ExampleReset() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	for _, reset := range []stackonetest.Reset{stackonetest.ResetBeforeReading, stackonetest.ResetAfterReading} {
		srv.Inject(stackonetest.Fault{Reset: reset})
		_, err := onboard(srv.Client())
		fmt.Println(client.MaybeCreated(err), len(srv.Sessions()))
	}
	// Output:
	// true 0
	// true 1
}

// A gateway times out for the next two requests. Check reports an invalid fault.
func ExampleFault() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Path: "/connect_sessions", Times: 2, Status: http.StatusGatewayTimeout, Body: []byte{}})
	_, err := onboard(srv.Client())
	fmt.Println(err)
	fmt.Println(srv.Faults()[0].Times, "more")
	fmt.Println(stackonetest.Fault{Status: 42}.Check())
	// Output:
	// stackone: create_connect_session: 504 Gateway Timeout (the session may exist) (request ID request-1)
	// 1 more
	// stackonetest: status 42 cannot be sent
}

// A receiver that fails gets the event again.
func ExampleDelivery() {
	srv, session := startSession()
	defer srv.Close()
	responses := make(chan int, 2)
	responses <- http.StatusInternalServerError
	responses <- http.StatusOK
	srv.Deliver(stackonetest.Webhook{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(<-responses) }),
		Secret:  "whsec_test", Backoff: time.Millisecond,
	})
	if err := session.Connect(""); err != nil {
		log.Fatal(err)
	}
	if err := srv.WaitDelivered(context.Background()); err != nil {
		log.Fatal(err)
	}
	for _, delivery := range srv.Deliveries() {
		fmt.Println(delivery.Received(), delivery.Done)
	}
	// Output: true true
}

// Nothing listens at the URL, and the server gives up after two attempts.
func ExampleDeliveryAttempt() {
	srv, session := startSession()
	defer srv.Close()
	const nowhere = "http://127.0.0.1:1" // where connections are refused
	srv.Deliver(stackonetest.Webhook{URL: nowhere, Secret: "whsec_test", Attempts: 2, Backoff: time.Millisecond})
	if err := session.Connect(""); err != nil {
		log.Fatal(err)
	}
	if err := srv.WaitDelivered(context.Background()); err != nil {
		log.Fatal(err)
	}
	for _, attempt := range srv.Deliveries()[0].Attempts {
		fmt.Println(attempt.Status, attempt.Err != nil)
	}
	// Output:
	// 0 true
	// 0 true
}

// The endpoint is a URL, of a program in any language.
func ExampleWebhook() {
	srv, session := startSession()
	defer srv.Close()
	endpoint, err := webhook.NewHandler([]string{"whsec_test"}, func(_ context.Context, e webhook.Event) error {
		fmt.Println(e.Type, e.AccountID)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	receiver := httptest.NewServer(endpoint)
	defer receiver.Close()

	srv.Deliver(stackonetest.Webhook{URL: receiver.URL, Secret: "whsec_test"})
	if err := session.Connect("account-1"); err != nil {
		log.Fatal(err)
	}
	if err := srv.WaitDelivered(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output: account.created account-1
}

// A TB has the three methods that a test framework needs.
func ExampleTB() {
	var t stackonetest.TB = new(printing)
	srv := stackonetest.NewTestServer(t)
	srv.Expect("POST /connect_sessions")
	t.(*printing).cleanup() // the test ends, and nothing was sent
	// Output: stackonetest: expected request "POST /connect_sessions" did not arrive
}
