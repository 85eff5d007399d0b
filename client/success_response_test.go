package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func TestResponseStatus(t *testing.T) {
	run(t, []scenario{
		{name: "200", steps: []step{responds(200, link)}, want: succeeds(1)},
		{name: "202", steps: []step{responds(202, link)}, want: succeeds(1)},
		{name: "299", steps: []step{responds(299, link)}, want: succeeds(1)},
		{name: "204 with a body", steps: []step{responds(204, link)}, want: succeeds(1)},
		{name: "204 without a body", steps: []step{responds(204, "")}, want: unusable("204 No Content")},
		{name: "200 without a body", steps: []step{responds(200, "")}, want: unusable("unexpected end of JSON input")},
		{name: "101", steps: []step{responds(101, link)}, want: failsWithStatus(101, 1)},
		{name: "100", steps: []step{responds(100, link)}, want: failsWithStatus(100, 1)},
		{name: "300", steps: []step{responds(300, link)}, want: failsWithStatus(300, 1)},
	})
}

func TestSuccessFields(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	attempt := gen.ConnectSessionLatestAttempt{
		ID: "attempt-1", Status: gen.AttemptStatusAuthenticated, AccountSecureID: "secure-1",
		OAuthErrorCode: "access_denied", OAuthErrorDescription: "declined at first",
		CreatedAt: time.Date(2026, 1, 2, 3, 5, 0, 0, time.UTC), UpdatedAt: time.Date(2026, 1, 2, 3, 6, 0, 0, time.UTC),
	}
	full := gen.ConnectSession{
		ID: 1<<63 - 1, OrganizationID: "org-1", ProjectID: "project-1",
		Categories: []gen.Category{gen.CategoryHRIS, gen.CategoryHRISLegacy}, Provider: "bamboohr",
		OriginOwnerID: "customer-1", OriginOwnerName: "Customer One", OriginUsername: "jo",
		AccountID: "account-1", Label: "label-1", CreatedAt: created,
		Metadata:             map[string]any{"plan": "pro", "nested": map[string]any{"deep": []any{1.0, "two", nil}}},
		ExternalTriggerToken: "trigger-1", Type: gen.AccountTypeTest,
		IntegrationID:      "integration-1", //nolint:staticcheck // deprecated, but still part of the API
		ConnectorProfileID: "profile-1", LatestConnectionAttempt: &attempt,
	}

	t.Run("create with every field", func(t *testing.T) {
		t.Parallel()
		got, err := serve(t, answer(201, link)).ConnectSessions.Create(t.Context(), owner)
		require.NoError(t, err)
		assertJSONEqual(t, link, got)
		assert.Equal(t, "token-1", got.Token)
		assert.Equal(t, "https://hub.example/link-1", got.AuthLinkURL)
		assert.Equal(t, full.ID, got.ID)
		assert.Equal(t, full.Categories, got.Categories)
		assert.Equal(t, full.Metadata, got.Metadata)
		assert.Equal(t, &attempt, got.LatestConnectionAttempt)
	})
	t.Run("create with the required fields", func(t *testing.T) {
		t.Parallel()
		got, err := serve(t, answer(201, requiredLink)).ConnectSessions.Create(t.Context(), owner)
		require.NoError(t, err)
		assertJSONEqual(t, requiredLink, got)
		assert.Nil(t, got.LatestConnectionAttempt)
	})
	t.Run("authenticate with every field", func(t *testing.T) {
		t.Parallel()
		got, err := serve(t, answer(201, session)).ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: "token-1"})
		require.NoError(t, err)
		assert.Equal(t, full, *got)
		assertJSONEqual(t, session, got)
	})
	t.Run("through the generated client", func(t *testing.T) {
		t.Parallel()
		got, err := serve(t, answer(201, link)).Generated().CreateConnectSessionWithResponse(t.Context(), owner)
		require.NoError(t, err)
		assert.Equal(t, "token-1", got.JSON201.Token)
		assert.JSONEq(t, link, string(got.Body))
	})
}

// assertJSONEqual asserts that got encodes to the JSON that it was decoded from.
func assertJSONEqual(t *testing.T, want string, got any) {
	t.Helper()
	encoded, err := json.Marshal(got)
	require.NoError(t, err)
	assert.JSONEq(t, want, string(encoded))
}

func TestSuccessBody(t *testing.T) {
	noSession := byOperation(unusable("no usable token"), unusable("no usable id or origin_owner_id"))
	run(t, []scenario{
		{name: "empty", steps: []step{responds(201, "")}, want: unusable("unexpected end of JSON input")},
		{name: "white space", steps: []step{responds(201, " \n")}, want: unusable("unexpected end of JSON input")},
		{name: "null", steps: []step{responds(201, "null")}, want: noSession},
		{name: "empty object", steps: []step{responds(201, "{}")}, want: noSession},
		{name: "array", steps: []step{responds(201, "[]")}, want: unusable("not a JSON object")},
		{name: "string", steps: []step{responds(201, `"token-1"`)}, want: unusable("not a JSON object")},
		{name: "number", steps: []step{responds(201, `17`)}, want: unusable("not a JSON object")},
		{name: "true", steps: []step{responds(201, `true`)}, want: unusable("not a JSON object")},
		{name: "two objects", steps: []step{responds(201, link+link)}, want: unusable("invalid JSON")},
		{name: "not UTF-8", steps: []step{responds(201, "\xff\xfe")}, want: unusable("invalid JSON")},
		{name: "nested too deeply", steps: []step{responds(201, `{"metadata":`+strings.Repeat(`{"a":`, 20000))}, want: unusable("nested too deeply")},
		{name: "byte order mark", steps: []step{responds(201, "\ufeff"+link)}, want: succeeds(1)},
		{name: "first 100 bytes", steps: []step{responds(201, link[:100])}, want: unusable("unexpected end of JSON input")},
		{name: "invalid time", steps: []step{responds(201, linkWith(t, "created_at", `"yesterday"`))}, want: dropped("created_at")},
		{name: "truncated", steps: []step{respondsWith(201, link[:50], truncated)}, want: all(unusable("unexpected EOF"), wraps(io.ErrUnexpectedEOF))},
		{name: "one byte per read", steps: []step{respondsWith(201, link, iotest.OneByteReader)}, want: succeeds(1)},
		{name: "EOF with the last bytes", steps: []step{respondsWith(201, link, iotest.DataErrReader)}, want: succeeds(1)},
		{name: "unknown members", steps: []step{responds(201, linkWith(t, "label", `"label-1", "new": {"deep": [1]}`))}, want: succeeds(1)},
		{name: "null for an optional member", steps: []step{responds(201, linkWith(t, "categories", "null"))}, want: succeeds(1)},
	})
}

func TestSuccessWithoutTokenOrLink(t *testing.T) {
	session := func(token, url string) []step {
		return []step{responds(201, fmt.Sprintf(`{"id":1,"token":%s,"auth_link_url":%s}`, token, url))}
	}
	createFails := func(text string) expectation { return byOperation(unusable(text), succeeds(1)) }
	run(t, []scenario{
		{name: "no token", steps: []step{responds(201, `{"id":1,"auth_link_url":"https://x"}`)}, want: createFails("no usable token")},
		{name: "token null", steps: session("null", `"https://x"`), want: createFails("no usable token")},
		{name: "token empty", steps: session(`""`, `"https://x"`), want: createFails("no usable token")},
		{name: "token is a number", steps: session("17", `"x"`), want: createFails("no usable token")},
		{name: "link null", steps: session(`"token-1"`, "null"), want: createFails("no usable auth_link_url")},
		{name: "no link", steps: []step{responds(201, `{"id":1,"token":"token-1"}`)}, want: createFails("no usable auth_link_url")},
		{name: "only id, token and link", steps: session(`"token-1"`, `"https://hub.example/link-1"`), want: succeeds(1)},
	})
}

func TestSuccessKeepsUnknownEnumValues(t *testing.T) {
	run(t, []scenario{
		{
			name: "category", steps: []step{responds(201, linkWith(t, "categories", `["teleport","hris"]`))},
			want: all(succeeds(1), hasValue(func(s *gen.ConnectSession) any { return s.Categories }, []gen.Category{"teleport", "hris"})),
		},
		{
			name: "type", steps: []step{responds(201, linkWith(t, "type", `"sandbox"`))},
			want: all(succeeds(1), hasValue(func(s *gen.ConnectSession) any { return s.Type }, gen.AccountType("sandbox"))),
		},
		{
			name: "status of the latest attempt", steps: []step{responds(201, strings.Replace(link, `"authenticated"`, `"dreaming"`, 1))},
			want: all(succeeds(1), hasValue(func(s *gen.ConnectSession) any { return s.LatestConnectionAttempt.Status }, gen.AttemptStatus("dreaming"))),
		},
	})
}

func TestSessionIDIsExact(t *testing.T) {
	var rows []scenario
	for id, want := range map[string]expectation{
		"16777217":            hasValue(func(s *gen.ConnectSession) any { return s.ID }, int64(16777217)),
		"9007199254740993":    hasValue(func(s *gen.ConnectSession) any { return s.ID }, int64(1<<53+1)),
		"9223372036854775807": hasValue(func(s *gen.ConnectSession) any { return s.ID }, int64(1<<63-1)),
		"9223372036854775808": all(dropped("id"), hasValue(func(s *gen.ConnectSession) any { return s.ID }, int64(0))),
		"1.5":                 all(dropped("id"), hasValue(func(s *gen.ConnectSession) any { return s.ID }, int64(0))),
		"1e3":                 all(dropped("id"), hasValue(func(s *gen.ConnectSession) any { return s.ID }, int64(0))),
		`"1"`:                 all(dropped("id"), hasValue(func(s *gen.ConnectSession) any { return s.ID }, int64(0))),
		"{}":                  all(dropped("id"), hasValue(func(s *gen.ConnectSession) any { return s.ID }, int64(0))),
	} {
		rows = append(rows, scenario{name: "id " + id, steps: []step{responds(201, linkWith(t, "id", id))}, want: want})
	}
	run(t, rows)
}

// hasValue expects a session of which get returns want.
func hasValue(get func(*gen.ConnectSession) any, want any) expectation {
	return func(t *testing.T, r *result) {
		t.Helper()
		require.NoError(t, r.err)
		got := r.read
		if c := r.created; c != nil {
			got = &gen.ConnectSession{ID: c.ID, Categories: c.Categories, Type: c.Type, LatestConnectionAttempt: c.LatestConnectionAttempt}
		}
		assert.Equal(t, want, get(got))
	}
}

// lateReader returns a reader whose first read takes two seconds and ignores the context.
func lateReader(r io.Reader) io.Reader {
	return io.MultiReader(bodyReader(func([]byte) (int, error) {
		time.Sleep(2 * time.Second) // in virtual time
		return 0, io.EOF
	}), r)
}

// A complete response counts even if it arrived after the timeout or the deadline.
func TestCompleteResponseAfterTimeout(t *testing.T) {
	took, limited := exactly(2*time.Second), []client.Option{client.WithTimeout(time.Second)}
	run(t, []scenario{
		{name: "201 after the attempt's timeout", steps: []step{respondsWith(201, link, lateReader)}, took: took, opts: limited, want: succeeds(1)},
		{name: "404 after the attempt's timeout", steps: []step{respondsWith(404, "{}", lateReader)}, took: took, opts: limited, want: failsWithStatus(404, 1)},
		{name: "201 after the deadline", steps: []step{respondsWith(201, link, lateReader)}, took: took, deadline: time.Second, want: succeeds(1)},
		{name: "404 after the deadline", steps: []step{respondsWith(404, "{}", lateReader)}, took: took, deadline: time.Second, want: failsWithStatus(404, 1)},
		{name: "429 after the deadline", steps: []step{respondsWith(429, "{}", lateReader)}, took: took, deadline: time.Second, want: contextEnds(context.DeadlineExceeded, 1)},
	})
}

func TestResponseContentType(t *testing.T) {
	run(t, []scenario{
		{name: "JSON without a content type", steps: []step{responds(201, link, "Content-Type", "")}, want: succeeds(1)},
		{name: "JSON labelled text/plain", steps: []step{responds(201, link, "Content-Type", "text/plain")}, want: succeeds(1)},
		{name: "JSON labelled text/html", steps: []step{responds(201, link, "Content-Type", "text/html")}, want: succeeds(1)},
		{name: "JSON labelled with another charset", steps: []step{responds(201, link, "Content-Type", "application/json; charset=utf-16")}, want: succeeds(1)},
		{name: "JSON with an invalid content type", steps: []step{responds(201, link, "Content-Type", ";;\x01")}, want: succeeds(1)},
		{name: "HTML", steps: []step{responds(201, gatewayPage, "Content-Type", "text/html")}, want: all(unusable("Content-Type is text/html"), noHTML)},
		{name: "HTML labelled application/json", steps: []step{responds(201, gatewayPage)}, want: all(unusable("invalid JSON"), noHTML)},
		{name: "content type that contains the key", steps: []step{responds(201, gatewayPage, "Content-Type", testKey)}, want: unusable("")},
		{
			name: "error as problem+json", steps: []step{responds(422, `{"title":"no","message":"what"}`, "Content-Type", "application/problem+json")},
			want: all(failsWithStatus(422, 1), says("what")),
		},
		{name: "error as text/plain", steps: []step{responds(422, "what", "Content-Type", "text/plain")}, want: all(failsWithStatus(422, 1), keepsBody("what"))},
	})
}

const gatewayPage = `<html><body><h1>502 Bad Gateway</h1></body></html>`

func noHTML(t *testing.T, r *result) { t.Helper(); assert.NotContains(t, r.err.Error(), "<h") }
