package client_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func TestRequest(t *testing.T) {
	t.Parallel()
	all := gen.ConnectSessionCreate{
		OriginOwnerID: "customer-1", OriginOwnerName: "Customer <One> & Ünïcode",
		AccountID:          "account-1",
		Categories:         []gen.Category{gen.CategoryHRIS, gen.CategoryStackOne},
		ConnectorProfileID: "profile-1",
		ExpiresIn:          432000,
		IntegrationID:      "integration-1", //nolint:staticcheck // deprecated, but still part of the API
		Label:              "label-1",
		Metadata:           map[string]any{"plan": "pro", "nested": map[string]any{"deep": []any{1.0, "two", nil}}},
		Multiple:           true,
		OriginUsername:     "jo",
		Provider:           "bamboohr",
		ProviderVersion:    "2", //nolint:staticcheck // deprecated, but still part of the API
		Type:               gen.AccountTypeTest,
	}
	tests := map[string]struct {
		call     func(*client.Client) error
		path     string
		response string
		body     string
	}{
		"create with the required fields": {
			func(c *client.Client) error { return create(c) }, "/connect_sessions", link,
			`{"origin_owner_id":"customer-1","origin_owner_name":"Customer One"}`,
		},
		"create with every field": {
			func(c *client.Client) error { _, err := c.ConnectSessions.Create(t.Context(), all); return err },
			"/connect_sessions", link,
			`{"origin_owner_id":"customer-1","origin_owner_name":"Customer <One> & Ünïcode","account_id":"account-1",
			  "categories":["hris","stackone"],"connector_profile_id":"profile-1","expires_in":432000,
			  "integration_id":"integration-1","label":"label-1",
			  "metadata":{"plan":"pro","nested":{"deep":[1,"two",null]}},"multiple":true,"origin_username":"jo",
			  "provider":"bamboohr","provider_version":"2","type":"test"}`,
		},
		"authenticate": {
			func(c *client.Client) error { return authenticate(c) }, "/connect_sessions/authenticate", session,
			`{"token":"token-1"}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests []string
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				requests = append(requests, r.Method+" "+r.URL.String())
				assert.JSONEq(t, tt.body, string(body))
				assert.Equal(t, int64(len(body)), r.ContentLength)

				agent := r.Header.Get("User-Agent")
				assert.Regexp(t, `^stackone-client-go/\S+ \(go1\.\d+.*\)$`, agent)
				assert.Equal(t, http.Header{
					"Accept":          {"application/json"},
					"Accept-Encoding": {"gzip"}, // added by net/http, which decodes the response
					"Authorization":   {"Basic " + base64.StdEncoding.EncodeToString([]byte(testKey+":"))},
					"Content-Length":  r.Header["Content-Length"],
					"Content-Type":    {"application/json"},
					"User-Agent":      {agent},
				}, withContentLength(r.Header))
				answer(201, tt.response)(w, r)
			})
			require.NoError(t, tt.call(c))
			assert.Equal(t, []string{"POST " + tt.path}, requests)
		})
	}
}

// withContentLength adds an empty Content-Length, the one header that may be missing.
func withContentLength(h http.Header) http.Header {
	h = h.Clone()
	if _, ok := h["Content-Length"]; !ok {
		h["Content-Length"] = nil
	}
	return h
}

func TestInvalidRequest(t *testing.T) {
	t.Parallel()
	c := serveUnvalidated(t, func(http.ResponseWriter, *http.Request) {
		t.Error("a request was sent")
	})
	createWith := func(body gen.ConnectSessionCreate) func() error {
		return func() error { _, err := c.ConnectSessions.Create(t.Context(), body); return err }
	}
	tests := map[string]struct {
		call func() error
		want []string
	}{
		"no required fields":   {createWith(gen.ConnectSessionCreate{}), []string{"origin_owner_id is required", "origin_owner_name is required"}},
		"no origin_owner_id":   {createWith(gen.ConnectSessionCreate{OriginOwnerName: "n"}), []string{"origin_owner_id is required"}},
		"no origin_owner_name": {createWith(gen.ConnectSessionCreate{OriginOwnerID: "i"}), []string{"origin_owner_name is required"}},
		"origin_owner_id not UTF-8": {
			createWith(gen.ConnectSessionCreate{OriginOwnerID: "i\xff", OriginOwnerName: "n"}),
			[]string{"origin_owner_id is not valid UTF-8"},
		},
		"metadata that JSON cannot encode": {
			createWith(gen.ConnectSessionCreate{OriginOwnerID: "i", OriginOwnerName: "n", Metadata: map[string]any{"f": func() {}}}),
			[]string{"cannot encode the request", "unsupported type"},
		},
		"blank origin_owner_id": {
			createWith(gen.ConnectSessionCreate{OriginOwnerID: " \n", OriginOwnerName: "n"}), []string{"origin_owner_id is required"},
		},
		"account_id not UTF-8": {
			createWith(gen.ConnectSessionCreate{OriginOwnerID: "i", OriginOwnerName: "n", AccountID: "\xff"}),
			[]string{"account_id is not valid UTF-8"},
		},
		"metadata whose error has two lines": {
			createWith(gen.ConnectSessionCreate{OriginOwnerID: "i", OriginOwnerName: "n", Metadata: map[string]any{"m": failingJSON{}}}),
			[]string{"cannot encode the request", `one\ntwo`},
		},
		"no token": {
			func() error {
				_, err := c.ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{})
				return err
			},
			[]string{"token is required"},
		},
		"nil context": {
			func() error {
				_, err := c.ConnectSessions.Create(nil, owner) //nolint:staticcheck // tests a nil context
				return err
			},
			[]string{"nil context"},
		},
		"client not made by New": {
			func() error { return create(&client.Client{}) }, []string{"not made by client.New"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.call()
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), "\n")
			var encoding *json.UnsupportedTypeError
			assert.Equal(t, name == "metadata that JSON cannot encode", errors.As(err, &encoding))
		})
	}
}

type failingJSON struct{}

func (failingJSON) MarshalJSON() ([]byte, error) { return nil, errors.New("one\ntwo") }

// encoding/json replaces invalid UTF-8, which could make two customers' IDs the same. The
// client rejects it in every field.
func TestCreateRejectsInvalidUTF8(t *testing.T) {
	t.Parallel()
	const bad = "a\xffb"
	with := func(change func(*gen.ConnectSessionCreate)) gen.ConnectSessionCreate {
		body := owner
		change(&body)
		return body
	}
	rejected := map[string]gen.ConnectSessionCreate{
		"origin_owner_id":      with(func(b *gen.ConnectSessionCreate) { b.OriginOwnerID = bad }),
		"origin_owner_name":    with(func(b *gen.ConnectSessionCreate) { b.OriginOwnerName = "\xc3\x28" }),
		"origin_username":      with(func(b *gen.ConnectSessionCreate) { b.OriginUsername = "\xed\xa0\x80" }),
		"account_id":           with(func(b *gen.ConnectSessionCreate) { b.AccountID = "cut \xe2\x82" }),
		"provider":             with(func(b *gen.ConnectSessionCreate) { b.Provider = bad }),
		"provider_version":     with(func(b *gen.ConnectSessionCreate) { b.ProviderVersion = bad }), //nolint:staticcheck // deprecated, but still sent
		"integration_id":       with(func(b *gen.ConnectSessionCreate) { b.IntegrationID = bad }),   //nolint:staticcheck // deprecated, but still sent
		"connector_profile_id": with(func(b *gen.ConnectSessionCreate) { b.ConnectorProfileID = bad }),
		"label":                with(func(b *gen.ConnectSessionCreate) { b.Label = `\` + bad }),
		"type":                 with(func(b *gen.ConnectSessionCreate) { b.Type = bad }),
		"categories":           with(func(b *gen.ConnectSessionCreate) { b.Categories = []gen.Category{"hris", bad} }),
		"metadata":             with(func(b *gen.ConnectSessionCreate) { b.Metadata = map[string]any{"a": []any{map[string]any{"b": bad}}} }),
	}
	for field, body := range rejected {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			transport := fake(responds(201, link))
			_, err := through(t, transport).ConnectSessions.Create(t.Context(), body)
			assert.EqualError(t, err, "stackone: create_connect_session: invalid request: "+field+" is not valid UTF-8")
			assert.Zero(t, transport.attempts, "requests")
			assert.False(t, client.MaybeCreated(err))
		})
	}
	t.Run("member name in metadata", func(t *testing.T) {
		t.Parallel()
		_, err := responding(t, 201, nil, link).ConnectSessions.Create(t.Context(),
			with(func(b *gen.ConnectSessionCreate) { b.Metadata = map[string]any{bad: true} }))
		assert.ErrorContains(t, err, "metadata is not valid UTF-8")
	})
	t.Run("token", func(t *testing.T) {
		t.Parallel()
		_, err := responding(t, 201, nil, link).ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: bad})
		assert.EqualError(t, err, "stackone: authenticate_connect_session: invalid request: token is not valid UTF-8")
	})
	for name, raw := range map[string]string{"invalid bytes": "\"a\xffb\"", "an unpaired surrogate": `"\ud800"`} {
		t.Run("raw JSON with "+name, func(t *testing.T) {
			t.Parallel()
			_, err := responding(t, 201, nil, link).ConnectSessions.Create(t.Context(),
				with(func(b *gen.ConnectSessionCreate) { b.Metadata = map[string]any{"raw": json.RawMessage(raw)} }))
			assert.ErrorContains(t, err, "not valid UTF-8")
		})
	}
	t.Run("sends raw JSON with an escaped U+FFFD", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, func() error {
			_, err := responding(t, 201, nil, link).ConnectSessions.Create(t.Context(),
				with(func(b *gen.ConnectSessionCreate) { b.Metadata = map[string]any{"raw": json.RawMessage(`"x\ufffdy"`)} }))
			return err
		}())
	})
	for name, text := range map[string]string{
		"U+FFFD": "a\ufffdb", "the literal text of the escape": `a\ufffdb`, "backslashes before the escape": `\\\ufffd`, "emoji": "😀", "NUL": "a\x00b",
	} {
		t.Run("sends "+name, func(t *testing.T) {
			t.Parallel()
			transport := fake(responds(201, link))
			_, err := through(t, transport).ConnectSessions.Create(t.Context(), with(func(b *gen.ConnectSessionCreate) { b.Label = text }))
			require.NoError(t, err)
			var sent gen.ConnectSessionCreate
			require.NoError(t, json.Unmarshal([]byte(transport.bodies[0]), &sent))
			assert.Equal(t, text, sent.Label)
		})
	}
}

func TestCreateRejectsInvalidExpiresIn(t *testing.T) {
	t.Parallel()
	for seconds, ok := range map[int]bool{
		0: true, 1: true, 432_000: true, 999_999_999: true,
		-1: false, int(time.Second): false, math.MinInt32: false, math.MaxInt32: false,
	} {
		body := owner
		body.ExpiresIn = seconds
		_, err := responding(t, 201, nil, link).ConnectSessions.Create(t.Context(), body)
		if ok {
			assert.NoError(t, err, "%d", seconds)
		} else {
			assert.EqualError(t, err, "stackone: create_connect_session: invalid request: expires_in is negative or not in seconds: for a time.Duration d, use int(d.Seconds())", "%d", seconds)
		}
	}
	_, err := responding(t, 201, nil, link).ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{ExpiresIn: -5})
	assert.EqualError(t, err, "stackone: create_connect_session: invalid request: "+
		"origin_owner_id is required; origin_owner_name is required; expires_in is negative or not in seconds: for a time.Duration d, use int(d.Seconds())")
}
