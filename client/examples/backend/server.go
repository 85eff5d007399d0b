// Copy from this file how the routes are protected: other sites cannot post to them, pages
// cannot load resources from other servers (except those of the Hub), and all requests
// except event streams have a deadline.
package main

import (
	"cmp"
	"context"
	"embed"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

const (
	webhookPath    = "/webhooks/stackone"
	requestTimeout = createTimeout + 5*time.Second  // for all requests except event streams
	writeTimeout   = requestTimeout + 5*time.Second // leaves time to write the response
)

//go:embed templates static
var files embed.FS

// config holds the settings and dependencies of the application.
type config struct {
	client         *client.Client
	store          *store
	webhookSecrets []string // empty: no webhook endpoint
	authLinks      string   // origin of auth links, for the Content-Security-Policy
	hubScript      string   // file with the Hub's web component; empty: only auth links
	hubAPI         string   // base URL that the Hub calls; empty: client.DefaultBaseURL
	waiting        connect.WaiterOptions
	log            *slog.Logger
	fake           *fake // nil: the client calls StackOne
}

// app is the application. It is safe for concurrent use.
type app struct {
	config
	handler   http.Handler
	ctx       context.Context // cancelled at shutdown; ends waits and event streams
	waits     waits
	waiter    *connect.Waiter
	templates *template.Template
}

// newApp returns an application that runs until ctx is done. Its waits end shortly after that.
func newApp(ctx context.Context, cfg config) (*app, error) {
	a := &app{config: cfg, ctx: ctx, waits: waits{cancel: map[string]context.CancelFunc{}}}
	a.waiting.Progress = a.storeProgress
	a.waiter = connect.NewWaiter(a.client, a.waiting)
	var err error
	if a.templates, err = template.ParseFS(files, "templates/*.html"); err != nil {
		return nil, err
	}
	if a.handler, err = a.routes(); err != nil {
		return nil, err
	}
	return a, a.resume()
}

func (a *app) routes() (http.Handler, error) {
	static, err := fs.Sub(files, "static")
	if err != nil {
		return nil, err
	}
	browser := http.NewServeMux()
	browser.HandleFunc("/", a.notFound)
	browser.HandleFunc("GET /{$}", a.showPage)
	browser.HandleFunc("POST /sign-in", a.signIn)
	browser.HandleFunc("POST /sign-out", a.signOut)
	browser.HandleFunc("POST /connect", a.connect)
	browser.HandleFunc("GET /open", a.openAuthLink)
	// {file} is one path segment, so subdirectories and directory listings are not served.
	browser.Handle("GET /static/{file}", http.StripPrefix("/static/", http.FileServerFS(static)))
	if a.hubScript != "" {
		if err := a.hubRoutes(browser); err != nil {
			return nil, err
		}
	}
	if a.fake != nil {
		browser.HandleFunc("POST /fake", a.simulate)
	}

	all := http.NewServeMux()
	all.Handle("/", withDeadline(browser))
	all.HandleFunc("GET /events", a.streamEvents)

	mux := http.NewServeMux()
	// Reject cross-origin POST requests, which other sites could send with the customer's cookie.
	mux.Handle("/", http.MaxBytesHandler(a.secureHeaders(http.NewCrossOriginProtection().Handler(all)), 64<<10))
	if len(a.webhookSecrets) > 0 {
		// StackOne calls this endpoint, not a browser. The signature authenticates the request.
		events, err := webhook.NewHandler(a.webhookSecrets, a.storeEvent)
		if err != nil {
			return nil, err
		}
		mux.Handle(webhookPath, withDeadline(events))
	}
	return mux, nil
}

// withDeadline gives each request a deadline.
func withDeadline(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// secureHeaders sets headers so that pages only load resources from this server, or those
// that the Hub needs, and responses are not cached.
func (a *app) secureHeaders(next http.Handler) http.Handler {
	// Browsers also apply form-action to redirects, and /connect may redirect to an auth link.
	policy := []string{
		"default-src 'none'", "script-src 'self'", "form-action 'self' " + a.authLinks,
		"base-uri 'none'", "frame-ancestors 'none'",
	}
	if a.hubScript == "" {
		policy = append(policy, "connect-src 'self'", "img-src 'self'", "style-src 'self'")
	} else { // the Hub calls StackOne, has inline styles and loads the providers' logos
		policy = append(policy, "connect-src 'self' "+cmp.Or(a.hubAPI, client.DefaultBaseURL), "img-src 'self' data: https:",
			"style-src 'self' 'unsafe-inline'", "font-src data: https:")
	}
	csp := strings.Join(policy, "; ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", csp)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "same-origin")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
