package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/hub"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// hubPage is a page with the Hub for a session of a fake.
type hubPage struct {
	tab
	srv     *stackonetest.Server
	session *stackonetest.Session
}

// waitForText waits until the text is visible, in the Hub or elsewhere on the page.
func (p hubPage) waitForText(text string) {
	p.t.Helper()
	encoded, err := json.Marshal(text)
	require.NoError(p.t, err)
	p.wait("visibleText().includes(" + string(encoded) + ")")
	p.t.Logf("the page shows %q", text)
}

// click clicks the element with this label, or the field with this name, when it has
// stopped moving.
func (p hubPage) click(label string) {
	p.t.Helper()
	at := poll[[]float64](p.tab, "settledPosition('"+label+"')")
	p.do(chromedp.MouseClickXY(at[0], at[1]))
	p.t.Logf("clicked %q", label)
}

// fill replaces the value of the field with this name.
func (p hubPage) fill(name, value string) {
	p.t.Helper()
	p.click(name)
	p.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(2)), chromedp.KeyEvent(value)) // Ctrl-A selects all
	p.wait("visibleText().includes(' " + value + "')")
	// The Hub processes input in several tasks. Wait for them, because a test can click
	// faster than a customer.
	const idle = "(async () => { for (let i = 0; i < 5; i++) await scheduler.postTask(() => {}, {priority: 'background'}); return true })()"
	_, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](idle, chromedp.EvalAwaitPromise))
	require.NoError(p.t, err)
}

// popup performs the action, and returns the provider's window that it opens.
func (p hubPage) popup(action func()) tab {
	p.t.Helper()
	opener := chromedp.FromContext(p.ctx).Target.TargetID
	id := chromedp.WaitNewTarget(p.ctx, func(info *target.Info) bool {
		return info.OpenerID == opener && strings.HasPrefix(info.URL, "http")
	})
	action()
	select {
	case id := <-id:
		p.t.Log("the Hub opened the provider's window")
		return newTab(p.t, p.ctx, chromedp.WithTargetID(id))
	case <-p.ctx.Done():
		require.FailNow(p.t, "no window opened")
		return tab{}
	}
}

// testHub connects customers with the Hub.
func testHub(t *testing.T, dir string) {
	browser := startBrowser(t)
	dir = filepath.Join(dir, "node_modules", "@stackone", "hub")
	script := filepath.Join(dir, "dist", "webcomponent.js")
	manifest, err := os.ReadFile(filepath.Join(dir, "package.json"))
	require.NoError(t, err)
	var published struct{ Version string }
	require.NoError(t, json.Unmarshal(manifest, &published))
	t.Logf("@stackone/hub %s", published.Version)

	mux := http.NewServeMux()
	mux.HandleFunc("/hub.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, script) })
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "testdata/host.html") })
	host := httptest.NewServer(mux)
	t.Cleanup(host.Close)

	// open opens the Hub for a session of Acme, on a page of another origin than the fake.
	open := func(t *testing.T, srv *stackonetest.Server, request gen.ConnectSessionCreate) hubPage {
		t.Helper()
		request.OriginOwnerID, request.OriginOwnerName = "acme", "Acme"
		link, err := srv.Client().ConnectSessions.Create(t.Context(), request)
		require.NoError(t, err)
		page := hubPage{newTab(t, browser, chromedp.WithNewBrowserContext()), srv, srv.Session(link.Token)}
		query := url.Values{"token": {link.Token}, "base-url": {srv.URL}, "app-url": {srv.URL}}
		page.do(chromedp.EmulateViewport(700, 800), chromedp.Navigate(host.URL+"/?"+query.Encode()))
		return page
	}
	run := func(name string, test func(*testing.T, *stackonetest.Server)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := stackonetest.NewTestServer(t)
			hub.Serve(srv)
			test(t, srv)
		})
	}

	run("OAuth connect", func(t *testing.T, srv *stackonetest.Server) {
		page := open(t, srv, gen.ConnectSessionCreate{})
		page.waitForText("HiBob")
		page.screenshot("picker")
		page.click("Greenhouse")
		provider := page.popup(func() { page.click("Connect") })
		provider.screenshot("provider")
		provider.do(chromedp.Click(chromedp.CSS("button[value=allow]")))
		page.waitForText(`success {"id":"45072196112800000001","provider":"greenhouse"}`)
		page.screenshot("success")
		details := page.session.Details()
		assert.Equal(t, "greenhouse", details.Provider)
		assert.Equal(t, gen.AttemptStatusAuthenticated, details.LatestConnectionAttempt.Status)
	})

	run("OAuth with a form", func(t *testing.T, srv *stackonetest.Server) {
		page := open(t, srv, gen.ConnectSessionCreate{Provider: "salesforce"})
		page.fill("instance", "acme.my.salesforce.com")
		provider := page.popup(func() { page.click("Connect") })
		provider.do(chromedp.Click(chromedp.CSS("button[value=allow]")))
		page.waitForText(`success {"id":"45072196112800000001","provider":"salesforce"}`)
	})

	run("OAuth decline", func(t *testing.T, srv *stackonetest.Server) {
		page := open(t, srv, gen.ConnectSessionCreate{Provider: "greenhouse"})
		provider := page.popup(func() { page.click("Connect") })
		provider.do(chromedp.Click(chromedp.CSS("button[value=deny]")))
		page.waitForText("The resource owner denied the request")
		page.screenshot("declined")
		assert.Equal(t, gen.AttemptStatusError, page.session.Details().LatestConnectionAttempt.Status)
	})

	run("OAuth cancel", func(t *testing.T, srv *stackonetest.Server) {
		page := open(t, srv, gen.ConnectSessionCreate{Provider: "greenhouse"})
		page.popup(func() { page.click("Connect") })
		page.click("Cancel and start over")
		require.Eventually(t, func() bool {
			return page.session.Details().LatestConnectionAttempt.Status == gen.AttemptStatusCancelled
		}, timeout, 50*time.Millisecond)
		page.screenshot("cancelled")
	})

	run("API key connect", func(t *testing.T, srv *stackonetest.Server) {
		page := open(t, srv, gen.ConnectSessionCreate{Categories: []gen.Category{gen.CategoryHRIS}})
		page.waitForText("HiBob")
		page.click("BambooHR")
		page.fill("subdomain", "acme")
		page.fill("api_key", "0123456789")
		page.screenshot("form")
		page.click("Connect")
		page.waitForText(`success {"id":"45072196112800000001","provider":"bamboohr"}`)
		assert.Nil(t, page.session.Details().LatestConnectionAttempt, "connectors with an API key create no attempt")
	})

	run("wrong key, then edit mode", func(t *testing.T, srv *stackonetest.Server) {
		page := open(t, srv, gen.ConnectSessionCreate{Provider: "bamboohr"})
		page.fill("subdomain", "acme")
		page.fill("api_key", "wrong")
		page.click("Connect")
		page.waitForText("Invalid credentials: BambooHR rejected the API key")
		page.screenshot("wrong-key")

		first := open(t, srv, gen.ConnectSessionCreate{Provider: "bamboohr"})
		first.fill("subdomain", "acme")
		first.fill("api_key", "0123456789")
		first.click("Connect")
		first.waitForText(`success {"id":"45072196112800000001","provider":"bamboohr"}`)

		edit := open(t, srv, gen.ConnectSessionCreate{Provider: "bamboohr"})
		edit.waitForText("subdomain")
		edit.waitForText("acme")
		edit.waitForText("6789")
		edit.screenshot("edit")
		edit.fill("subdomain", "acme-2")
		edit.click("Connect")
		edit.waitForText(`success {"id":"45072196112800000001","provider":"bamboohr"}`)
	})

	run("expired token", func(t *testing.T, srv *stackonetest.Server) {
		page := open(t, srv, gen.ConnectSessionCreate{})
		page.waitForText("BambooHR")
		srv.Advance(30 * time.Minute)
		page.do(chromedp.Reload())
		page.waitForText("No configured integrations available.")
		page.screenshot("expired")
		assert.NotContains(t, page.text("visibleText()"), "BambooHR", "the Hub does not list connectors")
	})
}
