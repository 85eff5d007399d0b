// Copy from this file how a handler knows the customer: from the application's own
// sign-in, and never from what the page sends.
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

// customer is a company that uses the application. Its ID goes to StackOne as
// origin_owner_id: it never changes, and no other customer has it.
type customer struct{ ID, Name string }

// customers are those of the demonstration; an application has a table of them.
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

// signIn is a demonstration: it takes anybody's word for who they are.
func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	who, ok := customerByID(r.PostFormValue("customer"))
	if !ok {
		a.showProblem(w, http.StatusBadRequest, "There is no such customer", "Choose one of the list.")
		return
	}
	cookie := rand.Text()
	err := a.store.transact(r.Context(), func(t *tx) {
		t.exec(`DELETE FROM sign_ins WHERE expires_at < $1`, instant{time.Now()})
		t.exec(`INSERT INTO sign_ins (cookie_hash, customer_id, expires_at) VALUES ($1, $2, $3)`,
			hashed(cookie), who.ID, instant{time.Now().Add(cookieLife)})
	})
	if err != nil {
		a.failPage(w, r, err)
		return
	}
	setCookie(w, r, cookie, int(cookieLife.Seconds()))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		out := func(t *tx) { t.exec(`DELETE FROM sign_ins WHERE cookie_hash = $1`, hashed(cookie.Value)) }
		if err := a.store.transact(r.Context(), out); err != nil {
			a.failPage(w, r, err)
			return
		}
	}
	setCookie(w, r, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func setCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure is what the connection is
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: r.TLS != nil, // always true behind a proxy that speaks HTTPS
	})
}

// signedIn returns the customer whose cookie it is: nothing else that a browser sends names an owner.
func (a *app) signedIn(r *http.Request) (customer, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return customer{}, false
	}
	var id string
	if _, err = a.store.lookUp(r.Context(), []any{&id}, `SELECT customer_id FROM sign_ins
		WHERE cookie_hash = $1 AND expires_at > $2`, hashed(cookie.Value), instant{time.Now()}); err != nil {
		a.log.Error("cannot look up who is signed in", "error", err)
	}
	return customerByID(id) // "" if nobody is
}

// hashed is what the database stores: reading it lets nobody sign in.
func hashed(cookie string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(cookie))) }
