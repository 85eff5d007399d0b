package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// What the client makes of a response, by status, body and content type.

const gatewayPage = `<html><body><h1>502 Bad Gateway</h1></body></html>`

// responds is a script in which every attempt gets the same response.
func responds(status int, body string, header ...string) []step {
	return []step{answers(status, body, header...)}
}

// reads is responds with a body whose reader is changed.
func reads(status int, text string, change func(io.Reader) io.Reader) []step {
	return []step{func(r *http.Request) (*http.Response, error) {
		return response(r, status, change(strings.NewReader(text))), nil
	}}
}

// late returns a reader whose first read takes two seconds, whatever the context says.
func late(r io.Reader) io.Reader {
	return io.MultiReader(bodyReader(func([]byte) (int, error) {
		time.Sleep(2 * time.Second) // in virtual time
		return 0, io.EOF
	}), r)
}

// An answer that is complete is one, even if the time of its attempt is over.
func TestAnswerIsCompleteAfterTheTimeout(t *testing.T) {
	took, limited := exactly(2*time.Second), []client.Option{client.WithTimeout(time.Second)}
	run(t, []scenario{
		{name: "201 after the attempt's timeout", steps: reads(201, link, late), took: took, opts: limited, want: succeeds(1)},
		{name: "404 after the attempt's timeout", steps: reads(404, "{}", late), took: took, opts: limited, want: failsWithStatus(404, 1)},
		{name: "201 after the deadline", steps: reads(201, link, late), took: took, deadline: time.Second, want: succeeds(1)},
		{name: "404 after the deadline", steps: reads(404, "{}", late), took: took, deadline: time.Second, want: failsWithStatus(404, 1)},
		{name: "429 after the deadline", steps: reads(429, "{}", late), took: took, deadline: time.Second, want: contextEnds(context.DeadlineExceeded, 1)},
	})
}

func truncated(r io.Reader) io.Reader {
	return io.MultiReader(r, iotest.ErrReader(io.ErrUnexpectedEOF))
}

// linkWith returns link with another value for one of its members.
func linkWith(t *testing.T, member, value string) string {
	t.Helper()
	s, found := "", false
	for line := range strings.SplitSeq(link, "\n") {
		if !found && strings.HasPrefix(strings.TrimSpace(line), `"`+member+`":`) {
			line, found = fmt.Sprintf("%q: %s,", member, value), true
		}
		s += line
	}
	require.True(t, found, member)
	return s
}

func TestResponseStatus(t *testing.T) {
	run(t, []scenario{
		{name: "200", steps: responds(200, link), want: succeeds(1)},
		{name: "202", steps: responds(202, link), want: succeeds(1)},
		{name: "299", steps: responds(299, link), want: succeeds(1)},
		{name: "204 with a body", steps: responds(204, link), want: succeeds(1)},
		{name: "204 without a body", steps: responds(204, ""), want: unusable("204 No Content")},
		{name: "200 without a body", steps: responds(200, ""), want: unusable("unexpected end of JSON input")},
		{name: "101", steps: responds(101, link), want: failsWithStatus(101, 1)},
		{name: "100", steps: responds(100, link), want: failsWithStatus(100, 1)},
		{name: "300", steps: responds(300, link), want: failsWithStatus(300, 1)},
	})
}

func TestSuccessBody(t *testing.T) {
	noSession := byOperation(unusable("no usable token"), unusable("no usable id or origin_owner_id"))
	run(t, []scenario{
		{name: "empty", steps: responds(201, ""), want: unusable("unexpected end of JSON input")},
		{name: "white space", steps: responds(201, " \n"), want: unusable("unexpected end of JSON input")},
		{name: "null", steps: responds(201, "null"), want: noSession},
		{name: "empty object", steps: responds(201, "{}"), want: noSession},
		{name: "array", steps: responds(201, "[]"), want: unusable("not a JSON object")},
		{name: "string", steps: responds(201, `"token-1"`), want: unusable("not a JSON object")},
		{name: "number", steps: responds(201, `17`), want: unusable("not a JSON object")},
		{name: "true", steps: responds(201, `true`), want: unusable("not a JSON object")},
		{name: "two objects", steps: responds(201, link+link), want: unusable("invalid JSON")},
		{name: "not UTF-8", steps: responds(201, "\xff\xfe"), want: unusable("invalid JSON")},
		{name: "nested too deeply", steps: responds(201, `{"metadata":`+strings.Repeat(`{"a":`, 20000)), want: unusable("nested too deeply")},
		{name: "byte order mark", steps: responds(201, "\ufeff"+link), want: succeeds(1)},
		{name: "first half", steps: responds(201, link[:100]), want: unusable("unexpected end of JSON input")},
		{name: "invalid time", steps: responds(201, linkWith(t, "created_at", `"yesterday"`)), want: dropped("created_at")},
		{name: "truncated", steps: reads(201, link[:50], truncated), want: all(unusable("unexpected EOF"), wraps(io.ErrUnexpectedEOF))},
		{name: "one byte a read", steps: reads(201, link, iotest.OneByteReader), want: succeeds(1)},
		{name: "EOF with the last bytes", steps: reads(201, link, iotest.DataErrReader), want: succeeds(1)},
		{name: "unknown members", steps: responds(201, linkWith(t, "label", `"label-1", "new": {"deep": [1]}`)), want: succeeds(1)},
		{name: "null for an optional member", steps: responds(201, linkWith(t, "categories", "null")), want: succeeds(1)},
	})
}

func TestSuccessWithoutSecrets(t *testing.T) {
	session := func(token, url string) []step {
		return responds(201, fmt.Sprintf(`{"id":1,"token":%s,"auth_link_url":%s}`, token, url))
	}
	createFails := func(text string) outcome { return byOperation(unusable(text), succeeds(1)) }
	run(t, []scenario{
		{name: "no token", steps: responds(201, `{"id":1,"auth_link_url":"https://x"}`), want: createFails("no usable token")},
		{name: "token null", steps: session("null", `"https://x"`), want: createFails("no usable token")},
		{name: "token empty", steps: session(`""`, `"https://x"`), want: createFails("no usable token")},
		{name: "token is a number", steps: session("17", `"x"`), want: createFails("no usable token")},
		{name: "link null", steps: session(`"token-1"`, "null"), want: createFails("no usable auth_link_url")},
		{name: "no link", steps: responds(201, `{"id":1,"token":"token-1"}`), want: createFails("no usable auth_link_url")},
		{name: "only id, token and link", steps: session(`"token-1"`, `"https://hub.example/link-1"`), want: succeeds(1)},
	})
}

func TestSuccessKeepsUnknownEnumValues(t *testing.T) {
	run(t, []scenario{
		{
			name: "category", steps: responds(201, linkWith(t, "categories", `["teleport","hris"]`)),
			want: all(succeeds(1), value(func(s *gen.ConnectSession) any { return s.Categories }, []gen.Category{"teleport", "hris"})),
		},
		{
			name: "type", steps: responds(201, linkWith(t, "type", `"sandbox"`)),
			want: all(succeeds(1), value(func(s *gen.ConnectSession) any { return s.Type }, gen.AccountType("sandbox"))),
		},
		{
			name: "status of the latest attempt", steps: responds(201, strings.Replace(link, `"authenticated"`, `"dreaming"`, 1)),
			want: all(succeeds(1), value(func(s *gen.ConnectSession) any { return s.LatestConnectionAttempt.Status }, gen.AttemptStatus("dreaming"))),
		},
	})
}

func TestSessionIDIsExact(t *testing.T) {
	var rows []scenario
	for id, want := range map[string]outcome{
		"16777217":            value(func(s *gen.ConnectSession) any { return s.ID }, int64(16777217)),
		"9007199254740993":    value(func(s *gen.ConnectSession) any { return s.ID }, int64(1<<53+1)),
		"9223372036854775807": value(func(s *gen.ConnectSession) any { return s.ID }, int64(1<<63-1)),
		"9223372036854775808": all(dropped("id"), value(func(s *gen.ConnectSession) any { return s.ID }, int64(0))),
		"1.5":                 all(dropped("id"), value(func(s *gen.ConnectSession) any { return s.ID }, int64(0))),
		"1e3":                 all(dropped("id"), value(func(s *gen.ConnectSession) any { return s.ID }, int64(0))),
		`"1"`:                 all(dropped("id"), value(func(s *gen.ConnectSession) any { return s.ID }, int64(0))),
		"{}":                  all(dropped("id"), value(func(s *gen.ConnectSession) any { return s.ID }, int64(0))),
	} {
		rows = append(rows, scenario{name: "id " + id, steps: responds(201, linkWith(t, "id", id)), want: want})
	}
	run(t, rows)
}

func TestResponseContentType(t *testing.T) {
	run(t, []scenario{
		{name: "JSON without a content type", steps: responds(201, link, "Content-Type", ""), want: succeeds(1)},
		{name: "JSON labelled text/plain", steps: responds(201, link, "Content-Type", "text/plain"), want: succeeds(1)},
		{name: "JSON labelled text/html", steps: responds(201, link, "Content-Type", "text/html"), want: succeeds(1)},
		{name: "JSON labelled with another charset", steps: responds(201, link, "Content-Type", "application/json; charset=utf-16"), want: succeeds(1)},
		{name: "JSON with an invalid content type", steps: responds(201, link, "Content-Type", ";;\x01"), want: succeeds(1)},
		{name: "HTML", steps: responds(201, gatewayPage, "Content-Type", "text/html"), want: all(unusable("Content-Type is text/html"), noHTML)},
		{name: "HTML labelled application/json", steps: responds(201, gatewayPage), want: all(unusable("invalid JSON"), noHTML)},
		{name: "content type that contains the key", steps: responds(201, gatewayPage, "Content-Type", testKey), want: unusable("")},
		{
			name: "error as problem+json", steps: responds(422, `{"title":"no","message":"what"}`, "Content-Type", "application/problem+json"),
			want: all(failsWithStatus(422, 1), says("what")),
		},
		{name: "error as text/plain", steps: responds(422, "what", "Content-Type", "text/plain"), want: all(failsWithStatus(422, 1), raw("what"))},
	})
}

func TestErrorBody(t *testing.T) {
	rows := []scenario{
		{name: "empty", steps: responds(400, ""), want: failsWithStatus(400, 1)},
		{name: "truncated", steps: reads(400, `{"mess`, truncated), want: all(failsWithStatus(400, 1), raw(`{"mess`))},
		{name: "truncated body of a 429", steps: reads(429, "", truncated), want: failsWithStatus(429, 3)},
		{name: "not JSON", steps: responds(400, "no!"), want: all(failsWithStatus(400, 1), raw("no!"))},
		{name: "null", steps: responds(400, "null"), want: failsWithStatus(400, 1)},
		{name: "array", steps: responds(400, "[]"), want: failsWithStatus(400, 1)},
		{name: "not UTF-8", steps: responds(400, "{\"message\":\"\xff\"}"), want: failsWithStatus(400, 1)},
		{name: "nested too deeply", steps: responds(400, strings.Repeat("[", 20000)), want: failsWithStatus(400, 1)},
	}
	for status := 502; status <= 504; status++ {
		for _, label := range []string{"text/html", "application/json"} {
			rows = append(rows, scenario{
				name:  fmt.Sprintf("%d with HTML labelled %s", status, label),
				steps: responds(status, gatewayPage, "Content-Type", label), want: all(ambiguousStatus(status), raw(gatewayPage)),
			})
		}
	}
	for name, members := range map[string]string{
		"invalid timestamp":                   `"timestamp":"yesterday"`,
		"empty timestamp":                     `"timestamp":""`,
		"number as timestamp":                 `"timestamp":1685404800`,
		"string as statusCode":                `"statusCode":"400"`,
		"statusCode of another status":        `"statusCode":201`,
		"object as statusCode":                `"statusCode":{}`,
		"array as data":                       `"data":[1,2]`,
		"string as data":                      `"data":"no"`,
		"string as provider_errors":           `"provider_errors":"no"`,
		"object as provider_errors":           `"provider_errors":{"status":1}`,
		"invalid elements in provider_errors": `"provider_errors":[null,"no",1,[],{"status":"no"}]`,
		"array as data.headers":               `"data":{"headers":[1]}`,
		"every member null":                   `"statusCode":null,"timestamp":null,"data":null,"provider_errors":null`,
		"message given twice":                 `"message":"first"`,
	} {
		text := fmt.Sprintf(`{%s,"message":"what went wrong"}`, members)
		rows = append(rows, scenario{
			name: name, steps: responds(400, text), want: all(failsWithStatus(400, 1), says("what went wrong"), raw(text)),
		})
	}
	for message, text := range map[string]string{
		`["one","two"]`: "one; two", `{"why":"no"}`: `{"why":"no"}`, `17`: "17", `""`: "400 Bad Request", `null`: "400 Bad Request",
		`"two\nlines\u0000\u001b[31m"`: `two\nlines\x00\x1b[31m`, `"` + strings.Repeat("long ", 1000) + `"`: "long long",
		`"the key ` + testKey + ` is not known"`: "the key [redacted] is not known",
	} {
		rows = append(rows, scenario{
			name: "message " + message[:min(len(message), 20)], steps: responds(400, `{"message":`+message+`}`), want: all(failsWithStatus(400, 1), says(text)),
		})
	}
	run(t, rows)
}

// raw expects an APIError that keeps the body.
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

// value expects a session with a value.
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

func TestErrorBodyKeepsUsableMembers(t *testing.T) {
	t.Parallel()
	c := through(t, scripted(answers(400, `{"statusCode":"x","message":"m","timestamp":0,
		"data":{"statusCode":"x","message":"inner","headers":{"h":1}},
		"provider_errors":[{"status":"x","url":"https://p"},null,{"status":404}]}`)))
	api := requireAPIError(t, call(t.Context(), t, opCreate, c).err, opCreate, 400)
	assert.Equal(t, &gen.UnifiedError{Message: "inner", Headers: map[string]any{"h": 1.0}}, api.Data)
	assert.Equal(t, []gen.ProviderError{{URL: "https://p"}, {Status: 404}}, api.ProviderErrors)
	assert.Zero(t, api.Timestamp)
}
