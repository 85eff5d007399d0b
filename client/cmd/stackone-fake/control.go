package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

// controls carry out what a request to /_fake/ asks for. Its parameters are the
// members of a JSON object or the fields of a form.
type controls struct{ srv *stackonetest.Server }

// control makes srv serve the page and /_fake/.
func control(srv *stackonetest.Server) {
	c := controls{srv}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.page)
	mux.HandleFunc("GET /_fake/sessions", c.show(func() any { return c.sessions() }))
	mux.HandleFunc("GET /_fake/requests", c.show(func() any { return c.requests() }))
	mux.HandleFunc("GET /_fake/webhooks", c.show(func() any { return c.webhooks() }))
	mux.HandleFunc("POST /_fake/sessions/{session}/{move}", c.do(c.move))
	mux.HandleFunc("POST /_fake/advance", c.do(c.advance))
	mux.HandleFunc("POST /_fake/faults", c.do(c.inject))
	mux.HandleFunc("POST /_fake/faults/clear", c.do(func(*http.Request, parameters) error { srv.ClearFaults(); return nil }))
	mux.HandleFunc("POST /_fake/rate-limit", c.do(c.limitRate))
	mux.HandleFunc("POST /_fake/reset", c.do(func(*http.Request, parameters) error { srv.Reset(); return nil }))

	own := http.NewCrossOriginProtection().Handler(mux)
	guarded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !local(r.Host, srv.PublicURL) {
			http.Error(w, "this host name is not the fake's; set it with -public-url", http.StatusMisdirectedRequest)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		own.ServeHTTP(w, r)
	})
	srv.Handle("GET /{$}", guarded)
	srv.Handle("/_fake/", guarded)
}

// local reports whether a host is one that no other site can make a browser take
// for its own: an address, a name without a dot or below localhost, or the host of
// the public URL.
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

// parameters are those of a request.
type parameters map[string]any

func read(w http.ResponseWriter, r *http.Request) (parameters, error) {
	p := parameters{}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if form(r) {
		err := r.ParseForm()
		for name := range r.PostForm {
			if value := r.PostForm.Get(name); value != "" {
				p[name] = value
			}
		}
		return p, err
	}
	if r.ContentLength == 0 {
		return p, nil
	}
	d := json.NewDecoder(r.Body)
	d.UseNumber()
	return p, d.Decode(&p)
}

// form reports whether the page sent the request.
func form(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// take returns a parameter as text, and removes it.
func (p parameters) take(name string) string {
	value, ok := p[name]
	delete(p, name)
	if !ok || value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// parsed is take for other types than text.
func parsed[T any](p parameters, name string, as func(string) (T, error), errs *[]error) (value T) {
	text := p.take(name)
	if text == "" {
		return value
	}
	value, err := as(text)
	if err != nil {
		*errs = append(*errs, fmt.Errorf("%s: %w", name, err))
	}
	return value
}

// rest returns an error that names the parameters which nobody has taken.
func (p parameters) rest() error {
	for name := range p {
		return fmt.Errorf("there is no parameter %q here", name)
	}
	return nil
}

// do makes a handler of an action. The page is shown again after a form; otherwise
// the answer is {} or {"error": "..."}.
func (c controls) do(action func(*http.Request, parameters) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := read(w, r)
		if err == nil {
			err = action(r, p)
		}
		switch {
		case err == nil && form(r):
			http.Redirect(w, r, "/", http.StatusSeeOther)
		case err == nil:
			writeJSON(w, http.StatusOK, struct{}{})
		case form(r):
			c.render(w, http.StatusBadRequest, view{Problem: err.Error()})
		default:
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		}
	}
}

func (c controls) show(value func() any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, value()) }
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // fails only when the client has gone
}

// find returns the session with the id or token.
func (c controls) find(idOrToken string) *stackonetest.Session {
	for _, session := range c.srv.Sessions() {
		if strconv.FormatInt(session.Details().ID, 10) == idOrToken {
			return session
		}
	}
	return c.srv.Session(idOrToken)
}

func (c controls) move(r *http.Request, p parameters) error {
	session := c.find(r.PathValue("session"))
	if session == nil {
		return errors.New("there is no such session")
	}
	var errs []error
	connection := stackonetest.Connection{Provider: p.take("provider"), AccountID: p.take("account_id")}
	connection.NoAttempt = parsed(p, "no_attempt", strconv.ParseBool, &errs)
	code, description := p.take("code"), p.take("description")
	if err := errors.Join(append(errs, p.rest())...); err != nil {
		return err
	}
	switch move := r.PathValue("move"); move {
	case "begin":
		return session.Begin()
	case "connect":
		_, err := session.ConnectWith(connection)
		return err
	case "decline":
		if code == "" {
			code, description = "access_denied", "The resource owner denied the request"
		}
		return session.Fail(code, description)
	case "cancel":
		return session.Cancel()
	case "expire":
		return session.Expire()
	default:
		return fmt.Errorf("there is no move %q; choose begin, connect, decline, cancel or expire", move)
	}
}

func (c controls) advance(_ *http.Request, p parameters) error {
	by, err := time.ParseDuration(p.take("by"))
	if err := errors.Join(err, p.rest()); err != nil {
		return err
	}
	c.srv.Advance(by)
	return nil
}

func (c controls) limitRate(_ *http.Request, p parameters) error {
	n, err := strconv.Atoi(p.take("per_minute"))
	if err := errors.Join(err, p.rest()); err != nil {
		return err
	}
	c.srv.LimitRate(n)
	return nil
}

func (c controls) inject(_ *http.Request, p parameters) error {
	var errs []error
	f := stackonetest.Fault{
		Status:     parsed(p, "status", strconv.Atoi, &errs),
		Times:      parsed(p, "times", strconv.Atoi, &errs),
		Processed:  parsed(p, "processed", strconv.ParseBool, &errs),
		RetryAfter: parsed(p, "retry_after", time.ParseDuration, &errs),
		Delay:      parsed(p, "delay", time.ParseDuration, &errs),
		SlowBody:   parsed(p, "slow_body", time.ParseDuration, &errs),
		CutBody:    parsed(p, "cut_body", strconv.ParseBool, &errs),
		Reset: parsed(p, "reset", func(when string) (stackonetest.Reset, error) {
			switch when {
			case "before":
				return stackonetest.ResetBeforeReading, nil
			case "after":
				return stackonetest.ResetAfterReading, nil
			}
			return 0, errors.New("choose before or after")
		}, &errs),
	}
	if body := p.take("body"); body != "" {
		f.Body = []byte(body)
	}
	if path := p.take("path"); path != "" {
		f.When = func(r stackonetest.Request) bool { return r.Path == path }
	}
	if err := errors.Join(append(errs, p.rest(), f.Check())...); err != nil {
		return err
	}
	c.srv.Inject(f)
	return nil
}
