package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// MaybeCreated, MaybeSent and the text of an error consider every attempt of the call, not
// only the last one.
func TestMaybeCreatedCoversEveryAttempt(t *testing.T) {
	t.Parallel()
	retryAll := client.WithRetryPolicy(client.RetryPolicy{RetryAmbiguous: true})
	hint := responds(429, "{}", "Retry-After", "1")
	tests := map[string]struct {
		steps  []step
		opts   []client.Option
		cancel bool // after ten seconds
		want   bool
	}{
		"502":                          {steps: []step{responds(502, "{}")}, want: true},
		"503 with Retry-After":         {steps: []step{responds(503, "{}", "Retry-After", "1")}, want: true},
		"504":                          {steps: []step{responds(504, "<html>")}, want: true},
		"500":                          {steps: []step{responds(500, "{}")}, want: true},
		"505":                          {steps: []step{responds(505, "{}")}, want: true},
		"501":                          {steps: []step{responds(501, "{}")}},
		"99":                           {steps: []step{responds(99, "{}")}, want: true},
		"600":                          {steps: []step{responds(600, "{}")}, want: true},
		"999":                          {steps: []step{responds(999, "{}")}, want: true},
		"101":                          {steps: []step{responds(101, "")}, want: true},
		"307":                          {steps: []step{responds(307, "")}},
		"400":                          {steps: []step{responds(400, "{}")}},
		"409":                          {steps: []step{responds(409, "{}")}},
		"429 three times":              {steps: []step{hint}},
		"408 three times":              {steps: []step{responds(408, "{}", "Retry-After", "1")}},
		"connection refused":           {steps: []step{fails(errRefused)}},
		"429, then refused":            {steps: []step{hint, fails(errRefused)}},
		"lost":                         {steps: []step{failsAfterSending(io.EOF)}, want: true},
		"429, then lost":               {steps: []step{hint, failsAfterSending(io.EOF)}, want: true},
		"truncated success":            {steps: []step{responds(201, link[:90])}, want: true},
		"429, then 204 without a body": {steps: []step{hint, responds(204, "")}, want: true},

		"502, then 429":                 {steps: []step{responds(502, "{}"), hint}, opts: []client.Option{retryAll}, want: true},
		"502, then 400":                 {steps: []step{responds(502, "{}"), responds(400, "{}")}, opts: []client.Option{retryAll}, want: true},
		"lost, then 401":                {steps: []step{failsAfterSending(io.EOF), responds(401, "{}")}, opts: []client.Option{retryAll}, want: true},
		"lost, then refused":            {steps: []step{failsAfterSending(io.EOF), fails(errRefused)}, opts: []client.Option{retryAll}, want: true},
		"502, then no credentials":      {steps: []step{responds(502, "{}")}, opts: []client.Option{retryAll, keyOnce()}, want: true},
		"429, then no credentials":      {steps: []step{hint}, opts: []client.Option{keyOnce()}},
		"no credentials":                {steps: []step{hint}, opts: []client.Option{client.WithAPIKeyFunc(noKey)}},
		"429, then cancelled":           {steps: []step{responds(429, "{}", "Retry-After", "30")}, cancel: true},
		"502, then 429, then cancelled": {steps: []step{responds(502, "{}"), responds(429, "{}", "Retry-After", "30")}, opts: []client.Option{retryAll}, cancel: true, want: true},
		"cancelled in flight":           {steps: []step{hangs}, cancel: true, want: true},
		"refused, then 502, then 429":   {steps: []step{fails(errRefused), responds(502, "{}"), hint}, opts: []client.Option{retryAll}, want: true},
		"408, then 429, then 408":       {steps: []step{responds(408, "{}"), hint, responds(408, "{}")}},
		"502, then 302":                 {steps: []step{responds(502, "{}"), responds(302, "")}, opts: []client.Option{retryAll}, want: true},
		"no response, then refused":     {steps: []step{hangs, fails(errRefused)}, opts: []client.Option{retryAll}, want: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.cancel {
					time.AfterFunc(10*time.Second, cancel)
				}
				r := call(ctx, t, opCreate, through(t, fake(tt.steps...), tt.opts...))
				assert.Equal(t, tt.want, client.MaybeCreated(r.err), "%v", r.err)
				assert.Equal(t, tt.want, client.MaybeCreated(fmt.Errorf("onboarding: %w", r.err)))
				text := assert.NotContains
				if tt.want {
					text = assert.Contains
				}
				text(t, r.err.Error(), "the session may exist")
				var sent *client.TransportError
				if errors.As(r.err, &sent) {
					assert.Equal(t, tt.want, sent.MaybeSent)
				}

				// Authenticate only reads, so it creates nothing.
				r = call(t.Context(), t, opAuthenticate, through(t, fake(tt.steps...), client.WithTimeout(time.Second)))
				assert.False(t, client.MaybeCreated(r.err), "%v", r.err)
			})
		})
	}
}

func noKey(context.Context) (string, error) { return "", errors.New("no secret store") }

// keyOnce returns a key for the first attempt only.
func keyOnce() client.Option {
	attempts := 0
	return client.WithAPIKeyFunc(func(ctx context.Context) (string, error) {
		if attempts++; attempts > 1 {
			return noKey(ctx)
		}
		return testKey, nil
	})
}

func TestMaybeCreatedOfLiteralErrors(t *testing.T) {
	t.Parallel()
	var noAPI *client.APIError
	var noTransport *client.TransportError
	var noResponse *client.ResponseError
	tests := map[string]struct {
		err  error
		want bool
	}{
		"nil":                              {nil, false},
		"other error":                      {io.EOF, false},
		"502":                              {&client.APIError{StatusCode: 502}, true},
		"502 of Create":                    {&client.APIError{Operation: opCreate, StatusCode: 502}, true},
		"502 of Authenticate":              {&client.APIError{Operation: opAuthenticate, StatusCode: 502}, false},
		"502 of a GET":                     {&client.APIError{Operation: "GET /accounts", StatusCode: 502}, false},
		"501":                              {&client.APIError{StatusCode: 501}, false},
		"429":                              {&client.APIError{StatusCode: 429}, false},
		"308":                              {&client.APIError{StatusCode: 308}, false},
		"42":                               {&client.APIError{StatusCode: 42}, true},
		"sent":                             {&client.TransportError{MaybeSent: true}, true},
		"sent by Authenticate":             {&client.TransportError{Operation: opAuthenticate, MaybeSent: true}, false},
		"not sent":                         {&client.TransportError{}, false},
		"unusable success":                 {&client.ResponseError{}, true},
		"unusable success of Authenticate": {&client.ResponseError{Operation: opAuthenticate}, false},
		"wrapped":                          {fmt.Errorf("outer: %w", &client.TransportError{MaybeSent: true}), true},
		"joined":                           {errors.Join(io.EOF, &client.APIError{StatusCode: 500}), true},
		"joined, all refused":              {errors.Join(io.EOF, &client.APIError{StatusCode: 400}), false},
		"nil APIError":                     {noAPI, false},
		"nil TransportError":               {noTransport, false},
		"nil ResponseError":                {noResponse, false},
		"not sent, wraps a 502":            {&client.TransportError{Err: &client.APIError{StatusCode: 502}}, false}, // MaybeSent considers the whole call
		"invalid option":                   {create(responding(t, 201, nil, link), client.WithTimeout(-1)), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, client.MaybeCreated(tt.err))
		})
	}
}

// MaybeCreated does not depend on the name of the operation, which may be redacted.
func TestMaybeCreatedWithRedactedOperation(t *testing.T) {
	t.Parallel()
	c := responding(t, 500, nil, "{}", client.WithAPIKey("GET /connect_sessions"), client.WithRetryPolicy(quick))
	err := sendWithoutBody(t.Context(), c, http.MethodGet)
	var api *client.APIError
	require.ErrorAs(t, err, &api)
	assert.NotContains(t, api.Operation, http.MethodGet)
	assert.False(t, client.MaybeCreated(err), "%v", err)
}

func TestTransient(t *testing.T) {
	t.Parallel()
	after := func(steps ...step) func(*testing.T) error {
		return func(t *testing.T) error {
			return call(t.Context(), t, opAuthenticate, through(t, fake(steps...))).err
		}
	}
	literal := func(err error) func(*testing.T) error { return func(*testing.T) error { return err } }
	tests := map[string]struct {
		err  func(*testing.T) error
		want bool
	}{
		"nil":                    {literal(nil), false},
		"other error":            {literal(io.EOF), false},
		"429":                    {after(responds(429, "{}")), true},
		"408":                    {after(responds(408, "{}")), true},
		"500":                    {after(responds(500, "{}")), true},
		"503":                    {after(responds(503, "{}")), true},
		"599":                    {after(responds(599, "{}")), true},
		"501":                    {after(responds(501, "{}")), false},
		"404":                    {after(responds(404, "{}")), false},
		"302":                    {after(responds(302, "")), false},
		"refused":                {after(fails(errRefused)), true},
		"lost":                   {after(failsAfterSending(errors.New("lost"))), true},
		"no response":            {after(hangs), true},
		"handshake EOF":          {after(fails(io.ErrUnexpectedEOF)), true},
		"truncated":              {after(respondsWith(201, link[:50], truncated)), true},
		"body stalls":            {after(stalls(201)), true},
		"reset in the body":      {after(respondsWith(201, link[:50], broken)), true},
		"corrupt gzip":           {after(respondsWith(201, link[:50], corrupt)), false},
		"unusable":               {after(responds(201, "<html>")), false},
		"unknown error":          {after(fails(errors.New("circuit breaker is open"))), false},
		"no such host":           {after(fails(errNoSuchHost)), false},
		"429, then no such host": {after(responds(429, "{}"), fails(errNoSuchHost)), false},
		"no credentials": {func(t *testing.T) error {
			return call(t.Context(), t, opCreate, through(t, fake(hangs), client.WithAPIKeyFunc(noKey))).err
		}, false},
		"key function that times out": {func(t *testing.T) error {
			return call(t.Context(), t, opCreate, through(t, fake(hangs), client.WithAPIKeyFunc(
				func(context.Context) (string, error) { return "", context.DeadlineExceeded }))).err
		}, false},
		"lost, then no such host": {after(failsAfterSending(io.EOF), fails(errNoSuchHost)), false},
		"cancelled in flight": {func(t *testing.T) error {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			return call(ctx, t, opAuthenticate, through(t, fake(hangs))).err
		}, false},
		"deadline exceeded in the body": {func(t *testing.T) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return call(ctx, t, opCreate, through(t, fake(stalls(201)))).err
		}, false},
		"deadline exceeded before the call": {func(t *testing.T) error {
			ctx, cancel := context.WithTimeout(t.Context(), -1)
			defer cancel()
			return call(ctx, t, opAuthenticate, through(t, fake(hangs))).err
		}, false},
		"nil APIError":                  {literal((*client.APIError)(nil)), false},
		"nil TransportError":            {literal((*client.TransportError)(nil)), false},
		"nil ResponseError":             {literal((*client.ResponseError)(nil)), false},
		"literal, sent":                 {literal(&client.TransportError{MaybeSent: true, Err: io.EOF}), true},
		"literal, refused":              {literal(&client.TransportError{Err: errRefused}), true},
		"literal, not found":            {literal(&client.TransportError{Err: errNoSuchHost}), false},
		"literal, sent, then not found": {literal(&client.TransportError{MaybeSent: true, Err: errNoSuchHost}), true},
		"wrapped":                       {literal(fmt.Errorf("outer: %w", &client.APIError{StatusCode: 429})), true},
		"invalid option":                {func(t *testing.T) error { return create(through(t, fake(hangs)), client.WithTimeout(-1)) }, false},
		"literal 301":                   {literal(&client.APIError{StatusCode: http.StatusMovedPermanently}), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				err := tt.err(t)
				assert.Equal(t, tt.want, client.Transient(err), "%v", err)
			})
		})
	}
}
