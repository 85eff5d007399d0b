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

// Create returns a session even if members do not have the documented type or are not
// valid text; it names those members in Response.Dropped.
func TestCreateKeepsSessionWithUnreadableMembers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		member, value string
		dropped       []string
	}{
		"time without a zone":                     {"created_at", `"2026-01-02T03:04:05"`, []string{"created_at"}},
		"time as a number":                        {"created_at", `1767323045`, []string{"created_at"}},
		"string as a number":                      {"organization_id", `17`, []string{"organization_id"}},
		"string as an object":                     {"label", `{"en":"x"}`, []string{"label"}},
		"string as a boolean":                     {"provider", `true`, []string{"provider"}},
		"number as a string":                      {"id", `"17"`, []string{"id"}},
		"number with a fraction":                  {"id", `17.5`, []string{"id"}},
		"number that overflows int64":             {"id", `9223372036854775808`, []string{"id"}},
		"list as a string":                        {"categories", `"hris"`, []string{"categories"}},
		"list with a number":                      {"categories", `["hris", 5, "ats"]`, []string{"categories"}},
		"object as a list":                        {"metadata", `["plan"]`, []string{"metadata"}},
		"high surrogate alone":                    {"label", `"ab\ud800cd"`, []string{"label"}},
		"low surrogate alone":                     {"label", `"ab\udc00"`, []string{"label"}},
		"surrogates in the wrong order":           {"label", `"\udc00\ud800"`, []string{"label"}},
		"unpaired surrogate in metadata":          {"metadata", `{"plan":"\uD83D"}`, []string{"metadata"}},
		"invalid UTF-8":                           {"origin_owner_name", "\"a\xffb\"", []string{"origin_owner_name"}},
		"attempt as a string":                     {"latest_connection_attempt", `"authenticated"`, []string{"latest_connection_attempt"}},
		"attempt as a list":                       {"latest_connection_attempt", `[]`, []string{"latest_connection_attempt"}},
		"invalid time of the attempt":             {"latest_connection_attempt", `{"id":"a","status":"pending","created_at":"today"}`, []string{"latest_connection_attempt"}},
		"status as a number":                      {"latest_connection_attempt", `{"id":"a","status":5}`, []string{"latest_connection_attempt.status"}},
		"invalid status and ID of the attempt":    {"latest_connection_attempt", `{"id":1,"status":{}}`, []string{"latest_connection_attempt", "latest_connection_attempt.status"}},
		"two statuses of the attempt":             {"latest_connection_attempt", `{"id":"a","status":"pending","Status":"authenticated"}`, []string{"latest_connection_attempt.status"}},
		"two accounts of the attempt":             {"latest_connection_attempt", `{"account_secure_id":"A","status":"pending","Account_Secure_ID":"B"}`, []string{"latest_connection_attempt"}},
		"both times of the attempt invalid":       {"latest_connection_attempt", `{"status":"pending","created_at":"x","updated_at":"x"}`, []string{"latest_connection_attempt"}},
		"unpaired surrogate in the status":        {"latest_connection_attempt", `{"status":"\ud800"}`, []string{"latest_connection_attempt.status"}},
		"unpaired surrogate in an unknown member": {"latest_connection_attempt", `{"status":"pending","new":"\ud800"}`, nil},
		"surrogate pair":                          {"label", `"\ud83d\ude00"`, nil},
		"U+FFFD":                                  {"label", `"a\ufffdb"`, nil},
		"escaped backslash":                       {"label", `"a\\ud800b"`, nil},
		"null":                                    {"label", `null`, nil},
		"token inside metadata":                   {"metadata", `{"token":"other","Token":"third"}`, nil},
		"label with the text token":               {"label", `"token"`, nil},
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
			// All other members are kept, and a dropped member is zero.
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

// Create fails if the token or the link may differ from what the service sent.
func TestCreateRequiresUsableTokenAndLink(t *testing.T) {
	t.Parallel()
	const rest = `"id":1,"origin_owner_id":"customer-1"`
	for name, body := range map[string]string{
		"unpaired surrogate in the token": `{"token":"ab\ud800cd","auth_link_url":"u",` + rest + `}`,
		"unpaired surrogate in the link":  `{"token":"t","auth_link_url":"https://x/\uDFFF",` + rest + `}`,
		"invalid UTF-8 in the token":      "{\"token\":\"ab\xffcd\",\"auth_link_url\":\"u\"," + rest + `}`,
		"second token in another case":    `{"token":"a","Token":"b","auth_link_url":"u",` + rest + `}`,
		"second token":                    `{"token":"a","token":"b","auth_link_url":"u",` + rest + `}`,
		"second token, escaped":           `{"token":"a","\u0054oken":"b","auth_link_url":"u",` + rest + `}`,
		"second token, Kelvin escaped":    `{"token":"a","to\u212Aen":"b","auth_link_url":"u",` + rest + `}`,
		"second token with a Kelvin sign": "{\"token\":\"a\",\"to\u212aen\":\"b\",\"auth_link_url\":\"u\"," + rest + `}`,
		"second link in another case":     `{"token":"t","auth_link_url":"u","AUTH_LINK_URL":"v",` + rest + `}`,
		"token is a number":               `{"token":17,"auth_link_url":"u",` + rest + `}`,
		"token is a list":                 `{"token":["t"],"auth_link_url":"u",` + rest + `}`,
		"link is null":                    `{"token":"t","auth_link_url":null,` + rest + `}`,
		"token is blank":                  `{"token":" ","auth_link_url":"u",` + rest + `}`,
		"link is blank":                   `{"token":"t","auth_link_url":"\t",` + rest + `}`,
		"every member has the wrong type": `{"token":1,"auth_link_url":2,"id":"x"}`,
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

// A body that escapes a letter is decoded in another way than one that does not. Both give
// the same session.
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

// The status and the account of an attempt are kept even if other members are invalid.
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
