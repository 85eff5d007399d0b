package stackonetest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/internal/redact"
)

const maxRequestBody = 1 << 20

// serve handles all requests.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Request-Id", s.names.request())
	h.Set("Date", s.clock.now().UTC().Format(http.TimeFormat))
	if token, ok := strings.CutPrefix(r.URL.Path, authLinkPath); ok {
		s.serveAuthLink(w, r, token)
	} else if _, pattern := s.mux.Handler(r); pattern != "" {
		s.serveOther(w, r, pattern)
	} else {
		s.serveAPI(w, r)
	}
}

// serveAPI serves API requests and requests with an unknown path.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	request := Request{
		Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header.Clone(),
		Time: s.clock.now(), ID: w.Header().Get("X-Request-Id"),
	}
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
	if fault.Reset != ResetBeforeReading {
		read()
	}
	entry := s.journal.add(request)
	var a response
	if fault.Reset != ResetBeforeReading {
		a = fault.alter(s.process(r, request.Body, err, fault))
		s.pause(fault.Delay)
	}
	if fault.Reset != 0 {
		a = response{reason: "connection reset by an injected fault"}
	}
	s.logRequest(r.Context(), s.journal.setResponse(entry, a, w.Header()), began)
	if fault.Reset != 0 {
		reset(w)
	}
	s.send(w, a, fault)
}

// process serves the request unless the fault replaces the response.
func (s *Server) process(r *http.Request, body []byte, bodyErr error, fault Fault) (a response) {
	if fault.Status == 0 || fault.Processed {
		if bodyErr != nil {
			a = s.errorResponse(http.StatusBadRequest, bodyErr.Error())
		} else {
			a = s.respond(r, body)
		}
	}
	switch {
	case fault.Status >= http.StatusBadRequest:
		a = s.errorResponse(fault.Status, http.StatusText(fault.Status))
	case fault.Status != 0:
		a = response{Response: Response{Status: fault.Status, Header: jsonHeader()}}
	}
	if fault.Status != 0 {
		a.reason = "injected fault"
	}
	return a
}

// logRequest logs a request after its response is known, without keys and tokens that
// the path may contain.
func (s *Server) logRequest(ctx context.Context, r Request, began time.Time) {
	if s.log == nil {
		return
	}
	known := s.redactor(r.Path + r.Reason)
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", known.Text(r.Path)), slog.Int("status", r.Response.Status),
		slog.String("request_id", r.ID), slog.Duration("took", time.Since(began)),
	}
	if r.Reason != "" {
		attrs = append(attrs, slog.String("reason", known.Text(r.Reason)))
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
}

// redactor returns a redactor of those secrets of the server that text contains.
func (s *Server) redactor(text string) redact.Redactor {
	secrets := []string{s.apiKey}
	for _, session := range s.Sessions() {
		for _, secret := range []string{session.token, session.trigger} {
			if strings.Contains(text, secret) {
				secrets = append(secrets, secret)
			}
		}
	}
	return redact.New(secrets...)
}

// serveOther serves a request for a handler of Handle. It logs the pattern instead of
// the path, which may contain a secret.
func (s *Server) serveOther(w http.ResponseWriter, r *http.Request, pattern string) {
	if s.log == nil {
		s.mux.ServeHTTP(w, r)
		return
	}
	status := &statusWriter{w, http.StatusOK}
	s.mux.ServeHTTP(status, r)
	s.log.DebugContext(r.Context(), "other request", "method", r.Method, "pattern", pattern, "status", status.status)
}

// statusWriter records the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is used by http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
