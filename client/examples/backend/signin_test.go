package main

import (
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
	assert.Equal(t, "Sign in", v.heading(), "the cookie is gone")
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
	assert.False(t, cookie.Secure, "over plain HTTP a browser would not send it back")

	secure := httptest.NewRequest(http.MethodPost, "https://payroll.example/sign-in", strings.NewReader("customer=customer-acme"))
	secure.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	assert.True(t, h.do(secure).Result().Cookies()[0].Secure)
}

func TestSignInAsNobody(t *testing.T) {
	t.Parallel()
	h := start(t)
	for _, name := range []string{"", "customer-nobody", "Acme"} {
		rec := h.do(form("/sign-in", "customer", name))
		assert.Equal(t, http.StatusBadRequest, rec.Code, name)
		assert.Empty(t, rec.Result().Cookies(), name)
	}
}

func TestForgedCookies(t *testing.T) {
	t.Parallel()
	h, other := start(t), start(t)
	acme, _ := customerByID("customer-acme")
	later := time.Now().Add(time.Hour)
	good := h.sign(acme, later)
	payload, mac, _ := strings.Cut(good, ".")
	tests := map[string]struct {
		value string
		want  string
	}{
		"good":                  {good, headReady},
		"another application's": {other.sign(acme, later), "Sign in"},
		"expired":               {h.sign(acme, time.Now()), "Sign in"},
		"another customer":      {encode([]byte("99999999999 customer-cobalt")) + "." + mac, "Sign in"},
		"unknown customer":      {h.sign(customer{ID: "customer-gone"}, later), "Sign in"},
		"no customer":           {h.sign(customer{}, later), "Sign in"},
		"no signature":          {payload, "Sign in"},
		"empty signature":       {payload + ".", "Sign in"},
		"cut signature":         {good[:len(good)-2], "Sign in"},
		"not base64":            {"!." + mac, "Sign in"},
		"empty":                 {"", "Sign in"},
		"a dot":                 {".", "Sign in"},
	}
	for name, test := range tests {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: cookieName, Value: test.value})
		rec := h.do(r)
		assert.Equal(t, http.StatusOK, rec.Code, name)
		assert.Contains(t, rec.Body.String(), ">"+test.want+"</h1>", name)
	}
}

// do answers a request without a socket.
func (h *harness) do(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.handler.ServeHTTP(rec, r)
	return rec
}

// as signs a request in.
func (h *harness) as(customerID string, r *http.Request) *http.Request {
	r.AddCookie(&http.Cookie{Name: cookieName, Value: h.sign(customer{ID: customerID}, time.Now().Add(time.Hour))})
	return r
}

// form is the POST of a form with these names and values.
func form(path string, pairs ...string) *http.Request {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}
