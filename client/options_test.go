package client_test

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func TestInvalidOptions(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	tests := map[string]struct {
		option client.Option
		want   string
	}{
		"empty API key":                     {client.WithAPIKey(""), "the API key is empty"},
		"blank API key":                     {client.WithAPIKey(" \n"), "the API key is empty"},
		"API key with a colon":              {client.WithAPIKey(secret + ":"), "contains a colon"},
		"API key with a line break":         {client.WithAPIKey(secret + "\r\nX"), "contains invalid characters"},
		"API key with NUL":                  {client.WithAPIKey(secret + "\x00x"), "contains invalid characters"},
		"API key with non-ASCII":            {client.WithAPIKey(secret + "é"), "contains invalid characters"},
		"nil key function":                  {client.WithAPIKeyFunc(nil), "function is nil"},
		"empty user name":                   {client.WithBasicAuth("", secret), "user name is empty"},
		"user name with a colon":            {client.WithBasicAuth(secret+":", ""), "contains a colon"},
		"password with a line break":        {client.WithBasicAuth("user", secret+"\n"), "control character"},
		"empty base URL":                    {client.WithBaseURL(""), "has no host"},
		"base URL without scheme":           {client.WithBaseURL("api.stackone.com"), "has no host"},
		"base URL without host":             {client.WithBaseURL("https:///" + secret), "has no host"},
		"base URL with only a port":         {client.WithBaseURL("https://:443/" + secret), "has no host"},
		"base URL with only colons":         {client.WithBaseURL("https://::"), "has no host"},
		"base URL with bare IPv6":           {client.WithBaseURL("http://::1:80"), "has no host"},
		"base URL with port 65536":          {client.WithBaseURL("https://host:65536"), "an invalid port"},
		"base URL over http":                {client.WithBaseURL("http://api.stackone.com"), "not https"},
		"base URL with localhost.example":   {client.WithBaseURL("http://localhost.example"), "not https"},
		"base URL with 0.0.0.0":             {client.WithBaseURL("http://0.0.0.0"), "not https"},
		"base URL with another scheme":      {client.WithBaseURL("ftp://localhost"), "not https"},
		"base URL with user info":           {client.WithBaseURL("https://user:" + secret + "@host"), "user info"},
		"base URL with a query":             {client.WithBaseURL("https://host/?q=" + secret), "query or a fragment"},
		"base URL with an empty query":      {client.WithBaseURL("https://host/?"), "query or a fragment"},
		"base URL with a fragment":          {client.WithBaseURL("https://host/#" + secret), "query or a fragment"},
		"base URL with an empty fragment":   {client.WithBaseURL("https://host/#"), "query or a fragment"},
		"base URL with a space in the host": {client.WithBaseURL("https://ho st/" + secret), "cannot be parsed"},
		"base URL with a line break":        {client.WithBaseURL("https://host/\r\n" + secret), "contains invalid characters"},
		"base URL with non-ASCII":           {client.WithBaseURL("https://höst/"), "contains invalid characters"},
		"opaque base URL":                   {client.WithBaseURL("https:host"), "cannot be parsed"},
		"nil HTTP client":                   {client.WithHTTPClient(nil), "HTTP client is nil"},
		"negative MaxAttempts":              {client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: -1}), "negative"},
		"negative MinBackoff":               {client.WithRetryPolicy(client.RetryPolicy{MinBackoff: -1}), "negative"},
		"negative MaxBackoff":               {client.WithRetryPolicy(client.RetryPolicy{MaxBackoff: -1}), "negative"},
		"negative MaxRetryAfter":            {client.WithRetryPolicy(client.RetryPolicy{MaxRetryAfter: -1}), "negative"},
		"negative timeout":                  {client.WithTimeout(-1), "negative"},
		"empty user agent":                  {client.WithUserAgent(" "), "user agent"},
		"user agent with a line break":      {client.WithUserAgent(secret + "\r\nx"), "user agent"},
		"user agent with non-ASCII":         {client.WithUserAgent(secret + "é"), "user agent"},
		"header without a name":             {client.WithHeader("", secret), "the name of a header"},
		"header name with a space":          {client.WithHeader("X Y", secret), "the name of a header"},
		"header name with a colon":          {client.WithHeader("X:", secret), "the name of a header"},
		"header name with an at sign":       {client.WithHeader("X@", secret), "the name of a header"},
		"header name with a bracket":        {client.WithHeader("X[", secret), "the name of a header"},
		"header name with a brace":          {client.WithHeader("X{", secret), "the name of a header"},
		"header name with a slash":          {client.WithHeader("X/", secret), "the name of a header"},
		"header value with a line break":    {client.WithHeader("X", secret+"\r\nY: z"), "header X"},
		"header value with non-ASCII":       {client.WithHeader("X", secret+"é"), "header X"},
		"header Authorization":              {client.WithHeader("authorization", secret), "Authorization cannot be set"},
		"header Host":                       {client.WithHeader("HOST", secret), "Host cannot be set"},
		"header Idempotency-Key":            {client.WithHeader("idempotency-key", secret), "Idempotency-Key cannot be set"},
		"header Expect":                     {client.WithHeader("Expect", "100-continue"), "Expect cannot be set"},
		"header Content-Encoding":           {client.WithHeader("Content-Encoding", "gzip"), "Content-Encoding cannot be set"},
		"header Connection":                 {client.WithHeader("connection", "close"), "Connection cannot be set"},
		"header Keep-Alive":                 {client.WithHeader("Keep-Alive", "timeout=5"), "Keep-Alive cannot be set"},
		"header Proxy-Connection":           {client.WithHeader("Proxy-Connection", "keep-alive"), "Proxy-Connection cannot be set"},
		"header Proxy-Authorization":        {client.WithHeader("Proxy-Authorization", secret), "Proxy-Authorization cannot be set"},
		"header Proxy-Authenticate":         {client.WithHeader("Proxy-Authenticate", secret), "Proxy-Authenticate cannot be set"},
		"header TE":                         {client.WithHeader("TE", "trailers"), "Te cannot be set"},
		"header Upgrade":                    {client.WithHeader("Upgrade", "websocket"), "Upgrade cannot be set"},
		"header HTTP2-Settings":             {client.WithHeader("HTTP2-Settings", "AAMAAABkAAQAAP__"), "Http2-Settings cannot be set"},
		"header X-Idempotency-Key":          {client.WithHeader("x-idempotency-key", secret), "X-Idempotency-Key cannot be set"},
		"header Accept-Encoding":            {client.WithHeader("accept-encoding", "gzip"), "Accept-Encoding cannot be set"},
		"header Content-Length":             {client.WithHeader("content-length", "1"), "Content-Length cannot be set"},
		"nil logger":                        {client.WithLogger(nil), "logger is nil"},
		"zero MaxResponseBytes":             {client.WithMaxResponseBytes(0), "not positive"},
		"WithResponse for a client":         {client.WithResponse(new(client.Response)), "belongs to a call"},
		"nil option":                        {nil, "an option is nil"},
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
			if name == "WithResponse for a client" {
				return // valid for a call
			}
			require.ErrorContains(t, create(c, tt.option), tt.want, "as an option of a call")
		})
	}
}

// New reports all errors at once, on one line and without the secret.
func TestConfigurationErrorsAreJoined(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for key, want := range map[string]string{"": "the API key is empty", secret + ":": "the API key contains a colon"} {
		_, err := client.New(client.WithAPIKey(key), client.WithBaseURL("http://"+secret), client.WithTimeout(-1))
		requireConfigurationError(t, err)
		for _, text := range []string{want, "not https", "timeout is negative"} {
			assert.ErrorContains(t, err, text)
		}
	}
}

func TestValidOptions(t *testing.T) {
	t.Parallel()
	_, err := client.New(client.WithAPIKey("first ! to last ~"), client.WithHeader("X", " !~ "), client.WithUserAgent("a/1 (~)"),
		client.WithHeader("AZaz09!#$%&'*+-.^_`|~", "all characters of a name"), client.WithTimeout(0),
		client.WithHeader("Z", "a name that is canonical"), client.WithMaxResponseBytes(1))
	assert.NoError(t, err, "all visible ASCII characters")
}

// requireConfigurationError requires an error of New that does not contain the value.
func requireConfigurationError(t *testing.T, err error) {
	t.Helper()
	require.ErrorContains(t, err, "invalid configuration")
	requireSafeText(t, err.Error())
}

func TestInvalidCharactersInOptions(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	tests := map[string]func(string) client.Option{
		"key":           client.WithAPIKey,
		"user name":     func(s string) client.Option { return client.WithBasicAuth(s, "") },
		"password":      func(s string) client.Option { return client.WithBasicAuth("user", s) },
		"user agent":    client.WithUserAgent,
		"header value":  func(s string) client.Option { return client.WithHeader("X-Tenant", s) },
		"header name":   func(s string) client.Option { return client.WithHeader(s, "x") },
		"base URL path": func(s string) client.Option { return client.WithBaseURL("https://host/" + s) },
		"base URL host": func(s string) client.Option {
			return client.WithBaseURL("https://" + s + ".example")
		},
	}
	for name, option := range tests {
		for what, character := range map[string]string{"CR": "\r", "LF": "\n", "NUL": "\x00", "DEL": "\x7f", "non-ASCII": "é", "not UTF-8": "\xff"} {
			basic := name == "user name" || name == "password"
			if basic && (what == "non-ASCII" || what == "not UTF-8") {
				continue // base64 encodes them, and RFC 7617 allows them
			}
			t.Run(name+" with "+what, func(t *testing.T) {
				t.Parallel()
				c, err := client.New(client.WithAPIKey("good"), option(secret+character+secret))
				requireConfigurationError(t, err)
				assert.Nil(t, c)
			})
		}
	}
}

func TestHeaderOptions(t *testing.T) {
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
	assert.Equal(t, []string{"two"}, got["X-Tenant"], "it applies to that call only")
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
			err := call(serveUnvalidated(t, answer(status, body)), client.WithResponse(&got))
			assert.Equal(t, status == 201, err == nil, name)
			assert.Equal(t, status, got.StatusCode, name)
			assert.Equal(t, 1, got.Attempts, name)
			assert.Equal(t, body, string(got.Body), name)
			assert.Equal(t, "application/json; charset=utf-8", got.Header.Get("Content-Type"), name)
		}
	}
	require.ErrorContains(t, create(responding(t, 201, nil, link), client.WithResponse(nil)), "response to fill is nil")
	t.Run("reset by a call that sends nothing", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c := serveUnvalidated(t, answer(201, link))
		for name, call := range map[string]func(dst client.Option) error{
			"context cancelled": func(dst client.Option) error {
				_, err := c.ConnectSessions.Create(ctx, owner, dst)
				return err
			},
			"required field missing": func(dst client.Option) error {
				_, err := c.ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{}, dst)
				return err
			},
			"invalid option": func(dst client.Option) error { return create(c, dst, nil) },
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
	c := serveUnvalidated(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "request-1")
		answer(404, `{"message":"token-1 is not known"}`)(w, r)
	}, client.WithLogger(logger))
	require.Error(t, authenticate(c))
	assert.Regexp(t, `^time=\S+ level=WARN msg="stackone attempt" operation=authenticate_connect_session `+
		`attempt=1 status=404 duration=\S+ wait=0s request_id=request-1\n$`, log.String())
}

func TestLogOfWhatIsWrongWithASession(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"token":" ","auth_link_url":"u"}`: `level=WARN msg="stackone unusable response" operation=create_connect_session error="it has no usable token"` + "\n",
		`{"token":"t","auth_link_url":"u","created_at":"planted"}`: `level=WARN msg="stackone response has invalid members" operation=create_connect_session ` +
			`dropped=[created_at]` + "\n",
		`{"token":"t","auth_link_url":"u"}`: "",
	} {
		var log strings.Builder
		c := serveUnvalidated(t, answer(201, body), client.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		_ = create(c)
		_, after, _ := strings.Cut(log.String(), "\n") // the record of the attempt
		_, after, _ = strings.Cut(after, " ")          // the time
		assert.Equal(t, want, after, body)
	}
}

func TestLoggedRequestIDHoldsNoSecret(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]string{
		"token of the request":            "x-token-1",
		"token of an earlier response":    "x-token-2",
		"base64 of the key":               base64.RawURLEncoding.EncodeToString([]byte("x" + testKey)),
		"base64 of the earlier token":     base64.RawURLEncoding.EncodeToString([]byte("xx-token-2")),
		"base64 of the request's token":   base64.RawURLEncoding.EncodeToString([]byte("token-1")),
		"token of the last response":      "token-3.1",
		"base64 of the last one's tokens": base64.RawURLEncoding.EncodeToString([]byte("token-3")),
		"token of a disguised member":     "token-4",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log strings.Builder
			attempts := 0
			c := serveUnvalidated(t, func(w http.ResponseWriter, r *http.Request) {
				if attempts++; attempts == 1 {
					answer(503, `{"token":"token-2"}`)(w, r)
					return
				}
				w.Header().Set("X-Request-Id", id)
				body := `{"token":"token-3"}`
				if id == "token-4" {
					body = `{"to\u212aen":"token-4"}`
				}
				answer(404, body)(w, r)
			}, client.WithLogger(slog.New(slog.NewTextHandler(&log, nil))), client.WithRetryPolicy(quick))
			require.Error(t, authenticate(c))
			assert.Contains(t, log.String(), "attempt=2 status=404")
			assert.Equal(t, 2, strings.Count(log.String(), `request_id=""`), log.String())
		})
	}
}
