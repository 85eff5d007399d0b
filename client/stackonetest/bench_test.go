package stackonetest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// BenchmarkCall measures a call of the client to the server in one process.
func BenchmarkCall(b *testing.B) {
	for _, row := range []struct {
		name string
		opts []stackonetest.Option
	}{
		{name: "socket"},
		{name: "memory", opts: []stackonetest.Option{stackonetest.InMemory()}},
	} {
		b.Run(row.name, func(b *testing.B) {
			srv := stackonetest.NewServer(row.opts...)
			defer srv.Close()
			c := srv.Client()
			body := gen.ConnectSessionCreate{
				OriginOwnerID: "acme", OriginOwnerName: "Acme", Provider: "bamboohr",
				Categories: []gen.Category{gen.CategoryHRIS}, Metadata: map[string]any{"plan": "pro"},
			}
			b.Run("create", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_, err := c.ConnectSessions.Create(b.Context(), body)
					require.NoError(b, err)
				}
			})
			link, err := c.ConnectSessions.Create(b.Context(), body)
			require.NoError(b, err)
			b.Run("authenticate", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_, err := c.ConnectSessions.Authenticate(b.Context(), gen.ConnectSessionAuthenticate{Token: link.Token})
					require.NoError(b, err)
				}
			})
		})
	}
}

// BenchmarkFixedResponse measures the part of BenchmarkCall/socket/create that is not the
// server: the same call with a fixed response.
func BenchmarkFixedResponse(b *testing.B) {
	srv := stackonetest.NewServer()
	defer srv.Close()
	const text = `{"id":1,"organization_id":"1","project_id":"p","origin_owner_id":"acme","origin_owner_name":"Acme",` +
		`"created_at":"2023-05-30T00:00:00.000Z","token":"t","auth_link_url":"http://127.0.0.1/t"}`
	srv.Inject(stackonetest.Fault{Status: http.StatusCreated, Body: []byte(text), Times: -1})
	c := srv.Client()
	b.ReportAllocs()
	for b.Loop() {
		_, err := c.ConnectSessions.Create(b.Context(), acme)
		require.NoError(b, err)
	}
}

func BenchmarkNewServer(b *testing.B) {
	for b.Loop() {
		stackonetest.NewServer().Close()
	}
}
