package gen

import (
	"errors"
	"strconv"
)

// PathParam is a parameter in the path of an operation, such as the ID of an account.
// Operations reject an empty one, "." and ".." before anything is sent, because the
// request would be for another path.
type PathParam string

// MarshalText returns the parameter before it is escaped. It fails for a parameter that is
// rejected.
func (p PathParam) MarshalText() ([]byte, error) {
	switch p {
	case "", ".", "..":
		return nil, errors.New("the path parameter " + strconv.Quote(string(p)) + " would lead to another path")
	}
	return []byte(p), nil
}
