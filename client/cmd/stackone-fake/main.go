// Command stackone-fake serves a fake StackOne on this machine until it is interrupted,
// for programs in any language and for StackOne's Hub. It prints the base URL, the API
// key and the URL of a page on which to watch and control it.
//
// Each flag can also be set by an environment variable, for example -public-url by
// STACKONE_FAKE_PUBLIC_URL. Flags take precedence.
package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/hub"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "stackone-fake:", err)
		os.Exit(1)
	}
}

// settings holds the values of the flags.
type settings struct {
	addr, key, publicURL, tls, connectors string
	webhookURL, webhookSecret             string
	rateLimit, keep                       int
	strict, verbose                       bool
}

func parse(args []string, lookup func(string) (string, bool), usage io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("stackone-fake", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&s.addr, "addr", "127.0.0.1:4010", "`address` to listen on")
	flags.StringVar(&s.key, "key", "", "API `key` to accept; random if empty")
	flags.StringVar(&s.publicURL, "public-url", "", "base `URL` for browsers, if it differs from -addr")
	flags.StringVar(&s.tls, "tls", "",
		"serve HTTPS with a new certificate and write its authority to `file`, or use the files CERTIFICATE,KEY")
	flags.StringVar(&s.webhookURL, "webhook-url", "", "`URL` to send account events to")
	flags.StringVar(&s.webhookSecret, "webhook-secret", "", "signing `secret` of the events; random if empty")
	flags.StringVar(&s.connectors, "connectors", "", "JSON `file` with the Hub's connectors, instead of the default ones")
	flags.IntVar(&s.rateLimit, "rate-limit", 0, "maximum `requests` a minute (StackOne's limit is 1000); 0 means no limit")
	flags.IntVar(&s.keep, "keep", 1000, "maximum `number` of sessions, accounts, requests and webhooks to remember")
	flags.BoolVar(&s.strict, "strict", false, "reject request members that are not in the API description")
	flags.BoolVar(&s.verbose, "v", false, "also log requests of the Hub and the page")
	var errs []error
	flags.VisitAll(func(f *flag.Flag) {
		name := "STACKONE_FAKE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value, ok := lookup(name); ok {
			if err := f.Value.Set(value); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	})
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		errs = append(errs, fmt.Errorf("unexpected argument %q", flags.Arg(0)))
	}
	if s.keep < 1 {
		errs = append(errs, errors.New("-keep must be at least 1"))
	}
	if s.rateLimit < 0 {
		errs = append(errs, errors.New("-rate-limit must not be negative"))
	}
	if strings.ContainsFunc(s.key, func(r rune) bool { return r == ':' || unicode.IsSpace(r) || unicode.IsControl(r) }) {
		errs = append(errs, errors.New("-key must not contain colons, spaces or control characters"))
	}
	if !callable(s.publicURL) || strings.ContainsAny(s.publicURL, "?# ") {
		errs = append(errs, errors.New("-public-url must be an http or https URL with a host and without a query"))
	}
	if !callable(s.webhookURL) {
		errs = append(errs, errors.New("-webhook-url must be an http or https URL with a host"))
	}
	return s, errors.Join(errs...)
}

// callable reports whether text is empty or an http or https URL with a host.
func callable(text string) bool {
	u, err := url.Parse(text)
	return text == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// run serves until ctx is done.
func run(ctx context.Context, args []string, lookup func(string) (string, bool), out, log io.Writer) error {
	s, err := parse(args, lookup, log)
	if err != nil {
		return err
	}
	connectors := hub.Connectors()
	if s.connectors != "" {
		text, err := os.ReadFile(s.connectors)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &connectors); err != nil {
			return fmt.Errorf("%s: %w", s.connectors, err)
		}
	}
	level := slog.LevelInfo
	if s.verbose {
		level = slog.LevelDebug
	}
	options := []stackonetest.Option{
		stackonetest.APIKey(s.key), stackonetest.Keep(s.keep),
		stackonetest.Logger(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level}))),
	}
	if s.strict {
		options = append(options, stackonetest.Strict())
	}
	certificate, key, given := strings.Cut(s.tls, ",")
	if given {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return err
		}
		options = append(options, stackonetest.TLS(&tls.Config{
			Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12,
		}))
	}
	if s.tls != "" {
		options = append(options, stackonetest.HTTP2())
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.addr)
	if err != nil {
		return fmt.Errorf("%w; choose another address with -addr", err)
	}
	options = append(options, stackonetest.Listener(listener), stackonetest.PublicURL(s.public(listener.Addr())))

	srv := stackonetest.NewServer(options...)
	defer srv.Close()
	var file string
	if s.tls != "" && !given {
		if file, err = filepath.Abs(s.tls); err != nil { // the path is printed for programs in other directories
			return err
		}
		if err := os.WriteFile(file, srv.CA(), 0o644); err != nil { //nolint:gosec // a certificate is public
			return err
		}
	}
	srv.LimitRate(s.rateLimit)
	hub.Serve(srv, connectors...)
	control(srv)

	fmt.Fprintf(out, "export STACKONE_BASE_URL=%s\nexport STACKONE_API_KEY=%s\n", srv.PublicURL, srv.APIKey)
	if s.webhookURL != "" {
		if s.webhookSecret == "" {
			s.webhookSecret = "whsec_" + rand.Text()
		}
		srv.Deliver(stackonetest.Webhook{URL: s.webhookURL, Secret: s.webhookSecret})
		fmt.Fprintf(out, "export STACKONE_WEBHOOK_SECRET=%s\n", s.webhookSecret)
	}
	if s.tls != "" && !given {
		fmt.Fprintf(out, "export NODE_EXTRA_CA_CERTS=%[1]s SSL_CERT_FILE=%[1]s CURL_CA_BUNDLE=%[1]s\n", file)
	}
	fmt.Fprintf(out, "# The page: %s/  (press Ctrl-C to stop)\n", srv.PublicURL)
	<-ctx.Done()
	return nil
}

// public returns the base URL for browsers, "" for that of the listener. Browsers cannot
// open an unspecified address such as 0.0.0.0.
func (s settings) public(listening net.Addr) string {
	tcp, ok := listening.(*net.TCPAddr)
	if s.publicURL != "" || !ok || !tcp.IP.IsUnspecified() {
		return s.publicURL
	}
	scheme := "http"
	if s.tls != "" {
		scheme = "https"
	}
	return fmt.Sprintf("%s://localhost:%d", scheme, tcp.Port)
}
