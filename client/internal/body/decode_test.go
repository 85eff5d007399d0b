package body

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/StackOneHQ/stackone-client-go/client/internal/redact"
)

type latest struct {
	ID     string    `json:"id"`
	Status string    `json:"status"`
	At     time.Time `json:"at"`
}

type session struct {
	Token  string  `json:"token"`
	Status string  `json:"status"`
	N      int     `json:"n"`
	Latest *latest `json:"latest"`
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for encoded, tt := range map[string]struct {
		want    session
		dropped []string
	}{
		`{"token":"a","n":1}`:                      {session{Token: "a", N: 1}, nil},
		`{"TOKEN":"a"}`:                            {session{Token: "a"}, nil},
		`null`:                                     {session{}, nil},
		`{"token":"a","token":"b"}`:                {session{}, []string{"token"}},
		`{"token":"a","Token":"b","n":1}`:          {session{N: 1}, []string{"token"}},
		`{"token":"a","to\u006ben":"b"}`:           {session{}, []string{"token"}},
		"{\"token\":\"a\",\"to\u212aen\":\"b\"}":   {session{}, []string{"token"}},  // KELVIN SIGN
		"{\"status\":\"a\",\"\u017ftatus\":\"b\"}": {session{}, []string{"status"}}, // LATIN SMALL LETTER LONG S
		`{"token":"a","to\u212aen":"b"}`:           {session{}, []string{"token"}},
		`{"status":"a","\u017Ftatus":"b"}`:         {session{}, []string{"status"}},
		`{"token":"token","status":"x"}`:           {session{Token: "token", Status: "x"}, nil},
		`{"token":"tokens","other":"\"token"}`:     {session{Token: "tokens"}, nil},
		`{"token":"a","":"","n":1}`:                {session{Token: "a", N: 1}, nil},
		`{"n":1,"n":2,"status":7}`:                 {session{N: 2}, []string{"status"}},
		`{"n":"x","token":7,"other":8}`:            {session{}, []string{"token", "n"}},
		"{\"token\":\"a\xff\"}":                    {session{}, []string{"token"}},

		`{"token":"\u0041"}`:              {session{Token: "A"}, nil},
		`{"token":"\ud83d\ude00"}`:        {session{Token: "😀"}, nil},
		`{"token":"\n\ud83d\ude00\t"}`:    {session{Token: "\n😀\t"}, nil},
		`{"token":"\\ud800"}`:             {session{Token: `\ud800`}, nil},
		`{"token":"\ufffd"}`:              {session{Token: "\ufffd"}, nil},
		`{"token":"\ud800"}`:              {session{}, []string{"token"}},
		`{"token":"\ude00"}`:              {session{}, []string{"token"}},
		`{"token":"\ud83dx\ude00"}`:       {session{}, []string{"token"}},
		`{"token":"\ud83d\u0041"}`:        {session{}, []string{"token"}},
		`{"token":"\ud83d\n\ude00"}`:      {session{}, []string{"token"}},
		`{"token":"\ud83d\ude00\ud800"}`:  {session{}, []string{"token"}},
		`{"token":"\u0041\ud800"}`:        {session{}, []string{"token"}},
		`{"token":"\"\\\ud800"}`:          {session{}, []string{"token"}},
		`{"token":"a","other":"\ud800"}`:  {session{Token: "a"}, nil},
		`{"token":"a","status":"\ud800"}`: {session{Token: "a"}, []string{"status"}},

		`{"latest":7}`:                                    {session{}, []string{"latest"}},
		`{"latest":{"id":"x","status":7}}`:                {session{Latest: &latest{ID: "x"}}, []string{"latest.status"}},
		`{"latest":{"id":"x","at":"y"}}`:                  {session{Latest: &latest{ID: "x"}}, []string{"latest"}},
		`{"latest":{"id":7,"status":"s","at":"y"},"n":1}`: {session{N: 1, Latest: &latest{Status: "s"}}, []string{"latest"}},
		`{"latest":{"id":7,"status":7,"at":"y"},"n":"x"}`: {session{Latest: &latest{}}, []string{"n", "latest", "latest.status"}},
		`{"latest":null,"n":"x"}`:                         {session{}, []string{"n"}},
	} {
		t.Run(encoded, func(t *testing.T) {
			t.Parallel()
			got, dropped, err := Decode[session]([]byte(encoded))
			if assert.NoError(t, err) {
				assert.Equal(t, tt.want, *got)
				assert.Equal(t, tt.dropped, dropped)
			}
		})
	}
	for encoded, want := range map[string]string{
		"":                       "unexpected end of JSON input",
		" \n":                    "unexpected end of JSON input",
		`{"token":"planted`:      "unexpected end of JSON input",
		`{"token" "planted"}`:    "invalid JSON, or nested too deeply",
		`{"token":"planted"}}`:   "invalid JSON, or nested too deeply",
		`{"token":"planted"} {}`: "invalid JSON, or nested too deeply",
		`<html>`:                 "invalid JSON, or nested too deeply",
		`["planted"]`:            "not a JSON object",
		`"planted"`:              "not a JSON object",
		`7`:                      "not a JSON object",
	} {
		_, _, err := Decode[session]([]byte(encoded))
		assert.EqualError(t, err, want, encoded)
	}
}

func TestDecodeProblem(t *testing.T) {
	t.Parallel()
	known := redact.New("secret-1")
	for encoded, want := range map[string]string{
		`{"message":"a secret-1 b"}`:               "a [redacted] b",
		`{"message":"","detail":"d","error":"e"}`:  "d",
		`{"message":null,"errors":["one","two"]}`:  "one; two",
		`{"error":{"message":"inner"}}`:            "inner",
		`{"error":{"message":""}}`:                 `{"message":""}`,
		`{"error":{"code":7}}`:                     `{"code":7}`,
		`{"message":7}`:                            "7",
		`{"message":{},"error":true,"title":"t"}`:  "t",
		`{"message":"abcdefghijklmnopqrstuvwxyz"}`: "abcdefghijklmnopqrstu...",
		`{"error":{"u":"?b&c<d","a":1}}`:           `{"a":1,"u":"?b&c<d"}`,
		`["message"]`:                              "",
	} {
		assert.Equal(t, want, DecodeProblem([]byte(encoded), known, 20).Message, encoded)
	}
	p := DecodeProblem([]byte(`{"timestamp":"2026-01-02T03:04:05Z","data":{"message":"secret-1","statusCode":"x"},
		"provider_errors":[{"url":"secret-1"},7,null,{"url":"b"}]}`), known, 20)
	assert.Equal(t, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), p.Timestamp)
	if assert.NotNil(t, p.Data) {
		assert.Equal(t, "[redacted]", p.Data.Message)
	}
	if assert.Len(t, p.ProviderErrors, 2) {
		assert.Equal(t, "[redacted]", p.ProviderErrors[0].URL)
		assert.Equal(t, "b", p.ProviderErrors[1].URL)
	}
	assert.Nil(t, DecodeProblem([]byte(`{"data":7,"provider_errors":{}}`), known, 20).Data)
	assert.Nil(t, DecodeProblem([]byte(`{"data":null}`), known, 20).Data)
	assert.Nil(t, DecodeProblem([]byte(`{"data":{}}`), known, 20).Data, "empty data")
	assert.Len(t, DecodeProblem([]byte(`{"provider_errors":[`+strings.Repeat(`{"status":1},`, 200)+`7]}`), known, 20).ProviderErrors, 100)
	assert.Empty(t, DecodeProblem([]byte(`{"provider_errors":[{},{"url":7}]}`), known, 20).ProviderErrors)
}
