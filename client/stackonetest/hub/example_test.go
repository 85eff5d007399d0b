package hub_test

import (
	"fmt"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/hub"
)

// A page embeds the Hub with the URL of the fake as both base-url and app-url.
func ExampleServe() {
	srv := stackonetest.NewServer(stackonetest.PublicURL("http://localhost:4010"))
	defer srv.Close()
	hub.Serve(srv, append(hub.Connectors(), hub.Connector{
		ID: "acme-hr", Provider: "acme-hr", Name: "Acme HR", Category: "hris",
		Fields: []hub.Field{{Key: "api_key", Label: "API key", Type: "password", Required: true, Secret: true}},
	})...)

	fmt.Printf("<stackone-hub token=%q base-url=%q app-url=%[2]q></stackone-hub>\n", "the session's token", srv.PublicURL)
	// Output: <stackone-hub token="the session's token" base-url="http://localhost:4010" app-url="http://localhost:4010"></stackone-hub>
}
