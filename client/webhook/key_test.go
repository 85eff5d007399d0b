package webhook_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

// The pairs are IDs that some JSON decoders do not distinguish.
func TestDifferentIDsHaveDifferentKeys(t *testing.T) {
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

func TestKey(t *testing.T) {
	t.Parallel()
	const first = `{"event":"account.updated","account_id":"a","record_id":"1","event_date":"2026-03-01T12:00:00Z","sent_at":"2026-03-01T12:00:01Z"}`
	const noDate = `{"event":"account.updated","account_id":"a","record_id":"1","sent_at":"2026-03-01T12:00:01Z"}`
	tests := map[string]struct {
		a, b string
		same bool
	}{
		"repeated delivery":             {first, strings.Replace(first, "00:01Z", "05:00Z", 1), true},
		"additional member":             {first, strings.Replace(first, "{", `{"brand_new":1,`, 1), true},
		"ID as a number":                {first, strings.Replace(first, `"record_id":"1"`, `"record_id":1`, 1), true},
		"another event":                 {first, strings.Replace(first, "updated", "deleted", 1), false},
		"another account":               {first, strings.Replace(first, `"a"`, `"b"`, 1), false},
		"another record":                {first, strings.Replace(first, `"1"`, `"2"`, 1), false},
		"another date":                  {first, strings.Replace(first, "12:00:00Z", "12:00:00.001Z", 1), false},
		"unreadable dates":              {strings.Replace(first, "T12:00:00Z", "?", 1), strings.Replace(first, "T12:00:00Z", "!", 1), false},
		"numbers as dates":              {strings.Replace(first, `"2026-03-01T12:00:00Z"`, "1", 1), strings.Replace(first, `"2026-03-01T12:00:00Z"`, "2", 1), false},
		"no date, equal payloads":       {noDate, noDate, true},
		"no date, different payloads":   {noDate, strings.Replace(noDate, "00:01Z", "05:00Z", 1), false},
		"no record, different payloads": {strings.Replace(first, `"1"`, "null", 1), strings.Replace(first, `"1"`, `null,"n":1`, 1), false},
		"text moved between members":    {strings.NewReplacer(`"a"`, `"a\" \"b"`, `"1"`, `"c"`).Replace(first), strings.NewReplacer(`"a"`, `"a"`, `"1"`, `"b\" \"c"`).Replace(first), false},
		"escaped character":             {first, strings.Replace(first, `"a"`, `"\u0061"`, 1), true},
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
