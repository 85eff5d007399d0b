//go:build peers

package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// setup is what a way to make the call is built from.
type setup struct {
	url       string            // with a path, or not
	transport http.RoundTripper // nil: the one that the way ships with
	log       bool              // write each call to a sink
}

// hc returns an HTTP client with the transport of the setup, nil if there is none.
func (s setup) hc() *http.Client {
	if s.transport == nil {
		return nil
	}
	return &http.Client{Transport: s.transport}
}

// call creates one connect session. It is safe for concurrent use.
type call func(context.Context) error

// ways are what is compared. Each sends the same fields and the same kind of key,
// decodes the same answer, has a time-out, retries twice at least, and waits as little
// as it can before it does. The first is what the others are compared with.
var ways = []struct {
	name string
	new  func(setup) call
}{
	{"by-hand", byHand},
	{"client", own},
	{"generated", limited(generated)},
	{"go-retryablehttp", limited(retryable)},
	{"resty", restyV3},
	{"stripe-go", stripeGo},
	{"openai-go", openaiGo},
	{"hcloud-go", limited(hcloudGo)},
}

// limited gives each call a time-out, for ways that have none.
func limited(build func(setup) call) func(setup) call {
	return func(s setup) call {
		c := build(s)
		return func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			return c(ctx)
		}
	}
}

type link = gen.ConnectSessionTokenAuthLink

const (
	key     = "v1.eu.key"
	path    = "/connect_sessions"
	timeout = 65 * time.Second
)

var session = gen.ConnectSessionCreate{
	OriginOwnerID: "customer-42", OriginOwnerName: "Acme", Provider: "bamboohr",
	Categories: []gen.Category{gen.CategoryHRIS}, Metadata: map[string]any{"plan": "pro"},
}

// sink drops what is logged. It is not io.Discard, for which package log formats nothing.
type sink struct{}

func (sink) Write(p []byte) (int, error) { return len(p), nil }

func debugLog() *slog.Logger {
	return slog.New(slog.NewJSONHandler(sink{}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// printf is the logger that stripe-go and resty want.
type printf struct{ *log.Logger }

func (p printf) Debugf(format string, v ...any) { p.Printf(format, v...) }
func (p printf) Infof(format string, v ...any)  { p.Printf(format, v...) }
func (p printf) Warnf(format string, v ...any)  { p.Printf(format, v...) }
func (p printf) Errorf(format string, v ...any) { p.Printf(format, v...) }

// byHand has the transport of the client, because http.DefaultTransport keeps two
// connections only: an experienced author changes that.
func byHand(s setup) call {
	hc := s.hc()
	if hc == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, 1024
		hc = &http.Client{Transport: t}
	}
	url, logger := s.url+path, debugLog()
	send := func(ctx context.Context, body []byte) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.SetBasicAuth(key, "")
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json")
		start := time.Now()
		res, err := hc.Do(req)
		if s.log && err == nil {
			logger.LogAttrs(ctx, slog.LevelDebug, "create", slog.Int("status", res.StatusCode),
				slog.String("request_id", res.Header.Get("X-Request-Id")), slog.Duration("took", time.Since(start)))
		}
		return res, err
	}
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		body, err := json.Marshal(session)
		if err != nil {
			return err
		}
		for attempt := 1; ; attempt++ {
			res, err := send(ctx, body)
			again := attempt < 3
			if err != nil {
				if again && errors.Is(err, syscall.ECONNREFUSED) {
					continue
				}
				return err
			}
			text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
			res.Body.Close()
			if err != nil {
				return err
			}
			if again && res.StatusCode == http.StatusTooManyRequests {
				continue
			}
			if res.StatusCode != http.StatusCreated {
				return errors.New(res.Status)
			}
			return json.Unmarshal(text, new(link))
		}
	}
}

func own(s setup) call {
	opts := []client.Option{
		client.WithAPIKey(key), client.WithBaseURL(s.url),
		client.WithRetryPolicy(client.RetryPolicy{MinBackoff: 1, MaxBackoff: 1}),
	}
	if s.transport != nil {
		opts = append(opts, client.WithHTTPClient(s.hc()))
	}
	if s.log {
		opts = append(opts, client.WithLogger(debugLog()))
	}
	c := must(client.New(opts...))
	return func(ctx context.Context) error {
		_, err := c.ConnectSessions.Create(ctx, session)
		return err
	}
}

// generated is what oapi-codegen makes; it neither retries nor logs.
func generated(s setup) call {
	hc := s.hc()
	if hc == nil {
		hc = &http.Client{}
	}
	c := must(gen.NewClientWithResponses(s.url, gen.WithHTTPClient(hc),
		gen.WithRequestEditorFn(func(_ context.Context, req *http.Request) error {
			req.SetBasicAuth(key, "")
			req.Header.Set("Accept", "application/json")
			return nil
		})))
	return func(ctx context.Context) error {
		res, err := c.CreateConnectSessionWithResponse(ctx, session)
		if err == nil && res.JSON201 == nil {
			err = errors.New(res.Status())
		}
		return err
	}
}

func retryable(s setup) call {
	c := retryablehttp.NewClient()
	if s.transport != nil {
		c.HTTPClient = s.hc()
	}
	c.RetryWaitMin, c.RetryWaitMax = 1, 1
	c.Logger = nil
	if s.log {
		c.Logger = debugLog()
	}
	url := s.url + path
	return func(ctx context.Context) error {
		body, err := json.Marshal(session)
		if err != nil {
			return err
		}
		req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, url, body)
		if err != nil {
			return err
		}
		req.SetBasicAuth(key, "")
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json")
		res, err := c.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			return err
		}
		if res.StatusCode != http.StatusCreated {
			return errors.New(res.Status)
		}
		return json.Unmarshal(text, new(link))
	}
}

// restyV3 retries only when it is told to.
func restyV3(s setup) call {
	c := resty.New()
	if s.transport != nil {
		c.SetTransport(s.transport)
	}
	c.SetBaseURL(s.url).SetBasicAuth(key, "").SetHeader("Accept", "application/json").SetTimeout(timeout).
		SetRetryCount(2).SetRetryAllowNonIdempotent(true).SetRetryWaitTime(1).SetRetryMaxWaitTime(1)
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

// stripeSession and stripeLink have what stripe-go requires of its own types. It
// sends JSON to paths below /v2, and forms to all others.
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

func stripeGo(s setup) call {
	config := &stripe.BackendConfig{
		URL: stripe.String(s.url), HTTPClient: s.hc(), LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	}
	if config.HTTPClient != nil {
		config.HTTPClient.Timeout = 80 * time.Second // as that of its own
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
		option.WithBaseURL(s.url), option.WithAPIKey(key), option.WithMaxRetryDelay(1),
		option.WithRequestTimeout(timeout), option.WithUnsafeAllowHTTP(),
	}
	if s.transport != nil {
		opts = append(opts, option.WithHTTPClient(s.hc()))
	}
	if s.log {
		opts = append(opts, option.WithDebugLog(log.New(sink{}, "", log.LstdFlags)))
	}
	c := openai.NewClient(opts...)
	return func(ctx context.Context) error {
		return c.Post(ctx, path, session, new(link))
	}
}

func hcloudGo(s setup) call {
	opts := []hcloud.ClientOption{
		hcloud.WithEndpoint(s.url), hcloud.WithToken(key),
		hcloud.WithRetryOpts(hcloud.RetryOpts{BackoffFunc: hcloud.ConstantBackoff(0), MaxRetries: 5}),
	}
	if s.transport != nil {
		opts = append(opts, hcloud.WithHTTPClient(s.hc()))
	}
	if s.log {
		opts = append(opts, hcloud.WithDebugWriter(sink{}))
	}
	c := hcloud.NewClient(opts...)
	return func(ctx context.Context) error {
		body, err := json.Marshal(session)
		if err != nil {
			return err
		}
		req, err := c.NewRequest(ctx, http.MethodPost, path, bytes.NewReader(body))
		if err != nil {
			return err
		}
		_, err = c.Do(req, new(link))
		return err
	}
}

// must is for what is built once, before anything is measured.
func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("cannot be built: %v", err))
	}
	return v
}
