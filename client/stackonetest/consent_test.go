package stackonetest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// press submits the form of the consent page like a browser.
func press(t *testing.T, srv *stackonetest.Server, link, button string) reply {
	t.Helper()
	path := strings.TrimPrefix(link, srv.URL)
	return call(t, srv, http.MethodPost, path, url.Values{"decision": {button}}.Encode(), http.Header{
		"Authorization": nil,
		"Content-Type":  {"application/x-www-form-urlencoded"},
	})
}

func open(t *testing.T, srv *stackonetest.Server, link string) reply {
	t.Helper()
	return call(t, srv, http.MethodGet, strings.TrimPrefix(link, srv.URL), "", http.Header{"Authorization": nil})
}

func TestAuthLink(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	srv.Expect("POST " + createPath) // the browser sends no API requests
	session := create(t, srv, gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme <&> Sons", Provider: "bamboohr"})
	link := session.Details().AuthLinkURL

	page := open(t, srv, link)
	assert.Equal(t, http.StatusOK, page.StatusCode)
	assert.Equal(t, "text/html; charset=utf-8", page.Header.Get("Content-Type"))
	assert.Equal(t, "no-store", page.Header.Get("Cache-Control"))
	assert.Equal(t, "no-referrer", page.Header.Get("Referrer-Policy"))
	assert.Contains(t, page.Header.Get("Content-Security-Policy"), "default-src 'none'")
	text := string(page.body)
	assert.Contains(t, text, "<h1>Connect bamboohr</h1>")
	assert.Contains(t, text, "This connects bamboohr for Acme &lt;&amp;&gt; Sons.")
	assert.Contains(t, text, `<form method="post">`)
	assert.NotContains(t, text, "<script")
	assert.NotContains(t, text, session.Details().Token)
	assert.Nil(t, session.Details().LatestConnectionAttempt, "reading the page changes nothing")

	declined := press(t, srv, link, "decline")
	assert.Equal(t, http.StatusOK, declined.StatusCode, "after the redirect")
	assert.Equal(t, http.MethodGet, declined.Request.Method)
	assert.Contains(t, string(declined.body), "You declined.")
	assert.Equal(t, gen.AttemptStatusCancelled, session.Details().LatestConnectionAttempt.Status)

	require.NoError(t, session.Fail("access_denied", "<No>"))
	assert.Contains(t, string(open(t, srv, link).body), "The last attempt failed: access_denied &lt;No&gt;")

	connected := press(t, srv, link, "connect")
	assert.Contains(t, string(connected.body), "<h1>Connected</h1>")
	assert.NotContains(t, string(connected.body), "<form")
	attempt := session.Details().LatestConnectionAttempt
	assert.Equal(t, gen.AttemptStatusAuthenticated, attempt.Status)
	assert.NotEmpty(t, attempt.AccountSecureID)
}

func TestAuthLinkWithoutProvider(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	link := create(t, srv, acme).Details().AuthLinkURL
	page := string(open(t, srv, link).body)
	assert.Contains(t, page, "<h1>Connect an account</h1>")
	assert.Contains(t, page, `<input name="provider"`)
	call(t, srv, http.MethodPost, strings.TrimPrefix(link, srv.URL), "decision=connect&provider=hibob", http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"},
	})
	assert.Equal(t, "hibob", srv.Sessions()[0].Details().Provider)
}

func TestAuthLinkErrors(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	session := create(t, srv, acme)
	link := session.Details().AuthLinkURL
	path := strings.TrimPrefix(link, srv.URL)

	assert.Equal(t, http.StatusBadRequest, press(t, srv, link, "").StatusCode)
	assert.Equal(t, http.StatusBadRequest, press(t, srv, link, "CONNECT").StatusCode)
	assert.Equal(t, http.StatusBadRequest, call(t, srv, http.MethodPost, path, "decision=connect", nil).StatusCode, "not a form")
	assert.Equal(t, http.StatusBadRequest, call(t, srv, http.MethodPost, path+"?decision=connect", "", http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"},
	}).StatusCode, "the decision must be in the body")
	deleted := call(t, srv, http.MethodDelete, path, "", nil)
	assert.Equal(t, http.StatusMethodNotAllowed, deleted.StatusCode)
	assert.Equal(t, "GET, HEAD, POST", deleted.Header.Get("Allow"))
	assert.Equal(t, http.StatusNotFound, open(t, srv, link+"x").StatusCode)
	assert.Equal(t, http.StatusNotFound, press(t, srv, link+"x", "connect").StatusCode)

	srv.Advance(30 * time.Minute)
	assert.Equal(t, http.StatusGone, open(t, srv, link).StatusCode)
	assert.Equal(t, http.StatusGone, press(t, srv, link, "connect").StatusCode)
	assert.Nil(t, session.Details().LatestConnectionAttempt)
}
