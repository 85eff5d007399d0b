package e2e

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// TestPage uses the page of the program stackone-fake, with JavaScript disabled.
func TestPage(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	binary := filepath.Join(t.TempDir(), "stackone-fake")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/StackOneHQ/stackone-client-go/client/cmd/stackone-fake")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	program := exec.CommandContext(t.Context(), binary, "-addr", "127.0.0.1:0", "-key", "v1.test.key", "-webhook-url", "http://127.0.0.1:1/hook")
	program.Stderr = os.Stderr
	printed, err := program.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, program.Start())
	var address string
	for lines := bufio.NewScanner(printed); address == "" && lines.Scan(); {
		address = regexp.MustCompile(`http://127\.0\.0\.1:\d+/ `).FindString(lines.Text())
	}
	address = strings.TrimSpace(address)

	c, err := client.New(client.WithBaseURL(strings.TrimSuffix(address, "/")), client.WithAPIKey("v1.test.key"))
	require.NoError(t, err)
	create := func(request gen.ConnectSessionCreate) *gen.ConnectSessionTokenAuthLink {
		t.Helper()
		link, err := c.ConnectSessions.Create(t.Context(), request)
		require.NoError(t, err)
		return link
	}
	status := func(link *gen.ConnectSessionTokenAuthLink) gen.AttemptStatus {
		session, err := c.ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: link.Token})
		require.NoError(t, err)
		return session.LatestConnectionAttempt.Status
	}
	create(gen.ConnectSessionCreate{OriginOwnerID: "customer-7", OriginOwnerName: "Globex <Corporation>", Provider: "hibob", ExpiresIn: 60})
	link := create(gen.ConnectSessionCreate{OriginOwnerID: "customer-42", OriginOwnerName: "Acme"})

	tab := newTab(t, browser, chromedp.WithNewBrowserContext())
	press := func(label string) { // and wait for the next page
		t.Helper()
		tab.do(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			click := chromedp.Click("(//button[normalize-space()='" + label + "'])[1]")
			_, err := chromedp.WaitEvent(page.LoadEventFired, nil, click)(ctx, target)
			return chromedp.Void{}, err
		})
	}
	waitForText := func(text string) {
		t.Helper()
		tab.do(chromedp.WaitVisible("//body[contains(., \"" + text + "\")]"))
	}
	tab.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}), chromedp.EmulateViewport(1200, 900), chromedp.Navigate(address))
	waitForText("Globex <Corporation>")
	press("Begin")
	waitForText("pending")
	assert.Equal(t, gen.AttemptStatusPending, status(link))
	press("Decline")
	waitForText("access_denied")
	press("Cancel")
	waitForText("cancelled")
	press("Expire")
	waitForText("expired (attempt")
	press("Connect")
	waitForText("bamboohr")
	assert.Equal(t, gen.AttemptStatusAuthenticated, status(link))
	press("Move")
	waitForText("has expired")
	press("Inject")
	waitForText("Clear the faults")
	_, err = c.ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme"})
	require.ErrorIs(t, err, client.ErrBadGateway)
	tab.do(chromedp.Navigate(address + "?follow"))
	waitForText("injected fault")
	waitForText("account.created")
	for name, width := range map[string]int64{"wide": 1200, "phone": 360} {
		tab.do(chromedp.EmulateViewport(width, 900))
		tab.screenshot(name)
	}
	press("Forget everything")
	waitForText("POST /connect_sessions makes one")

	require.NoError(t, program.Process.Signal(syscall.SIGTERM))
	require.NoError(t, program.Wait(), "SIGTERM stops the program cleanly")
	_, err = http.Get(address)
	require.Error(t, err)
}
