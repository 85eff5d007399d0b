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

// view holds the contents of a page.
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
	body := map[string]any{"status": gen.AttemptStatusCancelled, "account": nil, "error": nil}
	a := session.Details().LatestConnectionAttempt
	if a == nil || a.ID != r.PathValue("id") {
		return body, nil // a later attempt has replaced it
	}
	body["status"] = a.Status
	if a.AccountSecureID != "" {
		body["account"] = map[string]any{"id": a.AccountSecureID}
	}
	if a.OAuthErrorCode != "" {
		body["error"] = map[string]any{"code": a.OAuthErrorCode, "description": a.OAuthErrorDescription}
	}
	return body, nil
}

func (h *hub) cancel(r *http.Request, session *stackonetest.Session) (any, error) {
	if !pending(session, r.PathValue("id")) {
		return nil, nil //nolint:nilnil // nothing to cancel, and an empty response
	}
	return nil, session.Cancel()
}

// pending reports whether the attempt is the session's latest one and still pending.
func pending(session *stackonetest.Session, attempt string) bool {
	a := session.Details().LatestConnectionAttempt
	return a != nil && a.ID == attempt && a.Status == gen.AttemptStatusPending
}

// signIn serves the provider's page, which the Hub opens in a pop-up for OAuth.
func (h *hub) signIn(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	session, attempt := h.srv.Session(query.Get("token")), query.Get("connection_attempt_id")
	c, err := h.find(r.PathValue("id"))
	if err != nil || !h.live(session) || !pending(session, attempt) {
		show(w, http.StatusGone, view{
			Title: "This connection attempt has ended", Text: "Close this window and try again in the Hub.",
		})
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		show(w, http.StatusOK, view{
			Title:   c.Name,
			Text:    "Allow StackOne to read the data of " + session.Details().OriginOwnerName + "?",
			Buttons: true,
		})
		return
	case http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		show(w, http.StatusMethodNotAllowed, view{Title: "Method not allowed"})
		return
	}
	credentials := c.pick(query.Get)
	var id string
	if rejected := c.check(credentials); rejected != nil {
		err = session.Fail("invalid_client", rejected.Error())
	} else if r.PostFormValue("decision") == "allow" {
		id, err = session.ConnectWith(stackonetest.Connection{Provider: c.Provider})
	} else {
		err = session.Fail("access_denied", "The resource owner denied the request")
	}
	if err != nil {
		show(w, http.StatusConflict, view{Title: "The connection failed", Text: err.Error()})
		return
	}
	if id != "" {
		h.remember(id, credentials)
	}
	// Ignore the query's redirect_uri, which may be any URL.
	http.Redirect(w, r, h.srv.PublicURL+callbackPath, http.StatusSeeOther)
}

// callback serves the last page of the pop-up. The Hub then closes the pop-up.
func callback(w http.ResponseWriter, _ *http.Request) {
	show(w, http.StatusOK, view{Title: "Done", Text: "You can close this window."})
}

func show(w http.ResponseWriter, status int, v view) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = page.Execute(w, v) // only fails if the browser has disconnected
}
