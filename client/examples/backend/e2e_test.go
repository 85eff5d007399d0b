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
	headDeclined  = "The connection was declined"
	headCancelled = "You cancelled the connection"
	headExpired   = "Time ran out"
	headFailed    = "We cannot connect you right now"
)

// noSuchPage is a path without a page. Its 404 does not fail a test.
const noSuchPage = "/no-such-page"

func TestBrowser(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	shots := screenshotDir(t)

	run := func(name string, test func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t) })
	}

	run("connect", func(t *testing.T) {
		h := start(t)
		acme := newTab(t, browser, chromedp.WithNewBrowserContext())
		acme.do(chromedp.Navigate(h.url))
		acme.waitForHeading("Sign in")
		acme.screenshot(shots, "signed-out")
		acme.clickAndLoad("Sign in", "Acme")
		acme.waitForHeading(headReady)
		acme.screenshot(shots, "ready")

		stackone := acme.connect(headReady, "Connect your HR system")
		acme.waitForHeading(headWaiting)
		acme.waitForText("Waiting for you to sign in")
		acme.screenshot(shots, "waiting")
		require.NoError(t, h.fake.Sessions()[0].Begin())
		acme.waitForHeading("You are signing in")
		acme.screenshot(shots, "signing-in")

		stackone.decide("connect")
		stackone.waitForHeading("Connected")
		acme.waitForHeading(headConnected)
		now := h.waitFor(t, "customer-acme", hasStep("webhook", "account.created"))
		acme.waitForText(now.Account.ID)
		acme.waitForText(fakeProvider)
		h.waitFor(t, "customer-acme", hasStep("waiter", "Connected"))
		acme.screenshot(shots, "connected")
	})

	run("decline and try again", func(t *testing.T) {
		h := start(t)
		acme := newCustomerTab(t, browser, h, "Acme")
		stackone := acme.connect(headReady, "Connect your HR system")
		stackone.decide("decline")
		acme.waitForHeading(headCancelled)
		acme.screenshot(shots, "cancelled")

		again := acme.connect(headCancelled, "Try again")
		again.decide("connect")
		acme.waitForHeading(headConnected)
	})

	run("earlier connection", func(t *testing.T) {
		h := start(t)
		acme := newCustomerTab(t, browser, h, "Acme")
		acme.connect(headReady, "Connect your HR system").decide("connect")
		account := h.waitFor(t, "customer-acme", hasStep("webhook", "account.created")).Account
		h.waitFor(t, "customer-acme", hasStep("waiter", "Connected"))
		acme.connect(headConnected, "Connect again").decide("decline")
		acme.waitForHeading(headCancelled)
		acme.waitForHeading("Your earlier connection is still active")
		acme.waitForText(account.ID)
		assert.True(t, acme.eval(`document.querySelector("h2").getBoundingClientRect().top -
			document.querySelector("form.connect").getBoundingClientRect().bottom >= 24`), "there is space above the heading")
		acme.screenshot(shots, "earlier-connection")
	})

	run("no such page", func(t *testing.T) {
		h := start(t)
		visitor := newTab(t, browser, chromedp.WithNewBrowserContext())
		visitor.do(chromedp.Navigate(h.url + noSuchPage))
		visitor.waitForHeading("Page not found")
		visitor.screenshot(shots, "not-found")
		visitor.click("Page not found", "Back to the start")
		visitor.waitForHeading("Sign in")
	})

	run("denied by the provider", func(t *testing.T) {
		h := start(t)
		acme := newCustomerTab(t, browser, h, "Acme")
		acme.connect(headReady, "Connect your HR system")
		acme.clickAndLoad(headWaiting, "Deny access")
		acme.waitForHeading(headDeclined)
		acme.waitForText("ask an administrator")
		acme.do(chromedp.Click("//summary"))
		acme.waitForText("access_denied")
		acme.waitForText("The resource owner denied the request")
		acme.screenshot(shots, "declined")
	})

	run("attempt expires", func(t *testing.T) {
		h := start(t)
		acme := newCustomerTab(t, browser, h, "Acme")
		acme.connect(headReady, "Connect your HR system")
		acme.clickAndLoad(headWaiting, "Expire the attempt")
		acme.waitForHeading(headExpired)
		acme.screenshot(shots, "expired")
	})

	run("token expires", func(t *testing.T) {
		h := start(t)
		acme := newCustomerTab(t, browser, h, "Acme")
		acme.connect(headReady, "Connect your HR system")
		acme.waitForHeading(headWaiting)
		h.fake.Advance(sessionLife + time.Second)
		acme.waitForHeading(headExpired)
	})

	run("StackOne fails", func(t *testing.T) {
		h := start(t)
		acme := newCustomerTab(t, browser, h, "Acme")
		acme.clickAndLoad(headReady, "Fail the next session")
		// There is no auth link, so the new tab shows the application.
		other := acme.connect(headReady, "Connect your HR system")
		acme.waitForHeading(headFailed)
		other.waitForHeading(headFailed)
		acme.screenshot(shots, "failed")
		stackone := acme.connect(headFailed, "Try again")
		stackone.decide("connect")
		acme.waitForHeading(headConnected)
		other.waitForHeading(headConnected)
	})

	run("reload while waiting", func(t *testing.T) {
		h := start(t)
		acme := newCustomerTab(t, browser, h, "Acme")
		acme.connect(headReady, "Connect your HR system")
		acme.waitForHeading(headWaiting)
		acme.do(chromedp.Reload())
		acme.waitForHeading(headWaiting)
		assert.Len(t, h.fake.Sessions(), 1, "a reload does not create a session")

		stackone := acme.newTabFrom(func() { acme.click(headWaiting, "Open StackOne") })
		stackone.decide("connect")
		acme.waitForHeading(headConnected)
		acme.do(chromedp.Reload())
		acme.waitForHeading(headConnected)
	})

	run("two customers concurrently", func(t *testing.T) {
		h := start(t)
		acme := newCustomerTab(t, browser, h, "Acme")
		cobalt := newCustomerTab(t, browser, h, "Cobalt Logistics")
		acmeAtStackOne := acme.connect(headReady, "Connect your HR system")
		cobaltAtStackOne := cobalt.connect(headReady, "Connect your HR system")
		acmeAtStackOne.waitForText("Acme")
		cobaltAtStackOne.waitForText("Cobalt Logistics")

		cobaltAtStackOne.decide("connect")
		cobalt.waitForHeading(headConnected)
		h.waitFor(t, "customer-cobalt", hasStep("webhook", "account.created"))
		cobaltAccount := h.waitFor(t, "customer-cobalt", hasStep("waiter", "Connected")).Account.ID
		acme.do(chromedp.Reload())
		acme.waitForHeading(headWaiting)

		acmeAtStackOne.decide("decline")
		acme.waitForHeading(headCancelled)
		cobalt.do(chromedp.Reload())
		cobalt.waitForHeading(headConnected)
		cobalt.waitForText(cobaltAccount)
	})

	run("without JavaScript", func(t *testing.T) {
		h := start(t)
		acme := newTab(t, browser, chromedp.WithNewBrowserContext())
		acme.do(withoutJavaScript(), chromedp.Navigate(h.url))
		acme.click("Sign in", "Acme")
		acme.click(headReady, "Connect your HR system")
		acme.waitForHeading(headWaiting)
		acme.waitForText("This page reloads every 3 seconds")
		acme.screenshot(shots, "waiting-without-javascript")
		stackone := acme.newTabFrom(func() { acme.click(headWaiting, "Open StackOne") })
		stackone.decide("connect")
		acme.waitForHeading(headConnected) // after the page has reloaded itself
	})

	run("keyboard", func(t *testing.T) {
		h := start(t)
		acme := newCustomerTab(t, browser, h, "Acme")
		acme.waitForHeading(headReady)
		for range 20 { // presses of the Tab key, at most
			acme.do(chromedp.KeyEvent("\t"))
			if acme.eval("document.activeElement.closest('form.connect') !== null") {
				break
			}
		}
		assert.True(t, acme.eval("document.activeElement.matches('form.connect button:focus-visible')"))
		assert.True(t, acme.eval("getComputedStyle(document.activeElement).outlineStyle === 'solid'"), "the focus is visible")
		acme.screenshot(shots, "focus")
		stackone := acme.newTabFrom(func() { acme.do(chromedp.KeyEvent("\r")) })
		acme.waitForHeading(headWaiting)
		assert.True(t, acme.eval("document.activeElement.matches('#status h1')"), "the focus moves to the new heading")
		stackone.decide("connect")
		acme.waitForHeading(headConnected)
		acme.do(chromedp.WaitReady("//*[@role='status'][contains(., 'Your HR system is connected')]"))
	})

	run("Hub in the page", func(t *testing.T) {
		h := start(t, func(cfg *config) { cfg.hubScript = "testdata/hub.js" })
		acme := newCustomerTab(t, browser, h, "Acme")
		acme.click(headReady, "Connect your HR system")
		acme.waitForHeading("The Hub")
		h.waitFor(t, "customer-acme", inState(waiting))
		acme.screenshot(shots, "hub")
		session := h.fake.Sessions()[0]
		assert.True(t, acme.eval("document.querySelector('stackone-hub').getAttribute('token') === '"+session.Details().Token+"'"))
		assert.True(t, acme.eval("document.querySelector('stackone-hub').getAttribute('base-url') === '"+h.fake.URL+"'"))

		acme.click("The Hub", "Succeed")
		now := h.waitFor(t, "customer-acme", hasStep("browser", "reports success"))
		assert.Equal(t, waiting, now.State, "the Hub's event does not prove the connection")
		require.NoError(t, session.Connect(""))
		acme.click("The Hub", "Leave")
		acme.waitForHeading(headConnected)
		assert.True(t, acme.eval("document.querySelector('stackone-hub') === null"), "closing the Hub removes the token from the page")
	})
}

func (tab tab) eval(expression string) bool {
	tab.t.Helper()
	value, err := chromedp.Run(tab.ctx, chromedp.Evaluate[bool](expression))
	require.NoError(tab.t, err)
	return value
}

// decide clicks a button on the fake's consent page.
func (tab tab) decide(decision string) {
	tab.t.Helper()
	tab.do(chromedp.Click(chromedp.CSS("button[value=" + decision + "]")))
}

func withoutJavaScript() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
}
