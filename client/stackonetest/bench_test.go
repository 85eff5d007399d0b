package stackonetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

// One call of the client to the server, both sides in one process.
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

func BenchmarkNewServer(b *testing.B) {
	for b.Loop() {
		stackonetest.NewServer().Close()
	}
}
