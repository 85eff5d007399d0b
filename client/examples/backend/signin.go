package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	cookieName = "session"
	cookieLife = 12 * time.Hour
)

// customer is a company that uses the application. Its ID goes to StackOne as
// origin_owner_id: it never changes, and no other customer has it.
type customer struct{ ID, Name string }

// customers are those of the demonstration; an application has a table of them.
func customers() []customer {
	return []customer{
		{"customer-acme", "Acme"},
		{"customer-bluebird", "Bluebird Bakery"},
		{"customer-cobalt", "Cobalt Logistics"},
	}
}

func customerByID(id string) (customer, bool) {
	all := customers()
	i := slices.IndexFunc(all, func(c customer) bool { return c.ID == id })
	if i < 0 {
		return customer{}, false
	}
	return all[i], true
}

// signIn is a demonstration: it takes anybody's word for who they are.
func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	who, ok := customerByID(r.PostFormValue("customer"))
	if !ok {
		http.Error(w, "There is no such customer.", http.StatusBadRequest)
		return
	}
	a.setCookie(w, r, a.sign(who, time.Now().Add(cookieLife)), int(cookieLife.Seconds()))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	a.setCookie(w, r, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) setCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure is what the connection is
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: r.TLS != nil, // always true behind a proxy that speaks HTTPS
	})
}

// signedIn returns the customer whose cookie it is. This, and nothing that a
// browser sends beside it, is where an owner's id comes from.
func (a *app) signedIn(r *http.Request) (customer, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return customer{}, false
	}
	return a.verify(cookie.Value, time.Now())
}

// sign returns a cookie's value: the expiry and the customer, and their HMAC.
func (a *app) sign(who customer, expires time.Time) string {
	payload := fmt.Sprintf("%d %s", expires.Unix(), who.ID)
	return encode([]byte(payload)) + "." + encode(a.mac(payload))
}

func (a *app) verify(value string, now time.Time) (customer, bool) {
	first, second, _ := strings.Cut(value, ".")
	payload, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return customer{}, false
	}
	mac, err := base64.RawURLEncoding.DecodeString(second)
	if err != nil || !hmac.Equal(mac, a.mac(string(payload))) {
		return customer{}, false
	}
	var expires int64
	var id string
	if _, err := fmt.Sscanf(string(payload), "%d %s", &expires, &id); err != nil || now.Unix() >= expires {
		return customer{}, false
	}
	return customerByID(id)
}

func (a *app) mac(payload string) []byte {
	h := hmac.New(sha256.New, a.cookieKey)
	h.Write([]byte(payload))
	return h.Sum(nil)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
