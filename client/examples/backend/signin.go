// Copy from this file how a handler identifies the customer: by the application's own
// sign-in, and never by other data that a browser sends.
package main

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"time"
)

const cookieName = "session"
const cookieLife = 12 * time.Hour

// customer is a company that uses the application. Its ID is StackOne's origin_owner_id:
// it is unique and never changes.
type customer struct{ ID, Name string }

// customers returns the customers of the demonstration. A real application reads them from
// its database.
func customers() []customer {
	return []customer{{"customer-acme", "Acme"}, {"customer-bluebird", "Bluebird Bakery"}, {"customer-cobalt", "Cobalt Logistics"}}
}

func customerByID(id string) (customer, bool) {
	all := customers()
	i := slices.IndexFunc(all, func(c customer) bool { return c.ID == id })
	if i < 0 {
		return customer{}, false
	}
	return all[i], true
}

// signIn is for the demonstration only, because it checks no password.
func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	who, ok := customerByID(r.PostFormValue("customer"))
	if !ok {
		a.showMessage(w, http.StatusBadRequest, "Unknown customer", "Choose one from the list.")
		return
	}
	cookie := rand.Text()
	err := a.store.transact(r.Context(), func(t *tx) {
		t.exec(`DELETE FROM sign_ins WHERE expires_at < $1`, instant{time.Now()})
		t.exec(`INSERT INTO sign_ins (cookie_hash, customer_id, expires_at) VALUES ($1, $2, $3)`,
			hashCookie(cookie), who.ID, instant{time.Now().Add(cookieLife)})
	})
	if err != nil {
		a.showError(w, r, err)
		return
	}
	setCookie(w, r, cookie, int(cookieLife.Seconds()))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		out := func(t *tx) { t.exec(`DELETE FROM sign_ins WHERE cookie_hash = $1`, hashCookie(cookie.Value)) }
		if err := a.store.transact(r.Context(), out); err != nil {
			a.showError(w, r, err)
			return
		}
	}
	setCookie(w, r, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func setCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure depends on the connection
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: r.TLS != nil, // set it to true behind an HTTPS proxy
	})
}

// signedIn returns the customer of the request's cookie. Nothing else in a request
// determines the owner of a session.
func (a *app) signedIn(r *http.Request) (customer, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return customer{}, false
	}
	var id string
	if _, err = a.store.lookUp(r.Context(), []any{&id}, `SELECT customer_id FROM sign_ins
		WHERE cookie_hash = $1 AND expires_at > $2`, hashCookie(cookie.Value), instant{time.Now()}); err != nil {
		a.log.Error("cannot look up who is signed in", "error", err)
	}
	return customerByID(id) // id is "" if nobody is signed in
}

// hashCookie returns the hash of a cookie. The database stores only the hash, which cannot
// be used to sign in.
func hashCookie(cookie string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(cookie))) }
