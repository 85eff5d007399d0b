package client_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// endlessBody never ends, and counts the bytes read from it.
type endlessBody struct {
	read   int64
	closed bool
}

func (e *endlessBody) Read(p []byte) (int, error) {
	if e.closed {
		return 0, errors.New("read after close")
	}
	n := copy(p, spaces)
	e.read += int64(n)
	return n, nil
}

func (e *endlessBody) Close() error { e.closed = true; return nil }

var spaces = strings.Repeat(" ", 64<<10)

func TestEndlessBody(t *testing.T) {
	t.Parallel()
	const kept, drained, oneRead = 256 << 10, 64 << 10, 64 << 10
	tests := map[string]struct {
		status int
		opts   []client.Option
		want   expectation
		kept   int
		most   int64
	}{
		"success":                    {201, nil, unusable("larger than 1048576 bytes"), 1 << 20, 1<<20 + 1},
		"success with a small limit": {201, []client.Option{client.WithMaxResponseBytes(10)}, unusable("larger than 10 bytes"), 10, 11},
		"success with a large limit": {201, []client.Option{client.WithMaxResponseBytes(2 << 20)}, unusable("larger than 2097152 bytes"), 2 << 20, 2<<20 + 1},
		"error":                      {400, nil, failsWithStatus(400, 1), kept, kept + drained + oneRead},
		"error with a small limit":   {400, []client.Option{client.WithMaxResponseBytes(10)}, failsWithStatus(400, 1), 10, 11 + drained + oneRead},
		"retried error":              {429, nil, failsWithStatus(429, 3), kept, kept + drained + oneRead},
	}
	for name, tt := range tests {
		for operation := range operations {
			t.Run(name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var bodies []*endlessBody
					c := through(t, fake(func(r *http.Request) (*http.Response, error) {
						body := new(endlessBody)
						bodies = append(bodies, body)
						res := response(r, tt.status, nil)
						res.Body = body
						return res, nil
					}), tt.opts...)
					r := call(t.Context(), t, operation, c)
					tt.want(t, r)
					assert.Len(t, r.response.Body, tt.kept)
					for _, body := range bodies {
						assert.LessOrEqual(t, body.read, tt.most)
						assert.True(t, body.closed, "closed")
					}
				})
			})
		}
	}
}

func TestMaxResponseBytesIsExact(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limit int64
		want  expectation
	}{
		"limit equal to the body":       {int64(len(link)), succeeds(1)},
		"limit one byte below the body": {int64(len(link)) - 1, unusable("larger than")},
		"largest limit":                 {1<<63 - 1, succeeds(1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := through(t, fake(responds(201, link)), client.WithMaxResponseBytes(tt.limit))
			var r *result
			require.NotPanics(t, func() { r = call(t.Context(), t, opCreate, c) })
			tt.want(t, r)
		})
	}
}

// Not parallel: it measures the allocations of the process.
func TestHugeBodyMemory(t *testing.T) {
	member := new(bytes.Buffer)
	zip := gzip.NewWriter(member)
	for range 16 { // 1 MiB
		_, _ = io.WriteString(zip, spaces)
	}
	require.NoError(t, zip.Close())
	bomb := bytes.Repeat(member.Bytes(), 1024) // 1 GiB: a gzip file may have many members
	endlessly := func(w http.ResponseWriter) {
		for {
			if _, err := io.WriteString(w, spaces); err != nil {
				return
			}
		}
	}
	handlers := map[string]http.HandlerFunc{
		"infinite": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); endlessly(w) },
		"1 GiB": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1073741824")
			w.WriteHeader(201)
			endlessly(w)
		},
		"gzip bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(201)
			_, _ = w.Write(bomb)
		},
	}
	for name, handler := range handlers {
		for operation := range operations {
			t.Run(name+"/"+operation, func(t *testing.T) {
				server := httptest.NewServer(handler)
				defer server.Close()
				c := at(t, server.URL)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				r := call(t.Context(), t, operation, c, client.WithTimeout(time.Minute))
				runtime.ReadMemStats(&after)
				unusable("larger than 1048576 bytes")(t, r)
				assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20), "bytes allocated")
			})
		}
	}
}

// A connection is reused even if the limit is smaller than the body of an error.
func TestSmallLimitKeepsConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var opened atomic.Int32
		transport := new(http.Transport)
		serveInProcess(t, transport, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			_, _ = io.WriteString(w, strings.Repeat("x", 32<<10))
		}, func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				opened.Add(1)
			}
		})
		c := through(t, transport, client.WithBaseURL("http://localhost"), client.WithMaxResponseBytes(10))
		for range 5 {
			requireAPIError(t, create(c), "create_connect_session", 404)
		}
		assert.Equal(t, int32(1), opened.Load())
	})
}

// A header of megabytes costs the client little memory. Not parallel: it measures the
// allocations of the process.
func TestHugeHeaderFails(t *testing.T) {
	chunk := bytes.Repeat([]byte("x"), 64<<10)
	addr, _ := listen(t, func(conn net.Conn) {
		if !readRequest(conn) {
			return
		}
		_, err := io.WriteString(conn, okHeader+"X-Request-Id: ")
		for n := 0; err == nil && n < 9<<20; n += len(chunk) {
			_, err = conn.Write(chunk)
		}
	})
	c := at(t, "http://"+addr, noRetries)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := create(c)
	runtime.ReadMemStats(&after)
	var broken *client.TransportError
	require.ErrorAs(t, err, &broken)
	assert.ErrorContains(t, err, "header is too large")
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20), "bytes allocated")
}
