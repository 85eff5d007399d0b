package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"

	"github.com/StackOneHQ/stackone-client-go/gen"
)

const (
	// DefaultBaseURL is where requests go unless WithBaseURL says otherwise: the
	// one server that the API description names.
	DefaultBaseURL = gen.DefaultServerURL

	// APIKeyEnv is the environment variable that New reads the API key from when
	// no option gives credentials.
	APIKeyEnv = "STACKONE_API_KEY"
)

// Client calls StackOne. It is made by New, never changes afterwards, is safe
// for concurrent use, owns no goroutine and needs no closing. Make one for each
// API key and share it: it keeps connections open between calls, and its retry
// budget works across them.
type Client struct {
	// ConnectSessions creates and reads connect sessions.
	ConnectSessions *ConnectSessions

	generated *gen.ClientWithResponses
	settings  *settings
}

// New returns a client with the credentials of WithAPIKey, WithAPIKeyFunc or
// WithBasicAuth, or else with the API key in the environment variable
// STACKONE_API_KEY. It sends nothing. Its error names every fault of the
// configuration at once, without the values.
func New(opts ...Option) (*Client, error) {
	s := defaultSettings()
	if err := s.configure(opts); err != nil {
		return nil, fmt.Errorf("stackone: invalid configuration: %w", err)
	}
	return &Client{
		ConnectSessions: &ConnectSessions{settings: s},
		generated:       &gen.ClientWithResponses{ClientInterface: &gen.Client{Server: s.base.String(), Client: &doer{s}}},
		settings:        s,
	}, nil
}

// Generated returns the client that oapi-codegen generated from the API
// description. Every operation of it is authenticated and retried, and fails
// with the errors of this package, including operations that this package has no
// method for. Its fields for error statuses (JSON401, ...) therefore stay nil. A
// success is read by oapi-codegen's rules: a 2xx other than the documented one, or
// one that is not labelled JSON, leaves JSON201 nil, and a body that does not fit
// is encoding/json's error. A nil context panics in the generated code.
//
// An operation without a method here is repeated after an ambiguous failure only
// when its HTTP method is GET, HEAD or OPTIONS. Request editors run once a call,
// before authentication; one that moves the request to another origin gets no
// credentials there.
func (c *Client) Generated() *gen.ClientWithResponses {
	if c == nil || c.generated == nil {
		return &gen.ClientWithResponses{ClientInterface: &gen.Client{Client: &doer{}}}
	}
	return c.generated
}

// Format writes the base URL and nothing else, whatever the verb, so that a
// client can be printed without showing its API key.
func (c Client) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "stackone.Client(%s)", c.settings) }

// LogValue is what slog logs of a client: its base URL.
func (c Client) LogValue() slog.Value { return slog.StringValue(c.settings.String()) }

// doer serves Generated, as its gen.HttpRequestDoer: each request is a call
// with the client's settings.
type doer struct{ settings *settings }

func (d *doer) Do(req *http.Request) (*http.Response, error) {
	if d.settings == nil {
		return nil, errNotMade
	}
	if req.URL == nil {
		return nil, errors.New("stackone: the request has no URL: a request editor took it")
	}
	req = req.Clone(req.Context()) // a request editor may have kept it
	if req.Header == nil {
		req.Header = http.Header{}
	}
	c := &call{settings: d.settings, operation: d.settings.operation(req)}
	body, err := readBody(req)
	if err != nil {
		c.body = body // which the error may quote
		return nil, c.transportError(fmt.Errorf("cannot read the request's body: %w", err))
	}
	res, err := c.run(req.Context(), req, body)
	if err == nil {
		res.Body = io.NopCloser(bytes.NewReader(c.last.Body))
	}
	return res, err
}

// readBody reads and closes the body of a request, for each attempt to have a reader
// of its own.
func readBody(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	defer req.Body.Close()
	body, err := readAll(req.Body, req.ContentLength, math.MaxInt64-1)
	if len(body) == 0 {
		return nil, err
	}
	return body, err
}

// send runs one operation: the options, the check of the request's fields, its
// attempts, and the reading of the answer. fault says why a decoded answer cannot
// be used, if it cannot.
func send[T any](
	ctx context.Context, s *settings, operation string, request any, fields []field, opts []Option, fault func(*T) error,
) (*T, error) {
	if s == nil {
		return nil, errNotMade
	}
	c := &call{settings: s}
	if len(opts) > 0 {
		own, err := s.with(opts)
		for _, dst := range own.responses {
			defer func() { *dst = c.last.Response; dst.keep(c) }()
		}
		if err != nil {
			return nil, fmt.Errorf("stackone: %s: invalid option: %w", operation, err)
		}
		c.settings = own
	}
	if ctx == nil {
		return nil, fmt.Errorf("stackone: %s: nil context", operation)
	}
	if err := check(fields); err != nil {
		return nil, fmt.Errorf("stackone: %s: invalid request: %w", operation, err)
	}
	body, err := json.Marshal(request)
	if err != nil { // a caller's own MarshalJSON may have written it
		return nil, &shown{"stackone: " + operation + ": cannot build the request: " + mask{}.line(err.Error(), maxText), err}
	}
	c.operation = c.settings.operations[operation]
	if _, err := c.run(ctx, c.operation.request, body); err != nil { //nolint:bodyclose // it has been read and closed
		return nil, err
	}
	return decode(c, fault)
}
