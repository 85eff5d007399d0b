package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	h := start(t)
	v := newVisitor(t, h)
	assert.Equal(t, "Sign in", v.heading())
	v.press("Bluebird Bakery")
	assert.Equal(t, headReady, v.heading())
	assert.Contains(t, v.text, "Bluebird Bakery")
	v.press("Sign out")
	assert.Equal(t, "Sign in", v.heading())
	v.open("/")
	assert.Equal(t, "Sign in", v.heading(), "the cookie has been deleted")
}

func TestSignInCookie(t *testing.T) {
	t.Parallel()
	h := start(t)
	rec := h.do(form("/sign-in", "customer", "customer-acme"))
	require.Equal(t, http.StatusSeeOther, rec.Code)
	require.Len(t, rec.Result().Cookies(), 1)
	cookie := rec.Result().Cookies()[0]
	assert.True(t, cookie.HttpOnly)
	assert.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
	assert.False(t, cookie.Secure, "browsers do not send Secure cookies over HTTP")

	secure := httptest.NewRequest(http.MethodPost, "https://payroll.example/sign-in", strings.NewReader("customer=customer-acme"))
	secure.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	assert.True(t, h.do(secure).Result().Cookies()[0].Secure)
}

func TestSignInUnknownCustomer(t *testing.T) {
	t.Parallel()
	h := start(t)
	for _, name := range []string{"", "customer-nobody", "Acme"} {
		rec := h.do(form("/sign-in", "customer", name))
		assert.Equal(t, http.StatusBadRequest, rec.Code, name)
		assert.Empty(t, rec.Result().Cookies(), name)
	}
}

func TestCookieValidation(t *testing.T) {
	t.Parallel()
	h, other := start(t), start(t)
	later := time.Now().Add(time.Hour)
	good := h.cookie(t, "customer-acme", later)
	tests := map[string]struct {
		value string
		want  string
	}{
		"valid":                 {good, headReady},
		"another application's": {other.cookie(t, "customer-acme", later), "Sign in"},
		"expired":               {h.cookie(t, "customer-acme", time.Now()), "Sign in"},
		"unknown customer":      {h.cookie(t, "customer-gone", later), "Sign in"},
		"empty customer":        {h.cookie(t, "", later), "Sign in"},
		"customer ID":           {"customer-acme", "Sign in"},
		"stored hash":           {hashCookie(good), "Sign in"},
		"truncated":             {good[:len(good)-2], "Sign in"},
		"SQL pattern":           {"%", "Sign in"},
		"SQL injection":         {"' OR '1'='1", "Sign in"},
		"empty":                 {"", "Sign in"},
	}
	for name, test := range tests {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: cookieName, Value: test.value})
		rec := h.do(r)
		assert.Equal(t, http.StatusOK, rec.Code, name)
		assert.Contains(t, rec.Body.String(), ">"+test.want+"</h1>", name)
	}
}

// Signing out invalidates all copies of the cookie.
func TestSignOutInvalidatesCookie(t *testing.T) {
	t.Parallel()
	h := start(t)
	cookie := h.do(form("/sign-in", "customer", "customer-acme")).Result().Cookies()[0]
	page := func() string {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(cookie)
		return h.do(r).Body.String()
	}
	require.Contains(t, page(), headReady)
	r := form("/sign-out")
	r.AddCookie(cookie)
	h.do(r)
	assert.Contains(t, page(), ">Sign in</h1>")
}

// do serves a request without a network connection.
func (h *harness) do(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.handler.ServeHTTP(rec, r)
	return rec
}

// as adds a cookie to the request that signs it in as the customer.
func (h *harness) as(t *testing.T, customerID string, r *http.Request) *http.Request {
	t.Helper()
	r.AddCookie(&http.Cookie{Name: cookieName, Value: h.cookie(t, customerID, time.Now().Add(time.Hour))})
	return r
}

// cookie signs a customer in, and returns the value of the cookie.
func (h *harness) cookie(t *testing.T, customerID string, expires time.Time) string {
	t.Helper()
	value := rand.Text()
	require.NoError(t, h.store.transact(context.Background(), func(tx *tx) {
		tx.exec(`INSERT INTO sign_ins (cookie_hash, customer_id, expires_at) VALUES ($1, $2, $3)`,
			hashCookie(value), customerID, instant{expires})
	}))
	return value
}

// form returns a POST request for a form. The pairs are names and values.
func form(path string, pairs ...string) *http.Request {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}
