// Package hub lets a fake StackOne serve StackOne's Hub, the web component of the
// npm package @stackone/hub: give the component the server's URL as base-url and
// app-url, and a session's token.
//
//	srv := stackonetest.NewServer()
//	defer srv.Close()
//	hub.Serve(srv)
//
// This is best effort. StackOne does not document what the Hub calls: the paths
// and bodies here are those of version 1.11.4, and another version may need
// others.
//
// A connection is made by the same rule as [stackonetest.Session.ConnectWith].
// Connectors that use OAuth open a page on which the customer allows or denies
// access; the others accept every credential but the text "wrong", which they
// refuse as a provider refuses a wrong key.
package hub

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

// callbackPath is where the Hub wants its pop-up to end.
const callbackPath = "/embedded/accounts/callback"

// maxAccounts is how many accounts a hub remembers the credentials of.
const maxAccounts = 1000

// hub is the state of one server's Hub.
type hub struct {
	srv        *stackonetest.Server
	connectors []Connector

	mu       sync.Mutex
	accounts map[string]map[string]string // the credentials of each
	order    []string                     // of accounts, the oldest first
}

// Serve makes srv answer the Hub, with the connectors that its picker shows: those
// of [Connectors] if none are given. It is to be called once for a server.
func Serve(srv *stackonetest.Server, connectors ...Connector) {
	if len(connectors) == 0 {
		connectors = Connectors()
	}
	h := &hub{srv: srv, connectors: connectors, accounts: map[string]map[string]string{}}
	for pattern, f := range map[string]func(*http.Request, *stackonetest.Session) (any, error){
		"GET /hub/settings":                    h.settings,
		"GET /hub/connectors":                  h.list,
		"GET /hub/connectors/{id}":             h.connector,
		"POST /hub/accounts":                   h.createAccount,
		"GET /hub/accounts/{id}":               h.account,
		"PATCH /hub/accounts/{id}":             h.editAccount,
		"POST /hub/connection_attempts":        h.begin,
		"GET /hub/connection_attempts/{id}":    h.attempt,
		"DELETE /hub/connection_attempts/{id}": h.cancel,
	} {
		srv.Handle(pattern, h.api(f))
	}
	srv.Handle("OPTIONS /hub/", http.HandlerFunc(preflight))
	srv.Handle("/connect/oauth2/{id}", http.HandlerFunc(h.signIn))
	srv.Handle("GET "+callbackPath, http.HandlerFunc(callback))
}

// preflight lets pages of every site call the Hub's operations. What they may do
// depends on the session's token alone.
func preflight(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "content-type, x-hub-session-token, x-hub-version")
	w.WriteHeader(http.StatusNoContent)
}

// problem is an answer whose message the Hub shows.
type problem struct {
	Status  int    `json:"statusCode"`
	Message string `json:"message"`
}

func (p problem) Error() string { return p.Message }

func notFound(what string) problem {
	return problem{http.StatusNotFound, what + " not found"}
}

// api makes a handler of a function that is given the session of the request's
// token, and returns what to answer as JSON.
func (h *hub) api(f func(*http.Request, *stackonetest.Session) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		session := h.srv.Session(r.Header.Get("X-Hub-Session-Token"))
		var body any
		err := error(problem{http.StatusUnauthorized, "Connect session token is unknown or has expired"})
		if h.live(session) {
			r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
			body, err = f(r, session)
		}
		status := http.StatusOK
		if err != nil {
			p, ok := err.(problem) //nolint:errorlint // it is made here and not wrapped
			if !ok {
				p = problem{http.StatusBadRequest, err.Error()}
			}
			status, body = p.Status, p
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body) // fails only when the browser has gone
	}
}

func (h *hub) live(session *stackonetest.Session) bool {
	return session != nil && h.srv.Now().Before(session.ExpiresAt())
}

func (h *hub) settings(_ *http.Request, session *stackonetest.Session) (any, error) {
	settings := map[string]any{"enabled_features": []string{}}
	if account, _ := session.Edits(""); account != "" {
		settings["existing_account_id"] = account
	}
	return settings, nil
}

// list shows the connectors that the session's request, the Hub's query or the
// account to edit leave.
func (h *hub) list(r *http.Request, session *stackonetest.Session) (any, error) {
	request := session.Request()
	_, provider := session.Edits("")
	asked := r.URL.Query().Get("provider")
	entries := []any{}
	for _, c := range h.connectors {
		if (asked == "" || asked == c.Provider) && (provider == "" || provider == c.Provider) &&
			(provider != "" || len(request.Categories) == 0 || slices.Contains(request.Categories, c.Category)) {
			entries = append(entries, c.entry())
		}
	}
	return map[string]any{
		"integrations":           entries,
		"external_trigger_token": session.Details().ExternalTriggerToken,
	}, nil
}

func (h *hub) find(id string) (Connector, error) {
	for _, c := range h.connectors {
		if c.ID == id {
			return c, nil
		}
	}
	return Connector{}, notFound("Connector")
}

func (h *hub) connector(r *http.Request, _ *stackonetest.Session) (any, error) {
	c, err := h.find(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"config": c.config(), "hub_settings": map[string]any{
		"configured_webhook_events": []any{}, "project_settings": map[string]any{},
	}}, nil
}

// connection is the body of a request that creates or edits an account.
type connection struct {
	ID          string            `json:"integration_id"`
	Credentials map[string]string `json:"credentials"`
}

func (h *hub) createAccount(r *http.Request, session *stackonetest.Session) (any, error) {
	return h.connect(r, session, nil)
}

// connect connects with the credentials of the request, added to those that are
// known.
func (h *hub) connect(r *http.Request, session *stackonetest.Session, known map[string]string) (any, error) {
	var body connection
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	c, err := h.find(body.ID)
	if err != nil {
		return nil, err
	}
	credentials := c.pick(func(key string) string {
		if value, ok := body.Credentials[key]; ok {
			return value
		}
		return known[key]
	})
	if err := c.check(credentials); err != nil {
		return nil, err
	}
	id, err := session.ConnectWith(stackonetest.Connection{Provider: c.Provider, NoAttempt: true})
	if err != nil {
		return nil, err
	}
	h.remember(id, credentials)
	return map[string]any{"id": id, "provider": c.Provider}, nil
}

// edited returns the account in the request's path, if it is the one that the
// session edits, with its connector.
func (h *hub) edited(r *http.Request, session *stackonetest.Session) (id string, c Connector, err error) {
	id, provider := session.Edits("")
	if id != "" && id == r.PathValue("id") {
		for _, c := range h.connectors {
			if c.Provider == provider || provider == "" {
				return id, c, nil
			}
		}
	}
	return "", Connector{}, notFound("Account")
}

func (h *hub) account(r *http.Request, session *stackonetest.Session) (any, error) {
	id, c, err := h.edited(r, session)
	if err != nil {
		return nil, err
	}
	setup, secrets := map[string]string{}, map[string]string{}
	credentials := h.credentials(id)
	for _, field := range c.Fields {
		value := credentials[field.Key]
		if field.Secret {
			secrets[field.Key] = redact(value)
		} else {
			setup[field.Key] = value
		}
	}
	return map[string]any{
		"secureId": id, "provider": c.Provider, "version": "1", "integrationId": c.ID,
		"setupInformation": setup, "secrets": secrets, "authConfigKey": c.ID, "environment": "production",
	}, nil
}

// redact is how the service shows a stored secret.
func redact(secret string) string {
	if secret == "" {
		return ""
	}
	return "__secretvalue:**redacted**" + secret[max(0, len(secret)-min(4, len(secret)/2)):]
}

func (h *hub) editAccount(r *http.Request, session *stackonetest.Session) (any, error) {
	id, _, err := h.edited(r, session)
	if err != nil {
		return nil, err
	}
	return h.connect(r, session, h.credentials(id))
}

func (h *hub) credentials(account string) map[string]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.accounts[account]
}

func (h *hub) remember(account string, credentials map[string]string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.accounts[account] == nil {
		if len(h.order) == maxAccounts {
			delete(h.accounts, h.order[0])
			h.order = slices.Delete(h.order, 0, 1)
		}
		h.order = append(h.order, account)
	}
	h.accounts[account] = credentials
}
