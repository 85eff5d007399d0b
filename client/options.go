package client

import (
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/internal/wire"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// DefaultBaseURL is the base URL of StackOne's API, which is used without [WithBaseURL].
const DefaultBaseURL = gen.DefaultServerURL

// Option configures a client when passed to [New], and a single call when passed to a
// method. Options of a call override the client's. If two options set the same thing, the
// last one wins. An invalid option is an error of New, or of the call before it sends
// anything, even if a later option overrides it.
type Option func(*config)

// config is what options configure. It does not change once a call uses it.
type config struct {
	base        *url.URL // ends in a slash
	operations  map[string]operation
	credentials credentials
	transport   http.RoundTripper
	policy      RetryPolicy
	timeout     time.Duration     // of an attempt, from WithTimeout
	httpTimeout time.Duration     // of an attempt, from WithHTTPClient
	userAgent   string            // of this module
	defaults    http.Header       // values that every attempt copies
	header      map[string]string // from WithHeader
	logger      *slog.Logger
	maxBody     int64
	responses   []*Response // of one call only
	budget      *budget     // of the client, shared by its calls
	errs        []error     // what is wrong with the options; nil: nothing
}

// StackOne ends a request after 60 s.
const defaultTimeout, defaultMaxBody = 65 * time.Second, 1 << 20

// newConfig returns the configuration of a client.
func newConfig(opts []Option) (*config, error) {
	c := &config{
		policy:    RetryPolicy{}.withDefaults(),
		timeout:   defaultTimeout,
		userAgent: wire.UserAgent(),
		maxBody:   defaultMaxBody,
		budget:    newBudget(),
	}
	c.defaults = defaultHeader(c.userAgent)
	c.apply(append([]Option{WithBaseURL(DefaultBaseURL)}, opts...))
	if c.responses != nil {
		c.errs = append(c.errs, errors.New("WithResponse belongs to a call, not to New"))
	}
	if c.credentials == nil {
		withKeyFromEnv(c)
	}
	if c.transport == nil {
		c.transport = NewTransport()
	}
	return c, join(c.errs...)
}

// with returns the configuration of one call.
func (c *config) with(opts []Option) (*config, error) {
	own := *c
	own.apply(opts)
	return &own, join(own.errs...)
}

func (c *config) apply(opts []Option) {
	for _, o := range opts {
		if o == nil {
			c.errs = append(c.errs, errors.New("an option is nil"))
			continue
		}
		o(c)
	}
}

// String returns the base URL, the only part of a client that is printed.
func (c *config) String() string {
	if c == nil {
		return "not made by New"
	}
	return strings.TrimSuffix(c.base.String(), "/")
}

// attemptTimeout returns the shorter of the two timeouts, or 0 for no limit.
func (c *config) attemptTimeout() time.Duration {
	if c.timeout == 0 || c.httpTimeout > 0 && c.httpTimeout < c.timeout {
		return c.httpTimeout
	}
	return c.timeout
}

func defaultHeader(userAgent string) http.Header {
	return http.Header{"Accept": {"application/json"}, "User-Agent": {userAgent}, "Authorization": {""}}
}

// headerOf returns the header of an attempt to send req. It keeps Accept and User-Agent of
// a request editor, and its Authorization for another origin.
func (c *config) headerOf(req *http.Request, authorization string) http.Header {
	h := c.defaults.Clone()
	credentials := h["Authorization"]
	credentials[0] = authorization
	delete(h, "Authorization")
	for key, values := range req.Header {
		h[key] = slices.Clone(values)
	}
	for key, value := range c.header {
		h[key] = []string{value}
	}
	if req.URL.Scheme == c.base.Scheme && req.URL.Host == c.base.Host {
		h["Authorization"] = credentials
	}
	return h
}

// set returns an option that makes a change, or records err if the option is invalid.
func set(err error, change func(*config)) Option {
	return func(c *config) {
		if err != nil {
			c.errs = append(c.errs, err)
			return
		}
		change(c)
	}
}

// WithBaseURL sends requests to rawURL instead of [DefaultBaseURL]. The URL must be https,
// or http with a loopback address or localhost. It may have a path, but no user info,
// query or fragment.
func WithBaseURL(rawURL string) Option {
	base, err := parseBaseURL(rawURL)
	var ops map[string]operation
	if err == nil {
		ops, err = operations(base)
	}
	return set(err, func(c *config) { c.base, c.operations = base, ops })
}

// WithHTTPClient sends requests through the Transport of hc. Its Timeout limits each
// attempt if it is positive and shorter than [WithTimeout]'s. A nil Transport means
// http.DefaultTransport; a nil hc is an error. CheckRedirect and Jar are not used:
// redirects are not followed and cookies are not sent. hc is never modified, and changing
// its fields later has no effect.
//
// Start from [NewTransport] to add a proxy, a CA or a wrapper. http.DefaultTransport
// keeps only two idle connections to a host, too few for a busy backend. Over HTTP/2,
// each attempt of Create is sent once, whatever the server responds, but failures are
// harder to tell apart: expect more errors whose MaybeSent is true.
//
// A transport that retries by itself can create sessions that this package does not know
// of: leave retries to [RetryPolicy]. A transport other than *http.Transport that reads
// the request's body must send it only through net/http, and one that is registered with an
// *http.Transport must not read it after it has failed; otherwise TransportError.MaybeSent
// can be false although the request arrived. With such a transport, a request without the client
// certificate that the server requires, or a proxy's error with an unusual reason phrase, may be
// reported as maybe sent. The body of a response must allow Close during Read, as net/http's does.
func WithHTTPClient(hc *http.Client) Option {
	if hc == nil {
		return set(errors.New("the HTTP client is nil"), nil)
	}
	transport, timeout := hc.Transport, hc.Timeout
	if transport == nil {
		transport = http.DefaultTransport
	}
	return func(c *config) { c.transport, c.httpTimeout = transport, timeout }
}

// NewTransport returns a new transport with the client's default settings. Modify it if
// necessary, and pass it to [WithHTTPClient]. The settings are:
//
//   - HTTP/1.1 only. Each request has a connection to itself, so the client knows what
//     was sent. Over HTTP/2, real servers refuse a stream after they have processed its
//     request, and net/http then sends the request again. If you set TLSClientConfig,
//     leave h2 out of its NextProtos.
//   - Timeouts of 30 s for connecting and 10 s for the TLS handshake.
//   - Up to 1024 idle connections to a host, for 30 s each.
//   - The proxy of the environment (http.ProxyFromEnvironment).
//   - At most 64 KiB for the header of a response.
func NewTransport() *http.Transport { return wire.NewTransport() }

// WithRetryPolicy replaces the entire retry policy. Zero fields mean their defaults, even
// if the client's policy sets them. Calls with their own policy draw on the client's
// retry budget, too.
func WithRetryPolicy(p RetryPolicy) Option {
	return set(p.check(), func(c *config) { c.policy = p.withDefaults() })
}

// WithTimeout limits each attempt, from obtaining the credentials to the end of the
// response. The default is 65 s, because StackOne ends a request after 60 s; 0 means no
// limit, and a negative value is an error. The Timeout of [WithHTTPClient] applies if it
// is shorter. To limit a whole call, with its retries and waits, use a context with a
// deadline.
func WithTimeout(perAttempt time.Duration) Option {
	return set(errorIf(perAttempt < 0, "the timeout is negative"), func(c *config) { c.timeout = perAttempt })
}

// WithUserAgent puts a product, such as "acme-backend/1.4", before the client's own in
// the User-Agent header. White space around it is removed. An empty product, or one
// with a control or non-ASCII character, is an error.
func WithUserAgent(product string) Option {
	product = strings.TrimSpace(product)
	err := errorIf(product == "" || !visibleASCII(product), "the user agent is empty or has invalid characters")
	return set(err, func(c *config) { c.defaults = defaultHeader(product + " " + c.userAgent) })
}

// WithHeader sets a header of every request, instead of the client's own value. The last
// value for a key wins. These are errors:
//
//   - Authorization and Host: use WithAPIKey and WithBaseURL.
//   - Idempotency-Key and X-Idempotency-Key: StackOne does not document them, and with
//     them net/http resends a POST by itself.
//   - Accept-Encoding, Content-Encoding, Content-Length, Expect, Trailer, Transfer-Encoding
//     and headers that apply to one connection, such as Connection: they belong to the
//     transport.
//   - A name that is not a token (RFC 9110, section 5.6.2), and a value with a control or
//     non-ASCII character.
func WithHeader(key, value string) Option {
	key = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(key))
	return set(checkHeader(key, value), func(c *config) {
		c.header = maps.Clone(c.header) // the client's own must not change
		if c.header == nil {
			c.header = map[string]string{}
		}
		c.header[key] = value
	})
}

// WithLogger logs "stackone attempt" for each attempt, at level Info if it succeeded and
// at Warn if it failed. The attributes are
//
//	operation   such as create_connect_session
//	attempt     the number of the attempt, starting with 1
//	status      of the response; 0 if none arrived
//	duration    of the attempt
//	wait        before the next attempt; 0 if there is none
//	request_id  the header X-Request-Id; empty if it is not safe to print
//
// Another record at Warn follows if a session cannot be used, or if some of its members
// were dropped (see [Response]). By default nothing is logged. A nil logger is an error.
func WithLogger(l *slog.Logger) Option {
	return set(errorIf(l == nil, "the logger is nil"), func(c *config) { c.logger = l })
}

// WithMaxResponseBytes limits the body of a response to n bytes. The default is 1 MiB; a
// limit that is not positive is an error. A success with a larger body fails with a
// [*ResponseError]. The body of an error response is truncated to n bytes, at most 256 KiB.
func WithMaxResponseBytes(n int64) Option {
	return set(errorIf(n <= 0, "the response limit is not positive"), func(c *config) { c.maxBody = n })
}

// WithResponse stores the last response of a call in dst before the call returns, whether
// it succeeds or fails. Each concurrent call needs its own dst. If WithResponse is passed
// several times, each dst is filled. A nil dst is an error, and so is passing
// WithResponse to [New].
func WithResponse(dst *Response) Option {
	return set(errorIf(dst == nil, "the response to fill is nil"), func(c *config) {
		c.responses = append(slices.Clip(c.responses), dst)
	})
}
