package client_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// Faults of what an answer holds.

// sent is a success that is not usable, which is never asked for twice.
func sent(text string) outcome { return BAD(text, 1) }

func TestFaultBody(t *testing.T) {
	const html = `<html><body><h1>502 Bad Gateway</h1></body></html>`
	body := func(status int, text string, change func(io.Reader) io.Reader) []step {
		return []step{func(r *http.Request) (*http.Response, error) {
			return response(r, status, change(strings.NewReader(text))), nil
		}}
	}
	cut := func(r io.Reader) io.Reader { return io.MultiReader(r, iotest.ErrReader(io.ErrUnexpectedEOF)) }
	one := func(status int, body string, header ...string) []step {
		return []step{answers(status, body, header...)}
	}
	with := func(member, value string) string { // link with another value
		s, ok := "", false
		for line := range strings.SplitSeq(link, "\n") {
			if !ok && strings.HasPrefix(strings.TrimSpace(line), `"`+member+`":`) {
				line, ok = fmt.Sprintf("%q: %s,", member, value), true
			}
			s += line
		}
		require.True(t, ok, member)
		return s
	}
	secrets := func(token, url string) string {
		return fmt.Sprintf(`{"id":1,"token":%s,"auth_link_url":%s}`, token, url)
	}
	const good = `{"id":1,"token":"token-1","auth_link_url":"https://hub.example/link-1"}`
	rows := []fault{
		{name: "13 200", meets: one(200, link), want: OK(1)},
		{name: "13 202", meets: one(202, link), want: OK(1)},
		{name: "13 299", meets: one(299, link), want: OK(1)},
		{name: "13 204 with a body", meets: one(204, link), want: OK(1)},
		{name: "13 204", meets: one(204, ""), want: sent("204 No Content")},
		{name: "13 200 without a body", meets: one(200, ""), want: sent("unexpected end of JSON input")},
		{name: "13 101", meets: one(101, link), want: API(101, 1)},
		{name: "13 100", meets: one(100, link), want: API(100, 1)},
		{name: "13 300", meets: one(300, link), want: API(300, 1)},
		{name: "14 empty body", meets: one(201, ""), want: sent("unexpected end of JSON input")},
		{name: "14 white space", meets: one(201, " \n"), want: sent("unexpected end of JSON input")},
		{name: "14 null", meets: one(201, "null"), want: each(sent("no token"), sent("no id"))},
		{name: "14 {}", meets: one(201, "{}"), want: each(sent("no token"), sent("no id"))},
		{name: "14 []", meets: one(201, "[]"), want: sent("not a JSON object")},
		{name: "14 string", meets: one(201, `"token-1"`), want: sent("not a JSON object")},
		{name: "14 number", meets: one(201, `17`), want: sent("not a JSON object")},
		{name: "14 true", meets: one(201, `true`), want: sent("not a JSON object")},
		{name: "14 two objects", meets: one(201, link+link), want: sent("after top-level value")},
		{name: "14 not UTF-8", meets: one(201, "\xff\xfe"), want: sent("invalid character")},
		{name: "14 nested without end", meets: one(201, `{"metadata":`+strings.Repeat(`{"a":`, 20000)), want: sent("max depth")},
		{name: "14 a byte order mark", meets: one(201, "\ufeff"+link), want: sent("invalid character")},
		{name: "19 nested without end", meets: one(400, strings.Repeat("[", 20000)), want: API(400, 1)},
		{name: "14 half", meets: one(201, link[:100]), want: sent("unexpected end of JSON input")},
		{name: "14 a time that is none", meets: one(201, with("created_at", `"yesterday"`)), want: sent("a time is not in RFC 3339")},
		{name: "14 a token that is a number", meets: one(201, secrets("17", `"x"`)), want: each(sent("token does not fit"), OK(1))},
		{name: "15 cut", meets: body(201, link[:50], cut), want: all(sent("unexpected EOF"), wraps(io.ErrUnexpectedEOF))},
		{name: "15 byte by byte", meets: body(201, link, iotest.OneByteReader), want: OK(1)},
		{name: "15 data and EOF together", meets: body(201, link, iotest.DataErrReader), want: OK(1)},
		{name: "19 empty", meets: one(400, ""), want: API(400, 1)},
		{name: "19 cut", meets: body(400, `{"mess`, cut), want: all(API(400, 1), raw(`{"mess`))},
		{name: "19 cut, of a status that is repeated", meets: body(429, "", cut), want: API(429, 3)},
		{name: "19 not JSON", meets: one(400, "no!"), want: all(API(400, 1), raw("no!"))},
		{name: "19 null", meets: one(400, "null"), want: API(400, 1)},
		{name: "19 []", meets: one(400, "[]"), want: API(400, 1)},
		{name: "19 not UTF-8", meets: one(400, "{\"message\":\"\xff\"}"), want: API(400, 1)},

		{name: "22 no content type", meets: one(201, link, "Content-Type", ""), want: OK(1)},
		{name: "22 text/plain", meets: one(201, link, "Content-Type", "text/plain"), want: OK(1)},
		{name: "22 text/html, and JSON", meets: one(201, link, "Content-Type", "text/html"), want: OK(1)},
		{name: "22 odd charset", meets: one(201, link, "Content-Type", "application/json; charset=utf-16"), want: OK(1)},
		{name: "22 content type that is none", meets: one(201, link, "Content-Type", ";;\x01"), want: OK(1)},
		{name: "22 HTML", meets: one(201, html, "Content-Type", "text/html"), want: all(sent("labelled text/html"), noHTML)},
		{name: "22 HTML, labelled JSON", meets: one(201, html), want: all(sent("invalid character"), noHTML)},
		{name: "22 content type that quotes the key", meets: one(201, html, "Content-Type", testKey), want: sent("")},
		{
			name: "22 error as problem+json", meets: one(422, `{"title":"no","message":"what"}`, "Content-Type", "application/problem+json"),
			want: all(API(422, 1), says("what")),
		},
		{name: "22 error as text", meets: one(422, "what", "Content-Type", "text/plain"), want: all(API(422, 1), raw("what"))},
		{name: "23 unknown category", meets: one(201, with("categories", `["teleport","hris"]`)), want: all(OK(1), value(func(s *gen.ConnectSession) any { return s.Categories }, []gen.Category{"teleport", "hris"}))},
		{name: "23 unknown type", meets: one(201, with("type", `"sandbox"`)), want: all(OK(1), value(func(s *gen.ConnectSession) any { return s.Type }, gen.AccountType("sandbox")))},
		{name: "23 unknown state of the attempt", meets: one(201, strings.Replace(link, `"authenticated"`, `"dreaming"`, 1)), want: all(OK(1), value(func(s *gen.ConnectSession) any { return s.LatestConnectionAttempt.Status }, gen.AttemptStatus("dreaming")))},
		{name: "23 unknown members", meets: one(201, with("label", `"label-1", "new": {"deep": [1]}`)), want: OK(1)},
		{name: "23 null where nothing is needed", meets: one(201, with("categories", "null")), want: OK(1)},
		{name: "24 no token", meets: one(201, `{"id":1,"auth_link_url":"https://x"}`), want: each(sent("no token"), OK(1))},
		{name: "24 token null", meets: one(201, secrets("null", `"https://x"`)), want: each(sent("no token"), OK(1))},
		{name: "24 token empty", meets: one(201, secrets(`""`, `"https://x"`)), want: each(sent("no token"), OK(1))},
		{name: "24 link null", meets: one(201, secrets(`"token-1"`, "null")), want: each(sent("no auth_link_url"), OK(1))},
		{name: "24 no link", meets: one(201, `{"id":1,"token":"token-1"}`), want: each(sent("no auth_link_url"), OK(1))},
		{name: "24 nothing but the secrets and the id", meets: one(201, good), want: OK(1)},
	}
	for id, want := range map[string]outcome{
		"16777217":            value(func(s *gen.ConnectSession) any { return s.ID }, int64(16777217)),
		"9007199254740993":    value(func(s *gen.ConnectSession) any { return s.ID }, int64(1<<53+1)),
		"9223372036854775807": value(func(s *gen.ConnectSession) any { return s.ID }, int64(1<<63-1)),
		"9223372036854775808": sent("does not fit"),
		"1.5":                 sent("does not fit"),
		"1e3":                 sent("does not fit"),
		`"1"`:                 sent("does not fit"),
		"{}":                  sent("does not fit"),
	} {
		rows = append(rows, fault{name: "25 id " + id, meets: one(201, with("id", id)), want: want})
	}
	for status := 502; status <= 504; status++ {
		for _, label := range []string{"text/html", "application/json"} {
			rows = append(rows, fault{
				name:  fmt.Sprintf("18 %d with HTML labelled %s", status, label),
				meets: one(status, html, "Content-Type", label), want: all(refused(status), raw(html)),
			})
		}
	}
	for name, body := range map[string]string{
		"a bad timestamp": `"timestamp":"yesterday"`, "an empty timestamp": `"timestamp":""`, "a number as timestamp": `"timestamp":1685404800`,
		"a text as statusCode": `"statusCode":"400"`, "another statusCode": `"statusCode":201`, "an object as statusCode": `"statusCode":{}`,
		"odd data":                   `"data":[1,2]`,
		"a text as data":             `"data":"no"`,
		"a text as provider_errors":  `"provider_errors":"no"`,
		"an object as their list":    `"provider_errors":{"status":1}`,
		"odd ones among them":        `"provider_errors":[null,"no",1,[],{"status":"no"}]`,
		"headers that are a list":    `"data":{"headers":[1]}`,
		"everything null":            `"statusCode":null,"timestamp":null,"data":null,"provider_errors":null`,
		"a message given twice, too": `"message":"first"`,
	} {
		text := fmt.Sprintf(`{%s,"message":"what went wrong"}`, body)
		rows = append(rows, fault{
			name: "20 21 error with " + name, meets: one(400, text), want: all(API(400, 1), says("what went wrong"), raw(text)),
		})
	}
	for message, text := range map[string]string{
		`["one","two"]`: "one; two", `{"why":"no"}`: `{"why":"no"}`, `17`: "17", `""`: "400 Bad Request", `null`: "400 Bad Request",
		`"two\nlines\u0000\u001b[31m"`: `two\nlines\x00\x1b[31m`, `"` + strings.Repeat("long ", 1000) + `"`: "long long",
		`"the key ` + testKey + ` is not known"`: "the key [redacted] is not known",
	} {
		rows = append(rows, fault{
			name: "20 message " + message[:min(len(message), 20)], meets: one(400, `{"message":`+message+`}`), want: all(API(400, 1), says(text)),
		})
	}
	run(t, rows)
}

// raw is an error that keeps the body.
func raw(body string) outcome {
	return func(t *testing.T, r *result) {
		t.Helper()
		var api *client.APIError
		require.ErrorAs(t, r.err, &api)
		assert.Equal(t, body, string(api.Body))
		assert.Equal(t, body, string(r.response.Body))
	}
}

func noHTML(t *testing.T, r *result) { t.Helper(); assert.NotContains(t, r.err.Error(), "<h") }

// value is a session with a value.
func value(of func(*gen.ConnectSession) any, want any) outcome {
	return func(t *testing.T, r *result) {
		t.Helper()
		require.NoError(t, r.err)
		got := r.read
		if c := r.created; c != nil {
			got = &gen.ConnectSession{ID: c.ID, Categories: c.Categories, Type: c.Type, LatestConnectionAttempt: c.LatestConnectionAttempt}
		}
		assert.Equal(t, want, of(got))
	}
}

func TestFault21TypedWhereItFits(t *testing.T) {
	t.Parallel()
	c := through(t, meets(answers(400, `{"statusCode":"x","message":"m","timestamp":0,
		"data":{"statusCode":"x","message":"inner","headers":{"h":1}},
		"provider_errors":[{"status":"x","url":"https://p"},null,{"status":404}]}`)))
	api := requireAPIError(t, call(t.Context(), t, opCreate, c).err, opCreate, 400)
	assert.Equal(t, &gen.UnifiedError{Message: "inner", Headers: map[string]any{"h": 1.0}}, api.Data)
	assert.Equal(t, []gen.ProviderError{{URL: "https://p"}, {Status: 404}}, api.ProviderErrors)
	assert.Zero(t, api.Timestamp)
}
