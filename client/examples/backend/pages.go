// Copy from this file how a page follows a connection: server-sent events, also when
// another instance has taken the webhook, and a page that reloads without JavaScript.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"time"
)

// page is what layout.html shows.
type page struct {
	Customer  *customer  // nil: signed out
	Customers []customer // to sign in as
	Status    template.HTML
	Seen      int64  // the version that Status shows
	Refresh   bool   // for a browser without JavaScript
	Hub       bool   // StackOne's Hub opens in the page
	HubAPI    string // what it calls instead of StackOne
	Problem   *problem
}

// problem is shown instead of what was asked for.
type problem struct{ Title, Text string }

// status is what status.html shows.
type status struct {
	connection
	Customer customer
	Fake     bool
}

func parseTemplates() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{
		"clock":   func(t time.Time) string { return t.UTC().Format("15:04:05") },
		"date":    func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
		"rfc3339": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"explain": explain,
	}).ParseFS(files, "templates/*.html")
}

// explain says what the OAuth errors of RFC 6749, section 4.1.2.1, mean to a customer.
func explain(code string) string {
	switch code {
	case "access_denied":
		return "The sign-in was refused, or your user may not give access. Try again and allow it, or ask an administrator of your HR system."
	case "server_error", "temporarily_unavailable":
		return "Your HR system has a problem. Try again in a few minutes."
	case "invalid_request", "invalid_scope", "unauthorized_client", "unsupported_response_type":
		return "Your HR system does not accept the connection as it is set up. Tell our support the code below."
	}
	return "Your HR system ended the sign-in."
}

func (a *app) showPage(w http.ResponseWriter, r *http.Request) {
	p := page{Customers: customers(), Hub: a.hubScript != "", HubAPI: a.hubAPI}
	if who, ok := a.signedIn(r); ok {
		now, err := a.store.connection(r.Context(), who.ID)
		if err != nil {
			a.failPage(w, r, err)
			return
		}
		fragment, err := a.renderStatus(who, now)
		if err != nil {
			a.failPage(w, r, err)
			return
		}
		p.Customer, p.Status, p.Seen = &who, template.HTML(fragment), now.Version //nolint:gosec // a template has rendered it
		p.Refresh = now.State == waiting && r.URL.Query().Get("refresh") != "off"
		a.correlated(now.Reference).Info("page shown", "customer", who.ID, "state", now.State)
	}
	a.render(w, r, http.StatusOK, p)
}

func (a *app) render(w http.ResponseWriter, r *http.Request, status int, p page) {
	var out bytes.Buffer
	if err := a.templates.ExecuteTemplate(&out, "layout.html", p); err != nil {
		a.log.Error("cannot render a page", "error", err)
		http.Error(w, "Something went wrong. Try again later.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(out.Bytes())
}

func (a *app) showProblem(w http.ResponseWriter, r *http.Request, status int, title, text string) {
	a.render(w, r, status, page{Problem: &problem{title, text}})
}

func (a *app) failPage(w http.ResponseWriter, r *http.Request, err error) {
	a.log.Error("cannot show a page", "path", r.URL.Path, "error", err)
	a.showProblem(w, r, http.StatusInternalServerError, "Something went wrong", "This is our fault, not yours. Try again in a few minutes.")
}

func (a *app) notFound(w http.ResponseWriter, r *http.Request) {
	a.showProblem(w, r, http.StatusNotFound, "There is no such page", "The address may be old, or mistyped.")
}

// renderStatus returns the part of the page that changes.
func (a *app) renderStatus(who customer, now connection) ([]byte, error) {
	var out bytes.Buffer
	err := a.templates.ExecuteTemplate(&out, "status.html", status{connection: now, Customer: who, Fake: a.fake != nil})
	return out.Bytes(), err
}

const (
	// heartbeat is how often a silent stream is written to, which finds browsers that
	// have gone without a word.
	heartbeat = 20 * time.Second

	// lookInterval is how often a stream looks for what another instance has changed.
	// With many open pages, use PostgreSQL's LISTEN instead.
	lookInterval = time.Second
)

// streamEvents sends the status whenever it has changed, as server-sent events
// whose id is the version of the status. It ends when the browser leaves and when the
// application ends.
func (a *app) streamEvents(w http.ResponseWriter, r *http.Request) {
	who, ok := a.signedIn(r)
	if !ok {
		w.WriteHeader(http.StatusUnauthorized) // the browser does not come back
		return
	}
	seen := cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("seen"))
	w.Header().Set("Content-Type", "text/event-stream")
	stream := http.NewResponseController(w)
	_ = stream.SetReadDeadline(time.Time{}) // a stream outlives the server's limits
	beat, look := time.NewTicker(heartbeat), time.NewTicker(lookInterval)
	defer beat.Stop()
	defer look.Stop()
	message := []byte(": connected\n\n")
	for {
		changed := a.store.changes()
		now, err := a.store.connection(r.Context(), who.ID)
		if id := fmt.Sprint(now.Version); err == nil && id != seen {
			message, err = a.appendStatus(message, who, now)
			seen = id
			a.correlated(now.Reference).Info("page updated", "customer", who.ID, "state", now.State)
		}
		if err != nil && r.Context().Err() == nil {
			a.log.Error("cannot show a status", "customer", who.ID, "error", err)
		}
		if len(message) > 0 {
			_ = stream.SetWriteDeadline(time.Now().Add(10 * time.Second))
			if _, err := w.Write(message); err != nil || stream.Flush() != nil { //nolint:gosec // JSON of what a template has rendered
				return
			}
		}
		if err != nil {
			return // the browser comes back
		}
		message = nil
		select {
		case <-changed:
		case <-look.C:
		case <-beat.C:
			message = []byte(": still here\n\n")
		case <-r.Context().Done():
			return
		case <-a.ctx.Done():
			return
		}
	}
}

func (a *app) appendStatus(message []byte, who customer, now connection) ([]byte, error) {
	fragment, err := a.renderStatus(who, now)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(string(fragment)) // one line, whatever is in it
	return fmt.Appendf(message, "event: status\nid: %d\ndata: %s\n\n", now.Version, encoded), err
}
