package client

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/StackOneHQ/stackone-client-go/gen"
)

// The operations that have a method here, by the description's operationId.
const (
	opCreate       = "create_connect_session"
	opAuthenticate = "authenticate_connect_session"
)

// operation is what is known of an operation of the API.
type operation struct {
	name       string
	repeatable bool          // it may run twice
	request    *http.Request // nil: it has no method here
}

// operations returns those that have a method here. The generated code parses the
// address of a request three times; it therefore builds each request once, and the
// body of a call takes the place of the empty one.
func operations(base *url.URL) (map[string]operation, error) {
	create, err := gen.NewCreateConnectSessionRequest(base.String(), gen.ConnectSessionCreate{})
	authenticate, err2 := gen.NewAuthenticateConnectSessionRequest(base.String(), gen.ConnectSessionAuthenticate{})
	return map[string]operation{
		opCreate:       {opCreate, false, create},
		opAuthenticate: {opAuthenticate, true, authenticate}, // it only reads
	}, errors.Join(err, err2)
}

// operation tells what a request asks for. An operation that has no method here is
// named by its HTTP method and path.
func (s *settings) operation(req *http.Request) operation {
	for _, o := range s.operations {
		if req.Method == o.request.Method && req.URL.Path == o.request.URL.Path {
			return o
		}
	}
	return operation{
		name:       req.Method + " /" + strings.TrimPrefix(req.URL.EscapedPath(), s.base.EscapedPath()),
		repeatable: req.Method == http.MethodGet || req.Method == http.MethodHead || req.Method == http.MethodOptions,
	}
}

// shown is the operation's name. A path can hold anything.
func (o operation) shown(m mask) string {
	if o.request != nil {
		return o.name
	}
	return m.line(o.name, maxText)
}
