package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// accounts describes operations without hand-written code, in upstream's style.
const accounts = `openapi: 3.1.0
info:
  title: StackOne
  version: 1.0.0
servers:
  - url: https://api.stackone.com
paths:
  /made_up_accounts:
    get:
      summary: List Accounts
      operationId: stackone_list_made_up_accounts
      parameters:
        - name: provider
          in: query
          required: false
          schema:
            type: string
            nullable: true
        - name: page
          in: query
          schema:
            type: number
      responses:
        '200':
          description: The accounts
          content:
            application/json:
              schema:
                $ref: '#/components/schemas/ListMadeUpAccountsResponse'
        '408':
          description: Too slow
          content:
            application/json:
              schema:
                $ref: '#/components/schemas/RequestTimedOutResponse'
      security:
        - basic: []
  /made_up_accounts/{id}:
    patch:
      summary: Update Account
      operationId: stackone_update_made_up_account
      parameters:
        - name: id
          in: path
          required: true
          schema:
            type: string
      requestBody:
        required: true
        content:
          application/json:
            schema:
              $ref: '#/components/schemas/MadeUpAccountUpdate'
      responses:
        '204':
          description: Updated
      security:
        - basic: []
components:
  schemas:
    MadeUpAccountUpdate:
      type: object
      properties:
        enabled:
          type: boolean
        label:
          type: string
          nullable: true
        weight:
          type: number
    ListMadeUpAccountsResponse:
      type: object
      properties:
        data:
          type: array
          items:
            $ref: '#/components/schemas/MadeUpAccount'
    MadeUpAccount:
      type: object
      properties:
        id:
          type: string
          example: '1'
        status:
          type: string
          enum: [active, inactive, null]
          nullable: true
      required: [id]
    RequestTimedOutResponse:
      type: object
      properties:
        statusCode:
          type: number
          description: HTTP status code
          example: 408
        message:
          type: string
          description: Error message
          example: Request timed out
        timestamp:
          type: string
          description: Timestamp when the error occurred
          example: '2023-05-30T00:00:00.000Z'
          format: date-time
      required:
        - statusCode
        - message
        - timestamp
  securitySchemes:
    basic:
      type: http
      scheme: basic
`

// operationTest checks that operations without hand-written code are authenticated, are
// retried after a 429, and fail with an APIError.
const operationTest = "go test ./client -count=1 -v -run TestEveryOperation"

// One command adds another page: make page.
func TestPage(t *testing.T) {
	t.Parallel()
	p := copyProject(t)
	source := filepath.Join(t.TempDir(), "list-accounts.md")
	upload := swap("    get:\n", `    post:
      operationId: stackone_upload_made_up_accounts
      requestBody:
        required: true
        content:
          multipart/form-data:
            schema: {type: object, properties: {file: {type: string, format: binary}}}
      responses:
        '201': {description: Uploaded}
      security:
        - basic: []
    get:
`)
	require.NoError(t, os.WriteFile(source, []byte(asPage(upload(t, accounts))), 0o600))
	output, ok := p.make("page", "SOURCE="+source, "GO=go", "CHECKED_BY=go vet ./... && "+operationTest)
	require.True(t, ok, output)
	assert.Contains(t, p.read(overlayName), "The operations of list-accounts.yaml.")
	assert.Contains(t, output, "--- PASS: TestEveryOperation/UploadMadeUpAccountsWithBodyWithResponse")
	assert.NotContains(t, output, "TestEveryOperation/CreateConnectSessionWithBodyWithResponse")
	assert.Contains(t, output, "--- PASS: TestEveryOperation/ListMadeUpAccountsWithResponse")
	assert.Contains(t, output, "--- PASS: TestEveryOperation/CreateConnectSessionWithResponse")
	code := p.read("gen/connect.gen.go")
	for _, wanted := range []string{
		"ListMadeUpAccountsWithResponse(ctx context.Context, params *ListMadeUpAccountsParams,", "MadeUpAccountStatusActive ", "JSON408 ",
	} {
		assert.Contains(t, code, wanted)
	}
	assert.NotContains(t, code, "Nil ", "the corrections apply to the page too")

	assert.Contains(t, output, "\n## Go API\n\n### New in Go (")
	assert.NotContains(t, output, "### Breaks Go programs")
	assert.Equal(t, upload(t, accounts), p.read("openapi/pages/list-accounts.yaml"), "what upstream wrote")
	assert.NotContains(t, code, "float32")
	run := func(program string) string {
		t.Helper()
		require.NoError(t, os.MkdirAll(filepath.Join(p.dir, "bin", "try"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(p.dir, "bin", "try", "main.go"), []byte(program), 0o600))
		output, ok := p.run("go", "run", "./bin/try")
		require.True(t, ok, output)
		return output
	}
	assert.Equal(t, `GET /made_up_accounts  ""
GET /made_up_accounts provider=&page=0 ""
PATCH /made_up_accounts/a%2Fb  {}
PATCH /made_up_accounts/42  {"enabled":false,"label":"","weight":0}
error marshaling '..' as text: the path parameter ".." would lead to another path
error marshaling '.' as text: the path parameter "." would lead to another path
error marshaling '' as text: the path parameter "" would lead to another path
`, run(tryAccounts))

	t.Run("is watched from then on", func(t *testing.T) {
		overlay := filepath.Join(p.dir, overlayName)
		accounts := upload(t, accounts)
		code, stdout, stderr := command(t, "-overlay", overlay, source)
		assert.Equal(t, exitSame, code, stdout+stderr)
		code, stdout, _ = drift(t, asPage(swap("active, inactive", "active")(t, accounts)), "-overlay", overlay)
		assert.Equal(t, exitDrift, code)
		assert.Equal(t, []string{"May break callers | `MadeUpAccount.status`: enum value `inactive` removed (`response 200 of GET /made_up_accounts`)"}, lines(stdout))
		code, stdout, _ = drift(t, asPage(swap("List Accounts", "All Accounts")(t, accounts)), "-overlay", overlay)
		assert.Equal(t, exitDrift, code)
		assert.Equal(t, []string{"Documentation | `GET /made_up_accounts`: `summary` `List Accounts` → `All Accounts`"}, lines(stdout))
		code, stdout, stderr = drift(t, asPage(swap("active, inactive", "active")(t, accounts)), "-overlay", overlay, "-vendored", copied(t), "-update")
		requireUnknown(t, code, stdout, stderr, "use make page")
	})
	t.Run("is added only once", func(t *testing.T) {
		before := p.files()
		output, ok := p.make("page", "SOURCE="+filepath.Join("openapi", "connect-sessions.yaml"), "CHECKED_BY=false")
		assert.False(t, ok)
		assert.Contains(t, output, "all of its operations have been added already")
		assert.Empty(t, p.changed(before))
	})
}

// tryAccounts calls the operations of the page on a server that prints the requests.
const tryAccounts = `package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/StackOneHQ/stackone-client-go/gen"
)

func main() {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if len(body) == 0 {
			body = []byte("\"\"")
		}
		fmt.Println(r.Method, r.URL.EscapedPath(), r.URL.RawQuery, string(body))
	}))
	defer server.Close()
	c, _ := gen.NewClientWithResponses(server.URL)
	ctx := context.Background()
	say := func(_ any, err error) {
		if err != nil {
			fmt.Println(err)
		}
	}
	say(c.ListMadeUpAccountsWithResponse(ctx, &gen.ListMadeUpAccountsParams{}))
	say(c.ListMadeUpAccountsWithResponse(ctx, &gen.ListMadeUpAccountsParams{Page: new(float64), Provider: new(string)}))
	say(c.UpdateMadeUpAccountWithResponse(ctx, "a/b", gen.MadeUpAccountUpdate{}))
	say(c.UpdateMadeUpAccountWithResponse(ctx, "42", gen.MadeUpAccountUpdate{Enabled: new(bool), Label: new(string), Weight: new(float64)}))
	for _, id := range []gen.PathParam{"..", ".", ""} {
		say(c.UpdateMadeUpAccountWithResponse(ctx, id, gen.MadeUpAccountUpdate{}))
	}
}
`

// Neither a page whose code does not compile nor a missing page changes anything.
func TestPageStops(t *testing.T) {
	t.Parallel()
	p := copyProject(t)
	before := p.files()
	source := filepath.Join(t.TempDir(), "page.md")
	named := func(name string) string {
		return asPage(all("MadeUpAccount'", name+"'")(t, strings.Replace(accounts, "    MadeUpAccount:", "    "+name+":", 1)))
	}
	require.NoError(t, os.WriteFile(source, []byte(named("Client")), 0o600))
	output, ok := p.make("page", "SOURCE="+source, "CHECKED_BY=true")
	assert.False(t, ok)
	assert.Contains(t, output, "make page: what is generated from the new description does not compile, and everything is as it was")
	assert.Empty(t, p.changed(before))
	// A schema with the name of one of our types would replace it.
	require.NoError(t, os.WriteFile(source, []byte(named("Category")), 0o600))
	output, ok = p.make("page", "SOURCE="+source, "CHECKED_BY=true")
	assert.False(t, ok)
	assert.Regexp(t, "(?m)^make page: .*Category.*$", output)
	output, ok = p.make("page")
	assert.False(t, ok)
	assert.Contains(t, output, "make page needs SOURCE=, a documentation page\n")
	assert.Empty(t, p.changed(before))
}

// The shell does not interpret SOURCE.
func TestSourceIsOneWord(t *testing.T) {
	t.Parallel()
	p := copyProject(t)
	const name = `a b&c;d'e"f*g.md`
	source := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(source, []byte("<html>"), 0o600))
	for _, target := range []string{"drift", "refresh", "page"} {
		output, ok := p.make(target, "SOURCE="+source, "CHECKED_BY=false")
		assert.False(t, ok, target)
		assert.Contains(t, output, name+": HTML instead of Markdown", target)
	}
}

const overlayName = "openapi/overlay.yaml"

// make page also adds a whole description, with hundreds of operations.
func TestPageOfPublishedDescription(t *testing.T) {
	t.Parallel()
	for _, file := range publishedDescriptions(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			p := copyProject(t)
			methods := func(suffix string) int {
				method := regexp.MustCompile(`(?m)^func \(c \*ClientWithResponses\) \w+` + suffix + `\(`)
				return len(method.FindAllString(p.read("gen/connect.gen.go"), -1))
			}
			before := methods("WithResponse") - methods("WithBodyWithResponse")
			output, ok := p.make("page", "SOURCE="+file, "CHECKED_BY="+operationTest)
			require.True(t, ok, output)
			called := strings.Count(output, "--- PASS: TestEveryOperation/")
			assert.Equal(t, before+len(gained.FindAllString(output, -1)), called, "each operation is called")
			t.Logf("%d operations", called)
		})
	}
}

func publishedDescriptions(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(os.Getenv("STACKONE_SPECS"), "*.yaml"))
	require.NoError(t, err)
	if os.Getenv("STACKONE_SPECS") == "" || len(files) == 0 {
		t.Skip("STACKONE_SPECS names no folder with descriptions")
	}
	return files
}

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
		{"text that would end a string in Go", asPage(swap("  /made_up_accounts:", "  '/made_up\"+f()+\"':")(t, accounts)), "which the generator does not quote"},
		{"names by a position that changes", asPage(swap("[active, inactive, null]", "[active, null, inactive]\n          x-enum-varnames: [A, B, C]")(t, accounts)), "names its enum values by position"},
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

var gained = regexp.MustCompile("(?m)^- `([A-Z]+) (/[^`]*)`$")

const createProgram = `package main

import (
	"context"
	"fmt"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func main() {
	c, err := client.New()
	if err == nil {
		_, err = c.ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{})
	}
	fmt.Println(err)
}
`

// BenchmarkGrowth measures what operations cost, with those of a published
// description. README.md has the table.
func BenchmarkGrowth(b *testing.B) {
	text, err := os.ReadFile(publishedDescriptions(b)[0])
	require.NoError(b, err)
	for _, most := range []int{0, 1, 10, 50, 1 << 20} {
		whole, err := parse(string(text))
		require.NoError(b, err)
		left := 0
		for _, call := range whole.calls() {
			method, path, _ := strings.Cut(call, " ")
			if left++; left > most || strings.HasPrefix(path, "/connect_sessions") {
				delete(object(whole, "paths", path), strings.ToLower(method))
				left--
			}
		}
		b.Run(fmt.Sprintf("added=%d", left), func(b *testing.B) {
			p := copyProject(b)
			require.NoError(b, os.Mkdir(filepath.Join(p.dir, "bin", "create"), 0o700))
			require.NoError(b, os.WriteFile(filepath.Join(p.dir, "bin", "create", "main.go"), []byte(createProgram), 0o600))
			source := filepath.Join(b.TempDir(), "whole.yaml")
			written, err := yaml.Marshal(map[string]any(whole))
			require.NoError(b, err)
			require.NoError(b, os.WriteFile(source, written, 0o600))
			if left > 0 {
				output, ok := p.run("bin/drift", "-add", source)
				require.True(b, ok, output)
				require.Len(b, gained.FindAllString(output, -1), left)
			}
			timed := func(unit string, args ...string) {
				start := time.Now()
				output, ok := p.run("go", args...)
				require.True(b, ok, output)
				b.ReportMetric(time.Since(start).Seconds(), unit)
			}
			for b.Loop() {
				timed("s-generate", "generate", "./gen")
				timed("s-compile", "build", "./gen")
				output, ok := p.run("go", "build", "-trimpath", "-ldflags=-s -w", "-o", "bin/program", "./bin/create")
				require.True(b, ok, output)
			}
			for name, unit := range map[string]string{"gen/connect.gen.go": "KB-generated", "bin/program": "KB-binary"} {
				info, err := os.Stat(filepath.Join(p.dir, name))
				require.NoError(b, err)
				b.ReportMetric(float64(info.Size())/1000, unit)
			}
		})
	}
}
