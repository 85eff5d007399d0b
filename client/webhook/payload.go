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

// members holds the values of the members that Parse reads, as JSON. A missing one is
// nil.
type members struct {
	event, recordType, recordID, accountID, projectID, provider []byte
	originOwnerID, originOwnerName, originUsername              []byte
	setupInformation, eventDate, sentAt                         []byte
}

// field returns the field for a member, nil for a member that Parse does not read.
// Names are case-sensitive, unlike in encoding/json.
func (m *members) field(name string) *[]byte {
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

// identifies reports whether a field identifies the event, its account or its owner.
func (m *members) identifies(field *[]byte) bool {
	return field != &m.originOwnerName && field != &m.setupInformation && field != &m.sentAt
}

// read finds the members of a payload. A second member of the same name is an error,
// because another reader of the payload may use the other one.
//
// encoding/json validates the payload, which is then scanned once. Decoding into a map
// would take twice the time, and decoding into a struct would ignore case.
func (m *members) read(payload []byte) error {
	if !utf8.Valid(payload) { // encoding/json would replace bytes, which could turn one ID into another
		return fmt.Errorf("%w: not UTF-8", ErrPayload)
	}
	if !json.Valid(payload) {
		return fmt.Errorf("%w: not JSON", ErrPayload)
	}
	i := skipSpace(payload, 0)
	if payload[i] != '{' {
		return fmt.Errorf("%w: not a JSON object", ErrPayload)
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
		if field := m.field(string(name)); field != nil {
			if *field != nil {
				return fmt.Errorf("%w: duplicate %s", ErrPayload, name)
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

// skipValue returns the index after the value at i, which must be inside a valid JSON
// object, so that at least one byte follows.
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
		default: // a number, a literal or a separator
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

// text returns the text of a string, the digits of a number, and "" for any other value.
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
	_ = json.Unmarshal(quoted, &s) // cannot fail
	return s
}

// unpaired reports whether a JSON value is a string with half a surrogate pair, which
// encoding/json would replace by U+FFFD.
func unpaired(value []byte) bool {
	if value[0] != '"' {
		return false
	}
	for i := 0; i < len(value); i++ {
		if value[i] != '\\' {
			continue
		}
		i++ // the letter of the escape
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

// escaped returns the code unit of the escape \uXXXX whose u is at i, or 0 for any
// other escape.
func escaped(value []byte, i int) rune {
	if value[i] != 'u' {
		return 0
	}
	unit, _ := strconv.ParseUint(string(value[i+1:i+5]), 16, 16)
	return rune(unit)
}
