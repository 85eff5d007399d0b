// Package body checks the bodies of requests and decodes those of responses, so that no
// text is changed silently and no session is lost because one member cannot be read.
package body

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// CheckUTF8 returns an error if encoding/json replaced invalid UTF-8 in a request, which
// must be a struct: a replacement could turn one customer's ID into another's. The
// replacement is U+FFFD, escaped in version 1 and literal in version 2. CheckUTF8 searches
// the request for invalid strings only if encoded contains it.
func CheckUTF8(request any, encoded []byte) error {
	whole := utf8.Valid(encoded) && sound(encoded) // false only if a json.Marshaler wrote it
	if whole && !bytes.Contains(encoded, []byte(`\ufffd`)) && !bytes.Contains(encoded, []byte("\ufffd")) {
		return nil
	}
	for v, i := reflect.ValueOf(request), 0; i < v.NumField(); i++ {
		if !valid(v.Field(i)) {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			return fmt.Errorf("%s is not valid UTF-8", name)
		}
	}
	if !whole {
		return errors.New("the encoded request is not valid UTF-8")
	}
	return nil
}

// valid reports whether every string that encoding/json encodes from a value is valid
// UTF-8. The value has been encoded before, so it has no cycles.
func valid(v reflect.Value) bool {
	if !v.IsValid() || !v.CanInterface() { // nil; an unexported field
		return true
	}
	if kind := v.Kind(); kind == reflect.Interface || kind == reflect.Pointer && v.IsNil() {
		return valid(v.Elem())
	}
	switch m := v.Interface().(type) {
	case json.Marshaler:
		text, _ := m.MarshalJSON()
		return utf8.Valid(text) && sound(text)
	case encoding.TextMarshaler:
		text, _ := m.MarshalText()
		return utf8.Valid(text)
	}
	switch v.Kind() {
	case reflect.String:
		return utf8.ValidString(v.String())
	case reflect.Pointer:
		return valid(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if !valid(v.Index(i)) {
				return false
			}
		}
	case reflect.Map:
		for entry := v.MapRange(); entry.Next(); {
			if !valid(entry.Key()) || !valid(entry.Value()) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" && !valid(v.Field(i)) {
				return false
			}
		}
	}
	return true
}
