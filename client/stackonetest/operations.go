package stackonetest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// respond returns the response to an API request.
func (s *Server) respond(r *http.Request, body []byte) response {
	if wait := s.limiter.wait(s.clock.now()); wait > 0 {
		a := s.errorResponse(http.StatusTooManyRequests, "Too many requests")
		a.Header.Set("Retry-After", wholeSeconds(wait))
		return a
	}
	if s.spec.err != nil {
		return s.errorResponse(http.StatusInternalServerError, s.spec.err.Error())
	}
	route, params := s.spec.find(r)
	if route == nil {
		return s.errorResponse(http.StatusNotFound, "Cannot "+r.Method+" "+r.URL.Path)
	}
	if reason := s.unauthorized(r.Header.Get("Authorization")); reason != "" {
		a := s.errorResponse(http.StatusUnauthorized, "Unauthorized")
		if reason == noColon {
			a = s.errorResponse(http.StatusUnauthorized, "Unauthorized: "+noColon)
		}
		a.reason = reason
		return a
	}
	value, faults := s.validate(r, route, params, body)
	if len(faults) > 0 {
		return s.errorResponse(http.StatusBadRequest, strings.Join(faults, "; "))
	}
	switch operation := route.Method + " " + route.Path; operation {
	case "POST /connect_sessions":
		return s.created(s.createSession(value), s.spec.link)
	case "POST /connect_sessions/authenticate":
		token, _ := value["token"].(string)
		session := s.Session(token)
		switch {
		case session == nil:
			return s.errorResponse(http.StatusNotFound, "Connect session not found")
		case session.expired():
			return s.errorResponse(http.StatusUnauthorized, "Connect session token has expired")
		}
		return s.created(session, s.spec.session)
	default:
		return s.errorResponse(http.StatusNotImplemented, "stackonetest does not serve "+operation)
	}
}

func (s *Server) created(session *Session, as *openapi3.Schema) response {
	return jsonResponse(http.StatusCreated, session.body(as))
}

const noColon = "the Authorization header has no colon after the API key"

// unauthorized returns why an Authorization header is rejected. It returns "" for the
// server's key as the user name of Basic authentication with an empty password.
// StackOne's documentation requires the colon after the key, which is often forgotten.
func (s *Server) unauthorized(header string) string {
	scheme, encoded, _ := strings.Cut(header, " ")
	credentials, err := base64.StdEncoding.DecodeString(encoded)
	name, password, colon := strings.Cut(string(credentials), ":")
	switch {
	case header == "":
		return "the request has no Authorization header"
	case !strings.EqualFold(scheme, "Basic") || err != nil:
		return "the Authorization header does not use Basic authentication"
	case name != s.apiKey:
		return "the API key is not the key of this server"
	case !colon:
		return noColon
	case password != "":
		return "the password after the API key is not empty"
	}
	return ""
}

// validate returns the body of a request, and a text for each violation of the API
// description or of the option Strict.
func (s *Server) validate(
	r *http.Request, route *routers.Route, params map[string]string, body []byte,
) (map[string]any, []string) {
	r.Body = io.NopCloser(bytes.NewReader(body))
	err := openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
		Request:    r,
		PathParams: params,
		Route:      route,
		Options: &openapi3filter.Options{
			AuthenticationFunc:  openapi3filter.NoopAuthenticationFunc,
			SkipSettingDefaults: true, // createSession sets them
			KeepValidatedValue:  true,
			MultiError:          true,
		},
	})
	faults := violations(err)
	if err == nil && len(body) > 0 && !json.Valid(body) { // the validator only reads the first value
		faults = append(faults, "the body is not JSON")
	}
	if s.strict && route.Operation.RequestBody != nil {
		var value any
		media := route.Operation.RequestBody.Value.Content.Get("application/json")
		if media != nil && json.Unmarshal(body, &value) == nil {
			faults = append(faults, unknownMembers(media.Schema.Value, value, "body")...)
		}
	}
	slices.Sort(faults)
	var value map[string]any
	if kept, ok := r.Body.(interface{ ValidatedValue() any }); ok {
		value, _ = kept.ValidatedValue().(map[string]any)
	}
	return value, faults
}

// violations describes what is wrong with a request without showing its values.
func violations(err error) []string {
	if err == nil {
		return nil
	}
	if several, ok := err.(openapi3.MultiError); ok { //nolint:errorlint // its As only finds the first error
		var faults []string
		for _, err := range several {
			faults = append(faults, violations(err)...)
		}
		return faults
	}
	if request, ok := err.(*openapi3filter.RequestError); ok { //nolint:errorlint // as above
		if several, ok := request.Err.(openapi3.MultiError); ok { //nolint:errorlint // as above
			return violations(several)
		}
	}
	var schema *openapi3.SchemaError
	if errors.As(err, &schema) {
		return []string{strings.Join(append([]string{"body"}, schema.JSONPointer()...), ".") + ": " + schema.Reason}
	}
	return []string{err.Error()}
}

// unknownMembers lists the members of a value that its schema does not have. A schema
// without properties allows every member.
func unknownMembers(schema *openapi3.Schema, value any, path string) (faults []string) {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			if ref := schema.Properties[name]; ref != nil {
				faults = append(faults, unknownMembers(ref.Value, member, path+"."+name)...)
			} else if len(schema.Properties) > 0 {
				faults = append(faults, path+": the API description has no member "+strconv.Quote(name))
			}
		}
	case []any:
		for i, item := range value {
			if schema.Items != nil {
				faults = append(faults, unknownMembers(schema.Items.Value, item, path+"."+strconv.Itoa(i))...)
			}
		}
	}
	return faults
}
