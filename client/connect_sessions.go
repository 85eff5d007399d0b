package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/StackOneHQ/stackone-client-go/gen"
)

// ConnectSessions holds the operations on connect sessions. Use Client.ConnectSessions;
// it is safe for concurrent use.
type ConnectSessions struct{ cfg *config }

// Create makes a connect session for one of your customers and returns its token, for
// StackOne's Hub in the browser, and its auth_link_url, for a message to the customer.
// Both expire after ExpiresIn seconds (30 minutes when it is zero). A token is meant to
// be used once: create a session when it is needed and do not cache it.
//
// ExpiresIn is in seconds; a negative value, or one of 10^9 and more, is an error: a
// time.Duration converted by mistake is in nanoseconds.
//
// OriginOwnerID and OriginOwnerName are required. Take the former from your own
// sign-in, never from the browser: together with the provider they decide whose
// account is opened, so a customer who could choose them could claim another
// customer's account.
//
// A session is never created twice behind your back: Create is retried only when an
// attempt provably never left, or was refused with 429 or 408. When Create fails and
// [MaybeCreated] is true, the session may exist; creating another is harmless, since
// the first expires unused. RetryPolicy.RetryAmbiguous makes Create do that by itself.
func (s *ConnectSessions) Create(ctx context.Context, body gen.ConnectSessionCreate, opts ...Option) (*gen.ConnectSessionTokenAuthLink, error) {
	return do(ctx, s.config(), input[gen.ConnectSessionTokenAuthLink]{
		operation: opCreate,
		body:      body,
		invalid: join(required("origin_owner_id", body.OriginOwnerID), required("origin_owner_name", body.OriginOwnerName),
			checkExpiresIn(body.ExpiresIn)),
		usable: func(link *gen.ConnectSessionTokenAuthLink) error {
			switch {
			case strings.TrimSpace(link.Token) == "":
				return errors.New("it has no usable token")
			case strings.TrimSpace(link.AuthLinkURL) == "":
				return errors.New("it has no usable auth_link_url")
			}
			return nil
		},
	}, opts)
}

// Authenticate returns the session that a token belongs to, without its secrets.
// LatestConnectionAttempt reports the customer's progress. Authenticate only reads, so it
// is retried after any transient failure.
//
// An unknown or expired token is an *APIError (ErrNotFound or ErrUnauthorized).
func (s *ConnectSessions) Authenticate(ctx context.Context, body gen.ConnectSessionAuthenticate, opts ...Option) (*gen.ConnectSession, error) {
	return do(ctx, s.config(), input[gen.ConnectSession]{
		operation: opAuthenticate,
		body:      body,
		invalid:   required("token", body.Token),
		usable: func(session *gen.ConnectSession) error {
			if session.ID == 0 && strings.TrimSpace(session.OriginOwnerID) == "" {
				return errors.New("it has no usable id or origin_owner_id")
			}
			return nil
		},
	}, opts)
}

// Format writes the base URL and nothing else, whatever the verb.
func (s ConnectSessions) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "stackone.ConnectSessions(%s)", s.cfg)
}

// LogValue is what slog logs: the base URL.
func (s ConnectSessions) LogValue() slog.Value { return slog.StringValue(s.cfg.String()) }

// config returns s.cfg, nil for a nil s.
func (s *ConnectSessions) config() *config {
	if s == nil {
		return nil
	}
	return s.cfg
}
