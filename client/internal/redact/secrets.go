package redact

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Secrets returns the values of the secret members in the body of a request or a
// response, at any depth and however they are spelled: in JSON within a string, too, and
// in a truncated body.
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
	for range 3 { // text may be escaped more than once
		for value := range values(body) {
			secrets = append(secrets, string(value))
		}
		if literal(body) {
			break
		}
		body = spelledOut(body)
	}
	return secrets
}

// spelledOut decodes the escapes of a JSON text, and replaces the letters that
// encoding/json takes for ASCII ones in a name.
func spelledOut(body []byte) []byte {
	body = []byte(unescape(string(body), `\`))
	return bytes.ReplaceAll(bytes.ReplaceAll(body, []byte("\u017f"), []byte("s")), []byte("\u212a"), []byte("k"))
}

// literal reports whether the strings of a JSON text stand in it as they decode: it has no
// escapes and only ASCII, since other characters may fold to ASCII or be replaced.
func literal(body []byte) bool {
	return !slices.ContainsFunc(body, func(c byte) bool { return c == '\\' || c >= utf8.RuneSelf })
}

// values yields the text between the quotes that follow the name of a secret member.
func values(body []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for before, value := range Names(body) {
			before = bytes.TrimRight(before, `\`)
			for _, name := range [...]string{"token", "auth_link_url", "external_trigger_token"} {
				if !Named(before, name) {
					continue
				}
				value, text := bytes.CutPrefix(bytes.TrimLeft(value, " \t\r\n\\"), []byte{'"'})
				if value, _, _ = bytes.Cut(value, []byte{'"'}); text && !yield(bytes.TrimRight(value, `\`)) {
					return
				}
			}
		}
	}
}

// Names yields, for each colon of a JSON text that may follow the name of a member, the
// text up to the end of the name and the text after the colon.
func Names(body []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(before, after []byte) bool) {
		for from := 0; ; {
			n := bytes.IndexByte(body[from:], ':')
			if n < 0 {
				return
			}
			end := from + n
			from = end + 1
			for end > 0 && body[end-1] <= ' ' {
				end--
			}
			if end > 0 && body[end-1] == '"' && !yield(body[:end-1], body[from:]) {
				return
			}
		}
	}
}

// Named reports whether the text before a colon ends with that name, in any case.
func Named(before []byte, name string) bool {
	from := len(before) - len(name)
	return from > 0 && before[from-1] == '"' && bytes.EqualFold(before[from:], []byte(name))
}

// ID returns id if it is safe to show without a Redactor, and "" otherwise: if it is
// long, has characters other than letters, digits and ._:- or may contain one of the
// secrets or a secret of a JSON body. It does not decode the bodies.
func ID(id string, secrets []string, bodies ...[]byte) string {
	if len(id) > 128 {
		return ""
	}
	for _, c := range []byte(id) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == ':' || c == '-') {
			return ""
		}
	}
	for _, secret := range secrets {
		if holds(id, secret) {
			return ""
		}
	}
	for _, body := range bodies {
		if Disguised(body) {
			return ""
		}
		for value := range values(body) {
			for range 3 { // as in Secrets
				if len(value) <= len(id) && holds(id, string(value)) {
					return ""
				}
				if bytes.IndexByte(value, '\\') < 0 {
					break
				}
				value = []byte(unescape(string(value), `\`))
			}
		}
	}
	return id
}

// holds reports whether an ID contains the secret, plain or in base64.
func holds(id, secret string) bool {
	encoded := len(secret) >= minSecret && inBase64(secret) <= len(id)
	return secret != "" && strings.Contains(id, secret) || encoded && replaceBase64(id, secret) != id
}

// Disguised reports whether a JSON text may have a name that is not spelled with its own
// letters: it escapes a letter, which no encoder does, or has one that folds to ASCII.
func Disguised(body []byte) bool {
	if bytes.Contains(body, []byte("\u017f")) || bytes.Contains(body, []byte("\u212a")) {
		return true
	}
	for {
		_, rest, found := bytes.Cut(body, []byte(`\u`))
		if !found {
			return false
		}
		body = rest
		code, _ := strconv.ParseUint(string(rest[:min(4, len(rest))]), 16, 16)
		switch c := rune(code); {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c == '\u017f', c == '\u212a':
			return true
		}
	}
}
