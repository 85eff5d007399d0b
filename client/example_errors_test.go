package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// In these examples, onboard creates a session for a customer.

// An error has the status and the message of the response. For the documented statuses,
// errors.Is is enough.
func ExampleAPIError() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Status: http.StatusForbidden, Body: []byte(`{"message": "the project is suspended"}`)})

	_, err := onboard(context.Background(), srv.Client())
	var api *client.APIError
	if errors.As(err, &api) {
		fmt.Println(api.StatusCode, api.Message, errors.Is(err, client.ErrForbidden))
		fmt.Println("give StackOne's support the request ID:", api.RequestID)
	}
	// Output:
	// 403 the project is suspended true
	// give StackOne's support the request ID: request-1
}

// The response was lost after the service had created the session.
func ExampleTransportError() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Reset: stackonetest.ResetAfterReading})

	_, err := onboard(context.Background(), srv.Client())
	var lost *client.TransportError
	if errors.As(err, &lost) {
		fmt.Println("attempts:", lost.Attempts, "maybe sent:", lost.MaybeSent)
	}

	nowhere := client.WithBaseURL("http://127.0.0.1:1") // where connections are refused
	_, err = onboard(context.Background(), srv.Client(nowhere))
	if errors.As(err, &lost) {
		fmt.Println("attempts:", lost.Attempts, "maybe sent:", lost.MaybeSent)
	}
	// Output:
	// attempts: 1 maybe sent: true
	// attempts: 3 maybe sent: false
}

// The service created the session, but half of its response was lost.
func ExampleResponseError() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{CutBody: true})

	_, err := onboard(context.Background(), srv.Client())
	var unusable *client.ResponseError
	if errors.As(err, &unusable) {
		fmt.Println(unusable.StatusCode, unusable.Err, client.MaybeCreated(err))
	}
	// Output: 201 unexpected EOF true
}

// An invalid request is rejected before it is sent. ExpiresIn is in seconds, so a
// time.Duration, which is in nanoseconds, is out of range.
func ExampleConnectSessions_Create_invalid() {
	srv := stackonetest.NewServer()
	defer srv.Close()

	life := 7 * 24 * time.Hour
	_, err := srv.Client().ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{
		OriginOwnerID: "customer-42",
		ExpiresIn:     int(life), // right: int(life.Seconds())
	})
	fmt.Println(err)
	fmt.Println(client.MaybeCreated(err), len(srv.Requests()))
	// Output:
	// stackone: create_connect_session: invalid request: origin_owner_name is required; expires_in is negative or not in seconds: for a time.Duration d, use int(d.Seconds())
	// false 0
}

// A proxy responds with 502 after the service has created the session. Create is not
// retried, but a second session is harmless, so the caller calls it again.
func ExampleMaybeCreated() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Status: http.StatusBadGateway, Processed: true})
	ctx, c := context.Background(), srv.Client()

	_, err := onboard(ctx, c)
	if client.MaybeCreated(err) {
		fmt.Println("repeated after:", err)
		_, err = onboard(ctx, c)
	}
	fmt.Println(err, len(srv.Sessions()))
	// Output:
	// repeated after: stackone: create_connect_session: 502 Bad Gateway (the session may exist) (request ID request-1)
	// <nil> 2
}

// Transient decides whether a job that reads a session goes back to its queue.
func ExampleTransient() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	srv.Inject(stackonetest.Fault{Status: http.StatusServiceUnavailable})
	c := srv.Client(client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}))

	for _, token := range []string{"a busy moment", "an unknown token"} {
		_, err := c.ConnectSessions.Authenticate(context.Background(), gen.ConnectSessionAuthenticate{Token: token})
		fmt.Println(client.Transient(err))
	}
	// Output:
	// true
	// false
}
