package main

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	headReady     = "Connect your HR system"
	headWaiting   = "Continue at StackOne"
	headConnected = "Your HR system is connected"
	headDeclined  = "Your HR system said no"
	headCancelled = "You did not connect"
	headExpired   = "Time ran out"
	headFailed    = "Connecting does not work right now"
)

// noSuchPage is an address whose 404 is no error of the application.
const noSuchPage = "/no-such-page"

func TestBrowser(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	shots := screenshots(t)

	run := func(name string, test func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t) })
	}

	run("connect", func(t *testing.T) {
		h := start(t)
		acme := newTab(t, browser, chromedp.WithNewBrowserContext())
		acme.do(chromedp.Navigate(h.url))
		acme.sees("Sign in")
		acme.picture(shots, "signed-out")
		acme.play("Sign in", "Acme")
		acme.sees(headReady)
		acme.picture(shots, "ready")

		stackone := acme.connect(headReady, "Connect your HR system")
		acme.sees(headWaiting)
		acme.shows("Waiting for you to sign in")
		acme.picture(shots, "waiting")
		require.NoError(t, h.fake.Sessions()[0].Begin())
		acme.sees("You are signing in")
		acme.picture(shots, "signing-in")

		stackone.decides("connect")
		stackone.sees("Connected")
		acme.sees(headConnected)
		now := h.until(t, "customer-acme", knows("webhook", "account.created"))
		acme.shows(now.Account.ID)
		acme.shows(fakeProvider)
		h.until(t, "customer-acme", knows("waiter", "Connected"))
		acme.picture(shots, "connected")
	})

	run("decline and try again", func(t *testing.T) {
		h := start(t)
		acme := newCustomer(t, browser, h, "Acme")
		stackone := acme.connect(headReady, "Connect your HR system")
		stackone.decides("decline")
		acme.sees(headCancelled)
		acme.picture(shots, "cancelled")

		again := acme.connect(headCancelled, "Try again")
		again.decides("connect")
		acme.sees(headConnected)
	})

	run("an earlier connection", func(t *testing.T) {
		h := start(t)
		acme := newCustomer(t, browser, h, "Acme")
		acme.connect(headReady, "Connect your HR system").decides("connect")
		account := h.until(t, "customer-acme", knows("webhook", "account.created")).Account
		h.until(t, "customer-acme", knows("waiter", "Connected"))
		acme.connect(headConnected, "Connect again").decides("decline")
		acme.sees(headCancelled)
		acme.sees("Your earlier connection is still there")
		acme.shows(account.ID)
		assert.True(t, acme.eval(`document.querySelector("h2").getBoundingClientRect().top -
			document.querySelector("form.connect").getBoundingClientRect().bottom >= 24`), "there is room above it")
		acme.picture(shots, "earlier-connection")
	})

	run("no such page", func(t *testing.T) {
		h := start(t)
		anybody := newTab(t, browser, chromedp.WithNewBrowserContext())
		anybody.do(chromedp.Navigate(h.url + noSuchPage))
		anybody.sees("There is no such page")
		anybody.picture(shots, "not-found")
		anybody.click("There is no such page", "Back to the start")
		anybody.sees("Sign in")
	})

	run("refused by the provider", func(t *testing.T) {
		h := start(t)
		acme := newCustomer(t, browser, h, "Acme")
		acme.connect(headReady, "Connect your HR system")
		acme.play(headWaiting, "Refuse as the provider")
		acme.sees(headDeclined)
		acme.shows("ask an administrator")
		acme.do(chromedp.Click("//summary"))
		acme.shows("access_denied")
		acme.shows("The resource owner denied the request")
		acme.picture(shots, "declined")
	})

	run("expire", func(t *testing.T) {
		h := start(t)
		acme := newCustomer(t, browser, h, "Acme")
		acme.connect(headReady, "Connect your HR system")
		acme.play(headWaiting, "Let it expire")
		acme.sees(headExpired)
		acme.picture(shots, "expired")
	})

	run("the session's token expires", func(t *testing.T) {
		h := start(t)
		acme := newCustomer(t, browser, h, "Acme")
		acme.connect(headReady, "Connect your HR system")
		acme.sees(headWaiting)
		h.fake.Advance(sessionLife + time.Second)
		acme.sees(headExpired)
	})

	run("StackOne fails", func(t *testing.T) {
		h := start(t)
		acme := newCustomer(t, browser, h, "Acme")
		acme.play(headReady, "Fail the next session")
		// The new tab has no auth link to go to, and shows the application.
		other := acme.connect(headReady, "Connect your HR system")
		acme.sees(headFailed)
		other.sees(headFailed)
		acme.picture(shots, "failed")
		stackone := acme.connect(headFailed, "Try again")
		stackone.decides("connect")
		acme.sees(headConnected)
		other.sees(headConnected)
	})

	run("reload in the middle", func(t *testing.T) {
		h := start(t)
		acme := newCustomer(t, browser, h, "Acme")
		acme.connect(headReady, "Connect your HR system")
		acme.sees(headWaiting)
		acme.do(chromedp.Reload())
		acme.sees(headWaiting)
		assert.Len(t, h.fake.Sessions(), 1, "a reload makes no session")

		stackone := acme.opens(func() { acme.click(headWaiting, "Open StackOne") })
		stackone.decides("connect")
		acme.sees(headConnected)
		acme.do(chromedp.Reload())
		acme.sees(headConnected)
	})

	run("two customers at once", func(t *testing.T) {
		h := start(t)
		acme := newCustomer(t, browser, h, "Acme")
		cobalt := newCustomer(t, browser, h, "Cobalt Logistics")
		acmeAtStackOne := acme.connect(headReady, "Connect your HR system")
		cobaltAtStackOne := cobalt.connect(headReady, "Connect your HR system")
		acmeAtStackOne.shows("Acme")
		cobaltAtStackOne.shows("Cobalt Logistics")

		cobaltAtStackOne.decides("connect")
		cobalt.sees(headConnected)
		h.until(t, "customer-cobalt", knows("webhook", "account.created"))
		cobaltsAccount := h.until(t, "customer-cobalt", knows("waiter", "Connected")).Account.ID
		acme.do(chromedp.Reload())
		acme.sees(headWaiting)

		acmeAtStackOne.decides("decline")
		acme.sees(headCancelled)
		cobalt.do(chromedp.Reload())
		cobalt.sees(headConnected)
		cobalt.shows(cobaltsAccount)
	})

	run("without JavaScript", func(t *testing.T) {
		h := start(t)
		acme := newTab(t, browser, chromedp.WithNewBrowserContext())
		acme.do(withoutJavaScript(), chromedp.Navigate(h.url))
		acme.click("Sign in", "Acme")
		acme.click(headReady, "Connect your HR system")
		acme.sees(headWaiting)
		acme.shows("This page reloads every 3 seconds")
		acme.picture(shots, "waiting-without-javascript")
		stackone := acme.opens(func() { acme.click(headWaiting, "Open StackOne") })
		stackone.decides("connect")
		acme.sees(headConnected) // by the page's own refresh
	})

	run("by keyboard", func(t *testing.T) {
		h := start(t)
		acme := newCustomer(t, browser, h, "Acme")
		acme.sees(headReady)
		for range 20 { // tabs at most
			acme.do(chromedp.KeyEvent("\t"))
			if acme.eval("document.activeElement.closest('form.connect') !== null") {
				break
			}
		}
		assert.True(t, acme.eval("document.activeElement.matches('form.connect button:focus-visible')"))
		assert.True(t, acme.eval("getComputedStyle(document.activeElement).outlineStyle === 'solid'"), "the focus is seen")
		acme.picture(shots, "focus")
		stackone := acme.opens(func() { acme.do(chromedp.KeyEvent("\r")) })
		acme.sees(headWaiting)
		assert.True(t, acme.eval("document.activeElement.matches('#status h1')"), "the focus stays where the change is")
		stackone.decides("connect")
		acme.sees(headConnected)
		acme.do(chromedp.WaitReady("//*[@role='status'][contains(., 'Your HR system is connected')]"))
	})

	run("the Hub in the page", func(t *testing.T) {
		h := start(t, func(cfg *config) { cfg.hubScript = "testdata/hub.js" })
		acme := newCustomer(t, browser, h, "Acme")
		acme.click(headReady, "Connect your HR system")
		acme.sees("The Hub")
		h.until(t, "customer-acme", is(waiting))
		acme.picture(shots, "hub")
		session := h.fake.Sessions()[0]
		assert.True(t, acme.eval("document.querySelector('stackone-hub').getAttribute('token') === '"+session.Details().Token+"'"))
		assert.True(t, acme.eval("document.querySelector('stackone-hub').getAttribute('base-url') === '"+h.fake.URL+"'"))

		acme.click("The Hub", "Succeed")
		now := h.until(t, "customer-acme", knows("browser", "reports success"))
		assert.Equal(t, waiting, now.State, "the browser's word is not enough")
		require.NoError(t, session.Connect(""))
		acme.click("The Hub", "Leave")
		acme.sees(headConnected)
		assert.True(t, acme.eval("document.querySelector('stackone-hub') === null"), "the token leaves the page")
	})
}

func (tab tab) eval(expression string) bool {
	tab.t.Helper()
	yes, err := chromedp.Run(tab.ctx, chromedp.Evaluate[bool](expression))
	require.NoError(tab.t, err)
	return yes
}

// decides presses a button of the fake's consent page.
func (tab tab) decides(decision string) {
	tab.t.Helper()
	tab.do(chromedp.Click(chromedp.CSS("button[value=" + decision + "]")))
}

func withoutJavaScript() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
}
