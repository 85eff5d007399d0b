package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// inPlace returns NotImplementedResponse with a message of that type.
func inPlace(message string) string {
	return "                type: object\n                required: [statusCode, message, timestamp]\n                properties:\n" +
		"                  statusCode: {type: number, description: HTTP status code, example: 501}\n" +
		"                  message: {type: " + message + ", description: Error message, example: Not Implemented}\n" +
		"                  timestamp: {type: string, description: Timestamp when the error occurred, example: '2023-05-30T00:00:00.000Z', format: date-time}\n"
}

// The vendored file may have tomorrow what it does not have today.
func TestOtherVendoredFile(t *testing.T) {
	t.Parallel()
	inCreate := func(old, new string) edit { return swap(old, new, create) }
	testChanges(t, []revision{
		{
			"the order of a default counts, unlike that of an enum",
			inCreate("              - null\n", "              - null\n          default: [ats, hris]\n"),
			swap("[ats, hris]", "[hris, ats]"),
			[]string{"May break callers | `ConnectSessionCreate.categories`: `default` `[\"ats\",\"hris\"]` → `[\"hris\",\"ats\"]`" + asked},
		},
		{
			"a schema that is answered and asked for is graded by what is worse",
			swap("paths:\n", "paths:\n  /a:\n    get:\n      responses:\n        '200':\n          description: x\n          content:\n            application/json:\n              schema:\n                $ref: '#/components/schemas/ConnectSessionCreate'\n"),
			both(inCreate("        provider:\n", "        region:\n          type: string\n        provider:\n"), inCreate("        - origin_owner_name\n", "        - origin_owner_name\n        - region\n")),
			[]string{"May break callers | `ConnectSessionCreate`: required property `region` added (`response 200 of GET /a`, `request of POST /connect_sessions`)", "New | `ConnectSessionCreate`: property `region` added (`response 200 of GET /a`, `request of POST /connect_sessions`)"},
		},
		{
			"an operation that was open to all",
			swap("      security:\n        - basic: []\n", "", "paths:"),
			swap("      operationId:", "      security:\n        - basic: []\n      operationId:"),
			[]string{"May break callers | `POST /connect_sessions`: security `{\"basic\":[]}` added"},
		},
		{
			"an optional parameter that becomes required",
			swap("      parameters: []\n", "      parameters:\n        - {name: dry_run, in: query, required: false, schema: {type: boolean}}\n"),
			swap("required: false, schema", "required: true, schema"),
			[]string{"May break callers | `parameter query dry_run`: `required` `false` → `true`" + asked},
		},
		{
			"another optional parameter",
			swap("      parameters: []\n", "      parameters:\n        - {name: region, in: query, schema: {type: string}}\n"),
			swap("      parameters:\n", "      parameters:\n        - {name: dry_run, in: query, schema: {type: boolean}}\n"),
			[]string{"New | `POST /connect_sessions`: parameter `query dry_run` added"},
		},
		{
			"a parameter that moves to the path, where an operation has its own of the name",
			both(
				swap("      parameters: []\n", "      parameters:\n        - {name: region, in: query, schema: {type: string}}\n        - {name: id, in: query, schema: {type: string}}\n"),
				swap("  schemas:\n", "  parameters:\n    ID: {name: id, in: query, schema: {type: integer}}\n  schemas:\n"),
			),
			both(
				swap("        - {name: region, in: query, schema: {type: string}}\n", ""),
				swap("    post:\n", "    parameters:\n      - {name: region, in: query, schema: {type: string}}\n      - {$ref: '#/components/parameters/ID'}\n    post:\n"),
			),
			nil,
		},
		{
			"the order inside a default counts too",
			inCreate("        label:\n", "        label:\n          default: {order: [a, b]}\n"),
			swap("[a, b]", "[b, a]"),
			[]string{"May break callers | `ConnectSessionCreate.label`: `default` `{\"order\":[\"a\",\"b\"]}` → `{\"order\":[\"b\",\"a\"]}`" + asked},
		},
		{
			"integers that no float tells apart",
			swap("default: 1800", "default: 9007199254740992"),
			swap("9007199254740992", "9007199254740993"),
			[]string{"May break callers | `ConnectSessionCreate.expires_in`: `default` `9007199254740992` → `9007199254740993`" + asked},
		},
		{
			"integers that no float tells apart, as JSON",
			swap("default: 1800", "default: 9007199254740992"),
			both(swap("9007199254740992", "9007199254740993"), remade(func(map[string]any) {}, json.Marshal)),
			[]string{"May break callers | `ConnectSessionCreate.expires_in`: `default` `9007199254740992` → `9007199254740993`" + asked},
		},
		{
			"an extension among the responses",
			both(),
			swap("        '502':\n", "        x-note: 1\n        '502':\n"),
			[]string{"New | `POST /connect_sessions`: response `x-note` added"},
		},
		{
			"the first header of a response",
			both(),
			swap("          description: Bad gateway error.\n", "          description: Bad gateway error.\n          headers: {X-Id: {schema: {type: string}}}\n"),
			[]string{"New | `response 502`: header `X-Id` added (`response 502 of POST /connect_sessions`)"},
		},
		{
			"an extension among the paths",
			both(),
			swap("paths:\n", "paths:\n  x-note: 1\n"),
			nil,
		},
		{
			"another parameter, which is required",
			swap("      parameters: []\n", "      parameters:\n        - {name: region, in: query, schema: {type: string}}\n"),
			swap("      parameters:\n", "      parameters:\n        - {name: tenant, in: query, required: true, schema: {type: string}}\n"),
			[]string{"May break callers | `POST /connect_sessions`: parameter `query tenant` added"},
		},
		{
			"the first content type of JSON",
			swap("            application/json:\n", "            text/csv:\n", "'502':"),
			swap("            text/csv:\n", "            application/json: {}\n            text/csv:\n", "'502':"),
			[]string{"New | `response 502`: content type `application/json` added (`response 502 of POST /connect_sessions`)"},
		},
		{
			"another field with JSON in its name",
			inCreate("        label:\n", "        json_label:\n          type: string\n        label:\n"),
			inCreate("        label:\n", "        json_text:\n          type: string\n        label:\n"),
			[]string{"New | `ConnectSessionCreate`: property `json_text` added" + asked},
		},
		{
			"a field of an inline schema",
			swap("                $ref: '#/components/schemas/BadGatewayResponse'\n", inPlace("string")),
			swap("message: {type: string", "message: {type: integer"),
			[]string{"May break callers | `response 502 body.message`: `type` `string` → `integer` (`response 502 of POST /connect_sessions`)"},
		},
		{
			"names of values that change places",
			inCreate("        label:\n", "        label:\n          enum: [a, b]\n          x-enum-varnames: [First, Second]\n"),
			swap("[First, Second]", "[Second, First]"),
			[]string{
				"May break callers | `ConnectSessionCreate.label enum value a`: `x-enum-varnames` `First` → `Second`" + asked,
				"May break callers | `ConnectSessionCreate.label enum value b`: `x-enum-varnames` `Second` → `First`" + asked,
			},
		},
		{
			"values that change places with their names",
			inCreate("        label:\n", "        label:\n          enum: [a, b]\n          x-enum-varnames: [First, Second]\n"),
			both(swap("[First, Second]", "[Second, First]"), swap("enum: [a, b]", "enum: [b, a]")),
			nil,
		},
		{
			"names of values in the other spelling, in another order",
			inCreate("        label:\n", "        label:\n          enum: [a, b]\n          x-enumNames: [First, Second]\n"),
			both(swap("[First, Second]", "[Second, First]"), swap("enum: [a, b]", "enum: [b, a]")),
			nil,
		},
		{
			"names of values in the other spelling that change places",
			inCreate("        label:\n", "        label:\n          enum: [a, b]\n          x-enumNames: [First, Second]\n"),
			swap("enum: [a, b]", "enum: [b, a]"),
			[]string{
				"May break callers | `ConnectSessionCreate.label enum value a`: `x-enumNames` `First` → `Second`" + asked,
				"May break callers | `ConnectSessionCreate.label enum value b`: `x-enumNames` `Second` → `First`" + asked,
			},
		},
		{
			"a path that becomes a reference",
			both(),
			remade(func(m map[string]any) {
				object(m, "components")["pathItems"] = map[string]any{"sessions": object(m, "paths", "/connect_sessions")}
				object(m, "paths")["/connect_sessions"] = map[string]any{"$ref": "#/components/pathItems/sessions"}
			}, yaml.Marshal),
			nil,
		},
		{
			"a reference with a percent sign",
			all("ProviderError", "Provider%Error"),
			swap("          type: string\n", "          type: integer\n", "    Provider%Error:"),
			[]string{"May break callers | `Provider%Error.url`: `type` `string` → `integer` (`response 400 of POST /connect_sessions`)"},
		},
		{
			"a version that is a number",
			both(),
			swap("  version: 1.0.0", "  version: 1.1"),
			[]string{"Documentation | `API info`: `version` `1.0.0` → `1.1`"},
		},
		{
			"a reference with an escaped character",
			swap("schemas/UnifiedError'", "schemas/Unified%45rror'"),
			swap("summary: Create", "summary: create"),
			[]string{"Documentation | `POST /connect_sessions`: `summary` `Create Connect Session` → `create Connect Session`"},
		},
		{
			"a reference to a property",
			inCreate("        label:\n", "        title:\n          $ref: '#/components/schemas/UnifiedError/properties/message'\n        label:\n"),
			swap("summary: Create", "summary: create"),
			[]string{"Documentation | `POST /connect_sessions`: `summary` `Create Connect Session` → `create Connect Session`"},
		},
		{
			"a header parameter in other case, and defaults written out",
			swap("      parameters: []\n", "      parameters:\n        - {name: X-Region, in: header, schema: {type: string}}\n        - {name: dry_run, in: query, schema: {type: boolean}}\n"),
			both(swap("name: X-Region", "name: x-region"), swap("name: dry_run", "name: dry_run, style: form, explode: true")),
			nil,
		},
		{
			"a parameter in another style",
			swap("      parameters: []\n", "      parameters:\n        - {name: dry_run, in: query, schema: {type: boolean}}\n"),
			swap("name: dry_run", "name: dry_run, explode: false"),
			[]string{"May break callers | `parameter query dry_run`: `explode` `true` → `false`" + asked},
		},
		{
			"an extension that directs our generator",
			inCreate("        label:\n", "        label:\n          x-order: 1\n"),
			swap("x-order: 1", "x-order: 2"),
			[]string{"May break callers | `ConnectSessionCreate.label`: `x-order` `1` → `2`" + asked},
		},
		{
			"a schema of two answers, written in place in each",
			all("/BadGatewayResponse'", "/NotImplementedResponse'"),
			both(
				swap("                $ref: '#/components/schemas/NotImplementedResponse'\n", inPlace("string")),
				swap("                $ref: '#/components/schemas/NotImplementedResponse'\n", inPlace("integer")),
				swap("    NotImplementedResponse:\n", "    Unused:\n"),
			),
			[]string{
				"May break callers | `NotImplementedResponse`: `$ref` `NotImplementedResponse` → none (`response 501 of POST /connect_sessions`, `response 502 of POST /connect_sessions`)",
				"May break callers | `NotImplementedResponse.message`: `type` `string` → `integer` (`response 502 of POST /connect_sessions`)",
			},
		},
		{
			"a schema of two fields, written in place in each",
			both(
				swap("        data:\n", "        first: {$ref: '#/components/schemas/Small'}\n        second: {$ref: '#/components/schemas/Small'}\n        data:\n", "    BadRequestResponse:"),
				swap("  schemas:\n", "  schemas:\n    Small: {properties: {a: {type: string}}}\n"),
			),
			both(
				swap("first: {$ref: '#/components/schemas/Small'}", "first: {properties: {a: {type: string}}}"),
				swap("second: {$ref: '#/components/schemas/Small'}", "second: {properties: {a: {type: integer}}}"),
			),
			[]string{"May break callers | `Small`: `$ref` `Small` → none" + refusal, "May break callers | `Small.a`: `type` `string` → `integer`" + refusal},
		},
		{
			"the text of a response with a name",
			remade(func(m map[string]any) {
				responses := object(m, "paths", "/connect_sessions", "post", "responses")
				object(m, "components")["responses"] = map[string]any{"BadGateway": responses["502"]}
				responses["502"] = map[string]any{"$ref": "#/components/responses/BadGateway"}
			}, yaml.Marshal),
			swap("Bad gateway error.", "Bad gateway."),
			[]string{"Documentation | `response 502`: `description` `Bad gateway error.` → `Bad gateway.` (`response 502 of POST /connect_sessions`)"},
		},
		{
			"parts and parameters in another order",
			both(
				swap("            - $ref: '#/components/schemas/UnifiedError'\n", "            - $ref: '#/components/schemas/UnifiedError'\n            - $ref: '#/components/schemas/ProviderError'\n"),
				swap("      parameters: []\n", "      parameters:\n        - {name: a, in: query, schema: {$ref: '#/components/schemas/UnifiedError'}}\n        - {name: b, in: query, schema: {$ref: '#/components/schemas/ProviderError'}}\n"),
			),
			remade(func(m map[string]any) {
				slices.Reverse(object(m, "paths", "/connect_sessions", "post")["parameters"].([]any))
				slices.Reverse(object(m, "components", "schemas", "BadRequestResponse", "properties", "data")["allOf"].([]any))
			}, yaml.Marshal),
			nil,
		},
		{
			"a schema of two answers, renamed",
			all("/BadGatewayResponse'", "/NotImplementedResponse'"),
			all("NotImplementedResponse", "NotThere"),
			[]string{"May break callers | `NotImplementedResponse`: `$ref` `NotImplementedResponse` → `NotThere` (`response 501 of POST /connect_sessions`, `response 502 of POST /connect_sessions`)"},
		},
		{
			"a schema that moves where another stays",
			all("/BadGatewayResponse'", "/NotImplementedResponse'"),
			both(swap("NotImplementedResponse'", "Other'"), swap("    NotImplementedResponse:\n", "    Other: {$ref: '#/components/schemas/NotImplementedResponse'}\n    NotImplementedResponse:\n")),
			[]string{"May break callers | `NotImplementedResponse`: `$ref` `NotImplementedResponse` → `Other` (`response 501 of POST /connect_sessions`)"},
		},
		{
			"an operation in a callback",
			swap("      parameters: []\n", "      callbacks: {done: {'{$request.body#/url}': {post: {responses: {'200': {description: x}, '500': {description: y}}}}}}\n"),
			swap(", '500': {description: y}", ""),
			[]string{"May break callers | `POST {$request.body#/url}`: response `500` removed"},
		},
	})
}

// revision is an edit of a vendored file that an edit has made.
type revision struct {
	name       string
	base, edit edit
	want       []string
}

func testChanges(t *testing.T, rows []revision) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "vendored.yaml")
			base := row.base(t, vendoredText(t))
			require.NoError(t, os.WriteFile(file, []byte(base), 0o600))
			code, stdout, stderr := drift(t, asPage(row.edit(t, base)), "-vendored", file)
			assert.Equal(t, min(1, len(row.want)), code, stderr)
			assert.Equal(t, row.want, lines(stdout))
		})
	}
}
