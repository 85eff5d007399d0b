package stackonetest

import (
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"sync"

	"github.com/StackOneHQ/stackone-client-go/gen"
)

// authLinkPath precedes the token in the path of an auth link.
const authLinkPath = "/auth_link/"

//go:embed consent.html
var consentHTML string

var consentPage = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("consent").Parse(consentHTML))
})

// consent holds the contents of the page.
type consent struct {
	Title   string
	Text    string
	Buttons bool
	Pick    bool // ask for the provider
}

// serveAuthLink shows the consent page and handles its form. GET changes nothing,
// because programs that preview links also send it.
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
			showConsent(w, http.StatusBadRequest, consent{Title: "The connection failed", Text: err.Error()})
			return
		}
		http.Redirect(w, r, r.URL.Path, http.StatusSeeOther) //nolint:gosec // the path of a session that was found
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		showConsent(w, http.StatusMethodNotAllowed, consent{Title: "Method not allowed"})
	}
}

// decide applies the decision that the customer made on the page.
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
	page := consent{
		Title:   "Connect " + provider,
		Text:    "This connects " + provider + " for " + details.OriginOwnerName + ".",
		Buttons: true,
		Pick:    details.Provider == "",
	}
	attempt := details.LatestConnectionAttempt
	if attempt == nil {
		return page
	}
	switch attempt.Status {
	case gen.AttemptStatusAuthenticated:
		return consent{Title: "Connected", Text: "You can close this page."}
	case gen.AttemptStatusCancelled:
		page.Text = "You declined. You can change your mind."
	case gen.AttemptStatusError:
		page.Text = "The last attempt failed: " + attempt.OAuthErrorCode + " " + attempt.OAuthErrorDescription
	}
	return page
}

// showConsent writes the page. Its headers forbid caching, framing and scripts, and keep
// its URL, which is a secret, out of Referer headers.
func showConsent(w http.ResponseWriter, status int, c consent) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = consentPage().Execute(w, c) // only fails if the browser has disconnected
}
