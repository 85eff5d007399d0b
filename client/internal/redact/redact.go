// Package redact keeps secrets out of texts.
package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const mark = "[redacted]"

// Redactor removes known secrets from texts. The zero value knows none.
type Redactor struct{ secrets []string }

// New returns a Redactor for the secrets that are not empty.
func New(secrets ...string) Redactor {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return s == "" })
	// A secret that contains another is replaced first.
	slices.SortStableFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	return Redactor{slices.Compact(secrets)}
}

// Text returns s without the secrets, whether they are written plainly or as base64.
// A text that holds a secret in escaped form is left out whole.
func (r Redactor) Text(s string) string {
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, mark)
		for _, e := range [...]*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			if len(s) >= e.EncodedLen(len(secret)) {
				s = strings.ReplaceAll(s, e.EncodeToString([]byte(secret)), mark)
			}
		}
	}
	// Text may be escaped more than once, as JSON in a URL is.
	plain := s
	for range 3 {
		if !strings.ContainsAny(plain, `%\&+`) {
			break
		}
		plain = unescape(plain)
		if r.in(plain) || r.in(strings.ReplaceAll(plain, "+", " ")) {
			return mark
		}
	}
	return s
}

func (r Redactor) in(s string) bool {
	return slices.ContainsFunc(r.secrets, func(secret string) bool { return strings.Contains(s, secret) })
}

// unescape undoes the escapes of URLs, JSON, Go and HTML, as far as they are valid.
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for len(s) > 0 {
		switch {
		case s[0] == '%' && len(s) > 2:
			if c, err := strconv.ParseUint(s[1:3], 16, 8); err == nil {
				b, s = append(b, byte(c)), s[3:]
				continue
			}
		case s[0] == '\\' && len(s) > 1:
			if c, multibyte, rest, err := strconv.UnquoteChar(s, 0); err == nil {
				if s = rest; multibyte {
					b = utf8.AppendRune(b, c)
				} else {
					b = append(b, byte(c)) //nolint:gosec // a byte, as UnquoteChar says
				}
				continue
			}
			s = s[1:] // an escape that JSON or a shell knows, such as \/
		}
		b, s = append(b, s[0]), s[1:]
	}
	return html.UnescapeString(string(b))
}

// Line returns s as one printable line without the secrets, of about limit bytes.
func (r Redactor) Line(s string, limit int) string {
	s = r.Text(s)
	var b strings.Builder
	for i, c := range s {
		if b.Len() > limit {
			b.WriteString("...")
			break
		}
		switch {
		case c == utf8.RuneError:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(c):
			b.WriteRune(c)
		default:
			q := strconv.QuoteRune(c)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

// JSON returns a JSON value whose strings, names included, are free of the secrets.
// It returns nil for what is not JSON.
func (r Redactor) JSON(raw json.RawMessage) json.RawMessage {
	if text := string(raw); !strings.ContainsAny(text, `%\&`) && r.Text(text) == text {
		return raw // nothing is escaped, so the text holds what its strings hold
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return nil
	}
	clean, err := json.Marshal(r.value(v))
	if err != nil {
		return nil
	}
	return clean
}

func (r Redactor) value(v any) any {
	switch v := v.(type) {
	case string:
		return r.Text(v)
	case json.Number: // a key may consist of digits
		if text := r.Text(v.String()); text != v.String() {
			return text
		}
	case []any:
		for i := range v {
			v[i] = r.value(v[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(v))
		for name, member := range v {
			clean[r.Text(name)] = r.value(member)
		}
		return clean
	}
	return v
}

// Secrets returns the values of the members of a request's or an answer's body that
// are secret.
func Secrets(body []byte) []string {
	var members struct {
		Token   string `json:"token"`
		Link    string `json:"auth_link_url"`
		Trigger string `json:"external_trigger_token"`
	}
	_ = json.Unmarshal(body, &members) // what can be read of it
	return []string{members.Token, members.Link, members.Trigger}
}

// ID returns an identifier that can be shown as it is, and "" for any other: one that
// is long, has characters beyond letters, digits and ._:- or holds one of the secrets.
// Those of JSON bodies are found without decoding the bodies.
func ID(id string, secrets []string, bodies ...[]byte) string {
	if len(id) > 128 || strings.ContainsFunc(id, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("._:-", c))
	}) {
		return ""
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(id, secret) {
			return ""
		}
	}
	for _, body := range bodies {
		if mentions(body, id) {
			return ""
		}
	}
	return id
}

// mentions reports whether id may hold the value of a secret member of a JSON body.
func mentions(body []byte, id string) bool {
	for _, name := range [...]string{`"token"`, `"auth_link_url"`, `"external_trigger_token"`} {
		_, rest, ok := bytes.Cut(body, []byte(name))
		for ; ok; _, rest, ok = bytes.Cut(rest, []byte(name)) {
			_, value, _ := bytes.Cut(rest, []byte{'"'})
			value, _, _ = bytes.Cut(value, []byte{'"'})
			if bytes.IndexByte(value, '\\') >= 0 || len(value) > 0 && strings.Contains(id, string(value)) {
				return true
			}
		}
	}
	return false
}

// UserInfo returns the text of an error without the user info of a URL, such as a
// proxy's. An address that cannot be parsed is left out.
func UserInfo(err error) string {
	text := err.Error()
	parse := (*url.Error)(nil)
	if errors.As(err, &parse) && parse.Op == "parse" || strings.HasPrefix(text, "invalid proxy address") {
		return "the address of the proxy cannot be parsed"
	}
	before, after, _ := strings.Cut(text, "://")
	if at := strings.LastIndexByte(after, '@'); at >= 0 {
		return before + "://" + mark + after[at:]
	}
	return text
}
