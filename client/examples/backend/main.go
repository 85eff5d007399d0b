// Command backend is a small web application whose customers connect their HR
// system through StackOne. With STACKONE_API_KEY set it works with StackOne;
// without, with a fake StackOne that it starts itself.
package main

import (
	"context"
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

// webhookSecretEnv names the environment variable with the signing secret of the
// webhook in StackOne's dashboard; two, with a space between, while it is rotated.
const webhookSecretEnv = "STACKONE_WEBHOOK_SECRET"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves the application until ctx is done, and returns once everything that
// it has started has ended.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("backend", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints errors
	addr := flags.String("addr", "127.0.0.1:8080", "the `address` to listen on")
	hub := flags.String("hub", "", "the `file` of the Hub's web component: dist/webcomponent.js of the npm package @stackone/hub")
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
	if err != nil {
		return fmt.Errorf("%w; choose another address with -addr", err)
	}
	defer listener.Close()
	origin := "http://" + reachable(listener.Addr())

	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg := config{hubScript: *hub, log: log}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	if os.Getenv(client.APIKeyEnv) != "" {
		if cfg.client, err = client.New(client.WithLogger(log)); err != nil {
			return err
		}
		cfg.authLinks = "https:" // StackOne does not say which host they have
		cfg.webhookSecrets = strings.Fields(os.Getenv(webhookSecretEnv))
		fmt.Fprintf(out, "Calling %s with the key in %s.\n", client.DefaultBaseURL, client.APIKeyEnv)
		if len(cfg.webhookSecrets) == 0 {
			fmt.Fprintf(out, "%s is not set: no webhook endpoint, connections are found by polling alone.\n", webhookSecretEnv)
		} else {
			fmt.Fprintf(out, "Webhooks are taken at %s of the address that you publish.\n", webhookPath)
		}
	} else {
		fake := newFake()
		defer fake.Close()
		cfg.fake, cfg.client, cfg.authLinks = fake, fake.Client(client.WithLogger(log)), fake.URL
		cfg.webhookSecrets = []string{fake.webhookSecret}
		fake.deliver(origin)
		fmt.Fprintf(out, "%s is not set: calling a fake StackOne at %s.\n", client.APIKeyEnv, fake.URL)
	}

	a, err := newApp(ctx, cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Open %s (Ctrl-C ends it).\n", origin)
	return serve(ctx, cancel, listener, a)
}

// serve answers requests until ctx is done, then lets those in progress finish.
func serve(ctx context.Context, cancel context.CancelFunc, listener net.Listener, a *app) error {
	srv := &http.Server{
		Handler:           a.handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      createTimeout + 10*time.Second, // the streams of events set their own
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Serve(listener) }()

	var err error
	select {
	case err = <-stopped:
	case <-ctx.Done():
		grace, done := context.WithTimeout(context.WithoutCancel(ctx), createTimeout+5*time.Second)
		defer done()
		if err = srv.Shutdown(grace); err != nil {
			err = errors.Join(err, srv.Close())
		}
		<-stopped //nolint:errcheck // it is http.ErrServerClosed
	}
	cancel()
	a.waits.Wait()
	return err
}

// reachable is the address to open in a browser on this machine.
func reachable(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", fmt.Sprint(tcp.Port))
	}
	return addr.String()
}
