package stackonetest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/internal/description"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

const (
	createPath       = "/connect_sessions"
	authenticatePath = "/connect_sessions/authenticate"
)

// acme is a request with only the required members.
var acme = gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme"}

const acmeJSON = `{"origin_owner_id":"acme","origin_owner_name":"Acme"}`

// described returns a router for the operations of an API description with its closed
// enums.
func described(doc *openapi3.T, err error) routers.Router {
	if err != nil {
		panic(err)
	}
	doc.Servers = nil
	doc.OpenAPI = "3.1.0"                                                      // as in upstream's file
	router, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation()) // some examples of upstream are invalid
	doc.OpenAPI = "3.0.3"                                                      // because 3.1 has no nullable
	if err != nil {
		panic(err)
	}
	return router
}

// strict is the description that the server uses. upstream is the one that StackOne
// publishes, without this module's corrections.
var (
	strict   = sync.OnceValue(func() routers.Router { return described(description.GetSpec()) })
	upstream = sync.OnceValue(func() routers.Router {
		return described(openapi3.NewLoader().LoadFromFile("../../openapi/connect-sessions.yaml"))
	})
)

// reply is a response whose body has been read.
type reply struct {
	*http.Response
	body []byte
}

func (r reply) object(t *testing.T) map[string]any {
	t.Helper()
	var object map[string]any
	require.NoError(t, json.Unmarshal(r.body, &object), "%s", r.body)
	return object
}

// conforms fails the test if the response does not conform to both descriptions.
func (r reply) conforms(t *testing.T) {
	t.Helper()
	route, params, err := strict().FindRoute(r.Request)
	require.NoError(t, err)
	r.allowedBy(t, route, params)
	if route, params, err := upstream().FindRoute(r.Request); err == nil { // upstream does not describe authenticate
		r.allowedBy(t, route, params)
	}
}

func (r reply) allowedBy(t *testing.T, route *routers.Route, params map[string]string) {
	t.Helper()
	err := openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r.Request, PathParams: params, Route: route},
		Status:                 r.StatusCode,
		Header:                 r.Header,
		Body:                   io.NopCloser(bytes.NewReader(r.body)),
		Options:                &openapi3filter.Options{IncludeResponseStatus: true},
	})
	assert.NoError(t, err)
}

func basic(credentials string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
}

// call sends a request like StackOne's TypeScript SDK 4.28.0. header overrides its header
// fields; a nil value removes a field.
func call(t *testing.T, srv *stackonetest.Server, method, path, body string, header http.Header) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header = http.Header{
		"Accept":          {"application/json"},
		"Accept-Language": {"*"},
		"Authorization":   {basic(srv.APIKey + ":")},
		"Content-Type":    {"application/json"},
		"Cookie":          {""},
		"Sec-Fetch-Mode":  {"cors"},
		"User-Agent":      {"speakeasy-sdk/typescript 4.28.0 2.721.3 1.0.0 @stackone/stackone-client-ts"},
	}
	for name, values := range header {
		if req.Header[name] = values; values == nil {
			delete(req.Header, name)
		}
	}
	res, err := srv.HTTPClient().Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return reply{res, text}
}

func post(t *testing.T, srv *stackonetest.Server, path, body string) reply {
	t.Helper()
	return call(t, srv, http.MethodPost, path, body, nil)
}

// create creates a session.
func create(t *testing.T, srv *stackonetest.Server, body gen.ConnectSessionCreate) *stackonetest.Session {
	t.Helper()
	link, err := srv.Client().ConnectSessions.Create(t.Context(), body)
	require.NoError(t, err)
	session := srv.Session(link.Token)
	require.NotNil(t, session)
	return session
}

// authenticate requests a session with its token.
func authenticate(t *testing.T, srv *stackonetest.Server, session *stackonetest.Session) *gen.ConnectSession {
	t.Helper()
	got, err := srv.Client().ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: session.Details().Token})
	require.NoError(t, err)
	return got
}

// once returns a client that does not retry.
func once(srv *stackonetest.Server) *client.Client {
	return srv.Client(client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}))
}
