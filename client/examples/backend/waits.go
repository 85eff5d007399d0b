// Copy from this file how waits survive a restart.
package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// waits are the waits of this instance.
type waits struct {
	mu      sync.Mutex
	cancel  map[string]context.CancelFunc // by customer, the latest
	running sync.WaitGroup
}

// resume begins the waits that have not ended, also those of other instances: two waits
// for one session do no harm, and an instance that has gone may never come back.
func (a *app) resume() error {
	ctx, cancel := context.WithTimeout(a.ctx, storeTimeout)
	defer cancel()
	rows, err := a.store.db.QueryContext(ctx, `SELECT id, customer_id, token, expires_at FROM sessions WHERE token <> ''`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var s session
		var expires int64
		if err := rows.Scan(&s.ID, &s.CustomerID, &s.Token, &expires); err != nil {
			return err
		}
		s.Expires = time.UnixMicro(expires)
		a.await(s)
	}
	return rows.Err()
}

// await waits for the session in a goroutine, which ends when the session or the
// application does, and when the customer begins anew.
func (a *app) await(s session) {
	ctx, cancel := context.WithDeadline(a.ctx, s.Expires)
	a.waits.mu.Lock()
	defer a.waits.mu.Unlock()
	if previous := a.waits.cancel[s.CustomerID]; previous != nil {
		previous()
	}
	a.waits.cancel[s.CustomerID] = cancel
	a.waits.running.Go(func() {
		defer cancel()
		a.wait(ctx, s)
	})
}

func (a *app) wait(ctx context.Context, s session) {
	log := a.correlated(s.ID).With("customer", s.CustomerID)
	log.Info("wait begins")
	attempt, err := a.waiter.Wait(ctx, s.Token)
	var ended *connect.ConnectionError
	stored := context.WithoutCancel(ctx)
	switch {
	case err == nil:
		log.Info("wait ends", "account", attempt.AccountSecureID)
		err = a.store.connected(stored, s, attempt)
	case errors.As(err, &ended):
		log.Info("wait ends", "status", ended.Status, "code", ended.Code)
		to, text := expired, "Out of time"
		switch ended.Status {
		case gen.AttemptStatusCancelled:
			to, text = cancelled, "Cancelled"
		case gen.AttemptStatusError:
			to, text = declined, "Declined"
		}
		err = a.store.finish(stored, s, to, text, *ended)
	case errors.Is(ctx.Err(), context.DeadlineExceeded),
		// Create has accepted the API key, so what is refused here is the token.
		errors.Is(err, client.ErrUnauthorized), errors.Is(err, client.ErrNotFound):
		log.Info("wait ends", "error", err)
		err = a.store.finish(stored, s, expired, "The session has ended", connect.ConnectionError{})
	case ctx.Err() != nil: // the customer has begun anew, or the application ends
		return
	default:
		log.Error("cannot wait for a connection", "error", err)
		err = a.store.finish(stored, s, failed, "StackOne does not answer as expected", connect.ConnectionError{})
	}
	if err != nil { // the wait begins again after the next restart
		log.Error("cannot store how a wait has ended", "error", err)
	}
}

// progressed is told how far a session's customer has come.
func (a *app) progressed(token string, attempt *gen.ConnectSessionLatestAttempt) {
	if err := a.store.progress(a.ctx, token, attempt); err != nil && a.ctx.Err() == nil {
		a.log.Warn("cannot store the progress of a wait", "error", err)
	}
}
