package repository

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// Example_migration runs the code in MIGRATION.md.
func Example_migration() {
	srv := stackonetest.NewServer()
	defer srv.Close()
	ctx := context.Background()

	err := errors.Join(
		migrated(ctx, srv.Client(), func(link string) { fmt.Println("a link:", link != "") }),
		migratedErrors(ctx, srv.Client(client.WithAPIKey("revoked"))),
	)
	srv.Inject(stackonetest.Fault{Status: 409})
	err = errors.Join(err, migratedErrors(ctx, srv.Client()))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	// Output:
	// a link: true
	// Acme
	// replace the key
	// 409 true
}

func migrated(ctx context.Context, c *client.Client, open func(string)) error {
	link, err := c.ConnectSessions.Create(ctx, gen.ConnectSessionCreate{
		OriginOwnerID:   "customer-42",
		OriginOwnerName: "Acme",
		Categories:      []gen.Category{gen.CategoryHRIS},
	})
	if err != nil {
		return err
	}
	open(link.AuthLinkURL)

	session, err := c.ConnectSessions.Authenticate(ctx, gen.ConnectSessionAuthenticate{Token: link.Token})
	if err != nil {
		return err
	}
	fmt.Println(session.OriginOwnerName)
	return nil
}

func migratedErrors(ctx context.Context, c *client.Client) error {
	replaceKey := func() { fmt.Println("replace the key") }
	report := func(status int, body []byte) { fmt.Println(status, len(body) > 0) }
	request := gen.ConnectSessionCreate{OriginOwnerID: "customer-42", OriginOwnerName: "Acme"}

	_, err := c.ConnectSessions.Create(ctx, request)
	var api *client.APIError
	switch {
	case errors.Is(err, client.ErrUnauthorized):
		replaceKey()
	case errors.As(err, &api):
		report(api.StatusCode, api.Body)
	case err != nil:
		return err
	}
	return nil
}
