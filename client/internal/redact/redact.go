// Package redact removes secrets from text.
package redact

import (
	"bytes"
	"cmp"
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

// maxSecrets limits the secrets of a Redactor, since each costs a search of every text. A
// call has about ten.
const maxSecrets = 100

// Redactor removes known secrets from text. The zero value knows none.
type Redactor struct {
	secrets []string
	tooMany bool // replace all of every text
}

// minSecret is the length of the shortest secret that a Redactor replaces. A shorter one
// would garble any text and protect nothing.
const minSecret = 4

// New returns a Redactor for secrets.
func New(secrets ...string) Redactor {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < minSecret })
	// Replace a secret before any other that it contains.
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	secrets = slices.Compact(secrets)
	if len(secrets) > maxSecrets {
		return Redactor{tooMany: true}
	}
	return Redactor{secrets: secrets}
}

// Text returns s with the secrets replaced, whether they are plain or part of base64. It
// replaces all of a text that contains a secret in escaped form.
func (r Redactor) Text(s string) string {
	if r.tooMany && s != "" {
		return mark
	}
	word := longestWord(s)
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, mark)
		if inBase64(secret) <= word {
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

// inBase64 returns the fewest characters of base64 that hold a secret.
func inBase64(secret string) int { return base64.RawStdEncoding.EncodedLen(len(secret)) - 1 }

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
