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
		"negative timeout":             {client.WithTimeout(-1), "negative"},
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

func TestValidOptions(t *testing.T) {
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

// requireConfigurationError requires an error of New that does not show the value.
func requireConfigurationError(t *testing.T, err error) {
	t.Helper()
	require.ErrorContains(t, err, "invalid configuration")
	requireSafeText(t, err.Error())
}

func TestInvalidConfiguration(t *testing.T) {
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
				continue // base64 hides them, and RFC 7617 allows them
			}
			t.Run(name+" with "+what, func(t *testing.T) {
				t.Parallel()
				c, err := client.New(client.WithAPIKey("good"), option(secret+character+secret))
				requireConfigurationError(t, err)
				assert.Nil(t, c)
			})
		}
	}

	t.Run("several faults are reported together", func(t *testing.T) {
		t.Parallel()
		_, err := client.New(client.WithAPIKey(secret+":"), client.WithBaseURL("http://"+secret), client.WithTimeout(-1))
		requireConfigurationError(t, err)
		for _, fault := range []string{"colon", "https", "timeout"} {
			assert.ErrorContains(t, err, fault)
		}
	})

	for name, key := range map[string]string{"empty": "", "blank": " \t\r\n", "with a colon": secret + ":", "with a colon inside": secret + ":x"} {
		t.Run("key "+name, func(t *testing.T) {
			t.Parallel()
			_, err := client.New(client.WithAPIKey(key))
			requireConfigurationError(t, err)
		})
	}
	for name, key := range map[string]string{"spaces": " key ", "a newline": "key\n", "CR and LF": "\tkey\r\n"} {
		t.Run("key with "+name+" at its ends", func(t *testing.T) {
			t.Parallel()
			var sent string
			c := through(t, fake(func(r *http.Request) (*http.Response, error) {
				sent = r.Header.Get("Authorization")
				return responds(201, link)(r)
			}), client.WithAPIKey(key))
			succeeds(1)(t, call(t.Context(), t, opCreate, c))
			assert.Equal(t, "Basic "+base64.StdEncoding.EncodeToString([]byte("key:")), sent)
		})
	}

	for _, base := range []string{
		"http://api.stackone.com", "http://10.0.0.1", "http://127.0.0.1.example", "http://[::2]", "http://[fe80::1%25lo]", "http://0x7f000001",
		"https://user@host", "https://user:" + secret + "@host", "https://:" + secret + "@host", "https://host?key=" + secret, "https://host?",
		"https://host#" + secret, "https://host#", "ftp://localhost", "file:///" + secret, "unix:///x", "javascript:alert(1)", "//host",
		"host", "host:443", "/path", "", " ", "https://", "https:///" + secret, "https://:443", "https:host", "https://host:port", "https://[::1",
	} {
		t.Run("base URL "+base, func(t *testing.T) {
			t.Parallel()
			_, err := client.New(client.WithAPIKey("good"), client.WithBaseURL(base))
			requireConfigurationError(t, err)
		})
	}
	for _, base := range []string{"http://127.0.0.1:80", "http://localhost", "http://[::1]:1/x", "https://host/a%2Fb/", "https://host/a b"} {
		t.Run("valid base URL "+base, func(t *testing.T) {
			t.Parallel()
			var got string
			c := through(t, fake(func(r *http.Request) (*http.Response, error) {
				got = r.URL.String()
				return responds(201, link)(r)
			}), client.WithBaseURL(base))
			succeeds(1)(t, call(t.Context(), t, opCreate, c))
			want := map[string]string{"https://host/a%2Fb/": "https://host/a%2Fb", "https://host/a b": "https://host/a%20b"}[base]
			if want == "" {
				want = base
			}
			assert.Equal(t, want+"/connect_sessions", got)
		})
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
	assert.Equal(t, []string{"two"}, got["X-Tenant"], "and is gone with the call")
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
	t.Run("of a call that sent nothing", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c := serveUnvalidated(t, answer(201, link))
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
	c := serveUnvalidated(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "request-1")
		answer(404, `{"message":"token-1 is not known"}`)(w, r)
	}, client.WithLogger(logger))
	require.Error(t, authenticate(c))
	assert.Regexp(t, `^time=\S+ level=WARN msg="stackone attempt" operation=authenticate_connect_session `+
		`attempt=1 status=404 duration=\S+ wait=0s request_id=request-1\n$`, log.String())
}
