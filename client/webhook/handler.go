package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
)

// maxPayload limits the size of a payload. An account event has about a kilobyte.
const maxPayload = 1 << 20

// NewHandler returns a handler for the endpoint that StackOne posts to. It calls f for
// each event that was signed with one of the secrets, and responds with an empty body
// and the status
//
//	200  if f returned nil
//	400  if the payload is not an event or is incomplete
//	401  if the signature is missing or wrong, or there is more than one
//	405  if the method is not POST
//	413  if the payload is larger than 1 MiB
//	500  if f returned an error
//
// f runs before the response is sent, so an event is acknowledged only after it has been
// processed. f should return nil if the event is stored or not needed, and an error if it
// could not be processed. StackOne expects a quick response: put slow work in a queue,
// with [Event.Raw], and return. The context of f is the request's, and is cancelled when
// StackOne closes the connection.
//
// The handler logs nothing and does not send the error of f: log errors in f, and
// rejected deliveries in middleware. It does not recover from a panic of f, which
// reaches your middleware or net/http. f must be safe for concurrent use.
//
// The secrets are copied. To change them without a restart, replace the handler, or use
// [Verify] and [Parse].
//
// NewHandler returns an error if f is nil, and an error that matches [ErrSecret] if there
// is no secret or one is empty. The timeouts for reading a request are those of your
// http.Server.
func NewHandler(secrets []string, f func(context.Context, Event) error) (http.Handler, error) {
	if err := checkSecrets(secrets); err != nil {
		return nil, err
	}
	if f == nil {
		return nil, errors.New("stackone: webhook: the function that receives events is nil")
	}
	secrets = slices.Clone(secrets)
	// A closure, because no fmt verb prints the secrets in it.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(receive(w, r, secrets, f))
	}), nil
}

// receive returns the status of the response.
func receive(w http.ResponseWriter, r *http.Request, secrets []string, f func(context.Context, Event) error) int {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed
	}
	signatures := r.Header.Values(SignatureHeader)
	if len(signatures) != 1 { // middleware might have checked another one
		return http.StatusUnauthorized
	}
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge
	}
	if err != nil {
		return http.StatusBadRequest
	}
	if Verify(payload, signatures[0], secrets...) != nil {
		return http.StatusUnauthorized
	}
	event, err := Parse(payload)
	if err != nil {
		return http.StatusBadRequest
	}
	if f(r.Context(), event) != nil {
		return http.StatusInternalServerError
	}
	return http.StatusOK
}
