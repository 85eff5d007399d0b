package webhook_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

func TestParse(t *testing.T) {
	t.Parallel()
	setup := `{"subdomain":"acme", "port":8443}`
	payload := strings.TrimSuffix(account, "}") +
		`,"origin_username":"jo","setup_information":` + setup + `,"brand_new":{"n":1}}` + "\n"
	event, err := webhook.Parse([]byte(payload))
	require.NoError(t, err)
	assert.Equal(t, webhook.Event{
		// printf '%s' '"account.created" "45072196112816593343" "45072196112816593343" "2026-03-01T09:30:00.123Z"' |
		//   openssl dgst -sha256
		Key:              "fa5ae94cf65cada154a1651d77b41963d06ca24ae6fdfe99cbb35da2e86d63f2",
		Type:             webhook.AccountCreated,
		RecordType:       "account",
		RecordID:         "45072196112816593343",
		AccountID:        "45072196112816593343",
		ProjectID:        "p-1",
		Provider:         "bamboohr",
		OriginOwnerID:    "customer-42",
		OriginOwnerName:  "Acme",
		OriginUsername:   "jo",
		SetupInformation: json.RawMessage(setup),
		EventDate:        time.Date(2026, 3, 1, 9, 30, 0, 123e6, time.UTC),
		SentAt:           time.Date(2026, 3, 1, 9, 30, 2, 0, time.UTC),
		Raw:              json.RawMessage(payload),
	}, event)
}

func TestParseEventTypes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]webhook.EventType{
		"account.created":        webhook.AccountCreated,
		"account.updated":        webhook.AccountUpdated,
		"account.deleted":        webhook.AccountDeleted,
		"hris_employees.updated": "hris_employees.updated",
		"Account.Created":        "Account.Created", // not account.created
		" account.created":       " account.created",
	} {
		event, err := webhook.Parse([]byte(`{"event":"` + name + `"}`))
		require.NoError(t, err, name)
		assert.Equal(t, want, event.Type)
	}
}

func TestParseIDs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ json, want string }{
		"string":                  {`"rec_1"`, "rec_1"},
		"string of digits":        {`"007"`, "007"},
		"escaped string":          {`"\u00e9\n\"\\"`, "é\n\"\\"},
		"empty string":            {`""`, ""},
		"number":                  {`42`, "42"},
		"zero":                    {`0`, "0"},
		"negative number":         {`-1`, "-1"},
		"beyond 2^53":             {`9007199254740993`, "9007199254740993"},
		"beyond 2^64":             {`45072196112816593343`, "45072196112816593343"},
		"beyond float64":          {`1` + strings.Repeat("0", 400), "1" + strings.Repeat("0", 400)},
		"fraction":                {`1.50`, "1.50"},
		"exponent":                {`1e3`, "1e3"},
		"null":                    {`null`, ""},
		"boolean":                 {`true`, ""},
		"list":                    {`["rec_1"]`, ""},
		"object":                  {`{"id":"rec_1"}`, ""},
		"string \"null\"":         {`"null"`, "null"},
		"surrounding white space": {" \r\n 42 \t\r", "42"},
		"negative zero":           {`-0`, "-0"},
		"fraction of zero":        {`1.0`, "1.0"},
		"a surrogate pair":        {`"\ud83d\ude00\uD83D\uDE00"`, "😀😀"},
		"next to the surrogates":  {`"\ud7ff\ue000"`, "\ud7ff\ue000"},
		"\\n and digits":          {`"\nd800"`, "\nd800"},
		"escaped backslashes":     {`"\\ud800\\\\udc00"`, `\ud800\\udc00`},
		"U+FFFD":                  {`"\ufffd\uFFFD�"`, "\ufffd\ufffd\ufffd"},
	}
	fields := map[string]func(webhook.Event) string{
		"record_type":       func(e webhook.Event) string { return e.RecordType },
		"record_id":         func(e webhook.Event) string { return e.RecordID },
		"account_id":        func(e webhook.Event) string { return e.AccountID },
		"project_id":        func(e webhook.Event) string { return e.ProjectID },
		"provider":          func(e webhook.Event) string { return e.Provider },
		"origin_owner_id":   func(e webhook.Event) string { return e.OriginOwnerID },
		"origin_owner_name": func(e webhook.Event) string { return e.OriginOwnerName },
		"origin_username":   func(e webhook.Event) string { return e.OriginUsername },
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for member, field := range fields {
				payload := `{"event":"account.updated","` + member + `":` + test.json + `}`
				event, err := webhook.Parse([]byte(payload))
				require.NoError(t, err, member)
				assert.Equal(t, test.want, field(event), member)
				assert.Equal(t, payload, string(event.Raw))
			}
		})
	}
}

func TestParseDates(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		json string
		want time.Time
	}{
		"UTC":            {`"2026-03-01T12:00:00Z"`, noon},
		"milliseconds":   {`"2026-03-01T12:00:00.250Z"`, noon.Add(250 * time.Millisecond)},
		"offset":         {`"2026-03-01T14:00:00+02:00"`, noon},
		"without a zone": {`"2026-03-01T12:00:00"`, time.Time{}},
		"date only":      {`"2026-03-01"`, time.Time{}},
		"30 February":    {`"2026-02-30T12:00:00Z"`, time.Time{}},
		"HTTP date":      {`"Sun, 01 Mar 2026 12:00:00 GMT"`, time.Time{}},
		"number":         {`1772366400000`, time.Time{}},
		"empty":          {`""`, time.Time{}},
		"null":           {`null`, time.Time{}},
		"object":         {`{"$date":"2026-03-01T12:00:00Z"}`, time.Time{}},
		"the last year":  {`"9999-12-31T23:59:59Z"`, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		"the first year": {`"0000-01-01T00:00:00Z"`, time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)},
		"the year 10000": {`"9999-12-31T23:59:59-01:00"`, time.Time{}},
		"the year -1":    {`"0000-01-01T00:00:00+01:00"`, time.Time{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := webhook.Parse([]byte(`{"event":"account.updated","event_date":` + test.json + `}`))
			require.NoError(t, err)
			assert.Equal(t, test.want, event.EventDate)
			assert.Zero(t, event.SentAt)
			assert.Contains(t, string(event.Raw), test.json)

			event, err = webhook.Parse([]byte(`{"event":"account.updated","sent_at":` + test.json + `}`))
			require.NoError(t, err)
			assert.Equal(t, test.want, event.SentAt)
			assert.Zero(t, event.EventDate)

			_, err = json.Marshal(event)
			assert.NoError(t, err)
		})
	}
}

func TestParseKeepsSetupInformation(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`{"n":9007199254740993,"a":[ 1 ]}`: `{"n":9007199254740993,"a":[ 1 ]}`,
		`"text"`:                           `"text"`,
		`null`:                             ``,
	} {
		event, err := webhook.Parse([]byte(`{"event":"account.created","setup_information":` + given + `}`))
		require.NoError(t, err)
		assert.Equal(t, want, string(event.SetupInformation))
	}
}

func TestParseRejectsInvalidPayloads(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ payload, want string }{
		"empty":                     {"", "not JSON"},
		"white space":               {" \n", "not JSON"},
		"text":                      {"event=account.created", "not JSON"},
		"truncated":                 {account[:len(account)-1], "not JSON"},
		"two objects":               {account + account, "not JSON"},
		"trailing text":             {account + "x", "not JSON"},
		"a byte order mark":         {"\ufeff" + account, "not JSON"},
		"a trailing comma":          {`{"event":"account.created",}`, "not JSON"},
		"nested too deeply":         {strings.Repeat("[", 1<<16) + strings.Repeat("]", 1<<16), "not JSON"},
		"not UTF-8":                 {"{\"event\":\"account.created\",\"origin_owner_id\":\"a\xff\"}", "not UTF-8"},
		"UTF-16":                    {"\xff\xfe{\x00}\x00", "not UTF-8"},
		"a list":                    {"[" + account + "]", "not a JSON object"},
		"null":                      {"null", "not a JSON object"},
		"a string":                  {`"account.created"`, "not a JSON object"},
		"a long number":             {strings.Repeat("9", 1<<16), "not a JSON object"},
		"no event":                  {`{"record_id":1}`, "no event"},
		"an empty event":            {`{"event":""}`, "no event"},
		"event is null":             {`{"event":null}`, "no event"},
		"event is an object":        {`{"event":{"type":"account.created"}}`, "no event"},
		"event in different case":   {`{"Event":"account.created","EVENT":"account.created"}`, "no event"},
		"event twice":               {`{"event":"account.created","event":"account.deleted"}`, "duplicate event"},
		"event twice, once escaped": {`{"event":"account.created","\u0065vent":"account.deleted"}`, "duplicate event"},
		"equal events":              {`{"event":"account.created","event":"account.created"}`, "duplicate event"},
		"null, then an event":       {`{"event":null,"event":"account.created"}`, "duplicate event"},
	}
	for _, member := range []string{
		"record_type", "record_id", "account_id", "project_id", "provider", "origin_owner_id", "origin_owner_name",
		"origin_username", "setup_information", "event_date", "sent_at",
	} {
		tests[member+" twice"] = struct{ payload, want string }{
			`{"event":"account.created","` + member + `":"1" , "` + member + `":{"a":2}}`, "duplicate " + member,
		}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := webhook.Parse([]byte(test.payload))
			require.ErrorIs(t, err, webhook.ErrPayload)
			assert.ErrorContains(t, err, test.want)
			assert.Zero(t, event)
			assertPlain(t, err, account, "account.created", "99999")
		})
	}
}

func TestParseRejectsUnpairedSurrogates(t *testing.T) {
	t.Parallel()
	for _, member := range []string{
		"event", "record_type", "record_id", "account_id", "project_id", "provider", "origin_owner_id", "origin_username", "event_date",
	} {
		for _, value := range []string{
			`"\ud800"`, `"\uDBFF"`, `"\udc00"`, `"a\udfffb"`, `"\ud83d"`, `"\ud800\ud800"`, `"\udc00\ud800"`, `"\ud83d\\udc00"`,
			`"\ud83d\n\udc00"`, `"\ud83d\u0041"`, `"\ud83d-udc00"`, `"\ud83d\ude00\ude00"`, `"\\\ud800"`, `"\ud83d\ud83d\ude00"`, `"\ufffd\ud800"`,
		} {
			payload := `{"` + member + `":` + value + `,"n":1}`
			if member != "event" {
				payload = `{"event":"account.created","` + member + `":` + value + `}`
			}
			event, err := webhook.Parse([]byte(payload))
			require.ErrorIs(t, err, webhook.ErrPayload, payload)
			assert.ErrorContains(t, err, member+" has an unpaired surrogate", payload)
			assert.Zero(t, event)
			assertPlain(t, err, "ud8", "UDBFF")
		}
	}
}

// Names do not identify anybody, so an unpaired surrogate in one is no reason to reject the event.
func TestParseAcceptsUnpairedSurrogatesInNames(t *testing.T) {
	t.Parallel()
	event, err := webhook.Parse([]byte(`{"event":"account.created","origin_owner_name":"a\ud83d","setup_information":"\ud83d","sent_at":"\ud83d","\ud800":"\ud800"}`))
	require.NoError(t, err)
	assert.Equal(t, "a\ufffd", event.OriginOwnerName)
	assert.Equal(t, `"\ud83d"`, string(event.SetupInformation))
}

func TestParseIsCaseSensitive(t *testing.T) {
	t.Parallel()
	event, err := webhook.Parse([]byte(`{"event":"account.created","EVENT":"account.deleted","record_id":"1","Record_ID":"2"}`))
	require.NoError(t, err)
	assert.Equal(t, webhook.AccountCreated, event.Type)
	assert.Equal(t, "1", event.RecordID)
}

func TestParseCopiesThePayload(t *testing.T) {
	t.Parallel()
	payload := []byte(`{"event":"account.created","setup_information":{"a":1}}`)
	event, err := webhook.Parse(payload)
	require.NoError(t, err)
	clear(payload)
	assert.Equal(t, `{"event":"account.created","setup_information":{"a":1}}`, string(event.Raw))
	assert.Equal(t, `{"a":1}`, string(event.SetupInformation))
}

func TestEventFormatHidesItsContents(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long", 1000)
	event, err := webhook.Parse([]byte(`{"event":"account.created","account_id":"acc\n1","provider":"` + long + `","record_id":"` + long +
		`","origin_owner_id":"hidden","origin_owner_name":"hidden","origin_username":"hidden",` +
		`"setup_information":{"password":"hidden"},"brand_new":"hidden"}`))
	require.NoError(t, err)
	nested := struct{ Event *webhook.Event }{&event}
	hidden := fmt.Sprintf("%x", "hidden")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, printed := range []string{fmt.Sprintf(verb, event), fmt.Sprintf(verb, &event), fmt.Sprintf(verb, []webhook.Event{event})} {
			assert.Contains(t, printed, `"account.created" account_id="acc\n1"`)
			assertBounded(t, printed, hidden)
		}
		assertBounded(t, fmt.Sprintf(verb, nested), hidden)
	}
	var text, object bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("m", "event", event, "pointer", &event)
	slog.New(slog.NewJSONHandler(&object, nil)).Info("m", "event", event, "pointer", &event)
	for _, printed := range []string{text.String(), object.String()} {
		assert.Contains(t, printed, "account.created")
		assert.Contains(t, printed, `acc\n1`)
		assertBounded(t, strings.TrimSuffix(printed, "\n"), hidden)
	}
	assert.Contains(t, text.String(), "event.account_id=")
}

func assertBounded(t *testing.T, printed, hidden string) {
	t.Helper()
	assert.NotContains(t, printed, "hidden")
	assert.NotContains(t, strings.ToLower(printed), hidden)
	assert.Less(t, len(printed), 1000)
	assert.NotContains(t, printed, "\n")
}
