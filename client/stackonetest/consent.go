package stackonetest

import (
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"sync"

	"github.com/StackOneHQ/stackone-client-go/gen"
)

// authLinkPath and a token are the path of a session's auth link.
const authLinkPath = "/auth_link/"

//go:embed consent.html
var consentHTML string

var consentPage = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("consent").Parse(consentHTML))
})

// consent is what the page shows.
type consent struct {
	Title   string
	Text    string
	Buttons bool
	Pick    bool // the customer picks the provider
}

// serveAuthLink shows the consent page and takes its answer. Reading it changes
// nothing: programs that preview links read them too.
func (s *Server) serveAuthLink(w http.ResponseWriter, r *http.Request, token string) {
	session := s.Session(token)
	switch {
	case session == nil:
		showConsent(w, http.StatusNotFound, consent{Title: "No such link", Text: "Ask for a new one."})
		return
	case session.expired():
		showConsent(w, http.StatusGone, consent{Title: "This link has expired", Text: "Ask for a new one."})
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		showConsent(w, http.StatusOK, session.consent())
	case http.MethodPost:
		r.Body = http.MaxBytesReader(w, r.Body, maxRequestBody)
		if err := session.decide(r.PostFormValue("decision"), r.PostFormValue("provider")); err != nil {
			showConsent(w, http.StatusBadRequest, consent{Title: "That did not work", Text: err.Error()})
			return
		}
		http.Redirect(w, r, r.URL.Path, http.StatusSeeOther) //nolint:gosec // the path of a session that was found
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		showConsent(w, http.StatusMethodNotAllowed, consent{Title: "This is a page to read"})
	}
}

// decide moves the session on by a button of the page.
func (s *Session) decide(decision, provider string) error {
	switch decision {
	case "connect":
		_, err := s.ConnectWith(Connection{Provider: provider})
		return err
	case "decline":
		return s.Cancel()
	default:
		return errors.New("the decision is neither connect nor decline")
	}
}

// consent describes the session for the page.
func (s *Session) consent() consent {
	details := s.Details()
	provider := details.Provider
	if provider == "" {
		provider = "an account"
	}
	ask := consent{
		Title:   "Connect " + provider,
		Text:    "This connects " + provider + " for " + details.OriginOwnerName + ".",
		Buttons: true,
		Pick:    details.Provider == "",
	}
	attempt := details.LatestConnectionAttempt
	if attempt == nil {
		return ask
	}
	switch attempt.Status {
	case gen.AttemptStatusAuthenticated:
		return consent{Title: "Connected", Text: "You can close this page."}
	case gen.AttemptStatusCancelled:
		ask.Text = "You declined. You can change your mind."
	case gen.AttemptStatusError:
		ask.Text = "The last attempt failed: " + attempt.OAuthErrorCode + " " + attempt.OAuthErrorDescription
	}
	return ask
}

// showConsent writes the page, which nothing may keep, frame or add to, and whose
// address, which is a secret, goes nowhere.
func showConsent(w http.ResponseWriter, status int, c consent) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = consentPage().Execute(w, c) // fails only when the browser has gone
}
