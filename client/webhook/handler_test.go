package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

const limit = 1 << 20

// serve starts a server with a handler for the current and the old secret, and returns
// its URL.
func serve(t *testing.T, f func(context.Context, webhook.Event) error) string {
	t.Helper()
	handler, err := webhook.NewHandler([]string{current, old}, f)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

type delivery struct {
	method     string // POST if empty
	payload    string
	signatures []string
	chunked    bool
}

func (d delivery) send(ctx context.Context, url string) (*http.Response, error) {
	var body io.Reader = strings.NewReader(d.payload)
	if d.chunked {
		body = io.MultiReader(body) // of unknown length
	}
	method := d.method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	if d.signatures != nil {
		req.Header["x-stackone-signature"] = d.signatures // in lower case, as documented
	}
	return http.DefaultClient.Do(req)
}

func signed(payload string) delivery {
	return delivery{payload: payload, signatures: []string{webhook.Sign([]byte(payload), current)}}
}

func TestHandlerStatus(t *testing.T) {
	t.Parallel()
	padded := func(n int) string { return account + strings.Repeat(" ", n-len(account)) }
	chunked := func(on bool, d delivery) delivery { d.chunked = on; return d }
	method := func(name string) delivery { d := signed(account); d.method = name; return d }
	tests := map[string]struct {
		delivery delivery
		want     int
	}{
		"signed":                     {signed(account), 200},
		"signed by openssl":          {delivery{payload: account, signatures: []string{accountSignature}}, 200},
		"signed with the old secret": {delivery{payload: account, signatures: []string{vectors["account-old-secret"].signature}}, 200},
		"chunked":                    {chunked(true, signed(account)), 200},
		"unknown event type":         {signed(`{"event":"brand.new"}`), 200},
		"unusable date":              {signed(`{"event":"account.created","event_date":[]}`), 200},
		"1 MiB":                      {signed(padded(limit)), 200},
		"1 MiB, chunked":             {chunked(true, signed(padded(limit))), 200},

		"1 MiB and a byte":          {signed(padded(limit + 1)), 413},
		"1 MiB and a byte, chunked": {chunked(true, signed(padded(limit+1))), 413},

		"without a signature":               {delivery{payload: account}, 401},
		"empty signature":                   {delivery{payload: account, signatures: []string{""}}, 401},
		"wrong signature":                   {delivery{payload: account, signatures: []string{strings.Repeat("A", 43)}}, 401},
		"padded signature":                  {delivery{payload: account, signatures: []string{accountSignature + "="}}, 401},
		"signature of another payload":      {delivery{payload: `{"event":"account.deleted"}`, signatures: []string{accountSignature}}, 401},
		"signed with an empty secret":       {delivery{payload: account, signatures: []string{webhook.Sign([]byte(account), "")}}, 401},
		"two equal signatures":              {delivery{payload: account, signatures: []string{accountSignature, accountSignature}}, 401},
		"right signature, then wrong":       {delivery{payload: account, signatures: []string{accountSignature, "A"}}, 401},
		"wrong signature, then right":       {delivery{payload: account, signatures: []string{"A", accountSignature}}, 401},
		"comma-separated signatures":        {delivery{payload: account, signatures: []string{accountSignature + "," + accountSignature}}, 401},
		"not an event, without a signature": {delivery{payload: "{"}, 401},
		"not an event, wrong signature":     {delivery{payload: "{", signatures: []string{accountSignature}}, 401},

		"not an event":          {signed("{"), 400},
		"not JSON":              {signed("event=account.created"), 400},
		"without an event type": {signed("{}"), 400},
		"empty payload":         {signed(""), 400},

		"GET":                {method("GET"), 405},
		"HEAD":               {method("HEAD"), 405},
		"PUT":                {method("PUT"), 405},
		"DELETE":             {method("DELETE"), 405},
		"OPTIONS":            {method("OPTIONS"), 405},
		"post in lower case": {method("post"), 405}, // methods are case-sensitive
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var events []webhook.Event
			url := serve(t, func(_ context.Context, e webhook.Event) error {
				events = append(events, e)
				return nil
			})
			resp, err := test.delivery.send(t.Context(), url)
			require.NoError(t, err)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, test.want, resp.StatusCode)
			assert.Empty(t, body)
			if test.want == http.StatusMethodNotAllowed {
				assert.Equal(t, []string{"POST"}, resp.Header.Values("Allow"))
			} else {
				assert.Empty(t, resp.Header.Values("Allow"))
			}
			if test.want != http.StatusOK {
				assert.Empty(t, events)
				return
			}
			require.Len(t, events, 1)
			want, err := webhook.Parse([]byte(test.delivery.payload))
			require.NoError(t, err)
			assert.Equal(t, want, events[0])
		})
	}
}

func TestHandlerDoesNotAcknowledgeFailures(t *testing.T) {
	t.Parallel()
	const inner = "database password hunter2"
	var calls atomic.Int64
	url := serve(t, func(context.Context, webhook.Event) error {
		switch calls.Add(1) {
		case 1:
			return errors.New(inner)
		case 2:
			panic(inner)
		}
		return nil
	})

	resp, err := signed(account).send(t.Context(), url)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusInternalServerError, resp.StatusCode)
	assert.Empty(t, body)
	assert.NotContains(t, fmt.Sprint(resp.Header), "hunter2")

	_, err = signed(account).send(t.Context(), url)
	require.ErrorIs(t, err, io.EOF, "no response after a panic")

	resp, err = signed(account).send(t.Context(), url)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, int64(3), calls.Load())
}

// A panic reaches middleware before anything is written, so that middleware can respond.
func TestHandlerDoesNotRecover(t *testing.T) {
	t.Parallel()
	handler, err := webhook.NewHandler([]string{current}, func(context.Context, webhook.Event) error { panic("boom") })
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	assert.PanicsWithValue(t, "boom", func() { handler.ServeHTTP(recorder, request(account)) })
	recorder.WriteHeader(http.StatusTeapot)
	assert.Equal(t, http.StatusTeapot, recorder.Code)
}

func TestHandlerPassesTheRequestContext(t *testing.T) {
	t.Parallel()
	ctx, disconnect := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	url := serve(t, func(ctx context.Context, _ webhook.Event) error {
		disconnect()
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	})
	_, err := signed(account).send(ctx, url)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, <-ended, context.Canceled)

	type key struct{}
	handler, err := webhook.NewHandler([]string{current}, func(ctx context.Context, _ webhook.Event) error {
		assert.Equal(t, "from middleware", ctx.Value(key{}))
		return nil
	})
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request(account).WithContext(context.WithValue(t.Context(), key{}, "from middleware")))
	assert.Equal(t, http.StatusOK, recorder.Code)
}

func TestHandlerIncompleteBody(t *testing.T) {
	t.Parallel()
	handler, err := webhook.NewHandler([]string{current}, func(context.Context, webhook.Event) error {
		t.Error("f was called")
		return nil
	})
	require.NoError(t, err)
	r := request(account)
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(account), iotest.ErrReader(io.ErrUnexpectedEOF)))
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	assert.Equal(t, http.StatusBadRequest, recorder.Code)
}

// The handler does not read an unsigned body, and reads a large one only up to the limit.
func TestHandlerLimitsReading(t *testing.T) {
	t.Parallel()
	handler, err := webhook.NewHandler([]string{current}, func(context.Context, webhook.Event) error { return nil })
	require.NoError(t, err)
	for name, test := range map[string]struct {
		header http.Header
		limit  int64
		status int
	}{
		"unsigned":  {http.Header{}, 0, http.StatusUnauthorized},
		"too large": {http.Header{webhook.SignatureHeader: {accountSignature}}, limit + 1, http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endless := &counter{}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", endless)
			r.Header = test.header
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, r)
			assert.Equal(t, test.status, recorder.Code)
			assert.LessOrEqual(t, endless.n, test.limit)
		})
	}
}

// counter is an endless body that counts the bytes read.
type counter struct{ n int64 }

func (c *counter) Read(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

func TestHandlerConcurrentDeliveries(t *testing.T) {
	t.Parallel()
	var received atomic.Int64
	url := serve(t, func(context.Context, webhook.Event) error { received.Add(1); return nil })
	statuses := make(chan int)
	for i := range 40 {
		go func() {
			d := signed(fmt.Sprintf(`{"event":"account.updated","record_id":%d}`, i))
			if i%2 == 1 {
				d.signatures[0] = accountSignature
			}
			resp, err := d.send(t.Context(), url)
			if err != nil {
				statuses <- 0
				return
			}
			_ = resp.Body.Close()
			statuses <- resp.StatusCode
		}()
	}
	got := map[int]int{}
	for range 40 {
		got[<-statuses]++
	}
	assert.Equal(t, map[int]int{200: 20, 401: 20}, got)
	assert.EqualValues(t, 20, received.Load())
}

func TestNewHandlerErrors(t *testing.T) {
	t.Parallel()
	ignore := func(context.Context, webhook.Event) error { return nil }
	for name, test := range map[string]struct {
		secrets []string
		f       func(context.Context, webhook.Event) error
		want    string
	}{
		"nil secrets":    {nil, ignore, "no secret was given"},
		"empty secrets":  {[]string{}, ignore, "no secret was given"},
		"empty secret":   {[]string{""}, ignore, "secret 1 of 1 is empty"},
		"blank secret":   {[]string{current, " \n"}, ignore, "secret 2 of 2 is empty"},
		"secret of NULs": {[]string{"\x00\x00", current}, ignore, "secret 1 of 2 is empty"},
		"no function":    {[]string{current}, nil, "is nil"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, err := webhook.NewHandler(test.secrets, test.f)
			require.ErrorContains(t, err, test.want)
			assert.Equal(t, test.f != nil, errors.Is(err, webhook.ErrSecret))
			assert.Nil(t, handler)
			assertPlain(t, err, current)
		})
	}
}

func TestHandlerCopiesAndHidesItsSecrets(t *testing.T) {
	t.Parallel()
	secrets := []string{current}
	handler, err := webhook.NewHandler(secrets, func(context.Context, webhook.Event) error { return nil })
	require.NoError(t, err)
	secrets[0] = "changed later"
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request(account))
	assert.Equal(t, http.StatusOK, recorder.Code)

	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed := fmt.Sprintf(verb, handler)
		assert.NotContains(t, printed, current)
		assert.NotContains(t, printed, fmt.Sprintf("%x", current))
	}
}

// request returns a delivery signed with the current secret.
func request(payload string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader([]byte(payload)))
	r.Header.Set(webhook.SignatureHeader, webhook.Sign([]byte(payload), current))
	return r
}
