//go:build peers

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"syscall"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stripe/stripe-go/v85"
	"resty.dev/v3"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// call creates one connect session. It is safe for concurrent use.
type call func(context.Context) error

// setup is what a way to make the call is built from.
type setup struct {
	url       string
	transport http.RoundTripper // nil: the one that the way ships with
	log       bool              // log each call, at the level or in the debug mode that the way offers
}

// inMemory leaves net/http's transport out but for the part that every request passes.
func inMemory(answers func(n int64) answer) setup {
	transport := client.NewTransport()
	transport.RegisterProtocol("https", &memory{answers: answers})
	return setup{url: client.DefaultBaseURL, transport: transport}
}

type way struct {
	name    string
	build   func(setup) call
	retries bool // a call that is refused with 429
}

// ways are compared with the first. Each sends the same fields and a key, decodes
// the same answer, and has a time-out. Waits before a retry are as short as they can
// be.
var ways = []way{
	{"by-hand", byHand, true},
	{"client", own, true},
	{"generated", generated, false},
	{"go-retryablehttp", retryable, true},
	{"resty", restyV3, true},
	{"stripe-go", stripeGo, false},
	{"openai-go", openaiGo, true},
	{"hcloud-go", hcloudGo, true},
}

const (
	key     = "v1.eu1.0123456789abcdef0123456789abcdef01234567"
	path    = "/connect_sessions"
	timeout = 65 * time.Second
)

type link = gen.ConnectSessionTokenAuthLink

var session = gen.ConnectSessionCreate{
	OriginOwnerID: "customer-42", OriginOwnerName: "Acme", Provider: "bamboohr",
	Categories: []gen.Category{gen.CategoryHRIS}, Metadata: map[string]any{"plan": "pro"},
}

// byHand raises one setting of http.DefaultTransport, which keeps two idle
// connections; whoever writes this call for a service under load does the same.
func byHand(s setup) call {
	shipped := http.DefaultTransport.(*http.Transport).Clone()
	shipped.MaxIdleConns, shipped.MaxIdleConnsPerHost = 0, 1024
	hc, url, logger := s.client(shipped), s.url+path, jsonLog()
	return limited(func(ctx context.Context) error {
		body := must(json.Marshal(session))
		for attempt := 1; ; attempt++ {
			req := must(http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body)))
			start := time.Now()
			res, err := hc.Do(authorized(req))
			if s.log && err == nil {
				logger.LogAttrs(ctx, slog.LevelDebug, "create", slog.Int("status", res.StatusCode),
					slog.String("request_id", res.Header.Get("X-Request-Id")), slog.Duration("took", time.Since(start)))
			}
			switch {
			case attempt < 3 && errors.Is(err, syscall.ECONNREFUSED):
			case attempt < 3 && err == nil && res.StatusCode == http.StatusTooManyRequests:
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
			default:
				return decode(res, err)
			}
		}
	})
}

func own(s setup) call {
	opts := []client.Option{
		client.WithAPIKey(key), client.WithBaseURL(s.url),
		client.WithRetryPolicy(client.RetryPolicy{MinBackoff: 1, MaxBackoff: 1}),
	}
	if s.transport != nil {
		opts = append(opts, client.WithHTTPClient(s.client(nil)))
	}
	if s.log {
		opts = append(opts, client.WithLogger(jsonLog()))
	}
	c := must(client.New(opts...))
	return func(ctx context.Context) error {
		_, err := c.ConnectSessions.Create(ctx, session)
		return err
	}
}

func generated(s setup) call {
	c := must(gen.NewClientWithResponses(s.url, gen.WithHTTPClient(s.client(nil)),
		gen.WithRequestEditorFn(func(_ context.Context, req *http.Request) error { authorized(req); return nil })))
	return limited(func(ctx context.Context) error {
		res, err := c.CreateConnectSessionWithResponse(ctx, session)
		if err == nil && res.JSON201 == nil {
			err = errors.New(res.Status())
		}
		return err
	})
}

func retryable(s setup) call {
	c := retryablehttp.NewClient()
	c.HTTPClient.Transport = cmp.Or(s.transport, c.HTTPClient.Transport)
	c.RetryWaitMin, c.RetryWaitMax, c.Logger = 1, 1, nil
	if s.log {
		c.Logger = jsonLog()
	}
	url := s.url + path
	return limited(func(ctx context.Context) error {
		req := must(retryablehttp.NewRequestWithContext(ctx, http.MethodPost, url, must(json.Marshal(session))))
		authorized(req.Request)
		return decode(c.Do(req))
	})
}

// restyV3 configures the retries of resty, which has none for a POST otherwise.
func restyV3(s setup) call {
	c := resty.New()
	if s.transport != nil {
		c.SetTransport(s.transport)
	}
	c.SetBaseURL(s.url).SetBasicAuth(key, "").SetHeader("Accept", "application/json").SetTimeout(timeout).
		SetRetryCount(2).SetRetryAllowNonIdempotent(true).AddRetryConditions(resty.RetryConditionStatusTooManyRequests).
		SetRetryWaitTime(1).SetRetryMaxWaitTime(1).SetLoggerWarnLevel(true) // suppresses a warning for each call over HTTP
	if s.log {
		c.SetLogger(printf{log.New(sink{}, "", log.LstdFlags)}).SetDebug(true)
	}
	return func(ctx context.Context) error {
		res, err := c.R().SetContext(ctx).SetBody(session).SetResult(new(link)).Post(path)
		if err == nil && res.StatusCode() != http.StatusCreated {
			err = errors.New(res.Status())
		}
		return err
	}
}

// stripeSession and stripeLink have what stripe-go requires of a type.
type (
	stripeSession struct {
		stripe.Params `form:"*"`
		gen.ConnectSessionCreate
		Metadata map[string]any `json:"metadata"`
		Expand   []*string      `json:"-"`
	}
	stripeLink struct {
		stripe.APIResource
		link
	}
)

// stripeGo posts to /v2, where stripe-go sends JSON; elsewhere it sends forms.
func stripeGo(s setup) call {
	config := &stripe.BackendConfig{URL: &s.url, LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull}}
	if s.transport != nil {
		config.HTTPClient = s.client(nil)
		config.HTTPClient.Timeout = 80 * time.Second // as that of the one that it ships with
	}
	if s.log {
		config.LeveledLogger = printf{log.New(sink{}, "", log.LstdFlags)}
	}
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, config)
	backend.(*stripe.BackendImplementation).SetNetworkRetriesSleep(false)
	return func(ctx context.Context) error {
		params := &stripeSession{ConnectSessionCreate: session, Metadata: session.Metadata}
		params.Context = ctx
		return backend.Call(http.MethodPost, "/v2"+path, key, params, new(stripeLink))
	}
}

func openaiGo(s setup) call {
	opts := []option.RequestOption{
		option.WithBaseURL(s.url), option.WithAPIKey(key), option.WithHTTPClient(s.client(nil)),
		option.WithRequestTimeout(timeout), option.WithMaxRetryDelay(1), option.WithUnsafeAllowHTTP(),
	}
	if s.log {
		opts = append(opts, option.WithDebugLog(log.New(sink{}, "", log.LstdFlags)))
	}
	c := openai.NewClient(opts...)
	return func(ctx context.Context) error { return c.Post(ctx, path, session, new(link)) }
}

func hcloudGo(s setup) call {
	opts := []hcloud.ClientOption{
		hcloud.WithEndpoint(s.url), hcloud.WithToken(key), hcloud.WithHTTPClient(s.client(nil)),
		hcloud.WithRetryOpts(hcloud.RetryOpts{BackoffFunc: hcloud.ConstantBackoff(0), MaxRetries: 5}),
	}
	if s.log {
		opts = append(opts, hcloud.WithDebugWriter(sink{}))
	}
	c := hcloud.NewClient(opts...)
	return limited(func(ctx context.Context) error {
		req := must(c.NewRequest(ctx, http.MethodPost, path, bytes.NewReader(must(json.Marshal(session)))))
		_, err := c.Do(req, new(link))
		return err
	})
}

// client returns one with the transport of the setup, else with the given one, else
// with http.DefaultTransport.
func (s setup) client(shipped http.RoundTripper) *http.Client {
	return &http.Client{Transport: cmp.Or(s.transport, shipped)}
}

// limited gives a call a time-out, for ways that have none.
func limited(c call) call {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return c(ctx)
	}
}

func authorized(req *http.Request) *http.Request {
	req.SetBasicAuth(key, "")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	return req
}

func decode(res *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusCreated {
		return errors.New(res.Status)
	}
	return json.Unmarshal(text, new(link))
}

// must is for what cannot fail, because its arguments are valid.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// sink drops what is logged. Package log formats nothing for io.Discard.
type sink struct{}

func (sink) Write(p []byte) (int, error) { return len(p), nil }

func jsonLog() *slog.Logger {
	return slog.New(slog.NewJSONHandler(sink{}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// printf is a logger for stripe-go and resty.
type printf struct{ *log.Logger }

func (p printf) Debugf(format string, v ...any) { p.Printf(format, v...) }
func (p printf) Infof(format string, v ...any)  { p.Printf(format, v...) }
func (p printf) Warnf(format string, v ...any)  { p.Printf(format, v...) }
func (p printf) Errorf(format string, v ...any) { p.Printf(format, v...) }
