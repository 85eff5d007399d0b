package stackonetest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func TestFixed(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	srv := stackonetest.NewTestServer(t, stackonetest.Fixed(start), stackonetest.PublicURL("https://stackone.example/"))
	responses := func() string {
		created := post(t, srv, createPath, `{"origin_owner_id":"acme","origin_owner_name":"Acme","provider":"bamboohr"}`)
		require.NoError(t, srv.Session("token-1").Connect(""))
		srv.Advance(time.Minute)
		seen := post(t, srv, authenticatePath, `{"token":"token-1"}`)
		return fmt.Sprintln(created.Header.Get("X-Request-Id"), created.Header.Get("Date"), string(created.body)) +
			fmt.Sprintln(seen.Header.Get("X-Request-Id"), seen.Header.Get("Date"), string(seen.body))
	}
	got := responses()
	assert.True(t, strings.HasPrefix(got, "request-1 Fri, 02 Jan 2026 03:04:05 GMT "), got)
	assert.Contains(t, got, `"created_at":"2026-01-02T03:04:05.000Z"`)
	assert.Contains(t, got, `"auth_link_url":"https://stackone.example/auth_link/token-1"`)
	assert.Contains(t, got, `"external_trigger_token":"trigger-token-2"`)
	assert.Contains(t, got, "request-2 Fri, 02 Jan 2026 03:05:05 GMT ")
	assert.Contains(t, got, `"account_secure_id":"45072196112800000001"`)
	assert.Equal(t, "v1.test.key", srv.APIKey)

	srv.Deliver(stackonetest.Webhook{Handler: http.NotFoundHandler(), Attempts: 1})
	require.NoError(t, srv.Sessions()[0].Connect(""))
	require.NoError(t, srv.WaitDelivered(t.Context()))
	srv.LimitRate(1)
	srv.Inject(stackonetest.Fault{Status: 500})
	srv.Expect()
	srv.Reset()
	assert.Empty(t, srv.Deliveries())
	assert.Empty(t, srv.Sessions())
	assert.Empty(t, srv.Requests())
	assert.Equal(t, start, srv.Now())
	assert.Equal(t, got, responses(), "as after a start")
	assert.Equal(t, http.StatusCreated, post(t, srv, createPath, acmeJSON).StatusCode, "the limit was removed")
}

func TestStrict(t *testing.T) {
	t.Parallel()
	const misspelt = `{"origin_owner_id":"a","origin_owner_name":"A","catagories":["hris"],"expiresIn":60,"metadata":{"any":{"thing":1}}}`
	srv := stackonetest.NewTestServer(t, stackonetest.Strict())
	rejected := post(t, srv, createPath, misspelt)
	assert.Equal(t, http.StatusBadRequest, rejected.StatusCode)
	assert.Equal(t, `body: the API description has no member "catagories"; body: the API description has no member "expiresIn"`, rejected.object(t)["message"])
	rejected = post(t, srv, createPath, `{"origin_owner_id":7,"origin_owner_name":7,"catagories":null}`)
	assert.Equal(t, `body.origin_owner_id: value must be a string; body.origin_owner_name: value must be a string; `+
		`body: the API description has no member "catagories"`, rejected.object(t)["message"])
	assert.Equal(t, http.StatusCreated, post(t, srv, createPath, acmeJSON).StatusCode)

	assert.Equal(t, http.StatusCreated, post(t, stackonetest.NewTestServer(t), createPath, misspelt).StatusCode, "StackOne ignores unknown members")
}

func TestKeep(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t, stackonetest.InMemory(), stackonetest.Keep(3))
	var sessions []*stackonetest.Session
	for n := range 5 {
		owner := fmt.Sprint("owner ", n)
		session := create(t, srv, gen.ConnectSessionCreate{OriginOwnerID: owner, OriginOwnerName: owner})
		require.NoError(t, session.Connect(""))
		sessions = append(sessions, session)
	}
	assert.Equal(t, sessions[2:], srv.Sessions())
	assert.Len(t, srv.Requests(), 3)
	assert.Nil(t, srv.Session(sessions[0].Details().Token))
	assert.EqualValues(t, 5, sessions[4].Details().ID, "IDs are not reused")

	account := func(n int) string { return sessions[n].Details().LatestConnectionAttempt.AccountSecureID }
	edited := func(n int) string { id, _ := sessions[n].Edits(""); return id }
	assert.Empty(t, edited(1), "its account was forgotten")
	assert.Equal(t, account(2), edited(2))
	seen := map[string]bool{}
	for n := range 5 {
		seen[account(n)] = true
	}
	assert.Len(t, seen, 5, "account IDs are not reused")
}

func TestLogger(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	srv := stackonetest.NewServer(stackonetest.Logger(slog.New(slog.NewTextHandler(&text, nil))))
	link := create(t, srv, acme).Details()
	auth := func(value string) http.Header { return http.Header{"Authorization": {value}} }
	call(t, srv, http.MethodPost, createPath, acmeJSON, http.Header{"Authorization": nil})
	call(t, srv, http.MethodPost, createPath, acmeJSON, auth("Bearer x"))
	call(t, srv, http.MethodPost, createPath, acmeJSON, auth(basic("mistyped:")))
	call(t, srv, http.MethodPost, createPath, acmeJSON, auth(basic(srv.APIKey)))
	call(t, srv, http.MethodPost, createPath, acmeJSON, auth(basic(srv.APIKey+":x")))
	open(t, srv, link.AuthLinkURL)
	srv.Inject(stackonetest.Fault{Status: 502}, stackonetest.Fault{Reset: stackonetest.ResetAfterReading})
	post(t, srv, createPath, acmeJSON)
	_, err := once(srv).ConnectSessions.Create(t.Context(), acme)
	require.Error(t, err)
	post(t, srv, "/auth/"+link.Token+"/"+srv.APIKey, "")
	srv.Close()

	var got []string
	for line := range strings.Lines(text.String()) {
		_, line, _ = strings.Cut(line, "level=")
		before, after, _ := strings.Cut(line, " took=")
		_, reason, _ := strings.Cut(after, " reason=")
		got = append(got, before+" "+strings.TrimSpace(reason))
	}
	const request = "INFO msg=request method=POST path=/connect_sessions status="
	assert.Equal(t, []string{
		request + "201 request_id=request-1 ",
		request + `401 request_id=request-2 "the request has no Authorization header"`,
		request + `401 request_id=request-3 "the Authorization header does not use Basic authentication"`,
		request + `401 request_id=request-4 "the API key is not the key of this server"`,
		request + `401 request_id=request-5 "the Authorization header has no colon after the API key"`,
		request + `401 request_id=request-6 "the password after the API key is not empty"`,
		request + `502 request_id=request-8 "injected fault"`,
		request + `0 request_id=request-9 "connection reset by an injected fault"`,
		"INFO msg=request method=POST path=/auth/[redacted]/[redacted] status=404 request_id=request-10 \"Cannot POST /auth/[redacted]/[redacted]\"",
	}, got)
	for _, secret := range []string{srv.APIKey, link.Token, "mistyped", "acme"} {
		assert.NotContains(t, text.String(), secret)
	}
}

func TestListenerAndKey(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv := stackonetest.NewTestServer(t, stackonetest.Listener(l), stackonetest.APIKey("v1.eu1.mine"))
	assert.Equal(t, "http://"+l.Addr().String(), srv.URL)
	assert.Equal(t, "v1.eu1.mine", srv.APIKey)
	create(t, srv, acme)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t, stackonetest.TLS(nil), stackonetest.PublicURL("https://stackone.internal:8443"))
	assert.True(t, strings.HasPrefix(srv.URL, "https://127.0.0.1:"), srv.URL)
	create(t, srv, acme)
	assert.Equal(t, 1, post(t, srv, createPath, acmeJSON).ProtoMajor)

	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(srv.CA()))
	for _, host := range []string{"localhost", "127.0.0.1", "::1", "stackone.internal"} {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(srv.URL, "https://"), &tls.Config{ServerName: host, RootCAs: roots})
		if assert.NoError(t, err, host) {
			conn.Close()
		}
	}
	_, err := http.Get(srv.URL)
	require.Error(t, err, "other clients do not trust it")

	other := stackonetest.NewTestServer(t, stackonetest.TLS(&tls.Config{Certificates: testCertificate(t)}))
	assert.Nil(t, other.CA())
	conn, err := tls.Dial("tcp", strings.TrimPrefix(other.URL, "https://"), &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, err)
	defer conn.Close()
	assert.Equal(t, "given", conn.ConnectionState().PeerCertificates[0].Subject.CommonName)
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := stackonetest.NewTestServer(t, stackonetest.HTTP2(), stackonetest.InMemory())
		assert.Equal(t, 2, post(t, srv, createPath, acmeJSON).ProtoMajor)
		create(t, srv, acme)
		for _, when := range []stackonetest.Reset{stackonetest.ResetBeforeReading, stackonetest.ResetAfterReading} {
			srv.Inject(stackonetest.Fault{Reset: when, Delay: time.Duration(when-1) * time.Hour})
			_, err := once(srv).ConnectSessions.Create(t.Context(), acme)
			var transport *client.TransportError
			require.ErrorAs(t, err, &transport)
		}
		assert.Len(t, srv.Sessions(), 3)
	})
}

func TestResetOverTLS(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t, stackonetest.TLS(nil))
	srv.Inject(stackonetest.Fault{Reset: stackonetest.ResetAfterReading})
	_, err := once(srv).ConnectSessions.Create(t.Context(), acme)
	wasReset(t, err)
}

func testCertificate(t *testing.T) []tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "given"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
}
