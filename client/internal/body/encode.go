// Package body checks requests and decodes answers, so that no text is silently changed
// and no session lost to a member that cannot be read.
package body

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// CheckUTF8 returns an error for an encoded request in which encoding/json has
// replaced invalid bytes, which could turn one customer's ID into another's. It
// writes the escape \ufffd only for those.
func CheckUTF8(body []byte) error {
	if utf8.Valid(body) && !replaced(body) {
		return nil
	}
	var members map[string]json.RawMessage
	_ = json.Unmarshal(body, &members)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if value := members[name]; !utf8.Valid(value) || replaced(value) {
			return fmt.Errorf("%s is not valid UTF-8", name)
		}
	}
	return errors.New("it is not valid UTF-8")
}

// replaced reports whether JSON contains the escape \ufffd.
func replaced(body []byte) bool {
	escape := []byte(`\ufffd`)
	for {
		head, rest, ok := bytes.Cut(body, escape)
		if !ok {
			return false
		}
		if backslashes := len(head) - len(bytes.TrimRight(head, `\`)); backslashes%2 == 0 {
			return true
		}
		body = rest
	}
}
