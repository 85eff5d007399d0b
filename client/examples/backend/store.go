// Copy from this file how a program uses SQLite and PostgreSQL with the same statements:
// short transactions, which write first and then read what they have locked.
package main

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite", which needs no cgo
)

const (
	databaseURLEnv = "DATABASE_URL"  // names a PostgreSQL database
	storeTimeout   = 5 * time.Second // limits each use of the database
)

//go:embed schema.sql
var schema string

type opener func(driver, dataSource string) (*sql.DB, error)

// openDatabase opens the PostgreSQL database at address or, if that is empty, the
// SQLite database in file, which it creates if there is none. open is sql.Open.
func openDatabase(address, file string, open opener) (*sql.DB, error) {
	switch scheme, _, _ := strings.Cut(address, "://"); {
	case address == "":
		db, err := open("sqlite", "file:"+url.PathEscape(file)+"?_txlock=immediate&_pragma=busy_timeout(5000)")
		if err == nil {
			db.SetMaxOpenConns(1) // SQLite has one writer: the others queue here
		}
		return db, err
	case scheme == "postgres", scheme == "postgresql":
		return open("pgx", address)
	}
	return nil, fmt.Errorf("%s must begin with postgres://; unset it to use SQLite", databaseURLEnv)
}

// store is the database. It is safe for concurrent use, also by several processes.
type store struct {
	db      *sql.DB
	mu      sync.Mutex
	changed chan struct{} // closed when this process has changed something
}

// newStore creates the tables that are missing.
func newStore(ctx context.Context, db *sql.DB) (*store, error) {
	s := &store{db: db, changed: make(chan struct{})}
	var err error
	for range 5 { // PostgreSQL may refuse to create what another instance is creating
		if err = s.transact(ctx, func(t *tx) { t.exec(schema) }); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("create the tables: %w", err)
}

// tx is a transaction. After an error it does nothing more, and it is rolled back.
type tx struct {
	ctx context.Context
	tx  *sql.Tx
	err error
}

// exec returns how many rows the statement has changed.
func (t *tx) exec(statement string, args ...any) (rows int64) {
	if t.err != nil {
		return 0
	}
	result, err := t.tx.ExecContext(t.ctx, statement, args...)
	if err == nil {
		rows, err = result.RowsAffected()
	}
	t.err = err
	return rows
}

// get reads the one row that the statement returns.
func (t *tx) get(into []any, statement string, args ...any) {
	if t.err == nil {
		t.err = t.tx.QueryRowContext(t.ctx, statement, args...).Scan(into...)
	}
}

// transact calls f in a transaction.
//
// Transactions must not deadlock, so all lock in the same order: an account, a
// customer's connection, sessions.
func (s *store) transact(ctx context.Context, f func(*tx)) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	begun, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	t := &tx{ctx: ctx, tx: begun}
	if f(t); t.err != nil {
		return errors.Join(t.err, begun.Rollback())
	}
	if err := begun.Commit(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// changes returns a channel that is closed when this process changes the database.
func (s *store) changes() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// lookUp reads one row, and reports false if there is none.
func (s *store) lookUp(ctx context.Context, into []any, query string, args ...any) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := s.db.QueryRowContext(ctx, query, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
