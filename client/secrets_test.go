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

// The secrets of the cross: each is found by a part that no encoding below hides.
var secrets = map[string]string{
	"key":                    "v1.eu.planted-key",
	"password":               "planted-password",
	"token":                  "planted-token",
	"auth_link_url":          "https://hub.example/planted-link",
	"external_trigger_token": "planted-trigger",
}

// disguises are the forms that a rendering could show a secret in.
func disguises(secret string) []string {
	raw := []byte(secret)
	encoded := base64.StdEncoding.EncodeToString(raw)
	return []string{
		secret, url.QueryEscape(secret),
		hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)),
		strings.Trim(fmt.Sprint(raw), "[]"), strings.ReplaceAll(strings.Trim(fmt.Sprint(raw), "[]"), " ", ", "),
		encoded[:len(encoded)-len(encoded)%4-4], // without the part that depends on what follows
	}
}

// renderings are the ways in which a program shows a value.
func renderings(v any) map[string]string {
	shown := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%o", "%t", "%c", "%U", "%e", "%10.3v"} {
		shown[verb] = fmt.Sprintf(verb, v)
	}
	shown["Sprint"] = fmt.Sprint(v, v)
	shown["inside a slice"] = fmt.Sprintf("%+v %#v", []any{v}, []any{v})
	shown["inside a struct"] = fmt.Sprintf("%+v %#v", struct{ V any }{v}, struct{ V any }{v})
	var text, jsonText bytes.Buffer
	timeless := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	slog.New(slog.NewTextHandler(&text, timeless)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&jsonText, timeless)).Info("m", "v", v)
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

// TestSecrets renders everything that holds or has met a secret in every way, and
// counts the secrets that show.
func TestSecrets(t *testing.T) {
	t.Parallel()
	values, log := secretive(t)
	leaks := 0
	find := func(where, shown string) {
		for name, secret := range secrets {
			for _, disguise := range disguises(secret) {
				if strings.Contains(shown, disguise) {
					leaks++
					t.Errorf("%s shows the %s: %.300s", where, name, shown)
				}
			}
		}
	}
	cells := 0
	for name, v := range values {
		for rendering, shown := range renderings(v) {
			cells++
			find(name+" as "+rendering, shown)
		}
	}
	find("the log", log)
	assert.Zero(t, leaks)
	t.Logf("%d renderings of %d values, %d secrets in each of %d forms: %d leaks",
		cells, len(values), len(secrets), len(disguises("a secret")), leaks)
}

// TestSecretsAreFound proves that the cross would see a leak.
func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	type bare gen.ConnectSessionTokenAuthLink // without the methods
	for name, secret := range secrets {
		for rendering, shown := range renderings(bare{Token: secret}) {
			if strings.Contains("%d %o %t %c %U %e %10.3v % x %#x", rendering) {
				continue // they garble a string, whether secret or not
			}
			found := false
			for _, disguise := range disguises(secret) {
				found = found || strings.Contains(shown, disguise)
			}
			assert.True(t, found, "%s as %s: %s", name, rendering, shown)
		}
	}
}

// secretive returns values that hold or have met the secrets, made by calls of a
// server and transports that repeat every secret wherever they can.
func secretive(t *testing.T) (values map[string]any, log string) {
	t.Helper()
	link := gen.ConnectSessionTokenAuthLink{
		ID: 1, Token: secrets["token"], AuthLinkURL: secrets["auth_link_url"], ExternalTriggerToken: secrets["external_trigger_token"],
	}
	session := gen.ConnectSession{ID: 1, ExternalTriggerToken: secrets["external_trigger_token"]}
	request := gen.ConnectSessionAuthenticate{Token: secrets["token"]}
	sessionBody, err := json.Marshal(link)
	require.NoError(t, err)

	// Of the secrets, the service can repeat in an error those that it was sent.
	encoded := base64.StdEncoding.EncodeToString([]byte(secrets["key"] + ":"))
	said := fmt.Sprintf("%s %s Basic %s %s", secrets["key"], secrets["token"], encoded, url.QueryEscape(secrets["token"]))
	status, body := 401, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Request-Id", said)
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
		client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}))
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
			"with a message":     fmt.Sprintf(`{"message":%q,"data":{"message":%q},"timestamp":%q}`, said, said, said),
			"with messages":      fmt.Sprintf(`{"message":[%q,{"x":%q}]}`, said, said),
			"with an odd member": fmt.Sprintf(`{"token":%q,"id":%q,"created_at":%q}`, said, said, said),
			"with a bad time":    fmt.Sprintf(`{"created_at":%q}`, said),
			"without JSON":       said,
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

	add("of the transport", authenticate(client.WithHTTPClient(&http.Client{Transport: roundTripper(
		func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("%s, sent with %v to https://proxy:%s@host", said, r.Header["Authorization"], secrets["password"])
		})})))
	add("of the key function", authenticate(client.WithAPIKeyFunc(func(context.Context) (string, error) {
		return secrets["key"] + "\n:", nil
	})))
	_, err = client.New(client.WithAPIKey(secrets["key"]+":"), client.WithBasicAuth(secrets["key"]+":", secrets["password"]),
		client.WithBaseURL("https://user:"+secrets["password"]+"@host"), client.WithHeader("X", secrets["password"]+"\n"))
	add("of New", err)

	func() {
		defer func() { values["panic"] = recover() }()
		_ = authenticate(client.WithHTTPClient(&http.Client{Transport: roundTripper(
			func(r *http.Request) (*http.Response, error) { panic(fmt.Sprintf("%+v %v", r.Body, r.Context())) })}))
	}()
	require.NotNil(t, values["panic"])
	return values, logged.String()
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestSessionEncodes says that encoding/json, which hands a session on, hides nothing.
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

// TestMoreSecrets are those that the cross of TestSecrets has no place for.
func TestMoreSecrets(t *testing.T) {
	t.Parallel()
	t.Run("a key of an earlier attempt", func(t *testing.T) {
		t.Parallel()
		keys := []string{"first-secret", "second-secret"}
		attempts := 0
		c := answering(t, 0, nil, "", client.WithHTTPClient(&http.Client{Transport: roundTripper(
			func(r *http.Request) (*http.Response, error) {
				body := fmt.Sprintf(`{"message":"%s is not %s"}`, keys[0], r.Header.Get("Authorization"))
				return &http.Response{StatusCode: 429, Body: io.NopCloser(strings.NewReader(body))}, nil
			})}), client.WithRetryPolicy(client.RetryPolicy{MinBackoff: 1, MaxBackoff: 1}))
		err := create(c, client.WithAPIKeyFunc(func(context.Context) (string, error) {
			attempts++
			return keys[min(attempts, 2)-1], nil
		}))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "secret")
		assert.NotContains(t, err.Error(), base64.RawStdEncoding.EncodeToString([]byte("second-secret")))
	})
	t.Run("other spellings of the key, and details", func(t *testing.T) {
		t.Parallel()
		const key = "key-secret?>" // base64 and base64url differ
		raw := []byte(key + ":")
		for _, said := range []string{
			base64.RawStdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw), base64.StdEncoding.EncodeToString([]byte(key)),
		} {
			body := fmt.Sprintf(`{"message":%[1]q,"data":{"message":%[1]q},"provider_errors":[{"raw":{"m":%[1]q}}]}`, said)
			api := requireAPIError(t, create(answering(t, 400, nil, body, client.WithAPIKey(key))), "create_connect_session", 400)
			core := strings.TrimRight(said, "=")
			assert.NotContains(t, api.Error(), core)
			assert.NotContains(t, fmt.Sprintf("%+v %+v", *api.Data, api.ProviderErrors), core)
			assert.Contains(t, api.Data.Message, "[redacted]")
		}
	})
	// Masks work on what a text means, not on how it is written.
	t.Run("escaped in an error's body", func(t *testing.T) {
		t.Parallel()
		const key = "ab/cd+ef=="
		for name, said := range map[string]string{
			"JSON's slash":              `ab\/cd+ef==`,
			"JSON's code points":        `\u0061b\u002fcd\u002Bef==`,
			"JSON in JSON":              `{\"key\":\"ab\\/cd+ef==\"}`,
			"JSON in JSON, code points": `{\"key\":\"\\u0061b/cd+ef==\"}`,
			"percent encoding":          `ab%2Fcd%2Bef%3D%3D`,
			"lower-case percent":        `ab%2fcd%2bef%3d%3d`,
			"mixed percent":             `ab%2fcd+ef=%3D`,
			"every character":           `%61%62%2f%63%64%2b%65%66%3d%3d`,
			"percent twice":             `ab%252Fcd%252Bef%253D%253D`,
			"HTML":                      `ab&#47;cd&#x2b;ef&#61;=`,
			"Go":                        `ab\\x2fcd\\x2bef==`,
			"plain":                     `ab/cd+ef==`,
		} {
			body := fmt.Sprintf(`{"message":"no %[1]s","data":{"message":"no %[1]s","headers":{"%[1]s":["%[1]s"]}},`+
				`"provider_errors":[{"raw":{"m":{"deep":"%[1]s"}},"url":"https://x/?k=%[1]s"}]}`, said)
			api := requireAPIError(t, create(answering(t, 400, nil, body, client.WithAPIKey(key))), opCreate, 400)
			for _, text := range []string{api.Error(), api.Message, fmt.Sprintf("%+v", api.Data), fmt.Sprintf("%+v", api.ProviderErrors)} {
				assert.Contains(t, text, "[redacted]", name)
				assert.NotContains(t, text, "cd+", name)
				assert.NotContains(t, text, "cd%", name)
				assert.NotContains(t, text, "%63", name)
				assert.NotContains(t, text, "cd\\", name)
				assert.NotContains(t, text, "cd&", name)
			}
		}
	})
	// An error's body may quote the session that it is about.
	t.Run("a session inside an error's body", func(t *testing.T) {
		t.Parallel()
		for _, body := range []string{
			`{"message":"response failed validation: {\"token\":\"tok_live\",\"auth_link_url\":\"https://hub/tok_live\"}"}`,
			`{"message":"{\"deep\":\"{\\\"token\\\":\\\"tok_live\\\"}\"}"}`,
			`{"error":{"body":{"token":"tok_live"}}}`,
			`{"message":{"Token" : "tok_live"}}`,
			`{"errors":[{"value":{"external_trigger_token":"tok_live"}}]}`,
			`{"message":"no","data":{"headers":{"token":"tok_live"}},"provider_errors":[{"raw":{"token":"tok_live"}}]}`,
			`{"data":{"token":"tok_live"},"message":"tok_live is odd"}`,
			`{"token":"tok_live","token":"other","message":"tok_live is odd"}`,
			`{"token":"tok_live","message":"cut`,
		} {
			header := http.Header{"X-Request-Id": {"of tok_live"}, "Content-Type": {"text/tok_live"}}
			for _, status := range []int{502, 201} {
				err := create(answering(t, status, header, body))
				var api *client.APIError
				if errors.As(err, &api) {
					assert.NotContains(t, fmt.Sprintf("%v %+v %+v", api.Message, api.Data, api.ProviderErrors), "tok_live", body)
				}
				if err != nil {
					assert.NotContains(t, err.Error(), "tok_live", body)
				}
			}
		}
	})
	t.Run("a token of an earlier answer", func(t *testing.T) {
		t.Parallel()
		c := through(t, scripted(answers(429, `{"token":"tok_live"}`), answers(400, `{"message":"tok_live is odd"}`)), client.WithRetryPolicy(quick))
		assert.NotContains(t, create(c).Error(), "tok_live")
	})
	t.Run("within base64, at any offset", func(t *testing.T) {
		t.Parallel()
		const key = "v1.eu.the-api-key-of-acme"
		for offset := range 4 {
			for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
				said := e.EncodeToString([]byte("Bearer:"[:offset] + key + "::"[:offset/2]))
				err := create(answering(t, 400, nil, fmt.Sprintf(`{"message":%q}`, "no "+said), client.WithAPIKey(key)))
				assert.Contains(t, err.Error(), "[redacted]")
				assert.NotContains(t, err.Error(), said[8:len(said)-8])
			}
		}
	})
	t.Run("a key that looks escaped", func(t *testing.T) {
		t.Parallel()
		err := create(answering(t, 400, nil, `{"message":"no p%41ss\\/word"}`, client.WithBasicAuth("user", "p%41ss/word")))
		assert.NotContains(t, err.Error(), "word")
	})
	t.Run("the key of a function that fails", func(t *testing.T) {
		t.Parallel()
		err := create(answering(t, 201, nil, link), client.WithAPIKeyFunc(func(context.Context) (string, error) {
			return "rotated-key", errors.New("rotated-key is revoked")
		}))
		assert.NotContains(t, err.Error(), "rotated-key")
	})
	t.Run("short secrets garble nothing", func(t *testing.T) {
		t.Parallel()
		err := create(answering(t, 404, nil, `{"message":"Session has expired"}`, client.WithBasicAuth("api", "s")))
		assert.ErrorContains(t, err, "Session has expired")
		_, err = through(t, roundTripper(func(*http.Request) (*http.Response, error) { return nil, io.EOF }), client.WithBasicAuth("GET", "s")).Generated().CreateConnectSessionWithBody(
			t.Context(), "", nil, func(_ context.Context, r *http.Request) error { r.Method = http.MethodGet; return nil })
		assert.ErrorContains(t, err, "GET /connect_sessions")
		assert.False(t, client.MaybeCreated(err))
	})
	t.Run("a request ID in the log", func(t *testing.T) {
		t.Parallel()
		for id, body := range map[string]string{
			base64.RawURLEncoding.EncodeToString([]byte(testKey + ":")): link,
			"token-1":    link,
			"tok_live-7": `{"Token":"tok_live-7"}`,
			"tok_live-8": `{"tok\u0065n":"tok_live-8"}`,
		} {
			var log bytes.Buffer
			_ = create(answering(t, 201, http.Header{"X-Request-Id": {id}}, body, client.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))))
			assert.NotContains(t, log.String(), id)
		}
	})
	t.Run("a key of digits as a number", func(t *testing.T) {
		t.Parallel()
		err := create(answering(t, 400, nil, `{"message":5550123,"data":{"headers":{"key":5550123,"n":1.50}}}`, client.WithAPIKey("5550123")))
		api := requireAPIError(t, err, opCreate, 400)
		assert.NotContains(t, fmt.Sprintf("%v %v %+v", err, api.Message, api.Data), "5550123")
	})
	t.Run("a time that is none", func(t *testing.T) {
		t.Parallel()
		err := create(answering(t, 201, nil, `{"token":"t","auth_link_url":"u","created_at":"planted-token"}`))
		for ; err != nil; err = errors.Unwrap(err) {
			assert.NotContains(t, fmt.Sprintf("%v %+v", err, err), "planted-token")
		}
	})
}
