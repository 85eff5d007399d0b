package client_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

// TestTransportsThatSendByOtherMeans says that net/http's transport, taught to
// send by other means, does not pass for one that never sent.
func TestTransportsThatSendByOtherMeans(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	for name, fault := range map[string]error{
		"reset":   &net.OpError{Op: "read", Err: syscall.ECONNRESET},
		"refused": &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
	} {
		var sends atomic.Int32
		sending := roundTripper(func(r *http.Request) (*http.Response, error) {
			sends.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			return nil, fault
		})
		registered := &http.Transport{}
		registered.RegisterProtocol("https", sending)
		negotiated := server.Client().Transport.(*http.Transport).Clone()
		negotiated.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{
			"h2": func(string, *tls.Conn) http.RoundTripper { return sending },
		}
		for how, transport := range map[string]*http.Transport{"registered": registered, "negotiated": negotiated} {
			t.Run(name+" "+how, func(t *testing.T) {
				sends.Store(0)
				err := create(at(t, server.URL, client.WithHTTPClient(&http.Client{Transport: transport})))
				var broken *client.TransportError
				require.ErrorAs(t, err, &broken)
				assert.True(t, broken.MaybeSent)
				assert.Equal(t, int32(1), sends.Load())
			})
		}
	}
}

// TestTransportThatSendsLater says that the same holds when the other means read the
// request only after they have failed.
func TestTransportThatSendsLater(t *testing.T) {
	t.Parallel()
	var requests []*http.Request
	later := roundTripper(func(r *http.Request) (*http.Response, error) {
		requests = append(requests, r)
		return nil, os.ErrDeadlineExceeded
	})
	registered := new(http.Transport)
	registered.RegisterProtocol("https", later)
	err := create(at(t, "https://localhost", client.WithHTTPClient(&http.Client{Transport: registered})))
	require.Len(t, requests, 1)
	body, _ := io.ReadAll(requests[0].Body)
	assert.NotEmpty(t, body)
	var broken *client.TransportError
	require.ErrorAs(t, err, &broken)
	assert.True(t, broken.MaybeSent)
}

// TestResetsWithoutEnd says that net/http's replays have an end also for a request
// without a body, and over HTTP/2 without TLS.
func TestResetsWithoutEnd(t *testing.T) {
	t.Parallel()
	t.Run("without a body", func(t *testing.T) {
		t.Parallel()
		config, opt := certified(t)
		var requests atomic.Int32
		addr, _ := listen(t, func(conn net.Conn) {
			serveHTTP2(conn, config, true, func(f framer, stream uint32) bool {
				requests.Add(1)
				f.reset(stream, codeProtocol)
				return true
			})
		})
		c := at(t, "https://"+addr, opt)
		_, err := c.Generated().CreateConnectSessionWithBodyWithResponse(t.Context(), "", nil,
			func(_ context.Context, r *http.Request) error { r.Method = http.MethodDelete; return nil })
		var broken *client.TransportError
		require.ErrorAs(t, err, &broken)
		assert.True(t, broken.MaybeSent)
		assert.ErrorContains(t, err, "keeps resetting")
		// The last may be on its way when the bound is seen.
		assert.Contains(t, []int32{2, 3}, requests.Load())
	})
	t.Run("without TLS", func(t *testing.T) {
		t.Parallel()
		var requests atomic.Int32
		addr, _ := listen(t, func(conn net.Conn) {
			serveHTTP2(conn, nil, true, func(f framer, stream uint32) bool {
				requests.Add(1)
				f.reset(stream, codeProtocol)
				return true
			})
		})
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		t.Cleanup(transport.CloseIdleConnections)
		err := create(at(t, "http://"+addr, client.WithHTTPClient(&http.Client{Transport: transport})))
		var broken *client.TransportError
		require.ErrorAs(t, err, &broken)
		assert.True(t, broken.MaybeSent)
		assert.Equal(t, int32(2), requests.Load())
	})
	t.Run("through a transport of the caller's", func(t *testing.T) {
		t.Parallel()
		for _, code := range []uint32{codeProtocol, codeRefused} {
			config, _ := certified(t)
			var requests atomic.Int32
			addr, _ := listen(t, func(conn net.Conn) {
				serveHTTP2(conn, config, true, func(f framer, stream uint32) bool {
					if requests.Add(1) == 1 || code == codeProtocol {
						f.reset(stream, code)
					} else {
						f.answer(stream)
					}
					return true
				})
			})
			inner := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			t.Cleanup(inner.CloseIdleConnections)
			err := create(at(t, "https://"+addr, client.WithHTTPClient(&http.Client{Transport: roundTripper(inner.RoundTrip)})))
			assert.Equal(t, code == codeRefused, err == nil, "%v", err)
			assert.Equal(t, int32(2), requests.Load())
		}
	})
}

// TestTransportsThatReadTheBody says that middleware may read the body as often as
// signing and logging take.
func TestTransportsThatReadTheBody(t *testing.T) {
	t.Parallel()
	signing := roundTripper(func(r *http.Request) (*http.Response, error) {
		for range 3 {
			body, err := r.GetBody()
			if err != nil {
				return nil, err
			}
			if text, err := io.ReadAll(body); err != nil || !strings.Contains(string(text), "customer-1") {
				return nil, fmt.Errorf("read %q, %w", text, err)
			}
		}
		return &http.Response{StatusCode: 201, Body: io.NopCloser(strings.NewReader(link))}, nil
	})
	require.NoError(t, create(answering(t, 0, nil, "", client.WithHTTPClient(&http.Client{Transport: signing}))))

	read := 0
	greedy := roundTripper(func(r *http.Request) (*http.Response, error) {
		for {
			body, err := r.GetBody()
			if err != nil {
				return nil, err
			}
			_, _ = io.Copy(io.Discard, body)
			read++
		}
	})
	require.ErrorContains(t, create(answering(t, 0, nil, "", client.WithHTTPClient(&http.Client{Transport: greedy}))), "keeps resetting")
	assert.Equal(t, 8, read)
}

// TestTransportsThatChangeTheRequest says that what a transport does to a request,
// which it must not, ends with the attempt.
func TestTransportsThatChangeTheRequest(t *testing.T) {
	t.Parallel()
	var seen []string
	c := through(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		r.Header.Add("Accept", "text/plain")
		r.Header.Add("User-Agent", "another")
		key, _, _ := r.BasicAuth()
		seen = append(seen, fmt.Sprint(r.Method, " ", r.URL, " ", r.Host, " ", r.Header["Content-Type"], " ", len(body), r.UserAgent(), key))
		r.Method, r.Host, *r.URL, r.Body, r.ContentLength = "PUT", "elsewhere", url.URL{}, nil, 0
		clear(r.Header)
		return nil, errRefused
	}), client.WithRetryPolicy(quick))
	for range 2 {
		require.ErrorIs(t, authenticate(c), errRefused)
	}
	require.Len(t, seen, 6, "attempts")
	assert.Contains(t, seen[0], "POST https://api.stackone.com/connect_sessions/authenticate api.stackone.com [application/json]")
	for _, request := range seen {
		assert.Equal(t, seen[0], request)
		assert.Contains(t, request, "stackone-client-go/", "nor does one value of a header change another")
		assert.Contains(t, request, testKey)
	}
}

// TestKeyFunctionAndContext says that what a key function does to the context counts.
func TestKeyFunctionAndContext(t *testing.T) {
	t.Parallel()
	sends := 0
	c := answering(t, 0, nil, "", client.WithHTTPClient(&http.Client{Transport: roundTripper(
		func(r *http.Request) (*http.Response, error) {
			sends++
			return &http.Response{StatusCode: 201, Body: io.NopCloser(strings.NewReader(link))}, nil
		})}))
	for name, failure := range map[string]error{"and a key": nil, "and an error": assert.AnError} {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := c.ConnectSessions.Create(ctx, owner, client.WithAPIKeyFunc(func(context.Context) (string, error) {
			cancel()
			return testKey, failure
		}))
		require.ErrorIs(t, err, context.Canceled, name)
		if failure != nil {
			require.ErrorIs(t, err, failure, name)
		}
		var broken *client.TransportError
		require.ErrorAs(t, err, &broken, name)
		assert.False(t, broken.MaybeSent, name)
	}
	assert.Zero(t, sends)

	synctest.Test(t, func(t *testing.T) {
		err := create(c, client.WithTimeout(time.Second), client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}),
			client.WithAPIKeyFunc(func(context.Context) (string, error) { time.Sleep(2 * time.Second); return testKey, nil }))
		require.ErrorContains(t, err, "time-out of 1s")
	})
	assert.Zero(t, sends)
}

// TestMoreSecrets are those that the cross of TestSecrets has no place for.
func TestMoreSecrets(t *testing.T) {
	t.Parallel()
	t.Run("a key of an earlier attempt", func(t *testing.T) {
		t.Parallel()
		keys := []string{"first-secret", "second-secret"}
		attempts := 0
		c := answering(t, 0, nil, "", client.WithHTTPClient(&http.Client{Transport: roundTripper(
			func(r *http.Request) (*http.Response, error) {
				body := fmt.Sprintf(`{"message":"%s is not %s"}`, keys[0], r.Header.Get("Authorization"))
				return &http.Response{StatusCode: 429, Body: io.NopCloser(strings.NewReader(body))}, nil
			})}), client.WithRetryPolicy(client.RetryPolicy{MinBackoff: 1, MaxBackoff: 1}))
		err := create(c, client.WithAPIKeyFunc(func(context.Context) (string, error) {
			attempts++
			return keys[min(attempts, 2)-1], nil
		}))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "secret")
		assert.NotContains(t, err.Error(), base64.RawStdEncoding.EncodeToString([]byte("second-secret")))
	})
	t.Run("other spellings of the key, and details", func(t *testing.T) {
		t.Parallel()
		const key = "key-secret?>" // base64 and base64url differ
		raw := []byte(key + ":")
		for _, said := range []string{
			base64.RawStdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw), base64.StdEncoding.EncodeToString([]byte(key)),
		} {
			body := fmt.Sprintf(`{"message":%[1]q,"data":{"message":%[1]q},"provider_errors":[{"raw":{"m":%[1]q}}]}`, said)
			api := requireAPIError(t, create(answering(t, 400, nil, body, client.WithAPIKey(key))), "create_connect_session", 400)
			core := strings.TrimRight(said, "=")
			assert.NotContains(t, api.Error(), core)
			assert.NotContains(t, fmt.Sprintf("%+v %+v", *api.Data, api.ProviderErrors), core)
			assert.Contains(t, api.Data.Message, "[redacted]")
		}
	})
	t.Run("a time that is none", func(t *testing.T) {
		t.Parallel()
		err := create(answering(t, 201, nil, `{"token":"t","auth_link_url":"u","created_at":"planted-token"}`))
		for ; err != nil; err = errors.Unwrap(err) {
			assert.NotContains(t, fmt.Sprintf("%v %+v", err, err), "planted-token")
		}
	})
	t.Run("the cause of a wait's end", func(t *testing.T) {
		t.Parallel()
		wait(t, func(t *testing.T, w *waiting) {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(errors.New("line1\nline2 \x1b[31m" + w.token + strings.Repeat("x", 5000))) })
			_, err := w.client.ConnectSessions.WaitForConnection(ctx, w.token)
			require.ErrorIs(t, err, context.Canceled)
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
				assert.NotContains(t, text, w.token)
				assert.NotContains(t, text, "\n")
				assert.Less(t, len(text), 1000)
			}
		})
	})
}

// TestBaseURLIsTidied says that unusual spellings lose neither the key nor the operation.
func TestBaseURLIsTidied(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"https://host.example:", "https://host.example:/x", "https://host.example/a/../", "https://host.example/./"} {
		var got *http.Request
		c := answering(t, 0, nil, "", client.WithBaseURL(base), client.WithHTTPClient(&http.Client{Transport: roundTripper(
			func(r *http.Request) (*http.Response, error) {
				got = r
				return &http.Response{StatusCode: 503}, nil
			})}))
		requireAPIError(t, authenticate(c), "authenticate_connect_session", 503)
		assert.NotEmpty(t, got.Header["Authorization"], base)
	}
}

// TestWaitForConnectionPace are the paces at which a wait must not look.
func TestWaitForConnectionPace(t *testing.T) {
	t.Parallel()
	t.Run("an interval without end", func(t *testing.T) {
		t.Parallel()
		wait(t, func(t *testing.T, w *waiting) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			_, err := w.client.ConnectSessions.WaitForConnection(ctx, w.token, client.WithPollInterval(math.MaxInt64))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, 1, w.polls())
		})
	})
	t.Run("Retry-After of a success", func(t *testing.T) {
		t.Parallel()
		wait(t, func(t *testing.T, w *waiting) {
			w.srv.Inject(stackonetest.Fault{RetryAfter: 30 * time.Second})
			soon(t, time.Second, func() error { return w.session.Connect("account-1") })
			start := time.Now()
			var last client.Response
			_, err := w.client.ConnectSessions.WaitForConnection(t.Context(), w.token, client.WithResponse(&last))
			require.NoError(t, err)
			assert.GreaterOrEqual(t, time.Since(start), 30*time.Second)
			assert.LessOrEqual(t, time.Since(start), 33*time.Second)
			assert.Equal(t, 201, last.StatusCode, "and the caller's Response is filled")
		})
	})
}

// TestSmallLimitKeepsTheConnection says that what a small limit leaves unread of an
// error does not cost the connection.
func TestSmallLimitKeepsTheConnection(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(404)
		_, _ = io.WriteString(w, strings.Repeat("x", 32<<10))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c := at(t, server.URL, client.WithMaxResponseBytes(10))
	for range 5 {
		requireAPIError(t, create(c), "create_connect_session", 404)
	}
	assert.Equal(t, int32(1), opened.Load())
}
