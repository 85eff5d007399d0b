package main

import (
	"context"
	"crypto/rand"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

const webhookPath = "/webhooks/stackone"

//go:embed templates static
var files embed.FS

// config is what the application needs to know.
type config struct {
	client         *client.Client
	webhookSecrets []string      // none: there is no webhook endpoint
	authLinks      string        // where auth links lead to, as a source of a Content-Security-Policy
	hubScript      string        // the file of the Hub's web component; empty: auth links only
	pollInterval   time.Duration // 0: the Waiter's default, as of the following
	looksPerMinute int
	log            *slog.Logger
	fake           *fake // nil: the client calls StackOne
}

// app is the application. It is safe for concurrent use.
type app struct {
	config
	handler     http.Handler
	ctx         context.Context // the application's life: ends waits and streams
	waits       sync.WaitGroup
	waiter      *connect.Waiter
	connections *connections
	cookieKey   []byte
	templates   *template.Template
}

// newApp makes the application, which works until ctx is done. Wait for app.waits
// before the program ends.
func newApp(ctx context.Context, cfg config) (*app, error) {
	a := &app{config: cfg, ctx: ctx, connections: newConnections(), cookieKey: make([]byte, 32)}
	rand.Read(a.cookieKey) // a key of its own for each run: everybody signs in anew
	a.waiter = connect.NewWaiter(a.client, connect.WaiterOptions{
		Interval: a.pollInterval, LooksPerMinute: a.looksPerMinute, Progress: a.connections.progress,
	})
	var err error
	if a.templates, err = parseTemplates(); err != nil {
		return nil, err
	}
	a.handler, err = a.routes()
	return a, err
}

func (a *app) routes() (http.Handler, error) {
	browser := http.NewServeMux()
	browser.HandleFunc("GET /{$}", a.showPage)
	browser.HandleFunc("GET /events", a.streamEvents)
	browser.HandleFunc("POST /sign-in", a.signIn)
	browser.HandleFunc("POST /sign-out", a.signOut)
	browser.HandleFunc("POST /connect", a.connect)
	browser.HandleFunc("GET /open", a.openAuthLink)
	browser.Handle("GET /static/", revalidated(http.FileServerFS(files)))

	if a.hubScript != "" {
		if err := a.hubRoutes(browser); err != nil {
			return nil, err
		}
	}
	if a.fake != nil {
		browser.HandleFunc("POST /fake", a.playFake)
	}

	// No other site can make a signed-in customer's browser change anything here.
	sameOrigin := http.NewCrossOriginProtection().Handler(browser)

	mux := http.NewServeMux()
	mux.Handle("/", http.MaxBytesHandler(a.secureHeaders(sameOrigin), 64<<10))
	if len(a.webhookSecrets) > 0 {
		// Not a browser's: its proof is the signature.
		events, err := webhook.NewHandler(a.webhookSecrets, a.takeEvent)
		if err != nil {
			return nil, err
		}
		mux.Handle(webhookPath, events)
	}
	return mux, nil
}

// hubRoutes mounts what the page with StackOne's Hub needs.
func (a *app) hubRoutes(mux *http.ServeMux) error {
	script, err := os.ReadFile(a.hubScript)
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /hub.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		w.Write(script)
	})
	mux.Handle("/api/session", &connect.SessionHandler{
		Client: a.client, Session: a.sessionOf, Timeout: createTimeout, Logger: a.log,
	})
	mux.HandleFunc("POST /api/hub/opened", a.hubOpened)
	mux.HandleFunc("POST /api/hub/succeeded", a.hubSucceeded)
	return nil
}

// stackone is the base URL that the Hub calls.
func (a *app) stackone() string {
	if a.fake != nil {
		return a.fake.URL
	}
	return client.DefaultBaseURL
}

// secureHeaders lets a page load what this server serves, and nothing else. Every
// answer may be a customer's own, so nobody keeps one.
func (a *app) secureHeaders(next http.Handler) http.Handler {
	// Browsers check form-action along redirects, and /connect may lead to an auth link.
	policy := []string{
		"default-src 'none'", "script-src 'self'", "form-action 'self' " + a.authLinks,
		"base-uri 'none'", "frame-ancestors 'none'",
	}
	if a.hubScript == "" {
		policy = append(policy, "connect-src 'self'", "img-src 'self'", "style-src 'self'")
	} else { // the Hub calls StackOne, styles itself and shows the providers' logos
		policy = append(policy, "connect-src 'self' "+a.stackone(), "img-src 'self' data: https:",
			"style-src 'self' 'unsafe-inline'", "font-src data: https:")
	}
	csp := strings.Join(policy, "; ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func revalidated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}
