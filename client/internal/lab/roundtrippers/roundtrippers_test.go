// Package roundtrippers_test makes calls through RoundTrippers that wrap net/http's, and
// compares what the caller is told with what the service did.
package roundtrippers_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/sony/gobreaker/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
	"gopkg.in/dnaeon/go-vcr.v4/pkg/recorder"
)

// wrap returns a transport that sends through base.
type wrap func(t *testing.T, base http.RoundTripper) http.RoundTripper

// usual holds the outcomes of calls through a transport that sends each request once.
var usual = map[fate]string{
	answered: "1 sessions, 1 attempts, told created",
	refused:  "0 sessions, 3 attempts, told not created",
	lost:     "1 sessions, 1 attempts, told maybe created",
	cut:      "1 sessions, 1 attempts, told maybe created",
	limited:  "0 sessions, 3 attempts, told not created",
	failed:   "1 sessions, 1 attempts, told maybe created",
}

func TestTransports(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		wrap    wrap
		unusual map[fate]string
	}{
		{name: "net/http", wrap: func(_ *testing.T, base http.RoundTripper) http.RoundTripper { return base }},
		{name: "otelhttp", wrap: func(_ *testing.T, base http.RoundTripper) http.RoundTripper { return otelhttp.NewTransport(base) }},
		{name: "httputil.DumpRequestOut", wrap: dumping},
		{name: "signer that reads the body", wrap: signing},
		{name: "gobreaker", wrap: func(_ *testing.T, base http.RoundTripper) http.RoundTripper {
			return breaking(base, gobreaker.Settings{})
		}},
		{name: "go-retryablehttp", wrap: retrying, unusual: map[fate]string{
			lost:    "2 sessions, 1 attempts, told maybe created", // it retries a create itself
			failed:  "2 sessions, 1 attempts, told maybe created",
			limited: "0 sessions, 1 attempts, told maybe created", // its error hides the status
		}},
		{name: "go-vcr", wrap: recording},
		{name: "oauth2", wrap: func(_ *testing.T, base http.RoundTripper) http.RoundTripper {
			return &oauth2.Transport{Base: base, Source: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "a"})}
		}},
		{name: "token fetched with the request's context", wrap: func(t *testing.T, base http.RoundTripper) http.RoundTripper {
			return fetching(t, base, http.StatusOK)
		}},
		{name: "x/time/rate", wrap: func(_ *testing.T, base http.RoundTripper) http.RoundTripper {
			return limiting(base, rate.NewLimiter(rate.Inf, 1))
		}},
	} {
		for fate, want := range usual {
			t.Run(row.name+"/"+string(fate), func(t *testing.T) {
				t.Parallel()
				if unusual, ok := row.unusual[fate]; ok {
					want = unusual
				}
				s := &service{fate: fate}
				base := s.start(t)
				assert.Equal(t, want, s.outcome(t, base, row.wrap(t, newTransport(t))))
			})
		}
	}
}

// The transports fail before they send anything.
func TestFailingTransports(t *testing.T) {
	t.Parallel()
	const once, retried = "0 sessions, 1 attempts, told not created", "0 sessions, 3 attempts, told not created"
	for _, row := range []struct {
		name string
		wrap wrap
		want string
	}{
		{"open circuit breaker", func(t *testing.T, base http.RoundTripper) http.RoundTripper {
			open := breaking(base, gobreaker.Settings{ReadyToTrip: func(gobreaker.Counts) bool { return true }})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+closedAddress, nil)
			require.NoError(t, err)
			_, err = open.RoundTrip(r)
			require.Error(t, err)
			return open
		}, once},
		{"rate limiter with burst 0", func(_ *testing.T, base http.RoundTripper) http.RoundTripper {
			return limiting(base, rate.NewLimiter(1, 0))
		}, once},
		{"failing token source", func(_ *testing.T, base http.RoundTripper) http.RoundTripper {
			return &oauth2.Transport{Base: base, Source: failing{errors.New("no token")}}
		}, once},
		{"403 for the token request", func(t *testing.T, base http.RoundTripper) http.RoundTripper {
			return fetching(t, base, http.StatusForbidden)
		}, once},
		{"connection refused for the token request", func(t *testing.T, base http.RoundTripper) http.RoundTripper {
			return fetching(t, base, 0)
		}, retried},
		// The transport read the body and requested no connection from net/http, so
		// nothing proves that the request was not sent.
		{"go-vcr without a recording", func(t *testing.T, base http.RoundTripper) http.RoundTripper {
			return replaying(t, "another body")
		}, "0 sessions, 1 attempts, told maybe created"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := &service{fate: answered}
			base := s.start(t)
			assert.Equal(t, row.want, s.outcome(t, base, row.wrap(t, newTransport(t))))
		})
	}
}

func dumping(_ *testing.T, base http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if _, err := httputil.DumpRequestOut(r, true); err != nil {
			return nil, err
		}
		return base.RoundTrip(r)
	})
}

// signing signs the hash of the body, as AWS clients do.
func signing(_ *testing.T, base http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body.Close()
		mac := hmac.New(sha256.New, []byte("secret"))
		mac.Write(body)
		r = r.Clone(r.Context())
		r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(mac.Sum(nil)))
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		return base.RoundTrip(r)
	})
}

func breaking(base http.RoundTripper, s gobreaker.Settings) http.RoundTripper {
	breaker := gobreaker.NewCircuitBreaker[*http.Response](s)
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		return breaker.Execute(func() (*http.Response, error) { return base.RoundTrip(r) })
	})
}

func retrying(_ *testing.T, base http.RoundTripper) http.RoundTripper {
	c := retryablehttp.NewClient()
	c.HTTPClient = &http.Client{Transport: base}
	c.Logger, c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = nil, 1, time.Millisecond, time.Millisecond
	return &retryablehttp.RoundTripper{Client: c}
}

func recording(t *testing.T, base http.RoundTripper) http.RoundTripper {
	t.Helper()
	r, err := recorder.New(filepath.Join(t.TempDir(), "cassette"), recorder.WithMode(recorder.ModeRecordOnly), recorder.WithRealTransport(base))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Stop()) })
	return r
}

// replaying returns a transport that replays the response to a request with the body.
func replaying(t *testing.T, body string) http.RoundTripper {
	t.Helper()
	server := httptest.NewServer(&service{})
	defer server.Close()
	name := filepath.Join(t.TempDir(), "cassette")
	r, err := recorder.New(name, recorder.WithMode(recorder.ModeRecordOnly), recorder.WithRealTransport(newTransport(t)))
	require.NoError(t, err)
	res, err := (&http.Client{Transport: r}).Post(server.URL, "application/json", bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.NoError(t, r.Stop())
	r, err = recorder.New(name, recorder.WithMode(recorder.ModeReplayOnly))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Stop()) })
	return r
}

type failing struct{ err error }

func (f failing) Token() (*oauth2.Token, error) { return nil, f.err }

// fetching requests a token with the context of the request, so that net/http reports both
// requests to the same trace. With status 0, the connection is refused.
func fetching(t *testing.T, base http.RoundTripper, status int) http.RoundTripper {
	t.Helper()
	address := "http://" + closedAddress
	if status != 0 {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(server.Close)
		address = server.URL
	}
	tokens := &http.Client{Transport: newTransport(t)}
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, address, nil)
		if err != nil {
			return nil, err
		}
		res, err := tokens.Do(request)
		if err != nil {
			return nil, err
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return nil, errors.New("no token: " + res.Status)
		}
		r = r.Clone(r.Context())
		r.Header.Set("X-Token", "a")
		return base.RoundTrip(r)
	})
}

func limiting(base http.RoundTripper, l *rate.Limiter) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if err := l.Wait(r.Context()); err != nil {
			return nil, err
		}
		return base.RoundTrip(r)
	})
}
