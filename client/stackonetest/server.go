package stackonetest

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// Server is a fake StackOne, listening on a loopback address that the system
// chose. It is safe for concurrent use, and servers share nothing: a test that
// runs in parallel has its own. It remembers every session and every request.
type Server struct {
	// URL is the base URL, as http://127.0.0.1:43210, without a slash at its end.
	URL string

	// APIKey is the only key that the server accepts: the user name of Basic
	// authentication, with an empty password. Each server makes its own.
	APIKey string

	memory   *memoryListener // nil: a loopback socket
	client   *http.Client
	key      string
	running  running
	close    func()
	spec     *specification
	clock    clock
	sessions sessions
	journal  journal
	script   script
	limiter  limiter
}

// Option changes how a server is made.
type Option func(*Server)

// InMemory makes a server without a socket. Only [Server.Client] and
// [Server.HTTPClient] reach it; anything else that calls its URL is refused. It
// is the way to use a server inside a testing/synctest bubble, provided that
// the server is made, used and closed in that bubble.
func InMemory() Option {
	return func(s *Server) { s.memory = newMemoryListener() }
}

// NewServer starts a server. The caller closes it when finished with it. Like
// httptest.NewServer it panics when the system has no port to give. A nil option
// changes nothing.
func NewServer(opts ...Option) *Server {
	spec, err := loadSpecification()
	if err != nil {
		panic(fmt.Sprintf("stackonetest: the embedded API description cannot be used: %v", err))
	}
	s := &Server{key: "v1.test." + rand.Text(), spec: spec, sessions: newSessions()}
	for _, o := range opts {
		if o != nil {
			o(s)
		}
	}
	transport := &http.Transport{}
	s.client = &http.Client{Transport: transport}
	var listener net.Listener
	if s.memory != nil {
		listener, transport.DialContext = s.memory, s.memory.dial
	} else if listener, err = listenLoopback(); err != nil {
		panic(fmt.Sprintf("stackonetest: %v", err))
	}
	s.URL, s.APIKey = "http://"+listener.Addr().String(), s.key
	s.close = s.running.start(listener, http.HandlerFunc(s.serve))
	return s
}

// listenLoopback listens on a port that the system chooses.
func listenLoopback() (net.Listener, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil { // a machine may have IPv6 alone
		listener, err = net.Listen("tcp", "[::1]:0")
	}
	return listener, err
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

// Close stops the server. It interrupts the answers that are delayed or slow,
// closes every connection, and returns when no request is being answered any
// more. Sessions and requests can still be looked at. Closing again does nothing.
func (s *Server) Close() {
	s.close()
	s.client.CloseIdleConnections()
}

// Client returns a client that calls this server with its key. The options come
// after that and override it. It panics when the client refuses an option, and
// the text says why.
func (s *Server) Client(opts ...client.Option) *client.Client {
	own := []client.Option{client.WithAPIKey(s.key), client.WithBaseURL(s.URL)}
	if s.memory != nil {
		own = append(own, client.WithHTTPClient(s.HTTPClient()))
	}
	c, err := client.New(append(own, opts...)...)
	if err != nil {
		panic(fmt.Sprintf("stackonetest: Client: %v", err))
	}
	return c
}

// HTTPClient returns the HTTP client that reaches the server, also when it is in
// memory. It adds no credentials. Close closes its idle connections.
func (s *Server) HTTPClient() *http.Client { return s.client }

// Format writes the URL and nothing else, whatever the verb.
func (s *Server) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "stackonetest.Server(%s)", s.URL) }
