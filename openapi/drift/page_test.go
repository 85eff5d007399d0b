package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
	more := swap("paths:\n", kinds())
	require.NoError(t, os.WriteFile(source, []byte(asPage(more(t, accounts))), 0o600))
	output, ok := p.make("page", "SOURCE="+source, "GO=go", "CHECKED_BY=go vet ./... && "+operationTest)
	require.True(t, ok, output)
	assert.Contains(t, p.read(overlayName), "The operations of list-accounts.yaml.")
	for _, kind := range []string{
		"GetKindsDayCountWithResponse", "PutKinds0WithApplicationMergePatchPlusJSONBodyWithResponse", "PutKinds1WithResponse",
		"PutKinds1WithApplicationVndXPlusJSONBodyWithResponse", "PutKinds2WithTextBodyWithResponse", "PutKinds3WithFormdataBodyWithResponse",
		"PutKinds4WithBodyWithResponse",
	} {
		assert.Contains(t, output, "--- PASS: TestEveryOperation/"+kind)
	}
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
	assert.Equal(t, more(t, accounts), p.read("openapi/pages/list-accounts.yaml"), "what upstream wrote")
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
		accounts := more(t, accounts)
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
	t.Run("may break programs when it changes", func(t *testing.T) {
		changed := swap("          type: string\n", "          type: integer\n", "    MadeUpAccount:")(t, more(t, accounts))
		require.NoError(t, os.WriteFile(source, []byte(asPage(changed)), 0o600))
		output, ok := p.make("page", "SOURCE="+source, "CHECKED_BY=true")
		assert.True(t, ok, output)
		assert.Contains(t, output, "### Breaks Go programs (1)\n\n- `MadeUpAccount.ID: changed from string to int`\n")
		assert.Equal(t, changed, p.read("openapi/pages/list-accounts.yaml"))
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

// Neither a page that the client could not call nor a missing page changes anything.
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
	assert.Contains(t, output, "make page: the code generated from the new description does not compile, and nothing was changed")
	assert.Empty(t, p.changed(before))
	// A schema with the name of one of our types would replace it.
	require.NoError(t, os.WriteFile(source, []byte(named("Category")), 0o600))
	output, ok = p.make("page", "SOURCE="+source, "CHECKED_BY=true")
	assert.False(t, ok)
	assert.Regexp(t, "(?m)^make page: .*Category.*$", output)
	// The generated code sends a space, which is no part of a query.
	spaces := swap("          schema:\n            type: number\n", "          style: spaceDelimited\n          explode: false\n          schema: {type: array, items: {type: string}}\n")
	require.NoError(t, os.WriteFile(source, []byte(asPage(spaces(t, accounts))), 0o600))
	output, ok = p.make("page", "SOURCE="+source, "CHECKED_BY=true")
	assert.False(t, ok)
	assert.Regexp(t, "(?m)^make page: the client would not send what the page describes, and nothing was changed; .*: ListMadeUpAccountsWithResponse $", output)
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

var gained = regexp.MustCompile("(?m)^- `([A-Z]+) (/[^`]*)`$")
