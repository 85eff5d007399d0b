package webhook_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

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

func TestParseKnowsTheAccountEvents(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]webhook.EventType{
		"account.created":        webhook.AccountCreated,
		"account.updated":        webhook.AccountUpdated,
		"account.deleted":        webhook.AccountDeleted,
		"hris_employees.updated": "hris_employees.updated",
		"Account.Created":        "Account.Created", // another event than account.created
		" account.created":       " account.created",
	} {
		event, err := webhook.Parse([]byte(`{"event":"` + name + `"}`))
		require.NoError(t, err, name)
		assert.Equal(t, want, event.Type)
	}
}

func TestParseReadsIDs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ json, want string }{
		"string":             {`"rec_1"`, "rec_1"},
		"string of digits":   {`"007"`, "007"},
		"escaped string":     {`"\u00e9\n\"\\"`, "é\n\"\\"},
		"empty string":       {`""`, ""},
		"number":             {`42`, "42"},
		"zero":               {`0`, "0"},
		"negative number":    {`-1`, "-1"},
		"beyond 2^53":        {`9007199254740993`, "9007199254740993"},
		"beyond 2^64":        {`45072196112816593343`, "45072196112816593343"},
		"beyond float64":     {`1` + strings.Repeat("0", 400), "1" + strings.Repeat("0", 400)},
		"fraction":           {`1.50`, "1.50"},
		"exponent":           {`1e3`, "1e3"},
		"null":               {`null`, ""},
		"boolean":            {`true`, ""},
		"list":               {`["rec_1"]`, ""},
		"object":             {`{"id":"rec_1"}`, ""},
		"string \"null\"":    {`"null"`, "null"},
		"white space around": {" \r\n 42 \t\r", "42"},
		"negative zero":      {`-0`, "-0"},
		"fraction of zero":   {`1.0`, "1.0"},
		"a surrogate pair":   {`"\ud83d\ude00\uD83D\uDE00"`, "😀😀"},
		"beside surrogates":  {`"\ud7ff\ue000"`, "\ud7ff\ue000"},
		"another escape":     {`"\nd800"`, "\nd800"},
		"text of an escape":  {`"\\ud800\\\\udc00"`, `\ud800\\udc00`},
		"U+FFFD":             {`"\ufffd\uFFFD�"`, "\ufffd\ufffd\ufffd"},
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

func TestParseReadsDates(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		json string
		want time.Time
	}{
		"UTC":                  {`"2026-03-01T12:00:00Z"`, noon},
		"milliseconds":         {`"2026-03-01T12:00:00.250Z"`, noon.Add(250 * time.Millisecond)},
		"offset":               {`"2026-03-01T14:00:00+02:00"`, noon},
		"without a zone":       {`"2026-03-01T12:00:00"`, time.Time{}},
		"date alone":           {`"2026-03-01"`, time.Time{}},
		"no day of that month": {`"2026-02-30T12:00:00Z"`, time.Time{}},
		"words":                {`"Sun, 01 Mar 2026 12:00:00 GMT"`, time.Time{}},
		"number":               {`1772366400000`, time.Time{}},
		"empty":                {`""`, time.Time{}},
		"null":                 {`null`, time.Time{}},
		"object":               {`{"$date":"2026-03-01T12:00:00Z"}`, time.Time{}},
		"the last year":        {`"9999-12-31T23:59:59Z"`, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		"the first year":       {`"0000-01-01T00:00:00Z"`, time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)},
		"the year 10000":       {`"9999-12-31T23:59:59-01:00"`, time.Time{}},
		"the year -1":          {`"0000-01-01T00:00:00+01:00"`, time.Time{}},
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

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ payload, want string }{
		"nothing":               {"", "not JSON"},
		"white space":           {" \n", "not JSON"},
		"text":                  {"event=account.created", "not JSON"},
		"cut":                   {account[:len(account)-1], "not JSON"},
		"two objects":           {account + account, "not JSON"},
		"something behind it":   {account + "x", "not JSON"},
		"a byte order mark":     {"\ufeff" + account, "not JSON"},
		"a trailing comma":      {`{"event":"account.created",}`, "not JSON"},
		"too deep":              {strings.Repeat("[", 1<<16) + strings.Repeat("]", 1<<16), "not JSON"},
		"not UTF-8":             {"{\"event\":\"account.created\",\"origin_owner_id\":\"a\xff\"}", "not UTF-8"},
		"UTF-16":                {"\xff\xfe{\x00}\x00", "not UTF-8"},
		"a list":                {"[" + account + "]", "not a JSON object"},
		"null":                  {"null", "not a JSON object"},
		"a string":              {`"account.created"`, "not a JSON object"},
		"a long number":         {strings.Repeat("9", 1<<16), "not a JSON object"},
		"no event":              {`{"record_id":1}`, "no event"},
		"an empty event":        {`{"event":""}`, "no event"},
		"event null":            {`{"event":null}`, "no event"},
		"event an object":       {`{"event":{"type":"account.created"}}`, "no event"},
		"event in another case": {`{"Event":"account.created","EVENT":"account.created"}`, "no event"},
		"event twice":           {`{"event":"account.created","event":"account.deleted"}`, "event twice"},
		"event twice, escaped":  {`{"event":"account.created","\u0065vent":"account.deleted"}`, "event twice"},
		"twice the same event":  {`{"event":"account.created","event":"account.created"}`, "event twice"},
		"null and an event":     {`{"event":null,"event":"account.created"}`, "event twice"},
	}
	for _, member := range []string{
		"record_type", "record_id", "account_id", "project_id", "provider", "origin_owner_id", "origin_owner_name",
		"origin_username", "setup_information", "event_date", "sent_at",
	} {
		tests[member+" twice"] = struct{ payload, want string }{
			`{"event":"account.created","` + member + `":"1" , "` + member + `":{"a":2}}`, member + " twice",
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

func TestParseRefusesUnpairedSurrogates(t *testing.T) {
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

// An event is not lost for the sake of a name, which identifies nobody.
func TestParseAcceptsUnpairedSurrogatesInNames(t *testing.T) {
	t.Parallel()
	event, err := webhook.Parse([]byte(`{"event":"account.created","origin_owner_name":"a\ud83d","setup_information":"\ud83d","sent_at":"\ud83d","\ud800":"\ud800"}`))
	require.NoError(t, err)
	assert.Equal(t, "a\ufffd", event.OriginOwnerName)
	assert.Equal(t, `"\ud83d"`, string(event.SetupInformation))
}

// TestDifferentIDsStayDifferent parses ids that a JSON reader may take for one.
func TestDifferentIDsStayDifferent(t *testing.T) {
	t.Parallel()
	for _, ids := range [][2]string{
		{`9007199254740992`, `9007199254740993`},
		{`45072196112816593343`, `45072196112816593344`},
		{`1`, `1.0`}, {`0`, `-0`}, {`1000`, `1e3`}, {`1e3`, `1E3`}, {`1e400`, `2e400`}, {`0.1`, `0.10000000000000001`},
		{`"1"`, `"01"`}, {`"a"`, `"A"`}, {`"a"`, `"a "`}, {`"a"`, `"a\u0000"`}, {`"é"`, `"e\u0301"`}, {`"\ufffd"`, `"\ufffe"`},
		{`"null"`, `null`}, {`["1"]`, `["2"]`}, {`{"id":"1"}`, `{"id":"2"}`}, {`true`, `false`}, {`[]`, `{}`}, {`""`, `null`},
		{`"\ud800"`, `"\ud801"`}, {`"\ud800"`, `"\ufffd"`}, {`["\ud800"]`, `["\ud801"]`},
	} {
		for _, member := range []string{"account_id", "record_id", "event_date"} {
			var keys []string
			for _, id := range ids {
				others := strings.Replace(`"account_id":"a","record_id":"r","event_date":"e"`, `"`+member+`":"`+member[:1]+`"`, `"`+member+`":`+id, 1)
				if event, err := webhook.Parse([]byte(`{"event":"account.created",` + others + `}`)); err == nil {
					keys = append(keys, event.Key)
				}
			}
			if len(keys) == 2 {
				assert.NotEqual(t, keys[0], keys[1], "%s %v", member, ids)
			}
		}
	}
}

func TestParseMatchesNamesExactly(t *testing.T) {
	t.Parallel()
	event, err := webhook.Parse([]byte(`{"event":"account.created","EVENT":"account.deleted","record_id":"1","Record_ID":"2"}`))
	require.NoError(t, err)
	assert.Equal(t, webhook.AccountCreated, event.Type)
	assert.Equal(t, "1", event.RecordID)
}

func TestParseKeepsItsOwnCopy(t *testing.T) {
	t.Parallel()
	payload := []byte(`{"event":"account.created","setup_information":{"a":1}}`)
	event, err := webhook.Parse(payload)
	require.NoError(t, err)
	clear(payload)
	assert.Equal(t, `{"event":"account.created","setup_information":{"a":1}}`, string(event.Raw))
	assert.Equal(t, `{"a":1}`, string(event.SetupInformation))
}

func TestKey(t *testing.T) {
	t.Parallel()
	const first = `{"event":"account.updated","account_id":"a","record_id":"1","event_date":"2026-03-01T12:00:00Z","sent_at":"2026-03-01T12:00:01Z"}`
	const noDate = `{"event":"account.updated","account_id":"a","record_id":"1","sent_at":"2026-03-01T12:00:01Z"}`
	tests := map[string]struct {
		a, b string
		same bool
	}{
		"delivered again":             {first, strings.Replace(first, "00:01Z", "05:00Z", 1), true},
		"with a new member":           {first, strings.Replace(first, "{", `{"brand_new":1,`, 1), true},
		"an id as number":             {first, strings.Replace(first, `"record_id":"1"`, `"record_id":1`, 1), true},
		"another event":               {first, strings.Replace(first, "updated", "deleted", 1), false},
		"another account":             {first, strings.Replace(first, `"a"`, `"b"`, 1), false},
		"another record":              {first, strings.Replace(first, `"1"`, `"2"`, 1), false},
		"another date":                {first, strings.Replace(first, "12:00:00Z", "12:00:00.001Z", 1), false},
		"another date, not readable":  {strings.Replace(first, "T12:00:00Z", "?", 1), strings.Replace(first, "T12:00:00Z", "!", 1), false},
		"a number as date":            {strings.Replace(first, `"2026-03-01T12:00:00Z"`, "1", 1), strings.Replace(first, `"2026-03-01T12:00:00Z"`, "2", 1), false},
		"no date, the same":           {noDate, noDate, true},
		"no date, something differs":  {noDate, strings.Replace(noDate, "00:01Z", "05:00Z", 1), false},
		"no record, something else":   {strings.Replace(first, `"1"`, "null", 1), strings.Replace(first, `"1"`, `null,"n":1`, 1), false},
		"text moved between members":  {strings.NewReplacer(`"a"`, `"a\" \"b"`, `"1"`, `"c"`).Replace(first), strings.NewReplacer(`"a"`, `"a"`, `"1"`, `"b\" \"c"`).Replace(first), false},
		"the same text, written else": {first, strings.Replace(first, `"a"`, `"\u0061"`, 1), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := webhook.Parse([]byte(test.a))
			require.NoError(t, err)
			b, err := webhook.Parse([]byte(test.b))
			require.NoError(t, err)
			assert.Equal(t, test.same, a.Key == b.Key, "%s and %s", a.Key, b.Key)
			assert.Regexp(t, `^[0-9a-f]{64}$`, a.Key)
		})
	}
}

func TestEventPrintsWithoutItsContents(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long", 1000)
	event, err := webhook.Parse([]byte(`{"event":"account.created","account_id":"acc\n1","provider":"` + long + `","record_id":"` + long +
		`","origin_owner_id":"hidden","origin_owner_name":"hidden","origin_username":"hidden",` +
		`"setup_information":{"password":"hidden"},"brand_new":"hidden"}`))
	require.NoError(t, err)
	nested := struct{ Event *webhook.Event }{&event}
	hidden := fmt.Sprintf("%x", "hidden")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, shown := range []string{fmt.Sprintf(verb, event), fmt.Sprintf(verb, &event), fmt.Sprintf(verb, []webhook.Event{event})} {
			assert.Contains(t, shown, `"account.created" account_id="acc\n1"`)
			assertBounded(t, shown, hidden)
		}
		assertBounded(t, fmt.Sprintf(verb, nested), hidden)
	}
	var text, object bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("m", "event", event, "pointer", &event)
	slog.New(slog.NewJSONHandler(&object, nil)).Info("m", "event", event, "pointer", &event)
	for _, shown := range []string{text.String(), object.String()} {
		assert.Contains(t, shown, "account.created")
		assert.Contains(t, shown, `acc\n1`)
		assertBounded(t, strings.TrimSuffix(shown, "\n"), hidden)
	}
	assert.Contains(t, text.String(), "event.account_id=")
}

func assertBounded(t *testing.T, shown, hidden string) {
	t.Helper()
	assert.NotContains(t, shown, "hidden")
	assert.NotContains(t, strings.ToLower(shown), hidden)
	assert.Less(t, len(shown), 1000)
	assert.NotContains(t, shown, "\n")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(account))
	f.Add([]byte(account + "\n"))
	f.Add([]byte(`{"event":"account.updated","record_id":45072196112816593343,"event_date":1772366400000,"sent_at":null}`))
	f.Add([]byte(`{"event":"hris_employees.created","record_id":true,"setup_information":null,"\u0065vent":"other"}`))
	f.Add([]byte(`{"event":"\ud800\u0000\u2028","EVENT":[],"event_date":"9999-12-31T23:59:59-23:59"}`))
	f.Add([]byte(`{"event":1e400,"record_id":-0.0E+1,"account_id":{"a":[1]}}`))
	f.Add([]byte(`[{"event":"account.created"}]`))
	f.Add([]byte("{\"event\":\"\xff\"}"))
	f.Add([]byte(`{"event":"a","account_id":"\ud83d\ude00\\ud800","origin_owner_name":"\ude00","record_id":["\ud800"]}`))
	f.Add([]byte(`{"event":"a","account_id":"\ud83d\uD83D\uDE00"}`))
	f.Add([]byte(` { "event" : 1 , "a" : [ { "b" : "]}\"" } ] , "account_id" : -0.0 } `))
	f.Add([]byte(`null`))
	f.Add([]byte(strings.Repeat(`{"event":`, 20000)))
	f.Fuzz(func(t *testing.T, payload []byte) {
		event, err := webhook.Parse(payload)
		require.Equal(t, acceptable(payload), err == nil, "%v", err)
		if err != nil {
			require.ErrorIs(t, err, webhook.ErrPayload)
			require.Less(t, len(err.Error()), 200)
			require.Zero(t, event)
			return
		}
		// encoding/json reads the payload in another way, with an own type for numbers.
		decoder := json.NewDecoder(bytes.NewReader(payload))
		decoder.UseNumber()
		var members map[string]any
		require.NoError(t, decoder.Decode(&members))
		for member, got := range map[string]string{
			"event": string(event.Type), "record_type": event.RecordType, "record_id": event.RecordID,
			"account_id": event.AccountID, "project_id": event.ProjectID, "provider": event.Provider,
			"origin_owner_id": event.OriginOwnerID, "origin_owner_name": event.OriginOwnerName, "origin_username": event.OriginUsername,
		} {
			want := ""
			switch value := members[member].(type) {
			case string:
				want = value
			case json.Number:
				want = value.String()
			}
			require.Equal(t, want, got, member)
		}
		require.NotEmpty(t, event.Type)
		require.Equal(t, members["setup_information"] == nil, event.SetupInformation == nil)
		require.Equal(t, payload, []byte(event.Raw))
		require.Len(t, event.Key, 64)

		again, err := webhook.Parse(event.Raw)
		require.NoError(t, err)
		require.True(t, reflect.DeepEqual(event, again))
		_, err = json.Marshal(event)
		require.NoError(t, err)
		shown := fmt.Sprintf("%+v", event)
		require.Less(t, len(shown), 5000)
		require.False(t, strings.ContainsFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", shown)
	})
}

var (
	backslash = regexp.MustCompile(`\\\\`)
	pair      = regexp.MustCompile(`(?i)\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}`)
	surrogate = regexp.MustCompile(`(?i)\\ud[89a-f]`)
)

// acceptable says in another way than Parse which payloads are events: with a
// json.Decoder and regular expressions.
func acceptable(payload []byte) bool {
	if !utf8.Valid(payload) || !json.Valid(payload) {
		return false
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return false
	}
	seen := map[string]json.RawMessage{}
	for decoder.More() {
		name, err := decoder.Token()
		var value json.RawMessage
		if err != nil || decoder.Decode(&value) != nil {
			return false
		}
		identifies := false
		switch name {
		case "event", "record_type", "record_id", "account_id", "project_id", "provider", "origin_owner_id", "origin_username", "event_date":
			identifies = true
		case "origin_owner_name", "setup_information", "sent_at":
		default:
			continue
		}
		if _, twice := seen[name.(string)]; twice {
			return false
		}
		seen[name.(string)] = value
		if identifies && value[0] == '"' &&
			surrogate.Match(pair.ReplaceAll(backslash.ReplaceAll(value, []byte("-")), []byte("-"))) {
			return false
		}
	}
	event := seen["event"]
	return len(event) > 0 && strings.Contains("\"-0123456789", string(event[:1])) && string(event) != `""`
}
