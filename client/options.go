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

// DefaultBaseURL is where requests are sent unless WithBaseURL says otherwise: the one
// server that the API description names.
const DefaultBaseURL = gen.DefaultServerURL

// Option configures a client when given to New, and one call when given to a method.
// Options of a call override the client's, and of two options for the same thing the
// last one wins. New checks the values of options, and a call checks its own options
// before it sends anything; an invalid value is an error even when a later option
// overrides it.
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

// String returns the base URL, which is all that a client prints of itself.
func (c *config) String() string {
	if c == nil {
		return "not made by New"
	}
	return strings.TrimSuffix(c.base.String(), "/")
}

// attemptTimeout returns the shorter of the two that options give, or 0 for none.
func (c *config) attemptTimeout() time.Duration {
	if c.timeout == 0 || c.httpTimeout > 0 && c.httpTimeout < c.timeout {
		return c.httpTimeout
	}
	return c.timeout
}

func defaultHeader(userAgent string) http.Header {
	return http.Header{"Accept": {"application/json"}, "User-Agent": {userAgent}, "Authorization": {""}}
}

// headerOf returns the header of an attempt to send req. A request editor's Accept and
// User-Agent stay, and its Authorization for another origin.
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

// WithBaseURL sends requests to another address than DefaultBaseURL. It may have a
// path. It must be https, or http with a loopback address or localhost, and must not
// have user info, a query or a fragment.
func WithBaseURL(rawURL string) Option {
	base, err := parseBaseURL(rawURL)
	var ops map[string]operation
	if err == nil {
		ops, err = operations(base)
	}
	return set(err, func(c *config) { c.base, c.operations = base, ops })
}

// WithHTTPClient sends requests through the Transport and with the Timeout of hc,
// which is copied and never changed. A nil Transport means http.DefaultTransport; a
// Timeout of 0 leaves [WithTimeout]'s; a nil hc is an error. CheckRedirect and Jar are
// not used: redirects are not followed and cookies are not sent.
//
// Start from [NewTransport] to add a proxy, a CA or a wrapper. http.DefaultTransport
// keeps two connections to a host open, which is too few for a busy backend. Over
// HTTP/2, Create is sent once whatever the server responds, but the other failures of
// HTTP/2 are harder to tell apart: expect more errors whose MaybeSent is true.
//
// A transport that repeats requests by itself makes sessions that this package cannot
// see: leave retries to [RetryPolicy]. The proof that nothing was sent
// (TransportError.MaybeSent) assumes that a transport that reads the request's body sends
// it through net/http only, and it is weaker then: a certificate that the server rejects,
// or a proxy's refusal with an unusual reason phrase, may be reported as maybe sent. The
// body of a response must allow Close during Read, as net/http's does.
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

// NewTransport returns a new transport with the client's default settings, which you may
// change before you give it to [WithHTTPClient]:
//
//   - HTTP/1.1 only. Each request has its connection to itself, so the client knows what
//     was sent. Over HTTP/2, real servers refuse a stream after they have processed its
//     request, and net/http then sends the request again. If you set TLSClientConfig,
//     leave h2 out of its NextProtos.
//   - Up to 1024 idle connections to a host, for 30 s each.
//   - The proxy of the environment (http.ProxyFromEnvironment).
//   - At most 64 KiB of header in a response.
func NewTransport() *http.Transport { return wire.NewTransport() }

// WithRetryPolicy replaces the entire retry policy: fields left zero mean their
// defaults. The budget that RetryPolicy describes stays the client's.
func WithRetryPolicy(p RetryPolicy) Option {
	return set(p.check(), func(c *config) { c.policy = p.withDefaults() })
}

// WithTimeout limits each attempt, from connecting to the end of the response. The
// default is 65 s, a little more than StackOne gives a request; 0 means no limit, and
// a negative value is an error. The Timeout of [WithHTTPClient] applies when it is
// shorter. To limit a call with all its attempts and waits, give it a context with a
// deadline.
func WithTimeout(perAttempt time.Duration) Option {
	return set(errorIf(perAttempt < 0, "the timeout is negative"), func(c *config) { c.timeout = perAttempt })
}

// WithUserAgent puts a product such as "acme-backend/1.4" before the client's own in
// the User-Agent header. White space around it is dropped; an empty product, or one
// with a control character or a character beyond ASCII, is an error.
func WithUserAgent(product string) Option {
	product = strings.TrimSpace(product)
	err := errorIf(product == "" || !visibleASCII(product), "the user agent is empty or has invalid characters")
	return set(err, func(c *config) { c.defaults = defaultHeader(product + " " + c.userAgent) })
}

// WithHeader sets a header of every request. It replaces what the client would send,
// and the last value for a key wins. These are errors:
//
//   - Authorization and Host: see WithAPIKey and WithBaseURL.
//   - Idempotency-Key and X-Idempotency-Key: StackOne does not document them, and with
//     them net/http repeats a POST by itself.
//   - Accept-Encoding, Content-Encoding, Content-Length, Expect, Trailer, Transfer-Encoding
//     and headers that apply to one connection, such as Connection: they belong to the
//     transport.
//   - A name that is not a token (RFC 9110, section 5.6.2), and a value with a control
//     character or a character beyond ASCII.
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

// WithLogger logs each attempt: the operation, the number of the attempt, the status (0
// when no response arrived), the duration, the wait before the next attempt (0 when it
// is the last), and the request ID if it consists of letters, digits and ._:- alone. A
// successful attempt is logged at level Info, a failed one at Warn. When members of a
// session had to be dropped (see [Response]), a record at Warn names them. By default
// nothing is logged. A nil logger is an error.
func WithLogger(l *slog.Logger) Option {
	return set(errorIf(l == nil, "the logger is nil"), func(c *config) { c.logger = l })
}

// WithMaxResponseBytes limits the body of a response. The default is 1 MiB; a limit that
// is not positive is an error. A longer success is a [*ResponseError]; of an error
// response, at most 256 KiB are read.
func WithMaxResponseBytes(n int64) Option {
	return set(errorIf(n <= 0, "the limit of a response is not positive"), func(c *config) { c.maxBody = n })
}

// WithResponse fills dst with the last response of a call, whether the call succeeds or
// fails. It is for calls, not for New, and a nil dst is an error. Given several times,
// it fills each dst. They are written before the call returns: give each concurrent
// call its own.
func WithResponse(dst *Response) Option {
	return set(errorIf(dst == nil, "the response to fill is nil"), func(c *config) {
		c.responses = append(slices.Clip(c.responses), dst)
	})
}
