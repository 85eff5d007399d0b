package main

import (
	"bufio"
	"context"
	"database/sql"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/StackOneHQ/stackone-client-go/client"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		runChild()
		return
	}
	goleak.VerifyTestMain(suite{m})
}

// suite stops PostgreSQL after the tests, before goleak looks for leaked goroutines.
type suite struct{ *testing.M }

func (s suite) Run() int {
	defer func() {
		if postgres.stop != nil {
			postgres.stop()
		}
	}()
	return s.M.Run()
}

// launch runs the program until stop is called. It returns the address that the program
// prints, and the output before that.
func launch(t *testing.T, args ...string) (url, printed string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		file := filepath.Join(t.TempDir(), "test.db")
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0", "-db", file}, args...), w, sql.Open)
		w.CloseWithError(io.EOF)
		done <- err
	}()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "Open "); ok {
			url, _, _ = strings.Cut(rest, " ")
			break
		}
		printed += lines.Text() + "\n"
	}
	return url, printed, func() error { cancel(); return <-done }
}

func TestRunWithFake(t *testing.T) {
	url, printed, stop := launch(t)
	assert.Contains(t, printed, "calling a fake StackOne")
	v := &visitor{t: t, http: http.DefaultClient}
	defer v.http.CloseIdleConnections()
	v.open(url)
	assert.Equal(t, "Sign in", v.heading())
	require.NoError(t, stop())
	_, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	assert.Error(t, err, "the listener is closed")
}

func TestRunWithStackOne(t *testing.T) {
	t.Setenv(client.APIKeyEnv, "v1.test.key")
	url, printed, stop := launch(t)
	assert.Contains(t, printed, client.DefaultBaseURL)
	assert.Contains(t, printed, webhookSecretEnv+" is not set")
	assert.NotContains(t, printed, "v1.test.key")
	res, err := http.Post(url+webhookPath, "application/json", strings.NewReader("{}"))
	require.NoError(t, err)
	res.Body.Close()
	assert.Equal(t, http.StatusNotFound, res.StatusCode)
	require.NoError(t, stop())

	t.Setenv(baseURLEnv, "http://127.0.0.1:4010")
	t.Setenv(webhookSecretEnv, "old new")
	url, printed, stop = launch(t, "-hub", "testdata/hub.js")
	assert.NotContains(t, printed, "is not set")
	assert.NotContains(t, printed, "old")
	assert.Contains(t, printed, "Calling http://127.0.0.1:4010 with")
	res, err = http.Post(url+webhookPath, "application/json", strings.NewReader("{}"))
	require.NoError(t, err)
	res.Body.Close()
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	require.NoError(t, stop())
	http.DefaultClient.CloseIdleConnections()
}

func TestRunErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	tests := map[string]struct {
		args []string
		key  string
		want string
	}{
		"address taken":      {args: []string{"-addr", taken.Addr().String()}, want: "another program is listening on " + taken.Addr().String() + ": stop it, or choose another address with -addr"},
		"bad address":        {args: []string{"-addr", "nowhere"}, want: "choose another address with -addr"},
		"missing Hub script": {args: []string{"-addr", "127.0.0.1:0", "-hub", "testdata/none.js"}, key: "v1.test.key", want: "none.js"},
		"bad key":            {args: []string{"-addr", "127.0.0.1:0"}, key: "a:b", want: "invalid configuration"},
		"unknown flag":       {args: []string{"-port", "1"}, want: "-port"},
		"missing directory":  {args: []string{"-addr", "127.0.0.1:0", "-db", "testdata/none/x.db"}, want: "use another database with DATABASE_URL or -db"},
		"argument":           {args: []string{"8080"}, want: "8080"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.key != "" {
				t.Setenv(client.APIKeyEnv, test.key)
			}
			t.Chdir(t.TempDir()) // for the default database
			err := run(t.Context(), test.args, io.Discard, sql.Open)
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestUnsupportedDatabase(t *testing.T) {
	_, err := openDatabase("mysql://user:hunter2@host/db", "", sql.Open)
	require.ErrorContains(t, err, "DATABASE_URL must begin with postgres://")
	assert.NotContains(t, err.Error(), "hunter2")

	t.Setenv(databaseURLEnv, "postgres://user:hunter2@127.0.0.1:1/db")
	err = run(t.Context(), []string{"-addr", "127.0.0.1:0"}, io.Discard, sql.Open)
	require.ErrorContains(t, err, databaseURLEnv)
	assert.NotContains(t, err.Error(), "hunter2")
}

// An open event stream does not delay shutdown.
func TestShutdownWithOpenStreams(t *testing.T) {
	url, _, stop := launch(t)
	h := &harness{url: url}
	v := newVisitor(t, h)
	v.press("Acme")
	v.press("Connect your HR system")
	res, err := v.http.Get(url + "/events")
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.NoError(t, stop())
}
