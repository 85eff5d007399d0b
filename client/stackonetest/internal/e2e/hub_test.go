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

// hubPage is a page with the real Hub, for a session of a fake.
type hubPage struct {
	tab
	srv     *stackonetest.Server
	session *stackonetest.Session
}

// shows waits for a text, in the Hub or beside it.
func (p hubPage) shows(text string) {
	p.t.Helper()
	encoded, err := json.Marshal(text)
	require.NoError(p.t, err)
	p.wait("shown().includes(" + string(encoded) + ")")
	p.t.Logf("the page shows %q", text)
}

// click presses the mouse on the element with the label, once that stands still.
func (p hubPage) click(label string) {
	p.t.Helper()
	at := poll[[]float64](p.tab, "still('"+label+"')")
	p.do(chromedp.MouseClickXY(at[0], at[1]))
	p.t.Logf("clicked %q", label)
}

// fill types a value into the field of that name, in place of what is there.
func (p hubPage) fill(name, value string) {
	p.t.Helper()
	p.click(name)
	p.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(2)), chromedp.KeyEvent(value)) // Ctrl-A selects all
	p.wait("shown().includes(' " + value + "')")
	// The Hub passes a value on in several steps, which a customer does not outrun.
	const idle = "(async () => { for (let i = 0; i < 5; i++) await scheduler.postTask(() => {}, {priority: 'background'}); return true })()"
	_, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](idle, chromedp.EvalAwaitPromise))
	require.NoError(p.t, err)
}

// popup does what opens the provider's window, and returns that.
func (p hubPage) popup(action func()) tab {
	p.t.Helper()
	self := chromedp.FromContext(p.ctx).Target.TargetID
	id := chromedp.WaitNewTarget(p.ctx, func(info *target.Info) bool {
		return info.OpenerID == self && strings.HasPrefix(info.URL, "http")
	})
	action()
	select {
	case id := <-id:
		p.t.Log("the Hub opened the provider's window")
		return newTab(p.t, p.ctx, chromedp.WithTargetID(id))
	case <-p.ctx.Done():
		require.FailNow(p.t, "no window was opened")
		return tab{}
	}
}

// testHub takes the real Hub through whole connections.
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

	// open opens the Hub for a session of Acme's, in another origin than the fake's.
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
		page.shows("HiBob")
		page.picture("picker")
		page.click("Greenhouse")
		provider := page.popup(func() { page.click("Connect") })
		provider.picture("provider")
		provider.do(chromedp.Click(chromedp.CSS("button[value=allow]")))
		page.shows(`success {"id":"45072196112800000001","provider":"greenhouse"}`)
		page.picture("success")
		details := page.session.Details()
		assert.Equal(t, "greenhouse", details.Provider)
		assert.Equal(t, gen.AttemptStatusAuthenticated, details.LatestConnectionAttempt.Status)
	})

	run("OAuth with a form", func(t *testing.T, srv *stackonetest.Server) {
		page := open(t, srv, gen.ConnectSessionCreate{Provider: "salesforce"})
		page.fill("instance", "acme.my.salesforce.com")
		provider := page.popup(func() { page.click("Connect") })
		provider.do(chromedp.Click(chromedp.CSS("button[value=allow]")))
		page.shows(`success {"id":"45072196112800000001","provider":"salesforce"}`)
	})

	run("OAuth decline", func(t *testing.T, srv *stackonetest.Server) {
		page := open(t, srv, gen.ConnectSessionCreate{Provider: "greenhouse"})
		provider := page.popup(func() { page.click("Connect") })
		provider.do(chromedp.Click(chromedp.CSS("button[value=deny]")))
		page.shows("The resource owner denied the request")
		page.picture("declined")
		assert.Equal(t, gen.AttemptStatusError, page.session.Details().LatestConnectionAttempt.Status)
	})

	run("OAuth cancel", func(t *testing.T, srv *stackonetest.Server) {
		page := open(t, srv, gen.ConnectSessionCreate{Provider: "greenhouse"})
		page.popup(func() { page.click("Connect") })
		page.click("Cancel and start over")
		require.Eventually(t, func() bool {
			return page.session.Details().LatestConnectionAttempt.Status == gen.AttemptStatusCancelled
		}, patience, 50*time.Millisecond)
		page.picture("cancelled")
	})

	run("API key connect", func(t *testing.T, srv *stackonetest.Server) {
		page := open(t, srv, gen.ConnectSessionCreate{Categories: []gen.Category{gen.CategoryHRIS}})
		page.shows("HiBob")
		page.click("BambooHR")
		page.fill("subdomain", "acme")
		page.fill("api_key", "0123456789")
		page.picture("form")
		page.click("Connect")
		page.shows(`success {"id":"45072196112800000001","provider":"bamboohr"}`)
		assert.Nil(t, page.session.Details().LatestConnectionAttempt, "it makes no attempt")
	})

	run("wrong key, then edit mode", func(t *testing.T, srv *stackonetest.Server) {
		page := open(t, srv, gen.ConnectSessionCreate{Provider: "bamboohr"})
		page.fill("subdomain", "acme")
		page.fill("api_key", "wrong")
		page.click("Connect")
		page.shows("Invalid credentials: BambooHR rejected the API key")
		page.picture("wrong-key")

		first := open(t, srv, gen.ConnectSessionCreate{Provider: "bamboohr"})
		first.fill("subdomain", "acme")
		first.fill("api_key", "0123456789")
		first.click("Connect")
		first.shows(`success {"id":"45072196112800000001","provider":"bamboohr"}`)

		edit := open(t, srv, gen.ConnectSessionCreate{Provider: "bamboohr"})
		edit.shows("subdomain")
		edit.shows("acme")
		edit.shows("6789")
		edit.picture("edit")
		edit.fill("subdomain", "acme-2")
		edit.click("Connect")
		edit.shows(`success {"id":"45072196112800000001","provider":"bamboohr"}`)
	})

	run("expired token", func(t *testing.T, srv *stackonetest.Server) {
		page := open(t, srv, gen.ConnectSessionCreate{})
		page.shows("BambooHR")
		srv.Advance(30 * time.Minute)
		page.do(chromedp.Reload())
		page.shows("No configured integrations available.")
		page.picture("expired")
		assert.NotContains(t, page.text("shown()"), "BambooHR", "it has no picker")
	})
}
