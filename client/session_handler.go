package client

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/StackOneHQ/stackone-client-go/gen"
)

// NewSessionHandler returns the endpoint of your backend that the page with
// StackOne's Hub asks for a token. It answers POST with the JSON
// {"token": ..., "auth_link_url": ...} of a new session, and Cache-Control:
// no-store.
//
// session says whom the session is for. It must take the owner from the
// application's own sign-in: the handler never reads the request's body, because
// a customer who could choose the owner could claim another customer's account.
// When it returns an error that is ErrUnauthorized, ErrForbidden or another kind
// of this package below 500, the answer has that status; any other error is a 500.
//
// When StackOne does not answer with a session, the answer is 502, or 503 with
// Retry-After when it asked to wait, or 504 when it took too long. Answers that are
// errors are application/problem+json (RFC 9457) and say nothing of their causes. A
// client with a logger ([WithLogger]) logs why it has no session, at level Warn; what
// session returns is not logged: do that in session. Against requests from other
// sites, wrap the handler in [http.CrossOriginProtection].
func NewSessionHandler(c *Client, session func(*http.Request) (gen.ConnectSessionCreate, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		switch {
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			problem(w, http.StatusMethodNotAllowed)
			return
		case c == nil || session == nil:
			problem(w, http.StatusInternalServerError)
			return
		}
		request, err := session(r)
		if err != nil {
			problem(w, statusOfRefusal(err))
			return
		}
		link, err := c.ConnectSessions.Create(r.Context(), request)
		if err != nil {
			if s := c.settings; s != nil && s.logger != nil {
				s.logger.LogAttrs(r.Context(), slog.LevelWarn, "stackone session handler", slog.String("error", err.Error()))
			}
			status, retryAfter := statusOfFailure(err)
			if retryAfter > 0 {
				w.Header().Set("Retry-After", strconv.FormatInt(int64(math.Ceil(retryAfter.Seconds())), 10))
			}
			problem(w, status)
			return
		}
		writeJSON(w, http.StatusOK, "application/json", map[string]string{
			"token": link.Token, "auth_link_url": link.AuthLinkURL,
		})
	})
}

// statusOfRefusal is the status for an error of the application's.
func statusOfRefusal(err error) int {
	for _, k := range []error{
		ErrBadRequest, ErrUnauthorized, ErrForbidden, ErrNotFound, ErrRequestTimedOut, ErrConflict,
		ErrUnprocessableEntity, ErrTooManyRequests,
	} {
		if errors.Is(err, k) {
			return int(k.(kind)) //nolint:errorlint // k is one of the above
		}
	}
	return http.StatusInternalServerError
}

// statusOfFailure is the status for an error of Create's, and how long to wait.
func statusOfFailure(err error) (status int, retryAfter time.Duration) {
	var (
		api       *APIError
		transport *TransportError
		response  *ResponseError
	)
	switch {
	case errors.As(err, &api) && api.RetryAfter > 0 && mayPass(err):
		return http.StatusServiceUnavailable, api.RetryAfter
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, 0
	case api != nil, errors.As(err, &transport), errors.As(err, &response):
		return http.StatusBadGateway, 0
	}
	return http.StatusInternalServerError, 0
}

func problem(w http.ResponseWriter, status int) {
	writeJSON(w, status, "application/problem+json", map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status,
	})
}

func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a browser that has gone away
}
