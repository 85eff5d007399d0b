package body

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/StackOneHQ/stackone-client-go/client/internal/redact"
)

// identifying lists the members that say whose session it is and what state it is in.
// Each may occur only once, in any case: of several, encoding/json would take the last.
var identifying = [...]string{"token", "auth_link_url", "origin_owner_id", "status", "account_secure_id"}

// Decode reads a session from a body, whatever its Content-Type. The session exists even
// if parts of it cannot be read, so members that do not fit their Go type are left zero
// and named in dropped.
func Decode[T any](body []byte) (result *T, dropped []string, err error) {
	body = bytes.TrimPrefix(body, []byte("\ufeff")) // a byte order mark
	result = new(T)
	if json.Unmarshal(body, result) == nil && unambiguous(body) {
		return result, nil, nil
	}
	members, err := split(body)
	if err != nil {
		return nil, nil, err
	}
	result = new(T)
	dropped = fill(reflect.ValueOf(result).Elem(), members)
	return result, dropped, nil
}

// unambiguous reports whether encoding/json certainly replaced nothing in what it decoded
// and took no other member for an identifying one. It does not allocate.
func unambiguous(body []byte) bool {
	if !sound(body) || redact.Disguised(body) {
		return false
	}
	var seen [len(identifying)]bool
	for before := range redact.Names(body) {
		for i, name := range identifying {
			if redact.Named(before, name) {
				if seen[i] {
					return false
				}
				seen[i] = true
			}
		}
	}
	return true
}

type member struct {
	name  string
	value json.RawMessage
}

// split returns the members of a JSON object. Its errors do not quote the body.
func split(body []byte) ([]member, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	var value json.RawMessage
	switch err := decoder.Decode(&value); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("unexpected end of JSON input")
	case err != nil, !json.Valid(body):
		return nil, errors.New("invalid JSON, or nested too deeply")
	case !bytes.HasPrefix(value, []byte{'{'}):
		return nil, errors.New("not a JSON object")
	}
	var members []member
	decoder = json.NewDecoder(bytes.NewReader(value))
	_, _ = decoder.Token() // the opening brace; the syntax has been checked
	for decoder.More() {
		name, _ := decoder.Token()
		var m member
		m.name, _ = name.(string)
		_ = decoder.Decode(&m.value)
		members = append(members, m)
	}
	return members, nil
}

// fill sets the fields of a struct and returns the names of the members that do not fit.
// As in encoding/json, a member that occurs more than once is decoded each time.
func fill(result reflect.Value, members []member) (dropped []string) {
	for i := range result.NumField() {
		name, _, _ := strings.Cut(result.Type().Field(i).Tag.Get("json"), ",")
		field, times, fits := result.Field(i), 0, true
		var value json.RawMessage
		for _, m := range members {
			if strings.EqualFold(m.name, name) {
				value, times = m.value, times+1
				fits = fits && sound(value) && json.Unmarshal(value, field.Addr().Interface()) == nil
			}
		}
		inner := field.Kind() == reflect.Pointer && !field.IsNil()
		if !fits || inner || times > 1 && slices.Contains(identifying[:], name) {
			field.SetZero()
			dropped = append(dropped, salvage(field, name, value)...)
		}
	}
	return dropped
}

// salvage decodes the members that fit of an object behind a pointer, the latest attempt:
// the customer has connected even if the time of the attempt cannot be read.
func salvage(field reflect.Value, name string, value json.RawMessage) (dropped []string) {
	members, err := split(value)
	if err != nil || field.Kind() != reflect.Pointer {
		return []string{name}
	}
	field.Set(reflect.New(field.Type().Elem()))
	for _, inner := range fill(field.Elem(), members) {
		path := name
		if inner == "status" {
			path += "." + inner
		}
		if !slices.Contains(dropped, path) {
			dropped = append(dropped, path)
		}
	}
	return dropped
}

// sound reports whether encoding/json replaces nothing in a value, which it does for
// invalid UTF-8 and for the escape of an unpaired surrogate.
func sound(value []byte) bool {
	if !utf8.Valid(value) {
		return false
	}
	for i := bytes.IndexByte(value, '\\'); i >= 0 && i < len(value); i++ {
		if value[i] != '\\' {
			continue
		}
		if i++; value[i] != 'u' {
			continue
		}
		first := escaped(value[i+1:])
		i += 4
		if !utf16.IsSurrogate(first) {
			continue
		}
		if !bytes.HasPrefix(value[i+1:], []byte(`\u`)) || utf16.DecodeRune(first, escaped(value[i+3:])) == utf8.RuneError {
			return false
		}
		i += 6
	}
	return true
}

// escaped returns the rune of a \u escape's four digits.
func escaped(digits []byte) rune {
	n, _ := strconv.ParseUint(string(digits[:4]), 16, 16)
	return rune(n)
}
