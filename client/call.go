package client

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"
)

// call is one operation on its way through its attempts: it is authenticated,
// sent, read, judged and repeated here.
type call struct {
	settings *settings

	operation     operation
	req           *http.Request // never sent itself, nor changed
	body          []byte        // nil: none
	authorization authorization // of the last attempt
	secrets       []string      // of all attempts
	maybeSent     bool
	last          answer // to the last attempt
	refusal       answer // an earlier one, with an error status; without a status: none
	broken        error  // why an attempt after that got no answer
}

// answer is the answer to an attempt.
type answer struct {
	Response
	retryAfter time.Duration // since it arrived
}

// run sends req with the body and returns the answer when that is a success. Its
// body has been read, and is c.last.Body.
func (c *call) run(ctx context.Context, req *http.Request, body []byte) (*http.Response, error) {
	c.req, c.body = req, body
	for ctx.Err() == nil {
		start := time.Now()
		res, out := c.attempt(ctx)
		took := time.Since(start)
		if wait, again := c.again(ctx, out); again {
			c.log(ctx, slog.LevelWarn, took, wait)
			c.remember(out)
			sleep(ctx, wait)
			continue
		}
		if err := c.judge(ctx, out); err != nil {
			c.log(ctx, slog.LevelWarn, took, 0)
			return nil, err
		}
		c.log(ctx, slog.LevelInfo, took, 0)
		if c.settings.policy.MaxAttempts > 1 { // a call that is never retried has no part in the budget
			c.settings.budget.give()
		}
		return res, nil
	}
	return nil, c.ended(ctx)
}

// attempt sends the request once more.
func (c *call) attempt(ctx context.Context) (*http.Response, outcome) {
	s := c.settings
	c.last = answer{Response: Response{Attempts: c.last.Attempts + 1}}
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
		c.last.StatusCode, c.last.Header, c.last.Body = res.StatusCode, res.Header, body
		c.last.retryAfter = retryAfter(res.Header, time.Now())
	}
	return res, out
}

// again decides whether there is another attempt, and after which wait.
func (c *call) again(ctx context.Context, out outcome) (wait time.Duration, ok bool) {
	if ctx.Err() != nil || !c.mayRepeat(out) {
		return 0, false
	}
	wait, ok = c.settings.policy.wait(c.last.Attempts, c.last.retryAfter, remaining(ctx))
	if !ok || !c.settings.budget.take() {
		return 0, false
	}
	return wait, true
}

func (c *call) mayRepeat(out outcome) bool {
	policy := c.settings.policy
	return c.last.Attempts < policy.MaxAttempts && worthRepeating(out, c.operation.repeatable || policy.RetryAmbiguous)
}

// remember keeps why an attempt is repeated, for the error of a call whose context
// ends later. It is not made into an error yet: that can cost more than an attempt,
// and few calls need it.
func (c *call) remember(out outcome) {
	if out.status == 0 {
		c.broken = out.err
	} else {
		c.refusal, c.broken = c.last, nil
	}
}

// judge returns what the last attempt means to the caller.
func (c *call) judge(ctx context.Context, out outcome) error {
	over := ctx.Err() != nil
	switch {
	case out.status == 0 && !over:
		return c.transportError(out.err)
	case out.status == 0:
		if out.final {
			c.broken = out.err
		}
		return c.ended(ctx)
	case success(out.status) && out.err == nil:
		return nil
	case success(out.status) && over:
		return c.responseError(c.causes(ctx))
	case success(out.status):
		return c.responseError(out.err)
	case over && (out.err != nil || c.mayRepeat(out)):
		c.remember(out)
		return c.ended(ctx)
	}
	return c.apiError(c.last)
}

func (c *call) log(ctx context.Context, level slog.Level, took, wait time.Duration) {
	logger := c.settings.logger
	if logger == nil || !logger.Enabled(ctx, level) {
		return
	}
	m := c.mask(c.last)
	logger.LogAttrs(ctx, level, "stackone attempt",
		slog.String("operation", c.operation.shown(m)),
		slog.Int("attempt", c.last.Attempts),
		slog.Int("status", c.last.StatusCode),
		slog.Duration("duration", took),
		slog.Duration("wait", wait),
		slog.String("request_id", m.line(c.last.Header.Get(headerRequestID), maxRequestID)))
}

// ended is the error of a call whose context is over.
func (c *call) ended(ctx context.Context) error { return c.transportError(c.causes(ctx)) }

// causes is why the context ended, with what had gone wrong before that.
func (c *call) causes(ctx context.Context) error {
	errs := contextErrors(ctx)
	if c.broken != nil {
		errs = append(errs, c.broken)
	}
	if c.refusal.StatusCode != 0 {
		errs = append(errs, c.apiError(c.refusal))
	}
	return join(errs...)
}

func (c *call) transportError(err error) error {
	m := c.mask(c.last)
	return &TransportError{
		Operation: c.operation.shown(m), Attempts: c.last.Attempts, MaybeSent: c.maybeSent, Err: err,
		text: m.line(withoutUserInfo(err), maxText),
	}
}

func (c *call) responseError(err error) *ResponseError {
	m := c.mask(c.last)
	return &ResponseError{
		Operation: c.operation.shown(m), StatusCode: c.last.StatusCode,
		ContentType: m.line(c.last.Header.Get("Content-Type"), maxText), Body: c.last.Body, Err: err,
		text: m.line(err.Error(), maxText),
	}
}

// mask knows the secrets that this call has handled, those of an answer included.
func (c *call) mask(a answer) mask {
	return newMask(slices.Concat(c.secrets, bodySecrets(c.body), bodySecrets(a.Body))...)
}
