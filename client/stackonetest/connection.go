package stackonetest

import (
	"strconv"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// attempt is gen.ConnectSessionLatestAttempt with explicit nulls.
type attempt struct {
	ID                    string            `json:"id"`
	Status                gen.AttemptStatus `json:"status"`
	AccountSecureID       *string           `json:"account_secure_id"`
	OAuthErrorCode        *string           `json:"oauth_error_code"`
	OAuthErrorDescription *string           `json:"oauth_error_description"`
	CreatedAt             string            `json:"created_at"`
	UpdatedAt             string            `json:"updated_at"`
}

// Connection describes how a customer connects.
type Connection struct {
	// Provider is the provider that the customer picks in the Hub; it becomes the
	// session's provider. It may be empty if the session has one, and must not differ
	// from the provider of the session's request.
	Provider string

	// AccountID is the ID of the account. If it is empty, the server generates one. It
	// must not contradict the rule of [Session.Connect].
	AccountID string

	// NoAttempt connects without an attempt, like a connector that asks for an API
	// key. Only a webhook reports such a connection.
	NoAttempt bool
}

// Begin starts an attempt, which is then pending: the customer has opened the Hub and
// was redirected to the provider.
func (s *Session) Begin() error {
	return s.end(gen.AttemptStatusPending, attempt{})
}

// Connect ends the attempt with a connected account, by StackOne's rule:
//
//   - A session created with account_id edits that account.
//   - Any other session, unless created with multiple, edits the first account that
//     was connected with its origin_owner_id, origin_owner_name and provider.
//   - If there is none, or the session was created with multiple, it creates an
//     account with the ID accountID, or a generated ID if accountID is empty.
//
// It is an error if accountID differs from the account to edit, or is the ID of an
// existing account when one must be created.
func (s *Session) Connect(accountID string) error {
	_, err := s.ConnectWith(Connection{AccountID: accountID})
	return err
}

// ConnectWith is like [Session.Connect] with more options. It returns the account's ID.
func (s *Session) ConnectWith(c Connection) (accountID string, err error) {
	err = s.update(func(all *sessions) error {
		triple, err := s.owner(c.Provider)
		if err != nil {
			return err
		}
		account, created, err := all.connect(s.edits(triple), triple, c.AccountID)
		if err != nil {
			return err
		}
		accountID = account.id
		if account.owner.provider != "" {
			s.provider = account.owner.provider
		}
		if !c.NoAttempt {
			s.setAttempt(gen.AttemptStatusAuthenticated, attempt{AccountSecureID: &accountID})
		}
		event := webhook.AccountUpdated
		if created {
			event = webhook.AccountCreated
		}
		s.server.notify(event, accountID, s)
		return nil
	})
	return accountID, err
}

// Edits returns the account that the session would edit if the customer picked the
// provider; an empty provider means the session's own. accountID is empty if connecting
// would create an account. accountProvider is empty if the server does not know it.
func (s *Session) Edits(provider string) (accountID, accountProvider string) {
	if s == nil {
		return "", ""
	}
	all := &s.server.sessions
	all.mu.Lock()
	defer all.mu.Unlock()
	triple, err := s.owner(provider)
	if err != nil {
		return "", ""
	}
	accountID, accountProvider = s.edits(triple), triple.provider
	if a := all.byID[accountID]; a != nil {
		accountProvider = a.owner.provider
	}
	return accountID, accountProvider
}

// Fail ends the attempt with an OAuth error code, such as "access_denied" (RFC 6749,
// section 4.1.2.1), and its description.
func (s *Session) Fail(code, description string) error {
	return s.end(gen.AttemptStatusError, attempt{OAuthErrorCode: &code, OAuthErrorDescription: &description})
}

// Cancel ends the attempt as cancelled by the customer.
func (s *Session) Cancel() error {
	return s.end(gen.AttemptStatusCancelled, attempt{})
}

// Expire ends the attempt with the status "expired": the customer took too long. The
// session's token stays valid; to expire it, use [Server.Advance].
func (s *Session) Expire() error {
	return s.end("expired", attempt{})
}

func (s *Session) end(status gen.AttemptStatus, outcome attempt) error {
	return s.update(func(*sessions) error {
		s.setAttempt(status, outcome)
		return nil
	})
}

// update calls f with the sessions locked, unless the session is nil or has expired.
func (s *Session) update(f func(*sessions) error) error {
	if s == nil {
		return errNoSession
	}
	if s.expired() {
		return errExpired
	}
	all := &s.server.sessions
	all.mu.Lock()
	defer all.mu.Unlock()
	return f(all)
}

// setAttempt updates the pending attempt, or starts one if none is pending.
func (s *Session) setAttempt(to gen.AttemptStatus, next attempt) {
	all, now := &s.server.sessions, stamp(s.server.clock.now())
	next.CreatedAt = now
	if s.attempt != nil && s.attempt.Status == gen.AttemptStatusPending && to != gen.AttemptStatusPending {
		next.ID, next.CreatedAt = s.attempt.ID, s.attempt.CreatedAt
	} else {
		all.attempts++
		next.ID = strconv.Itoa(all.attempts)
	}
	next.Status, next.UpdatedAt = to, now
	s.attempt = &next
}
