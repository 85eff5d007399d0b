package client

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/StackOneHQ/stackone-client-go/gen"
)

// AttemptStatusExpired is the status of an attempt that the customer took too long
// over. StackOne's Hub knows it; the API description does not list it.
const AttemptStatusExpired gen.AttemptStatus = "expired"

// WaitForConnection waits until the customer has connected, and returns the
// attempt that succeeded: its AccountSecureID is the account's. It asks
// Authenticate for the session's latest attempt every 2 s (WithPollInterval), a
// little later at random, and never sooner than a Retry-After allows. Options
// apply to each of these calls.
//
// An attempt that ended otherwise (error, cancelled or expired) is a
// *ConnectionError. A pending attempt, none yet, and a status that is new to this
// package keep it waiting. So do failures that may pass, which are those of the
// network, 408, 429 and 5xx; an *APIError that will not, such as that of an
// unknown or expired token, is returned at once.
//
// When ctx ends, the error is ctx.Err() to errors.Is, and holds why the last look
// failed, if it did. Give ctx a deadline: without one, and with a customer who walks
// away, it waits for ever. And do not rely on it alone. It sees what passes
// through the session's latest attempt, which is OAuth; a connector that asks for
// an API key or a password may never make an attempt, and a customer who follows
// an auth link days later is better awaited by a webhook (package webhook).
func (s *ConnectSessions) WaitForConnection(ctx context.Context, token string, opts ...Option) (*gen.ConnectSessionLatestAttempt, error) {
	if s.of() == nil {
		return nil, errNotMade
	}
	own, _ := s.settings.with(opts) // Authenticate says what is wrong with them
	answer := own.response
	if answer == nil {
		answer = new(Response)
		opts = append(slices.Clip(opts), WithResponse(answer))
	}
	var seen progress
	var before error // why the last look failed
	for {
		session, err := s.Authenticate(ctx, gen.ConnectSessionAuthenticate{Token: token}, opts...)
		switch {
		case ctx != nil && ctx.Err() != nil && err != nil:
			return nil, notYet(ctx, before, token)
		case err != nil && !mayPass(err):
			return nil, err
		case err == nil:
			attempt := session.LatestConnectionAttempt
			seen.report(attempt, own.progress)
			if attempt != nil && attempt.Status == gen.AttemptStatusAuthenticated {
				return attempt, nil
			}
			if err := failure(attempt, token); err != nil {
				return nil, err
			}
		}
		before = err
		wait := max(own.pollInterval, retryAfter(answer.Header, time.Now()))
		if extra := rand.N(wait/10 + 1); extra < math.MaxInt64-wait {
			wait += extra
		}
		sleep(ctx, wait)
		if ctx.Err() != nil {
			return nil, notYet(ctx, before, token)
		}
	}
}

// notYet is the error of a wait whose context is over.
func notYet(ctx context.Context, before error, token string) error {
	errs := contextErrors(ctx)
	if before != nil {
		errs = append(errs, before)
	}
	err := join(errs...)
	return &shown{"stackone: the customer has not connected yet: " + newMask(token).line(err.Error(), maxText), err}
}

// failure is what the caller learns of an attempt that has failed; it is nil while
// there is none or it may still succeed.
func failure(attempt *gen.ConnectSessionLatestAttempt, token string) error {
	if attempt == nil {
		return nil
	}
	switch attempt.Status {
	case gen.AttemptStatusError, gen.AttemptStatusCancelled, AttemptStatusExpired:
		m := newMask(token)
		return &ConnectionError{
			Status: attempt.Status, Code: m.line(attempt.OAuthErrorCode, maxText),
			Description: m.line(attempt.OAuthErrorDescription, maxText),
		}
	}
	return nil
}

// mayPass reports whether a failed look at the session may succeed next time.
func mayPass(err error) bool {
	var (
		api       *APIError
		transport *TransportError
		response  *ResponseError
		timeout   timeoutError
	)
	switch {
	case errors.As(err, &api):
		return api.StatusCode >= 500 && api.StatusCode != http.StatusNotImplemented ||
			api.StatusCode == http.StatusTooManyRequests || api.StatusCode == http.StatusRequestTimeout
	case errors.As(err, &response):
		return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &timeout)
	}
	return errors.As(err, &transport)
}

// WithProgress calls f with the session's latest attempt, nil while there is none,
// when WaitForConnection first sees it and whenever its id or status has changed.
// f is called in the goroutine that waits. A nil f is an error.
func WithProgress(f func(attempt *gen.ConnectSessionLatestAttempt)) Option {
	return func(s *settings) {
		if f == nil {
			s.fault("the progress function is nil")
			return
		}
		s.progress = f
	}
}

// progress remembers what was reported last.
type progress struct {
	begun  bool
	id     string
	status gen.AttemptStatus
}

func (p *progress) report(attempt *gen.ConnectSessionLatestAttempt, f func(*gen.ConnectSessionLatestAttempt)) {
	now := progress{begun: true}
	if attempt != nil {
		now.id, now.status = attempt.ID, attempt.Status
	}
	if now != *p && f != nil {
		f(attempt)
	}
	*p = now
}

// ConnectionError is what WaitForConnection returns when the customer's attempt
// has ended without a connection. The session stays usable until it expires: the
// customer can try again in the Hub, which makes a new attempt. Until then,
// waiting again ends in the same error at once; a webhook tells of a later success.
type ConnectionError struct {
	Status gen.AttemptStatus // error, cancelled or AttemptStatusExpired

	// Code and Description are the OAuth error's, as far as the provider gave any.
	Code, Description string
}

// Error returns one line: the status, and the OAuth error.
func (e *ConnectionError) Error() string {
	var b strings.Builder
	b.WriteString("stackone: the connection attempt ended as " + mask{}.line(string(e.Status), maxRequestID))
	for _, part := range []string{e.Code, e.Description} {
		if part != "" {
			b.WriteString(": " + mask{}.line(part, maxText))
		}
	}
	return b.String()
}
