// Command quickstart creates a connect session, authenticates its token and prints both
// responses, including their secrets. If STACKONE_API_KEY is set, it calls StackOne or
// the base URL in STACKONE_BASE_URL. Otherwise it starts a fake StackOne.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	var opts []client.Option
	if os.Getenv(client.APIKeyEnv) != "" {
		url := cmp.Or(os.Getenv("STACKONE_BASE_URL"), client.DefaultBaseURL)
		opts = []client.Option{client.WithBaseURL(url)}
		fmt.Fprintf(out, "Calling %s with the key in %s.\n", url, client.APIKeyEnv)
	} else {
		srv := stackonetest.NewServer()
		defer srv.Close()
		opts = []client.Option{client.WithBaseURL(srv.URL), client.WithAPIKey(srv.APIKey)}
		fmt.Fprintf(out, "%s is not set: calling a fake StackOne at %s, which stops with this program.\n", client.APIKeyEnv, srv.URL)
	}

	c, err := client.New(opts...)
	if err != nil {
		return err
	}
	link, err := c.ConnectSessions.Create(ctx, gen.ConnectSessionCreate{
		OriginOwnerID:   "customer-42",
		OriginOwnerName: "Acme",
		Categories:      []gen.Category{gen.CategoryHRIS},
		Type:            gen.AccountTypeTest,
	})
	if err != nil {
		return err
	}
	if err := show(out, "Created a connect session. The customer connects at its auth_link_url:", link); err != nil {
		return err
	}
	session, err := c.ConnectSessions.Authenticate(ctx, gen.ConnectSessionAuthenticate{Token: link.Token})
	if err != nil {
		return err
	}
	return show(out, "Authenticated its token:", session)
}

// show prints v as JSON, because fmt does not print the secrets of a session.
func show(out io.Writer, title string, v any) error {
	encoded, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n%s\n%s\n", title, encoded)
	return err
}
