package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// members are the values of the members that Parse reads, as JSON. One that is
// missing is nil.
type members struct {
	event, recordType, recordID, accountID, projectID, provider []byte
	originOwnerID, originOwnerName, originUsername              []byte
	setupInformation, eventDate, sentAt                         []byte
}

// named returns the field for a member's value, nil for a member that Parse does
// not read. Names are compared exactly; encoding/json ignores case.
func (m *members) named(name string) *[]byte {
	switch name {
	case "event":
		return &m.event
	case "record_type":
		return &m.recordType
	case "record_id":
		return &m.recordID
	case "account_id":
		return &m.accountID
	case "project_id":
		return &m.projectID
	case "provider":
		return &m.provider
	case "origin_owner_id":
		return &m.originOwnerID
	case "origin_owner_name":
		return &m.originOwnerName
	case "origin_username":
		return &m.originUsername
	case "setup_information":
		return &m.setupInformation
	case "event_date":
		return &m.eventDate
	case "sent_at":
		return &m.sentAt
	}
	return nil
}

// identifies reports whether two events with other values of a field may be two
// events, two accounts or two owners.
func (m *members) identifies(field *[]byte) bool {
	return field != &m.originOwnerName && field != &m.setupInformation && field != &m.sentAt
}

// read finds the members of a payload. A second member of the same name is an
// error, because another reader of the payload may use the other one.
//
// The payload is validated by encoding/json and then scanned once. Decoding it
// into a map takes twice the time, and into a struct ignores case.
func (m *members) read(payload []byte) error {
	if !utf8.Valid(payload) { // encoding/json would replace bytes, and so could turn one id into another
		return fmt.Errorf("%w: it is not UTF-8", ErrPayload)
	}
	if !json.Valid(payload) {
		return fmt.Errorf("%w: it is not JSON", ErrPayload)
	}
	i := skipSpace(payload, 0)
	if payload[i] != '{' {
		return fmt.Errorf("%w: it is not a JSON object", ErrPayload)
	}
	for i = skipSpace(payload, i+1); payload[i] != '}'; {
		end := skipValue(payload, i)
		name := payload[i+1 : end-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name = []byte(unquote(payload[i:end]))
		}
		colon := skipSpace(payload, end)
		i = skipSpace(payload, colon+1)
		end = skipValue(payload, i)
		if field := m.named(string(name)); field != nil {
			if *field != nil {
				return fmt.Errorf("%w: it has %s twice", ErrPayload, name)
			}
			*field = payload[i:end]
			if m.identifies(field) && unpaired(*field) {
				return fmt.Errorf("%w: %s has an unpaired surrogate", ErrPayload, name)
			}
		}
		if i = skipSpace(payload, end); payload[i] == ',' {
			i = skipSpace(payload, i+1)
		}
	}
	return nil
}

// skipSpace returns the index of the first byte at or after i that is not white space.
func skipSpace(text []byte, i int) int {
	for text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n' {
		i++
	}
	return i
}

// skipValue returns the index after the value at i. The text is a valid JSON object
// and the value is in it, so that something follows.
func skipValue(text []byte, i int) int {
	for depth := 0; ; {
		switch text[i] {
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		default: // a number or a word, or what separates values
			if depth == 0 {
				return i + bytes.IndexAny(text[i:], ",} \t\r\n")
			}
		}
		i++
		if depth == 0 {
			return i
		}
	}
}

// text returns a string, or a number as it is written, and "" for any other value.
func text(value []byte) string {
	switch {
	case len(value) == 0:
		return ""
	case value[0] == '"':
		return unquote(value)
	case value[0] <= '9': // a digit or a minus sign
		return string(value)
	}
	return ""
}

// unquote returns the text of a JSON string.
func unquote(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') == -1 {
		return string(quoted[1 : len(quoted)-1])
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // it is valid
	return s
}

// unpaired reports whether a JSON value is a string with half of a surrogate pair,
// for which encoding/json returns U+FFFD whichever half it is.
func unpaired(value []byte) bool {
	if value[0] != '"' {
		return false
	}
	for i := 0; i < len(value); i++ {
		if value[i] != '\\' {
			continue
		}
		i++ // at the letter
		first := escaped(value, i)
		if !utf16.IsSurrogate(first) {
			continue
		}
		if value[i+5] != '\\' || utf16.DecodeRune(first, escaped(value, i+6)) == unicode.ReplacementChar {
			return true
		}
		i += 10
	}
	return false
}

// escaped returns the code unit of the escape \uXXXX whose u is at i, 0 for
// another escape.
func escaped(value []byte, i int) rune {
	if value[i] != 'u' {
		return 0
	}
	unit, _ := strconv.ParseUint(string(value[i+1:i+5]), 16, 16)
	return rune(unit)
}
