package client

import (
	"cmp"
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
	request    *http.Request // never changed; nil: it has no method here
	repeatable bool          // it may run twice
}

// operations returns those that have a method here. Their requests are shared by all
// calls: each attempt sends a copy, with the body of its call. To have the generated
// code build a request for each call costs as much as a sixth of the call, since it
// parses the address three times.
func operations(base *url.URL) (map[string]operation, error) {
	create, err := gen.NewCreateConnectSessionRequest(base.String(), gen.ConnectSessionCreate{})
	authenticate, err2 := gen.NewAuthenticateConnectSessionRequest(base.String(), gen.ConnectSessionAuthenticate{})
	return map[string]operation{
		opCreate:       {name: opCreate, request: create},
		opAuthenticate: {name: opAuthenticate, request: authenticate, repeatable: true}, // it only reads
	}, cmp.Or(err, err2)
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
