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

// Server is a fake StackOne, listening on a loopback address that the system
// chose. It is safe for concurrent use, and servers share nothing: a test that
// runs in parallel has its own. It remembers every session and every request,
// unless the option [Keep] sets a limit.
type Server struct {
	// URL is the base URL, as http://127.0.0.1:43210, without a slash at its end.
	URL string

	// PublicURL is the base URL of auth links: URL, unless the option [PublicURL]
	// says otherwise.
	PublicURL string

	// APIKey is the only key that the server accepts: the user name of Basic
	// authentication, with an empty password. Each server makes its own, unless the
	// option [APIKey] sets it.
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

// NewServer starts a server. The caller closes it when finished with it. Like
// httptest.NewServer it panics when the system has no port to give.
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

// listenLoopback listens on a port that the system chooses.
func listenLoopback() (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil { // a machine may have IPv6 alone
		listener, err = config.Listen(context.Background(), "tcp", "[::1]:0")
	}
	return listener, err
}

// encrypt wraps the listener in TLS, and returns what a client needs to trust it.
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

// NewTestServer is NewServer for a test: when the test ends the server is closed,
// and what [Server.Verify] finds fails the test.
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

// Close stops the server. It interrupts answers that are delayed or slow and
// webhooks that are being delivered, closes every connection, and returns when no
// request is being answered any more. It waits for the handler of a [Webhook] that
// ignores its request's context. Sessions and requests can still be looked at.
// Closing again does nothing.
func (s *Server) Close() {
	s.stop()
	s.client.CloseIdleConnections()
}

// Reset forgets all sessions, accounts, requests, webhooks that were delivered and
// expectations, removes the faults and the rate limit, and sets the clock right.
func (s *Server) Reset() {
	s.clock.offset.Store(0)
	s.names.reset()
	s.sessions.reset()
	s.journal.reset()
	s.webhooks.reset()
	s.ClearFaults()
	s.LimitRate(0)
}

// Handle serves requests that match the pattern, one of [http.ServeMux], by the
// handler. Such requests are none of the API: they are neither recorded nor
// limited, and meet no fault. Handle panics where ServeMux.Handle does.
func (s *Server) Handle(pattern string, handler http.Handler) { s.mux.Handle(pattern, handler) }

// CA returns the certificate, in PEM, of the authority that signed the server's
// own certificate, for clients that are to trust it. It is nil when the server
// uses no TLS or was given its certificate.
func (s *Server) CA() []byte { return s.ca }

// Client returns a client that calls this server with its key. The options come
// after that and override it. It panics when the client refuses an option, and
// the text says why.
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

// HTTPClient returns the HTTP client that reaches the server, also when it is in
// memory, and trusts its certificate. It adds no credentials. Close closes its
// idle connections.
func (s *Server) HTTPClient() *http.Client { return s.client }

// Format writes the URL and nothing else, whatever the verb.
func (s *Server) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "stackonetest.Server(%s)", s.URL) }
