// Copy from this file how what a wait tells about a customer's connection is stored, so
// that late news of an earlier session undoes nothing.
package main

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// state is how far a customer has come.
type state string

const (
	ready     state = "ready"     // nothing has begun
	waiting   state = "waiting"   // the customer is at StackOne
	connected state = "connected" // there is an account
	declined  state = "declined"  // the provider ended the sign-in
	cancelled state = "cancelled" // the customer gave up
	expired   state = "expired"   // the customer took too long
	failed    state = "failed"    // StackOne could not be reached, or refused
)

// connection is what the application knows of a customer's connection.
type connection struct {
	Version      int64 // another one means that something has changed
	State        state
	Begun        bool   // waiting: the customer is signing in to the provider
	CanOpen      bool   // there is an auth link to open again
	SessionID    string // the latest
	Reference    string // correlation ID of the latest session, or of the call that made none
	Code, Detail string // declined: the OAuth error and its description
	Account      account
	Steps        steps // since the customer began
}

// account is the account that was connected last, if it still exists. The ID is what
// StackOne's other APIs are called with.
type account struct {
	ID          string
	Provider    string // known from a webhook only
	ConnectedAt instant
}

// step is something that happened, and the way by which the application knows.
type step struct {
	At        time.Time
	Via, Text string
}

const maxSteps = 20

// steps are JSON in the database: they are shown, and nothing else.
type steps []step

func (s *steps) Scan(column any) error { return json.Unmarshal([]byte(column.(string)), s) }

func (s steps) Value() (driver.Value, error) {
	text, err := json.Marshal(s)
	return string(text), err
}

// session is a connect session. Its ID is our own, and the correlation ID.
type session struct {
	ID, CustomerID, Token, AuthLink string
	Expires                         instant
}

const columns = `version, state, begun, session_id, reference, account_id, provider, connected_at, code, detail, steps`

// columns are where a row is read to and written from.
func (c *connection) columns() []any {
	return []any{&c.Version, &c.State, &c.Begun, &c.SessionID, &c.Reference,
		&c.Account.ID, &c.Account.Provider, &c.Account.ConnectedAt, &c.Code, &c.Detail, &c.Steps}
}

// connection returns a customer's connection.
func (s *store) connection(ctx context.Context, customerID string) (connection, error) {
	c := connection{State: ready}
	_, err := s.lookUp(ctx, append(c.columns(), &c.CanOpen), `SELECT `+columns+`,
		EXISTS (SELECT 1 FROM sessions WHERE id = session_id AND auth_link <> '')
		FROM connections WHERE customer_id = $1`, customerID)
	return c, err
}

// session returns the session that the customer is waited for, if there is one.
func (s *store) session(ctx context.Context, customerID string) (now session, err error) {
	_, err = s.lookUp(ctx, []any{&now.ID, &now.Token, &now.AuthLink}, `SELECT id, token, auth_link
		FROM sessions WHERE customer_id = $1 AND token <> ''`, customerID)
	return now, err
}

// change locks a customer's connection, and stores it as f leaves it.
func (t *tx) change(customerID string, f func(*connection)) {
	var c connection
	t.get(c.columns(), `INSERT INTO connections (customer_id) VALUES ($1)
		ON CONFLICT (customer_id) DO UPDATE SET version = connections.version + 1
		RETURNING `+columns, customerID)
	f(&c)
	t.exec(`UPDATE connections SET (`+columns+`) = ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		WHERE customer_id = $1`, append([]any{customerID}, c.columns()...)...)
}

func (s *store) change(ctx context.Context, customerID string, f func(*connection)) error {
	return s.transact(ctx, func(t *tx) { t.change(customerID, f) })
}

const eraseSecrets = `UPDATE sessions SET token = '', auth_link = '' WHERE token <> '' AND `

// begin stores a new session, which replaces the one before.
func (s *store) begin(ctx context.Context, next session) error {
	return s.transact(ctx, func(t *tx) {
		t.change(next.CustomerID, func(c *connection) {
			c.SessionID, c.Reference, c.Steps = next.ID, next.ID, nil
			c.move(waiting, "create", "Session created")
		})
		t.exec(eraseSecrets+`customer_id = $1`, next.CustomerID)
		t.exec(`INSERT INTO sessions (id, customer_id, expires_at, token, auth_link) VALUES ($1, $2, $3, $4, $5)`,
			next.ID, next.CustomerID, next.Expires, next.Token, next.AuthLink)
	})
}

// fail is for a session that could not be created.
func (s *store) fail(ctx context.Context, customerID, reference string) error {
	return s.change(ctx, customerID, func(c *connection) {
		c.Reference, c.Steps = reference, nil
		c.move(failed, "create", "StackOne made no session")
	})
}

// progress stores how far the customer of the session with the token has come.
func (s *store) progress(ctx context.Context, token string, attempt *gen.ConnectSessionLatestAttempt) error {
	var of session
	found, err := s.lookUp(ctx, []any{&of.ID, &of.CustomerID}, `SELECT id, customer_id FROM sessions WHERE token = $1`, token)
	if !found {
		return err
	}
	return s.change(ctx, of.CustomerID, func(c *connection) {
		switch {
		case !c.waitsFor(of):
		case attempt == nil:
			c.add("waiter", "Waiting for you to sign in")
		case attempt.Status == gen.AttemptStatusPending:
			c.Begun = true
			c.add("waiter", "You are signing in")
		}
	})
}

// finish stores that a wait has ended without a connection.
func (s *store) finish(ctx context.Context, of session, to state, text string, why connect.ConnectionError) error {
	return s.transact(ctx, func(t *tx) {
		t.change(of.CustomerID, func(c *connection) {
			if c.waitsFor(of) {
				c.Code, c.Detail = why.Code, why.Description
				c.move(to, "waiter", text)
			}
		})
		t.exec(eraseSecrets+`id = $1`, of.ID)
	})
}

// connected stores the account that a wait has found.
func (s *store) connected(ctx context.Context, of session, attempt *gen.ConnectSessionLatestAttempt) error {
	return s.transact(ctx, func(t *tx) {
		a := t.lockAccount(attempt.AccountSecureID)
		a.customerID = of.CustomerID
		a.deleted = a.deleted && !attempt.UpdatedAt.After(a.newest.Time) // a webhook was quicker
		t.storeAccount(a)
		t.change(of.CustomerID, func(c *connection) {
			switch {
			case c.SessionID != of.ID:
			case a.deleted:
				c.move(ready, "waiter", "Connected, and deleted since")
			default:
				if c.Account.ID != a.id {
					c.Account = account{ID: a.id}
				}
				c.Account.ConnectedAt = instant{attempt.UpdatedAt}
				c.move(connected, "waiter", "Connected")
			}
		})
		t.exec(eraseSecrets+`id = $1`, of.ID)
	})
}

// waitsFor reports whether the customer has neither begun anew nor connected.
func (c *connection) waitsFor(s session) bool { return c.SessionID == s.ID && c.State == waiting }

func (c *connection) move(to state, via, text string) {
	c.State, c.Begun = to, false
	c.add(via, text)
}

// add adds a step, which a wait that begins again after a restart may repeat.
func (c *connection) add(via, text string) {
	if n := len(c.Steps); n > 0 && via == "waiter" && c.Steps[n-1].Text == text {
		return
	}
	c.Steps = append(c.Steps, step{At: time.Now().UTC(), Via: via, Text: text})
	c.Steps = c.Steps[max(0, len(c.Steps)-maxSteps):]
}
