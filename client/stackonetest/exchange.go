package stackonetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

const maxRequestBody = 1 << 20

// serve is the server's handler.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if token, ok := strings.CutPrefix(r.URL.Path, authLinkPath); ok {
		s.serveAuthLink(w, r, token)
		return
	}
	request := Request{Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone()}
	request.Header.Del("Authorization")
	request.Header.Del("Proxy-Authorization")
	var err error
	read := func() Request {
		if request.Body == nil {
			request.Body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBody))
		}
		return request
	}

	fault := s.script.take(request, read)
	if fault.Reset == ResetBeforeReading {
		s.journal.add(request)
		reset(w)
	}
	s.journal.add(read())

	var a answer
	switch {
	case fault.Status >= http.StatusBadRequest:
		a = s.refusal(fault.Status, http.StatusText(fault.Status))
	case fault.Status != 0:
		a = answer{fault.Status, jsonHeader(), nil}
	case err != nil:
		a = s.refusal(http.StatusBadRequest, err.Error())
	default:
		a = s.answer(r, request.Body)
	}
	s.pause(fault.Delay)
	if fault.Reset == ResetAfterReading {
		reset(w)
	}
	s.send(w, a, fault)
}

// answer serves a request.
func (s *Server) answer(r *http.Request, body []byte) answer {
	if wait := s.limiter.wait(s.clock.now()); wait > 0 {
		a := s.refusal(http.StatusTooManyRequests, "Too many requests")
		a.header.Set("Retry-After", wholeSeconds(wait))
		return a
	}
	route, pathParams, err := s.spec.FindRoute(r)
	if err != nil {
		return s.refusal(http.StatusNotFound, "Cannot "+r.Method+" "+r.URL.Path)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	err = openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
		Request:    r,
		PathParams: pathParams,
		Route:      route,
		Options: &openapi3filter.Options{
			AuthenticationFunc:  s.authenticate,
			SkipSettingDefaults: true, // they come from the description, when the session is made
			KeepValidatedValue:  true,
		},
	})
	var unauthorized *openapi3filter.SecurityRequirementsError
	switch {
	case errors.As(err, &unauthorized):
		return s.refusal(http.StatusUnauthorized, "Unauthorized")
	case err != nil:
		return s.refusal(http.StatusBadRequest, invalid(err))
	case len(body) > 0 && !json.Valid(body): // the validator reads no further than the first value
		return s.refusal(http.StatusBadRequest, "the body is not JSON")
	}
	var value map[string]any
	if kept, ok := r.Body.(interface{ ValidatedValue() any }); ok {
		value, _ = kept.ValidatedValue().(map[string]any)
	}
	switch operation := route.Method + " " + route.Path; operation {
	case "POST /connect_sessions":
		return s.created(s.createSession(value), s.spec.link)
	case "POST /connect_sessions/authenticate":
		token, _ := value["token"].(string)
		session := s.Session(token)
		switch {
		case session == nil:
			return s.refusal(http.StatusNotFound, "Connect session not found")
		case session.expired():
			return s.refusal(http.StatusUnauthorized, "Connect session token has expired")
		}
		return s.created(session, s.spec.session)
	default:
		return s.refusal(http.StatusNotImplemented, "stackonetest does not serve "+operation)
	}
}

// authenticate accepts the server's key as the user name of Basic authentication,
// with an empty password. Without the colon between them it is no Basic
// authentication at all.
func (s *Server) authenticate(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	name, password, ok := in.RequestValidationInput.Request.BasicAuth()
	if !ok || name != s.key || password != "" {
		return in.NewError(nil)
	}
	return nil
}

// invalid says what is wrong with a request without showing any value of it.
func invalid(err error) string {
	var schema *openapi3.SchemaError
	if errors.As(err, &schema) {
		return strings.Join(append([]string{"body"}, schema.JSONPointer()...), ".") + ": " + schema.Reason
	}
	return err.Error()
}

func (s *Server) created(session *Session, as *openapi3.Schema) answer {
	return jsonAnswer(http.StatusCreated, session.answer(as))
}

// refusal is the documented error body. The two members that only 400 documents
// are in it for 400 only.
func (s *Server) refusal(status int, message string) answer {
	body := map[string]any{
		"statusCode": status,
		"message":    message,
		"timestamp":  stamp(s.clock.now()),
	}
	if status == http.StatusBadRequest {
		body["data"] = map[string]any{"statusCode": status, "message": message}
		body["provider_errors"] = []any{}
	}
	return jsonAnswer(status, body)
}

func jsonAnswer(status int, body map[string]any) answer {
	text, _ := json.Marshal(body) // of values that came from JSON or go into it
	return answer{status, jsonHeader(), text}
}

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json; charset=utf-8"}}
}
