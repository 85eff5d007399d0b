// Copy from this file how to use SQLite and PostgreSQL with the same statements. Each
// transaction is short, and writes a row, which locks it, before it reads the row.
package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite", which needs no cgo
)

const databaseURLEnv = "DATABASE_URL" // holds the URL of a PostgreSQL database
const storeTimeout = 5 * time.Second  // limits each transaction and query

//go:embed schema.sql
var schema string

type opener func(driver, dataSource string) (*sql.DB, error)

// openDatabase opens the PostgreSQL database at address or, if that is empty, the
// SQLite database in file. open is sql.Open.
func openDatabase(address, file string, open opener) (*sql.DB, error) {
	switch scheme, _, _ := strings.Cut(address, "://"); {
	case address == "":
		db, err := open("sqlite", "file:"+url.PathEscape(file)+"?_txlock=immediate&_pragma=busy_timeout(5000)")
		if err == nil {
			db.SetMaxOpenConns(1) // SQLite allows one writer at a time
		}
		return db, err
	case scheme == "postgres", scheme == "postgresql":
		return open("pgx", address)
	}
	return nil, fmt.Errorf("%s must begin with postgres://; unset it to use SQLite", databaseURLEnv)
}

// store is the database. It is safe for concurrent use, even by several processes.
type store struct{ db *sql.DB }

// newStore creates missing tables.
func newStore(ctx context.Context, db *sql.DB) (s *store, err error) {
	s = &store{db}
	for range 5 { // PostgreSQL may fail if another instance is creating the same tables
		if err = s.transact(ctx, func(t *tx) { t.exec(schema) }); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("create the tables: %w", err)
}

// tx is a transaction. After an error, its methods do nothing, and it is rolled back.
type tx struct {
	ctx context.Context
	tx  *sql.Tx
	err error
}

// exec executes a statement, and returns the number of affected rows.
func (t *tx) exec(statement string, args ...any) (rows int64) {
	if t.err == nil {
		var result sql.Result
		if result, t.err = t.tx.ExecContext(t.ctx, statement, args...); t.err == nil {
			rows, t.err = result.RowsAffected()
		}
	}
	return rows
}

// get scans the single row that the statement returns.
func (t *tx) get(into []any, statement string, args ...any) {
	if t.err == nil {
		t.err = t.tx.QueryRowContext(t.ctx, statement, args...).Scan(into...)
	}
}

// transact calls f in a transaction. To avoid deadlocks, all transactions lock rows in the
// same order: the account, the customer's connection, the sessions.
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
	return begun.Commit()
}

// lookUp reads one row. It returns false if there is none.
func (s *store) lookUp(ctx context.Context, into []any, query string, args ...any) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := s.db.QueryRowContext(ctx, query, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// instant is a time that is stored as microseconds since 1970.
type instant struct{ time.Time }

func (i *instant) Scan(column any) error {
	i.Time = time.UnixMicro(column.(int64)).UTC()
	return nil
}

func (i instant) Value() (driver.Value, error) { return i.UnixMicro(), nil }
