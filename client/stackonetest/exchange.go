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

// serve is the server's handler.
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

// serveAPI serves a request of the API, or what looks like one.
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
	var a answer
	if fault.Reset != ResetBeforeReading {
		a = fault.alter(s.usual(r, request.Body, err, fault))
		s.pause(fault.Delay)
	}
	if fault.Reset != 0 {
		a = answer{reason: "connection reset by an injected fault"}
	}
	s.logRequest(r.Context(), s.journal.answered(entry, a, w.Header()), began)
	if fault.Reset != 0 {
		reset(w)
	}
	s.send(w, a, fault)
}

// usual serves the request, unless the fault answers in its place.
func (s *Server) usual(r *http.Request, body []byte, bodyErr error, fault Fault) (a answer) {
	if fault.Status == 0 || fault.Processed {
		if bodyErr != nil {
			a = s.refusal(http.StatusBadRequest, bodyErr.Error())
		} else {
			a = s.answer(r, body)
		}
	}
	switch {
	case fault.Status >= http.StatusBadRequest:
		a = s.refusal(fault.Status, http.StatusText(fault.Status))
	case fault.Status != 0:
		a = answer{Answer: Answer{Status: fault.Status, Header: jsonHeader()}}
	}
	if fault.Status != 0 {
		a.reason = "injected fault"
	}
	return a
}

// logRequest logs a request that has its answer, without the key and tokens that a
// client put into the path.
func (s *Server) logRequest(ctx context.Context, r Request, began time.Time) {
	if s.log == nil {
		return
	}
	known := s.known(r.Path + r.Reason)
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", known.Text(r.Path)), slog.Int("status", r.Answer.Status),
		slog.String("request_id", r.ID), slog.Duration("took", time.Since(began)),
	}
	if r.Reason != "" {
		attrs = append(attrs, slog.String("reason", known.Text(r.Reason)))
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
}

// known returns a redactor of the server's secrets that the text holds.
func (s *Server) known(text string) redact.Redactor {
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

// serveOther serves a request that is none of the API. The log has its pattern,
// since its path may hold a secret.
func (s *Server) serveOther(w http.ResponseWriter, r *http.Request, pattern string) {
	if s.log == nil {
		s.mux.ServeHTTP(w, r)
		return
	}
	status := &statusWriter{w, http.StatusOK}
	s.mux.ServeHTTP(status, r)
	s.log.DebugContext(r.Context(), "other request", "method", r.Method, "pattern", pattern, "status", status.status)
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
