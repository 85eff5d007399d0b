package stackonetest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// Server is a fake StackOne. By default it listens on a free port of a loopback address.
// It is safe for concurrent use. Servers share nothing, so that each parallel test can
// have its own. A server remembers every session and request, unless the option [Keep]
// sets a limit.
type Server struct {
	// URL is the base URL, such as http://127.0.0.1:43210, without a trailing slash.
	URL string

	// PublicURL is the base URL of auth links. It is the same as URL unless set by the
	// option [PublicURL].
	PublicURL string

	// APIKey is the only key that the server accepts, as the user name of Basic
	// authentication with an empty password. It is random unless set by the option
	// [APIKey] or [Fixed].
	APIKey string

	config
	client   *http.Client
	ca       []byte
	mux      *http.ServeMux
	running  running
	stop     func()
	spec     *specification
	clock    clock
	names    names
	sessions sessions
	journal  journal
	script   script
	limiter  limiter
	webhooks webhooks
}

// NewServer starts a server. The caller must call [Server.Close] when finished with it.
// Like httptest.NewServer, it panics if it cannot listen on a port.
func NewServer(opts ...Option) *Server {
	s := &Server{mux: http.NewServeMux(), spec: loadSpecification()}
	for _, o := range opts {
		if o != nil { // a nil option changes nothing
			o(&s.config)
		}
	}
	s.clock.fixed, s.names.fixed = s.fixed, !s.fixed.IsZero()
	s.sessions.keep, s.journal.keep, s.webhooks.keep = s.keep, s.keep, s.keep
	s.sessions.reset()

	listener, transport := s.listener, &http.Transport{}
	switch {
	case s.memory:
		pipes := newMemoryListener()
		listener, transport.DialContext = pipes, pipes.dial
	case listener == nil:
		var err error
		if listener, err = listenLoopback(); err != nil {
			panic(fmt.Sprintf("stackonetest: %v", err))
		}
	}
	s.URL = "http://" + listener.Addr().String()
	if s.secure {
		s.URL = "https://" + listener.Addr().String()
		listener, transport.TLSClientConfig = s.encrypt(listener)
		transport.ForceAttemptHTTP2 = s.http2
	}
	s.PublicURL = strings.TrimSuffix(s.publicURL, "/")
	if s.PublicURL == "" {
		s.PublicURL = s.URL
	}
	switch {
	case s.apiKey != "":
	case s.names.fixed:
		s.apiKey = "v1.test.key"
	default:
		s.apiKey = "v1.test." + rand.Text()
	}
	s.APIKey = s.apiKey
	s.client = &http.Client{Transport: transport}
	var errors *log.Logger
	if s.log != nil {
		errors = slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
	}
	s.stop = s.running.start(listener, http.HandlerFunc(s.serve), errors)
	return s
}

// listenLoopback listens on a port chosen by the system.
func listenLoopback() (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil { // a machine may only have IPv6
		listener, err = config.Listen(context.Background(), "tcp", "[::1]:0")
	}
	return listener, err
}

// encrypt wraps the listener in TLS, and returns a client configuration that trusts it.
func (s *Server) encrypt(l net.Listener) (net.Listener, *tls.Config) {
	config := s.tls.Clone()
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if config == nil {
		certificate, ca := makeCertificate(s.publicURL)
		config = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		s.ca, trust.RootCAs = ca, x509.NewCertPool()
		trust.RootCAs.AppendCertsFromPEM(ca)
	}
	config.NextProtos = []string{"http/1.1"}
	if s.http2 {
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	return tls.NewListener(l, config), trust
}

// TB is the part of testing.TB that NewTestServer needs.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
}

// NewTestServer starts a server for a test. When the test ends, it closes the server,
// and fails the test if [Server.Verify] returns an error.
func NewTestServer(t TB, opts ...Option) *Server {
	t.Helper()
	s := NewServer(opts...)
	t.Cleanup(func() {
		t.Helper()
		s.Close()
		if err := s.Verify(); err != nil {
			t.Errorf("%v", err)
		}
	})
	return s
}

// Close stops the server. It interrupts delayed and slow responses and the delivery of
// webhooks, closes all connections, and returns when no request is being served any
// more. A [Webhook] handler that ignores its request's context delays Close. Sessions
// and requests remain readable. Further calls of Close do nothing.
func (s *Server) Close() {
	s.stop()
	s.client.CloseIdleConnections()
}

// Reset forgets all sessions, accounts, requests, deliveries and expectations, removes
// the faults and the rate limit, and undoes [Server.Advance].
func (s *Server) Reset() {
	s.clock.offset.Store(0)
	s.names.reset()
	s.sessions.reset()
	s.journal.reset()
	s.webhooks.reset()
	s.ClearFaults()
	s.LimitRate(0)
}

// Handle registers a handler for a pattern, as defined by [http.ServeMux]. Requests
// that match it are not API requests: they are not recorded, do not count towards the
// rate limit, and are not affected by faults. Handle panics where ServeMux.Handle does.
func (s *Server) Handle(pattern string, handler http.Handler) { s.mux.Handle(pattern, handler) }

// CA returns the PEM certificate of the authority that signed the server's certificate,
// for clients that should trust it. It is nil if the server does not use TLS, or if its
// certificate was passed to [TLS].
func (s *Server) CA() []byte { return s.ca }

// Client returns a client that calls this server with its key. Options may override the
// base URL and the key. Client panics with the error of client.New if one is invalid.
func (s *Server) Client(opts ...client.Option) *client.Client {
	own := []client.Option{client.WithAPIKey(s.apiKey), client.WithBaseURL(s.URL)}
	if s.memory || s.secure {
		own = append(own, client.WithHTTPClient(s.HTTPClient()))
	}
	c, err := client.New(append(own, opts...)...)
	if err != nil {
		panic(fmt.Sprintf("stackonetest: Client: %v", err))
	}
	return c
}

// HTTPClient returns an HTTP client that reaches the server, even [InMemory], and
// trusts its certificate. It adds no credentials. [Server.Close] closes its idle
// connections.
func (s *Server) HTTPClient() *http.Client { return s.client }

// Format writes only the URL, whatever the verb.
func (s *Server) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "stackonetest.Server(%s)", s.URL) }
