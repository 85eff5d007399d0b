// Copy from this file how the program starts and shuts down: it completes the requests in
// progress, and stops everything that it has started.

// Command backend is a small web application whose customers connect their HR system
// through StackOne. If STACKONE_API_KEY is set, it calls StackOne or the base URL in
// STACKONE_BASE_URL. Otherwise it starts a fake StackOne.
package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// webhookSecretEnv holds the webhook's signing secret, or two during a rotation, separated by a space.
const webhookSecretEnv = "STACKONE_WEBHOOK_SECRET"

// baseURLEnv holds the base URL to call, such as that of stackone-fake.
const baseURLEnv = "STACKONE_BASE_URL"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt kills the program
	err := run(ctx, os.Args[1:], os.Stdout, sql.Open)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves the application until ctx is done, and returns when everything that it started has stopped.
func run(ctx context.Context, args []string, out io.Writer, open opener) error {
	flags := flag.NewFlagSet("backend", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints errors
	addr := flags.String("addr", cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080"), "`address` to listen on; also set by the environment variable ADDR")
	file := flags.String("db", "", "SQLite `file`, unless "+databaseURLEnv+" names a PostgreSQL database (default backend.db, or demo.db with the fake)")
	hub := flags.String("hub", "", "`file` with the Hub's web component: dist/webcomponent.js of the npm package @stackone/hub")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			flags.SetOutput(out)
			flags.Usage()
		}
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("another program is listening on %s: stop it, or choose another address with -addr or ADDR=, such as 127.0.0.1:0 for any free port", *addr)
	} else if err != nil {
		return fmt.Errorf("%w; choose another address with -addr or ADDR=", err)
	}
	defer listener.Close()
	origin := "http://" + listener.Addr().String()
	failures := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg := config{hubScript: *hub, log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	database := "demo.db"
	if os.Getenv(client.APIKeyEnv) != "" {
		database = "backend.db"
		cfg.hubAPI = cmp.Or(os.Getenv(baseURLEnv), client.DefaultBaseURL)
		if cfg.client, err = client.New(client.WithLogger(failures), client.WithBaseURL(cfg.hubAPI)); err != nil {
			return err
		}
		cfg.authLinks = cmp.Or(os.Getenv(baseURLEnv), "https:") // StackOne does not document their host
		cfg.webhookSecrets = strings.Fields(os.Getenv(webhookSecretEnv))
		fmt.Fprintf(out, "Calling %s with the key in %s, for sessions of type test.\n", cfg.hubAPI, client.APIKeyEnv)
		if len(cfg.webhookSecrets) == 0 {
			fmt.Fprintf(out, "%s is not set: there is no webhook endpoint, and connections are only found by polling.\n", webhookSecretEnv)
		}
	} else {
		fake := newFake()
		defer fake.Close()
		cfg.fake, cfg.client, cfg.authLinks, cfg.hubAPI = fake, fake.Client(client.WithLogger(failures)), fake.URL, fake.URL
		cfg.webhookSecrets = []string{fake.webhookSecret}
		fake.deliver(origin + webhookPath)
		fmt.Fprintf(out, "%s is not set: calling a fake StackOne at %s.\n", client.APIKeyEnv, fake.URL)
	}

	db, err := openDatabase(os.Getenv(databaseURLEnv), cmp.Or(*file, database), open)
	if err != nil {
		return err
	}
	defer db.Close()
	if cfg.store, err = newStore(ctx, db); err != nil {
		return fmt.Errorf("%w; use another database with %s or -db", err, databaseURLEnv)
	}
	a, err := newApp(ctx, cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Open %s (press Ctrl-C to stop).\n", origin)
	err = a.serve(listener)
	cancel()
	a.waits.running.Wait()
	return err
}

// serve serves requests until a.ctx is done, and then completes those in progress.
func (a *app) serve(listener net.Listener) error {
	srv := &http.Server{
		Handler:           a.handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      writeTimeout, // event streams set their own deadlines
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	shutdown := make(chan error, 1)
	defer context.AfterFunc(a.ctx, func() {
		grace, done := context.WithTimeout(context.WithoutCancel(a.ctx), requestTimeout)
		defer done()
		shutdown <- errors.Join(srv.Shutdown(grace), srv.Close())
	})()
	err := srv.Serve(listener)
	if errors.Is(err, http.ErrServerClosed) {
		err = <-shutdown
	}
	return err
}
