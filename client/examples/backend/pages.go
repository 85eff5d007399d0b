package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
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
	Seen      string // stands for Status: another one means that it has changed
	Refresh   bool   // for a browser without JavaScript
	Hub       bool   // StackOne's Hub opens in the page
	StackOne  string // the base URL for the Hub; empty: the service's
}

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
	p := page{Customers: customers(), Hub: a.hubScript != ""}
	if a.fake != nil {
		p.StackOne = a.fake.URL
	}
	if who, ok := a.signedIn(r); ok {
		now, _ := a.connections.get(who.ID)
		fragment, seen, err := a.renderStatus(who, now)
		if err != nil {
			a.failPage(w, err)
			return
		}
		p.Customer, p.Status, p.Seen = &who, template.HTML(fragment), seen //nolint:gosec // a template has rendered it
		p.Refresh = now.State == waiting && r.URL.Query().Get("refresh") != "off"
	}
	var out bytes.Buffer
	if err := a.templates.ExecuteTemplate(&out, "layout.html", p); err != nil {
		a.failPage(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(out.Bytes())
}

func (a *app) failPage(w http.ResponseWriter, err error) {
	a.log.Error("cannot show a page", "error", err)
	http.Error(w, "Something went wrong. Try again later.", http.StatusInternalServerError)
}

// renderStatus returns the part of the page that changes, and what stands for it.
func (a *app) renderStatus(who customer, now connection) (fragment []byte, seen string, err error) {
	var out bytes.Buffer
	err = a.templates.ExecuteTemplate(&out, "status.html", status{connection: now, Customer: who, Fake: a.fake != nil})
	sum := sha256.Sum256(out.Bytes())
	return out.Bytes(), hex.EncodeToString(sum[:8]), err
}

// heartbeat is how often a silent stream is written to, which finds browsers that
// have gone without a word.
const heartbeat = 20 * time.Second

// streamEvents sends the status whenever it has changed, as server-sent events
// whose id stands for the status that a page shows. It ends when the browser
// leaves and when the application ends.
func (a *app) streamEvents(w http.ResponseWriter, r *http.Request) {
	who, ok := a.signedIn(r)
	if !ok {
		w.WriteHeader(http.StatusUnauthorized) // the browser does not come back
		return
	}
	seen := r.URL.Query().Get("seen")
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		seen = id
	}
	w.Header().Set("Content-Type", "text/event-stream")
	stream := http.NewResponseController(w)
	_ = stream.SetReadDeadline(time.Time{}) // a stream outlives the server's limits
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	message := []byte(": connected\n\n")
	for {
		now, changed := a.connections.get(who.ID)
		fragment, id, err := a.renderStatus(who, now)
		if err != nil {
			a.log.Error("cannot show a status", "error", err)
			return
		}
		if id != seen {
			encoded, err := json.Marshal(string(fragment)) // one line, whatever is in it
			if err != nil {
				return
			}
			message = fmt.Appendf(message, "event: status\nid: %s\ndata: %s\n\n", id, encoded)
			seen = id
		}
		if len(message) > 0 {
			_ = stream.SetWriteDeadline(time.Now().Add(10 * time.Second))
			if _, err := w.Write(message); err != nil || stream.Flush() != nil { //nolint:gosec // JSON of what a template has rendered
				return
			}
		}
		message = nil
		select {
		case <-changed:
		case <-beat.C:
			message = []byte(": still here\n\n")
		case <-r.Context().Done():
			return
		case <-a.ctx.Done():
			return
		}
	}
}
