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

// startBrowser starts a headless browser for the test and its subtests, and skips
// the test where there is none.
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
		t.Skip("no browser found: chromium, chromium-browser or google-chrome")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.NoSandbox, chromedp.DisableGPU, // root in a container, without a graphics card
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-features", "Translate,WebUIOmniboxPopup,WebUIOmniboxAimPopup,SpareRendererForSitePerProcess"), // each a process
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(t.Logf))
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx)) // starts it
	return ctx
}

// tab is a tab of the browser. Uncaught exceptions, and errors that the browser
// logs, such as of the Content-Security-Policy, fail the test.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// newCustomer opens the application in a browser context of its own, which shares
// no cookie with others, and signs in.
func newCustomer(t *testing.T, browser context.Context, h *harness, name string) tab {
	t.Helper()
	customer := newTab(t, browser, chromedp.WithNewBrowserContext())
	customer.do(chromedp.EmulateViewport(1100, 800), chromedp.Navigate(h.url))
	customer.play("Sign in", name)
	return customer
}

func newTab(t *testing.T, parent context.Context, options ...chromedp.ContextOption) tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	ctx, cancelLate := context.WithTimeout(ctx, 8*patience)
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
		cancelLate()
		cancel()
	})
	return tab{t, ctx}
}

func (tab tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		page, _ := chromedp.Run(tab.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		require.NoErrorf(tab.t, err, "on the page\n%s", page)
	}
}

// sees waits for a heading.
func (tab tab) sees(heading string) {
	tab.t.Helper()
	tab.do(chromedp.WaitVisible(fmt.Sprintf("//*[self::h1 or self::h2][normalize-space()=%q]", heading)))
}

// shows waits for a text.
func (tab tab) shows(text string) {
	tab.t.Helper()
	tab.do(chromedp.WaitVisible(fmt.Sprintf("//main//*[contains(text(), %q)]", text)))
}

// click clicks a button or link, once the heading is there.
func (tab tab) click(heading, label string) {
	tab.t.Helper()
	tab.sees(heading)
	tab.do(press(label))
}

func press(label string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(fmt.Sprintf("//*[self::button or self::a][contains(normalize-space(), %q)]", label))
}

// play presses a button that loads a page, and waits until the page's scripts have run.
func (tab tab) play(heading, label string) {
	tab.t.Helper()
	tab.sees(heading)
	tab.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.WaitEvent(cdppage.LoadEventFired, nil, press(label))(ctx, t)
		return chromedp.Void{}, err
	})
}

// opens does what opens a new tab, and returns that.
func (tab tab) opens(action func()) (opened tab) {
	tab.t.Helper()
	self := chromedp.FromContext(tab.ctx).Target.TargetID
	id := chromedp.WaitNewTarget(tab.ctx, func(info *target.Info) bool {
		return info.OpenerID == self && strings.HasPrefix(info.URL, "http")
	})
	action()
	select {
	case id := <-id:
		return newTab(tab.t, tab.ctx, chromedp.WithTargetID(id))
	case <-tab.ctx.Done():
		require.FailNow(tab.t, "no tab was opened")
		return opened
	}
}

// connect presses the button, which opens StackOne in a new tab.
func (tab tab) connect(heading, label string) (opened tab) {
	tab.t.Helper()
	return tab.opens(func() { tab.click(heading, label) })
}

// picture checks that the page fits the screen, in light and dark and on a phone, and
// takes pictures of it if there is a directory for them.
func (tab tab) picture(dir, name string) {
	tab.t.Helper()
	tab.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error { // a hidden tab draws nothing
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
