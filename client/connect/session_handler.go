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

// SessionHandler is the endpoint of your backend from which the page with StackOne's Hub
// gets a token. It creates a session for each POST, and responds with Cache-Control:
// no-store and the status
//
//	200  with the JSON {"token": ..., "auth_link_url": ...} of the session
//	405  if the method is not POST
//	500  if Session or Created failed, or the request for a session is invalid, for
//	     example because a required field is missing
//	502  if the call to StackOne failed in another way than the next two
//	503  with Retry-After, if StackOne asked to wait
//	504  if the call to StackOne took too long
//
// An error of Session can set another status. Error responses are
// application/problem+json (RFC 9457) and do not include the cause.
//
// To protect against requests from other sites, wrap the handler in
// [http.CrossOriginProtection]. Do not modify the fields while it serves requests.
type SessionHandler struct {
	// Client creates the sessions. It is required; if it is nil, the status is 500.
	Client *client.Client

	// Session returns the session to create for a request. It is required; if it is nil,
	// the status is 500. It must take the owner from your application's own sign-in,
	// because a customer who could choose the owner could claim another customer's
	// account. The handler itself never reads the request's body.
	//
	// If its error matches client.ErrUnauthorized, client.ErrForbidden or another kind
	// of client.APIError below 500, the response has that status; for any other error
	// the status is 500. The handler does not log these errors.
	Session func(*http.Request) (gen.ConnectSessionCreate, error)

	// Created, if not nil, receives the session before the browser does, for example
	// to store it or to start waiting for it. If it returns an error, the status is
	// 500, and the session expires unused. The handler does not log its errors.
	Created func(context.Context, *http.Request, *gen.ConnectSessionTokenAuthLink) error

	// Timeout limits Session, the call to StackOne and Created together, through the
	// context that each receives. Zero means 20 s; a negative value means no limit.
	// Keep it below the server's WriteTimeout: after that, the browser gets no
	// response, and the session is lost.
	Timeout time.Duration

	// Options apply to each call to StackOne. Leave out client.WithResponse, since all
	// requests would share its Response.
	//
	// By default, client.RetryPolicy{RetryAmbiguous: true} replaces the client's retry
	// policy, so a call is retried even if a session may already exist. That is
	// harmless here: nobody has the token of a session whose response was lost, so it
	// expires unused. To use another policy, pass client.WithRetryPolicy.
	Options []client.Option

	// Logger, if not nil, receives a record at level Warn with the error if the call to
	// StackOne fails.
	Logger *slog.Logger
}

// ServeHTTP creates a session and responds with its token.
func (h *SessionHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	link, status := h.createSession(w.Header(), r)
	contentType, body := "application/problem+json", map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status,
	}
	if link != nil {
		contentType, body = "application/json", map[string]any{"token": link.Token, "auth_link_url": link.AuthLinkURL}
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails if the browser has disconnected
}

// createSession returns the session of a request and the status of the response. For an
// error it returns no session, and may add to the header of the response.
func (h *SessionHandler) createSession(header http.Header, r *http.Request) (*gen.ConnectSessionTokenAuthLink, int) {
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
		return nil, sessionErrorStatus(err)
	}
	link, err := h.Client.ConnectSessions.Create(r.Context(), request,
		append([]client.Option{client.WithRetryPolicy(client.RetryPolicy{RetryAmbiguous: true})}, h.Options...)...)
	if err != nil {
		if h.Logger != nil {
			h.Logger.LogAttrs(r.Context(), slog.LevelWarn, "stackone session handler", slog.String("error", err.Error()))
		}
		return nil, createErrorStatus(header, err)
	}
	if h.Created != nil && h.Created(r.Context(), r, link) != nil {
		return nil, http.StatusInternalServerError
	}
	return link, http.StatusOK
}

// sessionErrorStatus returns the status for an error of Session.
func sessionErrorStatus(err error) int {
	for status, target := range [...]error{
		400: client.ErrBadRequest, 401: client.ErrUnauthorized, 403: client.ErrForbidden, 404: client.ErrNotFound,
		408: client.ErrRequestTimedOut, 409: client.ErrConflict,
		422: client.ErrUnprocessableEntity, 429: client.ErrTooManyRequests,
	} {
		if errors.Is(err, target) { // never true for the nil entries in between
			return status
		}
	}
	return http.StatusInternalServerError
}

// createErrorStatus returns the status for an error of Create, and may set Retry-After.
func createErrorStatus(header http.Header, err error) int {
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
