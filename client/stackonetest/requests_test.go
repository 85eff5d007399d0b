package stackonetest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

func TestRequests(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	post(t, srv, createPath, acmeJSON)
	call(t, srv, http.MethodPut, "/nowhere?q=1", "not JSON", http.Header{"Proxy-Authorization": {"Basic x"}})

	got := srv.Requests()
	require.Len(t, got, 2)
	assert.Equal(t, "request-1", got[0].ID)
	assert.WithinDuration(t, srv.Now(), got[0].Time, time.Minute)
	assert.Empty(t, got[0].Query)
	assert.Equal(t, url.Values{"q": {"1"}}, got[1].Query)
	assert.Equal(t, http.StatusCreated, got[0].Response.Status)
	assert.Contains(t, string(got[0].Response.Body), `"token":"`)
	assert.Equal(t, "request-1", got[0].Response.Header.Get("X-Request-Id"))
	assert.Empty(t, got[0].Reason)
	assert.Equal(t, http.StatusNotFound, got[1].Response.Status)
	assert.Equal(t, "Cannot PUT /nowhere", got[1].Reason)
	assert.Equal(t, "POST", got[0].Method)
	assert.Equal(t, createPath, got[0].Path)
	assert.Equal(t, acmeJSON, string(got[0].Body))
	assert.Equal(t, "application/json", got[0].Header.Get("Content-Type"))
	assert.Equal(t, []string{""}, got[0].Header["Cookie"], "an empty header is still a header")
	assert.Contains(t, got[0].Header.Get("User-Agent"), "speakeasy-sdk/typescript")
	assert.Equal(t, "PUT", got[1].Method)
	assert.Equal(t, "/nowhere", got[1].Path)
	assert.Equal(t, "not JSON", string(got[1].Body))
	for _, r := range got {
		assert.NotContains(t, r.Header, "Authorization")
		assert.NotContains(t, r.Header, "Proxy-Authorization")
	}

	got[0].Header.Set("Content-Type", "changed")
	got[0].Body[0] = 'X'
	again := srv.Requests()[0]
	assert.Equal(t, "application/json", again.Header.Get("Content-Type"))
	assert.Equal(t, acmeJSON, string(again.Body), "Requests returns copies")
}

// recorder is a TB that records failures.
type recorder struct {
	cleanups []func()
	failures []string
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) end() {
	for _, f := range r.cleanups {
		f()
	}
}

func TestExpect(t *testing.T) {
	t.Parallel()
	const createRequest, authenticateRequest = "POST " + createPath, "POST " + authenticatePath
	for _, row := range []struct {
		name   string
		expect [][]string // one Expect each
		sent   []string   // paths
		want   string
	}{
		{name: "without Expect", sent: []string{createPath, "/elsewhere"}},
		{name: "expected requests in another order", expect: [][]string{{createRequest, authenticateRequest}, {createRequest}}, sent: []string{authenticatePath, createPath, createPath}},
		{name: "additional request", expect: [][]string{{createRequest}}, sent: []string{createPath, createPath},
			want: `stackonetest: request "POST /connect_sessions" was not expected`},
		{name: "missing request", expect: [][]string{{createRequest, createRequest}}, sent: []string{createPath},
			want: `stackonetest: expected request "POST /connect_sessions" did not arrive`},
		{name: "no request expected", expect: [][]string{{}}, sent: []string{createPath},
			want: `stackonetest: request "POST /connect_sessions" was not expected`},
		{name: "another request", expect: [][]string{{createRequest}}, sent: []string{"/else\nwhere"},
			want: "stackonetest: request \"POST /else\\nwhere\" was not expected\n" +
				`stackonetest: expected request "POST /connect_sessions" did not arrive`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			test := &recorder{}
			srv := stackonetest.NewTestServer(test)
			for _, requests := range row.expect {
				srv.Expect(requests...)
			}
			for _, path := range row.sent {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, nil)
				require.NoError(t, err)
				req.URL.Path = path
				res, err := srv.HTTPClient().Do(req)
				require.NoError(t, err)
				require.NoError(t, res.Body.Close())
			}
			err := srv.Verify()
			test.end()
			if row.want == "" {
				require.NoError(t, err)
				assert.Empty(t, test.failures)
				return
			}
			require.EqualError(t, err, row.want)
			assert.Equal(t, []string{row.want}, test.failures)
			_, err = srv.HTTPClient().Get(srv.URL)
			assert.Error(t, err, "the server is closed at the end of the test")
		})
	}
}
