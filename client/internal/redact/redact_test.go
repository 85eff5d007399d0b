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
