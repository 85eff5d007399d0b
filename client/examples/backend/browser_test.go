package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startBrowser starts a headless browser for the test and its subtests. It skips the
// test if no browser is installed.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no browser found; tried chromium, chromium-browser and google-chrome")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.NoSandbox, chromedp.DisableGPU, // for root in a container without a GPU
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-features", "Translate,WebUIOmniboxPopup,WebUIOmniboxAimPopup,SpareRendererForSitePerProcess"), // each needs a process
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(t.Logf))
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx)) // starts the browser
	return ctx
}

// tab is a browser tab. Uncaught exceptions and errors that the browser logs, such as
// violations of the Content-Security-Policy, fail the test.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// newCustomerTab opens the application in a new browser context, which has its own
// cookies, and signs in as the customer.
func newCustomerTab(t *testing.T, browser context.Context, h *harness, name string) tab {
	t.Helper()
	customer := newTab(t, browser, chromedp.WithNewBrowserContext())
	customer.do(chromedp.EmulateViewport(1100, 800), chromedp.Navigate(h.url))
	customer.clickAndLoad("Sign in", name)
	return customer
}

func newTab(t *testing.T, parent context.Context, options ...chromedp.ContextOption) tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	ctx, cancelTimeout := context.WithTimeout(ctx, 8*timeout)
	var mu sync.Mutex
	var errs []string
	require.NoError(t, chromedp.Listen(ctx, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			errs = append(errs, fmt.Sprintf("%s %+v", ev.ExceptionDetails.Text, ev.ExceptionDetails.Exception))
		case *cdplog.EventEntryAdded:
			if ev.Entry.Level == cdplog.EntryLevelError && !strings.HasSuffix(ev.Entry.URL, noSuchPage) {
				errs = append(errs, ev.Entry.Text+" "+ev.Entry.URL)
			}
		}
	}))
	t.Cleanup(func() {
		mu.Lock()
		assert.Empty(t, errs, "errors in the browser")
		mu.Unlock()
		cancelTimeout()
		cancel()
	})
	return tab{t, ctx}
}

func (tab tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, timeout)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		page, _ := chromedp.Run(tab.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		require.NoErrorf(tab.t, err, "on the page\n%s", page)
	}
}

// waitForHeading waits until the heading is visible.
func (tab tab) waitForHeading(heading string) {
	tab.t.Helper()
	tab.do(chromedp.WaitVisible(fmt.Sprintf("//*[self::h1 or self::h2][normalize-space()=%q]", heading)))
}

// waitForText waits until the text is visible.
func (tab tab) waitForText(text string) {
	tab.t.Helper()
	tab.do(chromedp.WaitVisible(fmt.Sprintf("//main//*[contains(text(), %q)]", text)))
}

// click clicks a button or link when the heading is visible.
func (tab tab) click(heading, label string) {
	tab.t.Helper()
	tab.waitForHeading(heading)
	tab.do(clickLabel(label))
}

func clickLabel(label string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(fmt.Sprintf("//*[self::button or self::a][contains(normalize-space(), %q)]", label))
}

// clickAndLoad clicks a button that loads a page, and waits until the page and its scripts
// have loaded.
func (tab tab) clickAndLoad(heading, label string) {
	tab.t.Helper()
	tab.waitForHeading(heading)
	tab.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.WaitEvent(cdppage.LoadEventFired, nil, clickLabel(label))(ctx, t)
		return chromedp.Void{}, err
	})
}

// newTabFrom performs the action, and returns the tab that it opens.
func (tab tab) newTabFrom(action func()) (opened tab) {
	tab.t.Helper()
	opener := chromedp.FromContext(tab.ctx).Target.TargetID
	id := chromedp.WaitNewTarget(tab.ctx, func(info *target.Info) bool {
		return info.OpenerID == opener && strings.HasPrefix(info.URL, "http")
	})
	action()
	select {
	case id := <-id:
		return newTab(tab.t, tab.ctx, chromedp.WithTargetID(id))
	case <-tab.ctx.Done():
		require.FailNow(tab.t, "no tab opened")
		return opened
	}
}

// connect clicks the button, and returns the new tab with StackOne.
func (tab tab) connect(heading, label string) (opened tab) {
	tab.t.Helper()
	return tab.newTabFrom(func() { tab.click(heading, label) })
}

// screenshot checks that the page is not wider than a desktop or phone screen. If dir is
// not empty, it also saves screenshots, including one in dark mode.
func (tab tab) screenshot(dir, name string) {
	tab.t.Helper()
	tab.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error { // hidden tabs are not rendered
		_, err := cdp.Call(ctx, t, cdppage.BringToFront, cdp.Empty{})
		return err
	}))
	for _, variant := range []struct {
		name, scheme  string
		width, height int64
	}{
		{"light", "light", 1100, 800}, {"dark", "dark", 1100, 800}, {"phone", "light", 360, 740},
	} {
		tab.do(chromedp.EmulateViewport(variant.width, variant.height), colorScheme(variant.scheme))
		overflow, err := chromedp.Run(tab.ctx, chromedp.Evaluate[int]("document.documentElement.scrollWidth - innerWidth"))
		require.NoError(tab.t, err)
		assert.LessOrEqualf(tab.t, overflow, 0, "%s is wider than a %s screen", name, variant.name)
		if dir == "" {
			continue
		}
		png, err := chromedp.Run(tab.ctx, chromedp.FullScreenshot(100))
		require.NoError(tab.t, err)
		require.NoError(tab.t, os.WriteFile(filepath.Join(dir, name+"-"+variant.name+".png"), png, 0o644))
	}
	tab.do(chromedp.EmulateViewport(1100, 800))
}

func colorScheme(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}
