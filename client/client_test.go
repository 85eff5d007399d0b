package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	tests := map[string]struct {
		option client.Option
		want   string
	}{
		"empty key":                    {client.WithAPIKey(""), "the API key is empty"},
		"blank key":                    {client.WithAPIKey(" \n"), "the API key is empty"},
		"key with a colon":             {client.WithAPIKey(secret + ":"), "contains a colon"},
		"key with a line break inside": {client.WithAPIKey(secret + "\r\nX"), "contains invalid characters"},
		"key with NUL":                 {client.WithAPIKey(secret + "\x00x"), "contains invalid characters"},
		"key beyond ASCII":             {client.WithAPIKey(secret + "é"), "contains invalid characters"},
		"nil key function":             {client.WithAPIKeyFunc(nil), "function is nil"},
		"empty user name":              {client.WithBasicAuth("", secret), "user name is empty"},
		"user name with a colon":       {client.WithBasicAuth(secret+":", ""), "contains a colon"},
		"password with a line break":   {client.WithBasicAuth("user", secret+"\n"), "control character"},
		"empty base URL":               {client.WithBaseURL(""), "has no host"},
		"base URL without scheme":      {client.WithBaseURL("api.stackone.com"), "has no host"},
		"base URL without host":        {client.WithBaseURL("https:///" + secret), "has no host"},
		"base URL with only a port":    {client.WithBaseURL("https://:443/" + secret), "has no host"},
		"base URL of colons":           {client.WithBaseURL("https://::"), "has no host"},
		"base URL of bare IPv6":        {client.WithBaseURL("http://::1:80"), "has no host"},
		"base URL with a huge port":    {client.WithBaseURL("https://host:65536"), "an invalid port"},
		"base URL over http":           {client.WithBaseURL("http://api.stackone.com"), "not https"},
		"base URL like loopback":       {client.WithBaseURL("http://localhost.example"), "not https"},
		"base URL of any address":      {client.WithBaseURL("http://0.0.0.0"), "not https"},
		"base URL with another scheme": {client.WithBaseURL("ftp://localhost"), "not https"},
		"base URL with user info":      {client.WithBaseURL("https://user:" + secret + "@host"), "user info"},
		"base URL with a query":        {client.WithBaseURL("https://host/?q=" + secret), "query or a fragment"},
		"base URL with an empty query": {client.WithBaseURL("https://host/?"), "query or a fragment"},
		"base URL with a fragment":     {client.WithBaseURL("https://host/#" + secret), "query or a fragment"},
		"base URL with empty fragment": {client.WithBaseURL("https://host/#"), "query or a fragment"},
		"base URL that cannot be":      {client.WithBaseURL("https://ho st/" + secret), "cannot be parsed"},
		"base URL with a line break":   {client.WithBaseURL("https://host/\r\n" + secret), "contains invalid characters"},
		"base URL beyond ASCII":        {client.WithBaseURL("https://höst/"), "contains invalid characters"},
		"opaque base URL":              {client.WithBaseURL("https:host"), "cannot be parsed"},
		"nil HTTP client":              {client.WithHTTPClient(nil), "HTTP client is nil"},
		"negative attempts":            {client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: -1}), "negative"},
		"negative backoff":             {client.WithRetryPolicy(client.RetryPolicy{MinBackoff: -1}), "negative"},
		"negative largest backoff":     {client.WithRetryPolicy(client.RetryPolicy{MaxBackoff: -1}), "negative"},
		"negative Retry-After":         {client.WithRetryPolicy(client.RetryPolicy{MaxRetryAfter: -1}), "negative"},
		"negative time-out":            {client.WithTimeout(-1), "negative"},
		"empty user agent":             {client.WithUserAgent(" "), "user agent"},
		"user agent with line break":   {client.WithUserAgent(secret + "\r\nx"), "user agent"},
		"user agent beyond ASCII":      {client.WithUserAgent(secret + "é"), "user agent"},
		"header without a name":        {client.WithHeader("", secret), "the name of a header"},
		"header with a space":          {client.WithHeader("X Y", secret), "the name of a header"},
		"header with a colon":          {client.WithHeader("X:", secret), "the name of a header"},
		"header with an at":            {client.WithHeader("X@", secret), "the name of a header"},
		"header with a bracket":        {client.WithHeader("X[", secret), "the name of a header"},
		"header with a brace":          {client.WithHeader("X{", secret), "the name of a header"},
		"header with a slash":          {client.WithHeader("X/", secret), "the name of a header"},
		"header with a line break":     {client.WithHeader("X", secret+"\r\nY: z"), "header X"},
		"header beyond ASCII":          {client.WithHeader("X", secret+"é"), "header X"},
		"header Authorization":         {client.WithHeader("authorization", secret), "Authorization cannot be set"},
		"header Host":                  {client.WithHeader("HOST", secret), "Host cannot be set"},
		"header Idempotency-Key":       {client.WithHeader("idempotency-key", secret), "Idempotency-Key cannot be set"},
		"header Expect":                {client.WithHeader("Expect", "100-continue"), "Expect cannot be set"},
		"header Content-Encoding":      {client.WithHeader("Content-Encoding", "gzip"), "Content-Encoding cannot be set"},
		"header Connection":            {client.WithHeader("connection", "close"), "Connection cannot be set"},
		"header Keep-Alive":            {client.WithHeader("Keep-Alive", "timeout=5"), "Keep-Alive cannot be set"},
		"header Proxy-Connection":      {client.WithHeader("Proxy-Connection", "keep-alive"), "Proxy-Connection cannot be set"},
		"header Proxy-Authorization":   {client.WithHeader("Proxy-Authorization", secret), "Proxy-Authorization cannot be set"},
		"header Proxy-Authenticate":    {client.WithHeader("Proxy-Authenticate", secret), "Proxy-Authenticate cannot be set"},
		"header TE":                    {client.WithHeader("TE", "trailers"), "Te cannot be set"},
		"header Upgrade":               {client.WithHeader("Upgrade", "websocket"), "Upgrade cannot be set"},
		"header HTTP2-Settings":        {client.WithHeader("HTTP2-Settings", "AAMAAABkAAQAAP__"), "Http2-Settings cannot be set"},
		"header X-Idempotency-Key":     {client.WithHeader("x-idempotency-key", secret), "X-Idempotency-Key cannot be set"},
		"header Accept-Encoding":       {client.WithHeader("accept-encoding", "gzip"), "Accept-Encoding cannot be set"},
		"header Content-Length":        {client.WithHeader("content-length", "1"), "Content-Length cannot be set"},
		"nil logger":                   {client.WithLogger(nil), "logger is nil"},
		"no response bytes":            {client.WithMaxResponseBytes(0), "not positive"},
		"response for the client":      {client.WithResponse(new(client.Response)), "belongs to a call"},
		"nil option":                   {nil, "an option is nil"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := client.New(client.WithAPIKey("good"), tt.option)
			require.ErrorContains(t, err, tt.want)
			assert.Nil(t, c)
			assert.NotContains(t, err.Error(), secret)
			assert.NotContains(t, err.Error(), "\n")

			c, err = client.New(client.WithAPIKey("good"))
			require.NoError(t, err)
			if name == "response for the client" {
				return // it is for calls
			}
			require.ErrorContains(t, create(c, tt.option), tt.want, "as the option of a call")
		})
	}
	t.Run("all faults at once", func(t *testing.T) {
		t.Parallel()
		_, err := client.New(client.WithAPIKey(""), client.WithBaseURL("http://host"), client.WithTimeout(-1))
		for _, want := range []string{"API key is empty", "not https", "timeout is negative"} {
			assert.ErrorContains(t, err, want)
		}
		assert.NotContains(t, err.Error(), "\n")
	})
}

func TestNewAccepts(t *testing.T) {
	t.Parallel()
	for _, base := range []string{
		"https://api.stackone.com", "https://api.stackone.com/", "https://gateway.example:8443/stackone/v1",
		"HTTPS://API.STACKONE.COM", "http://localhost:8080", "http://LOCALHOST", "http://127.0.0.1:1", "http://127.9.9.9",
		"http://[::1]:8080/x", "http://[::ffff:127.0.0.1]",
	} {
		_, err := client.New(client.WithAPIKey(" v1.eu.key\n"), client.WithBaseURL(base))
		assert.NoError(t, err, base)
	}
	_, err := client.New(client.WithAPIKey("first ! to last ~"), client.WithHeader("X", " !~ "), client.WithUserAgent("a/1 (~)"),
		client.WithHeader("AZaz09!#$%&'*+-.^_`|~", "every character of a name"), client.WithTimeout(0),
		client.WithHeader("Z", "the last letter, where it stays upper case"), client.WithMaxResponseBytes(1))
	assert.NoError(t, err, "every visible character of ASCII")
}

func TestKeyFromEnvironment(t *testing.T) {
	t.Setenv(client.APIKeyEnv, " from-environment\n")
	var username string
	handler := func(w http.ResponseWriter, r *http.Request) {
		username, _, _ = r.BasicAuth()
		answer(201, link)(w, r)
	}
	t.Run("used", func(t *testing.T) {
		c := serveUndescribed(t, handler)
		other, err := client.New(client.WithBaseURL(baseURL(c)))
		require.NoError(t, err)
		require.NoError(t, create(other))
		assert.Equal(t, "from-environment", username)
	})
	t.Run("overridden", func(t *testing.T) {
		require.NoError(t, create(serveUndescribed(t, handler)))
		assert.Equal(t, testKey, username)
	})
	t.Run("not used instead of an empty key", func(t *testing.T) {
		_, err := client.New(client.WithAPIKey(""))
		require.ErrorContains(t, err, "the API key is empty")
	})
	t.Run("not set", func(t *testing.T) {
		require.NoError(t, os.Unsetenv(client.APIKeyEnv)) // Setenv above restores it
		_, err := client.New()
		require.EqualError(t, err, "stackone: invalid configuration: no API key: set STACKONE_API_KEY, or use WithAPIKey")
	})
	t.Run("empty", func(t *testing.T) {
		t.Setenv(client.APIKeyEnv, "")
		_, err := client.New()
		require.ErrorContains(t, err, "STACKONE_API_KEY: the API key is empty")
	})
}

// baseURL is what a client prints of itself.
func baseURL(c *client.Client) string { return c.LogValue().String() }

func TestInvalidRequest(t *testing.T) {
	t.Parallel()
	c := serveUndescribed(t, func(http.ResponseWriter, *http.Request) {
		t.Error("a request was sent")
	})
	createWith := func(body gen.ConnectSessionCreate) func() error {
		return func() error { _, err := c.ConnectSessions.Create(t.Context(), body); return err }
	}
	tests := map[string]struct {
		call func() error
		want []string
	}{
		"both required fields": {createWith(gen.ConnectSessionCreate{}), []string{"origin_owner_id is required", "origin_owner_name is required"}},
		"origin_owner_id":      {createWith(gen.ConnectSessionCreate{OriginOwnerName: "n"}), []string{"origin_owner_id is required"}},
		"origin_owner_name":    {createWith(gen.ConnectSessionCreate{OriginOwnerID: "i"}), []string{"origin_owner_name is required"}},
		"not UTF-8": {
			createWith(gen.ConnectSessionCreate{OriginOwnerID: "i\xff", OriginOwnerName: "n"}),
			[]string{"origin_owner_id is not valid UTF-8"},
		},
		"metadata without JSON": {
			createWith(gen.ConnectSessionCreate{OriginOwnerID: "i", OriginOwnerName: "n", Metadata: map[string]any{"f": func() {}}}),
			[]string{"cannot encode the request", "unsupported type"},
		},
		"blank origin_owner_id": {
			createWith(gen.ConnectSessionCreate{OriginOwnerID: " \n", OriginOwnerName: "n"}), []string{"origin_owner_id is required"},
		},
		"account_id not UTF-8": {
			createWith(gen.ConnectSessionCreate{OriginOwnerID: "i", OriginOwnerName: "n", AccountID: "\xff"}),
			[]string{"account_id is not valid UTF-8"},
		},
		"metadata that fails on two lines": {
			createWith(gen.ConnectSessionCreate{OriginOwnerID: "i", OriginOwnerName: "n", Metadata: map[string]any{"m": failingJSON{}}}),
			[]string{"cannot encode the request", `one\ntwo`},
		},
		"token": {
			func() error {
				_, err := c.ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{})
				return err
			},
			[]string{"token is required"},
		},
		"nil context": {
			func() error {
				_, err := c.ConnectSessions.Create(nil, owner) //nolint:staticcheck // a nil context is what is tested
				return err
			},
			[]string{"nil context"},
		},
		"client not made by New": {
			func() error { return create(&client.Client{}) }, []string{"not made by client.New"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.call()
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), "\n")
			var encoding *json.UnsupportedTypeError
			assert.Equal(t, name == "metadata without JSON", errors.As(err, &encoding))
		})
	}
}

type failingJSON struct{}

func (failingJSON) MarshalJSON() ([]byte, error) { return nil, errors.New("one\ntwo") }

func TestGeneratedOfNoClient(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*client.Client{"nil": nil, "zero": {}} {
		_, err := c.Generated().CreateConnectSessionWithResponse(t.Context(), owner)
		require.ErrorContains(t, err, "not made by client.New", name)
	}
}

func TestRequestEditors(t *testing.T) {
	t.Parallel()
	var got *http.Request
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		got = r
		return nil, assert.AnError
	})
	c := answering(t, 0, nil, "", client.WithHTTPClient(&http.Client{Transport: transport}))
	edited := func(edit func(*http.Request)) error {
		got = nil
		_, err := c.Generated().CreateConnectSessionWithResponse(t.Context(), owner,
			func(_ context.Context, r *http.Request) error { edit(r); return nil })
		require.Error(t, err)
		return err
	}
	edited(func(r *http.Request) { r.URL.Scheme = "http" })
	assert.Empty(t, got.Header["Authorization"], "another scheme is another origin")

	edited(func(r *http.Request) { r.Header.Set("Accept", "text/plain"); r.Header.Set("User-Agent", "mine") })
	assert.Equal(t, "text/plain", got.Header.Get("Accept"))
	assert.Equal(t, "mine", got.Header.Get("User-Agent"))
	assert.NotEmpty(t, got.Header["Authorization"])

	edited(func(r *http.Request) { r.Header = nil })
	assert.NotEmpty(t, got.Header["Authorization"])

	require.NotNil(t, got.GetBody)
	edited(func(r *http.Request) { r.Header.Set("Idempotency-Key", "k") })
	assert.Nil(t, got.GetBody, "or net/http would send the POST again")

	require.ErrorContains(t, edited(func(r *http.Request) { r.URL = nil }), "no URL")
	assert.Nil(t, got)

	// The path of an operation that has no name here may hold anything.
	err := edited(func(r *http.Request) { r.URL.Path = "/x/" + testKey + "/line\nbreak" })
	assert.NotContains(t, err.Error(), testKey)
	assert.NotContains(t, err.Error(), "\n")
	assert.Contains(t, err.Error(), "POST /x/[redacted]/line%0Abreak")
}

// TestBodyOfTheCallers says that the body of a generated call may be any reader,
// and is sent again whole.
func TestBodyOfTheCallers(t *testing.T) {
	t.Parallel()
	var bodies []string
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		assert.Equal(t, int64(len(body)), r.ContentLength)
		return &http.Response{StatusCode: 429}, nil
	})
	c := answering(t, 0, nil, "", client.WithHTTPClient(&http.Client{Transport: transport}),
		client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 2, MinBackoff: 1, MaxBackoff: 1}))
	_, err := c.Generated().CreateConnectSessionWithBodyWithResponse(t.Context(), "application/json",
		io.MultiReader(strings.NewReader(`{"a":`), strings.NewReader(`1}`)))
	requireAPIError(t, err, "create_connect_session", 429)
	assert.Equal(t, []string{`{"a":1}`, `{"a":1}`}, bodies)

	_, err = c.Generated().CreateConnectSessionWithBodyWithResponse(t.Context(), "application/json", iotest.ErrReader(assert.AnError))
	var broken *client.TransportError
	require.ErrorAs(t, err, &broken)
	require.ErrorIs(t, err, assert.AnError)
	assert.Equal(t, 0, broken.Attempts)
	assert.False(t, broken.MaybeSent)
	assert.Len(t, bodies, 2)

	body := `{"token":"planted"}`
	_, err = c.Generated().AuthenticateConnectSessionWithBodyWithResponse(t.Context(), "application/json",
		io.MultiReader(strings.NewReader(body), iotest.ErrReader(errors.New("cannot spool "+body))))
	require.ErrorContains(t, err, "cannot spool")
	assert.NotContains(t, err.Error(), "planted")

	bodies = nil
	transport = func(r *http.Request) (*http.Response, error) {
		assert.Nil(t, r.Body)
		bodies = append(bodies, r.Method)
		return &http.Response{StatusCode: 503}, nil
	}
	c = answering(t, 0, nil, "", client.WithHTTPClient(&http.Client{Transport: transport}),
		client.WithRetryPolicy(client.RetryPolicy{MinBackoff: 1, MaxBackoff: 1}))
	_, err = c.Generated().CreateConnectSessionWithBodyWithResponse(t.Context(), "", nil,
		func(_ context.Context, r *http.Request) error { r.Method = http.MethodGet; return nil })
	requireAPIError(t, err, "GET /connect_sessions", 503)
	assert.Equal(t, []string{"GET", "GET", "GET"}, bodies)
}

// TestContextEndsWithTheBody is for the race detector: what ends a body with the
// context may still be at it when a generated call reads the copy.
func TestContextEndsWithTheBody(t *testing.T) {
	t.Parallel()
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		c := through(t, roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 201, Body: io.NopCloser(io.MultiReader(strings.NewReader(link), bodyReader(func([]byte) (int, error) {
				cancel()
				runtime.Gosched()
				return 0, io.EOF
			})))}, nil
		}))
		if _, err := c.Generated().CreateConnectSessionWithResponse(ctx, owner); err != nil {
			assert.ErrorIs(t, err, context.Canceled)
		}
		cancel()
	}
}

// TestErrorsOfOthers says that the errors print when a test of a user's made them.
func TestErrorsOfOthers(t *testing.T) {
	t.Parallel()
	assert.EqualError(t, &client.TransportError{Operation: "o", Err: errors.New("a\nb")}, `stackone: o: a\nb (nothing was sent)`)
	assert.EqualError(t, &client.ResponseError{Operation: "o", StatusCode: 200, Err: errors.New("a\nb")},
		`stackone: o: 200 OK with a body that cannot be used: a\nb`)
	assert.EqualError(t, &client.TransportError{}, `stackone: :  (nothing was sent)`)
	assert.EqualError(t, &client.APIError{}, `stackone: : 0`)
	assert.Equal(t, `"stackone: : 0"`, fmt.Sprintf("%q", &client.APIError{}))
	assert.Equal(t, "stackone.Client(not made by New)", fmt.Sprint(client.Client{}))
}

func TestOptionsOnTheWire(t *testing.T) {
	t.Parallel()
	var got http.Header
	handler := func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		answer(201, link)(w, r)
	}
	c := serve(t, handler,
		client.WithUserAgent("acme/1.0"),
		client.WithHeader("x-tenant", "one"), client.WithHeader("X-Tenant", "two"))

	require.NoError(t, create(c))
	assert.Equal(t, []string{"two"}, got["X-Tenant"])
	assert.True(t, strings.HasPrefix(got.Get("User-Agent"), "acme/1.0 stackone-client-go/"), got.Get("User-Agent"))

	require.NoError(t, create(c, client.WithHeader("X-Tenant", "three"), client.WithUserAgent("job/2")))
	assert.Equal(t, []string{"three"}, got["X-Tenant"], "a call's option overrides the client's")
	assert.True(t, strings.HasPrefix(got.Get("User-Agent"), "job/2 stackone-client-go/"), got.Get("User-Agent"))

	require.NoError(t, create(c))
	assert.Equal(t, []string{"two"}, got["X-Tenant"], "and is gone with the call")
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	var username, password string
	c := serveUndescribed(t, func(w http.ResponseWriter, r *http.Request) {
		username, password, _ = r.BasicAuth()
		answer(201, link)(w, r)
	})
	require.NoError(t, create(c, client.WithAPIKey(" trimmed\n")))
	assert.Equal(t, "trimmed", username)

	require.NoError(t, create(c, client.WithBasicAuth("user ", " pass:word ")))
	assert.Equal(t, []string{"user ", " pass:word "}, []string{username, password})

	key := "first"
	rotating := client.WithAPIKeyFunc(func(context.Context) (string, error) { return key, nil })
	require.NoError(t, create(c, rotating))
	assert.Equal(t, "first", username)
	key = "second"
	require.NoError(t, create(c, rotating))
	assert.Equal(t, "second", username)

	for name, f := range map[string]func(context.Context) (string, error){
		"that fails":           func(context.Context) (string, error) { return "", assert.AnError },
		"that returns nothing": func(context.Context) (string, error) { return "", nil },
	} {
		var transport *client.TransportError
		err := create(c, client.WithAPIKeyFunc(f), client.WithRetryPolicy(client.RetryPolicy{}))
		require.ErrorAs(t, err, &transport, name)
		assert.False(t, transport.MaybeSent, name)
		assert.Equal(t, 1, transport.Attempts, name)
		assert.Equal(t, name == "that fails", strings.Contains(err.Error(), assert.AnError.Error()), name)
	}
}

func TestRequestEditorToAnotherOrigin(t *testing.T) {
	t.Parallel()
	var authorization []string
	elsewhere := serveUndescribed(t, func(w http.ResponseWriter, r *http.Request) {
		authorization = append(authorization, r.Header.Get("Authorization"))
		answer(201, link)(w, r)
	})
	c := serveUndescribed(t, answer(500, `{}`))
	target := baseURL(elsewhere)
	_, err := c.Generated().CreateConnectSessionWithResponse(t.Context(), owner, func(_ context.Context, r *http.Request) error {
		u, err := r.URL.Parse(target + "/connect_sessions")
		r.URL = u
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, []string{""}, authorization)
}

func TestWithResponse(t *testing.T) {
	t.Parallel()
	for name, call := range operations {
		for _, status := range []int{201, 404} {
			var got client.Response
			body := link
			if status != 201 {
				body = `{"message":"no"}`
			}
			err := call(serveUndescribed(t, answer(status, body)), client.WithResponse(&got))
			assert.Equal(t, status == 201, err == nil, name)
			assert.Equal(t, status, got.StatusCode, name)
			assert.Equal(t, 1, got.Attempts, name)
			assert.Equal(t, body, string(got.Body), name)
			assert.Equal(t, "application/json; charset=utf-8", got.Header.Get("Content-Type"), name)
		}
	}
	require.ErrorContains(t, create(answering(t, 201, nil, link), client.WithResponse(nil)), "response to fill is nil")
	t.Run("of a call that sent nothing", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c := serveUndescribed(t, answer(201, link))
		for name, call := range map[string]func(dst client.Option) error{
			"context over": func(dst client.Option) error {
				_, err := c.ConnectSessions.Create(ctx, owner, dst)
				return err
			},
			"field missing": func(dst client.Option) error {
				_, err := c.ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{}, dst)
				return err
			},
			"option invalid": func(dst client.Option) error { return create(c, dst, nil) },
		} {
			got := client.Response{StatusCode: 1, Attempts: 1, Body: []byte("stale")}
			require.Error(t, call(client.WithResponse(&got)), name)
			assert.Equal(t, client.Response{}, got, name)
		}
	})
}

func TestWithLogger(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	c := serveUndescribed(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "request-1")
		answer(404, `{"message":"token-1 is not known"}`)(w, r)
	}, client.WithLogger(logger))
	require.Error(t, authenticate(c))
	assert.Regexp(t, `^time=\S+ level=WARN msg="stackone attempt" operation=authenticate_connect_session `+
		`attempt=1 status=404 duration=\S+ wait=0s request_id=request-1\n$`, log.String())
}

func TestTimeoutOfTheHTTPClient(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	c := serveUndescribed(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	t.Cleanup(func() { close(release) })
	var transport *client.TransportError
	err := create(c, client.WithHTTPClient(&http.Client{Timeout: 20 * time.Millisecond}))
	require.ErrorAs(t, err, &transport)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "timeout of 20ms")
}
