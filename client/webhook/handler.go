package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
)

// maxPayload is far above an account event, which is about a kilobyte.
const maxPayload = 1 << 20

// NewHandler returns the endpoint that StackOne posts to. It gives f each event
// whose signature is that of one of the secrets, and answers with an empty body:
//
//	200  f returned nil
//	400  the payload is not an event, or did not arrive whole
//	401  the signature is missing, wrong, or not the only one
//	405  the method is not POST
//	413  the payload is larger than 1 MiB
//	500  f returned an error
//
// f runs before the answer, so that an event is acknowledged only once it is
// safe: return nil when it is stored, or of no interest, and an error to have
// StackOne know that it was not taken. StackOne wants its answer quickly: put
// slow work in a queue ([Event.Raw] is what to put there) and return. The context
// is the request's and ends when StackOne hangs up.
//
// Nothing is logged, and f's error is not sent: log it in f, and refused
// deliveries in middleware. A panic of f is not caught here: it reaches your
// middleware, or net/http, which logs it and answers nothing, and the event counts
// as not taken. f must be safe for concurrent use.
//
// NewHandler fails if a secret is empty or there is none ([ErrSecret]), and if f
// is nil. Time limits for reading a request are those of your http.Server.
func NewHandler(secrets []string, f func(context.Context, Event) error) (http.Handler, error) {
	if err := checkSecrets(secrets); err != nil {
		return nil, err
	}
	if f == nil {
		return nil, errors.New("stackone: webhook: the function that takes the events is nil")
	}
	secrets = slices.Clone(secrets)
	// A closure, because no formatting of the handler can reach the secrets in it.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(receive(w, r, secrets, f))
	}), nil
}

// receive returns the status to answer with.
func receive(w http.ResponseWriter, r *http.Request, secrets []string, f func(context.Context, Event) error) int {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed
	}
	signatures := r.Header.Values(SignatureHeader)
	if len(signatures) != 1 { // of several, another reader of the request could trust another one
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
