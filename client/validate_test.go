package client

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCheckHeader(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"Authorization": "another option", "Host": "another option",
		"Idempotency-Key": "repeat a POST", "X-Idempotency-Key": "repeat a POST",
		"Accept-Encoding": "transport", "Content-Length": "transport", "Trailer": "transport", "Transfer-Encoding": "transport",
		"Connection": "transport", "Http2-Settings": "transport", "Keep-Alive": "transport", "Proxy-Authenticate": "transport",
		"Proxy-Authorization": "transport", "Proxy-Connection": "transport", "Te": "transport", "Upgrade": "transport",
		"": "header", "X Y": "header", "X:": "header",
	} {
		assert.ErrorContains(t, checkHeader(key, "x"), want, key)
	}
	assert.NoError(t, checkHeader("X-Tenant", " ~"))
	for _, value := range []string{"\x1f", "\x7f", "é", "a\nb"} {
		assert.Error(t, checkHeader("X-Tenant", value), "%q", value)
	}
}

func TestHeaderCharacters(t *testing.T) {
	t.Parallel()
	const token = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"
	for r := range rune(300) {
		assert.Equal(t, strings.ContainsRune(token, r), tokenChar(r), "%q", r)
		assert.Equal(t, r >= 0x20 && r < 0x7f, visibleASCII(string(r)), "%q", r)
	}
	assert.True(t, visibleASCII(""))
}

func TestCheckExpiresIn(t *testing.T) {
	t.Parallel()
	for seconds, ok := range map[int]bool{-1: false, 0: true, 1: true, 999_999_999: true, 1_000_000_000: false} {
		assert.Equal(t, ok, checkExpiresIn(seconds) == nil, seconds)
	}
}

func TestParseBaseURL(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "127.0.0.1": true, "127.8.9.1": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "localhost.example": false, "128.0.0.1": false, "::2": false, "10.0.0.1": false,
	} {
		assert.Equal(t, want, loopback(host), host)
	}
	for port, want := range map[string]bool{"": true, "0": true, "65535": true, "65536": false, "-1": false, "http": false} {
		assert.Equal(t, want, validPort(port), port)
	}
	for rawURL, want := range map[string]string{
		"https://host":                 "https://host/",
		"https://host:":                "https://host/",
		"https://host/a/../b":          "https://host/b/",
		"http://LOCALHOST:8080":        "http://localhost:8080/",
		"https://LOCALHOST":            "https://localhost/",
		"https://Host":                 "https://Host/",
		"http://[::1]:80":              "http://[::1]:80/",
		"https://[2001:db8::1]":        "https://[2001:db8::1]/",
		"https://2001:db8::1":          "",
		"http://host":                  "",
		"ftp://localhost":              "",
		"https:host":                   "",
		"https://":                     "",
		"https://:80":                  "",
		"https://host:65536":           "",
		"https://user@host":            "",
		"https://host?":                "",
		"https://host?a=b":             "",
		"https://host#":                "",
		"https://host#a":               "",
		"https://host/\u00e9":          "",
		"https://host\n":               "",
		"://host":                      "",
		"":                             "",
		"https://host/with%20a%2Fpath": "https://host/with%20a%2Fpath/",
	} {
		u, err := parseBaseURL(rawURL)
		if want == "" {
			assert.Error(t, err, rawURL)
		} else if assert.NoError(t, err, rawURL) {
			assert.Equal(t, want, u.String())
		}
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		opAuthenticate: true, "GET /x": true, "HEAD /x": true, "OPTIONS /x": true,
		opCreate: false, "GET": false, "": false, "POST /x": false, "DELETE /x": false, "get /x": false,
	} {
		assert.Equal(t, want, readOnly(name), name)
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	assert.NoError(t, join())
	assert.NoError(t, join(nil, nil))
	assert.Equal(t, io.EOF, join(nil, io.EOF, nil), "a single error is returned unchanged")
	err := join(io.EOF, nil, io.ErrUnexpectedEOF)
	assert.EqualError(t, err, "EOF; unexpected EOF")
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}
