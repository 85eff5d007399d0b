package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Option configures a client when given to New and one call when given to a
// method. A call's options override the client's, and the last one wins. What an
// option is given is checked by New, or by the call before it sends anything; a
// fault counts even where a later option would win.
type Option func(*settings)

// settings is what options configure. It does not change once a call uses it.
type settings struct {
	base        *url.URL // ends in a slash
	operations  map[string]operation
	credentials credentials
	transport   http.RoundTripper
	policy      RetryPolicy
	timeout     time.Duration // of an attempt, as WithTimeout gave it
	httpTimeout time.Duration // of an attempt, as WithHTTPClient gave it
	userAgent   string
	ownAgent    string
	header      map[string]string
	logger      *slog.Logger
	maxBody     int64
	responses   []*Response // of one call only
	budget      *budget     // of the client, shared by its calls
	faults      []error
}

const (
	defaultTimeout = 65 * time.Second // above the 60 s that a request lives on StackOne's side
	defaultMaxBody = 1 << 20
)

func defaultSettings() *settings {
	info, _ := debug.ReadBuildInfo()
	s := &settings{
		policy:   RetryPolicy{}.withDefaults(),
		timeout:  defaultTimeout,
		ownAgent: userAgent(info),
		maxBody:  defaultMaxBody,
		budget:   newBudget(),
	}
	s.userAgent = s.ownAgent
	WithBaseURL(DefaultBaseURL)(s)
	return s
}

// configure applies the options of New.
func (s *settings) configure(opts []Option) error {
	s.apply(opts)
	if s.responses != nil {
		s.fault("WithResponse belongs to a call, not to New")
	}
	if s.credentials == nil {
		s.credentialsFromEnv()
	}
	if s.transport == nil {
		s.transport = newTransport()
	}
	return join(s.faults...)
}

// with returns the settings of one call.
func (s *settings) with(opts []Option) (*settings, error) {
	own := *s
	own.apply(opts)
	return &own, join(own.faults...)
}

func (s *settings) apply(opts []Option) {
	for _, o := range opts {
		if o == nil {
			s.fault("an option is nil")
			continue
		}
		o(s)
	}
}

func (s *settings) fault(format string, args ...any) {
	s.faults = append(s.faults, fmt.Errorf(format, args...))
}

// String is what a client shows of itself.
func (s *settings) String() string {
	if s == nil {
		return "not made by New"
	}
	return strings.TrimSuffix(s.base.String(), "/")
}

// WithAPIKey authenticates with a StackOne API key. White space around it is
// dropped; an empty key, or one with a colon, a control character or a character
// beyond ASCII, is an error that does not show it. It takes precedence over the
// environment, also when it is empty.
func WithAPIKey(key string) Option {
	c, err := apiKey(key)
	return withCredentials(c.static(), err)
}

// WithAPIKeyFunc authenticates with the key that f returns. It is asked once for
// every attempt, so a rotated key is used at once; f should keep the key and not
// fetch it each time, and it must be safe for concurrent use. Its context ends
// with the attempt. When f fails or returns a key that WithAPIKey would refuse,
// the call fails with a [*TransportError] that holds the reason. A nil f is an error.
func WithAPIKeyFunc(f func(context.Context) (string, error)) Option {
	if f == nil {
		return withCredentials(authorization{}.static(), errors.New("the API key function is nil"))
	}
	return withCredentials(func(ctx context.Context) (authorization, error) {
		key, err := f(ctx)
		if err != nil {
			return authorization{}, fmt.Errorf("the API key function failed: %w", err)
		}
		return apiKey(key)
	}, nil)
}

// WithBasicAuth authenticates with a user name and a password, for a gateway in
// front of StackOne; StackOne itself takes the API key as the user name and an
// empty password, which WithAPIKey sends. The user name must not be empty nor
// hold a colon, and neither may hold a control character; white space is kept.
func WithBasicAuth(username, password string) Option {
	c, err := basicAuth(username, password)
	return withCredentials(c.static(), err)
}

func withCredentials(c credentials, err error) Option {
	return func(s *settings) {
		if err != nil {
			s.faults = append(s.faults, err)
		}
		s.credentials = c
	}
}

// WithBaseURL sends requests to another address than DefaultBaseURL, which may
// have a path. It must be https, or http to a loopback address (localhost is
// one), and have no user info, query or fragment.
func WithBaseURL(rawURL string) Option {
	base, err := parseBaseURL(rawURL)
	var ops map[string]operation
	if err == nil {
		ops, err = operations(base)
	}
	return func(s *settings) {
		if err != nil {
			s.faults = append(s.faults, err)
			return
		}
		s.base, s.operations = base, ops
	}
}

// WithHTTPClient sends requests through the Transport and with the Timeout of
// hc, which is copied and never changed. A nil Transport is http.DefaultTransport;
// a Timeout of 0 is none beside [WithTimeout]'s; a nil hc is an error. Redirects are
// not followed, and cookies are not sent, whatever hc says: its CheckRedirect and
// Jar are not used.
//
// The client's own transport keeps enough connections open for one busy host.
// http.DefaultTransport keeps two; for more than two calls at a time, set
// MaxIdleConnsPerHost of a transport of your own to the number of calls.
func WithHTTPClient(hc *http.Client) Option {
	if hc == nil {
		return func(s *settings) { s.fault("the HTTP client is nil") }
	}
	transport, timeout := hc.Transport, hc.Timeout
	if transport == nil {
		transport = http.DefaultTransport
	}
	return func(s *settings) { s.transport, s.httpTimeout = transport, timeout }
}

// WithRetryPolicy replaces the retry policy, whole: fields left zero mean their
// defaults. The budget that RetryPolicy speaks of stays the client's.
func WithRetryPolicy(p RetryPolicy) Option {
	err := p.check()
	p = p.withDefaults()
	return func(s *settings) {
		if err != nil {
			s.faults = append(s.faults, err)
			return
		}
		s.policy = p
	}
}

// WithTimeout limits each attempt, from its connection to the end of the answer;
// the default is 65 s, a little more than a request lives on StackOne's side, and
// 0 is no limit. The Timeout of [WithHTTPClient] counts where it is shorter. A
// negative limit is an error. To limit a call with all its attempts and waits, give
// it a context with a deadline.
func WithTimeout(perAttempt time.Duration) Option {
	return func(s *settings) {
		if perAttempt < 0 {
			s.fault("the time-out is negative")
			return
		}
		s.timeout = perAttempt
	}
}

// WithUserAgent puts a product such as "acme-backend/1.4" before the client's
// own in the User-Agent header. White space around it is dropped; an empty one, or
// one with a control character or a character beyond ASCII, is an error.
func WithUserAgent(product string) Option {
	return func(s *settings) {
		product := strings.TrimSpace(product)
		if product == "" || !visibleASCII(product) {
			s.fault("the user agent is empty, or has characters that a header cannot hold")
			return
		}
		s.userAgent = product + " " + s.ownAgent
	}
}

// WithHeader sets a header of every request; the last value for a key wins, and
// takes the place of what the client would send. Authorization and Host are
// refused: see WithAPIKey and WithBaseURL. So are Idempotency-Key and
// X-Idempotency-Key: StackOne does not document them, and their presence makes
// net/http repeat a POST by itself. And so are Accept-Encoding, Content-Length,
// Transfer-Encoding and Trailer, which are the transport's business. A name that is
// none (RFC 9110, section 5.6.2) is an error, and so is a value with a control
// character or a character beyond ASCII.
func WithHeader(key, value string) Option {
	key = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(key))
	return func(s *settings) {
		if !headerName(key) {
			s.fault("a header's name is empty, or has characters that a name cannot hold")
		} else if why := refusedHeader(key, value); why != "" {
			s.fault("the header %s cannot be set: %s", key, why)
		} else {
			s.header = maps.Clone(s.header) // the client's stay as they are
			if s.header == nil {
				s.header = map[string]string{}
			}
			s.header[key] = value
		}
	}
}

// WithLogger logs each attempt: the operation, the number of the attempt, the
// status (0 when no answer came), its duration, the wait before the next one (0
// when it is the last) and the request id, and nothing else. An attempt that
// succeeds is logged at level Info, another at Warn. Nothing is logged by default,
// and a nil logger is an error.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) {
		if l == nil {
			s.fault("the logger is nil")
			return
		}
		s.logger = l
	}
}

// WithMaxResponseBytes limits the body of an answer; the default is 1 MiB, and a
// limit that is not positive is an error. A longer success is a [*ResponseError]; of
// an error, at most 256 KiB are read.
func WithMaxResponseBytes(n int64) Option {
	return func(s *settings) {
		if n <= 0 {
			s.fault("the limit of a response is not positive")
			return
		}
		s.maxBody = n
	}
}

// WithResponse fills dst with the last answer of a call, whether the call
// succeeds or fails. It is for calls, not for New, and a nil dst is an error. A call
// that is given several fills each. dst is written until the call returns: give
// concurrent calls one each.
func WithResponse(dst *Response) Option {
	return func(s *settings) {
		if dst == nil {
			s.fault("the response to fill is nil")
			return
		}
		s.responses = append(slices.Clip(s.responses), dst)
	}
}
