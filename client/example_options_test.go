package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

// All configuration errors are reported together, without the values.
func ExampleNew() {
	_, err := client.New(
		client.WithAPIKey("v1.eu1:secret"),
		client.WithBaseURL("http://stackone.internal"),
		client.WithTimeout(-time.Second))
	fmt.Println(strings.ReplaceAll(err.Error(), "; ", "\n"))
	// Output:
	// stackone: invalid configuration: the API key contains a colon: give the key alone, without a password
	// the base URL is not https (http is for loopback addresses only)
	// the timeout is negative
}

// The key comes from a file or a secret store instead of STACKONE_API_KEY. A newline at
// its end is removed.
func ExampleWithAPIKey() {
	srv := stackonetest.NewServer()
	defer srv.Close()

	c, err := client.New(client.WithAPIKey(srv.APIKey+"\n"), client.WithBaseURL(srv.URL))
	if err != nil {
		log.Fatal(err)
	}
	_, err = onboard(context.Background(), c)
	fmt.Println(err)
	// Output: <nil>
}

// One client serves many keys, here those of two projects: each call passes its own.
func ExampleWithAPIKey_manyKeys() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	keys := map[string]string{"eu": srv.APIKey, "us": "revoked"}

	c, err := client.New(client.WithAPIKey(keys["eu"]), client.WithBaseURL(srv.URL))
	if err != nil {
		log.Fatal(err)
	}
	for _, project := range []string{"eu", "us"} {
		_, err := onboard(context.Background(), c, client.WithAPIKey(keys[project]))
		fmt.Println(project, errors.Is(err, client.ErrUnauthorized))
	}
	// Output:
	// eu false
	// us true
}

// A key that is rotated while the program runs is used for the next attempt.
func ExampleWithAPIKeyFunc() {
	srv := stackonetest.NewServer()
	defer srv.Close()

	var current atomic.Value // updated when the secret store has a new key
	current.Store("revoked")
	ctx, c := context.Background(), srv.Client(client.WithAPIKeyFunc(func(context.Context) (string, error) {
		return current.Load().(string), nil
	}))
	_, err := onboard(ctx, c)
	fmt.Println(errors.Is(err, client.ErrUnauthorized))

	current.Store(srv.APIKey)
	_, err = onboard(ctx, c)
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

// A gateway in front of StackOne requires a user name and a password.
func ExampleWithBasicAuth() {
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		fmt.Println("user", user)
		w.WriteHeader(http.StatusForbidden)
	}))
	defer gateway.Close()

	c, err := client.New(client.WithBasicAuth("backend", "password"), client.WithBaseURL(gateway.URL))
	if err != nil {
		log.Fatal(err)
	}
	_, err = onboard(context.Background(), c)
	fmt.Println(errors.Is(err, client.ErrForbidden))
	// Output:
	// user backend
	// true
}

// The base URL of a fake or a gateway replaces StackOne's. http is for loopback
// addresses only.
func ExampleWithBaseURL() {
	srv := stackonetest.NewServer()
	defer srv.Close()

	c, err := client.New(client.WithAPIKey(srv.APIKey), client.WithBaseURL(srv.URL))
	if err != nil {
		log.Fatal(err)
	}
	_, err = onboard(context.Background(), c)
	fmt.Println(err)

	_, err = client.New(client.WithAPIKey(srv.APIKey), client.WithBaseURL("http://stackone.internal"))
	fmt.Println(err)
	// Output:
	// <nil>
	// stackone: invalid configuration: the base URL is not https (http is for loopback addresses only)
}

// A gateway identifies its callers by a header.
func ExampleWithHeader() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	c := srv.Client(client.WithHeader("X-Team", "onboarding"))
	if _, err := onboard(context.Background(), c, client.WithHeader("X-Correlation-Id", "42")); err != nil {
		log.Fatal(err)
	}
	sent := srv.Requests()[0].Header
	fmt.Println(sent.Get("X-Team"), sent.Get("X-Correlation-Id"))
	// Output: onboarding 42
}

// Each attempt is logged, without secrets.
func ExampleWithLogger() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": nil}})

	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.TimeKey, "duration", "request_id": // which are different in every run
				return slog.Attr{}
			}
			return a
		},
	}))
	c := srv.Client(client.WithLogger(logger), client.WithRetryPolicy(client.RetryPolicy{MinBackoff: 1, MaxBackoff: 1}))
	if _, err := onboard(context.Background(), c); err != nil {
		log.Fatal(err)
	}
	// Output:
	// level=WARN msg="stackone attempt" operation=create_connect_session attempt=1 status=429 wait=1ns
	// level=INFO msg="stackone attempt" operation=create_connect_session attempt=2 status=201 wait=0s
}

// The limit protects the program's memory from a broken service or proxy.
func ExampleWithMaxResponseBytes() {
	srv := stackonetest.NewServer()
	defer srv.Close()

	_, err := onboard(context.Background(), srv.Client(client.WithMaxResponseBytes(100)))
	var unusable *client.ResponseError
	if errors.As(err, &unusable) {
		fmt.Println(unusable.Err)
	}
	// Output: the body is larger than 100 bytes
}

// WithResponse returns the response as received, even if the call fails. Here it is the
// HTML page of a proxy.
func ExampleWithResponse() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.ProxyError(http.StatusBadGateway))

	var response client.Response
	_, err := onboard(context.Background(), srv.Client(), client.WithResponse(&response))
	fmt.Println(errors.Is(err, client.ErrBadGateway), response.StatusCode, response.Attempts)
	fmt.Printf("%s: %.6s\n", response.Header.Get("Content-Type"), response.Body)
	// Output:
	// true 502 1
	// text/html: <html>
}

// The session was created, but two of its members do not fit their Go types.
func ExampleResponse() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Status: http.StatusCreated, Body: []byte(
		`{"id": "12", "token": "token-1", "auth_link_url": "https://example.com/1", "origin_owner_name": "Acme", "created_at": "today"}`)})

	var response client.Response
	link, err := onboard(context.Background(), srv.Client(), client.WithResponse(&response))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("dropped:", response.Dropped)
	fmt.Println(link.OriginOwnerName, link.ID, link.CreatedAt.IsZero())
	fmt.Println(response) // without the body, which contains the token
	// Output:
	// dropped: [created_at id]
	// Acme 0 true
	// {StatusCode:201 Attempts:1 Body:126 bytes}
}

// A user waits for this call, so it waits no longer than a few seconds before a retry.
func ExampleWithRetryPolicy() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Status: http.StatusTooManyRequests, RetryAfter: 30 * time.Second})

	c := srv.Client() // with the default policy
	_, err := onboard(context.Background(), c,
		client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 2, MaxRetryAfter: 3 * time.Second}))
	var api *client.APIError
	if errors.As(err, &api) {
		fmt.Println("try again in", api.RetryAfter)
	}
	// Output: try again in 30s
}

// RetryAmbiguous also retries Create after a failed attempt that may have created a
// session, because a second session is harmless.
func ExampleRetryPolicy() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Status: http.StatusBadGateway, Processed: true})

	c := srv.Client(client.WithRetryPolicy(client.RetryPolicy{RetryAmbiguous: true}))
	_, err := onboard(context.Background(), c)
	fmt.Println(err, len(srv.Sessions()))
	// Output: <nil> 2
}

// WithTimeout limits each attempt; the context limits the whole call.
func ExampleWithTimeout() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Delay: time.Hour})

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := onboard(ctx, srv.Client(client.WithTimeout(50*time.Millisecond)))
	fmt.Println(errors.Is(err, context.DeadlineExceeded), client.MaybeCreated(err), ctx.Err())
	// Output: true true <nil>
}

// The User-Agent tells StackOne which program calls it.
func ExampleWithUserAgent() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	if _, err := onboard(context.Background(), srv.Client(client.WithUserAgent("acme-backend/1.4"))); err != nil {
		log.Fatal(err)
	}
	product, _, _ := strings.Cut(srv.Requests()[0].Header.Get("User-Agent"), " ")
	fmt.Println(product)
	// Output: acme-backend/1.4
}
