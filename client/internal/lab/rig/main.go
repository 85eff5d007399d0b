//go:build linux

// Command rig makes calls through real proxies that are reloaded, restarted and killed,
// and compares what each caller was told with what the service did. It prints a table, and
// fails if a call created two sessions, or if a caller was told that no session exists
// although its request was processed.
//
// It needs at least three of haproxy, nginx, lighttpd and squid. It runs them on free
// loopback ports, with configurations in a temporary directory, and stops them before it
// returns, after at most five minutes.
package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	limit    = 4*time.Minute + 30*time.Second
	required = 3 // programs
)

func main() {
	// Pdeathsig signals a child when the thread that started it exits, so start all
	// children from a thread that exits with the process.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	log.SetOutput(io.Discard)                             // net/http logs every broken connection
	_ = os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin") // Debian's directory for servers
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "rig:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "rig-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// If started by root, squid and the workers of nginx run as another user.
	if err := errors.Join(os.Chmod(dir, 0o755), writeCertificate(dir)); err != nil {
		return err
	}

	start, total, ran := time.Now(), result{}, 0
	var missing []string
	var errs []error
	fmt.Println(tableHead)
	for _, p := range programs {
		if _, err := exec.LookPath(p.name); err != nil {
			missing = append(missing, p.name)
			continue
		}
		ran++
		for _, s := range scenariosOf(p, dir) {
			r, err := s.run(ctx)
			fmt.Println(r.row(s.name()))
			total.add(r)
			if err == nil {
				continue
			}
			errs = append(errs, fmt.Errorf("%s: %w", s.name(), err))
			if ctx.Err() != nil {
				return errors.Join(errs...)
			}
		}
	}
	fmt.Printf("%s\n\n%d programs in %s\n", total.row("all"), ran, time.Since(start).Round(time.Second))
	if len(missing) > 0 {
		fmt.Println("some programs are not installed; run: apt-get install --no-install-recommends", strings.Join(missing, " "))
	}
	if ran < required {
		errs = append(errs, fmt.Errorf("%d programs ran, at least %d are required", ran, required))
	}
	if total[twice] > 0 {
		errs = append(errs, fmt.Errorf("%d calls created more than one session", total[twice]))
	}
	if total[falseNo] > 0 {
		errs = append(errs, fmt.Errorf("%d callers were not told that the session may exist", total[falseNo]))
	}
	return errors.Join(errs...)
}

// writeCertificate writes a certificate for 127.0.0.1 and its key, and makes this process
// trust it.
func writeCertificate(dir string) error {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	key, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	path := filepath.Join(dir, "server.pem")
	return errors.Join(os.WriteFile(path, text, 0o600), os.Setenv("SSL_CERT_FILE", path))
}
