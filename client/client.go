package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"

	"github.com/StackOneHQ/stackone-client-go/client/internal/wire"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// Client calls StackOne. Create one with [New] for each API key, and share it: it keeps
// connections open between calls, and all calls draw on its retry budget. It is safe for
// concurrent use, does not change after New and needs no closing.
type Client struct {
	// ConnectSessions creates and reads connect sessions.
	ConnectSessions *ConnectSessions

	generated *gen.ClientWithResponses
	config    *config
}

// New returns a client with the credentials of WithAPIKey, WithAPIKeyFunc or
// WithBasicAuth, or else with the API key in the environment variable
// STACKONE_API_KEY. It does no I/O. Its error lists everything that is wrong with the
// configuration, without the values.
//
// Without WithHTTPClient, the client has its own transport from [NewTransport]. It never
// uses http.DefaultTransport, so that what is sent does not depend on a global variable.
func New(opts ...Option) (*Client, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return nil, fmt.Errorf("stackone: invalid configuration: %w", err)
	}
	generated := &gen.Client{Server: cfg.base.String(), Client: &doer{cfg}}
	return &Client{
		ConnectSessions: &ConnectSessions{cfg: cfg},
		generated:       &gen.ClientWithResponses{ClientInterface: generated},
		config:          cfg,
	}, nil
}

// Generated returns the client that oapi-codegen generated from the API description. All
// its operations, including those without a method in this package, have the client's
// authentication and retries, and fail with the errors of this package. The fields for
// error statuses (JSON401, ...) therefore stay nil.
//
// Successes are decoded by oapi-codegen's rules, which are strict: a 2xx other than the
// documented one, or one whose Content-Type is not JSON, leaves JSON201 nil, and a member
// that does not fit is an error of encoding/json, whose text may quote the response. The
// generated code panics if the context is nil.
//
// An operation without a method in this package counts as one that only reads if its
// HTTP method is GET, HEAD or OPTIONS. Request editors run once per call, before
// authentication; a request that an editor redirects to another origin gets no
// credentials.
func (c *Client) Generated() *gen.ClientWithResponses {
	if c == nil || c.generated == nil {
		return &gen.ClientWithResponses{ClientInterface: &gen.Client{Client: &doer{}}}
	}
	return c.generated
}

// Format writes only the base URL, whatever the verb, so that printing a client does not
// show its API key.
func (c Client) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "stackone.Client(%s)", c.config) }

// LogValue returns what slog logs: the base URL.
func (c Client) LogValue() slog.Value { return slog.StringValue(c.config.String()) }

// doer sends the requests of the generated client as calls.
type doer struct{ config *config }

func (d *doer) Do(req *http.Request) (*http.Response, error) {
	if d.config == nil {
		return nil, errNotMade
	}
	if req.URL == nil {
		return nil, errors.New("stackone: the request has no URL: a request editor removed it")
	}
	req = req.Clone(req.Context()) // a request editor may have kept it
	if req.Header == nil {
		req.Header = http.Header{}
	}
	c := &call{config: d.config, operation: operationOf(d.config.operations, d.config.base, req), request: req}
	var err error
	if c.body, err = readBody(req); err != nil { // keeps what was read: the error may quote its secrets
		return nil, c.transportError(fmt.Errorf("cannot read the request body: %w", err), false)
	}
	res, err := c.run(req.Context())
	if err == nil {
		res.Body = io.NopCloser(bytes.NewReader(c.last.Body))
	}
	return res, err
}

// readBody reads and closes the body of a request, since each attempt needs a reader.
func readBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	body, err := wire.ReadAll(req.Body, req.ContentLength, math.MaxInt64-1)
	if len(body) == 0 {
		return nil, err
	}
	return body, err
}
