package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
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
	State   state
	Begun   bool   // waiting: the customer is signing in to the provider
	CanOpen bool   // there is an auth link to open again
	Code    string // declined: the OAuth error, with its description
	Detail  string
	Account account // the latest that was connected, if any
	Steps   []step  // since the customer began
}

// account is a connected account. The id is what StackOne's other APIs are called with.
type account struct {
	ID          string
	Provider    string // known from a webhook only
	ConnectedAt time.Time
}

// step is something that happened, and the way by which the application knows.
type step struct {
	At   time.Time
	Via  string
	Text string
}

const maxSteps = 20

// connections remembers the customers' connections in memory, for as long as the
// program runs. In earnest this is a table, and changed is a notification.
type connections struct {
	mu         sync.Mutex
	byCustomer map[string]*record
}

type record struct {
	connection
	token    string // of the latest session
	authLink string
	stop     context.CancelFunc // ends the wait for it
	events   map[string]bool    // keys of the events taken: a unique index in earnest
	newest   time.Time          // of their dates
	changed  chan struct{}      // closed at the next change
}

func newConnections() *connections { return &connections{byCustomer: map[string]*record{}} }

// get returns a customer's connection, and a channel that is closed when it changes.
func (c *connections) get(customerID string) (connection, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.record(customerID)
	now := r.connection
	now.Steps = slices.Clone(now.Steps)
	now.CanOpen = r.authLink != ""
	return now, r.changed
}

func (c *connections) authLink(customerID string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.record(customerID).authLink
}

func (c *connections) token(customerID string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.record(customerID).token
}

// customer returns whose latest session has the token.
func (c *connections) customer(token string) (customerID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, r := range c.byCustomer {
		if r.token == token {
			return id
		}
	}
	return ""
}

// begin puts a new session in the place of the one before.
func (c *connections) begin(customerID, token, authLink string, stop context.CancelFunc) {
	c.change(customerID, func(r *record) {
		if r.stop != nil {
			r.stop()
		}
		r.token, r.authLink, r.stop = token, authLink, stop
		r.Steps = nil
		r.move(waiting, "create", "Session created")
	})
}

// fail is for a session that could not be made.
func (c *connections) fail(customerID string) {
	c.change(customerID, func(r *record) {
		r.Steps = nil
		r.move(failed, "create", "StackOne made no session")
	})
}

// progress is told each state of the attempt of a session's customer.
func (c *connections) progress(token string, attempt *gen.ConnectSessionLatestAttempt) {
	customerID := c.customer(token)
	if customerID == "" {
		return // the customer has begun anew
	}
	c.whileWaiting(customerID, token, func(r *record) {
		switch {
		case attempt == nil:
			r.add("waiter", "Waiting for you to sign in")
		case attempt.Status == gen.AttemptStatusPending:
			r.Begun = true
			r.add("waiter", "You are signing in")
		}
	})
}

func (c *connections) connected(customerID, token string, attempt *gen.ConnectSessionLatestAttempt) {
	c.changeSession(customerID, token, func(r *record) {
		if r.Account.ID != attempt.AccountSecureID {
			r.Account = account{ID: attempt.AccountSecureID}
		}
		r.Account.ConnectedAt = attempt.UpdatedAt
		r.authLink = ""
		r.move(connected, "waiter", "Connected")
	})
}

func (c *connections) ended(customerID, token string, err *connect.ConnectionError) {
	c.whileWaiting(customerID, token, func(r *record) {
		r.Code, r.Detail = err.Code, err.Description
		switch err.Status {
		case gen.AttemptStatusCancelled:
			r.move(cancelled, "waiter", "Cancelled")
		case gen.AttemptStatusError:
			r.move(declined, "waiter", "Declined")
		default:
			r.move(expired, "waiter", "Out of time")
		}
	})
}

func (c *connections) expired(customerID, token string) {
	c.whileWaiting(customerID, token, func(r *record) {
		r.authLink = ""
		r.move(expired, "waiter", "The session has ended")
	})
}

func (c *connections) lost(customerID, token string) {
	c.whileWaiting(customerID, token, func(r *record) {
		r.move(failed, "waiter", "StackOne does not answer as expected")
	})
}

// reported is told that the browser claims success.
func (c *connections) reported(customerID, token string) {
	c.whileWaiting(customerID, token, func(r *record) {
		r.add("browser", "The Hub reports success; StackOne has yet to confirm it")
	})
}

// event takes a webhook's event, once, and not when a newer one came before it.
func (c *connections) event(e webhook.Event) {
	id, ok := c.owner(e)
	if !ok {
		return
	}
	c.change(id, func(r *record) {
		if r.events[e.Key] || !e.EventDate.IsZero() && e.EventDate.Before(r.newest) {
			return
		}
		r.events[e.Key] = true
		if e.EventDate.After(r.newest) {
			r.newest = e.EventDate
		}
		switch e.Type {
		case webhook.AccountCreated, webhook.AccountUpdated:
			r.Account = account{ID: e.AccountID, Provider: e.Provider, ConnectedAt: e.EventDate}
			r.authLink = ""
			r.move(connected, "webhook", string(e.Type))
		case webhook.AccountDeleted:
			if r.Account.ID != e.AccountID {
				return
			}
			r.Account = account{}
			if r.State == connected {
				r.move(ready, "webhook", string(e.Type))
			}
		}
	})
}

// owner is the customer whose account an event is about. The owner is optional in
// an event, and a project has accounts of others too.
func (c *connections) owner(e webhook.Event) (customerID string, ok bool) {
	if e.OriginOwnerID != "" {
		who, ok := customerByID(e.OriginOwnerID)
		return who.ID, ok
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, r := range c.byCustomer {
		if r.Account.ID != "" && r.Account.ID == e.AccountID {
			return id, true
		}
	}
	return "", false
}

// changeSession changes nothing when the customer has begun another session since.
func (c *connections) changeSession(customerID, token string, f func(*record)) {
	c.change(customerID, func(r *record) {
		if r.token == token {
			f(r)
		}
	})
}

// whileWaiting changes nothing when the customer has connected otherwise, either.
func (c *connections) whileWaiting(customerID, token string, f func(*record)) {
	c.changeSession(customerID, token, func(r *record) {
		if r.State == waiting {
			f(r)
		}
	})
}

func (c *connections) change(customerID string, f func(*record)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.record(customerID)
	f(r)
	close(r.changed)
	r.changed = make(chan struct{})
}

// record returns a customer's record. c.mu is held.
func (c *connections) record(customerID string) *record {
	r := c.byCustomer[customerID]
	if r == nil {
		r = &record{connection: connection{State: ready}, events: map[string]bool{}, changed: make(chan struct{})}
		c.byCustomer[customerID] = r
	}
	return r
}

func (r *record) move(to state, via, text string) {
	r.State, r.Begun = to, false
	r.add(via, text)
}

func (r *record) add(via, text string) {
	r.Steps = append(r.Steps, step{At: time.Now().UTC(), Via: via, Text: text})
	r.Steps = r.Steps[max(0, len(r.Steps)-maxSteps):]
}
