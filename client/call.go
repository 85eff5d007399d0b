package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/internal/body"
	"github.com/StackOneHQ/stackone-client-go/client/internal/redact"
	"github.com/StackOneHQ/stackone-client-go/client/internal/wire"
)

// input is the input of an operation.
type input[T any] struct {
	operation string
	body      any
	invalid   error          // what is wrong with the body
	usable    func(*T) error // returns what a response lacks, nil if nothing
}

// do makes a call of an operation: options, checks, encoding, attempts, decoding.
func do[T any](ctx context.Context, cfg *config, in input[T], opts []Option) (*T, error) {
	if cfg == nil {
		return nil, errNotMade
	}
	c := &call{config: cfg}
	if len(opts) > 0 {
		own, err := cfg.with(opts)
		if own.responses != nil {
			defer func() {
				for _, dst := range own.responses {
					*dst = c.response()
				}
			}()
		}
		if err != nil {
			return nil, fmt.Errorf("stackone: %s: invalid option: %w", in.operation, err)
		}
		c.config = own
	}
	if ctx == nil {
		return nil, fmt.Errorf("stackone: %s: nil context", in.operation)
	}
	if in.invalid != nil {
		return nil, fmt.Errorf("stackone: %s: invalid request: %w", in.operation, in.invalid)
	}
	encoded, err := json.Marshal(in.body)
	if err != nil { // its text may come from a caller's MarshalJSON
		text := "stackone: " + in.operation + ": cannot encode the request: " + oneLine(err.Error(), maxText)
		return nil, &printable{text, err}
	}
	if err := body.CheckUTF8(in.body, encoded); err != nil {
		return nil, fmt.Errorf("stackone: %s: invalid request: %w", in.operation, err)
	}
	c.operation = c.config.operations[in.operation]
	c.request, c.body = c.operation.request, encoded
	if _, err := c.run(ctx); err != nil { //nolint:bodyclose // it has been read and closed
		return nil, err
	}
	return decode(ctx, c, in)
}

// call is the state of one call of an operation.
type call struct {
	config    *config
	operation operation
	request   *http.Request // neither sent itself nor changed
	body      []byte        // nil: none

	authorization authorization // of the last attempt
	secrets       []string      // of all attempts
	last          Response      // of the last attempt
	processed     bool          // an attempt may have been processed
	refused       bool          // the last response was a refusal
	lastError     Response      // the last one with an error status, before the last attempt; zero: none
	lastFailure   error         // why an attempt after that got no response
	bodies        [][]byte      // of the responses before the last one, which may hold secrets
}

// run makes attempts until one succeeds or the call fails. The body of the response
// has been read into c.last.Body.
func (c *call) run(ctx context.Context) (*http.Response, error) {
	for ctx.Err() == nil {
		start := time.Now()
		result := c.attempt(ctx)
		took := time.Since(start)
		if wait, again := c.next(ctx, result); again {
			c.log(ctx, slog.LevelWarn, took, wait)
			c.remember(result)
			sleep(ctx, wait)
			continue
		}
		if err := c.finish(ctx, result); err != nil {
			c.log(ctx, slog.LevelWarn, took, 0)
			return nil, err
		}
		c.log(ctx, slog.LevelInfo, took, 0)
		if c.config.policy.MaxAttempts > 1 { // a call that never retries does not affect the budget
			c.config.budget.give()
		}
		return result.Response, nil
	}
	return nil, c.ended(ctx)
}

// attempt sends the request once.
func (c *call) attempt(ctx context.Context) wire.Result {
	c.last = Response{Attempts: c.last.Attempts + 1}
	attemptCtx, timeout := ctx, c.config.attemptTimeout()
	if timeout > 0 {
		var cancel context.CancelFunc
		attemptCtx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	a, err := c.config.credentials(attemptCtx)
	if err != nil {
		c.secrets = append(c.secrets, a.secrets...)
		return wire.Result{Err: err, Unsent: true}
	}
	if a.header != c.authorization.header { // a key may rotate between attempts
		c.authorization, c.secrets = a, append(slices.Clip(a.secrets), c.secrets...) // calls share a.secrets
	}
	if attemptCtx.Err() != nil {
		return wire.Result{Err: timeoutError(timeout), Unsent: true}
	}
	sender := wire.Sender{Transport: c.config.transport, MaxBody: c.config.maxBody}
	result := sender.Send(attemptCtx, c.request, c.config.headerOf(c.request, a.header), c.body)
	if result.Err != nil && attemptCtx.Err() != nil {
		result.Err = timeoutError(timeout) // unless ctx is done, which finish checks
	}
	c.processed = c.processed || processed(result)
	if res := result.Response; res != nil {
		c.refused = refusal(res.StatusCode)
		c.last.StatusCode, c.last.Header, c.last.Body = res.StatusCode, res.Header, result.Body
		c.last.retryAfter = result.RetryAfter
	}
	return result
}

// next decides whether there is another attempt, and after which wait.
func (c *call) next(ctx context.Context, result wire.Result) (wait time.Duration, again bool) {
	if ctx.Err() != nil || !c.mayRetry(result) {
		return 0, false
	}
	wait, again = c.config.policy.wait(c.last.Attempts, c.last.retryAfter, remaining(ctx))
	if !again || !c.config.budget.take() {
		return 0, false
	}
	return wait, true
}

// finish returns the error of the call, nil for success.
func (c *call) finish(ctx context.Context, result wire.Result) error {
	over := ctx.Err() != nil
	if result.Response == nil {
		switch {
		case !over:
			return c.transportError(result.Err, !result.Unsent || transient(result.Err))
		case errors.As(result.Err, new(credentialsError)):
			c.lastFailure = result.Err
		}
		return c.ended(ctx)
	}
	switch {
	case wire.Success(result.Response.StatusCode) && result.Err == nil:
		return nil
	case wire.Success(result.Response.StatusCode) && over:
		return c.responseError(c.causes(ctx), false)
	case wire.Success(result.Response.StatusCode):
		return c.responseError(result.Err, wire.Transient(result.Err))
	case over && (result.Err != nil || c.mayRetry(result)):
		c.remember(result)
		return c.ended(ctx)
	}
	return c.apiError(c.last)
}

// mayRetry reports whether the policy allows another attempt.
func (c *call) mayRetry(result wire.Result) bool {
	policy := c.config.policy
	return c.last.Attempts < policy.MaxAttempts && retryable(result, c.operation.readOnly || policy.RetryAmbiguous)
}

// remember keeps why an attempt failed, for the error of a call whose context is done
// later. Making an error of it can cost more than an attempt, and few calls need it.
func (c *call) remember(result wire.Result) {
	if result.Response == nil {
		c.lastFailure = result.Err
		return
	}
	c.lastError, c.lastFailure = c.last, nil
	c.bodies = append(c.bodies, c.last.Body)
}

// decode returns the session of the last response.
func decode[T any](ctx context.Context, c *call, in input[T]) (*T, error) {
	result, dropped, err := body.Decode[T](c.last.Body)
	if err == nil {
		err = in.usable(result)
	}
	if err != nil {
		failed := c.responseError(err, false)
		failed.text = err.Error() // it quotes nothing of the body
		c.warn(ctx, "stackone unusable response", slog.String("error", failed.text))
		return nil, failed
	}
	if c.last.Dropped = dropped; dropped != nil {
		c.warn(ctx, "stackone response has invalid members", slog.Any("dropped", dropped))
	}
	return result, nil
}

func (c *call) log(ctx context.Context, level slog.Level, took, wait time.Duration) {
	logger := c.config.logger
	if logger == nil || !logger.Enabled(ctx, level) {
		return
	}
	bodies := append([][]byte{c.body, c.last.Body}, c.bodies...)
	logger.LogAttrs(ctx, level, "stackone attempt",
		slog.String("operation", c.name(c.last)),
		slog.Int("attempt", c.last.Attempts),
		slog.Int("status", c.last.StatusCode),
		slog.Duration("duration", took),
		slog.Duration("wait", wait),
		slog.String("request_id", redact.ID(c.last.Header.Get(headerRequestID), c.secrets, bodies...)))
}

func (c *call) warn(ctx context.Context, message string, attr slog.Attr) {
	if logger := c.config.logger; logger != nil {
		logger.LogAttrs(ctx, slog.LevelWarn, message, slog.String("operation", c.operation.name), attr)
	}
}

// ended returns the error of a call whose context is done.
func (c *call) ended(ctx context.Context) error { return c.transportError(c.causes(ctx), false) }

// causes returns why the context is done, and what had gone wrong before that.
func (c *call) causes(ctx context.Context) error {
	errs := []error{ctx.Err()}
	if cause := context.Cause(ctx); !errors.Is(ctx.Err(), cause) {
		errs = append(errs, cause)
	}
	if c.lastFailure != nil {
		errs = append(errs, c.lastFailure)
	}
	if c.lastError.StatusCode != 0 {
		e := c.apiError(c.lastError)
		e.verdict = notCreated // the outer error says what the call may have created
		errs = append(errs, e)
	}
	return join(errs...)
}

func (c *call) transportError(err error, transient bool) error {
	return &TransportError{
		Operation: c.name(c.last), Attempts: c.last.Attempts, MaybeSent: c.processed, Err: err,
		text:    c.redactor(c.last).Line(redact.UserInfo(err), maxText),
		refused: c.refused, verdict: c.verdict(), transient: transient,
	}
}

func (c *call) responseError(err error, transient bool) *ResponseError {
	r, redactor := c.last, c.redactor(c.last)
	return &ResponseError{
		Operation: c.name(r), StatusCode: r.StatusCode, ContentType: r.headerText("Content-Type", redactor),
		RequestID: r.headerText(headerRequestID, redactor), Attempts: r.Attempts, Header: r.Header, Body: r.Body,
		Err: err, text: redactor.Line(err.Error(), maxText), verdict: c.verdict(), transient: transient,
	}
}

func (c *call) apiError(r Response) *APIError {
	redactor := c.redactor(r)
	p := body.DecodeProblem(r.Body, redactor, maxText)
	return &APIError{
		Operation: c.name(r), StatusCode: r.StatusCode, RetryAfter: r.retryAfter,
		RequestID: r.headerText(headerRequestID, redactor), Attempts: r.Attempts, Header: r.Header, Body: r.Body,
		Message: p.Message, Timestamp: p.Timestamp, Data: p.Data, ProviderErrors: p.ProviderErrors, verdict: c.verdict(),
	}
}

// verdict returns whether the call may have created something.
func (c *call) verdict() verdict {
	if c.processed && !c.operation.readOnly {
		return maybeCreated
	}
	return notCreated
}

// name returns the name of the operation, safe to print: a path can hold anything.
func (c *call) name(r Response) string {
	if c.operation.request != nil {
		return c.operation.name
	}
	return c.redactor(r).Line(c.operation.name, maxText)
}

// redactor knows the secrets that the call has handled and those in the body of r.
func (c *call) redactor(r Response) redact.Redactor {
	secrets := slices.Concat(c.secrets, redact.Secrets(c.body), redact.Secrets(r.Body))
	for _, body := range c.bodies {
		secrets = append(secrets, redact.Secrets(body)...)
	}
	return redact.New(secrets...)
}

// response returns what WithResponse is filled with.
func (c *call) response() Response {
	r := c.last
	if r.Attempts > 0 {
		r.redactor = func() redact.Redactor { return c.redactor(c.last) }
	}
	return r
}
