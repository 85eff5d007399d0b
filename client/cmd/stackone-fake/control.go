package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

// controls implements the operations below /_fake/.
type controls struct{ srv *stackonetest.Server }

// control makes srv serve the page and the operations below /_fake/.
func control(srv *stackonetest.Server) {
	c := controls{srv}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.page)
	mux.HandleFunc("GET /_fake/sessions", c.show(func() any { return c.sessions() }))
	mux.HandleFunc("GET /_fake/requests", c.show(func() any { return c.requests() }))
	mux.HandleFunc("GET /_fake/faults", c.show(func() any { return c.faults() }))
	mux.HandleFunc("GET /_fake/webhooks", c.show(func() any { return c.webhooks() }))
	mux.HandleFunc("POST /_fake/sessions/{session}/{action}", c.do(c.act))
	mux.HandleFunc("POST /_fake/advance", c.do(c.advance))
	mux.HandleFunc("POST /_fake/faults", c.do(c.inject))
	mux.HandleFunc("POST /_fake/faults/clear", c.do(simple(srv.ClearFaults)))
	mux.HandleFunc("POST /_fake/rate-limit", c.do(c.limitRate))
	mux.HandleFunc("POST /_fake/reset", c.do(simple(srv.Reset)))

	mux.HandleFunc("/_fake/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, http.StatusNotFound, "not found: "+r.Method+" "+r.URL.Path)
	})

	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusForbidden, "request from another site")
	}))
	protected := protection.Handler(mux)
	guarded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !local(r.Host, srv.PublicURL) {
			writeError(w, http.StatusMisdirectedRequest, "unknown host name; set it with -public-url")
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		protected.ServeHTTP(w, r)
	})
	srv.Handle("GET /{$}", guarded)
	srv.Handle("/_fake/", guarded)
}

// local reports whether a host cannot belong to another site, which protects against DNS
// rebinding: it is an IP address, a name without a dot, a subdomain of localhost, or the
// host of the public URL.
func local(host, public string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	u, err := url.Parse(public)
	return net.ParseIP(name) != nil || !strings.Contains(name, ".") || strings.HasSuffix(name, ".localhost") ||
		err == nil && name == strings.ToLower(u.Hostname())
}

// do returns a handler for an action. It responds to a form with the page, and to any
// other request with {} or {"error": "..."}.
func (c controls) do(action func(*http.Request, *parameters) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := read(w, r)
		page := "/"
		if form(r) && p.boolean("follow") {
			page = "/?follow"
		}
		err := action(r, p)
		switch {
		case err == nil && form(r):
			http.Redirect(w, r, page, http.StatusSeeOther)
		case err == nil:
			writeJSON(w, http.StatusOK, struct{}{})
		case form(r):
			c.render(w, http.StatusBadRequest, view{Problem: err.Error()})
		default:
			writeError(w, http.StatusBadRequest, err.Error())
		}
	}
}

// simple returns an action without parameters that calls f.
func simple(f func()) func(*http.Request, *parameters) error {
	return func(_ *http.Request, p *parameters) error {
		if err := p.err(); err != nil {
			return err
		}
		f()
		return nil
	}
}

func writeError(w http.ResponseWriter, status int, problem string) {
	writeJSON(w, status, map[string]string{"error": problem})
}

func (c controls) show(value func() any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, value()) }
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // only fails if the client has disconnected
}

// find returns the session with the ID or token, nil if there is none.
func (c controls) find(idOrToken string) *stackonetest.Session {
	for _, session := range c.srv.Sessions() {
		if strconv.FormatInt(session.Details().ID, 10) == idOrToken {
			return session
		}
	}
	return c.srv.Session(idOrToken)
}

func (c controls) act(r *http.Request, p *parameters) error {
	session := c.find(r.PathValue("session"))
	if session == nil {
		return errors.New("no such session")
	}
	var act func() error
	switch name := r.PathValue("action"); name {
	case "begin":
		act = session.Begin
	case "connect":
		connection := stackonetest.Connection{
			Provider: p.text("provider"), AccountID: p.text("account_id"), NoAttempt: p.boolean("no_attempt"),
		}
		act = func() error { _, err := session.ConnectWith(connection); return err }
	case "decline":
		code, description := p.text("code"), p.text("description")
		if code == "" {
			code, description = "access_denied", cmp.Or(description, "The resource owner denied the request")
		}
		act = func() error { return session.Fail(code, description) }
	case "cancel":
		act = session.Cancel
	case "expire":
		act = session.Expire
	default:
		return fmt.Errorf("unknown action %q; use begin, connect, decline, cancel or expire", name)
	}
	if err := p.err(); err != nil {
		return err
	}
	return act()
}

// maxAhead limits how far ahead of the real time the clock can be.
const maxAhead = 10 * 365 * 24 * time.Hour

func (c controls) advance(_ *http.Request, p *parameters) error {
	p.require("by")
	by := p.duration("by")
	p.check(by <= 0, "by must be more than 0")
	p.check(time.Until(c.srv.Now().Add(by)) > maxAhead, "the clock cannot be more than ten years ahead")
	if err := p.err(); err != nil {
		return err
	}
	c.srv.Advance(by)
	return nil
}

func (c controls) limitRate(_ *http.Request, p *parameters) error {
	p.require("per_minute")
	n := p.number("per_minute")
	p.check(n < 0, "per_minute must not be negative")
	if err := p.err(); err != nil {
		return err
	}
	c.srv.LimitRate(n)
	return nil
}

func (c controls) inject(_ *http.Request, p *parameters) error {
	f := stackonetest.Fault{
		Path:       p.text("path"),
		Status:     p.number("status"),
		Times:      p.number("times"),
		Processed:  p.boolean("processed"),
		RetryAfter: p.duration("retry_after"),
		Delay:      p.duration("delay"),
		SlowBody:   p.duration("slow_body"),
		CutBody:    p.boolean("cut_body"),
		Reset: convert(p, "reset", "before or after", func(when string) (stackonetest.Reset, error) {
			if i := slices.Index(resets[:], when); i > 0 {
				return stackonetest.Reset(i), nil
			}
			return 0, errors.New("no such reset")
		}),
	}
	if _, ok := p.values["body"]; ok {
		f.Body = []byte(p.text("body"))
	}
	if err := cmp.Or(p.err(), f.Check()); err != nil {
		return err
	}
	c.srv.Inject(f)
	return nil
}

// resets are the names of the stackonetest.Reset constants.
var resets = [...]string{"", "before", "after"}
