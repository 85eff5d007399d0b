package stackonetest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// onboard creates a session for Acme.
func onboard(c *client.Client) (*gen.ConnectSessionTokenAuthLink, error) {
	return c.ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme"})
}

// The program under test is configured with a fixed key.
func ExampleAPIKey() {
	srv := stackonetest.NewServer(stackonetest.APIKey("v1.test.key"))
	defer srv.Close()
	fmt.Println(srv.APIKey)
	// Output: v1.test.key
}

// HTTP2 is for programs whose transport speaks HTTP/2.
func ExampleHTTP2() {
	srv := stackonetest.NewServer(stackonetest.HTTP2())
	defer srv.Close()
	res, err := srv.HTTPClient().Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	fmt.Println(res.Proto)
	// Output: HTTP/2.0
}

// A server that runs for days only keeps the latest sessions.
func ExampleKeep() {
	srv := stackonetest.NewServer(stackonetest.Keep(1))
	defer srv.Close()
	c := srv.Client()
	first, err := onboard(c)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := onboard(c); err != nil {
		log.Fatal(err)
	}
	_, err = c.ConnectSessions.Authenticate(context.Background(), gen.ConnectSessionAuthenticate{Token: first.Token})
	fmt.Println(len(srv.Sessions()), errors.Is(err, client.ErrNotFound))
	// Output: 1 true
}

// A listener has the port that other programs know. Here it is a free one.
func ExampleListener() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	srv := stackonetest.NewServer(stackonetest.Listener(listener))
	defer srv.Close()
	fmt.Println(srv.URL == "http://"+listener.Addr().String())
	// Output: true
}

// The log says why a request was rejected.
func ExampleLogger() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "took" { // which are different in every run
				return slog.Attr{}
			}
			return a
		},
	}))
	srv := stackonetest.NewServer(stackonetest.Logger(logger))
	defer srv.Close()
	_, err := onboard(srv.Client(client.WithAPIKey("another")))
	fmt.Println(errors.Is(err, client.ErrUnauthorized))
	// Output:
	// level=INFO msg=request method=POST path=/connect_sessions status=401 request_id=request-1 reason="the API key is not the key of this server"
	// true
}

// Browsers reach the server through a proxy.
func ExamplePublicURL() {
	srv := stackonetest.NewServer(stackonetest.PublicURL("https://stackone.example"))
	defer srv.Close()
	link, err := onboard(srv.Client())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.HasPrefix(link.AuthLinkURL, "https://stackone.example/"))
	// Output: true
}

// Strict rejects a misspelt member, which the service would ignore.
func ExampleStrict() {
	srv := stackonetest.NewServer(stackonetest.Strict())
	defer srv.Close()
	_, err := srv.Client().Generated().CreateConnectSessionWithBodyWithResponse(context.Background(), "application/json",
		strings.NewReader(`{"origin_owner_id": "acme", "origin_owner_name": "Acme", "expiresIn": 60}`))
	var api *client.APIError
	if errors.As(err, &api) {
		fmt.Println(api.StatusCode, api.Message)
	}
	// Output: 400 body: the API description has no member "expiresIn"
}

// TLS is for programs that only call https URLs. They have to trust the CA.
func ExampleTLS() {
	srv := stackonetest.NewServer(stackonetest.TLS(nil))
	defer srv.Close()
	_, err := onboard(srv.Client())
	fmt.Println(srv.URL[:8], err, strings.HasPrefix(string(srv.CA()), "-----BEGIN CERTIFICATE-----"))
	// Output: https:// <nil> true
}
