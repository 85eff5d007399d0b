package redact

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestText(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "[redacted], [redacted]", New("secret", "secret-and-more", "").Line("secret-and-more, secret", 100),
		"the longer of two secrets goes first")
	assert.Equal(t, "plain", Redactor{}.Line("plain", 5))
	assert.Equal(t, "plain?...", Redactor{}.Line("plain? and more", 5), "cut at the first byte beyond the limit")
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
	answer := []byte(`{"label":"label-2", "token" : "token-2","auth_link_url":"link-2","external_trigger_token":"trigger-2"}`)
	for _, id := range []string{"0b1e2f3a-4c5d", "a.b_c:d", "Token", "label-1", "label-2", strings.Repeat("a", 128)} {
		assert.Equal(t, id, ID(id, []string{key, ""}, request, answer, nil))
	}
	for _, id := range []string{
		"my-secret-id", "token-1", "x.token-2.y", "link-2", "trigger-2", "with space", "é", "a/b", "line\nbreak", strings.Repeat("a", 129),
	} {
		assert.Empty(t, ID(id, []string{key, ""}, request, answer, nil), id)
	}
	assert.Empty(t, ID("id", nil, []byte(`{"token":"\u0069d"}`)), "an escaped secret is not compared")
	assert.Equal(t, "id", ID("id", nil, []byte(`{"token":null,"a":"id"}`), []byte(`{"token":""}`), []byte(`{"token`)))
}
