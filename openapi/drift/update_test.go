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
)

// copied returns a copy of the vendored file in a new folder.
func copied(t testing.TB) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "connect-sessions.yaml")
	require.NoError(t, os.WriteFile(file, []byte(vendoredText(t)), 0o640))
	return file
}

func contents(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(b)
}

// withAccounts returns copies of the vendored file and of the overlay, to which the page
// with accounts has been added.
func withAccounts(t testing.TB) (file, overlay string) {
	t.Helper()
	file, overlay = copied(t), filepath.Join(t.TempDir(), "overlay.yaml")
	require.NoError(t, os.WriteFile(overlay, []byte(contents(t, overlayFile)), 0o600))
	code, _, stderr := drift(t, asPage(accounts), "-vendored", file, "-overlay", overlay, "-add")
	assert.Equal(t, exitSame, code, stderr)
	return file, overlay
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	changed := strings.Replace(vendoredText(t), "default: 1800", "default: 3600 # an hour", 1) + "\n"

	t.Run("copies the page's description byte for byte", func(t *testing.T) {
		t.Parallel()
		file := copied(t)
		code, stdout, stderr := drift(t, strings.ReplaceAll(asPage(changed), "\n", "\r\n"), "-vendored", file, "-update")
		assert.Equal(t, exitSame, code, stderr)
		assert.Equal(t, []string{"May break callers | `ConnectSessionCreate.expires_in`: `default` `1800` → `3600`" + asked}, lines(stdout))
		assert.Contains(t, stdout, "has been replaced")
		assert.Equal(t, changed, contents(t, file))

		info, err := os.Stat(file)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o640), info.Mode())
		entries, err := os.ReadDir(filepath.Dir(file))
		require.NoError(t, err)
		assert.Len(t, entries, 1, "nothing else is written")

		code, stdout, _ = drift(t, asPage(changed), "-vendored", file)
		assert.Equal(t, exitSame, code, stdout)
	})
	t.Run("takes the operations of a page that the first page has gained from the overlay", func(t *testing.T) {
		t.Parallel()
		file, overlay := withAccounts(t)
		assert.NotEmpty(t, object(takenOver(t, overlay), "components", "schemas", "MadeUpAccount"))
		gained := swap("  schemas:\n", "  schemas:\n    MadeUpAccount: {type: object, properties: {id: {type: integer}}}\n")(t, vendoredText(t))
		gained = swap("paths:\n", "paths:\n  /made_up_accounts: {get: {parameters: [{name: q, in: query, required: true, schema: {type: string}}], responses: {'200': {description: x}}}}\n")(t, gained)
		code, _, stderr := drift(t, asPage(gained), "-vendored", file, "-overlay", overlay, "-update")
		assert.Equal(t, exitSame, code, stderr)
		assert.Equal(t, gained, contents(t, file))
		left := takenOver(t, overlay)
		assert.NotContains(t, object(left, "components", "schemas"), "MadeUpAccount")
		assert.Equal(t, []string{"/made_up_accounts/{id}"}, slices.Collect(maps.Keys(object(left, "paths"))))
		code, stdout, stderr := drift(t, asPage(gained), "-vendored", file, "-overlay", overlay)
		assert.Equal(t, exitSame, code, stdout+stderr)
	})
	t.Run("not when a page could no longer send what it does", func(t *testing.T) {
		t.Parallel()
		file, overlay := withAccounts(t)
		gained := swap("  schemas:\n", "  schemas:\n    MadeUpAccountUpdate: {type: object, properties: {enabled: {type: boolean}}}\n")(t, vendoredText(t))
		gained = swap("          type: string\n", "          $ref: '#/components/schemas/MadeUpAccountUpdate'\n", create, "        label:\n")(t, gained)
		code, stdout, stderr := drift(t, asPage(gained), "-vendored", file, "-overlay", overlay, "-update")
		requireUnknown(t, code, stdout, stderr, "`PATCH /made_up_accounts/{id}` sends `MadeUpAccountUpdate`, whose Go type cannot leave out a member and clear another")
	})
	t.Run("keeps a file that means the same", func(t *testing.T) {
		t.Parallel()
		file := copied(t)
		before, err := os.Stat(file)
		require.NoError(t, err)
		code, stdout, _ := drift(t, asPage("# new\n"+vendoredText(t)), "-vendored", file, "-update")
		assert.Equal(t, exitSame, code)
		assert.NotContains(t, stdout, "replaced")
		after, err := os.Stat(file)
		require.NoError(t, err)
		assert.True(t, os.SameFile(before, after))
		assert.Equal(t, vendoredText(t), contents(t, file))
	})
	t.Run("replaces the target of a link", func(t *testing.T) {
		t.Parallel()
		file := copied(t)
		link := filepath.Join(t.TempDir(), "link.yaml")
		require.NoError(t, os.Symlink(file, link))
		code, _, stderr := drift(t, asPage(changed), "-vendored", link, "-update")
		assert.Equal(t, exitSame, code, stderr)
		assert.Equal(t, changed, contents(t, file))
	})
	for name, text := range map[string]string{
		"a whole description":              asWhole(t, changed),
		"the description without its page": changed,
		"a truncated page":                 asPage(changed[:len(changed)/2]),
		"a page with a dangling reference": asPage(strings.ReplaceAll(changed, "    ProviderError:", "    Gone:")),
		"a page of HTML":                   "<html>" + asPage(changed),
		"a page without the scheme":        asPage(changed[:strings.Index(changed, "  securitySchemes:")]),
		"a page in JSON":                   asPage(remade(func(map[string]any) {}, func(v any) ([]byte, error) { return json.MarshalIndent(v, "", "  ") })(t, changed)),
		"an instruction in a callback":     asPage(swap("      parameters: []\n", "      callbacks: {evil: {default: {post: {parameters: [{name: a, in: query, schema: {type: string, x-go-type: exec.Cmd}}], responses: {'200': {description: x}}}}}}\n")(t, changed)),
		"a keyword in other case":          asPage(swap("      properties:\n", "      Properties: {default: {type: string}}\n", "    NotImplementedResponse:\n")(t, changed)),
		"an instruction in other case":     asPage(swap("      properties:\n", "      Not: {type: string, x-go-type: exec.Cmd}\n      properties:\n", create)(t, changed)),
		"a method in capitals":             asPage(swap("  /connect_sessions:\n", "  /connect_sessions:\n    GET: {responses: {'200': {description: x}}}\n")(t, changed)),
		"a reference to another host":      asPage(swap("paths:\n", "paths:\n  /evil: {$REF: 'http://127.0.0.1:9/ext.yaml'}\n")(t, changed)),
		"a key in quotes that merges":      asPage(swap("        provider:\n", "        '<<': {default: {type: string, x-go-type: exec.Cmd}}\n        provider:\n", create)(t, changed)),
		"a parameter that is spelled anew": asPage(swap("      parameters: []\n", "      parameters: [{Name: a, In: query, schema: {type: string}}]\n")(t, changed)),
	} {
		t.Run("not from "+name, func(t *testing.T) {
			t.Parallel()
			file := copied(t)
			code, stdout, stderr := drift(t, text, "-vendored", file, "-update")
			requireUnknown(t, code, stdout, stderr, "could not use")
			assert.Equal(t, vendoredText(t), contents(t, file))
			entries, err := os.ReadDir(filepath.Dir(file))
			require.NoError(t, err)
			assert.Len(t, entries, 1)
		})
	}
	t.Run("has a reason for refusing a whole description", func(t *testing.T) {
		t.Parallel()
		_, _, stderr := drift(t, asWhole(t, changed), "-vendored", copied(t), "-update")
		assert.Contains(t, stderr, "not a documentation page, which -update requires")
	})
}
