package connect

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

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
	w.Header().Set("X-Content-Type-Options", "nosniff")
	link, status := h.session(w.Header(), r)
	contentType, body := "application/problem+json", map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status,
	}
	if link != nil {
		contentType, body = "application/json", map[string]any{"token": link.Token, "auth_link_url": link.AuthLinkURL}
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the browser may have gone
}

// session creates the session of a request. Without one, it returns the status that
// says why, and may set headers of the answer.
func (h *SessionHandler) session(header http.Header, r *http.Request) (*gen.ConnectSessionTokenAuthLink, int) {
	switch {
	case r.Method != http.MethodPost:
		header.Set("Allow", http.MethodPost)
		return nil, http.StatusMethodNotAllowed
	case h.Client == nil || h.Session == nil:
		return nil, http.StatusInternalServerError
	}
	if h.Timeout >= 0 {
		ctx, cancel := context.WithTimeout(r.Context(), cmp.Or(h.Timeout, 20*time.Second))
		defer cancel()
		r = r.WithContext(ctx)
	}
	request, err := h.Session(r)
	if err != nil {
		return nil, refusalStatus(err)
	}
	link, err := h.Client.ConnectSessions.Create(r.Context(), request,
		append([]client.Option{client.WithRetryPolicy(client.RetryPolicy{RetryAmbiguous: true})}, h.Options...)...)
	if err != nil {
		if h.Logger != nil {
			h.Logger.LogAttrs(r.Context(), slog.LevelWarn, "stackone session handler", slog.String("error", err.Error()))
		}
		return nil, failureStatus(header, err)
	}
	if h.Created != nil && h.Created(r.Context(), r, link) != nil {
		return nil, http.StatusInternalServerError
	}
	return link, http.StatusOK
}

// refusalStatus returns the status for an error of Session.
func refusalStatus(err error) int {
	for status, kind := range [...]error{
		400: client.ErrBadRequest, 401: client.ErrUnauthorized, 403: client.ErrForbidden, 404: client.ErrNotFound,
		408: client.ErrRequestTimedOut, 409: client.ErrConflict, 422: client.ErrUnprocessableEntity, 429: client.ErrTooManyRequests,
	} {
		if errors.Is(err, kind) { // no error is the nil of other statuses
			return status
		}
	}
	return http.StatusInternalServerError
}

// failureStatus returns the status for an error of Create.
func failureStatus(header http.Header, err error) int {
	var api *client.APIError
	switch {
	case errors.As(err, &api) && api.RetryAfter > 0 && client.Transient(err):
		header.Set("Retry-After", fmt.Sprintf("%.f", math.Ceil(api.RetryAfter.Seconds())))
		return http.StatusServiceUnavailable
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	case api != nil, errors.As(err, new(*client.TransportError)), errors.As(err, new(*client.ResponseError)):
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}
