package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func FuzzErrorBody(f *testing.F) {
	for _, body := range []string{
		``, `null`, `{}`, `[]`, `"x"`, `{"message":"no","statusCode":"400","timestamp":"yesterday"}`,
		`{"message":["a","b"],"data":{"message":1},"provider_errors":[{"status":"x"},null,1]}`,
		`{"message":"line\nbreak\u0000\u2028\ud800"}`, "<html>\x00\xff", `{"message":"` + strings.Repeat("x", 5000) + `"}`,
		`{"message":"truncated`, `{"data":[],"provider_errors":{},"timestamp":5}`,
	} {
		f.Add(400, body, "request-1")
		f.Add(503, body, "\x00\u202e")
	}
	f.Fuzz(func(t *testing.T, status int, body, requestID string) {
		if status < 100 || status >= 200 && status < 300 {
			t.Skip("not an error status")
		}
		c := responding(t, status, http.Header{"X-Request-Id": {requestID}}, body)
		api := requireAPIError(t, create(c), "create_connect_session", status)
		if string(api.Body) != body && len(body) <= 256<<10 {
			t.Fatal("the body is not kept")
		}
		text := api.Error()
		if len(text) > 2048 {
			t.Fatalf("the text has %d bytes", len(text))
		}
		if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 || !utf8.ValidString(text) {
			t.Fatalf("the text is not printable: %q", text)
		}
	})
}

func FuzzSessionBody(f *testing.F) {
	for _, body := range []string{
		link, requiredLink, session, ``, `null`, `{}`, `[]`, `{"token":"t","auth_link_url":"u","id":9223372036854775807}`,
		`{"token":"t","auth_link_url":"u","id":9223372036854775808}`, `{"token":"t","auth_link_url":"u","id":1.5}`,
		`{"token":"t","auth_link_url":"u","id":"1"}`, `{"token":"t","auth_link_url":"u","id":1e3}`, `{"token":"t","auth_link_url":null}`,
		`{"token":"t","auth_link_url":"u","id":9007199254740993,"type":"new","categories":["new",null]}`, `{"token":"t"} x`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := responding(t, 201, nil, body).ConnectSessions.Create(t.Context(), owner)
		if (got == nil) == (err == nil) {
			t.Fatalf("result %v and error %v", got, err)
		}
		if err != nil {
			var response *client.ResponseError
			if !errors.As(err, &response) || string(response.Body) != body {
				t.Fatalf("error %v", err)
			}
			return
		}
		if got.Token == "" || got.AuthLinkURL == "" {
			t.Fatal("a session without its token or link")
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &fields); err != nil {
			t.Fatal(err)
		}
		exact := got.ID == 0 // it may be missing or null
		for key, value := range fields {
			exact = exact || strings.EqualFold(key, "id") && string(value) == fmt.Sprint(got.ID)
		}
		if !exact {
			t.Fatalf("the ID became %d", got.ID)
		}
	})
}

func FuzzBaseURL(f *testing.F) {
	for _, base := range []string{
		"https://api.stackone.com", "http://localhost:1/x", "http://127.0.0.1", "http://[::1]", "http://10.0.0.1", "ftp://localhost",
		"https://user:pass@host", "https://host?q", "https://host#f", "//host", "https:", "http://localhost.example", "http://[::1%25lo]",
		"https://host:99999", "https://host/%2e%2e/\\", "http://127.1", "http://0x7f.1", "http://localhost:80@host", "\thttps://host",
	} {
		f.Add(base)
	}
	f.Fuzz(func(t *testing.T, base string) {
		var requested *url.URL
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			requested = r.URL
			return &http.Response{StatusCode: 201, Body: io.NopCloser(strings.NewReader(link))}, nil
		})
		c, err := client.New(client.WithAPIKey(testKey), client.WithBaseURL(base), client.WithHTTPClient(&http.Client{Transport: transport}))
		if err != nil {
			if len(base) > 8 && strings.Contains(err.Error(), base) {
				t.Fatalf("the error shows the URL: %v", err)
			}
			return
		}
		if err := create(c); err != nil {
			t.Fatalf("accepted, but calls fail: %v", err)
		}
		if !strings.HasSuffix(requested.Path, "/connect_sessions") || requested.User != nil || requested.RawQuery != "" || requested.Host == "" {
			t.Fatalf("%q became %s", base, requested)
		}
		ip, _ := netip.ParseAddr(requested.Hostname())
		loopback := strings.EqualFold(requested.Hostname(), "localhost") || ip.Unmap().IsLoopback()
		if requested.Scheme != "https" && (requested.Scheme != "http" || !loopback) {
			t.Fatalf("%q became %s", base, requested)
		}
	})
}

func FuzzSecrets(f *testing.F) {
	for _, secret := range []string{"v1.eu.secret", "with space and é", "q\"uo\\te", "line\nbreak", "\x00\x01\x02\x03", "%41%42%43", "redacted", "\u202e\u2028ab", "\xff\xfe\xfd\xfc"} {
		f.Add(secret)
	}
	// ambiguous reports whether the texts contain the secret although another is in use.
	ambiguous := func(shown map[string]map[string]string, secret string) bool {
		for _, rendering := range shown {
			for _, text := range rendering {
				if strings.Contains(text, secret) {
					return true
				}
			}
		}
		return false
	}
	render := func(t *testing.T, secret string) map[string]map[string]string {
		message, err := json.Marshal(map[string]any{"message": "the token " + secret + " is not known", "id": secret})
		if err != nil {
			t.Fatal(err)
		}
		request := gen.ConnectSessionAuthenticate{Token: secret}
		shown := map[string]map[string]string{
			"request": renderings(request),
			"link":    renderings(&gen.ConnectSessionTokenAuthLink{Token: secret, AuthLinkURL: secret, ExternalTriggerToken: secret}),
		}
		for _, status := range []int{201, 404} {
			c := responding(t, status, http.Header{"X-Request-Id": {secret}}, string(message))
			_, err := c.ConnectSessions.Authenticate(t.Context(), request)
			shown[fmt.Sprint(status)] = renderings(err)
		}
		broken := roundTripper(func(*http.Request) (*http.Response, error) { return nil, fmt.Errorf("sent %s, or %q", secret, secret) })
		_, err = through(t, broken, noRetries).ConnectSessions.Authenticate(t.Context(), request)
		shown["transport"] = renderings(err)
		return shown
	}
	f.Fuzz(func(t *testing.T, secret string) {
		if len(secret) < 4 || ambiguous(render(t, "another-one"), secret) {
			t.Skip("cannot be told from the surrounding text")
		}
		for value, renderings := range render(t, secret) {
			for rendering, text := range renderings {
				if strings.Contains(text, secret) {
					t.Fatalf("%s as %s shows %q: %s", value, rendering, secret, text)
				}
			}
		}
	})
}
