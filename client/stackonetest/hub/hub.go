// Package hub makes a fake StackOne serve the requests of StackOne's Hub, the web component
// of the npm package @stackone/hub. Set the component's base-url and app-url to the server's
// URL, and its token to the token of a session.
//
//	srv := stackonetest.NewServer()
//	defer srv.Close()
//	hub.Serve(srv)
//
// This is best effort, because StackOne does not document the requests of the Hub. The
// package implements those of version 1.11.4; other versions may send others.
//
// Accounts are created and edited by the rule of [stackonetest.Session.ConnectWith].
// Connectors with OAuth open a page on which the customer allows or denies access. All
// others accept any credentials, and reject the text "wrong" as an invalid key.
package hub

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

// callbackPath is the path that the Hub expects at the end of its pop-up.
const callbackPath = "/embedded/accounts/callback"

// maxAccounts limits the accounts whose credentials are remembered.
const maxAccounts = 1000

// hub is the state of a server's Hub.
type hub struct {
	srv        *stackonetest.Server
	connectors []Connector

	mu       sync.Mutex
	accounts map[string]map[string]string // credentials by account ID
	order    []string                     // account IDs, oldest first
}

// Serve makes srv serve the requests of the Hub. The Hub's picker shows the connectors, or those
// of [Connectors] if none are given. Serve panics if it is called twice for a server.
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

// preflight allows requests from every origin, because only the session's token grants
// access.
func preflight(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "content-type, x-hub-session-token, x-hub-version")
	w.WriteHeader(http.StatusNoContent)
}

// problem is an error response. The Hub shows its message.
type problem struct {
	Status  int    `json:"statusCode"`
	Message string `json:"message"`
}

func (p problem) Error() string { return p.Message }

func notFound(what string) problem {
	return problem{http.StatusNotFound, what + " not found"}
}

// api returns a handler that calls f with the session of the request's token, and
// responds with the result as JSON.
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
			p, ok := err.(problem) //nolint:errorlint // it is never wrapped
			if !ok {
				p = problem{http.StatusBadRequest, err.Error()}
			}
			status, body = p.Status, p
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body) // only fails if the browser has disconnected
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

// list returns the connectors that match the session's request, the query and the
// account to edit.
func (h *hub) list(r *http.Request, session *stackonetest.Session) (any, error) {
	request := session.Request()
	_, provider := session.Edits("")
	wanted := r.URL.Query().Get("provider")
	entries := []any{}
	for _, c := range h.connectors {
		if (wanted == "" || wanted == c.Provider) && (provider == "" || provider == c.Provider) &&
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

// connect connects an account with the credentials of the request. Those that the request
// lacks are taken from stored.
func (h *hub) connect(r *http.Request, session *stackonetest.Session, stored map[string]string) (any, error) {
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
		return stored[key]
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

// edited returns the ID of the account in the request's path and its connector, if the
// session edits that account.
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

// redact returns a stored secret as StackOne shows it.
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
