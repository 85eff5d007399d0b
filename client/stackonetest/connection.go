package stackonetest

import (
	"strconv"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// attempt is ConnectSessionLatestAttempt with its nulls.
type attempt struct {
	ID                    string            `json:"id"`
	Status                gen.AttemptStatus `json:"status"`
	AccountSecureID       *string           `json:"account_secure_id"`
	OAuthErrorCode        *string           `json:"oauth_error_code"`
	OAuthErrorDescription *string           `json:"oauth_error_description"`
	CreatedAt             string            `json:"created_at"`
	UpdatedAt             string            `json:"updated_at"`
}

// Connection is how a customer connects.
type Connection struct {
	// Provider is what the customer picks in the Hub, and the session's from then
	// on. It may be empty if the session names one, and is an error if that is
	// another.
	Provider string

	// AccountID names the account that the session makes. Empty: the server names
	// it. It is an error if it contradicts the rule of [Session.Connect].
	AccountID string

	// NoAttempt makes no attempt, as connectors that ask for an API key do. Only a
	// webhook reports such a connection.
	NoAttempt bool
}

// Begin starts an attempt, which is pending from then on: the customer has opened
// the Hub and was sent to the provider.
func (s *Session) Begin() error {
	return s.end(gen.AttemptStatusPending, attempt{})
}

// Connect ends the attempt with a connected account, by StackOne's rule. A
// session made with account_id edits that account. Otherwise, unless it was made
// with multiple, it edits the account that its origin_owner_id, origin_owner_name
// and provider connected first. Otherwise it makes an account, named accountID,
// or by the server when that is empty. An accountID that contradicts the rule is
// an error: another account than the one to edit, or an existing account where a
// new one is to be made.
func (s *Session) Connect(accountID string) error {
	_, err := s.ConnectWith(Connection{AccountID: accountID})
	return err
}

// ConnectWith is Connect with more to say, and returns the ID of the account.
func (s *Session) ConnectWith(c Connection) (accountID string, err error) {
	err = s.live(func(all *sessions) error {
		triple, err := s.owner(c.Provider)
		if err != nil {
			return err
		}
		account, made, err := all.connect(s.edits(triple), triple, c.AccountID)
		if err != nil {
			return err
		}
		accountID = account.id
		if account.owner.provider != "" {
			s.provider = account.owner.provider
		}
		if !c.NoAttempt {
			s.step(gen.AttemptStatusAuthenticated, attempt{AccountSecureID: &accountID})
		}
		event := webhook.AccountUpdated
		if made {
			event = webhook.AccountCreated
		}
		s.server.notify(event, accountID, s)
		return nil
	})
	return accountID, err
}

// Edits returns the account that the session edits if the customer picks the
// provider, empty for the session's own. The account's ID is empty if connecting
// makes one; its provider is empty if the server does not know it.
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

// Fail ends the attempt with an OAuth error, such as "access_denied" (RFC 6749,
// section 4.1.2.1), and its description.
func (s *Session) Fail(code, description string) error {
	return s.end(gen.AttemptStatusError, attempt{OAuthErrorCode: &code, OAuthErrorDescription: &description})
}

// Cancel ends the attempt because the customer gave it up.
func (s *Session) Cancel() error {
	return s.end(gen.AttemptStatusCancelled, attempt{})
}

// Expire ends the attempt because the customer took too long over it: its status
// is "expired". The token stays good. To let that expire, move the clock with
// [Server.Advance].
func (s *Session) Expire() error {
	return s.end("expired", attempt{})
}

func (s *Session) end(status gen.AttemptStatus, outcome attempt) error {
	return s.live(func(*sessions) error {
		s.step(status, outcome)
		return nil
	})
}

// live calls move with the sessions locked, if the session can be moved on.
func (s *Session) live(move func(*sessions) error) error {
	if s == nil {
		return errNoSession
	}
	if s.expired() {
		return errExpired
	}
	all := &s.server.sessions
	all.mu.Lock()
	defer all.mu.Unlock()
	return move(all)
}

// step gives the pending attempt, or else a new one, the status and the outcome.
func (s *Session) step(to gen.AttemptStatus, next attempt) {
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
