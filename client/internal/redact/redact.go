// Package redact removes secrets from text.
package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const mark = "[redacted]"

// Redactor removes known secrets from text. The zero value knows none.
type Redactor struct{ secrets []string }

// New returns a Redactor for secrets. It ignores those shorter than four bytes, which
// would garble any text and protect nothing.
func New(secrets ...string) Redactor {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < 4 })
	// Replace a secret before any other that it contains.
	slices.SortStableFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	return Redactor{slices.Compact(secrets)}
}

// Text returns s with the secrets replaced, whether they are plain or part of base64. It
// replaces all of a text that contains a secret in escaped form.
func (r Redactor) Text(s string) string {
	word := longestWord(s)
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, mark)
		if word >= base64.RawStdEncoding.EncodedLen(len(secret))-1 {
			s = replaceBase64(s, secret)
		}
	}
	if !strings.ContainsAny(s, `+%\&`) { // no escapes
		return s
	}
	if r.in(strings.ReplaceAll(s, "+", " ")) { // a space in a URL
		return mark
	}
	for _, escapes := range [...]string{`%`, `\`, `&`, `%\&`} {
		// Text may be escaped more than once, as JSON in a URL is.
		plain := s
		for range 3 {
			if !strings.ContainsAny(plain, escapes) {
				break
			}
			plain = unescape(plain, escapes)
			if r.in(plain) || r.in(strings.ReplaceAll(plain, "+", " ")) {
				return mark
			}
		}
	}
	return s
}

func (r Redactor) in(s string) bool {
	return slices.ContainsFunc(r.secrets, func(secret string) bool { return strings.Contains(s, secret) })
}

// replaceBase64 replaces the characters of base64 that encode the secret alone, at any
// offset in the encoded text.
func replaceBase64(s, secret string) string {
	padded := []byte("\x00\x00" + secret)
	var encoded []byte
	for offset := range 3 {
		from, to := (offset*8+5)/6, (offset+len(secret))*8/6 // the characters that encode only the secret
		for _, e := range [...]*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			encoded = e.AppendEncode(encoded[:0], padded[2-offset:])
			s = strings.ReplaceAll(s, string(encoded[from:to]), mark)
			if !bytes.ContainsAny(encoded, "+/") { // base64url is the same
				break
			}
		}
	}
	return s
}

// longestWord returns the length of the longest run of base64 characters.
func longestWord(s string) (longest int) {
	run := 0
	for _, c := range []byte(s) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	return longest
}

// unescape decodes the valid escapes of URLs (%), of JSON and Go (\) and of HTML (&), of
// which escapes selects some.
func unescape(s, escapes string) string {
	b := make([]byte, 0, len(s))
	for len(s) > 0 {
		switch {
		case s[0] == '%' && len(s) > 2 && escapes[0] == '%':
			if c, err := strconv.ParseUint(s[1:3], 16, 8); err == nil {
				b, s = append(b, byte(c)), s[3:]
				continue
			}
		case s[0] == '\\' && len(s) > 1 && strings.Contains(escapes, `\`):
			if c, multibyte, rest, err := strconv.UnquoteChar(s, 0); err == nil {
				if s = rest; multibyte {
					b = utf8.AppendRune(b, c)
				} else {
					b = append(b, byte(c)) //nolint:gosec // a byte, as UnquoteChar says
				}
				continue
			}
			s = s[1:] // an escape of JSON or a shell, such as \/
		}
		b, s = append(b, s[0]), s[1:]
	}
	if !strings.Contains(escapes, "&") {
		return string(b)
	}
	return html.UnescapeString(string(b))
}

// Line returns s as one printable line, redacted and truncated after about limit bytes.
func (r Redactor) Line(s string, limit int) string {
	s = r.Text(s)
	if len(s) <= limit && !strings.ContainsFunc(s, unprintable) {
		return s
	}
	var b strings.Builder
	for i, c := range s {
		if b.Len() > limit {
			b.WriteString("...")
			break
		}
		switch {
		case c == utf8.RuneError:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !unprintable(c):
			b.WriteRune(c)
		default:
			q := strconv.QuoteRune(c)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

func unprintable(c rune) bool { return c == utf8.RuneError || !unicode.IsPrint(c) }

// JSON returns a JSON value with the secrets in its strings and member names replaced. It
// returns nil if raw is not JSON.
func (r Redactor) JSON(raw json.RawMessage) json.RawMessage {
	if text := string(raw); !strings.ContainsAny(text, `%\&`) && r.Text(text) == text {
		return raw // without escapes, its strings appear literally in the text
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return nil
	}
	var clean bytes.Buffer
	encoder := json.NewEncoder(&clean)
	encoder.SetEscapeHTML(false) // the text may become a message
	if encoder.Encode(r.value(v)) != nil {
		return nil
	}
	return bytes.TrimSpace(clean.Bytes())
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

// Secrets returns the values of the secret members in the body of a request or a
// response, at any depth: in JSON within a string, too, and in a truncated body.
func Secrets(body []byte) (secrets []string) {
	if !literal(body) {
		var members struct {
			Token   string `json:"token"`
			Link    string `json:"auth_link_url"`
			Trigger string `json:"external_trigger_token"`
		}
		_ = json.Unmarshal(body, &members) // as far as it can be decoded
		secrets = append(secrets, members.Token, members.Link, members.Trigger)
	}
	for value := range values(body) {
		secrets = append(secrets, string(value))
		if bytes.IndexByte(value, '\\') >= 0 {
			secrets = append(secrets, unescape(string(value), `\`))
		}
	}
	return secrets
}

// literal reports whether the strings of a JSON text stand in it as they decode: it has no
// escapes and only ASCII, since other characters may fold to ASCII or be replaced.
func literal(body []byte) bool {
	return !slices.ContainsFunc(body, func(c byte) bool { return c == '\\' || c >= utf8.RuneSelf })
}

// values yields the text between the quotes that follow the name of a secret member.
func values(body []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for rest := body; len(rest) > 1; rest = rest[1:] {
			if c := rest[1] | 0x20; rest[0] != '"' || c != 't' && c != 'a' && c != 'e' {
				continue
			}
			for _, name := range [...]string{"token", "auth_link_url", "external_trigger_token"} {
				if len(rest) <= len(name) || !bytes.EqualFold(rest[1:1+len(name)], []byte(name)) {
					continue
				}
				value := bytes.TrimLeft(rest[1+len(name):], `\`)
				value, quoted := bytes.CutPrefix(value, []byte{'"'})
				value, colon := bytes.CutPrefix(bytes.TrimLeft(value, " \t\r\n"), []byte{':'})
				value, text := bytes.CutPrefix(bytes.TrimLeft(value, " \t\r\n\\"), []byte{'"'})
				if value, _, _ = bytes.Cut(value, []byte{'"'}); quoted && colon && text && !yield(bytes.TrimRight(value, `\`)) {
					return
				}
			}
		}
	}
}

// ID returns id if it is safe to show without a Redactor, and "" otherwise: if it is
// long, has characters other than letters, digits and ._:- or may contain one of the
// secrets or a secret of a JSON body. It does not decode the bodies.
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
		if EscapesLetter(body) { // perhaps of a name
			return ""
		}
		for value := range values(body) {
			if bytes.IndexByte(value, '\\') >= 0 || len(value) > 0 && len(value) <= len(id) && strings.Contains(id, string(value)) {
				return ""
			}
		}
	}
	return id
}

// EscapesLetter reports whether a JSON text escapes an ASCII letter, which no encoder
// does.
func EscapesLetter(body []byte) bool {
	for {
		_, rest, found := bytes.Cut(body, []byte(`\u00`))
		if !found {
			return false
		}
		if len(rest) > 0 && '4' <= rest[0] && rest[0] <= '7' {
			return true
		}
		body = rest
	}
}

// UserInfo returns the text of an error with the user info of a URL, such as a proxy's,
// replaced. It leaves out a URL that cannot be parsed.
func UserInfo(err error) string {
	text := err.Error()
	parse := (*url.Error)(nil)
	if errors.As(err, &parse) && parse.Op == "parse" || strings.Contains(text, "invalid proxy address") {
		return "the address of the proxy cannot be parsed"
	}
	before, after, _ := strings.Cut(text, "://")
	if at := strings.LastIndexByte(after, '@'); at >= 0 {
		return before + "://" + mark + after[at:]
	}
	return text
}
