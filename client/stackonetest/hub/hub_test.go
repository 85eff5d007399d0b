package hub_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/hub"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// customer calls the server like a customer's Hub. Module e2e tests the real Hub.
type customer struct {
	t       *testing.T
	srv     *stackonetest.Server
	session *stackonetest.Session
}

func open(t *testing.T, srv *stackonetest.Server, request gen.ConnectSessionCreate) customer {
	t.Helper()
	request.OriginOwnerID, request.OriginOwnerName = "acme", "Acme"
	link, err := srv.Client().ConnectSessions.Create(t.Context(), request)
	require.NoError(t, err)
	return customer{t, srv, srv.Session(link.Token)}
}

// call sends a request like the Hub, and returns the status and the body.
func (c customer) call(method, path, body string) (int, map[string]any) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.srv.URL+path, strings.NewReader(body))
	require.NoError(c.t, err)
	req.Header.Set("X-Hub-Session-Token", c.session.Details().Token)
	res, err := c.srv.HTTPClient().Do(req)
	require.NoError(c.t, err)
	defer res.Body.Close()
	assert.Equal(c.t, "*", res.Header.Get("Access-Control-Allow-Origin"))
	var object map[string]any
	require.NoError(c.t, json.NewDecoder(res.Body).Decode(&object))
	return res.StatusCode, object
}

func (c customer) connectors() (names []string) {
	c.t.Helper()
	_, list := c.call(http.MethodGet, "/hub/connectors", "")
	for _, entry := range list["integrations"].([]any) {
		names = append(names, entry.(map[string]any)["name"].(string))
	}
	return names
}

func serve(t *testing.T, connectors ...hub.Connector) *stackonetest.Server {
	t.Helper()
	srv := stackonetest.NewTestServer(t)
	hub.Serve(srv, connectors...)
	return srv
}

func TestConnectors(t *testing.T) {
	t.Parallel()
	srv := serve(t)
	assert.Equal(t, []string{"BambooHR", "HiBob", "Greenhouse", "Salesforce"}, open(t, srv, gen.ConnectSessionCreate{}).connectors())
	assert.Equal(t, []string{"Greenhouse"}, open(t, srv, gen.ConnectSessionCreate{Categories: []gen.Category{gen.CategoryATS}}).connectors())
	assert.Equal(t, []string{"HiBob"}, open(t, srv, gen.ConnectSessionCreate{Provider: "hibob", Categories: []gen.Category{gen.CategoryATS}}).connectors())
	assert.Empty(t, open(t, srv, gen.ConnectSessionCreate{Provider: "unheard-of"}).connectors())

	own := serve(t, hub.Connector{ID: "mine", Provider: "mine", Name: "<Mine>"})
	page := open(t, own, gen.ConnectSessionCreate{})
	assert.Equal(t, []string{"<Mine>"}, page.connectors())
	status, connector := page.call(http.MethodGet, "/hub/connectors/mine", "")
	assert.Equal(t, http.StatusOK, status)
	config := connector["config"].(map[string]any)
	assert.Equal(t, "<Mine>", config["name"])
	assert.Equal(t, "custom", config["type"])
	assert.Equal(t, []any{}, config["configFields"], "not null")
	_, list := page.call(http.MethodGet, "/hub/connectors?provider=other", "")
	assert.Equal(t, []any{}, list["integrations"])
	status, _ = page.call(http.MethodGet, "/hub/connectors/other", "")
	assert.Equal(t, http.StatusNotFound, status)
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	srv := serve(t)
	page := open(t, srv, gen.ConnectSessionCreate{Provider: "bamboohr"})
	_, settings := page.call(http.MethodGet, "/hub/settings", "")
	assert.NotContains(t, settings, "existing_account_id")
	for body, message := range map[string]string{
		`{`:                          "unexpected EOF",
		`{"integration_id":"other"}`: "Connector not found",
		`{"integration_id":"bamboohr","credentials":{"subdomain":"acme"}}`:                   "API key is missing",
		`{"integration_id":"bamboohr","credentials":{"subdomain":"acme","api_key":"wrong"}}`: "Invalid credentials: BambooHR rejected the API key",
		`{"integration_id":"hibob","credentials":{"service_user_id":"a","token":"b"}}`:       `stackonetest: the session is for provider "bamboohr" and cannot connect "hibob"`,
	} {
		status, problem := page.call(http.MethodPost, "/hub/accounts", body)
		assert.Equal(t, message, problem["message"])
		assert.EqualValues(t, status, problem["statusCode"])
		assert.GreaterOrEqual(t, status, 400)
	}
	status, account := page.call(http.MethodPost, "/hub/accounts", `{"integration_id":"bamboohr","credentials":{"subdomain":"acme","api_key":"0123456789"}}`)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "bamboohr", account["provider"])
	assert.Nil(t, page.session.Details().LatestConnectionAttempt)

	edit := open(t, srv, gen.ConnectSessionCreate{Provider: "bamboohr"})
	_, settings = edit.call(http.MethodGet, "/hub/settings", "")
	assert.Equal(t, account["id"], settings["existing_account_id"])
	path := "/hub/accounts/" + account["id"].(string)
	_, seen := edit.call(http.MethodGet, path, "")
	assert.Equal(t, map[string]any{"subdomain": "acme"}, seen["setupInformation"])
	assert.Equal(t, map[string]any{"api_key": "__secretvalue:**redacted**6789"}, seen["secrets"])
	status, _ = edit.call(http.MethodPatch, path, `{"integration_id":"bamboohr","credentials":{"subdomain":"acme-2"}}`)
	assert.Equal(t, http.StatusOK, status, "the stored secret is used")
	_, seen = edit.call(http.MethodGet, path, "")
	assert.Equal(t, map[string]any{"subdomain": "acme-2"}, seen["setupInformation"])

	status, _ = edit.call(http.MethodGet, "/hub/accounts/other", "")
	assert.Equal(t, http.StatusNotFound, status)
	status, _ = open(t, srv, gen.ConnectSessionCreate{}).call(http.MethodGet, path, "")
	assert.Equal(t, http.StatusNotFound, status, "another session's account")
}

func TestExpiredToken(t *testing.T) {
	t.Parallel()
	srv := serve(t)
	page := open(t, srv, gen.ConnectSessionCreate{})
	srv.Advance(30 * time.Minute)
	status, _ := page.call(http.MethodGet, "/hub/settings", "")
	assert.Equal(t, http.StatusUnauthorized, status)
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	srv := serve(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, srv.URL+"/hub/accounts/1", nil)
	require.NoError(t, err)
	res, err := srv.HTTPClient().Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	assert.Equal(t, http.StatusNoContent, res.StatusCode)
	assert.Contains(t, res.Header.Get("Access-Control-Allow-Headers"), "x-hub-session-token")
	assert.Contains(t, res.Header.Get("Access-Control-Allow-Methods"), "PATCH")
}

func TestOAuth(t *testing.T) {
	t.Parallel()
	srv := serve(t)
	page := open(t, srv, gen.ConnectSessionCreate{})
	begin := func() (attempt, window string) {
		_, began := page.call(http.MethodPost, "/hub/connection_attempts", `{"token":"also in the header"}`)
		attempt = began["id"].(string)
		query := url.Values{"redirect_uri": {"https://elsewhere.example/"}, "token": {page.session.Details().Token}, "connection_attempt_id": {attempt}, "instance": {"acme"}}
		return attempt, "/connect/oauth2/salesforce?" + query.Encode()
	}
	status := func(attempt string) any {
		_, state := page.call(http.MethodGet, "/hub/connection_attempts/"+attempt, "")
		return state["status"]
	}
	// press opens the window or submits its form, and returns the final path.
	press := func(method, window, decision string) (int, string, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+window, strings.NewReader(url.Values{"decision": {decision}}.Encode()))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := srv.HTTPClient().Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.StatusCode, res.Request.URL.Path, string(text)
	}

	first, window := begin()
	_, _, text := press(http.MethodGet, window, "")
	assert.Contains(t, text, "Allow StackOne to read the data of Acme?")
	assert.Equal(t, "pending", status(first))
	code, path, _ := press(http.MethodPost, window, "deny")
	assert.Equal(t, http.StatusOK, code)
	assert.Equal(t, "/embedded/accounts/callback", path)
	assert.Equal(t, "error", status(first))
	code, _, _ = press(http.MethodPost, window, "allow")
	assert.Equal(t, http.StatusGone, code, "the attempt has ended")

	second, _ := begin()
	assert.Equal(t, "cancelled", status(first), "a later attempt replaced it")
	_, _ = page.call(http.MethodDelete, "/hub/connection_attempts/"+first, "")
	assert.Equal(t, "pending", status(second))
	_, _ = page.call(http.MethodDelete, "/hub/connection_attempts/"+second, "")
	assert.Equal(t, "cancelled", status(second))

	third, window := begin()
	_, _, _ = press(http.MethodPost, window, "allow")
	_, state := page.call(http.MethodGet, "/hub/connection_attempts/"+third, "")
	assert.Equal(t, "authenticated", state["status"])
	edited, _ := page.session.Edits("salesforce")
	assert.Equal(t, map[string]any{"id": edited}, state["account"])
	assert.Equal(t, "salesforce", page.session.Details().Provider)

	_, seen := page.call(http.MethodGet, "/hub/accounts/"+edited, "")
	assert.Equal(t, map[string]any{"instance": "acme"}, seen["setupInformation"])

	code, _, _ = press(http.MethodPut, window, "")
	assert.Equal(t, http.StatusGone, code)
}
