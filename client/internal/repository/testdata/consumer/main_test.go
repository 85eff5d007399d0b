package main

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func TestConnect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		fault  stackonetest.Fault
		action func(*stackonetest.Session) error
		want   string // the account
		reason string
	}{
		{"connected", stackonetest.Fault{Status: 503, RetryAfter: time.Minute}, func(s *stackonetest.Session) error { return s.Connect("account-1") }, "account-1", ""},
		{"denied", stackonetest.Fault{Delay: time.Second}, func(s *stackonetest.Session) error { return s.Fail("access_denied", "") }, "", "ended: error access_denied"},
		{"cancelled", stackonetest.Fault{SlowBody: time.Second}, (*stackonetest.Session).Cancel, "", "ended: cancelled "},
		{"expired", stackonetest.Fault{Delay: time.Second}, (*stackonetest.Session).Expire, "", "ended: expired "},
		{"bad request", stackonetest.Fault{Status: 400}, nil, "", "bad request"},
		{"418 from a proxy", stackonetest.ProxyError(418), nil, "", "status 418 after 1"},
		{"truncated body", stackonetest.Fault{CutBody: true, Times: -1}, nil, "", "unusable application/json; charset=utf-8"},
		{"reset before reading", stackonetest.Fault{Reset: stackonetest.ResetBeforeReading, Times: -1}, nil, "", "no response, maybe sent: true"},
		{"reset after reading", stackonetest.Fault{Reset: stackonetest.ResetAfterReading, Times: -1}, nil, "", "no response, maybe sent: true"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := stackonetest.NewTestServer(t, stackonetest.InMemory())
				srv.Inject(tt.fault)
				c := srv.Client(append(options(srv.APIKey), client.WithBaseURL(srv.URL), client.WithHTTPClient(srv.HTTPClient()))...)
				account, err := connectCustomer(t.Context(), c, connect.NewWaiter(c, connect.WaiterOptions{}), func(link *gen.ConnectSessionTokenAuthLink) error {
					session := srv.Session(link.Token)
					return errors.Join(session.Begin(), tt.action(session))
				})
				if account != tt.want || (err != nil) != (tt.reason != "") || (err != nil && explain(err) != tt.reason) {
					t.Errorf("got account %q and %v", account, err)
				}
				for _, r := range srv.Requests() {
					if got := r.Header.Get("User-Agent"); !strings.HasPrefix(got, "consumer/1.0 ") || r.Header.Get("X-Team") != "onboarding" {
						t.Errorf("%s %s was sent with %v", r.Method, r.Path, r.Header)
					}
				}
			})
		})
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	srv.Expect("POST /connect_sessions")
	var log bytes.Buffer
	c := srv.Client()
	handler, err := routes(c, connect.NewWaiter(c, connect.WaiterOptions{}), "secret", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}

	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/connect-session", nil)
	status(t, handler, r, http.StatusUnauthorized)
	r.SetBasicAuth("customer-42", "")
	status(t, handler, r, http.StatusOK)
	if got := srv.Sessions()[0]; got.Request().OriginOwnerID != "customer-42" || got.Details().ID == 0 {
		t.Errorf("the session is for %v", got.Request())
	}

	payload := `{"event":"account.created","account_id":"account-1"}`
	for secret, want := range map[string]int{"secret": http.StatusOK, "forged": http.StatusUnauthorized} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks", strings.NewReader(payload))
		r.Header.Set(webhook.SignatureHeader, webhook.Sign([]byte(payload), secret))
		status(t, handler, r, want)
	}
	if !strings.Contains(log.String(), "event.account_id=account-1") {
		t.Errorf("the event is not in %s", &log)
	}

	if _, err := routes(srv.Client(), connect.NewWaiter(srv.Client(), connect.WaiterOptions{}), "", slog.Default()); !errors.Is(err, webhook.ErrSecret) {
		t.Errorf("without a secret: %v", err)
	}
	if err := webhook.Verify([]byte(payload), "forged", "secret"); !errors.Is(err, webhook.ErrSignature) {
		t.Errorf("a forged signature: %v", err)
	}
	if _, err := webhook.Parse(nil); !errors.Is(err, webhook.ErrPayload) {
		t.Errorf("no payload: %v", err)
	}
}

func status(t *testing.T, handler http.Handler, r *http.Request, want int) {
	t.Helper()
	w := httptest.NewRecorder()
	if handler.ServeHTTP(w, r); w.Code != want {
		t.Errorf("%s: %d, want %d", r.URL.Path, w.Code, want)
	}
}

// TestUserAgent checks that the User-Agent has the released version that this module requires.
func TestUserAgent(t *testing.T) {
	t.Parallel()
	version := os.Getenv("RELEASED")
	if version == "" {
		t.Skip("only .ci/rehearse requires a released version")
	}
	srv := stackonetest.NewTestServer(t)
	if _, err := srv.Client().ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{OriginOwnerID: "1", OriginOwnerName: "Acme"}); err != nil {
		t.Fatal(err)
	}
	want := "stackone-client-go/" + strings.TrimPrefix(version, "v") + " (" + runtime.Version() + ")"
	if got := srv.Requests()[0].Header.Get("User-Agent"); got != want {
		t.Errorf("User-Agent = %q, want %q", got, want)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	if _, err := client.New(options("key")...); err != nil {
		t.Error(err)
	}
}
