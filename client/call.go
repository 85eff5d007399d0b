package client

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/StackOneHQ/stackone-client-go/gen"
)

// The operations that this package knows, by the description's operationId.
const (
	opCreate       = "create_connect_session"
	opAuthenticate = "authenticate_connect_session"
)

// operation tells what a request asks for, and whether it may be asked twice. An
// operation without a line here is named by its method and path.
func (s *settings) operation(req *http.Request) (name string, repeatable bool) {
	path := strings.TrimPrefix(req.URL.Path, s.base.Path)
	if req.Method == http.MethodPost {
		switch path {
		case "connect_sessions":
			return opCreate, false
		case "connect_sessions/authenticate":
			return opAuthenticate, true // it only reads
		}
	}
	safe := req.Method == http.MethodGet || req.Method == http.MethodHead || req.Method == http.MethodOptions
	return req.Method + " /" + strings.TrimPrefix(req.URL.EscapedPath(), s.base.EscapedPath()), safe
}

// call is one operation on its way through its attempts. It is the seam between
// the generated client and the wire: what the generated client sends is
// authenticated, repeated, read and judged here.
type call struct {
	settings *settings

	req           *http.Request
	body          []byte // nil: none
	operation     string
	repeatable    bool
	authorization authorization // of the last attempt
	secrets       []string      // of all attempts
	response      Response      // of the last attempt
	maybeSent     bool
	refusal       *APIError // the last answer with an error status
	broken        error     // why the last attempt got no answer
}

// Do sends req and returns the answer when that is a success. Its body has been
// read, and is c.response.Body. It implements gen.HttpRequestDoer.
func (c *call) Do(req *http.Request) (*http.Response, error) {
	c.req = req
	c.operation, c.repeatable = c.settings.operation(req)
	c.repeatable = c.repeatable || c.settings.policy.RetryAmbiguous
	var err error
	if c.body, err = takeBody(req); err != nil {
		return nil, c.transportError(fmt.Errorf("cannot read the request's body: %w", err))
	}
	ctx := req.Context()
	for ctx.Err() == nil {
		start := time.Now()
		res, out := c.attempt(ctx)
		err := c.judge(ctx, out)
		wait, again := c.again(ctx, out)
		c.log(ctx, err, time.Since(start), wait)
		switch {
		case err == nil:
			c.settings.budget.give()
			return res, nil
		case !again:
			return nil, err
		}
		sleep(ctx, wait)
	}
	return nil, c.ended(ctx)
}

// attempt sends the request once more.
func (c *call) attempt(ctx context.Context) (*http.Response, outcome) {
	s := c.settings
	c.response = Response{Attempts: c.response.Attempts + 1}
	attemptCtx, timeout := ctx, s.attemptTimeout()
	if timeout > 0 {
		var cancel context.CancelFunc
		attemptCtx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	a, err := s.credentials(attemptCtx)
	if err != nil {
		return nil, outcome{err: err, unsent: true, final: true}
	}
	if a.header != c.authorization.header { // a key may rotate between attempts
		c.authorization, c.secrets = a, append(c.secrets, a.secrets...)
	}
	if attemptCtx.Err() != nil {
		return nil, outcome{err: cmp.Or(ctx.Err(), error(timeoutError(timeout))), unsent: true}
	}
	res, body, out := c.roundTrip(attemptCtx)
	if out.err != nil && attemptCtx.Err() != nil && ctx.Err() == nil {
		out.err = timeoutError(timeout)
	}
	c.maybeSent = c.maybeSent || !out.unsent
	if res != nil {
		c.response.StatusCode, c.response.Header, c.response.Body = res.StatusCode, res.Header, body
	}
	return res, out
}

// judge returns what an attempt means to the caller, should it be the last.
func (c *call) judge(ctx context.Context, out outcome) error {
	switch {
	case out.status == 0 && ctx.Err() != nil:
		if out.final {
			c.broken = out.err
		}
		return c.ended(ctx)
	case out.status == 0:
		c.broken = out.err
		return c.transportError(out.err)
	case success(out.status) && out.err == nil:
		return nil
	case success(out.status) && ctx.Err() != nil:
		return c.responseError(c.causes(ctx))
	case success(out.status):
		return c.responseError(out.err)
	}
	c.refusal, c.broken = c.apiError(), nil
	if out.err != nil && ctx.Err() != nil {
		return c.ended(ctx)
	}
	return c.refusal
}

// again decides whether there is another attempt, and after which wait.
func (c *call) again(ctx context.Context, out outcome) (wait time.Duration, ok bool) {
	policy := c.settings.policy
	if c.response.Attempts >= policy.MaxAttempts || !worthRepeating(out, c.repeatable) {
		return 0, false
	}
	hint := retryAfter(c.response.Header, time.Now())
	wait, ok = policy.wait(c.response.Attempts, hint, remaining(ctx))
	if !ok || !c.settings.budget.take() {
		return 0, false
	}
	return wait, true
}

func (c *call) log(ctx context.Context, err error, took, wait time.Duration) {
	if c.settings.logger == nil {
		return
	}
	m, level := c.mask(), slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
	}
	c.settings.logger.LogAttrs(ctx, level, "stackone attempt",
		slog.String("operation", c.shownOperation(m)),
		slog.Int("attempt", c.response.Attempts),
		slog.Int("status", c.response.StatusCode),
		slog.Duration("duration", took),
		slog.Duration("wait", wait),
		slog.String("request_id", m.line(c.response.Header.Get(headerRequestID), maxRequestID)))
}

// ended is the error of a call whose context is over.
func (c *call) ended(ctx context.Context) error { return c.transportError(c.causes(ctx)) }

// causes is why the context ended, with what had gone wrong before that.
func (c *call) causes(ctx context.Context) error {
	errs := contextErrors(ctx)
	if c.broken != nil {
		errs = append(errs, c.broken)
	}
	if c.refusal != nil {
		errs = append(errs, c.refusal)
	}
	return join(errs...)
}

func (c *call) transportError(err error) error {
	m := c.mask()
	return &TransportError{
		Operation: c.shownOperation(m), Attempts: c.response.Attempts, MaybeSent: c.maybeSent, Err: err,
		text: m.line(withoutUserInfo(err), maxText),
	}
}

func (c *call) responseError(err error) *ResponseError {
	m := c.mask()
	return &ResponseError{
		Operation: c.shownOperation(m), StatusCode: c.response.StatusCode,
		ContentType: m.line(c.response.Header.Get("Content-Type"), maxText), Body: c.response.Body, Err: err,
		text: m.line(err.Error(), maxText),
	}
}

// shownOperation is the operation's name. A path can hold anything.
func (c *call) shownOperation(m mask) string {
	if c.operation == opCreate || c.operation == opAuthenticate {
		return c.operation
	}
	return m.line(c.operation, maxText)
}

// mask knows the secrets that this call has handled.
func (c *call) mask() mask {
	return newMask(slices.Concat(c.secrets, bodySecrets(c.body), bodySecrets(c.response.Body))...)
}

// takeBody reads the body of a request, for each attempt to have a reader of its own.
func takeBody(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	defer req.Body.Close()
	body, err := readAll(req.Body, req.ContentLength, math.MaxInt64-1)
	req.ContentLength = int64(len(body))
	if len(body) == 0 {
		req.Body, req.GetBody = nil, nil
		return nil, err
	}
	return body, err
}

var _ gen.HttpRequestDoer = (*call)(nil)
