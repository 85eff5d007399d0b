package client_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// A session that was created is not lost to a member that cannot be read. The class of
// faults: members whose type or text is not what the description says.
func TestCreateKeepsSessionWithUnreadableMembers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		member, value string
		dropped       []string
	}{
		"time without a zone":        {"created_at", `"2026-01-02T03:04:05"`, []string{"created_at"}},
		"time as a number":           {"created_at", `1767323045`, []string{"created_at"}},
		"text as a number":           {"organization_id", `17`, []string{"organization_id"}},
		"text as an object":          {"label", `{"en":"x"}`, []string{"label"}},
		"text as a boolean":          {"provider", `true`, []string{"provider"}},
		"number as text":             {"id", `"17"`, []string{"id"}},
		"number with a fraction":     {"id", `17.5`, []string{"id"}},
		"number that does not fit":   {"id", `9223372036854775808`, []string{"id"}},
		"list as text":               {"categories", `"hris"`, []string{"categories"}},
		"list with a number":         {"categories", `["hris", 5, "ats"]`, []string{"categories"}},
		"object as a list":           {"metadata", `["plan"]`, []string{"metadata"}},
		"half a surrogate pair":      {"label", `"ab\ud800cd"`, []string{"label"}},
		"the other half":             {"label", `"ab\udc00"`, []string{"label"}},
		"halves in the wrong order":  {"label", `"\udc00\ud800"`, []string{"label"}},
		"a surrogate in metadata":    {"metadata", `{"plan":"\uD83D"}`, []string{"metadata"}},
		"bytes that are not UTF-8":   {"origin_owner_name", "\"a\xffb\"", []string{"origin_owner_name"}},
		"attempt as text":            {"latest_connection_attempt", `"authenticated"`, []string{"latest_connection_attempt"}},
		"attempt as a list":          {"latest_connection_attempt", `[]`, []string{"latest_connection_attempt"}},
		"attempt's time":             {"latest_connection_attempt", `{"id":"a","status":"pending","created_at":"today"}`, []string{"latest_connection_attempt"}},
		"attempt's status":           {"latest_connection_attempt", `{"id":"a","status":5}`, []string{"latest_connection_attempt.status"}},
		"attempt's status and id":    {"latest_connection_attempt", `{"id":1,"status":{}}`, []string{"latest_connection_attempt", "latest_connection_attempt.status"}},
		"attempt's status, twice":    {"latest_connection_attempt", `{"id":"a","status":"pending","Status":"authenticated"}`, []string{"latest_connection_attempt.status"}},
		"attempt's account, twice":   {"latest_connection_attempt", `{"account_secure_id":"A","status":"pending","Account_Secure_ID":"B"}`, []string{"latest_connection_attempt"}},
		"attempt's two times":        {"latest_connection_attempt", `{"status":"pending","created_at":"x","updated_at":"x"}`, []string{"latest_connection_attempt"}},
		"attempt's status, halved":   {"latest_connection_attempt", `{"status":"\ud800"}`, []string{"latest_connection_attempt.status"}},
		"unknown member, halved":     {"latest_connection_attempt", `{"status":"pending","new":"\ud800"}`, nil},
		"a whole surrogate pair":     {"label", `"\ud83d\ude00"`, nil},
		"U+FFFD itself":              {"label", `"a\ufffdb"`, nil},
		"escaped backslash":          {"label", `"a\\ud800b"`, nil},
		"null":                       {"label", `null`, nil},
		"token inside metadata":      {"metadata", `{"token":"other","Token":"third"}`, nil},
		"text that looks like token": {"label", `"token"`, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := linkWith(t, tt.member, tt.value)
			var log bytes.Buffer
			var response client.Response
			c := responding(t, 201, nil, body, client.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
			got, err := c.ConnectSessions.Create(t.Context(), owner, client.WithResponse(&response))
			require.NoError(t, err)
			assert.Equal(t, "token-1", got.Token)
			assert.Equal(t, "https://hub.example/link-1", got.AuthLinkURL)
			assert.ElementsMatch(t, tt.dropped, response.Dropped)
			assert.Equal(t, len(tt.dropped) > 0, strings.Contains(log.String(), "level=WARN"), log.String())
			for _, name := range tt.dropped {
				assert.Contains(t, log.String(), name)
			}
			// Nothing else is lost, and what is lost is lost whole.
			var want, kept map[string]any
			require.NoError(t, json.Unmarshal([]byte(link), &want))
			encoded, err := json.Marshal(got)
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(encoded, &kept))
			delete(want, tt.member)
			zero := kept[tt.member]
			delete(kept, tt.member)
			assert.Equal(t, want, kept)
			if len(tt.dropped) == 1 && tt.dropped[0] == tt.member && !strings.HasPrefix(tt.value, "{") {
				assert.Contains(t, []any{nil, "", 0.0, "0001-01-01T00:00:00Z"}, zero, "the zero value")
			}
		})
	}
}

// linkWith returns link with another value for one of its members. The value need not
// be valid JSON.
func linkWith(t *testing.T, member, value string) string {
	t.Helper()
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(link), &members))
	require.Contains(t, members, member)
	members[member] = json.RawMessage(value)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(members)) {
		fmt.Fprintf(&b, ",%q:%s", name, members[name])
	}
	return "{" + b.String()[1:] + "}"
}

// A token that may not be the one that was sent is worse than none.
func TestCreateRequiresUsableTokenAndLink(t *testing.T) {
	t.Parallel()
	const rest = `"id":1,"origin_owner_id":"customer-1"`
	for name, body := range map[string]string{
		"half a surrogate pair in the token":    `{"token":"ab\ud800cd","auth_link_url":"u",` + rest + `}`,
		"half a surrogate pair in the link":     `{"token":"t","auth_link_url":"https://x/\uDFFF",` + rest + `}`,
		"bytes that are not UTF-8 in the token": "{\"token\":\"ab\xffcd\",\"auth_link_url\":\"u\"," + rest + `}`,
		"a second token in other case":          `{"token":"a","Token":"b","auth_link_url":"u",` + rest + `}`,
		"a second token":                        `{"token":"a","token":"b","auth_link_url":"u",` + rest + `}`,
		"a second token, escaped":               `{"token":"a","\u0054oken":"b","auth_link_url":"u",` + rest + `}`,
		"a second token with a Kelvin sign":     "{\"token\":\"a\",\"to\u212aen\":\"b\",\"auth_link_url\":\"u\"," + rest + `}`,
		"a second link in other case":           `{"token":"t","auth_link_url":"u","AUTH_LINK_URL":"v",` + rest + `}`,
		"the token is a number":                 `{"token":17,"auth_link_url":"u",` + rest + `}`,
		"the token is a list":                   `{"token":["t"],"auth_link_url":"u",` + rest + `}`,
		"the link is null":                      `{"token":"t","auth_link_url":null,` + rest + `}`,
		"the token is blank":                    `{"token":" ","auth_link_url":"u",` + rest + `}`,
		"the link is blank":                     `{"token":"t","auth_link_url":"\t",` + rest + `}`,
		"no member fits":                        `{"token":1,"auth_link_url":2,"id":"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var unusable *client.ResponseError
			require.ErrorAs(t, create(responding(t, 201, nil, body)), &unusable)
			assert.ErrorContains(t, unusable, "no usable")
			assert.True(t, client.MaybeCreated(unusable))
		})
	}
}

func TestAuthenticateRequiresIDOrOwner(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"id":1}`:                                        true,
		`{"origin_owner_id":"customer-1"}`:                true,
		`{"id":"1","origin_owner_id":"customer-1"}`:       true,
		`{"id":1,"origin_owner_id":7}`:                    true,
		`{"id":"1","origin_owner_id":7}`:                  false,
		`{"id":0,"origin_owner_id":""}`:                   false,
		`{"id":1.5,"origin_owner_id":"customer-\ud800"}`:  false,
		`{"created_at":"today","id":2,"token":"planted"}`: true,
	} {
		assert.Equal(t, want, authenticate(responding(t, 201, nil, body)) == nil, body)
	}
}

// Both ways of reading an answer agree, with or without an escape elsewhere.
func TestDecodingPathsAgree(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"id":1,"id":null,"origin_owner_id":"o"%s}`,
		`{"id":1,"id":2%s}`,
		`{"id":1,"label":"a","label":null%s}`,
		`{"id":1,"origin_owner_id":"customer-a","Origin_Owner_ID":"customer-b"%s}`,
		`{"id":1,"categories":["hris","ats"],"metadata":{"a":1},"metadata":{"b":2}%s}`,
	} {
		read := func(escape string) *gen.ConnectSession {
			session, err := responding(t, 201, nil, fmt.Sprintf(body, escape)).ConnectSessions.Authenticate(
				t.Context(), gen.ConnectSessionAuthenticate{Token: "t"})
			require.NoError(t, err, body)
			return session
		}
		assert.Equal(t, read(""), read(`,"new":"\u0041"`), body)
	}
}

// The customer has connected, whatever else of the attempt cannot be read.
func TestAttemptKeepsStatusAndAccount(t *testing.T) {
	t.Parallel()
	var response client.Response
	c := responding(t, 201, nil, `{"id":1,"created_at":"2026-01-02T03:04:05","latest_connection_attempt":
		{"id":"a","status":"authenticated","account_secure_id":"acc-1","created_at":"2026-01-02T03:04:05","oauth_error_code":5}}`)
	got, err := c.ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: "t"}, client.WithResponse(&response))
	require.NoError(t, err)
	assert.Equal(t, []string{"created_at", "latest_connection_attempt"}, response.Dropped)
	assert.Equal(t, &gen.ConnectSessionLatestAttempt{ID: "a", Status: gen.AttemptStatusAuthenticated, AccountSecureID: "acc-1"}, got.LatestConnectionAttempt)
	assert.Equal(t, time.Time{}, got.CreatedAt)
}
