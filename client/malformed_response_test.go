package client_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// net/http and encoding/json quote what they cannot parse, which may be a live session.
// No error or log record quotes any part of a malformed response.
func TestMalformedResponseIsNotQuoted(t *testing.T) {
	t.Parallel()
	const planted = `{"token":"planted-token","auth_link_url":"https://x/planted-link","external_trigger_token":"planted-trigger"}`
	chunked := okHeader + "Transfer-Encoding: chunked\r\n"
	for name, text := range map[string]string{
		"no status line":                               planted,
		"no status line, many lines":                   strings.ReplaceAll(planted, ",", ",\r\n") + "\r\n\r\n",
		"body before the header":                       planted + "\r\nHTTP/1.1 201 Created\r\n\r\n",
		"JSON instead of the version":                  planted + " 201 Created\r\n\r\n",
		"text instead of the status":                   "HTTP/1.1 planted-token Created\r\n\r\n",
		"status of three letters":                      "HTTP/1.1 abc planted-token\r\n\r\n",
		"negative status":                              "HTTP/1.1 -20 planted-token\r\n\r\n",
		"JSON instead of the header":                   "HTTP/1.1 201 Created\r\n" + planted + "\r\n\r\n",
		"header without a colon":                       "HTTP/1.1 201 Created\r\nplanted-token\r\n\r\n",
		"header with an invalid name":                  "HTTP/1.1 201 Created\r\nplanted-token \x01: x\r\n\r\n",
		"continuation line":                            "HTTP/1.1 201 Created\r\n planted-token: x\r\n\r\n",
		"header with an invalid value":                 "HTTP/1.1 201 Created\r\nX: planted-token\x00\r\n\r\n",
		"invalid Content-Length":                       okHeader + "Content-Length: planted-token\r\n\r\n" + planted,
		"two Content-Lengths":                          okHeader + "Content-Length: 1\r\nContent-Length: planted-token\r\n\r\n" + planted,
		"invalid Transfer-Encoding":                    okHeader + "Transfer-Encoding: planted-token\r\n\r\n" + planted,
		"invalid chunk length":                         chunked + "\r\nplanted-token\r\n",
		"chunk without an end":                         chunked + "\r\n2\r\n{}planted-token\r\n0\r\n\r\n",
		"invalid trailer":                              chunked + "Trailer: X\r\n\r\n2\r\n{}\r\n0\r\nplanted-token\r\n\r\n",
		"invalid gzip header":                          okHeader + "Content-Encoding: gzip\r\nContent-Length: 13\r\n\r\nplanted-token",
		"truncated header":                             okHeader + "X: planted-token",
		"huge header":                                  okHeader + "X: " + strings.Repeat("planted-token", 10_000) + "\r\n\r\n",
		"truncated JSON":                               okHeader + "\r\n" + planted[:40],
		"JSON with a stray letter":                     okHeader + "\r\n" + planted[:40] + "\"z",
		"JSON with an invalid escape":                  okHeader + "\r\n" + `{"token":"planted-token\q"}`,
		"JSON with a control character":                okHeader + "\r\n{\"token\":\"planted-token\x01\"}",
		"JSON members of other types":                  okHeader + "\r\n" + `{"token":["planted-token"],"id":"99887766"}`,
		"two JSON documents":                           okHeader + "\r\n" + planted + planted,
		"JSON string":                                  okHeader + "\r\n" + `"planted-token"`,
		"another protocol":                             "SSH-2.0-planted-token\r\n",
		"TLS":                                          "\x15\x03\x01\x00\x02\x02planted-token",
		"too many 1xx responses":                       strings.Repeat("HTTP/1.1 103 planted-token\r\nX: planted-token\r\n\r\n", 20),
		"secret in the reason, then an invalid header": "HTTP/1.1 201 planted-token\r\nplanted-token\r\n\r\n",
	} {
		for operation := range operations {
			t.Run(name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				addr, _ := listen(t, sends(text))
				var log bytes.Buffer
				c := at(t, "http://"+addr, client.WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
					noRetries)
				r := call(t.Context(), t, operation, c)
				require.Error(t, r.err)
				requireNotShown(t, r.err, "planted", "99887766")
				assert.NotContains(t, log.String(), "planted")
				assert.Equal(t, operation == opCreate, client.MaybeCreated(r.err))

				// The same through a RoundTripper.
				inner := client.NewTransport()
				t.Cleanup(inner.CloseIdleConnections)
				err := operations[operation](c, client.WithHTTPClient(&http.Client{Transport: roundTripper(inner.RoundTrip)}))
				requireNotShown(t, err, "planted", "99887766")

				// An http.Client within a RoundTripper wraps the error in a *url.Error.
				err = operations[operation](c, client.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					r = r.Clone(r.Context())
					return (&http.Client{Transport: inner}).Do(r)
				})}))
				requireNotShown(t, err, "planted", "99887766")
			})
		}
	}
}

// The same through RoundTrippers that send another request, whose connections this package
// cannot observe.
func TestMalformedResponseIsNotQuotedByRoundTripper(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no status line": `{"token":"planted-token","auth_link_url":"https://x/planted-link"}`,
		"invalid header": "HTTP/1.1 201 Created\r\nplanted-token\r\n\r\n",
	} {
		for how, send := range map[string]func(*http.Request) (*http.Response, error){
			"another context": func(r *http.Request) (*http.Response, error) {
				return http.DefaultTransport.RoundTrip(r.Clone(context.Background()))
			},
			"http.Client": func(r *http.Request) (*http.Response, error) {
				return new(http.Client).Do(r.Clone(context.Background()))
			},
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				addr, _ := listen(t, sends(text))
				err := create(at(t, "http://"+addr, client.WithHTTPClient(&http.Client{Transport: roundTripper(send)})))
				require.Error(t, err)
				requireNotShown(t, err, "planted")
				assert.True(t, client.MaybeCreated(err))
			})
		}
	}
}

// requireNotShown requires that no error in the tree of err contains any of the texts.
func requireNotShown(t *testing.T, err error, texts ...string) {
	t.Helper()
	for _, verb := range []string{"%v", "%+v", "%q"} {
		for _, text := range texts {
			assert.NotContains(t, fmt.Sprintf(verb, err), text)
		}
	}
	switch e := err.(type) { //nolint:errorlint // walks the tree
	case interface{ Unwrap() error }:
		if next := e.Unwrap(); next != nil {
			requireNotShown(t, next, texts...)
		}
	case interface{ Unwrap() []error }:
		for _, next := range e.Unwrap() {
			requireNotShown(t, next, texts...)
		}
	}
}

func TestMalformedHTTP2ResponseIsNotQuoted(t *testing.T) {
	t.Parallel()
	field := func(name, value string) []byte { // a literal header field without indexing (RFC 7541, section 6.2.2)
		return append(append([]byte{0, byte(len(name))}, name...), append([]byte{byte(len(value))}, value...)...)
	}
	status := []byte{0x08, 3, '2', '0', '1'}
	for name, respond := range map[string]func(framer, uint32){
		"GOAWAY debug data": func(f framer, stream uint32) {
			f.write(frameGoAway, 0, 0, append([]byte{0, 0, 0, 1, 0, 0, 0, codeInternal}, "planted-token"...)...)
		},
		"invalid header name": func(f framer, stream uint32) {
			f.write(frameHeaders, flagEndHeaders, stream, append(status, field("Planted-Token", "x")...)...)
		},
		"header with an invalid value": func(f framer, stream uint32) {
			f.write(frameHeaders, flagEndHeaders, stream, append(status, field("x", "planted\x00")...)...)
		},
		"invalid status": func(f framer, stream uint32) {
			f.write(frameHeaders, flagEndHeaders, stream, append([]byte{0x08, 13}, "planted-token"...)...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, opt := http2Config(t)
			addr, _ := listen(t, func(conn net.Conn) {
				serveHTTP2(conn, config, true, func(f framer, stream uint32) bool { respond(f, stream); return false })
			})
			err := create(at(t, "https://"+addr, opt))
			require.Error(t, err)
			requireNotShown(t, err, "planted", "Planted")
			assert.True(t, client.MaybeCreated(err))
		})
	}
}
