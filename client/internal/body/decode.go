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
)

// Decode reads a session from a body, whatever its Content-Type. A session exists
// whether or not all of it can be read, so members that do not fit their Go type are
// left zero and named in dropped. A name in unique must also be the only one of its
// spelling, whatever the case: encoding/json would take the last.
func Decode[T any](body []byte, unique []string) (result *T, dropped []string, err error) {
	result = new(T)
	if json.Unmarshal(body, result) == nil && unambiguous(body, unique) {
		return result, nil, nil
	}
	members, err := split(body)
	if err != nil {
		return nil, nil, err
	}
	result = new(T)
	dropped = fill(reflect.ValueOf(result).Elem(), members, unique)
	return result, dropped, nil
}

// unambiguous reports whether encoding/json has certainly replaced nothing in what it
// decoded, and taken no other member for one in unique. It allocates nothing.
func unambiguous(body []byte, unique []string) bool {
	if !utf8.Valid(body) || bytes.Contains(body, []byte(`\u`)) ||
		bytes.ContainsAny(body, "\u017f\u212a") { // fold to s and k
		return false
	}
	for _, name := range unique {
		if count(body, name) > 1 {
			return false
		}
	}
	return true
}

// count returns how often a quoted name occurs, in whatever case.
func count(body []byte, name string) (n int) {
	for {
		_, rest, ok := bytes.Cut(body, []byte{'"'})
		if !ok {
			return n
		}
		if len(rest) > len(name) && rest[len(name)] == '"' && bytes.EqualFold(rest[:len(name)], []byte(name)) {
			n++
		}
		body = rest
	}
}

type member struct {
	name  string
	value json.RawMessage
}

// split returns the members of a JSON object. Its errors quote nothing of the body.
func split(body []byte) ([]member, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	var value json.RawMessage
	switch err := decoder.Decode(&value); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("unexpected end of JSON input")
	case err != nil, !json.Valid(body):
		return nil, errors.New("it is not JSON")
	case !bytes.HasPrefix(value, []byte{'{'}):
		return nil, errors.New("it is not a JSON object")
	}
	var members []member
	decoder = json.NewDecoder(bytes.NewReader(value))
	_, _ = decoder.Token() // {; the syntax has been checked
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
func fill(result reflect.Value, members []member, unique []string) (dropped []string) {
	for i := range result.NumField() {
		name, _, _ := strings.Cut(result.Type().Field(i).Tag.Get("json"), ",")
		named := slices.DeleteFunc(slices.Clone(members), func(m member) bool { return !strings.EqualFold(m.name, name) })
		if len(named) == 0 {
			continue
		}
		field, value := result.Field(i), named[len(named)-1].value
		if !(len(named) > 1 && slices.Contains(unique, name)) && sound(value) && json.Unmarshal(value, field.Addr().Interface()) == nil {
			continue
		}
		field.SetZero()
		dropped = append(dropped, salvage(field, name, value)...)
	}
	return dropped
}

// salvage sets what fits of an object behind a pointer, which is the latest attempt:
// a customer has connected even when the time of it cannot be read.
func salvage(field reflect.Value, name string, value json.RawMessage) (dropped []string) {
	members, err := split(value)
	if err != nil || field.Kind() != reflect.Pointer {
		return []string{name}
	}
	field.Set(reflect.New(field.Type().Elem()))
	for _, inner := range fill(field.Elem(), members, nil) {
		if inner == "status" {
			dropped = append(dropped, name+"."+inner)
		} else {
			dropped = append(dropped, name)
		}
	}
	return slices.Compact(dropped)
}

// sound reports whether encoding/json replaces nothing in a value: it has neither
// bytes that are not UTF-8 nor the escape of half a surrogate pair.
func sound(value []byte) bool {
	if !utf8.Valid(value) {
		return false
	}
	for i := 0; i < len(value); i++ {
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

func escaped(digits []byte) rune {
	n, _ := strconv.ParseUint(string(digits[:4]), 16, 16)
	return rune(n)
}
