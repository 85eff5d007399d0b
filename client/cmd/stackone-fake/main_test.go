package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// program is the running program.
type program struct {
	t      *testing.T
	values map[string]string // exported variables that it printed
	client *http.Client
	log    *safeBuffer
	stop   func()
}

// safeBuffer is a buffer that is safe for concurrent use.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }

var exported = regexp.MustCompile(`(\w+)=(\S+)`)

func start(t *testing.T, env map[string]string, args ...string) program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	lookup := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	p := program{t, map[string]string{}, http.DefaultClient, &safeBuffer{}, sync.OnceFunc(func() {
		cancel()
		assert.NoError(t, <-done)
	})}
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), lookup, writer, p.log)
		writer.CloseWithError(errors.Join(err, io.EOF))
		done <- err
	}()
	t.Cleanup(p.stop)
	var text strings.Builder
	for piece := make([]byte, 1024); !strings.Contains(text.String(), "# The page"); {
		n, err := reader.Read(piece)
		require.NoError(t, err)
		text.Write(piece[:n])
	}
	for _, found := range exported.FindAllStringSubmatch(text.String(), -1) {
		p.values[found[1]] = found[2]
	}
	return p
}

func (p program) url() string { return p.values["STACKONE_BASE_URL"] }

// sdk returns a client for the fake.
func (p program) sdk() *client.Client {
	c, err := client.New(client.WithBaseURL(p.url()), client.WithAPIKey(p.values["STACKONE_API_KEY"]), client.WithHTTPClient(p.client))
	require.NoError(p.t, err)
	return c
}

func (p program) create() *gen.ConnectSessionTokenAuthLink {
	p.t.Helper()
	link, err := p.sdk().ConnectSessions.Create(p.t.Context(), gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme"})
	require.NoError(p.t, err)
	return link
}

// call sends a request with a JSON body, and returns the status and body of the response.
func (p program) call(method, path, body string, header ...string) (int, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url()+path, strings.NewReader(body))
	require.NoError(p.t, err)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := p.client.Do(req)
	require.NoError(p.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(p.t, err)
	return res.StatusCode, strings.TrimSpace(string(text))
}

func (p program) do(path, request string) {
	p.t.Helper()
	status, body := p.call(http.MethodPost, "/_fake/"+path, request)
	assert.Equal(p.t, http.StatusOK, status, "%s %s: %s", path, request, body)
}

func TestPage(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	p.create()
	status, text := p.call(http.MethodGet, "/?follow", "")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, text, `<meta http-equiv="refresh" content="2">`)
	assert.NotContains(t, text, "<script")
	assert.Equal(t, strings.Count(text, "<form"), strings.Count(text, `<input type="hidden" name="follow"`))
	const formType = "application/x-www-form-urlencoded"
	status, text = p.call(http.MethodPost, "/_fake/faults/clear", "follow=true", "Content-Type", formType)
	assert.Equal(t, http.StatusOK, status, "after the redirect")
	assert.Contains(t, text, "http-equiv", "still following")
	status, text = p.call(http.MethodPost, "/_fake/sessions/1/connect", "provider=hibob&no_attempt=true", "Content-Type", formType)
	assert.Equal(t, http.StatusOK, status, "after the redirect")
	assert.Contains(t, text, ">hibob</td>")
	assert.Contains(t, text, "connected")
	status, text = p.call(http.MethodPost, "/_fake/advance", "by=soon", "Content-Type", formType)
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Contains(t, text, `<p role="alert"`)

	for _, row := range []struct {
		method, path, header, value string
		status                      int
		want                        string
	}{
		{http.MethodPost, "/_fake/reset", "Origin", "https://evil.example", 403, "request from another site"},
		{http.MethodGet, "/", "Host", "evil.example", 421, "unknown host name; set it with -public-url"},
		{http.MethodGet, "/_fake/sessions", "Host", "evil.example", 421, "unknown host name; set it with -public-url"},
		{http.MethodGet, "/_fake/nothing", "Accept", "*/*", 404, "not found: GET /_fake/nothing"},
		{http.MethodGet, "/_fake/advance", "Accept", "*/*", 404, "not found: GET /_fake/advance"},
	} {
		status, text = p.call(row.method, row.path, "", row.header, row.value)
		assert.Equal(t, row.status, status, row.path)
		var problem struct{ Error string }
		require.NoError(t, json.Unmarshal([]byte(text), &problem), text)
		assert.Equal(t, row.want, problem.Error)
	}
}

func TestHubAndConnectors(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connectors.json")
	require.NoError(t, os.WriteFile(file, []byte(`[{"id":"mine","provider":"mine","name":"Mine","fields":[{"key":"k","label":"K","required":true}]}]`), 0o600))
	p := start(t, nil, "-connectors", file)
	_, text := p.call(http.MethodGet, "/hub/connectors", "", "X-Hub-Session-Token", p.create().Token)
	assert.Contains(t, text, `"integration_id":"mine"`)
	assert.NotContains(t, text, "bamboohr")
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	events := make(chan webhook.Event, 1)
	handler, err := webhook.NewHandler([]string{"whsec_mine"}, func(_ context.Context, e webhook.Event) error { events <- e; return nil })
	require.NoError(t, err)
	endpoint := httptest.NewServer(handler)
	defer endpoint.Close()
	p := start(t, map[string]string{"STACKONE_FAKE_WEBHOOK_SECRET": "whsec_mine"}, "-webhook-url", endpoint.URL)
	assert.Equal(t, "whsec_mine", p.values["STACKONE_WEBHOOK_SECRET"])
	p.create()
	p.do("sessions/1/connect", `{"provider":"hibob"}`)
	assert.Equal(t, "hibob", (<-events).Provider)
	_, text := p.call(http.MethodGet, "/_fake/webhooks", "")
	assert.Contains(t, text, `account.created`)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ca.pem")
	directory, err := os.Getwd()
	require.NoError(t, err)
	relative, err := filepath.Rel(directory, file)
	require.NoError(t, err)
	p := start(t, nil, "-tls", relative)
	assert.Equal(t, file, p.values["NODE_EXTRA_CA_CERTS"])
	ca, err := os.ReadFile(file)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ca))
	transport := client.NewTransport()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	p.client = &http.Client{Transport: transport}
	assert.True(t, strings.HasPrefix(p.url(), "https://"))
	p.create()
}

func TestLogHasNoSecrets(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "-v")
	link := p.create()
	p.do("sessions/"+link.Token+"/connect", "")
	p.call(http.MethodGet, strings.TrimPrefix(link.AuthLinkURL, p.url()), "")
	p.call(http.MethodPost, "/connect_sessions", "{}")
	p.stop()
	assert.Contains(t, p.log.String(), "the request has no Authorization header")
	assert.Contains(t, p.log.String(), "pattern=/_fake/")
	for _, secret := range []string{link.Token, p.values["STACKONE_API_KEY"], link.ExternalTriggerToken} {
		assert.NotContains(t, p.log.String(), secret)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	none := func(string) (string, bool) { return "", false }
	for _, row := range []struct {
		args []string
		env  map[string]string
		want string
	}{
		{args: []string{"extra"}, want: `unexpected argument "extra"`},
		{args: []string{"-keep", "0"}, want: "-keep must be at least 1"},
		{args: []string{"-rate-limit", "-1"}, want: "-rate-limit must not be negative"},
		{args: []string{"-key", "a:b"}, want: "-key must not contain colons, spaces or control characters"},
		{args: []string{"-key", "a\nb"}, want: "-key must not contain colons, spaces or control characters"},
		{args: []string{"-public-url", "localhost:4010"}, want: "-public-url must be an http or https URL with a host and without a query"},
		{args: []string{"-public-url", "http://a/?b=c"}, want: "-public-url must be an http or https URL with a host and without a query"},
		{args: []string{"-webhook-url", "http://:80"}, want: "-webhook-url must be an http or https URL with a host"},
		{args: []string{"-webhook-url", "/hooks"}, want: "-webhook-url must be an http or https URL with a host"},
		{env: map[string]string{"STACKONE_FAKE_RATE_LIMIT": "many"}, want: "STACKONE_FAKE_RATE_LIMIT: parse error"},
		{args: []string{"-addr", "127.0.0.1:99999"}, want: "listen tcp: address 99999: invalid port; choose another address with -addr"},
		{args: []string{"-tls", "missing.pem,missing.key"}, want: "open missing.pem: no such file or directory"},
		{args: []string{"-connectors", "missing.json"}, want: "open missing.json: no such file or directory"},
	} {
		lookup := func(name string) (string, bool) { value, ok := row.env[name]; return value, ok }
		assert.EqualError(t, run(t.Context(), row.args, lookup, io.Discard, io.Discard), row.want)
	}
	var usage bytes.Buffer
	require.ErrorIs(t, run(t.Context(), []string{"-h"}, none, io.Discard, &usage), flag.ErrHelp)
	assert.Contains(t, usage.String(), "-webhook-url")
}
