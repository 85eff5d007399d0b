package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// takenOver returns what the overlay's first page adds.
func takenOver(t testing.TB, overlay string) map[string]any {
	t.Helper()
	_, text, _ := strings.Cut(contents(t, overlay), pagesBegin)
	text, _, _ = strings.Cut(text, pagesEnd)
	var actions []struct{ Update map[string]any }
	require.NoError(t, yaml.Unmarshal([]byte(text), &actions))
	return actions[0].Update
}

func TestAdd(t *testing.T) {
	t.Parallel()
	added := func(t *testing.T, page string, args ...string) (overlay string, code int, stdout, stderr string) {
		t.Helper()
		overlay = filepath.Join(t.TempDir(), "overlay.yaml")
		require.NoError(t, os.WriteFile(overlay, []byte(contents(t, overlayFile)), 0o640))
		code, stdout, stderr = drift(t, page, append([]string{"-overlay", overlay, "-add"}, args...)...)
		return overlay, code, stdout, stderr
	}
	t.Run("keeps the rest of the overlay and the text of the page", func(t *testing.T) {
		t.Parallel()
		overlay, code, stdout, stderr := added(t, asPage(accounts))
		assert.Equal(t, exitSame, code, stderr)
		assert.Regexp(t, "\\A## Added from `[^`]+page.md` \\(2\\)\n\n- `GET /made_up_accounts`\n- `PATCH /made_up_accounts/{id}`\n\\z", stdout)
		before, after, _ := strings.Cut(contents(t, overlayFile), pagesBegin)
		text := contents(t, overlay)
		assert.True(t, strings.HasPrefix(text, before+pagesBegin))
		assert.True(t, strings.HasSuffix(text, after))
		info, err := os.Stat(overlay)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o640), info.Mode())
		assert.Equal(t, accounts, contents(t, filepath.Join(filepath.Dir(overlay), "pages", "page.yaml")))

		again := swap("id:\n          type: string", "id:\n          type: integer")(t, accounts)
		_, stdout, _ = drift(t, asPage(again), "-overlay", overlay)
		assert.Equal(t, []string{"May break callers | `MadeUpAccount.id`: `type` `string` → `integer` (`response 200 of GET /made_up_accounts`)"}, lines(stdout))
		code, _, stderr = drift(t, asPage(again), "-overlay", overlay, "-add")
		assert.Equal(t, exitSame, code, stderr)
		assert.Equal(t, 1, strings.Count(contents(t, overlay), "MadeUpAccount:"), "the page is taken anew")
		assert.Equal(t, again, contents(t, filepath.Join(filepath.Dir(overlay), "pages", "page.yaml")))
	})
	t.Run("keeps our components and lists those that differ", func(t *testing.T) {
		t.Parallel()
		_, code, stdout, _ := added(t, asPage(swap("type: number", "type: string", "    RequestTimedOutResponse:")(t, accounts)))
		assert.Equal(t, exitSame, code)
		assert.Contains(t, stdout, "### Described differently there, ours kept (1)\n\n- `schemas/RequestTimedOutResponse`\n")
	})
	t.Run("adds a method to a path of ours", func(t *testing.T) {
		t.Parallel()
		page := asPage(swap("  /made_up_accounts:\n", "  /connect_sessions:\n    parameters:\n      - {name: region, in: query, schema: {type: string}}\n")(t, accounts))
		overlay, code, stdout, stderr := added(t, page)
		assert.Equal(t, exitSame, code, stderr)
		assert.Contains(t, stdout, "`GET /connect_sessions`")
		item := object(takenOver(t, overlay), "paths", "/connect_sessions")
		assert.Len(t, item, 1, "only the operation is added to the path")
		assert.Len(t, object(item, "get")["parameters"], 3)
		code, stdout, _ = drift(t, asPage(vendoredText(t)), "-overlay", overlay)
		assert.Equal(t, exitSame, code, stdout)
	})
	t.Run("adds an operation behind a path's reference", func(t *testing.T) {
		t.Parallel()
		page := asPage(remade(func(m map[string]any) {
			paths := object(m, "paths")
			object(m, "components")["pathItems"] = map[string]any{"Accounts": paths["/made_up_accounts"]}
			paths["/made_up_accounts"] = map[string]any{"$ref": "#/components/pathItems/Accounts"}
		}, yaml.Marshal)(t, accounts))
		overlay, code, stdout, stderr := added(t, page)
		assert.Equal(t, exitSame, code, stderr)
		assert.Contains(t, stdout, "`GET /made_up_accounts`")
		assert.NotNil(t, object(takenOver(t, overlay), "paths", "/made_up_accounts", "get")["responses"])
	})
	t.Run("gives an operation the security that it inherits", func(t *testing.T) {
		t.Parallel()
		overlay, code, _, stderr := added(t, asPage(both(swap("      security:\n        - basic: []\n", ""), swap("servers:", "security: [{basic: []}]\nservers:"))(t, accounts)))
		assert.Equal(t, exitSame, code, stderr)
		assert.NotEmpty(t, object(takenOver(t, overlay), "paths", "/made_up_accounts", "get")["security"])
	})
	t.Run("keeps values in the order of their names", func(t *testing.T) {
		t.Parallel()
		overlay, code, _, stderr := added(t, asPage(swap("[active, inactive, null]", "[z, a]\n          x-enum-varnames: [Zed, Ay]")(t, accounts)))
		assert.Equal(t, exitSame, code, stderr)
		status := object(takenOver(t, overlay), "components", "schemas", "MadeUpAccount", "properties", "status")
		assert.Equal(t, []any{"z", "a"}, status["enum"])
		assert.Equal(t, []any{"Zed", "Ay"}, status["x-enum-varnames"])
	})
	for _, row := range []struct{ name, page, reason string }{
		{"known operations", asPage(vendoredText(t)), "all of its operations have been added already"},
		{"HTML", "<html>", "HTML"},
		{"an instruction to the generator", asPage(swap("          type: string\n", "          type: string\n          x-go-type: x.ID\n          x-go-type-import: {path: example.com/x}\n", "MadeUpAccount:")(t, accounts)), "`/components/schemas/MadeUpAccount/properties/id` has `x-go-type`, an instruction to our generator, which only the overlay may give"},
		{"names by a position that changes", asPage(swap("[active, inactive, null]", "[active, null, inactive]\n          x-enum-varnames: [A, B, C]")(t, accounts)), "names its enum values by position"},
		{"names by a position that changes, spelled in another way", asPage(swap("[active, inactive, null]", "[active, null, inactive]\n          x-enumNames: [A, B, C]")(t, accounts)), "names its enum values by position"},
		{"an instruction about empty fields", asPage(swap("          type: string\n", "          type: string\n          x-omitempty: false\n", "MadeUpAccount:")(t, accounts)), "has `x-omitempty`, an instruction to our generator"},
		{"an instruction in a property called default", asPage(swap("        id:\n", "        default: {type: string, x-go-type: x.ID}\n        id:\n", "    MadeUpAccount:")(t, accounts)), "`/components/schemas/MadeUpAccount/properties/default` has `x-go-type`"},
		{"an instruction in data that is referred to", asPage(both(swap("paths:\n", "x-schemas: {A: {type: string, x-go-type: x.ID}}\npaths:\n"), swap("        id:\n", "        other: {$ref: '#/x-schemas/A'}\n        id:\n", "    MadeUpAccount:"))(t, accounts)), "`/x-schemas/A` has `x-go-type`"},
		{"an instruction in base64", asPage(swap("          type: string\n", "          type: string\n          !!binary eC1nby10eXBl: exec.Cmd\n", "MadeUpAccount:")(t, accounts)), "`/components/schemas/MadeUpAccount/properties/id` has `x-go-type` in a spelling that only our generator understands"},
		{"a parameter that is described as a body", asPage(swap("          schema:\n            type: string\n", "          content: {text/plain: {schema: {type: string}}}\n", "in: path")(t, accounts)), "`PATCH /made_up_accounts/{id}`: the parameter `path id` has no schema"},
		{"a list in a path", asPage(swap("            type: string\n", "            type: array\n            items: {type: string}\n", "in: path")(t, accounts)), "`PATCH /made_up_accounts/{id}`: the parameter `path id` has no schema of a single value"},
		{"a parameter in other case", asPage(swap("          in: path\n", "          In: path\n")(t, accounts)), "`/paths//made_up_accounts/{id}/patch/parameters/0` has `in` in a spelling that only our generator understands"},
		{"a change that sends what authenticate returns", asPage(all("MadeUpAccountUpdate", "ConnectSession")(t, accounts)), "`PATCH /made_up_accounts/{id}` sends `ConnectSession`, whose Go type"},
		{"an operation for bearer tokens", asPage(both(swap("        - basic: []\n", "        - token: []\n"), swap("    basic:\n", "    token: {type: http, scheme: bearer}\n    basic:\n"))(t, accounts)), "`GET /made_up_accounts` does not accept basic authentication"},
		{"a change that would need to leave out members of a type of ours", asPage(both(swap("  schemas:\n", "  schemas:\n    ConnectSessionCreate: {type: object, properties: {label: {type: string}}}\n"), swap("        enabled:\n", "        session: {$ref: '#/components/schemas/ConnectSessionCreate'}\n        enabled:\n"))(t, accounts)), "`PATCH /made_up_accounts/{id}` sends `ConnectSessionCreate`, whose Go type cannot leave out a member and clear another"},
		{"types in a list", asPage(swap("            type: string\n            nullable: true\n", "            type: [string, 'null']\n")(t, accounts)), "has a list of types, as in OpenAPI 3.1"},
		{"a scheme that is missing", asPage(strings.Replace(accounts, "    basic:\n", "    bearer:\n", 1)), "security scheme \"basic\" is missing or incomplete"},
		{"another server", asPage(swap("https://api.stackone.com", "https://eu.stackone.com")(t, accounts)), "its operations are at `https://eu.stackone.com`, and the client calls `https://api.stackone.com`"},
		{"a server of one operation", asPage(swap("      operationId:", "      servers: [{url: 'https://eu.stackone.com'}]\n      operationId:")(t, accounts)), "its operations are at `https://eu.stackone.com`, and the client calls `https://api.stackone.com`"},
		{"a truncated page", asPage(accounts[:strings.Index(accounts, "    MadeUpAccount:")]), "has no target"},
		{"an operation without responses", asPage(accounts[:strings.Index(accounts, "      responses:")] + accounts[strings.Index(accounts, "      security:"):]), "responses"},
	} {
		t.Run("not "+row.name, func(t *testing.T) {
			t.Parallel()
			overlay, code, stdout, stderr := added(t, row.page)
			requireUnknown(t, code, stdout, stderr, row.reason)
			assert.Equal(t, contents(t, overlayFile), contents(t, overlay))
		})
	}
	t.Run("compares a page that has an operation of ours with its own file", func(t *testing.T) {
		t.Parallel()
		mixed := swap("paths:\n", "paths:\n  /connect_sessions: {post: {responses: {'200': {description: x}}}}\n")(t, accounts)
		overlay, code, _, stderr := added(t, asPage(mixed))
		assert.Equal(t, exitSame, code, stderr)
		code, stdout, _ := drift(t, asPage(mixed), "-overlay", overlay)
		assert.Equal(t, exitSame, code, stdout)
	})
	t.Run("reports what the page adds, not what another does", func(t *testing.T) {
		t.Parallel()
		overlay, code, _, stderr := added(t, asPage(accounts))
		assert.Equal(t, exitSame, code, stderr)
		other := filepath.Join(t.TempDir(), "Z.md")
		require.NoError(t, os.WriteFile(other, []byte(asPage(strings.ReplaceAll(accounts, "made_up_accounts", "others"))), 0o600))
		code, stdout, stderr := command(t, "-overlay", overlay, "-add", other)
		assert.Equal(t, exitSame, code, stderr)
		assert.Contains(t, stdout, "(2)\n\n- `GET /others`\n- `PATCH /others/{id}`\n")
		_, stdout, _ = drift(t, asPage(accounts), "-overlay", overlay, "-add")
		assert.Contains(t, stdout, "(2)\n\n- `GET /made_up_accounts`\n- `PATCH /made_up_accounts/{id}`\n")
	})
	t.Run("not over a page of the same name", func(t *testing.T) {
		t.Parallel()
		overlay, code, _, stderr := added(t, asPage(accounts))
		assert.Equal(t, exitSame, code, stderr)
		page := filepath.Join(filepath.Dir(overlay), "pages", "page.yaml")
		code, stdout, stderr := drift(t, asPage(strings.ReplaceAll(accounts, "made_up_accounts", "others")), "-overlay", overlay, "-add")
		requireUnknown(t, code, stdout, stderr, "page.yaml has the operations of another page; give this one another name")
		assert.Equal(t, accounts, contents(t, page))
	})
	for name, page := range map[string]string{
		"either basic or a token":    asPage(both(swap("        - basic: []\n", "        - token: []\n        - basic: []\n"), swap("    basic:\n", "    token: {type: http, scheme: bearer}\n    basic:\n"))(t, accounts)),
		"open to all":                asPage(swap("      security:\n        - basic: []\n", "      security: []\n")(t, accounts)),
		"a server with a slash":      asPage(swap("https://api.stackone.com", "https://api.stackone.com/")(t, accounts)),
		"basic in capitals":          asPage(swap("scheme: basic", "scheme: Basic")(t, accounts)),
		"a parameter of either type": asPage(swap("          schema:\n            type: number\n", "          schema: {oneOf: [{type: number}, {type: string}]}\n")(t, accounts)),
		"an example with quotes":     asPage(swap("          example: '1'\n", "          example: {name: 'The \"best\"', enum: ['\"'], servers: [{url: 'http://x'}], $ref: z}\n", "MadeUpAccount:")(t, accounts)),
		"a property called example":  asPage(swap("        id:\n", "        example: {type: string}\n        id:\n", "    MadeUpAccount:")(t, accounts)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, code, _, stderr := added(t, page)
			assert.Equal(t, exitSame, code, stderr)
		})
	}
	t.Run("not with -update", func(t *testing.T) {
		t.Parallel()
		_, code, stdout, stderr := added(t, asPage(accounts), "-update")
		requireUnknown(t, code, stdout, stderr, "-add")
	})
	t.Run("not without a source", func(t *testing.T) {
		t.Parallel()
		code, stdout, stderr := command(t, "-add")
		requireUnknown(t, code, stdout, stderr, "-add needs a source")
	})
}
