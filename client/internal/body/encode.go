// Package body checks requests and decodes answers, so that no text is silently changed
// and no session lost to a member that cannot be read.
package body

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// CheckUTF8 returns an error when encoding/json has replaced bytes of v that are not
// UTF-8, which could turn one customer's ID into another's. encoded is v as JSON.
func CheckUTF8(v any, encoded []byte) error {
	switch {
	case !utf8.Valid(encoded) || !sound(encoded): // from a MarshalJSON
	case !bytes.Contains(encoded, []byte("\ufffd")) && !bytes.Contains(encoded, []byte(`\ufffd`)):
		return nil
	case validText(reflect.ValueOf(v)):
		return nil
	}
	if s := reflect.ValueOf(v); s.Kind() == reflect.Struct {
		for i := range s.NumField() {
			if !validText(s.Field(i)) {
				name, _, _ := strings.Cut(s.Type().Field(i).Tag.Get("json"), ",")
				return fmt.Errorf("%s is not valid UTF-8", name)
			}
		}
	}
	return errors.New("it is not valid UTF-8")
}

// validText reports whether all text in v is UTF-8.
func validText(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return utf8.ValidString(v.String())
	case reflect.Pointer, reflect.Interface:
		return v.IsNil() || validText(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && !validText(v.Field(i)) {
				return false
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if !validText(it.Key()) || !validText(it.Value()) {
				return false
			}
		}
	case reflect.Slice, reflect.Array:
		if raw, ok := reflect.TypeAssert[json.RawMessage](v); ok {
			return utf8.Valid(raw) && sound(raw)
		}
		for i := range v.Len() {
			if !validText(v.Index(i)) {
				return false
			}
		}
	}
	return true
}
