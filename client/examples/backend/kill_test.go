package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

// The test binary is the program, which halts at a moment, when this is set to its number.
const childEnv = "BACKEND_HALTS_AT"

const childSecret = "whsec_test"

func child() {
	at, _ := strconv.ParseInt(os.Getenv(childEnv), 10, 64)
	if err := run(context.Background(), os.Args[1:], os.Stdout, (&moments{haltAt: at}).open); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

// moments are those before and after each thing that a program asks of its database. They
// come in the same order whenever it does the same.
type moments struct {
	count  atomic.Int64
	haltAt int64 // 0: never
}

// next halts the calling goroutine at the moment, and says so.
func (m *moments) next() {
	if m.count.Add(1) == m.haltAt {
		fmt.Println("halted")
		select {}
	}
}

func (m *moments) open(driverName, dataSource string) (*sql.DB, error) {
	db, err := sql.Open(driverName, dataSource)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return sql.OpenDB(halting{db.Driver(), dataSource, m}), nil
}

// halting is a driver whose calls are moments.
type halting struct {
	driver     driver.Driver
	dataSource string
	m          *moments
}

func (h halting) Driver() driver.Driver { return h.driver }

func (h halting) Connect(context.Context) (driver.Conn, error) {
	c, err := h.driver.Open(h.dataSource)
	return haltingConn{c, h.m}, err
}

type haltingConn struct {
	driver.Conn
	m *moments
}

func (c haltingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	c.m.next()
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	c.m.next()
	return haltingTx{tx, c.m}, err
}

func (c haltingConn) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	c.m.next()
	defer c.m.next()
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, q, args)
}

func (c haltingConn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	c.m.next()
	defer c.m.next()
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, q, args)
}

type haltingTx struct {
	driver.Tx
	m *moments
}

func (t haltingTx) Commit() error {
	t.m.next()
	defer t.m.next()
	return t.Tx.Commit()
}

// TestKilled kills the program while it takes webhooks, and starts it again. The event
// that was not acknowledged is delivered once more, and in the end everything is as
// if nothing had happened.
func TestKilled(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, _ database) {
		another := func(t *testing.T) database { return sqlite(t) }
		if strings.HasSuffix(t.Name(), "PostgreSQL") {
			another = postgreSQL
		}
		for seed := range uint64(20) {
			t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 0))
				events := someEvents(random)
				want, total := undisturbed(t, another(t), events)
				d, moment := another(t), 1+random.Int64N(total)
				t.Logf("killed at moment %d of %d", moment, total)
				p := launchChild(t, d, moment)
				killed := 0
				for _, event := range events {
					for p.deliver(event) != http.StatusOK {
						p.end()
						p = launchChild(t, d, 0)
						killed++
					}
				}
				assert.Equal(t, 1, killed)
				p.end()
				assert.Equal(t, want, outcomeOf(t, d.open(t)))
			})
		}
	})
}

// someEvents returns events about a few accounts, in any order, with repetitions.
func someEvents(random *rand.Rand) (events [][]byte) {
	for range 24 {
		if len(events) > 0 && random.IntN(4) == 0 {
			events = append(events, events[random.IntN(len(events))])
			continue
		}
		kind := []string{"account.created", "account.updated", "account.deleted"}[random.IntN(3)]
		event := accountEvent(kind, payload{
			"account_id":      strconv.Itoa(random.IntN(3)),
			"origin_owner_id": []any{"customer-acme", "customer-cobalt", nil}[random.IntN(3)],
			"event_date":      time.Unix(1_800_000_000+random.Int64N(20), 0).UTC(),
		})
		body, _ := json.Marshal(event)
		events = append(events, body)
	}
	return events
}

// outcome is what is stored, without the times.
type outcome struct {
	events      int
	connections []connection
}

func outcomeOf(t *testing.T, s *store) (o outcome) {
	o.events = s.count(t, "events")
	for _, who := range customers() {
		c, err := s.connection(t.Context(), who.ID)
		require.NoError(t, err)
		for i := range c.Steps {
			c.Steps[i].At = time.Time{}
		}
		o.connections = append(o.connections, c)
	}
	return o
}

// undisturbed returns what comes of the events, and how many moments that takes.
func undisturbed(t *testing.T, d database, events [][]byte) (outcome, int64) {
	var m moments
	db, err := openDatabase(d.address, d.file, m.open)
	require.NoError(t, err)
	defer db.Close()
	s, err := newStore(t.Context(), db)
	require.NoError(t, err)
	h := start(t, func(cfg *config) { cfg.store = s })
	for _, event := range events {
		require.Equal(t, http.StatusOK, h.do(delivery(event, webhook.Sign(event, h.fake.webhookSecret))).Code)
	}
	total := m.count.Load()
	return outcomeOf(t, s), total
}

// program is a running child.
type program struct {
	t   *testing.T
	url string
	end func() // kills it
}

// launchChild runs the program until it listens or halts.
func launchChild(t *testing.T, d database, haltAt int64) program {
	t.Helper()
	c := exec.CommandContext(context.Background(), os.Args[0], "-addr", "127.0.0.1:0", "-db", d.file)
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", childEnv, haltAt), databaseURLEnv+"="+d.address,
		client.APIKeyEnv+"=v1.test.key", webhookSecretEnv+"="+childSecret)
	c.Stderr = t.Output()
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	url, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if rest, ok := strings.CutPrefix(lines.Text(), "Open "); ok {
				address, _, _ := strings.Cut(rest, " ")
				url <- address
			}
			if lines.Text() == "halted" {
				break
			}
			if strings.HasPrefix(lines.Text(), "failed") {
				t.Error(lines.Text())
			}
		}
		close(url)
		_ = c.Process.Kill()
		_ = c.Wait() // it was killed
	}()
	end := func() {
		_ = c.Process.Kill()
		<-ended
	}
	t.Cleanup(end)
	return program{t, <-url, end}
}

// deliver returns the status of the answer, 0 if there was none.
func (p program) deliver(event []byte) int {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+webhookPath, bytes.NewReader(event))
	require.NoError(p.t, err)
	req.Header.Set(webhook.SignatureHeader, webhook.Sign(event, childSecret))
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}).Do(req)
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}
