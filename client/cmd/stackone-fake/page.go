package main

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"clock": func(t time.Time) string { return t.UTC().Format("15:04:05") },
	"date":  func(t time.Time) string { return t.UTC().Format("2 Jan 15:04:05") },
}).Parse(pageHTML))

// session is a session as shown by the page and the control API.
type session struct {
	ID        int64                            `json:"id"`
	OwnerID   string                           `json:"origin_owner_id"`
	OwnerName string                           `json:"origin_owner_name"`
	Provider  string                           `json:"provider"`
	Account   string                           `json:"account_id"`
	Attempt   *gen.ConnectSessionLatestAttempt `json:"latest_connection_attempt"`
	CreatedAt time.Time                        `json:"created_at"`
	ExpiresAt time.Time                        `json:"expires_at"`
	Expired   bool                             `json:"expired"`
	AuthLink  string                           `json:"auth_link_url"`
}

// Status returns the state of the session in one word.
func (s session) Status() string {
	switch {
	case s.Attempt != nil:
		return string(s.Attempt.Status)
	case s.Account != "":
		return "connected"
	default:
		return "new"
	}
}

func (c controls) sessions() []session {
	all := []session{}
	for _, s := range c.srv.Sessions() {
		d := s.Details()
		account, _ := s.Edits("")
		all = append(all, session{
			ID: d.ID, OwnerID: d.OriginOwnerID, OwnerName: d.OriginOwnerName, Provider: d.Provider, Account: account,
			Attempt: d.LatestConnectionAttempt, CreatedAt: d.CreatedAt, ExpiresAt: s.ExpiresAt().UTC(),
			Expired: !c.srv.Now().Before(s.ExpiresAt()), AuthLink: d.AuthLinkURL,
		})
	}
	return all
}

// request is a request as shown by the page and the control API.
type request struct {
	ID       string    `json:"id"`
	Time     time.Time `json:"time"`
	Method   string    `json:"method"`
	Path     string    `json:"path"`
	Query    string    `json:"query"`
	Body     string    `json:"body"`
	Status   int       `json:"status"` // 0 without a response
	Response string    `json:"response"`
	Reason   string    `json:"reason"` // why it was rejected
}

func (c controls) requests() []request {
	all := []request{}
	for _, r := range c.srv.Requests() {
		all = append(all, request{
			r.ID, r.Time.UTC(), r.Method, r.Path, r.Query.Encode(), string(r.Body),
			r.Response.Status, string(r.Response.Body), r.Reason,
		})
	}
	return all
}

// delivery is a webhook as shown by the page and the control API.
type delivery struct {
	Body     string    `json:"body"`
	Received bool      `json:"received"`
	Done     bool      `json:"done"`
	Attempts []attempt `json:"attempts"`
}

type attempt struct {
	Time     time.Time `json:"time"`
	Status   int       `json:"status"` // 0 without a response
	Response string    `json:"response"`
	Error    string    `json:"error"`
}

func (c controls) webhooks() []delivery {
	all := []delivery{}
	for _, d := range c.srv.Deliveries() {
		entry := delivery{Body: string(d.Body), Received: d.Received(), Done: d.Done, Attempts: []attempt{}}
		for _, a := range d.Attempts {
			failure := ""
			if a.Err != nil {
				failure = a.Err.Error()
			}
			entry.Attempts = append(entry.Attempts, attempt{a.Time.UTC(), a.Status, string(a.Body), failure})
		}
		all = append(all, entry)
	}
	return all
}

// faults are the active faults as shown by the page and the control API.
type faults struct {
	Pending   []fault `json:"faults"`
	RateLimit int     `json:"rate_limit"` // requests a minute; 0 means no limit
}

// fault has the parameters of POST /_fake/faults.
type fault struct {
	Status     int     `json:"status,omitempty"`
	Times      int     `json:"times"` // remaining; negative means always
	Path       string  `json:"path,omitempty"`
	Processed  bool    `json:"processed,omitempty"`
	Body       *string `json:"body,omitempty"`
	RetryAfter string  `json:"retry_after,omitempty"`
	Delay      string  `json:"delay,omitempty"`
	SlowBody   string  `json:"slow_body,omitempty"`
	CutBody    bool    `json:"cut_body,omitempty"`
	Reset      string  `json:"reset,omitempty"`
}

// String returns the fault as JSON.
func (f fault) String() string { text, _ := json.Marshal(f); return string(text) }

func (c controls) faults() faults {
	active := faults{Pending: []fault{}, RateLimit: c.srv.RateLimit()}
	text := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return d.String()
	}
	for _, f := range c.srv.Faults() {
		entry := fault{
			Status: f.Status, Times: f.Times, Path: f.Path, Processed: f.Processed, RetryAfter: text(f.RetryAfter),
			Delay: text(f.Delay), SlowBody: text(f.SlowBody), CutBody: f.CutBody, Reset: resets[f.Reset],
		}
		if f.Body != nil {
			body := string(f.Body)
			entry.Body = &body
		}
		active.Pending = append(active.Pending, entry)
	}
	return active
}

// view holds the contents of the page.
type view struct {
	Server   *stackonetest.Server
	Follow   bool
	Problem  string
	Faults   faults
	Sessions []session
	Requests []request
	Webhooks []delivery
}

// maxRows limits the rows of each table on the page.
const maxRows = 50

// latest returns the last elements of all, the latest first.
func latest[T any](all []T) []T {
	slices.Reverse(all)
	return all[:min(len(all), maxRows)]
}

func (c controls) page(w http.ResponseWriter, r *http.Request) {
	c.render(w, http.StatusOK, view{Follow: r.URL.Query().Has("follow")})
}

func (c controls) render(w http.ResponseWriter, status int, v view) {
	v.Faults = c.faults()
	v.Server, v.Sessions, v.Requests, v.Webhooks = c.srv, latest(c.sessions()), latest(c.requests()), latest(c.webhooks())
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = pageTemplate.Execute(w, v) // only fails if the browser has disconnected
}
