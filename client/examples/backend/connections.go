// Copy from this file how the results of waits and webhooks are stored. A unique index
// ensures that each event is stored once, in the transaction that applies it. Outdated
// events change nothing.
package main

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// state is the state of a customer's connection.
type state string

const (
	ready     state = "ready"     // not started
	waiting   state = "waiting"   // the customer is at StackOne
	connected state = "connected" // an account is connected
	declined  state = "declined"  // the provider returned an OAuth error
	cancelled state = "cancelled" // the customer cancelled
	expired   state = "expired"   // the customer took too long
	failed    state = "failed"    // a call to StackOne failed
)

// connection is the state of a customer's connection.
type connection struct {
	Version      int64 // incremented by each change
	State        state
	Begun        bool   // if waiting: the customer is signing in to the provider
	CanOpen      bool   // there is an auth link to open again
	SessionID    string // of the latest session
	Reference    string // correlation ID of the latest session, or of the call that failed to create one
	Code, Detail string // if declined: the OAuth error and its description
	Account      account
	Steps        steps // of the latest session
}

// account is the account that was connected last, unless it has been deleted.
type account struct {
	ID          string // used to call StackOne's other APIs
	Provider    string // only known from a webhook
	ConnectedAt instant
}

// step is an entry in the history of a session. Via is how the application learned of it.
type step struct {
	At        time.Time
	Via, Text string
}

// steps is stored as JSON, because it is only displayed.
type steps []step

const maxSteps = 20

func (s *steps) Scan(column any) error { return json.Unmarshal([]byte(column.(string)), s) }

func (s steps) Value() (driver.Value, error) {
	text, err := json.Marshal(s)
	return string(text), err
}

// session is a connect session. ID is our own, and also the correlation ID.
type session struct {
	ID, CustomerID, Token, AuthLink string
	Expires                         instant
}

const columns = `version, state, begun, session_id, reference, account_id, provider, connected_at, code, detail, steps`

// columns returns the fields for a row, in the order of the constant columns.
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

// session returns the customer's open session, or the zero value if there is none.
func (s *store) session(ctx context.Context, customerID string) (now session, err error) {
	_, err = s.lookUp(ctx, []any{&now.ID, &now.Token, &now.AuthLink}, `SELECT id, token, auth_link
		FROM sessions WHERE customer_id = $1 AND token <> ''`, customerID)
	return now, err
}

// change locks a customer's connection, calls f to modify it, and stores it.
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

// begin stores a new session, which replaces the previous one.
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

// finish stores that a wait has ended without a connection.
func (s *store) finish(ctx context.Context, of session, to state, text string, why connect.ConnectionError) error {
	return s.transact(ctx, func(t *tx) {
		t.change(of.CustomerID, func(c *connection) {
			if c.isWaitingFor(of) {
				c.Code, c.Detail = why.Code, why.Description
				c.move(to, "waiter", text)
			}
		})
		t.exec(eraseSecrets+`id = $1`, of.ID)
	})
}

// connected stores the account of a successful wait.
func (s *store) connected(ctx context.Context, of session, attempt *gen.ConnectSessionLatestAttempt) error {
	return s.transact(ctx, func(t *tx) {
		a := t.lockAccount(attempt.AccountSecureID)
		a.customerID = of.CustomerID
		a.deleted = a.deleted && !attempt.UpdatedAt.After(a.newest.Time) // a webhook may have reported the deletion first
		t.storeAccount(a)
		t.change(of.CustomerID, func(c *connection) {
			switch {
			case c.SessionID != of.ID:
			case a.deleted:
				c.move(ready, "waiter", "Connected, but the account has been deleted since")
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

// event stores and applies an event. It returns the correlation ID, and first as false if
// the event was already stored.
func (s *store) event(ctx context.Context, e webhook.Event) (reference string, first bool, err error) {
	e.EventDate = e.EventDate.Truncate(time.Microsecond) // the precision of the stored times
	err = s.transact(ctx, func(t *tx) {
		a := t.lockAccount(e.AccountID)
		first = t.exec(`INSERT INTO events (event_key, type, account_id, event_date, received_at)
			VALUES ($1, $2, $3, $4, $5) ON CONFLICT (event_key) DO NOTHING`,
			e.Key, string(e.Type), e.AccountID, instant{e.EventDate}, instant{time.Now()}) == 1
		if !first || !a.apply(e) {
			return
		}
		t.storeAccount(a)
		if a.customerID != "" {
			t.change(a.customerID, func(c *connection) { reference = c.Reference; c.apply(e) })
		}
	})
	return reference, first, err
}

// lockedAccount is the row of an account. It is locked, so that events of the account are
// applied one at a time.
type lockedAccount struct {
	id, customerID string
	newest         instant // the date of the latest event
	deleted        bool
}

func (t *tx) lockAccount(id string) lockedAccount {
	a := lockedAccount{id: id}
	t.get([]any{&a.customerID, &a.newest, &a.deleted}, `INSERT INTO accounts (id) VALUES ($1)
		ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING customer_id, newest, deleted`, id)
	return a
}

func (t *tx) storeAccount(a lockedAccount) {
	t.exec(`UPDATE accounts SET customer_id = $2, newest = $3, deleted = $4 WHERE id = $1`, a.id, a.customerID, a.newest, a.deleted)
}

// apply applies an event. It returns false if the event is outdated or of another type.
func (a *lockedAccount) apply(e webhook.Event) bool {
	deletes := e.Type == webhook.AccountDeleted
	switch {
	case a.id == "", !deletes && e.Type != webhook.AccountCreated && e.Type != webhook.AccountUpdated,
		!e.EventDate.IsZero() && e.EventDate.Before(a.newest.Time),
		a.deleted && !deletes && !e.EventDate.After(a.newest.Time):
		return false
	}
	if e.OriginOwnerID != "" { // StackOne may omit it
		who, _ := customerByID(e.OriginOwnerID) // zero if the owner is not one of our customers
		a.customerID = who.ID
	}
	if e.EventDate.After(a.newest.Time) {
		a.newest.Time = e.EventDate
	}
	a.deleted = deletes
	return true
}

// apply applies an event to the customer's connection.
func (c *connection) apply(e webhook.Event) {
	another := c.Account.ID != e.AccountID
	switch {
	case e.Type != webhook.AccountDeleted:
		if another && !e.EventDate.IsZero() && e.EventDate.Before(c.Account.ConnectedAt.Time) {
			return // another account was connected later
		}
		c.Account = account{ID: e.AccountID, Provider: e.Provider, ConnectedAt: instant{e.EventDate}}
		c.move(connected, "webhook", string(e.Type))
	case !another:
		c.Account = account{}
		if c.State == connected {
			c.move(ready, "webhook", string(e.Type))
		}
	}
}

// isWaitingFor reports whether the connection is still waiting for the session.
func (c *connection) isWaitingFor(s session) bool { return c.SessionID == s.ID && c.State == waiting }

func (c *connection) move(to state, via, text string) {
	c.State, c.Begun = to, false
	c.add(via, text)
}

// add appends a step. It drops repetitions, which occur when a wait is resumed.
func (c *connection) add(via, text string) {
	if n := len(c.Steps); n > 0 && via == "waiter" && c.Steps[n-1].Text == text {
		return
	}
	c.Steps = append(c.Steps, step{At: time.Now().UTC(), Via: via, Text: text})
	c.Steps = c.Steps[max(0, len(c.Steps)-maxSteps):]
}
