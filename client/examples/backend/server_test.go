package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withHub opens a substitute for StackOne's Hub in the page.
func withHub(cfg *config) { cfg.hubScript = "testdata/hub.js" }

func TestCrossOriginRequests(t *testing.T) {
	t.Parallel()
	h := start(t, withHub)
	for _, path := range []string{"/sign-in", "/sign-out", "/connect", "/fake", "/api/session", "/api/hub/succeeded"} {
		for header, value := range map[string]string{
			"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example",
		} {
			r := h.as(t, "customer-acme", form(path, "customer", "customer-acme", "outcome", "outage"))
			r.Header.Set(header, value)
			rec := h.do(r)
			assert.Equal(t, http.StatusForbidden, rec.Code, "%s with %s", path, header)
			assert.Empty(t, rec.Result().Cookies(), path)
		}
	}
	assert.Empty(t, h.fake.Sessions())
}

func TestSignedOutRequests(t *testing.T) {
	t.Parallel()
	h := start(t, withHub)
	tests := []struct {
		request *http.Request
		want    int
	}{
		{form("/connect"), http.StatusSeeOther},
		{form("/fake", "outcome", "outage"), http.StatusSeeOther},
		{httptest.NewRequest(http.MethodGet, "/open", nil), http.StatusSeeOther},
		{httptest.NewRequest(http.MethodGet, "/events", nil), http.StatusUnauthorized},
		{form("/api/session"), http.StatusUnauthorized},
		{form("/api/hub/succeeded", "token", "x"), http.StatusUnauthorized},
	}
	for _, test := range tests {
		rec := h.do(test.request)
		assert.Equal(t, test.want, rec.Code, test.request.URL.Path)
		if test.want == http.StatusSeeOther {
			assert.Equal(t, "/", rec.Header().Get("Location"), test.request.URL.Path)
		}
	}
	assert.Empty(t, h.fake.Requests())
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	h := start(t)
	header := h.do(httptest.NewRequest(http.MethodGet, "/", nil)).Header()
	csp := header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self' " + h.fake.URL} {
		assert.Contains(t, strings.Split(csp, "; "), want)
	}
	assert.NotContains(t, csp, "unsafe")
	assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
	assert.Equal(t, "no-store", header.Get("Cache-Control"))
	assert.Equal(t, "same-origin", header.Get("Referrer-Policy"))
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	h := start(t, pollingOnly)
	tests := []struct {
		method, path string
		want         int
	}{
		{"GET", "/", 200},
		{"HEAD", "/", 200},
		{"GET", "/static/style.css", 200},
		{"GET", "/static/live.js", 200},
		{"GET", "/static/icon.svg", 200},
		{"GET", "/static/none.css", 404},
		{"GET", "/templates/layout.html", 404},
		{"GET", "/favicon.ico", 404},
		{"POST", "/", 404},
		{"GET", "/connect", 404},
		{"POST", "/events", 404},
		{"GET", "/static/", 404},
		{"GET", "/static", 404},
		{"GET", "/static/..%2ftemplates/layout.html", 404},
		{"GET", "/static/..%2ftemplates%2flayout.html", 404},
		{"GET", "/static/../templates/layout.html", 307},
		{"POST", webhookPath, 404},    // only with a webhook secret
		{"POST", "/api/session", 404}, // only with the Hub
		{"GET", "/hub.js", 404},
	}
	for _, test := range tests {
		rec := h.do(httptest.NewRequest(test.method, test.path, nil))
		assert.Equal(t, test.want, rec.Code, test.method+" "+test.path)
	}
}

func TestNotFoundPage(t *testing.T) {
	t.Parallel()
	h := start(t)
	rec := h.do(h.as(t, "customer-acme", httptest.NewRequest(http.MethodGet, "/nowhere?x=<script>", nil)))
	assert.Equal(t, http.StatusNotFound, rec.Code)
	assert.Contains(t, rec.Header().Get("Content-Type"), "text/html")
	assert.NotEmpty(t, rec.Header().Get("Content-Security-Policy"))
	assert.Contains(t, rec.Body.String(), "Page not found")
	assert.Contains(t, rec.Body.String(), `href="/"`)
	assert.NotContains(t, rec.Body.String(), "x=")
}

func TestDatabaseErrorPage(t *testing.T) {
	t.Parallel()
	h := start(t)
	r := h.as(t, "customer-acme", httptest.NewRequest(http.MethodGet, "/", nil))
	require.NoError(t, h.store.transact(t.Context(), func(tx *tx) { tx.exec("DROP TABLE connections") }))
	rec := h.do(r)
	assert.Equal(t, http.StatusInternalServerError, rec.Code)
	assert.Contains(t, rec.Body.String(), "Something went wrong")
	assert.NotContains(t, rec.Body.String(), "connections", "the page shows no internal details")
	assert.Contains(t, h.log.String(), "no such table: connections")
}

func TestLargeForm(t *testing.T) {
	t.Parallel()
	h := start(t)
	rec := h.do(form("/sign-in", "customer", "customer-acme", "x", strings.Repeat("x", 1<<20)))
	assert.Equal(t, http.StatusBadRequest, rec.Code)
	assert.Empty(t, rec.Result().Cookies())
}

func TestMissingHubScript(t *testing.T) {
	t.Parallel()
	_, err := newApp(t.Context(), config{store: sqlite(t).open(t), hubScript: "testdata/none.js"})
	require.ErrorContains(t, err, "testdata/none.js")
}
