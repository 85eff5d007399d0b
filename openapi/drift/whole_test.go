package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// asWhole makes the vendored description part of a larger one, as upstream would write it:
// with authenticate in upstream's types and names, with other operations, and with another
// title, version and dialect.
func asWhole(t testing.TB, description string) string {
	t.Helper()
	var m map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(description), &m))
	components := m["components"].(map[string]any)
	schemas := components["schemas"].(map[string]any)
	paths := m["paths"].(map[string]any)

	var session map[string]any
	b, err := json.Marshal(schemas["ConnectSessionTokenAuthLink"])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &session))
	for _, secret := range []string{"token", "auth_link_url"} {
		delete(session["properties"].(map[string]any), secret)
		session["required"] = slices.DeleteFunc(session["required"].([]any), func(v any) bool { return v == secret })
	}
	session["description"] = "Upstream's words."
	session["properties"].(map[string]any)["latest_connection_attempt"].(map[string]any)["allOf"] = []any{map[string]any{"$ref": "#/components/schemas/Attempt"}}
	schemas["Session"] = session
	schemas["Attempt"] = schemas["ConnectSessionLatestAttempt"]
	delete(schemas, "ConnectSessionLatestAttempt")
	b, err = yaml.Marshal(schemas["ConnectSessionTokenAuthLink"])
	require.NoError(t, err)
	var link any
	require.NoError(t, yaml.Unmarshal([]byte(strings.ReplaceAll(string(b), "ConnectSessionLatestAttempt", "Attempt")), &link))
	schemas["ConnectSessionTokenAuthLink"] = link
	schemas["Account"] = map[string]any{"type": "object", "properties": map[string]any{"parent": ref("Account"), "session": ref("Session")}}

	responses := map[string]any{}
	maps.Copy(responses, object(m, "paths", "/connect_sessions", "post", "responses"))
	responses["201"] = map[string]any{"description": "The session.", "content": content(ref("Session"))}
	paths["/connect_sessions/authenticate"] = map[string]any{"post": map[string]any{
		"operationId": "stackone_authenticate_connect_session", "tags": []any{"Sessions"},
		"requestBody": map[string]any{"required": true, "content": content(map[string]any{
			"type": "object", "required": []any{"token"}, "properties": map[string]any{"token": map[string]any{"type": "string"}},
		})},
		"responses": responses, "x-speakeasy-group": "connect_sessions",
	}}
	paths["/accounts"] = map[string]any{"get": map[string]any{"responses": map[string]any{"200": map[string]any{"description": "", "content": content(ref("Account"))}}}}
	m["security"] = []any{map[string]any{"basic": []any{}}}
	m["info"] = map[string]any{"title": "Unified API", "version": "2"}
	m["openapi"] = "3.0.3"
	m["x-speakeasy-retries"] = map[string]any{}
	m["tags"] = []any{}
	b, err = yaml.Marshal(m)
	require.NoError(t, err)
	return string(b)
}

func ref(name string) any { return map[string]any{"$ref": "#/components/schemas/" + name} }

func content(schema any) any {
	return map[string]any{"application/json": map[string]any{"schema": schema}}
}

func TestWholeDescription(t *testing.T) {
	t.Parallel()
	const read = " (`response 201 of POST /connect_sessions/authenticate`)"
	for _, row := range []struct {
		name string
		edit edit
		want []string
	}{
		{"holds exactly our operations, and others", both(), nil},
		{"as JSON", remade(func(map[string]any) {}, json.Marshal), nil},
		{"another operation changed", swap("  /accounts:\n", "  /people:\n"), nil},
		{"another schema changed", swap("                parent:\n", "                mother:\n"), nil},
		{"field of create's answer", swap("                    type: number\n", "                    type: string\n", "        ConnectSessionTokenAuthLink:"), []string{"May break callers | `ConnectSessionTokenAuthLink.id`: `type` `number` → `string`" + answered}},
		{"field of authenticate's answer", swap("                    type: number\n", "                    type: string\n", "        Session:"), []string{"May break callers | `ConnectSession.id`: `type` `number` → `string`" + read}},
		{"field of authenticate's request", swap("                                token:\n", "                                session_token:\n"), []string{
			"May break callers | `ConnectSessionAuthenticate`: property `token` removed (`request of POST /connect_sessions/authenticate`)",
			"New | `ConnectSessionAuthenticate`: property `session_token` added (`request of POST /connect_sessions/authenticate`)",
		}},
		{"schema of both answers, reported once", swap("                        - pending\n", "                        - pending\n                        - expired\n", "        Attempt:"), []string{
			"New | `ConnectSessionLatestAttempt.status`: enum value `expired` added (`response 201 of POST /connect_sessions`, `response 201 of POST /connect_sessions/authenticate`)",
		}},
		{"text of authenticate", swap("The most recent connection attempt", "The last connection attempt", "        Session:"), nil},
		{"text of create that is new", swap("                provider:\n", "                provider:\n                    description: The provider.\n", "        ConnectSessionTokenAuthLink:"), []string{"Documentation | `ConnectSessionTokenAuthLink.provider`: `description` none → `The provider.`" + answered}},
		{"rule that is new", swap("                    type: number\n", "                    type: number\n                    minimum: 1\n", "        ConnectSessionTokenAuthLink:"), []string{"May break callers | `ConnectSessionTokenAuthLink.id`: `minimum` none → `1`" + answered}},
		{"extension that changed", swap("x-speakeasy-unknown-values: allow", "x-speakeasy-unknown-values: deny", "        ConnectSessionCreate:"), []string{"Documentation | `ConnectSessionCreate.categories`: `x-speakeasy-unknown-values` `allow` → `deny`" + asked}},
		{"text that is ours", swap("Upstream's words.", "Other words."), nil},
		{"directions to a generator", swap("  /connect_sessions:\n        post:\n", "  /connect_sessions:\n        post:\n            x-speakeasy-name-override: create\n"), nil},
		{"another scheme under the same name", swap("scheme: basic", "scheme: bearer"), []string{"May break callers | `API security scheme basic`: `scheme` `basic` → `bearer`"}},
		{"a scheme that we do not use", swap("securitySchemes:\n", "securitySchemes:\n        token: {type: http, scheme: bearer}\n"), nil},
		{"authenticate removed", swap("  /connect_sessions/authenticate:\n", "  /sessions/authenticate:\n"), []string{"May break callers | `API`: operation `POST /connect_sessions/authenticate` removed"}},
		{"create removed", swap("  /connect_sessions:\n", "  /sessions:\n"), []string{"May break callers | `API`: operation `POST /connect_sessions` removed"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := drift(t, row.edit(t, asWhole(t, vendoredText(t))))
			t.Log(stdout, stderr)
			assert.Empty(t, stderr)
			assert.Equal(t, row.want, lines(stdout))
			assert.Equal(t, min(1, len(row.want)), code)
		})
	}
}

func TestWholeDescriptionWithOtherNames(t *testing.T) {
	t.Parallel()
	base := swap("            - $ref: '#/components/schemas/UnifiedError'\n", "            - $ref: '#/components/schemas/UnifiedError'\n            - $ref: '#/components/schemas/ProviderError'\n")(t, vendoredText(t))
	file := filepath.Join(t.TempDir(), "vendored.yaml")
	require.NoError(t, os.WriteFile(file, []byte(base), 0o600))
	code, stdout, stderr := drift(t, all("ProviderError", "ProblemOfProvider")(t, asWhole(t, base)), "-vendored", file)
	assert.Equal(t, exitSame, code, "%s%s", stdout, stderr)
}

func TestOverlay(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(overlayFile)
	require.NoError(t, err)
	text := string(b)
	guard := text[strings.Index(text, "  - target: $.components.schemas.*.properties.statusCode"):]
	guard = guard[:strings.Index(guard, "\n  - ")+1]
	authenticate := "  /connect_sessions/authenticate:\n"

	for _, row := range []struct {
		name, overlay string
		edit          edit
		reason        string
	}{
		{"unchanged", text, both(), ""},
		{"corrections last", strings.Replace(text, guard, "", 1) + guard, both(), ""},
		{"without additions", "overlay: 1.1.0\ninfo: {title: x, version: y}\nactions: []\n", swap(authenticate, "  /sessions/authenticate:\n"), ""},
		{"an addition with a dangling reference", text + "  - target: $.paths\n    x-adds: true\n    update:\n      /x: {get: {responses: {'200': {$ref: '#/components/responses/Gone'}}}}\n", both(), "has no target"},
		{"no YAML", "{", both(), "overlay"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "overlay.yaml")
			require.NoError(t, os.WriteFile(file, []byte(row.overlay), 0o600))
			code, stdout, stderr := drift(t, row.edit(t, asWhole(t, vendoredText(t))), "-overlay", file)
			if row.reason != "" {
				requireUnknown(t, code, stdout, stderr, row.reason)
				return
			}
			assert.Equal(t, exitSame, code, "%s%s", stdout, stderr)
		})
	}
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		code, stdout, stderr := drift(t, asWhole(t, vendoredText(t)), "-overlay", "nowhere.yaml")
		requireUnknown(t, code, stdout, stderr, "nowhere.yaml")
		code, _, _ = drift(t, asPage(vendoredText(t)), "-overlay", "nowhere.yaml")
		assert.Equal(t, exitSame, code, "a page is compared without it")
	})
}

// Without the mark the drift check would ignore an operation that the overlay adds.
func TestAdditionsAreMarked(t *testing.T) {
	t.Parallel()
	v, err := load(options{vendored: "../connect-sessions.yaml", overlay: "../overlay.yaml"}, vendoredText(t))
	require.NoError(t, err)
	marked, err := v.everything()
	require.NoError(t, err)
	all, loose, err := v.apply(v.files[0].tree, func(action) bool { return true })
	require.NoError(t, err)
	assert.Empty(t, loose)
	assert.Equal(t, all.calls(), marked.calls())
	assert.Greater(t, len(all.calls()), 1)
}
