package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

const createProgram = `package main

import (
	"context"
	"fmt"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func main() {
	c, err := client.New()
	if err == nil {
		_, err = c.ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{})
	}
	fmt.Println(err)
}
`

// BenchmarkGrowth measures what operations cost, with those of a published
// description. README.md has the table.
func BenchmarkGrowth(b *testing.B) {
	text, err := os.ReadFile(publishedDescriptions(b)[0])
	require.NoError(b, err)
	for _, most := range []int{0, 1, 10, 50, 1 << 20} {
		whole, err := parse(string(text))
		require.NoError(b, err)
		left := 0
		for _, call := range whole.calls() {
			method, path, _ := strings.Cut(call, " ")
			if left++; left > most || strings.HasPrefix(path, "/connect_sessions") {
				delete(object(whole, "paths", path), strings.ToLower(method))
				left--
			}
		}
		b.Run(fmt.Sprintf("added=%d", left), func(b *testing.B) {
			p := copyProject(b)
			p.env = append(p.env, "GOFLAGS=") // nothing of this is in the build cache
			require.NoError(b, os.Mkdir(filepath.Join(p.dir, "bin", "create"), 0o700))
			require.NoError(b, os.WriteFile(filepath.Join(p.dir, "bin", "create", "main.go"), []byte(createProgram), 0o600))
			source := filepath.Join(b.TempDir(), "whole.yaml")
			written, err := yaml.Marshal(map[string]any(whole))
			require.NoError(b, err)
			require.NoError(b, os.WriteFile(source, written, 0o600))
			if left > 0 {
				output, ok := p.run("bin/drift", "-add", source)
				require.True(b, ok, output)
				require.Len(b, gained.FindAllString(output, -1), left)
			}
			timed := func(unit string, args ...string) {
				start := time.Now()
				output, ok := p.run("go", args...)
				require.True(b, ok, output)
				b.ReportMetric(time.Since(start).Seconds(), unit)
			}
			for b.Loop() {
				timed("s-generate", "generate", "./gen")
				timed("s-compile", "build", "./gen")
				output, ok := p.run("go", "build", "-trimpath", "-ldflags=-s -w", "-o", "bin/program", "./bin/create")
				require.True(b, ok, output)
			}
			for name, unit := range map[string]string{"gen/connect.gen.go": "KB-generated", "bin/program": "KB-binary"} {
				info, err := os.Stat(filepath.Join(p.dir, name))
				require.NoError(b, err)
				b.ReportMetric(float64(info.Size())/1000, unit)
			}
		})
	}
}
