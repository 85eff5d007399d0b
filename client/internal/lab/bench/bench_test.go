//go:build peers

package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

// BenchmarkLogged makes calls that succeed, without a log and with one, and writes bare
// records of log/slog with the attributes of this client's.
func BenchmarkLogged(b *testing.B) {
	var both []way
	for _, w := range ways {
		both = append(both, w, way{name: w.name + "/log=on", build: func(s setup) call { s.log = true; return w.build(s) }})
	}
	b.Run("wire=http1/callers=64", func(b *testing.B) { compare(b, 64, setup{url: start(b)[0]}, both[:4]) })
	b.Run("wire=memory/callers=1", func(b *testing.B) {
		compare(b, 1, inMemory(nil), append(both, way{name: "record", build: func(setup) call {
			logger := jsonLog()
			return func(ctx context.Context) error {
				logger.LogAttrs(ctx, slog.LevelInfo, "stackone attempt", slog.String("operation", "create_connect_session"),
					slog.Int("attempt", 1), slog.Int("status", success.status), slog.Duration("duration", 1234*time.Microsecond),
					slog.Duration("wait", 0), slog.String("request_id", "0b1e2f3a-4c5d-4e6f-8a9b-0c1d2e3f4a5b"))
				return nil
			}
		}}))
	})
}

// BenchmarkRefused makes calls of which every 11th is refused once.
func BenchmarkRefused(b *testing.B) {
	compare(b, 1, inMemory(func(n int64) answer {
		if n%12 == 0 {
			return answer{status: 429, body: `{"statusCode":429,"message":"slow down","error":{"code":"rate_limit_exceeded"}}`}
		}
		return success
	}), slices.DeleteFunc(slices.Clone(ways), func(w way) bool { return !w.retries }))
}

// BenchmarkDown makes 100 calls to a server that is down, and counts what is sent.
func BenchmarkDown(b *testing.B) {
	for name, a := range map[string]answer{
		"refused": {err: &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}},
		"503":     {status: 503, body: `{"statusCode":503,"message":"down"}`},
	} {
		for _, w := range ways {
			b.Run("fault="+name+"/way="+w.name, func(b *testing.B) {
				sent := int64(0)
				for range b.N {
					m := &memory{answers: func(int64) answer { return a }}
					c := w.build(setup{url: client.DefaultBaseURL, transport: m})
					for range 100 {
						if c(context.Background()) == nil {
							b.Fatal("a call succeeded")
						}
					}
					sent += m.sent.Load()
				}
				b.ReportMetric(float64(sent)/float64(b.N)/100, "sends/call")
			})
		}
	}
}

// BenchmarkAnswer compares errors with success.
func BenchmarkAnswer(b *testing.B) {
	const bad = `{"statusCode":400,"message":"Bad Request","timestamp":"2026-01-02T03:04:05.678Z","data":{"statusCode":400,` +
		`"message":"the provider bamboohr is not enabled for this project","headers":{"x-request-id":"8f5c"}},` +
		`"provider_errors":[{"status":400,"url":"https://acme.bamboohr.com/v1/meta","raw":{"error":"disabled"},"headers":{"content-type":"application/json"}}]}`
	for _, a := range []answer{success, {status: 400, body: bad}, {status: 404, body: `{"statusCode":404,"message":"Not Found"}`}} {
		c := own(inMemory(func(int64) answer { return a }))
		b.Run(fmt.Sprintf("way=%d", a.status), func(b *testing.B) {
			measure(b, 1, func(ctx context.Context) error {
				if err := c(ctx); (err == nil) != (a.status == success.status) {
					return errors.Join(err, errors.New("not the answer that was sent"))
				}
				return nil
			})
		})
	}
}

func BenchmarkNew(b *testing.B) {
	measure(b, 1, func(context.Context) error { _, err := client.New(client.WithAPIKey(key)); return err })
}

// BenchmarkWebhook compares Verify and Parse with the same written by hand, which
// has none of Parse's guards.
func BenchmarkWebhook(b *testing.B) {
	for _, size := range []int{600, 8000} {
		payload := delivery(size)
		signature := webhook.Sign(payload, key)
		b.Run(fmt.Sprintf("size=%d/way=by-hand", size), func(b *testing.B) {
			measure(b, 1, func(context.Context) error {
				mac := hmac.New(sha256.New, []byte(key))
				mac.Write(payload)
				given, err := base64.RawURLEncoding.DecodeString(signature)
				if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
					return webhook.ErrSignature
				}
				return json.Unmarshal(payload, new(struct {
					Type             string          `json:"event"`
					RecordType       string          `json:"record_type"`
					RecordID         string          `json:"record_id"`
					AccountID        string          `json:"account_id"`
					ProjectID        string          `json:"project_id"`
					Provider         string          `json:"provider"`
					OriginOwnerID    string          `json:"origin_owner_id"`
					OriginOwnerName  string          `json:"origin_owner_name"`
					OriginUsername   string          `json:"origin_username"`
					SetupInformation json.RawMessage `json:"setup_information"`
					EventDate        time.Time       `json:"event_date"`
					SentAt           time.Time       `json:"sent_at"`
				}))
			})
		})
		b.Run(fmt.Sprintf("size=%d/way=client", size), func(b *testing.B) {
			measure(b, 1, func(context.Context) error {
				if err := webhook.Verify(payload, signature, key); err != nil {
					return err
				}
				_, err := webhook.Parse(payload)
				return err
			})
		})
	}
}

// BenchmarkCall makes calls that succeed. In memory, there is no network. Over
// sockets, the server is a separate process, and each way has the transport that it
// ships with or, pooled, one that keeps as many idle connections as there are callers.
func BenchmarkCall(b *testing.B) {
	b.Run("wire=http1-pooled/callers=64", func(b *testing.B) {
		compare(b, 64, setup{url: start(b)[0], transport: client.NewTransport()}, ways)
	})
	for _, callers := range []int{1, 64, 1000} {
		b.Run(fmt.Sprintf("wire=memory/callers=%d", callers), func(b *testing.B) {
			compare(b, callers, inMemory(nil), ways)
		})
		for i, wire := range []string{"http1", "http2"} {
			b.Run(fmt.Sprintf("wire=%s/callers=%d", wire, callers), func(b *testing.B) {
				compare(b, callers, setup{url: start(b)[i]}, ways)
			})
		}
	}
}

// delivery returns an account event of about size bytes.
func delivery(size int) []byte {
	const head = `{"project_id":"103/dev-56501","event":"account.created","event_date":"2026-03-01T09:30:00.123Z",` +
		`"record_type":"account","record_id":"45072196112816593343","sent_at":"2026-03-01T09:30:02.000Z",` +
		`"account_id":"45072196112816593343","provider":"bamboohr","origin_owner_id":"customer-42","origin_owner_name":"Acme",` +
		`"origin_username":"jo@acme.example","setup_information":{"fields":[{}`
	const field = `,{"key":"subdomain","value":"acme","type":"text","required":true}`
	return []byte(head + strings.Repeat(field, (size-len(head))/len(field)) + `]}}`)
}

// compare measures ways in an order that differs from run to run.
func compare(b *testing.B, callers int, s setup, ways []way) {
	for _, i := range rand.Perm(len(ways)) {
		c := ways[i].build(s)
		b.Run("way="+ways[i].name, func(b *testing.B) { measure(b, callers, c) })
	}
}

// measure makes b.N calls, from a number of goroutines, and reports the processor
// time of this process too.
func measure(b *testing.B, callers int, c call) {
	if b.N == 1 { // opens connections, and waits for those that are still being opened
		run(b, callers, 2*callers, c)
		for n := 0; n != runtime.NumGoroutine(); time.Sleep(20 * time.Millisecond) {
			n = runtime.NumGoroutine()
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime()
	run(b, callers, b.N, c)
	b.ReportMetric(float64(processorTime()-before)/float64(b.N), "cpu-ns/op")
}

func run(b *testing.B, callers, calls int, c call) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(callers, calls) {
		all.Go(func() {
			for next.Add(1) <= int64(calls) && !b.Failed() {
				if err := c(context.Background()); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func processorTime() int64 {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used) // cannot fail
	return used.Utime.Nano() + used.Stime.Nano()
}
