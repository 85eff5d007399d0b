package main

import (
	"encoding/json"
	"html"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func TestControl(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "-key", "v1.test.mine")
	assert.Equal(t, "v1.test.mine", p.values["STACKONE_API_KEY"])
	link := p.create()
	status := func() any {
		_, text := p.call(http.MethodGet, "/_fake/sessions", "")
		var sessions []session
		require.NoError(t, json.Unmarshal([]byte(text), &sessions))
		require.Len(t, sessions, 1)
		return sessions[0].Status()
	}
	assert.Equal(t, "new", status())
	for _, action := range [][2]string{{"begin", "pending"}, {"decline", "error"}, {"cancel", "cancelled"}, {"expire", "expired"}} {
		p.do("sessions/"+link.Token+"/"+action[0], "")
		assert.Equal(t, action[1], status())
	}
	p.do("sessions/1/connect", `{"provider":"hibob","account_id":"8801","no_attempt":false}`)
	assert.Equal(t, "authenticated", status())
	_, text := p.call(http.MethodGet, "/_fake/sessions", "")
	assert.Contains(t, text, `"provider":"hibob","account_id":"8801"`)

	p.do("faults", `{"status":502,"processed":true,"path":"/connect_sessions","times":-1}`)
	_, err := p.sdk().ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme"})
	require.ErrorIs(t, err, client.ErrBadGateway)
	_, text = p.call(http.MethodGet, "/_fake/requests", "")
	assert.Contains(t, text, `"status":502`)
	assert.Contains(t, text, `"reason":"injected fault"`)
	p.do("faults/clear", "")
	p.create()
	p.do("rate-limit", `{"per_minute":1}`)
	p.create()
	_, err = p.sdk().ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme"},
		client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 1}))
	require.ErrorIs(t, err, client.ErrTooManyRequests)
	p.do("rate-limit", `{"per_minute":0}`)
	p.do("advance", `{"by":"30m"}`)
	_, err = p.sdk().ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: link.Token})
	require.ErrorIs(t, err, client.ErrUnauthorized)
	p.do("reset", "")
	_, text = p.call(http.MethodGet, "/_fake/sessions", "")
	assert.Equal(t, "[]", text)
}

func TestControlErrors(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	p.create()
	for _, row := range []struct{ path, body, want string }{
		{"sessions/2/connect", "", "no such session"},
		{"sessions/1/jump", "", `unknown action "jump"; use begin, connect, decline, cancel or expire`},
		{"sessions/1/connect", `{"povider":"hibob"}`, `unknown parameter "povider"`},
		{"sessions/1/begin", `{"provider":"hibob"}`, `unknown parameter "provider"`},
		{"sessions/1/decline", `{"account_id":"1"}`, `unknown parameter "account_id"`},
		{"sessions/1/connect", `{"no_attempt":"maybe"}`, `no_attempt must be true or false, not "maybe"`},
		{"sessions/1/connect", `{`, "the body must be one JSON object: unexpected end of JSON input"},
		{"sessions/1/connect", `[]`, "the body must be one JSON object"},
		{"reset", `{} {}`, "the body must be one JSON object: invalid character '{' after top-level value"},
		{"faults/clear", `{"path":"/"}`, `unknown parameter "path"`},
		{"faults", `{"status":"soon"}`, `status must be a whole number, not "soon"`},
		{"faults", `{"status":103}`, "stackonetest: status 103 cannot be sent"},
		{"faults", `{"reset":"now"}`, `reset must be before or after, not "now"`},
		{"faults", `{"delay":2}`, `delay must be a duration such as 90s or 1h30m, not "2"`},
		{"faults", ``, "stackonetest: the fault changes nothing: set a status, a header, a body, a delay or a reset"},
		{"faults", `{"path":"/nope"}`, "stackonetest: the fault changes nothing: set a status, a header, a body, a delay or a reset"},
		{"faults", `{"status":502,"path":"nope"}`, `stackonetest: path "nope" does not begin with a slash`},
		{"advance", `{}`, "by is required"},
		{"advance", `{"by":"soon"}`, `by must be a duration such as 90s or 1h30m, not "soon"`},
		{"advance", `{"by":"-30m"}`, "by must be more than 0"},
		{"advance", `{"by":"0s"}`, "by must be more than 0"},
		{"advance", `{"by":"2000000h"}`, "the clock cannot be more than ten years ahead"},
		{"rate-limit", `{}`, "per_minute is required"},
		{"rate-limit", `{"per_minute":1.5}`, `per_minute must be a whole number, not "1.5"`},
		{"rate-limit", `{"per_minute":-1}`, "per_minute must not be negative"},
	} {
		status, body := p.call(http.MethodPost, "/_fake/"+row.path, row.body)
		assert.Equal(t, http.StatusBadRequest, status, row.path)
		var problem struct{ Error string }
		require.NoError(t, json.Unmarshal([]byte(body), &problem))
		assert.Equal(t, row.want, problem.Error)
	}
}

// The limit is for all calls together.
func TestAdvanceTooFar(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	p.do("advance", `{"by":"50000h"}`)
	status, body := p.call(http.MethodPost, "/_fake/advance", `{"by":"50000h"}`)
	assert.Equal(t, http.StatusBadRequest, status)
	assert.JSONEq(t, `{"error":"the clock cannot be more than ten years ahead"}`, body)
}

func TestListFaults(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "-rate-limit", "7")
	p.do("faults", `{"status":502,"times":2,"path":"/connect_sessions","body":{"a": [1]}}`)
	p.do("faults", `{"delay":"1h30m","times":-1,"path":"/nowhere"}`)
	p.do("faults", `{"reset":"after","path":"/nowhere","body":null}`)
	status, body := p.call(http.MethodPost, "/connect_sessions", `{}`)
	assert.Equal(t, http.StatusBadGateway, status)
	assert.Equal(t, `{"a": [1]}`, body)
	_, body = p.call(http.MethodGet, "/_fake/faults", "")
	assert.JSONEq(t, `{"rate_limit":7,"faults":[
		{"status":502,"times":1,"path":"/connect_sessions","body":"{\"a\": [1]}"},
		{"delay":"1h30m0s","times":-1,"path":"/nowhere"},
		{"reset":"after","times":1,"path":"/nowhere"}]}`, body)
	_, page := p.call(http.MethodGet, "/", "")
	assert.Contains(t, page, "7 requests a minute")
	assert.Contains(t, html.UnescapeString(page), `<code>{"times":-1,"path":"/nowhere","delay":"1h30m0s"}</code>`)
	p.do("faults/clear", "")
	p.do("rate-limit", `{"per_minute":0}`)
	_, body = p.call(http.MethodGet, "/_fake/faults", "")
	assert.JSONEq(t, `{"rate_limit":0,"faults":[]}`, body)
}

// Requests of other sites are rejected by their host.
func TestLocalHosts(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"127.0.0.1:4010": true, "[::1]:4010": true, "192.168.1.7": true, "localhost": true, "LOCALHOST:1": true, "stackone-fake:4010": true,
		"app.localhost:4010": true, "fake.example": true, "FAKE.example:4010": true,
		"evil.example": false, "evil.example:4010": false, "fake.example.evil": false, "127.0.0.1.evil.example": false,
	} {
		assert.Equal(t, want, local(host, "https://fake.example:8443/base"), host)
	}
}
