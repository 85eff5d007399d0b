package redact

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLine(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "[redacted], [redacted]", New("secret", "secret-and-more", "").Line("secret-and-more, secret", 100),
		"the longer of two secrets is replaced first")
	assert.Equal(t, "plain", Redactor{}.Line("plain", 5))
	assert.Equal(t, "plain?...", Redactor{}.Line("plain? and more", 5), "truncated after the limit")
	assert.Equal(t, `a\nb\x00\u202e\xff`, Redactor{}.Line("a\nb\x00\u202e\xff", 100))
	assert.Less(t, len(Redactor{}.Line(strings.Repeat("\x00", 1000), 512)), 512+10)
}

func TestUserInfo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"dial http://user:pass@host: refused": "dial http://[redacted]@host: refused",
		"dial http://@host: refused":          "dial http://[redacted]@host: refused",
		"dial http://host: refused":           "dial http://host: refused",
		"mail to a@b":                         "mail to a@b",
		"invalid proxy address \"x:y@z\"":     "the address of the proxy cannot be parsed",
	} {
		assert.Equal(t, want, UserInfo(errors.New(text)))
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	const key = "secret"
	request := []byte(`{"token":"token-1","label":"label-1"}`)
	response := []byte(`{"label":"label-2", "token" : "token-2","auth_link_url":"link-2","external_trigger_token":"trigger-2"}`)
	for _, id := range []string{"0b1e2f3a-4c5d", "a.b_c:d", "Token", "label-1", "label-2", strings.Repeat("a", 128)} {
		assert.Equal(t, id, ID(id, []string{key, ""}, request, response, nil))
	}
	for _, id := range []string{
		"my-secret-id", "token-1", "x.token-2.y", "link-2", "trigger-2", "with space", "é", "a/b", "line\nbreak", strings.Repeat("a", 129),
	} {
		assert.Empty(t, ID(id, []string{key, ""}, request, response, nil), id)
	}
	assert.Empty(t, ID("id", nil, []byte(`{"token":"\u0069d"}`)), "an escaped secret could be anything")
	assert.Equal(t, "id", ID("id", nil, []byte(`{"token":null,"a":"id"}`), []byte(`{"token":""}`), []byte(`{"token`)))
}

func TestTextRedactsEncodedSecrets(t *testing.T) {
	t.Parallel()
	known := New("ab/cd+ef==", "long secret", "k>?~~ey")
	for text, want := range map[string]string{
		"a ab/cd+ef== b":         "a [redacted] b",
		"a YWIvY2QrZWY9PQ== b":   "a [redacted]Q== b", // base64: the Q depends on what follows
		"a az4_fn5leQ b":         "a [redacted]Q b",   // base64url
		"a az4/fn5leQ b":         "a [redacted]Q b",
		"a ab%2Fcd%2Bef%3D%3D b": mark,
		"a ab%2fcd+ef%3d%3d b":   mark,
		"a ab%252Fcd%2Bef== b":   mark, // escaped twice
		"ab%25252Fcd+ef==":       mark,
		"ab%2525252Fcd+ef==":     "ab%2525252Fcd+ef==", // four times is beyond what Text decodes
		`a ab\/cd+ef== b`:        mark,
		`a ab\u002fcd+ef== b`:    mark,
		`a ab\x2fcd+ef== b`:      mark,
		`a ab/cd&#43;ef== b`:     mark,
		"a long+secret b":        mark,
		"a long%20secret b":      mark,
		"100% of it":             "100% of it",
		"100%":                   "100%",
		"100%4":                  "100%4",
		"100%zz":                 "100%zz",
		`a \`:                    `a \`,
		`\q%41`:                  `\q%41`,
		"l%6fng%20secret":        mark,
		"%6cong secret":          mark,
		"ab%2Fcd%2Bef%3D%3":      "ab%2Fcd%2Bef%3D%3",
		"nothing":                "nothing",
		"":                       "",
	} {
		assert.Equal(t, want, known.Text(text), text)
	}
	assert.Equal(t, mark, New("éééé").Text(`\u00e9ééé`))
	assert.Equal(t, mark, New("\xe9abc").Text(`\xe9abc`))
	assert.Equal(t, mark, New("éééé").Text(`%c3%a9ééé`))
}

func TestJSONRedactsStringsAndNames(t *testing.T) {
	t.Parallel()
	known := New("ab/cd", "4711")
	for raw, want := range map[string]string{
		`{"a": "x"}`:                          `{"a": "x"}`, // unchanged
		`{"a":"ab/cd"}`:                       `{"a":"[redacted]"}`,
		`{"a":"ab\/cd"}`:                      `{"a":"[redacted]"}`,
		`{"a":["ab\u002fcd",1.50,true,null]}`: `{"a":["[redacted]",1.50,true,null]}`,
		`{"ab\/cd":{"b":"x"}}`:                `{"[redacted]":{"b":"x"}}`,
		`{"a":4711,"b":12345678901234567890}`: `{"a":"[redacted]","b":12345678901234567890}`,
		`"\u0041"`:                            `"A"`,
		`{"a":"\u0041`:                        ``,
		`4711 is not JSON`:                    `"[redacted]"`,
	} {
		assert.Equal(t, want, string(known.JSON([]byte(raw))), raw)
	}
}

func TestIDIsEmptyIfUnsafe(t *testing.T) {
	t.Parallel()
	const body = `{"token": "tok-1", "auth_link_url":"", "x":"other", "external_trigger_token":"tri","external_trigger_token":"tri-2"}`
	for id, shown := range map[string]bool{
		"azAZ09._:-":             true,
		strings.Repeat("x", 128): true,
		strings.Repeat("x", 129): false,
		"":                       true,
		"a b":                    false,
		"a/b":                    false,
		"a`b":                    false,
		"a{b":                    false,
		"a@b":                    false,
		"a[b":                    false,
		"a;b":                    false,
		"é":                      false,
		"key":                    false,
		"a-key-b":                false,
		"a.tok-1.b":              false,
		"tok-2":                  true,
		"tri-2":                  false,
		"tri":                    false,
		"other":                  true,
	} {
		want := ""
		if shown {
			want = id
		}
		assert.Equal(t, want, ID(id, []string{"", "key"}, nil, []byte(body)), id)
	}
	assert.Empty(t, ID("abc", nil, []byte(`{"token":"a\u0062c"}`)), "an escaped token could be anything")
	for _, text := range []string{"secret-1", "xsecret-1", "xxsecret-1x"} {
		id := base64.RawURLEncoding.EncodeToString([]byte(text))
		assert.Empty(t, ID(id, []string{"secret-1"}), "base64 of %s", text)
		assert.Empty(t, ID(id, nil, []byte(`{"token":"secret-1"}`)), "base64 of %s in a body", text)
		assert.Equal(t, id, ID(id, []string{"another-1"}), "base64 of %s", text)
	}
	assert.Empty(t, ID("c2VjcmV0LT", []string{"secret-1"}), "base64 without the last character")
	for _, body := range []string{
		`{"to\u006ben":"id-1"}`, `{"to\u212aen":"id-1"}`, `{"to\u212Aen":"id-1"}`, "{\"to\u212aen\":\"id-1\"}", `{"auth\u005flink_url":"id-1"}`,
		`{"token":"id\u002d1"}`, `{"token":"\u0069d\u002D1"}`, `{"x":"{\"token\":\"id\\u002d1\"}"}`, `{"x":"{\"to\\u212aen\":\"id-1\"}"}`,
	} {
		assert.Empty(t, ID("id-1", nil, []byte(body)), body)
	}
	for _, body := range []string{
		`{"auth_link_url":"https:\/\/x","token":"t\\"}`, `{"auth_link_url":"https://x?a=1\u0026b=2"}`, `{"origin_owner_name":"Jo\u0060s"}`,
		`{"x":"\u007f\u007b\u005b\u0040\u005e"}`, `{"x":"\u00e9\u0171\u212b"}`, "{\"x\":\"\u0171\"}", `{"x":"\u`, `{"token":"\\u`,
	} {
		assert.Equal(t, "id-1", ID("id-1", nil, []byte(body)), body)
	}
	assert.Empty(t, ID("abc", nil, []byte(`{"x":"\u0062","token":7}`)), "an escaped letter may belong to a name")
	assert.Empty(t, ID("abc", nil, []byte(`{"x":"\u000a\u0062","token":7}`)), "an escaped letter after another escape")
	assert.Equal(t, "abc", ID("abc", nil, []byte(`{"x":"\u000a\u00e9\u00`)))
	assert.Equal(t, "abc", ID("abc", nil, []byte(`{"token"`)))
}

func TestSecretsOfBody(t *testing.T) {
	t.Parallel()
	assert.Subset(t, []string{"", "a", "b", "c"}, Secrets([]byte(`{"token":"a"`)), "no other values")
	assert.Contains(t, Secrets([]byte(`{"token":"a"`)), "a", "truncated body")
	assert.Contains(t, Secrets([]byte(`{"x":"{\"Token\" : \"a\"}"}`)), "a", "JSON within a string")
	assert.Contains(t, Secrets([]byte(`{"x":{"token":"a\/b"}}`)), "a/b", "escaped value")
	assert.Contains(t, Secrets([]byte(`{"token":"a\"b"}`)), `a"b`, "escaped quote")
	assert.Contains(t, Secrets([]byte(`{"tok\u0065n":"a"}`)), "a", "escaped name")
	assert.Contains(t, Secrets([]byte("{\"to\u212aen\":\"a\"}")), "a", "name that encoding/json takes for token")
	assert.Contains(t, Secrets([]byte("{\"token\":\"a\xff\"}")), "a\ufffd", "invalid UTF-8, which encoding/json replaces")
	for _, name := range []string{`to\u006ben`, `to\u212aen`, `to\u212Aen`, "to\u212aen", `Auth_Lin\u006B_url`, `external_trigger_to\u212Aen`} {
		assert.Contains(t, Secrets([]byte(`{"x":[{"`+name+`":"a"}]}`)), "a", name)
	}
	assert.Contains(t, Secrets([]byte(`{"x":"{\"to\\u006ben\":\"a\"}"}`)), "a", "escaped name in JSON within a string")
	assert.Contains(t, Secrets([]byte(`{"x":"{\"token\":\"a\\u0062\"}"}`)), "ab", "escaped value in JSON within a string")
	assert.Equal(t, []string{"c", "b", "a"}, Secrets([]byte(`{"external_trigger_token":"c","auth_link_url":"b","token":"a"}`)))
	assert.Equal(t, []string{"b"}, Secrets([]byte(`{"token":7,"auth_link_url":"b"}`)))
	assert.Equal(t, []string{"b"}, Secrets([]byte(`{"token?:"a","token":"b"}`)), "a quote that does not precede the colon")
	assert.Empty(t, Secrets(nil))
}

func TestLineIsBounded(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "12345", Redactor{}.Line("12345", 4), "nothing is left to truncate")
	assert.Equal(t, "12345...", Redactor{}.Line("123456", 4))
	assert.Equal(t, `é\u0085\xc3`, Redactor{}.Line("é\u0085\xc3", 100))
	assert.Equal(t, `\xef`, Redactor{}.Line("\xef", 100))
}

func TestUserInfoOfURLError(t *testing.T) {
	t.Parallel()
	const hidden = "the address of the proxy cannot be parsed"
	assert.Equal(t, hidden, UserInfo(&url.Error{Op: "parse", URL: "http://user:pass@ho st", Err: errors.New("invalid")}))
	assert.Equal(t, hidden, UserInfo(fmt.Errorf("proxy: %w", &url.Error{Op: "parse", URL: "x", Err: errors.New("invalid")})))
	assert.Equal(t, `Post "http://host": lost`, UserInfo(&url.Error{Op: "Post", URL: "http://host", Err: errors.New("lost")}))
	assert.Equal(t, "://[redacted]@b", UserInfo(errors.New("://a@b")))
	assert.Equal(t, "a://[redacted]@", UserInfo(errors.New("a://b@")))
}

// Each secret costs a search of every text, and the service decides how many there are.
func TestTooManySecrets(t *testing.T) {
	t.Parallel()
	var secrets []string
	for i := range maxSecrets {
		secrets = append(secrets, fmt.Sprintf("secret-%d", i), fmt.Sprintf("secret-%d", i))
	}
	assert.Equal(t, "no such owner", New(secrets...).Text("no such owner"), "as many as are searched for")
	many := New(append(secrets, "secret-100")...)
	assert.Equal(t, mark, many.Text("no such owner"))
	assert.Equal(t, mark, many.Line("no such owner", 100))
	assert.JSONEq(t, `{"[redacted]":"[redacted]"}`, string(many.JSON([]byte(`{"a":"b"}`))))
	assert.Empty(t, many.Text(""))
}
