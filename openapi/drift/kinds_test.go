package main

import (
	"fmt"
	"slices"
	"strings"
)

// kinds returns the paths of operations with every kind of parameter and of body that the
// generated client can send.
func kinds() string {
	const (
		list   = "schema: {type: array, items: {type: string}}"
		object = "schema: {type: object, properties: {a: {type: string}, b: {type: number}}, required: [a]}"
		ending = "      responses: {'200': {description: Text, content: {text/plain: {schema: {type: string}}}}, '204': {description: None}}\n" +
			"      security: [{basic: []}]\n"
	)
	var text strings.Builder
	text.WriteString("paths:\n  /kinds/{day}/{count}:\n    get:\n      parameters:\n" +
		"        - {name: count, in: path, required: true, schema: {type: integer}}\n" +
		"        - {name: day, in: path, required: true, schema: {type: string, format: date}}\n")
	parameters := func(where string, kinds ...string) {
		for i, kind := range slices.Concat([]string{
			"schema: {type: boolean}", "schema: {type: number}", "schema: {type: integer, default: 25}", "schema: {type: string, enum: [a, b]}",
			"schema: {type: string, format: date-time}", "schema: {type: string, format: uuid}", "explode: false, " + list, "explode: false, " + object,
		}, kinds) {
			for _, required := range []bool{false, true} {
				fmt.Fprintf(&text, "        - {name: %s-%d-%v, in: %s, required: %v, %s}\n", where, i, required, where, required, kind)
			}
		}
	}
	parameters("cookie")
	parameters("header", list, "explode: true, "+object)
	parameters("query", list, "style: spaceDelimited, explode: true, "+list, "style: pipeDelimited, explode: false, "+list,
		"style: pipeDelimited, explode: true, "+list, "style: deepObject, explode: true, "+object, "content: {application/json: {"+object+"}}")
	text.WriteString(ending)
	for i, content := range []string{
		"application/merge-patch+json: {schema: {$ref: '#/components/schemas/MadeUpAccountUpdate'}}",
		"application/json: {schema: {type: array, items: {type: object, properties: {a: {type: string}}, required: [a]}}}, " +
			"application/vnd.x+json: {schema: {type: boolean}}",
		"text/plain: {schema: {type: string}}",
		"application/x-www-form-urlencoded: {" + object + "}",
		"multipart/form-data: {schema: {type: object, properties: {file: {type: string, format: binary}}}}",
		"application/json: {schema: {type: object, properties: {a: {oneOf: [{type: string}, {type: number}]}}, required: [a]}}",
		"application/json: {schema: {type: object, additionalProperties: {type: number}}}",
	} {
		fmt.Fprintf(&text, "  /kinds/%d:\n    put:\n      requestBody: {required: %v, content: {%s}}\n%s", i, i%2 == 0, content, ending)
	}
	return text.String()
}
