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

// childEnv makes the test binary run the program instead of the tests. Its value is the
// number of the halt point at which the program halts, or 0 for none.
const childEnv = "BACKEND_HALT_AT"

const childSecret = "whsec_test"

func runChild() {
	at, _ := strconv.ParseInt(os.Getenv(childEnv), 10, 64)
	if err := run(context.Background(), os.Args[1:], os.Stdout, (&haltPoints{haltAt: at}).open); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

// haltPoints counts the points at which a program can halt: before and after each
// database operation. The same requests always reach the same points in the same order.
type haltPoints struct {
	count  atomic.Int64
	haltAt int64 // 0: never
}

// reach halts the calling goroutine if this is the point to halt at, and prints that.
func (m *haltPoints) reach() {
	if m.count.Add(1) == m.haltAt {
		fmt.Println("halted")
		select {}
	}
}

func (m *haltPoints) open(driverName, dataSource string) (*sql.DB, error) {
	db, err := sql.Open(driverName, dataSource)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return sql.OpenDB(haltingConnector{db.Driver(), dataSource, m}), nil
}

// haltingConnector is a driver.Connector whose connections reach halt points.
type haltingConnector struct {
	driver     driver.Driver
	dataSource string
	m          *haltPoints
}

func (h haltingConnector) Driver() driver.Driver { return h.driver }

func (h haltingConnector) Connect(context.Context) (driver.Conn, error) {
	c, err := h.driver.Open(h.dataSource)
	return haltingConn{c, h.m}, err
}

type haltingConn struct {
	driver.Conn
	m *haltPoints
}

func (c haltingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	c.m.reach()
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	c.m.reach()
	return haltingTx{tx, c.m}, err
}

func (c haltingConn) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	c.m.reach()
	defer c.m.reach()
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, q, args)
}

func (c haltingConn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	c.m.reach()
	defer c.m.reach()
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, q, args)
}

type haltingTx struct {
	driver.Tx
	m *haltPoints
}

func (t haltingTx) Commit() error {
	t.m.reach()
	defer t.m.reach()
	return t.Tx.Commit()
}

// TestKilled kills the program while it processes webhooks, restarts it and delivers the
// unacknowledged event again. The result must be the same as without the kill.
func TestKilled(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, _ database) {
		newDatabase := sqlite
		if strings.HasSuffix(t.Name(), "PostgreSQL") {
			newDatabase = postgreSQL
		}
		for seed := range uint64(20) {
			t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 0))
				events := randomEvents(random)
				want, total := runWithoutHalt(t, newDatabase(t), events)
				d, haltAt := newDatabase(t), 1+random.Int64N(total)
				t.Logf("killed at point %d of %d", haltAt, total)
				p := launchChild(t, d, haltAt)
				killed := 0
				for _, event := range events {
					for p.deliver(event) != http.StatusOK {
						p.kill()
						p = launchChild(t, d, 0)
						killed++
					}
				}
				assert.Equal(t, 1, killed)
				p.kill()
				assert.Equal(t, want, outcomeOf(t, d.open(t)))
			})
		}
	})
}

// randomEvents returns events about three accounts, in random order and with duplicates.
func randomEvents(random *rand.Rand) (events [][]byte) {
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

// outcome is the stored result of events, without timestamps.
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

// runWithoutHalt processes the events. It returns the outcome and the number of halt points.
func runWithoutHalt(t *testing.T, d database, events [][]byte) (outcome, int64) {
	var m haltPoints
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

// program is a running child process.
type program struct {
	t    *testing.T
	url  string
	kill func()
}

// launchChild starts the program, and waits until it listens or halts.
func launchChild(t *testing.T, d database, haltAt int64) program {
	t.Helper()
	c := exec.CommandContext(context.Background(), os.Args[0], "-addr", "127.0.0.1:0", "-db", d.file)
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", childEnv, haltAt), databaseURLEnv+"="+d.address,
		client.APIKeyEnv+"=v1.test.key", webhookSecretEnv+"="+childSecret)
	c.Stderr = t.Output()
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	url, exited := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(exited)
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
		_ = c.Wait() // fails, because the program was killed
	}()
	kill := func() {
		_ = c.Process.Kill()
		<-exited
	}
	t.Cleanup(kill)
	return program{t, <-url, kill}
}

// deliver posts an event. It returns the status of the response, or 0 if there was none.
func (p program) deliver(event []byte) int {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+webhookPath, bytes.NewReader(event))
	require.NoError(p.t, err)
	req.Header.Set(webhook.SignatureHeader, webhook.Sign(event, childSecret))
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: timeout}).Do(req)
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}
