package stackonetest

import (
	"crypto/tls"
	"log/slog"
	"net"
	"time"
)

// Option changes how a server is made.
type Option func(*config)

// config is what options set.
type config struct {
	memory    bool
	listener  net.Listener
	publicURL string
	apiKey    string
	fixed     time.Time // zero: the system's time, and random names
	strict    bool
	keep      int
	log       *slog.Logger
	secure    bool
	tls       *tls.Config // nil: a certificate of the server's own making
	http2     bool
}

// InMemory makes a server without a socket. Only [Server.Client] and
// [Server.HTTPClient] reach it; anything else that calls its URL is refused. It
// is the way to use a server inside a testing/synctest bubble, provided that
// the server is made, used and closed in that bubble.
func InMemory() Option { return func(c *config) { c.memory = true } }

// Listener makes the server listen on l, which it closes, instead of on a
// loopback address of its own choice.
func Listener(l net.Listener) Option { return func(c *config) { c.listener = l } }

// PublicURL sets the base URL of auth links, for a server that is behind a proxy
// or in a container and has another address for browsers.
func PublicURL(url string) Option { return func(c *config) { c.publicURL = url } }

// APIKey sets the key that the server accepts.
func APIKey(key string) Option { return func(c *config) { c.apiKey = key } }

// Fixed makes answers reproducible, for golden files: the key is "v1.test.key",
// tokens are numbered instead of random, and the server's clock stands at start
// until [Server.Advance] moves it. Auth links contain the port unless
// [PublicURL] is set as well.
func Fixed(start time.Time) Option { return func(c *config) { c.fixed = start } }

// Strict refuses request members that the API description does not know, such as
// catagories or expiresIn, which the service ignores.
func Strict() Option { return func(c *config) { c.strict = true } }

// Keep limits the sessions, accounts, requests and webhooks that the server
// remembers to the latest n of each; it answers 404 to the token of a session
// that it has forgotten. 0, the default, is no limit.
func Keep(n int) Option { return func(c *config) { c.keep = n } }

// Logger logs every request with its answer and, if it was refused, the reason.
// Records contain no body, and neither the server's key nor its tokens.
func Logger(log *slog.Logger) Option { return func(c *config) { c.log = log } }

// TLS makes the server speak HTTPS. With nil settings it makes a certificate for
// localhost, the loopback addresses and the host of [PublicURL], signed by a new
// authority, [Server.CA]. [Server.HTTPClient] trusts that certificate; one that
// settings bring has to be signed by an authority that the system knows.
func TLS(settings *tls.Config) Option {
	return func(c *config) { c.secure, c.tls = true, settings }
}

// HTTP2 is TLS(nil), or the TLS that another option has set up, with HTTP/2 for
// clients that ask for it. A fault that resets the connection resets the
// request's stream there.
func HTTP2() Option { return func(c *config) { c.secure, c.http2 = true, true } }
