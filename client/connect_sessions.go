package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/StackOneHQ/stackone-client-go/gen"
)

// ConnectSessions has the operations on connect sessions. Use it as
// Client.ConnectSessions; it is safe for concurrent use.
type ConnectSessions struct{ cfg *config }

// Create creates a connect session for one of your customers. It returns the session's
// token, for StackOne's Hub in the browser, and its auth_link_url, for a message to the
// customer. A token is meant to be used once: create a session when it is needed, and do
// not cache it.
//
// The token and the link expire after ExpiresIn seconds; 0 means 30 minutes. A negative
// value, or one of 10^9 and more, is an error: it is probably a time.Duration, which is
// in nanoseconds.
//
// OriginOwnerID and OriginOwnerName are required. Take the ID from your own sign-in,
// never from the browser: the owner and the provider decide whose account the session
// opens, so a customer who could choose them could claim another customer's account.
//
// A session is never created twice behind your back: Create is retried only when an
// attempt was provably never sent, or was rejected with 429 or 408. If Create fails and
// [MaybeCreated] is true, the session may exist. Creating another is harmless, since the
// first expires unused; set RetryPolicy.RetryAmbiguous to have Create do that.
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

// Authenticate returns the session that a token belongs to, without its token and link.
// LatestConnectionAttempt reports the customer's progress. Authenticate only reads, so it
// is retried after any transient failure.
//
// If the token is unknown or has expired, the error is an [*APIError], [ErrNotFound] or
// [ErrUnauthorized]; StackOne does not document which.
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

// Format writes only the base URL, whatever the verb.
func (s ConnectSessions) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "stackone.ConnectSessions(%s)", s.cfg)
}

// LogValue returns what slog logs: the base URL.
func (s ConnectSessions) LogValue() slog.Value { return slog.StringValue(s.cfg.String()) }

// config returns s.cfg, nil for a nil s.
func (s *ConnectSessions) config() *config {
	if s == nil {
		return nil
	}
	return s.cfg
}
