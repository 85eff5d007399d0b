package stackonetest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// The backend creates a session, the customer connects, and the backend reads the ID of
// the account.
func Example() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	c := srv.Client() // a *client.Client
	ctx := context.Background()

	link, err := c.ConnectSessions.Create(ctx, gen.ConnectSessionCreate{
		OriginOwnerID: "acme", OriginOwnerName: "Acme", Provider: "bamboohr",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := srv.Session(link.Token).Connect("45072196112816593343"); err != nil {
		fmt.Println(err)
		return
	}
	session, err := c.ConnectSessions.Authenticate(ctx, gen.ConnectSessionAuthenticate{Token: link.Token})
	if err != nil {
		fmt.Println(err)
		return
	}
	attempt := session.LatestConnectionAttempt
	fmt.Println(attempt.Status, attempt.AccountSecureID)
	// Output: authenticated 45072196112816593343
}

// Any client works: it only needs the URL and the key.
func ExampleNewServer() {
	srv := stackonetest.NewServer()
	defer srv.Close()

	req, err := http.NewRequest(http.MethodPost, srv.URL+"/connect_sessions",
		strings.NewReader(`{"origin_owner_id":"acme","origin_owner_name":"Acme","expires_in":1800,"multiple":false,"type":"production"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	req.SetBasicAuth(srv.APIKey, "")
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	fmt.Println(res.Status)
	// Output: 201 Created
}

// printing stands for a *testing.T.
type printing struct{ cleanup func() }

func (*printing) Helper()                           {}
func (p *printing) Cleanup(f func())                { p.cleanup = f }
func (*printing) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// The test fails at its end, because an injected fault was never triggered.
func ExampleNewTestServer() {
	t := new(printing)
	srv := stackonetest.NewTestServer(t)
	srv.Inject(stackonetest.Fault{Status: http.StatusServiceUnavailable})
	t.cleanup()
	// Output: stackonetest: injected fault 1 was triggered 0 of 1 times
}

// The server has no socket. In a testing/synctest bubble, its delays take no time.
func ExampleInMemory() {
	srv := stackonetest.NewServer(stackonetest.InMemory())
	defer srv.Close()
	_, err := srv.Client().ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{
		OriginOwnerID: "acme", OriginOwnerName: "Acme",
	})
	fmt.Println(err, len(srv.Sessions()))
	// Output: <nil> 1
}

// Client takes the options of a client. This one returns the first error instead of
// retrying.
func ExampleServer_Client() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Minute})
	c := srv.Client(client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}))

	_, err := c.ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme"})
	var api *client.APIError
	if errors.As(err, &api) {
		fmt.Println(api.StatusCode, api.RetryAfter)
	}
	// Output: 429 1m0s
}

// startSession starts a server and creates a session.
func startSession() (*stackonetest.Server, *stackonetest.Session) {
	srv := stackonetest.NewServer()
	_, err := srv.Client().ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{
		OriginOwnerID: "acme", OriginOwnerName: "Acme", Provider: "bamboohr",
	})
	if err != nil {
		panic(err)
	}
	return srv, srv.Sessions()[0]
}

// The backend under test has created the session, so the test has no token.
func ExampleServer_Sessions() {
	srv, _ := startSession()
	defer srv.Close()
	for _, session := range srv.Sessions() {
		details := session.Details()
		fmt.Println(details.ID, details.OriginOwnerID, details.Provider)
	}
	// Output: 1 acme bamboohr
}

func ExampleSession_Request() {
	srv, session := startSession()
	defer srv.Close()
	request := session.Request()
	fmt.Println(request.OriginOwnerName, request.ExpiresIn, request.Multiple, request.Type)
	// Output: Acme 1800 false production
}

func ExampleSession_Begin() {
	srv, session := startSession()
	defer srv.Close()
	fmt.Println(session.Begin(), session.Details().LatestConnectionAttempt.Status)
	// Output: <nil> pending
}

// The second session with the same owner, name and provider edits the account that the
// first one created.
func ExampleSession_Connect() {
	srv, first := startSession()
	defer srv.Close()
	fmt.Println(first.Connect("45072196112816593343"))

	link, err := srv.Client().ConnectSessions.Create(context.Background(), first.Request())
	if err != nil {
		fmt.Println(err)
		return
	}
	second := srv.Session(link.Token)
	fmt.Println(second.Connect("another"))
	fmt.Println(second.Connect(""), second.Details().LatestConnectionAttempt.AccountSecureID)
	// Output:
	// <nil>
	// stackonetest: the session edits account "45072196112816593343" and cannot connect "another"
	// <nil> 45072196112816593343
}

func ExampleSession_Fail() {
	srv, session := startSession()
	defer srv.Close()
	err := session.Fail("access_denied", "The user denied the request.")
	attempt := session.Details().LatestConnectionAttempt
	fmt.Println(err, attempt.Status, attempt.OAuthErrorCode, attempt.OAuthErrorDescription)
	// Output: <nil> error access_denied The user denied the request.
}

func ExampleSession_Cancel() {
	srv, session := startSession()
	defer srv.Close()
	fmt.Println(session.Cancel(), session.Details().LatestConnectionAttempt.Status)
	// Output: <nil> cancelled
}

func ExampleSession_Expire() {
	srv, session := startSession()
	defer srv.Close()
	fmt.Println(session.Expire(), session.Details().LatestConnectionAttempt.Status)
	// Output: <nil> expired
}

// Half an hour later the token has expired.
func ExampleServer_Advance() {
	srv, session := startSession()
	defer srv.Close()
	srv.Advance(30 * time.Minute)

	_, err := srv.Client().ConnectSessions.Authenticate(context.Background(), gen.ConnectSessionAuthenticate{Token: session.Details().Token})
	fmt.Println(errors.Is(err, client.ErrUnauthorized))
	// Output: true
}

// The customer's browser sends this form when the customer presses Connect.
func ExampleServer_authLink() {
	srv, session := startSession()
	defer srv.Close()

	res, err := http.PostForm(session.Details().AuthLinkURL, url.Values{"decision": {"connect"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	fmt.Println(res.Status, session.Details().LatestConnectionAttempt.Status)
	// Output: 200 OK authenticated
}

func ExampleServer_Requests() {
	srv, _ := startSession()
	defer srv.Close()
	for _, r := range srv.Requests() {
		fmt.Println(r.Method, r.Path, r.Header.Get("Content-Type"), r.Header.Get("Authorization") == "")
		fmt.Println(string(r.Body))
	}
	// Output:
	// POST /connect_sessions application/json true
	// {"origin_owner_id":"acme","origin_owner_name":"Acme","provider":"bamboohr"}
}

func ExampleServer_Expect() {
	srv, _ := startSession()
	defer srv.Close()
	srv.Expect("POST /connect_sessions/authenticate")
	fmt.Println(srv.Verify())
	// Output:
	// stackonetest: request "POST /connect_sessions" was not expected
	// stackonetest: expected request "POST /connect_sessions/authenticate" did not arrive
}

// The next two responses are a 503, and the third attempt to read a session succeeds.
func ExampleServer_Inject() {
	srv, session := startSession()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Status: http.StatusServiceUnavailable, Times: 2})

	c := srv.Client(client.WithRetryPolicy(client.RetryPolicy{MinBackoff: time.Millisecond}))
	_, err := c.ConnectSessions.Authenticate(context.Background(), gen.ConnectSessionAuthenticate{Token: session.Details().Token})
	fmt.Println(err, len(srv.Requests()), srv.Verify())
	// Output: <nil> 4 <nil>
}

// Only the requests for one customer fail.
func ExampleServer_Inject_when() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{
		Status: http.StatusForbidden,
		When:   func(r stackonetest.Request) bool { return strings.Contains(string(r.Body), `"globex"`) },
	})
	for _, owner := range []string{"acme", "globex"} {
		_, err := srv.Client().ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{OriginOwnerID: owner, OriginOwnerName: owner})
		fmt.Println(owner, errors.Is(err, client.ErrForbidden))
	}
	// Output:
	// acme false
	// globex true
}

// The connection breaks after the service has created the session, so the caller cannot
// know that it exists.
func ExampleServer_Inject_reset() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Reset: stackonetest.ResetAfterReading})

	_, err := srv.Client().ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme"})
	var transport *client.TransportError
	if errors.As(err, &transport) {
		fmt.Println("maybe sent:", transport.MaybeSent, "sessions:", len(srv.Sessions()))
	}
	// Output: maybe sent: true sessions: 1
}

func ExampleServer_Inject_cutBody() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{CutBody: true})

	_, err := srv.Client().ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme"})
	fmt.Println(errors.Is(err, io.ErrUnexpectedEOF))
	// Output: true
}

// The response comes too late for the caller, and so does the end of a slow body.
func ExampleServer_Inject_delay() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Delay: time.Hour}, stackonetest.Fault{SlowBody: time.Hour})

	for range 2 {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		_, err := srv.Client().ConnectSessions.Create(ctx, gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme"})
		cancel()
		fmt.Println(errors.Is(err, context.DeadlineExceeded))
	}
	// Output:
	// true
	// true
}

func ExampleProxyError() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.ProxyError(http.StatusBadGateway))

	_, err := srv.Client().ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme"})
	var api *client.APIError
	if errors.As(err, &api) {
		fmt.Println(api.StatusCode, api.Header.Get("Content-Type"), strings.HasPrefix(string(api.Body), "<html>"))
	}
	// Output: 502 text/html true
}

// StackOne's documented limit is stackonetest.RateLimit; a test can use a smaller one.
func ExampleServer_LimitRate() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.LimitRate(1)
	c := srv.Client(client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}))

	for range 2 {
		_, err := c.ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme"})
		fmt.Println(errors.Is(err, client.ErrTooManyRequests))
	}
	// Output:
	// false
	// true
}

// A customer connects with an API key, and the backend's webhook endpoint receives the
// event. The endpoint is a handler here; it can also be a URL.
func ExampleServer_Deliver() {
	srv, session := startSession()
	defer srv.Close()
	endpoint, err := webhook.NewHandler([]string{"whsec_test"}, func(_ context.Context, e webhook.Event) error {
		fmt.Println(e.Type, e.Provider, e.OriginOwnerID)
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv.Deliver(stackonetest.Webhook{Handler: endpoint, Secret: "whsec_test"})
	if _, err := session.ConnectWith(stackonetest.Connection{NoAttempt: true}); err != nil {
		fmt.Println(err)
		return
	}
	if err := srv.WaitDelivered(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: account.created bamboohr acme
}

// The response is the same in every run, for a golden file.
func ExampleFixed() {
	start := time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)
	srv := stackonetest.NewServer(stackonetest.Fixed(start), stackonetest.PublicURL("https://stackone.example"))
	defer srv.Close()
	link, err := srv.Client().ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{
		OriginOwnerID: "acme", OriginOwnerName: "Acme",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(link.CreatedAt, link.AuthLinkURL)
	// Output: 2026-01-02 03:04:05 +0000 UTC https://stackone.example/auth_link/token-1
}
