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

// program is the program while it runs.
type program struct {
	t      *testing.T
	values map[string]string // what it printed to be exported
	client *http.Client
	log    *safeBuffer
	stop   func()
}

// safeBuffer is a buffer for several goroutines.
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
	ended := make(chan error, 1)
	p := program{t, map[string]string{}, http.DefaultClient, &safeBuffer{}, sync.OnceFunc(func() {
		cancel()
		assert.NoError(t, <-ended)
	})}
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), lookup, writer, p.log)
		writer.CloseWithError(errors.Join(err, io.EOF))
		ended <- err
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

// sdk is a client of the fake's.
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

// call sends a request with a JSON body, and returns status and answer.
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

func (p program) do(path, body string) {
	p.t.Helper()
	status, answer := p.call(http.MethodPost, "/_fake/"+path, body)
	assert.Equal(p.t, http.StatusOK, status, "%s %s: %s", path, body, answer)
}

func TestControl(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "-key", "v1.test.mine")
	assert.Equal(t, "v1.test.mine", p.values["STACKONE_API_KEY"])
	link := p.create()
	status := func() any {
		_, text := p.call(http.MethodGet, "/_fake/sessions", "")
		var sessions []session
		require.NoError(t, json.Unmarshal([]byte(text), &sessions))
		require.Len(t, sessions, 1)
		return sessions[0].Status()
	}
	assert.Equal(t, "new", status())
	for _, move := range [][2]string{{"begin", "pending"}, {"decline", "error"}, {"cancel", "cancelled"}, {"expire", "expired"}} {
		p.do("sessions/"+link.Token+"/"+move[0], "")
		assert.Equal(t, move[1], status())
	}
	p.do("sessions/1/connect", `{"provider":"hibob","account_id":"8801","no_attempt":false}`)
	assert.Equal(t, "authenticated", status())
	_, text := p.call(http.MethodGet, "/_fake/sessions", "")
	assert.Contains(t, text, `"provider":"hibob","account_id":"8801"`)

	p.do("faults", `{"status":502,"processed":true,"path":"/connect_sessions","times":-1}`)
	_, err := p.sdk().ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme"})
	require.ErrorIs(t, err, client.ErrBadGateway)
	_, text = p.call(http.MethodGet, "/_fake/requests", "")
	assert.Contains(t, text, `"status":502`)
	assert.Contains(t, text, `"reason":"injected fault"`)
	p.do("faults/clear", "")
	p.create()
	p.do("rate-limit", `{"per_minute":1}`)
	p.create()
	_, err = p.sdk().ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme"},
		client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}))
	require.ErrorIs(t, err, client.ErrTooManyRequests)
	p.do("rate-limit", `{"per_minute":0}`)
	p.do("advance", `{"by":"30m"}`)
	_, err = p.sdk().ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: link.Token})
	require.ErrorIs(t, err, client.ErrUnauthorized)
	p.do("reset", "")
	_, text = p.call(http.MethodGet, "/_fake/sessions", "")
	assert.Equal(t, "[]", text)
}

func TestControlRefuses(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	p.create()
	for _, row := range []struct{ path, body, want string }{
		{"sessions/2/connect", "", "there is no such session"},
		{"sessions/1/jump", "", `there is no move "jump"; choose begin, connect, decline, cancel or expire`},
		{"sessions/1/connect", `{"povider":"hibob"}`, `there is no parameter "povider" here`},
		{"sessions/1/connect", `{`, "unexpected EOF"},
		{"faults", `{"status":"soon"}`, `status: strconv.Atoi: parsing "soon": invalid syntax`},
		{"faults", `{"status":103}`, "stackonetest: status 103 cannot be sent"},
		{"faults", `{"reset":"now"}`, "reset: choose before or after"},
		{"advance", `{}`, `time: invalid duration ""`},
		{"rate-limit", `{"per_minute":1.5}`, `strconv.Atoi: parsing "1.5": invalid syntax`},
	} {
		status, answer := p.call(http.MethodPost, "/_fake/"+row.path, row.body)
		assert.Equal(t, http.StatusBadRequest, status, row.path)
		var problem struct{ Error string }
		require.NoError(t, json.Unmarshal([]byte(answer), &problem))
		assert.Equal(t, row.want, problem.Error)
	}
}

// Other sites can neither read nor change anything.
func TestLocal(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"127.0.0.1:4010": true, "[::1]:4010": true, "192.168.1.7": true, "localhost": true, "LOCALHOST:1": true, "stackone-fake:4010": true,
		"app.localhost:4010": true, "fake.example": true, "FAKE.example:4010": true,
		"evil.example": false, "evil.example:4010": false, "fake.example.evil": false, "127.0.0.1.evil.example": false,
	} {
		assert.Equal(t, want, local(host, "https://fake.example:8443/base"), host)
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	p.create()
	status, text := p.call(http.MethodGet, "/?follow", "")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, text, `<meta http-equiv="refresh" content="2">`)
	assert.NotContains(t, text, "<script")
	const formType = "application/x-www-form-urlencoded"
	status, text = p.call(http.MethodPost, "/_fake/sessions/1/connect", "provider=hibob&no_attempt=true", "Content-Type", formType)
	assert.Equal(t, http.StatusOK, status, "after the redirect")
	assert.Contains(t, text, "<td>hibob</td>")
	assert.Contains(t, text, "connected")
	status, text = p.call(http.MethodPost, "/_fake/advance", "by=soon", "Content-Type", formType)
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Contains(t, text, `<p role="alert"`)

	status, _ = p.call(http.MethodPost, "/_fake/reset", "", "Origin", "https://evil.example")
	assert.Equal(t, http.StatusForbidden, status)
	for _, path := range []string{"/", "/_fake/sessions"} {
		status, _ = p.call(http.MethodGet, path, "", "Host", "evil.example")
		assert.Equal(t, http.StatusMisdirectedRequest, status, path)
	}
	status, _ = p.call(http.MethodGet, "/_fake/nothing", "")
	assert.Equal(t, http.StatusNotFound, status)
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
	p := start(t, nil, "-tls", file)
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
