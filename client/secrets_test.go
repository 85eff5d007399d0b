package client_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// secrets are what the tests search for in renderings.
var secrets = map[string]string{
	"key":                    "v1.eu.planted-key",
	"password":               "planted-password",
	"token":                  "planted-token",
	"auth_link_url":          "https://hub.example/planted-link",
	"external_trigger_token": "planted-trigger",
}

// encodings returns the forms in which a rendering could show a secret.
func encodings(secret string) []string {
	raw := []byte(secret)
	encoded := base64.StdEncoding.EncodeToString(raw)
	return []string{
		secret, url.QueryEscape(secret),
		hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)),
		strings.Trim(fmt.Sprint(raw), "[]"), strings.ReplaceAll(strings.Trim(fmt.Sprint(raw), "[]"), " ", ", "),
		encoded[:len(encoded)-len(encoded)%4-4], // without the characters that depend on what follows
	}
}

// renderings returns v as printed by fmt, slog, encoding/json and its Error method.
func renderings(v any) map[string]string {
	shown := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%o", "%t", "%c", "%U", "%e", "%10.3v"} {
		shown[verb] = fmt.Sprintf(verb, v)
	}
	shown["Sprint"] = fmt.Sprint(v, v)
	shown["inside a slice"] = fmt.Sprintf("%+v %#v", []any{v}, []any{v})
	shown["inside a struct"] = fmt.Sprintf("%+v %#v", struct{ V any }{v}, struct{ V any }{v})
	var text, jsonText bytes.Buffer
	withoutTime := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	slog.New(slog.NewTextHandler(&text, withoutTime)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&jsonText, withoutTime)).Info("m", "v", v)
	shown["slog text"], shown["slog JSON"] = text.String(), jsonText.String()
	if err, ok := v.(error); ok {
		shown["Error"] = err.Error()
		shown["wrapped"] = fmt.Sprintf("%+v", fmt.Errorf("outer: %w", err))
		shown["joined"] = fmt.Sprintf("%+v", errors.Join(err, err))
		encoded, _ := json.Marshal(err)
		shown["JSON"] = string(encoded)
	}
	return shown
}

// TestSecrets renders every value that holds or has handled a secret in every way, and
// counts the renderings that show a secret.
func TestSecrets(t *testing.T) {
	t.Parallel()
	values, log := secretValues(t)
	leaks := 0
	find := func(where, shown string) {
		for name, secret := range secrets {
			for _, encoded := range encodings(secret) {
				if strings.Contains(shown, encoded) {
					leaks++
					t.Errorf("%s shows the %s: %.300s", where, name, shown)
				}
			}
		}
	}
	count := 0
	for name, v := range values {
		for rendering, shown := range renderings(v) {
			count++
			find(name+" as "+rendering, shown)
		}
	}
	find("the log", log)
	assert.Zero(t, leaks)
	t.Logf("%d renderings of %d values, %d secrets in each of %d forms: %d leaks",
		count, len(values), len(secrets), len(encodings("a secret")), leaks)
}

// TestSecretsAreFound shows that TestSecrets would find a leak.
func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	type bare gen.ConnectSessionTokenAuthLink // without the methods
	for name, secret := range secrets {
		for rendering, shown := range renderings(bare{Token: secret}) {
			if strings.Contains("%d %o %t %c %U %e %10.3v % x %#x", rendering) {
				continue // these verbs garble every string
			}
			found := false
			for _, encoded := range encodings(secret) {
				found = found || strings.Contains(shown, encoded)
			}
			assert.True(t, found, "%s as %s: %s", name, rendering, shown)
		}
	}
}

// secretValues returns values that hold or have handled the secrets, and the log of the
// calls that made them. The server and the transports repeat secrets wherever they can.
func secretValues(t *testing.T) (values map[string]any, log string) {
	t.Helper()
	link := gen.ConnectSessionTokenAuthLink{
		ID: 1, Token: secrets["token"], AuthLinkURL: secrets["auth_link_url"], ExternalTriggerToken: secrets["external_trigger_token"],
	}
	session := gen.ConnectSession{ID: 1, ExternalTriggerToken: secrets["external_trigger_token"]}
	request := gen.ConnectSessionAuthenticate{Token: secrets["token"]}
	sessionBody, err := json.Marshal(link)
	require.NoError(t, err)

	// An error of the service can repeat only the secrets that the service was sent.
	encoded := base64.StdEncoding.EncodeToString([]byte(secrets["key"] + ":"))
	quoted := fmt.Sprintf("%s %s Basic %s %s", secrets["key"], secrets["token"], encoded, url.QueryEscape(secrets["token"]))
	status, body := 401, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Request-Id", quoted)
		w.Header().Set("Location", secrets["auth_link_url"])
		w.Header().Set("Set-Cookie", "session="+secrets["token"])
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)

	var logged bytes.Buffer
	options := map[string]client.Option{
		"WithAPIKey":     client.WithAPIKey(secrets["key"]),
		"WithAPIKeyFunc": client.WithAPIKeyFunc(func(context.Context) (string, error) { return secrets["key"], nil }),
		"WithBasicAuth":  client.WithBasicAuth("user", secrets["password"]),
		"WithHeader":     client.WithHeader("X-Gateway-Key", secrets["password"]),
		"WithBaseURL":    client.WithBaseURL(server.URL),
	}
	c, err := client.New(options["WithHeader"], options["WithBaseURL"], options["WithAPIKey"],
		client.WithLogger(slog.New(slog.NewJSONHandler(&logged, nil))),
		noRetries)
	require.NoError(t, err)

	values = map[string]any{
		"client": c, "client value": *c, "ConnectSessions": c.ConnectSessions, "ConnectSessions value": *c.ConnectSessions,
		"generated client": c.Generated(), "generated client value": *c.Generated(),
		"generated client inside": c.Generated().ClientInterface,
		"link":                    &link, "link value": link, "session": &session, "session value": session,
		"request": &request, "request value": request,
	}
	for name, o := range options {
		values["option "+name] = o
	}
	add := func(name string, err error) {
		require.Error(t, err, name)
		values["error "+name] = err
		var api *client.APIError
		var transport *client.TransportError
		var response *client.ResponseError
		if errors.As(err, &api) {
			values["error value "+name], values["message of "+name] = *api, api.Message
		}
		if errors.As(err, &transport) {
			values["error value "+name] = *transport
		}
		if errors.As(err, &response) {
			values["error value "+name] = *response
		}
	}
	authenticate := func(opts ...client.Option) error {
		_, err := c.ConnectSessions.Authenticate(t.Context(), request, opts...)
		return err
	}

	var response client.Response
	for _, status = range []int{201, 301, 400, 401, 408, 429, 500, 502} {
		for name, text := range map[string]string{
			"with a message":              fmt.Sprintf(`{"message":%q,"data":{"message":%q},"timestamp":%q}`, quoted, quoted, quoted),
			"with messages":               fmt.Sprintf(`{"message":[%q,{"x":%q}]}`, quoted, quoted),
			"with members of other types": fmt.Sprintf(`{"token":%q,"id":%q,"created_at":%q}`, quoted, quoted, quoted),
			"with an invalid time":        fmt.Sprintf(`{"created_at":%q}`, quoted),
			"without JSON":                quoted,
		} {
			body = text
			add(fmt.Sprintf("%d %s", status, name), authenticate(client.WithResponse(&response)))
			values[fmt.Sprintf("response %d %s", status, name)] = response
			_, err := c.Generated().AuthenticateConnectSessionWithResponse(t.Context(), request)
			if status != 201 {
				add(fmt.Sprintf("%d %s, generated", status, name), err)
			}
		}
	}
	status, body = 201, string(sessionBody)
	created, err := c.ConnectSessions.Create(t.Context(), owner, client.WithResponse(&response))
	require.NoError(t, err)
	generated, err := c.Generated().CreateConnectSessionWithResponse(t.Context(), owner)
	require.NoError(t, err)
	authenticated, err := c.Generated().AuthenticateConnectSessionWithResponse(t.Context(), request)
	require.NoError(t, err)
	values["created"], values["response pointer"], values["response value"] = created, &response, response
	values["generated create"], values["generated create value"] = generated, *generated
	values["generated authenticate"], values["generated authenticate value"] = authenticated, *authenticated

	add("transport", authenticate(client.WithHTTPClient(&http.Client{Transport: roundTripper(
		func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("%s, sent with %v to https://proxy:%s@host", quoted, r.Header["Authorization"], secrets["password"])
		})})))
	add("key function", authenticate(client.WithAPIKeyFunc(func(context.Context) (string, error) {
		return secrets["key"] + "\n:", nil
	})))
	_, err = client.New(client.WithAPIKey(secrets["key"]+":"), client.WithBasicAuth(secrets["key"]+":", secrets["password"]),
		client.WithBaseURL("https://user:"+secrets["password"]+"@host"), client.WithHeader("X", secrets["password"]+"\n"))
	add("New", err)

	func() {
		defer func() { values["panic"] = recover() }()
		_ = authenticate(client.WithHTTPClient(&http.Client{Transport: roundTripper(
			func(r *http.Request) (*http.Response, error) { panic(fmt.Sprintf("%+v %v", r.Body, r.Context())) })}))
	}()
	require.NotNil(t, values["panic"])
	return values, logged.String()
}

// A session encoded as JSON keeps its secrets: that is how a backend passes it on.
func TestSessionEncodes(t *testing.T) {
	t.Parallel()
	link := gen.ConnectSessionTokenAuthLink{
		Token: secrets["token"], AuthLinkURL: secrets["auth_link_url"], ExternalTriggerToken: secrets["external_trigger_token"],
	}
	encoded, err := json.Marshal(&link)
	require.NoError(t, err)
	for _, name := range []string{"token", "auth_link_url", "external_trigger_token"} {
		assert.Contains(t, string(encoded), fmt.Sprintf("%q:%q", name, secrets[name]))
	}
	var decoded gen.ConnectSessionTokenAuthLink
	require.NoError(t, json.Unmarshal(encoded, &decoded))
	assert.Equal(t, link, decoded)
}
