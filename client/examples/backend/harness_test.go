package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

// timeout limits each wait of a test. It is generous, for busy machines.
const timeout = time.Minute

// harness runs the application on an HTTP server, by default with SQLite and a fake StackOne.
type harness struct {
	*app
	url  string
	log  *logBuffer
	stop func()
}

// start runs the application until the test ends, and then waits until it has stopped.
func start(t *testing.T, options ...func(*config)) *harness {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := &logBuffer{}
	cfg := config{
		webhookSecrets: []string{"replaced below"},
		waiting:        connect.WaiterOptions{Interval: 20 * time.Millisecond, LooksPerMinute: -1}, log: slog.New(slog.NewTextHandler(log, nil)),
	}
	for _, o := range options {
		o(&cfg)
	}
	if cfg.store == nil {
		cfg.store = sqlite(t).open(t)
	}
	if cfg.fake == nil {
		cfg.fake = sharedFake(t)
	}
	cfg.client, cfg.authLinks, cfg.hubAPI = cfg.fake.Client(client.WithLogger(cfg.log)), cfg.fake.URL, cfg.fake.URL
	if cfg.webhookSecrets != nil {
		cfg.webhookSecrets = []string{cfg.fake.webhookSecret}
	}
	a, err := newApp(ctx, cfg)
	require.NoError(t, err)
	srv := httptest.NewServer(a.handler)
	if cfg.webhookSecrets != nil {
		cfg.fake.deliver(srv.URL + webhookPath)
	}
	stop := sync.OnceFunc(func() {
		cancel()
		srv.Close() // waits for open streams
		a.waits.running.Wait()
	})
	t.Cleanup(stop)
	return &harness{app: a, url: srv.URL, log: log, stop: stop}
}

// sharedFake returns a fake StackOne that several instances of the application can use.
func sharedFake(t *testing.T) *fake {
	f := newFake()
	t.Cleanup(func() {
		f.Close()
		assert.NoError(t, f.Verify())
	})
	return f
}

// withDatabase makes the application use the database.
func withDatabase(t *testing.T, d database) func(*config) {
	return func(cfg *config) { cfg.store = d.open(t) }
}

// withFake makes the application call the fake.
func withFake(f *fake) func(*config) {
	return func(cfg *config) { cfg.fake = f }
}

// inMemory returns the application with an in-memory fake StackOne, for use in a
// synctest bubble. Both stop when the test ends.
func inMemory(t *testing.T) (*harness, *stackonetest.Server) {
	t.Helper()
	return inMemoryOn(t, sqlite(t))
}

func inMemoryOn(t *testing.T, d database, options ...func(*config)) (*harness, *stackonetest.Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	fake := newFake(stackonetest.InMemory())
	t.Cleanup(fake.Close)
	t.Cleanup(cancel)
	cfg := config{client: fake.Client(), store: d.open(t), log: slog.New(slog.DiscardHandler)}
	for _, o := range options {
		o(&cfg)
	}
	a, err := newApp(ctx, cfg)
	require.NoError(t, err)
	return &harness{app: a, stop: cancel}, fake.Server
}

// pollingOnly disables the webhook.
func pollingOnly(cfg *config) { cfg.webhookSecrets = nil }

// waitFor waits until a customer's connection meets the condition.
func (h *harness) waitFor(t *testing.T, customerID string, condition func(connection) bool) connection {
	t.Helper()
	deadline := time.After(timeout)
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		now := h.connection(t, customerID)
		if condition(now) {
			return now
		}
		select {
		case <-poll.C:
		case <-deadline:
			require.FailNowf(t, "timed out waiting for a connection", "%+v", now)
		}
	}
}

// connection returns the current state of a customer's connection.
func (h *harness) connection(t *testing.T, customerID string) connection {
	t.Helper()
	now, err := h.store.connection(context.Background(), customerID)
	require.NoError(t, err)
	return now
}

func inState(want state) func(connection) bool {
	return func(c connection) bool { return c.State == want }
}

// hasStep is the condition that a step was reported via the waiter, webhook or browser.
func hasStep(via, text string) func(connection) bool {
	return func(c connection) bool {
		for _, s := range c.Steps {
			if s.Via == via && strings.Contains(s.Text, text) {
				return true
			}
		}
		return false
	}
}

// visitor is a minimal browser without JavaScript. It keeps cookies, follows redirects
// and submits forms.
type visitor struct {
	t       *testing.T
	http    *http.Client
	pageURL *url.URL
	page    *html.Node
	text    string // the HTML of the page
}

func newVisitor(t *testing.T, h *harness) *visitor {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	v := &visitor{t: t, http: &http.Client{Jar: jar, Timeout: timeout}}
	t.Cleanup(v.http.CloseIdleConnections)
	v.open(h.url + "/")
	return v
}

// signInAs returns a visitor who has signed in as the customer.
func signInAs(t *testing.T, h *harness, customer string) *visitor {
	t.Helper()
	v := newVisitor(t, h)
	v.press(customer)
	return v
}

func (v *visitor) open(ref string) {
	v.t.Helper()
	u, err := url.Parse(ref)
	require.NoError(v.t, err)
	if v.pageURL != nil {
		u = v.pageURL.ResolveReference(u)
	}
	res, err := v.http.Get(u.String())
	v.read(res, err)
}

func (v *visitor) read(res *http.Response, err error) {
	v.t.Helper()
	require.NoError(v.t, err)
	defer res.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(res.Body)
	require.NoError(v.t, err)
	require.Equal(v.t, http.StatusOK, res.StatusCode, body.String())
	v.pageURL = res.Request.URL
	v.text = body.String()
	v.page, err = html.ParseWithOptions(&body, html.ParseOptionEnableScripting(false))
	require.NoError(v.t, err)
}

// press submits the form of the button with this label.
func (v *visitor) press(label string) {
	v.t.Helper()
	button := find(v.page, func(n *html.Node) bool { return n.Data == "button" && strings.Contains(content(n), label) })
	require.NotNilf(v.t, button, "no button %q in\n%s", label, v.text)
	form := button
	for form.Data != "form" {
		form = form.Parent
		require.NotNil(v.t, form)
	}
	require.Equal(v.t, "post", attribute(form, "method"))
	values := url.Values{}
	for n := range form.Descendants() {
		if n.Data == "input" || n == button {
			values.Set(attribute(n, "name"), attribute(n, "value"))
		}
	}
	action, err := v.pageURL.Parse(attribute(form, "action"))
	require.NoError(v.t, err)
	res, err := v.http.PostForm(action.String(), values)
	v.read(res, err)
}

// follow opens the link with this label.
func (v *visitor) follow(label string) {
	v.t.Helper()
	link := find(v.page, func(n *html.Node) bool { return n.Data == "a" && strings.Contains(content(n), label) })
	require.NotNilf(v.t, link, "no link %q in\n%s", label, v.text)
	v.open(attribute(link, "href"))
}

func (v *visitor) heading() string {
	v.t.Helper()
	h1 := find(v.page, func(n *html.Node) bool { return n.Data == "h1" })
	require.NotNil(v.t, h1, v.text)
	return content(h1)
}

func find(in *html.Node, match func(*html.Node) bool) *html.Node {
	for n := range in.Descendants() {
		if n.Type == html.ElementNode && match(n) {
			return n
		}
	}
	return nil
}

func content(in *html.Node) string {
	var b strings.Builder
	for n := range in.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// logBuffer is a buffer that is safe for concurrent use.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *logBuffer) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

func (r *logBuffer) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

// fakeProvider is the provider on the fake's consent page.
const fakeProvider = "bamboohr"

// screenshotDir returns the directory for screenshots, or "" if none are wanted.
func screenshotDir(t *testing.T) string {
	dir := os.Getenv("BACKEND_SCREENSHOTS")
	if dir != "" {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	return dir
}
