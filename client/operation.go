package client

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/StackOneHQ/stackone-client-go/gen"
)

// The operations that have a method, by the description's operationId.
const (
	opCreate       = "create_connect_session"
	opAuthenticate = "authenticate_connect_session"
)

// operation is what is known of an operation of the API.
type operation struct {
	name     string
	request  *http.Request // never changed; nil: the operation has no method
	readOnly bool
}

// operations returns those that have a method. Their requests are shared by all
// calls: the generated code parses the address three times to build one, which costs
// as much as a sixth of a call.
func operations(base *url.URL) (map[string]operation, error) {
	create, err := gen.NewCreateConnectSessionRequest(base.String(), gen.ConnectSessionCreate{})
	authenticate, err2 := gen.NewAuthenticateConnectSessionRequest(base.String(), gen.ConnectSessionAuthenticate{})
	return map[string]operation{
		opCreate:       {name: opCreate, request: create, readOnly: readOnly(opCreate)},
		opAuthenticate: {name: opAuthenticate, request: authenticate, readOnly: readOnly(opAuthenticate)},
	}, cmp.Or(err, err2)
}

// operationOf returns the operation of a request. One without a method is named by
// its HTTP method and path.
func operationOf(operations map[string]operation, base *url.URL, req *http.Request) operation {
	for _, op := range operations {
		if req.Method == op.request.Method && req.URL.Path == op.request.URL.Path {
			return op
		}
	}
	name := req.Method + " /" + strings.TrimPrefix(req.URL.EscapedPath(), base.EscapedPath())
	return operation{name: name, readOnly: readOnly(name)}
}

// readOnly reports whether the operation of that name changes nothing: one of those
// here, or one that is named by an HTTP method that only reads.
func readOnly(name string) bool {
	method, _, named := strings.Cut(name, " ")
	return name == opAuthenticate || named &&
		(method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions)
}
