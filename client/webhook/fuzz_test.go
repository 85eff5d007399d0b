package webhook_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

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
		// Decode independently of Parse, with json.Number.
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
		printed := fmt.Sprintf("%+v", event)
		require.Less(t, len(printed), 5000)
		require.False(t, strings.ContainsFunc(printed, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", printed)
	})
}

var (
	backslash = regexp.MustCompile(`\\\\`)
	pair      = regexp.MustCompile(`(?i)\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}`)
	surrogate = regexp.MustCompile(`(?i)\\ud[89a-f]`)
)

// acceptable reports whether Parse should accept a payload. It uses a json.Decoder and
// regular expressions, independently of Parse.
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
