// Command consumer represents a user's backend: a separate module that uses only the
// exported API. A change that breaks it also breaks users.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func main() {
	err := serve(os.Getenv(client.APIKeyEnv), os.Getenv("STACKONE_WEBHOOK_SECRET"))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func serve(key, secret string) error {
	c, err := client.New(options(key)...)
	if err != nil {
		return err
	}
	waiter := connect.NewWaiter(c, connect.WaiterOptions{
		Interval: time.Second, LooksPerMinute: 100,
		Progress: func(string, *gen.ConnectSessionLatestAttempt) {},
	})
	handler, err := routes(c, waiter, secret, slog.Default())
	if err != nil {
		return err
	}
	server := &http.Server{Addr: "localhost:8080", Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}

// options returns all options for New. The last of the three for credentials takes effect.
func options(key string) []client.Option {
	return []client.Option{
		client.WithBasicAuth("user", "password"),
		client.WithAPIKey("superseded"),
		client.WithAPIKeyFunc(func(context.Context) (string, error) { return key, nil }),
		client.WithBaseURL(client.DefaultBaseURL),
		client.WithHTTPClient(http.DefaultClient),
		client.WithRetryPolicy(client.RetryPolicy{
			MaxAttempts: 5, MinBackoff: time.Second, MaxBackoff: time.Minute, MaxRetryAfter: time.Hour, RetryAmbiguous: true,
		}),
		client.WithTimeout(10 * time.Second),
		client.WithUserAgent("consumer/1.0"),
		client.WithHeader("X-Team", "onboarding"),
		client.WithLogger(slog.New(slog.DiscardHandler)),
		client.WithMaxResponseBytes(1 << 16),
	}
}

// connectCustomer creates a session and waits until the customer has connected.
func connectCustomer(ctx context.Context, c *client.Client, waiter *connect.Waiter, invite func(*gen.ConnectSessionTokenAuthLink) error) (account string, err error) {
	var response client.Response
	link, err := c.ConnectSessions.Create(ctx, gen.ConnectSessionCreate{
		OriginOwnerID:   "customer-42",
		OriginOwnerName: "Acme",
		Categories:      []gen.Category{gen.CategoryHRIS, gen.CategoryATS},
		Type:            gen.AccountTypeTest,
		Metadata:        map[string]any{"plan": "trial"},
	}, client.WithResponse(&response))
	if err != nil {
		return "", fmt.Errorf("after %d attempts, status %d, %d bytes, type %q: %w",
			response.Attempts, response.StatusCode, len(response.Body), response.Header.Get("Content-Type"), err)
	}
	if err := invite(link); err != nil {
		return "", err
	}
	attempt, err := waiter.Wait(ctx, link.Token)
	if err != nil {
		return "", err
	}
	session, err := c.ConnectSessions.Authenticate(ctx, gen.ConnectSessionAuthenticate{Token: link.Token})
	if err != nil {
		return "", err
	}
	again, err := c.Generated().AuthenticateConnectSessionWithResponse(ctx, gen.ConnectSessionAuthenticate{Token: link.Token})
	if err != nil {
		return "", err
	}
	if session.ID != link.ID || again.JSON201.ID != link.ID || attempt.Status != gen.AttemptStatusAuthenticated {
		return "", fmt.Errorf("responses for the same session differ: %v, %v, %v", link, session, again)
	}
	return attempt.AccountSecureID, nil
}

// explain describes an error by its kind or type.
func explain(err error) string {
	for kind, name := range map[error]string{
		client.ErrBadRequest: "bad request", client.ErrUnauthorized: "unauthorized", client.ErrForbidden: "forbidden",
		client.ErrNotFound: "not found", client.ErrRequestTimedOut: "timed out", client.ErrConflict: "conflict",
		client.ErrUnprocessableEntity: "unprocessable", client.ErrTooManyRequests: "too many",
		client.ErrInternalServer: "internal", client.ErrNotImplemented: "not implemented", client.ErrBadGateway: "bad gateway",
	} {
		if errors.Is(err, kind) {
			return name
		}
	}
	var (
		api       *client.APIError
		transport *client.TransportError
		response  *client.ResponseError
		ended     *connect.ConnectionError
	)
	switch {
	case errors.As(err, &api):
		return fmt.Sprint("status ", api.StatusCode, " after ", api.Attempts)
	case errors.As(err, &transport):
		return fmt.Sprint("no response, maybe sent: ", transport.MaybeSent)
	case errors.As(err, &response):
		return fmt.Sprint("unusable ", response.ContentType)
	case errors.As(err, &ended):
		return fmt.Sprint("ended: ", ended.Status, " ", ended.Code)
	}
	return "other"
}

// routes returns the endpoints for the page with StackOne's Hub and for webhooks.
func routes(c *client.Client, waiter *connect.Waiter, secret string, log *slog.Logger) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("/connect-session", &connect.SessionHandler{
		Client: c,
		Session: func(r *http.Request) (gen.ConnectSessionCreate, error) {
			user, _, ok := r.BasicAuth()
			if !ok {
				return gen.ConnectSessionCreate{}, client.ErrUnauthorized
			}
			return gen.ConnectSessionCreate{OriginOwnerID: user, OriginOwnerName: user}, nil
		},
		Created: func(ctx context.Context, _ *http.Request, link *gen.ConnectSessionTokenAuthLink) error {
			log.InfoContext(ctx, "session", "link", link)
			return nil
		},
		Timeout: 10 * time.Second,
		Options: []client.Option{client.WithTimeout(3 * time.Second)},
		Logger:  log,
	})
	hook, err := webhook.NewHandler([]string{secret}, func(ctx context.Context, event webhook.Event) error {
		waiter.Connected(event)
		switch event.Type {
		case webhook.AccountCreated, webhook.AccountUpdated, webhook.AccountDeleted:
			log.InfoContext(ctx, "account", "event", event)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	mux.Handle("/webhooks", hook)
	return mux, nil
}
