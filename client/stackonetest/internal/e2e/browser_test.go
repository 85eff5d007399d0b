// Package e2e tests the fake with StackOne's own software from npm: the Hub, in a headless
// Chromium, and the TypeScript SDK. It also tests the page of the program stackone-fake.
// Tests are skipped if no browser or npm is installed, unless STACKONE_E2E is "required".
package e2e

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// timeout limits each step of a test. It is generous, for busy machines.
const timeout = time.Minute

// skip skips the test because something is not installed. It fails the test instead if
// STACKONE_E2E is "required".
func skip(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("STACKONE_E2E") == "required" {
		require.Failf(t, `the test cannot run, but STACKONE_E2E is "required"`, format, args...)
	}
	t.Skipf(format, args...)
}

// TestPublished tests the fake with the packages that StackOne publishes on npm.
func TestPublished(t *testing.T) {
	t.Parallel()
	dir := install(t)
	t.Run("Hub", func(t *testing.T) { t.Parallel(); testHub(t, dir) })
	t.Run("TypeScript SDK", func(t *testing.T) { t.Parallel(); testSDK(t, dir) })
}

// install returns a directory with the packages of the lock file. It installs them once,
// in the user's cache. If STACKONE_NPM_VERSION is set, to "latest" for example, it installs
// that version of StackOne's packages in a temporary directory.
func install(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		skip(t, "npm is not installed")
	}
	if version := os.Getenv("STACKONE_NPM_VERSION"); version != "" {
		dir := t.TempDir()
		npm(t, dir, "install", "@stackone/hub@"+version, "@stackone/stackone-client-ts@"+version)
		return dir
	}
	lock, err := os.ReadFile("testdata/npm/package-lock.json")
	require.NoError(t, err)
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	dir := filepath.Join(cache, "stackone-client-go", fmt.Sprintf("npm-%.8x", sha256.Sum256(lock)))
	if _, err := os.Stat(dir); err != nil {
		installing := fmt.Sprintf("%s-%d", dir, os.Getpid())
		require.NoError(t, os.MkdirAll(installing, 0o755))
		defer os.RemoveAll(installing)
		npm(t, installing, "ci")
		if err := os.Rename(installing, dir); err != nil {
			require.DirExists(t, dir, "if the rename fails, a concurrent run has installed the packages")
		}
	}
	return dir
}

// npm copies testdata/npm to a directory, and runs npm there.
func npm(t *testing.T, dir string, args ...string) {
	t.Helper()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/npm")))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", args...)
	npm.Dir = dir
	if output, err := npm.CombinedOutput(); err != nil {
		skip(t, "npm %s: %v\n%s", args[0], err, output)
	}
}

// startBrowser starts a headless browser for the test and its subtests.
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
		skip(t, "no browser found; tried chromium, chromium-browser and google-chrome")
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

// tab is a browser tab.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func newTab(t *testing.T, parent context.Context, options ...chromedp.ContextOption) tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 8*timeout)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx)) // opens the tab, which closes when ctx is done
	return tab{t, ctx}
}

func (tab tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, timeout)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		require.NoErrorf(tab.t, err, "on the page\n%s", tab.text("document.body.innerText"))
	}
}

// text evaluates a JavaScript expression. It returns "" if that fails.
func (tab tab) text(expression string) string {
	text, _ := chromedp.Run(tab.ctx, chromedp.Evaluate[string](expression))
	return text
}

// wait waits until a JavaScript expression is true.
func (tab tab) wait(expression string) {
	tab.t.Helper()
	poll[bool](tab, expression)
}

// poll waits until a JavaScript expression is truthy, and returns its value.
func poll[T any](tab tab, expression string) T {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, timeout)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Poll[T](expression, chromedp.WithPollingInterval(50*time.Millisecond)))
	if err != nil {
		tab.screenshot("failed")
		require.NoErrorf(tab.t, err, "waiting for %s on the page\n%s", expression, tab.text("typeof visibleText === 'undefined' ? document.body.innerText : visibleText()"))
	}
	return value
}

// screenshot saves a screenshot in the directory in E2E_SCREENSHOTS, if that is set.
func (tab tab) screenshot(name string) {
	tab.t.Helper()
	dir := os.Getenv("E2E_SCREENSHOTS")
	if dir == "" {
		return
	}
	tab.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error { // hidden tabs are not rendered
		_, err := cdp.Call(ctx, t, cdppage.BringToFront, cdp.Empty{})
		return err
	}))
	png, err := chromedp.Run(tab.ctx, chromedp.FullScreenshot(100))
	require.NoError(tab.t, err)
	require.NoError(tab.t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s.png", filepath.Base(tab.t.Name()), name)), png, 0o600))
}
