package gen

import (
	"errors"
	"strconv"
)

// PathParam is a parameter in the path of an operation, such as the ID of an
// account. Operations refuse one that is empty, "." or ".." before anything is
// sent: it would make the request another operation's.
type PathParam string

// MarshalText returns the parameter as it is sent, before it is escaped.
func (p PathParam) MarshalText() ([]byte, error) {
	switch p {
	case "", ".", "..":
		return nil, errors.New("the path parameter " + strconv.Quote(string(p)) + " would lead to another path")
	}
	return []byte(p), nil
}
