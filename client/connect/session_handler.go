package connect

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

const defaultTimeout = 20 * time.Second

// SessionHandler is the endpoint of your backend that the page with StackOne's Hub
// asks for a token. It answers POST with the JSON {"token": ..., "auth_link_url": ...}
// of a new session and Cache-Control: no-store. Its fields must not change while it
// serves.
//
// When no session can be created, the answer is 502, or 503 with Retry-After if
// StackOne asked to wait, or 504 if it took too long. Error answers are
// application/problem+json (RFC 9457) and do not include the cause. To protect
// against requests from other sites, wrap the handler in
// [http.CrossOriginProtection].
type SessionHandler struct {
	// Client creates the sessions. It is required: without it, the answer is 500.
	Client *client.Client

	// Session returns whom the session is for. It is required: without it, the
	// answer is 500. It must take the owner from the application's own sign-in. The
	// handler never reads the request's body, because a customer who could choose the
	// owner could claim another customer's account.
	//
	// When it returns an error that is client.ErrUnauthorized, client.ErrForbidden or
	// another kind of that package below 500, the answer has that status; any other
	// error is answered with 500. The handler does not log these errors.
	Session func(*http.Request) (gen.ConnectSessionCreate, error)

	// Created, if not nil, receives the session before the browser does, for example
	// to store it or to start waiting for it. When it returns an error, the answer is
	// 500, and the session expires unused. The handler does not log its errors.
	Created func(context.Context, *http.Request, *gen.ConnectSessionTokenAuthLink) error

	// Timeout limits Session, the call to StackOne and Created together, through the
	// context that each is given. 0 is 20 s; negative is no limit. Keep it below the
	// server's WriteTimeout: past that the browser gets no answer, and a session that
	// was created is lost.
	Timeout time.Duration

	// Options apply to each call to StackOne.
	//
	// By default a call has client.RetryPolicy{RetryAmbiguous: true} instead of the
	// client's policy, so it is repeated even when a session may already exist. That
	// is safe here: nobody has the token of a session whose answer was lost, and it
	// expires unused. A client.WithRetryPolicy here replaces it.
	Options []client.Option

	// Logger, if not nil, receives a record at level Warn when no session could be
	// created, with the reason.
	Logger *slog.Logger
}

// ServeHTTP answers a request for a token.
func (h *SessionHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		writeProblem(w, http.StatusMethodNotAllowed)
		return
	case h.Client == nil || h.Session == nil:
		writeProblem(w, http.StatusInternalServerError)
		return
	}
	if h.Timeout >= 0 {
		timeout := h.Timeout
		if timeout == 0 {
			timeout = defaultTimeout
		}
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		r = r.WithContext(ctx)
	}
	request, err := h.Session(r)
	if err != nil {
		writeProblem(w, refusalStatus(err))
		return
	}
	link, err := h.create(r.Context(), request)
	if err != nil {
		if h.Logger != nil {
			h.Logger.LogAttrs(r.Context(), slog.LevelWarn, "stackone session handler", slog.String("error", err.Error()))
		}
		status, retryAfter := failureStatus(err)
		if retryAfter > 0 {
			w.Header().Set("Retry-After", strconv.FormatInt(int64(math.Ceil(retryAfter.Seconds())), 10))
		}
		writeProblem(w, status)
		return
	}
	if h.Created != nil {
		if err := h.Created(r.Context(), r, link); err != nil {
			writeProblem(w, http.StatusInternalServerError)
			return
		}
	}
	writeJSON(w, http.StatusOK, "application/json", map[string]string{
		"token": link.Token, "auth_link_url": link.AuthLinkURL,
	})
}

func (h *SessionHandler) create(ctx context.Context, request gen.ConnectSessionCreate) (*gen.ConnectSessionTokenAuthLink, error) {
	opts := []client.Option{client.WithRetryPolicy(client.RetryPolicy{RetryAmbiguous: true})}
	return h.Client.ConnectSessions.Create(ctx, request, append(opts, h.Options...)...)
}

// refusalStatus returns the status for an error of Session.
func refusalStatus(err error) int {
	for _, kind := range []struct {
		err    error
		status int
	}{
		{client.ErrBadRequest, http.StatusBadRequest},
		{client.ErrUnauthorized, http.StatusUnauthorized},
		{client.ErrForbidden, http.StatusForbidden},
		{client.ErrNotFound, http.StatusNotFound},
		{client.ErrRequestTimedOut, http.StatusRequestTimeout},
		{client.ErrConflict, http.StatusConflict},
		{client.ErrUnprocessableEntity, http.StatusUnprocessableEntity},
		{client.ErrTooManyRequests, http.StatusTooManyRequests},
	} {
		if errors.Is(err, kind.err) {
			return kind.status
		}
	}
	return http.StatusInternalServerError
}

// failureStatus returns the status for an error of Create, and how long to wait.
func failureStatus(err error) (status int, retryAfter time.Duration) {
	var (
		api       *client.APIError
		transport *client.TransportError
		response  *client.ResponseError
	)
	switch {
	case errors.As(err, &api) && api.RetryAfter > 0 && client.Transient(err):
		return http.StatusServiceUnavailable, api.RetryAfter
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, 0
	case api != nil, errors.As(err, &transport), errors.As(err, &response):
		return http.StatusBadGateway, 0
	}
	return http.StatusInternalServerError, 0
}

func writeProblem(w http.ResponseWriter, status int) {
	writeJSON(w, status, "application/problem+json", map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status,
	})
}

func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the browser may have gone
}
