package main

import "testing"

// Data is compared as it is, and schemas are told from it in every place.
func TestDataAndSchemas(t *testing.T) {
	t.Parallel()
	inCreate := func(old, new string) edit { return swap(old, new, create) }
	testChanges(t, []revision{
		{
			"data that looks like a description",
			both(
				swap("paths:\n", "x-mint: {content: '## Note', headers: 1}\npaths:\n"),
				inCreate("        provider:\n", "        example: {type: object, default: {content: x}, example: {headers: 1}}\n        more: {example: {content: hi, enum: [1], headers: x, parameters: [a], $ref: zz, in: {}}, const: {properties: a}}\n        provider:\n"),
				swap("          application/json:\n", "          application/json:\n            examples: {a: {value: {links: [1], $ref: '#/gone'}}}\n"),
			),
			inCreate("        provider:\n", "        region: {type: string}\n        provider:\n"),
			[]string{"New | `ConnectSessionCreate`: property `region` added" + asked},
		},
		{
			"data where a description has objects",
			both(
				swap("      parameters: []\n", "      x: {parameters: {id: $response.body#/id}, enum: [a], content: text, headers: 1}\n"),
				swap("servers:\n  - url: https://api.stackone.com\n", "servers:\n  - url: https://api.stackone.com\n    variables: {region: {default: eu, enum: [eu, us]}}\n"),
			),
			both(swap("body#/id", "body#/key"), swap("content: text", "content: words"), swap("enum: [eu, us]", "enum: [eu]")),
			[]string{
				"May break callers | `API server the first variables region`: `enum` `[\"eu\",\"us\"]` → `[\"eu\"]`",
				"May break callers | `POST /connect_sessions x`: `content` `text` → `words`",
				"May break callers | `parameter id`: `value` `$response.body#/id` → `$response.body#/key`" + asked,
			},
		},
		{
			"data where a description has objects, unchanged",
			swap("      parameters: []\n", "      x: {parameters: {id: $response.body#/id}}\n"),
			swap("summary: Create", "summary: create"),
			[]string{"Documentation | `POST /connect_sessions`: `summary` `Create Connect Session` → `create Connect Session`"},
		},
		{
			"data that becomes an object, and an object that becomes data",
			swap("      parameters: []\n", "      x: {parameters: {id: a, name: {b: c}}}\n"),
			swap("{id: a, name: {b: c}}", "{id: {b: c}, name: a}"),
			[]string{"May break callers | `parameter id`: `b` none → `c`" + asked, "May break callers | `parameter name`: `b` `c` → none" + asked},
		},
		{
			"order in data",
			swap("paths:\n", "x-page: {parameters: [a, b], servers: [a]}\npaths:\n"),
			swap("x-page: {parameters: [a, b], servers: [a]}", "x-page: {parameters: [b, a], servers: [b]}"),
			[]string{"Documentation | `API`: `x-page` `{\"parameters\":[\"a\",\"b\"],\"servers\":[\"a\"]}` → `{\"parameters\":[\"b\",\"a\"],\"servers\":[\"b\"]}`"},
		},
		{
			"a property called default, and one called example",
			inCreate("        provider:\n", "        default: {type: string}\n        example: {type: string}\n        properties: {properties: {example: {type: string}}}\n        provider:\n"),
			all("{type: string}", "{type: integer}"),
			[]string{
				"May break callers | `ConnectSessionCreate.default`: `type` `string` → `integer`" + asked, "May break callers | `ConnectSessionCreate.example`: `type` `string` → `integer`" + asked,
				"May break callers | `ConnectSessionCreate.properties.example`: `type` `string` → `integer`" + asked,
			},
		},
		{
			"schemas that are true",
			inCreate("        provider:\n", "        any: true\n        parts: {anyOf: [true, {type: string}], prefixItems: [false]}\n        provider:\n"),
			both(swap("any: true", "any: {}"), swap("anyOf: [true", "anyOf: [{}"), swap("[false]", "[{not: {}}]")),
			nil,
		},
		{
			"schemas that become false",
			inCreate("        provider:\n", "        any: true\n        parts: {anyOf: [true, {type: string}]}\n        provider:\n"),
			both(swap("any: true", "any: false"), swap("anyOf: [true", "anyOf: [false")),
			[]string{"May break callers | `ConnectSessionCreate.any`: `not` added" + asked, "May break callers | `ConnectSessionCreate.parts`: `not` added" + asked},
		},
		{
			"what stands beside the reference of a path",
			both(swap("paths:\n", "paths:\n  /a: {$ref: '#/components/pathItems/A'}\n"), swap("  schemas:\n", "  pathItems: {A: {get: {responses: {'200': {description: x}}}}}\n  schemas:\n")),
			swap("pathItems/A'}", "pathItems/A', parameters: [{name: q, in: query, required: true, schema: {type: string}}], put: {responses: {'200': {description: x}}}}"),
			[]string{"May break callers | `GET /a`: parameter `query q` added", "New | `API`: operation `PUT /a` added"},
		},
		{
			"a part that is referred to twice",
			inCreate("        provider:\n", "        parts: {anyOf: [{$ref: '#/components/schemas/ProviderError', nullable: true}, {$ref: '#/components/schemas/ProviderError'}]}\n        provider:\n"),
			swap("ProviderError', nullable: true}", "ProviderError'}"),
			[]string{"May break callers | `ConnectSessionCreate.parts`: anyOf `part 1` removed" + asked},
		},
		{
			"values that are written alike",
			inCreate("        provider:\n", "        a: {enum: ['null', null]}\n        b: {enum: [1, '1']}\n        provider:\n"),
			both(swap("['null', null]", "[null]"), swap("[1, '1']", "['1']")),
			[]string{
				"May break callers | `ConnectSessionCreate.a`: enum value `\"null\"` removed" + asked, "May break callers | `ConnectSessionCreate.b`: enum value `1` removed" + asked,
			},
		},
		{
			"numbers beyond 2^64, and long fractions",
			inCreate("        provider:\n", "        a: {maximum: 18446744073709551617, minimum: -18446744073709551617}\n        b: {maximum: 0.10000000000000000001}\n        provider:\n"),
			both(swap("{maximum: 18446744073709551617", "{maximum: 18446744073709551619"), swap("0.10000000000000000001", "0.10000000000000000002")),
			[]string{
				"May break callers | `ConnectSessionCreate.a`: `maximum` `\"18446744073709551617\"` → `\"18446744073709551619\"`" + asked,
				"May break callers | `ConnectSessionCreate.b`: `maximum` `\"0.10000000000000000001\"` → `\"0.10000000000000000002\"`" + asked,
			},
		},
	})
}
