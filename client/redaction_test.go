package client_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// Secrets in errors and logs that TestSecrets does not cover.
func TestRedaction(t *testing.T) {
	t.Parallel()
	t.Run("key of an earlier attempt", func(t *testing.T) {
		t.Parallel()
		keys := []string{"first-secret", "second-secret"}
		attempts := 0
		c := through(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			body := fmt.Sprintf(`{"message":"%s is not %s"}`, keys[0], r.Header.Get("Authorization"))
			return &http.Response{StatusCode: 429, Body: io.NopCloser(strings.NewReader(body))}, nil
		}), client.WithRetryPolicy(quick))
		err := create(c, client.WithAPIKeyFunc(func(context.Context) (string, error) {
			attempts++
			return keys[min(attempts, 2)-1], nil
		}))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "secret")
		assert.NotContains(t, err.Error(), base64.RawStdEncoding.EncodeToString([]byte("second-secret")))
	})
	t.Run("base64 in every field of an error", func(t *testing.T) {
		t.Parallel()
		const key = "key-secret?>" // differs in base64 and base64url
		raw := []byte(key + ":")
		for _, quoted := range []string{
			base64.RawStdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw), base64.StdEncoding.EncodeToString([]byte(key)),
		} {
			body := fmt.Sprintf(`{"message":%[1]q,"data":{"message":%[1]q},"provider_errors":[{"raw":{"m":%[1]q}}]}`, quoted)
			api := requireAPIError(t, create(responding(t, 400, nil, body, client.WithAPIKey(key))), "create_connect_session", 400)
			core := strings.TrimRight(quoted, "=")
			assert.NotContains(t, api.Error(), core)
			assert.NotContains(t, fmt.Sprintf("%+v %+v", *api.Data, api.ProviderErrors), core)
			assert.Contains(t, api.Data.Message, "[redacted]")
		}
	})
	// Secrets are found in escaped text too.
	t.Run("escaped in the body of an error", func(t *testing.T) {
		t.Parallel()
		const key = "ab/cd+ef=="
		for name, quoted := range map[string]string{
			"JSON slash":                          `ab\/cd+ef==`,
			"JSON code points":                    `\u0061b\u002fcd\u002Bef==`,
			"JSON in JSON":                        `{\"key\":\"ab\\/cd+ef==\"}`,
			"JSON in JSON, code points":           `{\"key\":\"\\u0061b/cd+ef==\"}`,
			"percent encoding":                    `ab%2Fcd%2Bef%3D%3D`,
			"percent encoding in lower case":      `ab%2fcd%2bef%3d%3d`,
			"partial percent encoding":            `ab%2fcd+ef=%3D`,
			"percent encoding of every character": `%61%62%2f%63%64%2b%65%66%3d%3d`,
			"double percent encoding":             `ab%252Fcd%252Bef%253D%253D`,
			"HTML":                                `ab&#47;cd&#x2b;ef&#61;=`,
			"Go":                                  `ab\\x2fcd\\x2bef==`,
			"plain":                               `ab/cd+ef==`,
		} {
			body := fmt.Sprintf(`{"message":"no %[1]s","data":{"message":"no %[1]s","headers":{"%[1]s":["%[1]s"]}},`+
				`"provider_errors":[{"raw":{"m":{"deep":"%[1]s"}},"url":"https://x/?k=%[1]s"}]}`, quoted)
			api := requireAPIError(t, create(responding(t, 400, nil, body, client.WithAPIKey(key))), opCreate, 400)
			for _, text := range []string{api.Error(), api.Message, fmt.Sprintf("%+v", api.Data), fmt.Sprintf("%+v", api.ProviderErrors)} {
				assert.Contains(t, text, "[redacted]", name)
				assert.NotContains(t, text, "cd+", name)
				assert.NotContains(t, text, "cd%", name)
				assert.NotContains(t, text, "%63", name)
				assert.NotContains(t, text, "cd\\", name)
				assert.NotContains(t, text, "cd&", name)
			}
		}
	})
	// The body of an error may quote the session that it concerns.
	t.Run("session in the body of an error", func(t *testing.T) {
		t.Parallel()
		for _, body := range []string{
			`{"message":"response failed validation: {\"token\":\"tok_live\",\"auth_link_url\":\"https://hub/tok_live\"}"}`,
			`{"message":"{\"deep\":\"{\\\"token\\\":\\\"tok_live\\\"}\"}"}`,
			`{"error":{"body":{"token":"tok_live"}}}`,
			`{"message":{"Token" : "tok_live"}}`,
			`{"errors":[{"value":{"external_trigger_token":"tok_live"}}]}`,
			`{"message":"no","data":{"headers":{"token":"tok_live"}},"provider_errors":[{"raw":{"token":"tok_live"}}]}`,
			`{"data":{"token":"tok_live"},"message":"tok_live is invalid"}`,
			`{"token":"tok_live","token":"other","message":"tok_live is invalid"}`,
			`{"token":"tok_live","message":"cut`,
		} {
			header := http.Header{"X-Request-Id": {"of tok_live"}, "Content-Type": {"text/tok_live"}}
			for _, status := range []int{502, 201} {
				err := create(responding(t, status, header, body))
				var api *client.APIError
				if errors.As(err, &api) {
					assert.NotContains(t, fmt.Sprintf("%v %+v %+v", api.Message, api.Data, api.ProviderErrors), "tok_live", body)
				}
				if err != nil {
					assert.NotContains(t, err.Error(), "tok_live", body)
				}
			}
		}
	})
	t.Run("token of an earlier response", func(t *testing.T) {
		t.Parallel()
		c := through(t, fake(responds(429, `{"token":"tok_live"}`), responds(400, `{"message":"tok_live is invalid"}`)), client.WithRetryPolicy(quick))
		assert.NotContains(t, create(c).Error(), "tok_live")
	})
	t.Run("base64 at any offset", func(t *testing.T) {
		t.Parallel()
		const key = "v1.eu.the-api-key-of-acme"
		for offset := range 4 {
			for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
				quoted := e.EncodeToString([]byte("Bearer:"[:offset] + key + "::"[:offset/2]))
				err := create(responding(t, 400, nil, fmt.Sprintf(`{"message":%q}`, "no "+quoted), client.WithAPIKey(key)))
				assert.Contains(t, err.Error(), "[redacted]")
				assert.NotContains(t, err.Error(), quoted[8:len(quoted)-8])
			}
		}
	})
	t.Run("key that looks escaped", func(t *testing.T) {
		t.Parallel()
		err := create(responding(t, 400, nil, `{"message":"no p%41ss\\/word"}`, client.WithBasicAuth("user", "p%41ss/word")))
		assert.NotContains(t, err.Error(), "word")
	})
	t.Run("key returned with an error", func(t *testing.T) {
		t.Parallel()
		err := create(responding(t, 201, nil, link), client.WithAPIKeyFunc(func(context.Context) (string, error) {
			return "rotated-key", errors.New("rotated-key is revoked")
		}))
		assert.NotContains(t, err.Error(), "rotated-key")
	})
	t.Run("short secrets are ignored", func(t *testing.T) {
		t.Parallel()
		err := create(responding(t, 404, nil, `{"message":"Session has expired"}`, client.WithBasicAuth("api", "s")))
		assert.ErrorContains(t, err, "Session has expired")
		transport := roundTripper(func(*http.Request) (*http.Response, error) { return nil, io.EOF })
		err = sendWithoutBody(t.Context(), through(t, transport, client.WithBasicAuth("GET", "s")), http.MethodGet)
		assert.ErrorContains(t, err, "GET /connect_sessions")
		assert.False(t, client.MaybeCreated(err))
	})
	t.Run("request ID in the log", func(t *testing.T) {
		t.Parallel()
		for id, body := range map[string]string{
			base64.RawURLEncoding.EncodeToString([]byte(testKey + ":")): link,
			"token-1":    link,
			"tok_live-7": `{"Token":"tok_live-7"}`,
			"tok_live-8": `{"tok\u0065n":"tok_live-8"}`,
		} {
			var log bytes.Buffer
			_ = create(responding(t, 201, http.Header{"X-Request-Id": {id}}, body, client.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))))
			assert.NotContains(t, log.String(), id)
		}
	})
	t.Run("key of digits as a JSON number", func(t *testing.T) {
		t.Parallel()
		err := create(responding(t, 400, nil, `{"message":5550123,"data":{"headers":{"key":5550123,"n":1.50}}}`, client.WithAPIKey("5550123")))
		api := requireAPIError(t, err, opCreate, 400)
		assert.NotContains(t, fmt.Sprintf("%v %v %+v", err, api.Message, api.Data), "5550123")
	})
	t.Run("invalid time", func(t *testing.T) {
		t.Parallel()
		err := create(responding(t, 201, nil, `{"token":"t","auth_link_url":"u","created_at":"planted-token"}`))
		for ; err != nil; err = errors.Unwrap(err) {
			assert.NotContains(t, fmt.Sprintf("%v %+v", err, err), "planted-token")
		}
	})
}
