package connect_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/connect"
)

// TestKeys measures the memory and connections of each of 200 keys after NewWaiter and
// one call over TLS, including the server's side of the connection. It runs only with
// WAITS=all; -v prints the figures.
func TestKeys(t *testing.T) { // not parallel: it measures memory
	if os.Getenv("WAITS") != "all" {
		t.Skip("set WAITS=all to measure; the race detector needs more memory")
	}
	const keys = 200
	for _, tt := range []struct {
		name               string
		shared, one        bool
		connections, bytes int
	}{
		{"one client for each key", false, false, keys, 150_000},
		{"one client for each key and one http.Client", true, false, 1, 5_000},
		{"one client and WithAPIKey for each call", true, true, 1, 1_500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var connections atomic.Int64
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusCreated)
				_, _ = w.Write([]byte(`{"token":"t","auth_link_url":"u"}`))
			}))
			srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
			srv.StartTLS()
			defer srv.Close()
			transport := func() *http.Transport {
				own := client.NewTransport()
				own.TLSClientConfig = &tls.Config{RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
				t.Cleanup(own.CloseIdleConnections)
				return own
			}
			newClient := func(key string, transport *http.Transport) *client.Client {
				c, err := client.New(client.WithAPIKey(key), client.WithBaseURL(srv.URL),
					client.WithHTTPClient(&http.Client{Transport: transport}))
				require.NoError(t, err)
				return c
			}
			shared := transport()
			first := newClient("first", shared)
			retained := make([]any, 0, 2*keys)
			use := func(key string) {
				c, opts := first, []client.Option{client.WithAPIKey(key)}
				if !tt.one {
					own := shared
					if !tt.shared {
						own = transport()
					}
					c, opts = newClient(key, own), nil
				}
				_, err := c.ConnectSessions.Create(t.Context(), owner, opts...)
				require.NoError(t, err)
				retained = append(retained, connect.NewWaiter(c, connect.WaiterOptions{}), opts)
			}
			used := func() int {
				var m runtime.MemStats
				for range 3 {
					runtime.GC()
				}
				runtime.ReadMemStats(&m)
				return int(m.HeapAlloc + m.StackInuse)
			}
			use("key") // opens the shared connection
			connections.Store(1)
			before := used()
			for i := range keys {
				use(fmt.Sprint("key-", i))
			}
			bytes := (used() - before) / keys
			t.Logf("%d connections, %d bytes a key", connections.Load(), bytes)
			assert.LessOrEqual(t, int(connections.Load()), tt.connections+1)
			assert.LessOrEqual(t, bytes, tt.bytes)
			runtime.KeepAlive(retained)
		})
	}
}
