package stackonetest

import (
	"crypto/tls"
	"log/slog"
	"net"
	"time"
)

// Option configures a server; pass it to [NewServer] or [NewTestServer].
type Option func(*config)

// config holds the options.
type config struct {
	memory    bool
	listener  net.Listener
	publicURL string
	apiKey    string
	fixed     time.Time // zero: the system's time and random tokens
	strict    bool
	keep      int
	log       *slog.Logger
	secure    bool
	tls       *tls.Config // nil: the server makes a certificate
	http2     bool
}

// InMemory makes a server without a socket. Only [Server.Client] and
// [Server.HTTPClient] reach it; connections of other clients to its URL are refused.
// Use it in a testing/synctest bubble; the server must then be made, used and closed in
// that bubble.
func InMemory() Option { return func(c *config) { c.memory = true } }

// Listener makes the server listen on l instead of on a random loopback port. The
// server closes l.
func Listener(l net.Listener) Option { return func(c *config) { c.listener = l } }

// PublicURL sets the base URL of auth links, for a server that browsers reach at another
// address, for example behind a proxy or in a container.
func PublicURL(url string) Option { return func(c *config) { c.publicURL = url } }

// APIKey sets the key that the server accepts.
func APIKey(key string) Option { return func(c *config) { c.apiKey = key } }

// Fixed makes responses reproducible, for golden files: the key is "v1.test.key",
// tokens are numbered instead of random, and the server's clock stands still at start
// until [Server.Advance] moves it. Auth links contain the port unless [PublicURL] is
// used as well.
func Fixed(start time.Time) Option { return func(c *config) { c.fixed = start } }

// Strict rejects request members that are not in the API description, such as
// catagories or expiresIn. StackOne ignores them.
func Strict() Option { return func(c *config) { c.strict = true } }

// Keep limits the sessions, accounts, requests and deliveries that the server remembers
// to the latest n of each. Tokens of forgotten sessions get 404. Zero, the default,
// means no limit.
func Keep(n int) Option { return func(c *config) { c.keep = n } }

// Logger makes the server log every request with the status of the response and, if it
// was rejected, the reason. Records contain no bodies, keys or tokens.
func Logger(log *slog.Logger) Option { return func(c *config) { c.log = log } }

// TLS makes the server speak HTTPS. With nil settings, it makes a certificate for
// localhost, the loopback addresses and the host of [PublicURL], signed by a new
// authority; see [Server.CA]. [Server.HTTPClient] trusts that certificate. A
// certificate in settings must be signed by an authority that the system trusts.
func TLS(settings *tls.Config) Option {
	return func(c *config) { c.secure, c.tls = true, settings }
}

// HTTP2 enables HTTP/2 for clients that negotiate it. It implies TLS(nil) unless the
// option [TLS] is used. Over HTTP/2, a fault that resets the connection only resets the
// stream of the request.
func HTTP2() Option { return func(c *config) { c.secure, c.http2 = true, true } }
