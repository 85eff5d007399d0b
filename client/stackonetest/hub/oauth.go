package hub

import (
	_ "embed"
	"html/template"
	"net/http"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("page").Parse(pageHTML))

// view is what a page shows.
type view struct {
	Title, Text string
	Buttons     bool
}

func (h *hub) begin(_ *http.Request, session *stackonetest.Session) (any, error) {
	if err := session.Begin(); err != nil {
		return nil, err
	}
	return map[string]any{"id": session.Details().LatestConnectionAttempt.ID}, nil
}

func (h *hub) attempt(r *http.Request, session *stackonetest.Session) (any, error) {
	answer := map[string]any{"status": gen.AttemptStatusCancelled, "account": nil, "error": nil}
	a := session.Details().LatestConnectionAttempt
	if a == nil || a.ID != r.PathValue("id") {
		return answer, nil // a later attempt took its place
	}
	answer["status"] = a.Status
	if a.AccountSecureID != "" {
		answer["account"] = map[string]any{"id": a.AccountSecureID}
	}
	if a.OAuthErrorCode != "" {
		answer["error"] = map[string]any{"code": a.OAuthErrorCode, "description": a.OAuthErrorDescription}
	}
	return answer, nil
}

func (h *hub) cancel(r *http.Request, session *stackonetest.Session) (any, error) {
	if !pending(session, r.PathValue("id")) {
		return nil, nil //nolint:nilnil // nothing to do, and nothing to answer
	}
	return nil, session.Cancel()
}

// pending reports whether the session's latest attempt is this one, and not over.
func pending(session *stackonetest.Session, attempt string) bool {
	a := session.Details().LatestConnectionAttempt
	return a != nil && a.ID == attempt && a.Status == gen.AttemptStatusPending
}

// signIn is the provider's page, which the Hub opens in a pop-up for OAuth.
func (h *hub) signIn(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	session, attempt := h.srv.Session(query.Get("token")), query.Get("connection_attempt_id")
	c, err := h.find(r.PathValue("id"))
	if err != nil || !h.live(session) || !pending(session, attempt) {
		show(w, http.StatusGone, view{Title: "This attempt to connect is over", Text: "Close this window and begin again in the Hub."})
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		show(w, http.StatusOK, view{
			Title: c.Name, Text: "Allow StackOne to read the data of " + session.Details().OriginOwnerName + "?", Buttons: true,
		})
		return
	case http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		show(w, http.StatusMethodNotAllowed, view{Title: "This is a page to read"})
		return
	}
	credentials := c.pick(query.Get)
	var id string
	if refused := c.check(credentials); refused != nil {
		err = session.Fail("invalid_client", refused.Error())
	} else if r.PostFormValue("decision") == "allow" {
		id, err = session.ConnectWith(stackonetest.Connection{Provider: c.Provider})
	} else {
		err = session.Fail("access_denied", "The resource owner denied the request")
	}
	if err != nil {
		show(w, http.StatusConflict, view{Title: "That did not work", Text: err.Error()})
		return
	}
	if id != "" {
		h.remember(id, credentials)
	}
	// Not to the query's redirect_uri: it may be anywhere.
	http.Redirect(w, r, h.srv.PublicURL+callbackPath, http.StatusSeeOther)
}

// callback is where the pop-up ends. The Hub closes it.
func callback(w http.ResponseWriter, _ *http.Request) {
	show(w, http.StatusOK, view{Title: "Done", Text: "You can close this window."})
}

func show(w http.ResponseWriter, status int, v view) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = page.Execute(w, v) // fails only when the browser has gone
}
