package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

const (
	vendoredFile = "testdata/connect-sessions.yaml"
	overlayFile  = "testdata/overlay.yaml"
)

func vendoredText(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(vendoredFile)
	require.NoError(t, err)
	return string(b)
}

// asPage puts a description in a page like the documentation's.
func asPage(description string) string {
	return "> ## Documentation Index\n> An index of all pages: https://docs.example.com/llms.txt\n\n# A page\n\n" +
		"```bash\ncurl https://api.example.com # openapi\n```\n\n## OpenAPI\n\n" +
		"````yaml post /connect_sessions\n" + description + "````\n"
}

// drift runs the command on a file with the given text.
func drift(t testing.TB, text string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return command(t, append(args, file)...)
}

func command(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"-vendored", vendoredFile, "-overlay", overlayFile, "-pause", "1ns", "-work", "2m"}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

// lines returns the changes of a report, each prefixed with its group.
func lines(report string) []string {
	var found []string
	group := ""
	for line := range strings.Lines(report) {
		line = strings.TrimSuffix(line, "\n")
		if title, ok := strings.CutPrefix(line, "### "); ok {
			group, _, _ = strings.Cut(title, " (")
		}
		if item, ok := strings.CutPrefix(line, "- "); ok {
			found = append(found, group+" | "+item)
		}
	}
	return found
}

const (
	create   = "    ConnectSessionCreate:\n"
	link     = "    ConnectSessionTokenAuthLink:\n"
	attempt  = "    ConnectSessionLatestAttempt:\n"
	asked    = " (`request of POST /connect_sessions`)"
	answered = " (`response 201 of POST /connect_sessions`)"
	refusal  = " (`response 400 of POST /connect_sessions`)"
	extraOp  = "get:\n      operationId: x\n      responses:\n        '200':\n          description: y\n"
)

// upstream is a row of the catalogue: a change and how it is reported.
type upstream struct {
	name string
	edit edit
	want []string // exit 1 when there are any
}

func catalogue() []upstream {
	mayBreak := func(s ...string) []string { return grouped("May break callers", s) }
	added := func(s ...string) []string { return grouped("New", s) }
	prose := func(s ...string) []string { return grouped("Documentation", s) }

	return []upstream{
		// The same.
		{"identical", both(), nil},
		{"keys in another order, other quotes, no comments", remade(func(map[string]any) {}, yaml.Marshal), nil},
		{"lists in another order", remade(func(m map[string]any) { reversed(m) }, yaml.Marshal), nil},
		{"a first key in quotes", swap("openapi:", "\"openapi\":"), nil},
		{"as JSON", remade(func(map[string]any) {}, func(v any) ([]byte, error) { return json.MarshalIndent(v, "", "  ") }), nil},
		{"as JSON with tabs", remade(func(map[string]any) {}, func(v any) ([]byte, error) { return json.MarshalIndent(v, "", "\t") }), nil},
		{"CRLF", all("\n", "\r\n"), nil},
		{"byte order mark and comments", swap("openapi:", "\uFEFF# of the service\nopenapi:"), nil},
		{"statuses without quotes", both(all("'201'", "201"), all("'404'", "404")), nil},
		{"dates without quotes", all("'2023-05-30T00:00:00.000Z'", "2023-05-30T00:00:00.000Z"), nil},
		{"a header in lower case", swap("            Retry-After:\n", "            retry-after:\n"), nil},
		{"defaults of a header written out", swap("            Retry-After:\n", "            Retry-After:\n              style: simple\n              explode: false\n"), nil},
		{"a reference in other letters", all("schemas/ProviderError", "schemas/Provider%45rror"), nil},
		{"an empty list left out", swap("      parameters: []\n", ""), nil},
		{"defaults written out", swap("        origin_owner_id:\n", "        origin_owner_id:\n          nullable: false\n          deprecated: false\n          minLength: 0\n", create), nil},
		{"objects said to be of anything", all("          type: object\n", "          type: object\n          additionalProperties: {}\n"), nil},
		{"a request said to be of anything", swap("      type: object\n", "      type: object\n      additionalProperties: {}\n", create), nil},
		{"a type as a list of one", swap("          type: string\n", "          type: [string]\n", link, "provider:"), nil},
		{"items of anything", swap("        label:\n", "        label:\n          items: {}\n", create), nil},
		{"objects said to be open", all("          type: object\n", "          type: object\n          additionalProperties: true\n"), nil},
		{"an anchor and an alias", both(swap("          type: number\n", "          type: &n number\n", link), swap("          type: string\n", "          type: &s string\n", link), swap("          type: string\n", "          type: *s\n", "        project_id:")), nil},
		{"a merge key", both(swap("        organization_id:\n          type: string\n", "        organization_id: &text\n          type: string\n", link), swap("        project_id:\n          type: string\n", "        project_id:\n          <<: *text\n", link)), nil},
		{"security moved to the top", both(swap("security: []\n", "security:\n  - basic: []\n"), swap("      security:\n        - basic: []\n", "", "paths:")), nil},
		{"a header with a name", remade(func(m map[string]any) {
			headers := object(m, "paths", "/connect_sessions", "post", "responses", "408", "headers")
			object(m, "components")["headers"] = map[string]any{"RetryAfter": headers["Retry-After"]}
			headers["Retry-After"] = map[string]any{"$ref": "#/components/headers/RetryAfter"}
		}, yaml.Marshal), nil},
		{"a schema that nothing uses", swap(create, "    Unused:\n      type: object\n"+create), nil},
		{"a surrogate pair in JSON", both(swap("The origin username", "The user", create), remade(func(map[string]any) {}, json.Marshal), swap("The user", `The user \ud83d\ude00`)), prose("`ConnectSessionCreate.origin_username`: `description` `The origin username` → `The user 😀`" + asked)},
		{"a longer fence inside a text", swap("The origin username", "|-\n            See\n            `````\n            text\n            `````", create), prose("`ConnectSessionCreate.origin_username`: `description` `The origin username` → `See ˋˋˋˋˋ text ˋˋˋˋˋ`" + asked)},

		// New.
		{"optional request field", swap("        provider:\n", "        region:\n          type: string\n        provider:\n", create), added("`ConnectSessionCreate`: property `region` added" + asked)},
		{"optional response field", swap("        provider:\n", "        region:\n          type: string\n        provider:\n", link), added("`ConnectSessionTokenAuthLink`: property `region` added" + answered)},
		{"required response field", both(swap("        provider:\n", "        region:\n          type: string\n        provider:\n", link), swap("        - project_id\n", "        - project_id\n        - region\n", link)), added("`ConnectSessionTokenAuthLink`: property `region` added"+answered, "`ConnectSessionTokenAuthLink`: required property `region` added"+answered)},
		{"optional field of a new schema", both(swap("        provider:\n", "        region:\n          $ref: '#/components/schemas/Region'\n        provider:\n", create), swap(create, "    Region:\n      type: object\n"+create)), added("`ConnectSessionCreate`: property `region` added" + asked)},
		{"recursive schema", swap("        status:\n", "        parent:\n          $ref: '#/components/schemas/ConnectSessionLatestAttempt'\n        status:\n", attempt), added("`ConnectSessionLatestAttempt`: property `parent` added" + answered)},
		{"field that differs in case only", swap("        provider:\n", "        Label:\n          type: string\n        provider:\n", create), added("`ConnectSessionCreate`: property `Label` added" + asked)},
		{"schema called as the generated client", both(swap("        provider:\n", "        owner:\n          $ref: '#/components/schemas/Client'\n        provider:\n", create), swap(create, "    Client:\n      type: object\n      properties:\n        name:\n          type: string\n"+create)), added("`ConnectSessionCreate`: property `owner` added" + asked)},
		{"request field no longer required", swap("        - origin_owner_name\n", "", create), added("`ConnectSessionCreate`: required property `origin_owner_name` removed" + asked)},
		{"request field accepts null", swap("        origin_owner_id:\n", "        origin_owner_id:\n          nullable: true\n", create), added("`ConnectSessionCreate.origin_owner_id`: `nullable` `false` → `true`" + asked)},
		{"response field now always there", swap("        - project_id\n", "        - project_id\n        - provider\n", link), added("`ConnectSessionTokenAuthLink`: required property `provider` added" + answered)},
		{"body no longer required", swap("        required: true\n", "        required: false\n", "requestBody:"), added("`request body`: `required` `true` → `false` (`request of POST /connect_sessions`)")},
		{"enum value of a request", swap("              - scheduling\n", "              - scheduling\n              - banking\n", create, "items:"), added("`ConnectSessionCreate.categories[]`: enum value `banking` added" + asked)},
		{"enum value of a response", swap("              - scheduling\n", "              - scheduling\n              - banking\n", link, "items:"), added("`ConnectSessionTokenAuthLink.categories[]`: enum value `banking` added" + answered)},
		{"enum value deep in a response", swap("            - cancelled\n", "            - cancelled\n            - expired\n", attempt), added("`ConnectSessionLatestAttempt.status`: enum value `expired` added" + answered)},
		{"status", swap("        '502':\n", "        '503':\n          description: Unavailable.\n        '502':\n"), added("`POST /connect_sessions`: response `503` added")},
		{"response header", swap("          headers:\n", "          headers:\n            X-Request-Id:\n              schema:\n                type: string\n"), added("`response 408`: header `X-Request-Id` added (`response 408 of POST /connect_sessions`)")},
		{"content type", swap("            application/json:\n", "            text/csv: {}\n            application/json:\n", "'201':"), added("`response 201`: content type `text/csv` added (`response 201 of POST /connect_sessions`)")},
		{"another method", swap("    post:\n", "    "+extraOp+"    post:\n", "paths:"), added("`API`: operation `GET /connect_sessions` added")},
		{"another path", swap("paths:\n", "paths:\n  /other:\n    "+extraOp), added("`API`: operation `GET /other` added")},
		{"another way to sign in", both(swap("        - basic: []\n", "        - basic: []\n        - token: []\n", "paths:"), swap("    basic:\n", "    token:\n      type: http\n      scheme: bearer\n    basic:\n", "securitySchemes:")), added("`API`: security scheme `token` added", "`POST /connect_sessions`: security `{\"token\":[]}` added")},
		{"a key to sign in with", both(swap("        - basic: []\n", "        - basic: []\n        - key: []\n", "paths:"), swap("    basic:\n", "    key: {type: apiKey, in: header, name: X-Key}\n    basic:\n", "securitySchemes:")), added("`API`: security scheme `key` added", "`POST /connect_sessions`: security `{\"key\":[]}` added")},
		{"another server, after the first", swap("  - url: https://api.stackone.com\n", "  - url: https://api.stackone.com\n  - url: https://eu.stackone.com\n"), added("`API`: server `https://eu.stackone.com` added")},

		// May break callers.
		{"required request field", both(swap("        provider:\n", "        region:\n          type: string\n        provider:\n", create), swap("        - origin_owner_name\n", "        - origin_owner_name\n        - region\n", create)), slices.Concat(mayBreak("`ConnectSessionCreate`: required property `region` added"+asked), added("`ConnectSessionCreate`: property `region` added"+asked))},
		{"request field removed", swap("        origin_username:\n          type: string\n          description: The origin username\n          nullable: true\n", "", create), mayBreak("`ConnectSessionCreate`: property `origin_username` removed" + asked)},
		{"optional response field removed", swap("        label:\n          type: string\n          nullable: true\n", "", link), mayBreak("`ConnectSessionTokenAuthLink`: property `label` removed" + answered)},
		{"required response field removed", both(swap("        project_id:\n          type: string\n", "", link), swap("        - project_id\n", "", link)), mayBreak("`ConnectSessionTokenAuthLink`: property `project_id` removed"+answered, "`ConnectSessionTokenAuthLink`: required property `project_id` removed"+answered)},
		{"field renamed", swap("        label:\n", "        name:\n", create), slices.Concat(mayBreak("`ConnectSessionCreate`: property `label` removed"+asked), added("`ConnectSessionCreate`: property `name` added"+asked))},
		{"request field now required", swap("        - origin_owner_name\n", "        - origin_owner_name\n        - provider\n", create), mayBreak("`ConnectSessionCreate`: required property `provider` added" + asked)},
		{"response field no longer always there", swap("        - project_id\n", "", link), mayBreak("`ConnectSessionTokenAuthLink`: required property `project_id` removed" + answered)},
		{"type of an id", swap("          type: number\n", "          type: string\n", link), mayBreak("`ConnectSessionTokenAuthLink.id`: `type` `number` → `string`" + answered)},
		{"type of a number", swap("          type: number\n", "          type: integer\n", create, "expires_in:"), mayBreak("`ConnectSessionCreate.expires_in`: `type` `number` → `integer`" + asked)},
		{"type of list items", swap("            type: string\n", "            type: integer\n", create, "items:"), mayBreak("`ConnectSessionCreate.categories[]`: `type` `string` → `integer`" + asked)},
		{"type written as a list with null", swap("          type: string\n", "          type: [string, 'null']\n", link, "provider:"), mayBreak("`ConnectSessionTokenAuthLink.provider`: `type` `string` → `null or string`" + answered)},
		{"format", swap("          format: date-time\n", "          format: date\n", link), mayBreak("`ConnectSessionTokenAuthLink.created_at`: `format` `date-time` → `date`" + answered)},
		{"format added", swap("          type: number\n", "          type: number\n          format: int32\n", link), mayBreak("`ConnectSessionTokenAuthLink.id`: `format` none → `int32`" + answered)},
		{"null no longer accepted", swap("          nullable: true\n", "", create, "        label:"), mayBreak("`ConnectSessionCreate.label`: `nullable` `true` → `false`" + asked)},
		{"null in a response", swap("        project_id:\n", "        project_id:\n          nullable: true\n", link), mayBreak("`ConnectSessionTokenAuthLink.project_id`: `nullable` `false` → `true`" + answered)},
		{"free-form object of a request gains a field", swap("          type: object\n", "          type: object\n          properties:\n            team:\n              type: string\n", create, "        metadata:"), mayBreak("`ConnectSessionCreate.metadata`: property `team` added" + asked)},
		{"free-form object of a response gains a field", swap("          type: object\n", "          type: object\n          properties:\n            team:\n              type: string\n", link, "        metadata:"), mayBreak("`ConnectSessionTokenAuthLink.metadata`: property `team` added" + answered)},
		{"enum value removed from a request", swap("              - iam\n", "", create, "items:"), mayBreak("`ConnectSessionCreate.categories[]`: enum value `iam` removed" + asked)},
		{"null removed from an enum", swap("            - null\n", "", create, "        type:\n          type: string\n          description: The connect"), mayBreak("`ConnectSessionCreate.type`: enum value `null` removed" + asked)},
		{"enum value that differs in case only", swap("            - production\n", "            - Production\n            - production\n", create), mayBreak("`ConnectSessionCreate.type`: enum value `Production` added" + asked)},
		{"enum value that differs in signs only", swap("              - scheduling\n", "              - scheduling\n              - hris_legacy\n", create, "items:"), mayBreak("`ConnectSessionCreate.categories[]`: enum value `hris_legacy` added" + asked)},
		{"enum values with names", swap("            - null\n", "            - null\n          x-enum-varnames: [A, B, C]\n", create, "        type:\n          type: string\n          description: The connect"), mayBreak(
			"`ConnectSessionCreate.type enum value null`: `x-enum-varnames` none → `C`"+asked, "`ConnectSessionCreate.type enum value production`: `x-enum-varnames` none → `A`"+asked, "`ConnectSessionCreate.type enum value test`: `x-enum-varnames` none → `B`"+asked)},
		{"request open to other fields", swap("      type: object\n", "      type: object\n      additionalProperties: true\n", create), mayBreak("`ConnectSessionCreate`: `additionalProperties` none → `true`" + asked)},
		{"request open to fields of a type", swap("      type: object\n", "      type: object\n      additionalProperties: {type: string}\n", create), mayBreak("`ConnectSessionCreate`: `additionalProperties` added" + asked)},
		{"a content type of JSON in other case", swap("            application/json:\n", "            Application/JSON: {}\n            application/json:\n", "'201':"), mayBreak("`response 201`: content type `Application/JSON` added (`response 201 of POST /connect_sessions`)")},
		{"another content type of JSON", swap("            application/json:\n", "            application/problem+json: {}\n            application/json:\n", "'201':"), mayBreak("`response 201`: content type `application/problem+json` added (`response 201 of POST /connect_sessions`)")},
		{"response with a name", remade(func(m map[string]any) {
			responses := object(m, "paths", "/connect_sessions", "post", "responses")
			object(m, "components")["responses"] = map[string]any{"BadGateway": responses["502"]}
			responses["502"] = map[string]any{"$ref": "#/components/responses/BadGateway"}
		}, yaml.Marshal), mayBreak("`response 502`: `$ref` none → `BadGateway` (`response 502 of POST /connect_sessions`)")},
		{"Go type of upstream's choice", swap("        label:\n", "        label:\n          x-go-type: x.Label\n          x-go-type-import: {path: example.com/x}\n", create), mayBreak("`ConnectSessionCreate.label`: `x-go-type-import` added"+asked, "`ConnectSessionCreate.label`: `x-go-type` none → `x.Label`"+asked)},
		{"field next to a reference", swap("                $ref: '#/components/schemas/ConnectSessionTokenAuthLink'\n", "                $ref: '#/components/schemas/ConnectSessionTokenAuthLink'\n                properties: {region: {type: string}}\n                required: [region]\n"), slices.Concat(mayBreak("`ConnectSessionTokenAuthLink`: property `region` added"+answered), added("`ConnectSessionTokenAuthLink`: required property `region` added"+answered))},
		{"large default", swap("          default: 1800\n", "          default: 9007199254740993\n"), mayBreak("`ConnectSessionCreate.expires_in`: `default` `1800` → `9007199254740993`" + asked)},
		{"enum where there was none", swap("        label:\n", "        label:\n          enum: [a, b]\n", create), mayBreak("`ConnectSessionCreate.label`: enum value `a` added"+asked, "`ConnectSessionCreate.label`: enum value `b` added"+asked)},
		{"enum withdrawn", swap("          enum:\n            - production\n            - test\n            - null\n", "", create), mayBreak("`ConnectSessionCreate.type`: enum value `null` removed"+asked, "`ConnectSessionCreate.type`: enum value `production` removed"+asked, "`ConnectSessionCreate.type`: enum value `test` removed"+asked)},
		{"default changed", swap("          default: 1800\n", "          default: 3600\n"), mayBreak("`ConnectSessionCreate.expires_in`: `default` `1800` → `3600`" + asked)},
		{"default of another type", swap("          default: 1800\n", "          default: '1800'\n"), mayBreak("`ConnectSessionCreate.expires_in`: `default` `1800` → `\"1800\"`" + asked)},
		{"default removed", swap("          default: production\n", ""), mayBreak("`ConnectSessionCreate.type`: `default` `production` → none" + asked)},
		{"length", swap("        label:\n", "        label:\n          maxLength: 64\n", create), mayBreak("`ConnectSessionCreate.label`: `maxLength` none → `64`" + asked)},
		{"range", swap("          default: 1800\n", "          default: 1800\n          minimum: 60\n          maximum: 86400\n"), mayBreak("`ConnectSessionCreate.expires_in`: `maximum` none → `86400`"+asked, "`ConnectSessionCreate.expires_in`: `minimum` none → `60`"+asked)},
		{"pattern", swap("        label:\n", "        label:\n          pattern: '^`@x'\n", create), mayBreak("`ConnectSessionCreate.label`: `pattern` none → `^ˋ@x`" + asked)},
		{"closed object", swap("          type: object\n", "          type: object\n          additionalProperties: false\n", create, "        metadata:"), mayBreak("`ConnectSessionCreate.metadata`: `additionalProperties` none → `false`" + asked)},
		{"keyword that nobody knows", swap("        label:\n", "        label:\n          nullabel: true\n", create), mayBreak("`ConnectSessionCreate.label`: `nullabel` none → `true`" + asked)},
		{"keyword next to a reference", swap("                $ref: '#/components/schemas/ConnectSessionTokenAuthLink'\n", "                $ref: '#/components/schemas/ConnectSessionTokenAuthLink'\n                nullable: true\n"), mayBreak("`ConnectSessionTokenAuthLink`: `nullable` `false` → `true`" + answered)},
		{"status removed", swap("        '502':\n          description: Bad gateway error.\n          content:\n            application/json:\n              schema:\n                $ref: '#/components/schemas/BadGatewayResponse'\n", ""), mayBreak("`POST /connect_sessions`: response `502` removed")},
		{"status of success", swap("        '201':\n", "        '200':\n"), slices.Concat(mayBreak("`POST /connect_sessions`: response `201` removed"), added("`POST /connect_sessions`: response `200` added"))},
		{"header removed", swap("          headers:\n            Retry-After:\n              description: A time in seconds after which the request can be retried.\n              schema:\n                type: string\n", ""), mayBreak("`response 408`: header `Retry-After` removed (`response 408 of POST /connect_sessions`)")},
		{"header's type", swap("                type: string\n", "                type: integer\n", "Retry-After:"), mayBreak("`response 408 header Retry-After`: `type` `string` → `integer` (`response 408 of POST /connect_sessions`)")},
		{"content type changed", swap("            application/json:\n", "            application/xml:\n", "'201':"), slices.Concat(mayBreak("`response 201`: content type `application/json` removed (`response 201 of POST /connect_sessions`)"), added("`response 201`: content type `application/xml` added (`response 201 of POST /connect_sessions`)"))},
		{"parameter of a content type", swap("            application/json:\n", "            application/json; charset=utf-8:\n", "'201':"), mayBreak("`response 201`: content type `application/json; charset=utf-8` added (`response 201 of POST /connect_sessions`)", "`response 201`: content type `application/json` removed (`response 201 of POST /connect_sessions`)")},
		{"body withdrawn", func(t testing.TB, s string) string {
			i, j := strings.Index(s, "      requestBody:"), strings.Index(s, "      responses:")
			return s[:i] + s[j:]
		}, mayBreak("`POST /connect_sessions`: `requestBody` removed")},
		{"first optional parameter", swap("      parameters: []\n", "      parameters:\n        - {name: dry_run, in: query, schema: {type: boolean}}\n"), mayBreak("`POST /connect_sessions`: parameter `query dry_run` added")},
		{"first optional parameter, of the path", swap("    post:\n", "    parameters:\n      - {name: dry_run, in: query, schema: {type: boolean}}\n    post:\n"), mayBreak("`POST /connect_sessions`: parameter `query dry_run` added")},
		{"required parameter", swap("      parameters: []\n", "      parameters:\n        - {name: X-Region, in: header, required: true, schema: {type: string}}\n"), mayBreak("`POST /connect_sessions`: parameter `header X-Region` added")},
		{"path renamed", swap("  /connect_sessions:\n", "  /connect-sessions:\n"), slices.Concat(mayBreak("`API`: operation `POST /connect_sessions` removed"), added("`API`: operation `POST /connect-sessions` added"))},
		{"method changed", swap("    post:\n", "    put:\n"), slices.Concat(mayBreak("`API`: operation `POST /connect_sessions` removed"), added("`API`: operation `PUT /connect_sessions` added"))},
		{"operationId", swap("stackone_create_connect_session", "create_connect_session"), mayBreak("`POST /connect_sessions`: `operationId` `stackone_create_connect_session` → `create_connect_session`")},
		{"scheme of signing in", swap("      scheme: basic\n", "      scheme: bearer\n"), mayBreak("`API security scheme basic`: `scheme` `basic` → `bearer`")},
		{"another scheme instead", both(swap("        - basic: []\n", "        - token: []\n", "paths:"), swap("    basic:\n      type: http\n      scheme: basic\n", "    token:\n      type: http\n      scheme: bearer\n")), slices.Concat(mayBreak("`API`: security scheme `basic` removed", "`POST /connect_sessions`: security `{\"basic\":[]}` removed"), added("`API`: security scheme `token` added", "`POST /connect_sessions`: security `{\"token\":[]}` added"))},
		{"security withdrawn", swap("      security:\n        - basic: []\n", "", "paths:"), mayBreak("`POST /connect_sessions`: security `{\"basic\":[]}` removed")},
		{"server", swap("https://api.stackone.com", "https://api.eu.stackone.com"), mayBreak("`API server the first`: `url` `https://api.stackone.com` → `https://api.eu.stackone.com`")},
		{"another server, before the first", swap("  - url: https://api.stackone.com\n", "  - url: https://eu.stackone.com\n  - url: https://api.stackone.com\n"), slices.Concat(mayBreak("`API server the first`: `url` `https://api.stackone.com` → `https://eu.stackone.com`"), added("`API`: server `https://api.stackone.com` added"))},
		{"server of one operation", swap("      operationId:", "      servers: [{url: 'https://x.stackone.com'}]\n      operationId:"), mayBreak("`POST /connect_sessions`: server `the first` added")},
		{"no server", swap("servers:\n  - url: https://api.stackone.com\n", ""), mayBreak("`API`: server `the first` removed")},
		{"discriminator", swap(create, create+"      discriminator: {propertyName: type}\n"), mayBreak("`ConnectSessionCreate`: `discriminator` added" + asked)},
		{"alternatives", swap("          type: string\n", "          oneOf: [{type: string}, {type: integer}]\n", create, "        label:"), mayBreak("`ConnectSessionCreate.label`: `type` `string` → none"+asked, "`ConnectSessionCreate.label`: oneOf `part 1` added"+asked, "`ConnectSessionCreate.label`: oneOf `part 2` added"+asked)},
		{"OpenAPI version", swap("openapi: 3.1.0", "openapi: 3.0.3"), mayBreak("`API`: `openapi` `3.1.0` → `3.0.3`")},
		{"schema renamed", all("ConnectSessionLatestAttempt", "ConnectionAttempt"), mayBreak("`ConnectSessionLatestAttempt`: `$ref` `ConnectSessionLatestAttempt` → `ConnectionAttempt`" + answered)},
		{"another schema that is the same", both(swap("'#/components/schemas/ConnectSessionTokenAuthLink'", "'#/components/schemas/Created'"), remade(func(m map[string]any) {
			schemas := object(m, "components", "schemas")
			schemas["Created"] = schemas["ConnectSessionTokenAuthLink"]
		}, yaml.Marshal)), mayBreak("`ConnectSessionTokenAuthLink`: `$ref` `ConnectSessionTokenAuthLink` → `Created`" + answered)},
		{"inline schema that gets a name", remade(func(m map[string]any) {
			schemas := object(m, "components", "schemas")
			fields := object(schemas, "ConnectSessionCreate", "properties")
			schemas["Kind"] = fields["type"]
			fields["type"] = map[string]any{"$ref": "#/components/schemas/Kind"}
		}, yaml.Marshal), mayBreak("`ConnectSessionCreate.type`: `$ref` none → `Kind`" + asked)},
		{"schema that becomes inline", both(swap("              schema:\n                $ref: '#/components/schemas/BadGatewayResponse'\n", "              schema: &b\n                type: object\n                required: [statusCode, message, timestamp]\n                properties:\n                  statusCode: {type: number, description: HTTP status code, example: 502}\n                  message: {type: string, description: Error message, example: Bad Gateway}\n                  timestamp: {type: string, description: Timestamp when the error occurred, example: '2023-05-30T00:00:00.000Z', format: date-time}\n"), swap("    BadGatewayResponse:\n", "    Unused:\n")), mayBreak("`BadGatewayResponse`: `$ref` `BadGatewayResponse` → none (`response 502 of POST /connect_sessions`)")},
		{"another part of an allOf", both(swap("'#/components/schemas/UnifiedError'", "'#/components/schemas/ProviderError'")), slices.Concat(mayBreak("`UnifiedError`: `$ref` `UnifiedError` → `ProviderError`"+refusal, "`UnifiedError`: property `message` removed"+refusal, "`UnifiedError`: property `statusCode` removed"+refusal), added("`UnifiedError`: property `raw` added"+refusal, "`UnifiedError`: property `status` added"+refusal, "`UnifiedError`: property `url` added"+refusal))},

		// Documentation.
		{"description", swap("The origin username", "The name of the user", create), prose("`ConnectSessionCreate.origin_username`: `description` `The origin username` → `The name of the user`" + asked)},
		{"white space of a description", swap("description: The origin username", "description: 'The  origin username'", create), prose("`ConnectSessionCreate.origin_username`: `description` differs in white space only" + asked)},
		{"summary", swap("summary: Create Connect Session", "summary: Create a session"), prose("`POST /connect_sessions`: `summary` `Create Connect Session` → `Create a session`")},
		{"title and version", both(swap("  version: 1.0.0", "  version: 1.1.0"), swap("title: StackOne", "title: StackOne API")), prose("`API info`: `title` `StackOne` → `StackOne API`", "`API info`: `version` `1.0.0` → `1.1.0`")},
		{"text of a tag", swap("AI-powered features.", "Features."), prose("`API tag AI`: `description` `AI-powered features.` → `Features.`")},
		{"tag added", swap("tags:\n", "tags:\n  - name: Sessions\n"), prose("`API`: tag `Sessions` added")},
		{"tag of the operation", swap("        - Connect Sessions\n", "        - Sessions\n"), prose("`POST /connect_sessions`: tag `Connect Sessions` removed", "`POST /connect_sessions`: tag `Sessions` added")},
		{"text of a response", swap("Bad gateway error.", "Bad gateway."), prose("`response 502`: `description` `Bad gateway error.` → `Bad gateway.` (`response 502 of POST /connect_sessions`)")},
		{"text of a header", swap("A time in seconds after which", "Seconds after which"), prose("`response 408 header Retry-After`: `description` `A time in seconds after which the request can be retried.` → `Seconds after which the request can be retried.` (`response 408 of POST /connect_sessions`)")},
		{"example", swap("f0bc3d88", "00000000"), prose("`ConnectSessionTokenAuthLink.external_trigger_token`: `example` `f0bc3d88-2178-5423-8c81-b81d6c9da824` → `00000000-2178-5423-8c81-b81d6c9da824`" + answered)},
		{"examples of OpenAPI 3.1", swap("        label:\n", "        label:\n          examples: [a]\n", create), prose("`ConnectSessionCreate.label`: `examples` none → `[\"a\"]`" + asked)},
		{"summary of OpenAPI 3.1", swap("info:\n", "info:\n  summary: x\n"), prose("`API info`: `summary` none → `x`")},
		{"a field called example", swap("        label:\n", "        example:\n          type: string\n        label:\n", create), added("`ConnectSessionCreate`: property `example` added" + asked)},
		{"extension", swap("          x-speakeasy-unknown-values: allow\n", ""), prose("`ConnectSessionCreate.categories`: `x-speakeasy-unknown-values` `allow` → none" + asked)},
		{"extension's value", swap("x-speakeasy-unknown-values: allow", "x-speakeasy-unknown-values: deny"), prose("`ConnectSessionCreate.categories`: `x-speakeasy-unknown-values` `allow` → `deny`" + asked)},
		{"extension that directs our generator", swap("        label:\n", "        label:\n          x-go-name: Title\n", create), mayBreak("`ConnectSessionCreate.label`: `x-go-name` none → `Title`" + asked)},
		{"deprecated", swap("        label:\n", "        label:\n          deprecated: true\n", create), prose("`ConnectSessionCreate.label`: `deprecated` `false` → `true`" + asked)},
		{"description of the server", swap("stackone.com\n", "stackone.com\n    description: Production\n"), prose("`API server the first`: `description` none → `Production`")},
		{"a link to more", swap("      operationId:", "      externalDocs: {url: 'https://example.com'}\n      operationId:"), prose("`POST /connect_sessions`: `externalDocs` added")},
		{"a field called description", swap("        label:\n", "        description:\n          type: string\n        label:\n", create), added("`ConnectSessionCreate`: property `description` added" + asked)},
	}
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	for _, row := range catalogue() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := drift(t, asPage(row.edit(t, vendoredText(t))))
			assert.Empty(t, stderr)
			assert.Equal(t, row.want, lines(stdout))
			assert.Equal(t, min(1, len(row.want)), code)
		})
	}
}

func grouped(group string, items []string) []string {
	for i := range items {
		items[i] = group + " | " + items[i]
	}
	return items
}
