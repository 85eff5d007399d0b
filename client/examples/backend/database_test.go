package main

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// postgres is the server that all tests share. The first test that needs it starts it.
var postgres struct {
	start   sync.Once
	address string
	err     error
	stop    func()
	schemas atomic.Int64
}

// database is the database of one test. Each call of open connects to the same database,
// like another instance of the application, or the same one after a restart.
type database struct{ address, file string }

func sqlite(t *testing.T) database {
	return database{file: filepath.Join(t.TempDir(), "test 100%?.db")}
}

func (d database) open(t *testing.T) *store {
	t.Helper()
	db, err := openDatabase(d.address, d.file, sql.Open)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	s, err := newStore(t.Context(), db)
	require.NoError(t, err)
	return s
}

// onEachDatabase runs the test on SQLite and, if it is installed, on PostgreSQL.
func onEachDatabase(t *testing.T, test func(t *testing.T, d database)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, sqlite(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, postgreSQL(t))
	})
}

func postgreSQL(t *testing.T) database {
	postgres.start.Do(func() { postgres.address, postgres.stop, postgres.err = startPostgres() })
	if postgres.err != nil {
		t.Skip(postgres.err)
	}
	name := fmt.Sprintf("test%d", postgres.schemas.Add(1))
	db, err := sql.Open("pgx", postgres.address)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "CREATE SCHEMA "+name)
	require.NoError(t, err)
	return database{address: postgres.address + "&search_path=" + url.QueryEscape(name)}
}

// count returns the number of rows in a table.
func (s *store) count(t *testing.T, table string) (n int) {
	t.Helper()
	_, err := s.lookUp(t.Context(), []any{&n}, "SELECT count(*) FROM "+table)
	require.NoError(t, err)
	return n
}

func (s *store) clear(t *testing.T) {
	t.Helper()
	require.NoError(t, s.transact(t.Context(), func(tx *tx) {
		for _, table := range []string{"accounts", "connections", "sessions", "events"} {
			tx.exec("DELETE FROM " + table)
		}
	}))
}

func TestConcurrentStarts(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		var all sync.WaitGroup
		for range 8 {
			db, err := openDatabase(d.address, d.file, sql.Open)
			require.NoError(t, err)
			defer db.Close()
			all.Go(func() {
				_, err := newStore(t.Context(), db)
				assert.NoError(t, err)
			})
		}
		all.Wait()
	})
}
