package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of texts, in bytes.
const (
	maxText      = 512
	maxRequestID = 128
)

// mask makes text from elsewhere fit to be shown: without the secrets it knows.
type mask struct {
	forms []string // of the secrets, as a text may hold them; the longest first
}

func newMask(secrets ...string) mask {
	var forms []string
	for _, s := range secrets {
		if s != "" {
			quoted, raw := strconv.Quote(s), []byte(s)
			forms = append(forms, s, quoted[1:len(quoted)-1], url.QueryEscape(s), url.PathEscape(s),
				base64.RawStdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw))
		}
	}
	slices.SortStableFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return mask{forms}
}

// hide returns s without the secrets. A replacer takes the first form that fits:
// the longest, for a secret that holds another.
func (m mask) hide(s string) string {
	var pairs []string
	for _, form := range m.forms {
		if strings.Contains(s, form) {
			pairs = append(pairs, form, "[redacted]")
		}
	}
	if pairs == nil { // as nearly always; a replacer is costly to make
		return s
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// line returns s as one printable line of about limit bytes at most.
func (m mask) line(s string, limit int) string {
	s = m.hide(s)
	var b strings.Builder
	for i, r := range s {
		if b.Len() > limit {
			b.WriteString("...")
			break
		}
		switch {
		case r == utf8.RuneError:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

// json returns a JSON value without the secrets.
func (m mask) json(raw json.RawMessage) json.RawMessage {
	return json.RawMessage(m.hide(string(raw)))
}

// withoutUserInfo is the text of an error without the user info of a URL in it,
// such as a proxy's. An address that does not parse has no part that is safe to show.
func withoutUserInfo(err error) string {
	text := err.Error()
	parse := (*url.Error)(nil)
	if errors.As(err, &parse) && parse.Op == "parse" || strings.HasPrefix(text, "invalid proxy address") {
		return "the address of the proxy cannot be parsed"
	}
	before, after, ok := strings.Cut(text, "://")
	if at := strings.LastIndexByte(after, '@'); ok && at >= 0 {
		return before + "://[redacted]" + after[at:]
	}
	return text
}

// bodySecrets returns the secrets of a request's or an answer's body.
func bodySecrets(body []byte) []string {
	var fields struct {
		Token   string `json:"token"`
		Link    string `json:"auth_link_url"`
		Trigger string `json:"external_trigger_token"`
	}
	_ = json.Unmarshal(body, &fields) // what can be read of it
	return []string{fields.Token, fields.Link, fields.Trigger}
}

// joined is errors.Join on one line.
type joined struct{ errs []error }

func (j *joined) Error() string {
	texts := make([]string, len(j.errs))
	for i, err := range j.errs {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (j *joined) Unwrap() []error { return j.errs }

// join returns nil for no errors and the error itself for one.
func join(errs ...error) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return &joined{errs}
}

// contextErrors is the error of a context that has ended, with its cause.
func contextErrors(ctx context.Context) []error {
	errs := []error{ctx.Err()}
	if cause := context.Cause(ctx); cause != ctx.Err() {
		errs = append(errs, cause)
	}
	return errs
}

// shown is an error with a text that is fit to be shown, whatever prints it.
type shown struct {
	text string
	err  error
}

func (e *shown) Error() string                 { return e.text }
func (e *shown) Unwrap() error                 { return e.err }
func (e *shown) Format(f fmt.State, verb rune) { formatError(f, verb, e) }

var errNotMade = errors.New("stackone: this client was not made by client.New")
