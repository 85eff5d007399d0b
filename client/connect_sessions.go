package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf8"

	"github.com/StackOneHQ/stackone-client-go/gen"
)

// ConnectSessions holds the operations on connect sessions. It is reached as
// Client.ConnectSessions and is safe for concurrent use.
type ConnectSessions struct{ settings *settings }

// Create makes a connect session for one of your customers and returns its
// token, for StackOne's Hub in the browser, and its auth_link_url, for a message
// to the customer. Both end after ExpiresIn seconds (30 minutes when it is zero),
// and a token is meant for one opening of the Hub: make a session when it is
// needed and do not cache it.
//
// OriginOwnerID and OriginOwnerName are required. Take the former from your own
// sign-in, never from the browser: together with the provider they decide whose
// account is opened, so a customer who could choose them could claim another
// customer's account.
//
// A session is never created twice behind your back. Create is repeated only
// when the request provably never left, or was turned away with 429 or 408. When
// it fails with a *TransportError whose MaybeSent is true, or with a
// *ResponseError, a session may exist; creating another is harmless to the
// customer. RetryPolicy.RetryAmbiguous makes Create do that by itself.
func (s *ConnectSessions) Create(ctx context.Context, body gen.ConnectSessionCreate, opts ...Option) (*gen.ConnectSessionTokenAuthLink, error) {
	fields := []field{
		{"origin_owner_id", body.OriginOwnerID, true}, {"origin_owner_name", body.OriginOwnerName, true},
		{"origin_username", body.OriginUsername, false}, {"account_id", body.AccountID, false},
		{"provider", body.Provider, false}, {"connector_profile_id", body.ConnectorProfileID, false},
		{"label", body.Label, false},
	}
	return send(ctx, s.of(), opCreate, body, fields, opts,
		func(link *gen.ConnectSessionTokenAuthLink) error {
			switch {
			case link.Token == "":
				return errors.New("it has no token")
			case link.AuthLinkURL == "":
				return errors.New("it has no auth_link_url")
			}
			return nil
		})
}

// Authenticate returns the session that a token belongs to, without its secrets.
// LatestConnectionAttempt tells how far the customer has come. Authenticate only
// reads, so it is repeated after any passing failure.
//
// An unknown or expired token is an *APIError (ErrNotFound or ErrUnauthorized).
func (s *ConnectSessions) Authenticate(ctx context.Context, body gen.ConnectSessionAuthenticate, opts ...Option) (*gen.ConnectSession, error) {
	return send(ctx, s.of(), opAuthenticate, body, []field{{"token", body.Token, true}}, opts,
		func(session *gen.ConnectSession) error {
			if session.ID == 0 {
				return errors.New("it has no id")
			}
			return nil
		})
}

// Format writes what Client's does.
func (s ConnectSessions) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "stackone.ConnectSessions(%s)", s.settings)
}

// LogValue is what slog logs: the base URL.
func (s ConnectSessions) LogValue() slog.Value { return slog.StringValue(s.settings.String()) }

// of returns the settings, nil when there are none.
func (s *ConnectSessions) of() *settings {
	if s == nil {
		return nil
	}
	return s.settings
}

// field is one of a request's. The service refuses a request without one that is
// required, which the generated code would send as "". And encoding/json replaces
// bytes that are not UTF-8, which could turn one customer's id into another's.
type field struct {
	name, value string
	required    bool
}

func check(fields []field) error {
	var faults []error
	for _, f := range fields {
		switch {
		case f.required && strings.TrimSpace(f.value) == "":
			faults = append(faults, fmt.Errorf("%s is required", f.name))
		case !utf8.ValidString(f.value):
			faults = append(faults, fmt.Errorf("%s is not valid UTF-8", f.name))
		}
	}
	return join(faults...)
}
