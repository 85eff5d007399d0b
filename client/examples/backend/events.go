// Copy from this file how webhook events are stored: each one once, under a unique
// index, in the transaction that stores what it changes.
package main

import (
	"context"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

// event stores an event and what it changes. It returns the correlation ID, and false
// for an event that is stored already.
func (s *store) event(ctx context.Context, e webhook.Event) (reference string, first bool, err error) {
	e.EventDate = e.EventDate.Truncate(time.Microsecond) // as precise as what it is compared with
	err = s.transact(ctx, func(t *tx) {
		a := t.lockAccount(e.AccountID)
		first = t.exec(`INSERT INTO events (event_key, type, account_id, event_date, received_at)
			VALUES ($1, $2, $3, $4, $5) ON CONFLICT (event_key) DO NOTHING`,
			e.Key, string(e.Type), e.AccountID, instant{e.EventDate}, instant{time.Now()}) == 1
		if !first || !a.take(e) {
			return
		}
		t.storeAccount(a)
		if a.customerID != "" {
			t.change(a.customerID, func(c *connection) { reference = c.Reference; c.take(e) })
		}
	})
	return reference, first, err
}

// lockedAccount is an account's row, locked so that its events are taken one by one.
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

// take brings the account up to date. It returns false if the event changes nothing: it
// is of another kind, or older than one that has come before.
func (a *lockedAccount) take(e webhook.Event) bool {
	deletes := e.Type == webhook.AccountDeleted
	switch {
	case a.id == "", !deletes && e.Type != webhook.AccountCreated && e.Type != webhook.AccountUpdated,
		!e.EventDate.IsZero() && e.EventDate.Before(a.newest.Time),
		a.deleted && !deletes && !e.EventDate.After(a.newest.Time):
		return false
	}
	if e.OriginOwnerID != "" { // it is optional
		who, _ := customerByID(e.OriginOwnerID) // a project may have accounts of others, too
		a.customerID = who.ID
	}
	if e.EventDate.After(a.newest.Time) {
		a.newest.Time = e.EventDate
	}
	a.deleted = deletes
	return true
}

// take brings the customer's connection up to date.
func (c *connection) take(e webhook.Event) {
	another := c.Account.ID != e.AccountID
	switch {
	case e.Type != webhook.AccountDeleted:
		if another && !e.EventDate.IsZero() && e.EventDate.Before(c.Account.ConnectedAt.Time) {
			return // a later account is connected
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
