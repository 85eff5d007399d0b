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

// Client calls StackOne. It is made by New, does not change afterwards, is safe for
// concurrent use, starts no goroutines and needs no closing. Share one for each API
// key: it keeps connections open between calls, and its retry budget works across
// them.
type Client struct {
	// ConnectSessions creates and reads connect sessions.
	ConnectSessions *ConnectSessions

	generated *gen.ClientWithResponses
	config    *config
}

// New returns a client with the credentials of WithAPIKey, WithAPIKeyFunc or
// WithBasicAuth, or else with the API key in the environment variable
// STACKONE_API_KEY. It does no I/O. It reports all configuration errors together, without
// the values.
//
// Without WithHTTPClient, requests go through a transport of the client's own, as
// NewTransport returns it. It does not use http.DefaultTransport, even when a program
// has replaced it: what is sent does not depend on a global variable.
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

// Generated returns the client that oapi-codegen generated from the API description.
// Every operation of it is authenticated and retried, and fails with the errors of this
// package, including operations that this package has no method for. Its fields for
// error statuses (JSON401, ...) therefore stay nil.
//
// Successes are read by oapi-codegen's rules, which are strict: a 2xx other than the
// documented one, or one that is not labelled JSON, leaves JSON201 nil, and a member that
// does not fit is an error of encoding/json, whose text may quote the response. A nil
// context panics in the generated code.
//
// An operation without a method here is repeated after an ambiguous failure only when
// its HTTP method is GET, HEAD or OPTIONS. Request editors run once a call, before
// authentication; a request that an editor moves to another origin gets no credentials.
func (c *Client) Generated() *gen.ClientWithResponses {
	if c == nil || c.generated == nil {
		return &gen.ClientWithResponses{ClientInterface: &gen.Client{Client: &doer{}}}
	}
	return c.generated
}

// Format writes the base URL and nothing else, whatever the verb, so that a client can
// be printed without showing its API key.
func (c Client) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "stackone.Client(%s)", c.config) }

// LogValue is what slog logs of a client: its base URL.
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
		return nil, c.transportError(fmt.Errorf("cannot read the request's body: %w", err), false)
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
