// Copy from this file how a page shows changes of a connection: with server-sent events,
// even if another instance received the webhook, or by reloading without JavaScript.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// page is the data of layout.html.
type page struct {
	Customers []customer // to sign in as
	Status    *status    // nil: signed out
	Refresh   bool       // reload if there is no JavaScript
	Hub       bool       // StackOne's Hub opens in the page
	HubAPI    string     // base URL that the Hub calls

	Title, Text string // if Title is not empty, both replace the rest of the page
}

// status is the data of status.html, the part of the page that is updated.
type status struct {
	connection
	Customer customer
	Fake     bool
}

// Explanation explains an OAuth error (RFC 6749, section 4.1.2.1) to the customer.
func (c connection) Explanation() string {
	switch c.Code {
	case "access_denied":
		return "Access was denied, or your user is not allowed to grant it. Try again and allow access, or ask an administrator of your HR system."
	case "server_error", "temporarily_unavailable":
		return "Your HR system has a problem. Try again in a few minutes."
	case "invalid_request", "invalid_scope", "unauthorized_client", "unsupported_response_type":
		return "Your HR system rejected the configuration of the connection. Send the error code below to our support."
	}
	return "Your HR system returned an error during the sign-in."
}

func (a *app) showPage(w http.ResponseWriter, r *http.Request) {
	p := page{Customers: customers(), Hub: a.hubScript != "", HubAPI: a.hubAPI}
	if who, ok := a.signedIn(r); ok {
		now, err := a.store.connection(r.Context(), who.ID)
		if err != nil {
			a.showError(w, r, err)
			return
		}
		p.Status = &status{now, who, a.fake != nil}
		p.Refresh = now.State == waiting && r.URL.Query().Get("refresh") != "off"
		a.logger(now.Reference).Info("page shown", "customer", who.ID, "state", now.State)
	}
	a.render(w, http.StatusOK, p)
}

func (a *app) render(w http.ResponseWriter, status int, p page) {
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

func (a *app) showMessage(w http.ResponseWriter, status int, title, text string) {
	a.render(w, status, page{Title: title, Text: text})
}

func (a *app) showError(w http.ResponseWriter, r *http.Request, err error) {
	a.log.Error("cannot serve a request", "path", r.URL.Path, "error", err)
	a.showMessage(w, http.StatusInternalServerError, "Something went wrong", "This is our fault, not yours. Try again in a few minutes.")
}

func (a *app) notFound(w http.ResponseWriter, _ *http.Request) {
	a.showMessage(w, http.StatusNotFound, "Page not found", "The address may be outdated or mistyped.")
}

const (
	heartbeat    = 20 * time.Second       // interval of comments, which detect disconnected browsers
	pollInterval = 500 * time.Millisecond // interval of database queries, because other instances may change the status
)

// streamEvents sends the status as a server-sent event whenever it has changed. The event's
// ID is the version. The stream ends when the browser disconnects, and at shutdown.
func (a *app) streamEvents(w http.ResponseWriter, r *http.Request) {
	who, ok := a.signedIn(r)
	if !ok {
		w.WriteHeader(http.StatusUnauthorized) // browsers do not reconnect after an error status
		return
	}
	seen := cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("seen"))
	w.Header().Set("Content-Type", "text/event-stream")
	stream := http.NewResponseController(w)
	_ = stream.SetReadDeadline(time.Time{}) // no read timeout during the stream
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for polls := 0; ; polls++ {
		var message []byte
		if polls%(int(heartbeat/pollInterval)) == 0 {
			message = []byte(": connected\n\n")
		}
		now, err := a.store.connection(r.Context(), who.ID)
		if version := fmt.Sprint(now.Version); err == nil && version != seen {
			message, err = a.appendStatus(message, status{now, who, a.fake != nil})
			seen = version
			a.logger(now.Reference).Info("page updated", "customer", who.ID, "state", now.State)
		}
		if err != nil && r.Context().Err() == nil {
			a.log.Warn("cannot send the status", "customer", who.ID, "error", err)
		}
		if err != nil {
			return // the browser reconnects
		}
		if len(message) > 0 {
			_ = stream.SetWriteDeadline(time.Now().Add(10 * time.Second))
			if _, err := w.Write(message); err != nil || stream.Flush() != nil {
				return
			}
		}
		select {
		case <-poll.C:
		case <-r.Context().Done():
			return
		case <-a.ctx.Done():
			return
		}
	}
}

func (a *app) appendStatus(message []byte, s status) ([]byte, error) {
	var fragment strings.Builder
	if err := a.templates.ExecuteTemplate(&fragment, "status.html", s); err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(fragment.String()) // JSON contains no line breaks
	return fmt.Appendf(message, "event: status\nid: %d\ndata: %s\n\n", s.Version, encoded), err
}
