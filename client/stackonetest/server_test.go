package stackonetest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func TestCreateAndAuthenticate(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	c := srv.Client()

	link, err := c.ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{
		OriginOwnerID: "acme", OriginOwnerName: "Acme", OriginUsername: "jo@acme.example", Provider: "bamboohr",
		Categories: []gen.Category{gen.CategoryHRIS, "brand-new"}, ConnectorProfileID: "profile", Label: "label",
		ExpiresIn: 3600, Multiple: true, Metadata: map[string]any{"plan": "pro"}, Type: gen.AccountTypeTest,
	})
	require.NoError(t, err)
	assert.EqualValues(t, 1, link.ID)
	assert.NotEmpty(t, link.Token)
	assert.True(t, strings.HasPrefix(link.AuthLinkURL, srv.URL+"/"), "the server serves its own links")
	assert.WithinDuration(t, time.Now(), link.CreatedAt, time.Minute)
	assert.NotEmpty(t, link.OrganizationID)
	assert.NotEmpty(t, link.ProjectID)
	assert.Equal(t, "jo@acme.example", link.OriginUsername)
	assert.Equal(t, "bamboohr", link.Provider)
	assert.Equal(t, []gen.Category{gen.CategoryHRIS, "brand-new"}, link.Categories)
	assert.Equal(t, "profile", link.ConnectorProfileID)
	assert.Equal(t, "label", link.Label)
	assert.Equal(t, map[string]any{"plan": "pro"}, link.Metadata)
	assert.Equal(t, gen.AccountTypeTest, link.Type)
	assert.Nil(t, link.LatestConnectionAttempt)

	session, err := c.ConnectSessions.Authenticate(t.Context(), gen.ConnectSessionAuthenticate{Token: link.Token})
	require.NoError(t, err)
	assert.Equal(t, link.ID, session.ID)
	assert.Equal(t, link.CreatedAt, session.CreatedAt)
	assert.Equal(t, link.Categories, session.Categories)

	assert.Equal(t, *link, srv.Session(link.Token).Details())
}

func TestIdentifiers(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	other := stackonetest.NewTestServer(t)
	assert.NotEqual(t, srv.APIKey, other.APIKey)
	assert.NotEqual(t, srv.URL, other.URL)

	first, second := create(t, srv, acme).Details(), create(t, srv, acme).Details()
	assert.Less(t, first.ID, second.ID)
	assert.NotEqual(t, first.Token, second.Token)
	assert.NotEqual(t, first.ExternalTriggerToken, second.ExternalTriggerToken)
	assert.GreaterOrEqual(t, len(first.Token), 32, "a token cannot be guessed")

	assert.Equal(t, http.StatusUnauthorized, call(t, other, http.MethodPost, createPath, acmeJSON,
		http.Header{"Authorization": {basic(srv.APIKey + ":")}}).StatusCode, "a key is only valid for its own server")
}

func TestClientOptions(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	_, err := srv.Client(client.WithHeader("X-Trace", "42")).ConnectSessions.Create(t.Context(), acme)
	require.NoError(t, err)
	assert.Equal(t, "42", srv.Requests()[0].Header.Get("X-Trace"))

	_, err = srv.Client(client.WithAPIKey("another")).ConnectSessions.Create(t.Context(), acme)
	require.ErrorIs(t, err, client.ErrUnauthorized)

	assert.PanicsWithValue(t, "stackonetest: Client: "+configurationError(client.WithBaseURL("")),
		func() { srv.Client(client.WithBaseURL("")) })
}

func configurationError(opts ...client.Option) string {
	_, err := client.New(append(opts, client.WithAPIKey("key"))...)
	return err.Error()
}

func TestFormatHidesSecrets(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	session := create(t, srv, acme)
	authenticate(t, srv, session)
	details := session.Details()
	secrets := []string{srv.APIKey, details.Token, details.ExternalTriggerToken}

	for _, value := range []any{srv, session, srv.Requests()[0].Response, srv.Deliveries(), srv.Requests()[1], srv.Requests()[0], (*stackonetest.Session)(nil)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			text := fmt.Sprintf(verb, value)
			for _, secret := range secrets {
				assert.NotContains(t, text, secret, "%T printed with %s", value, verb)
				assert.NotContains(t, strings.ToLower(text), fmt.Sprintf("%x", secret), "%T printed with %s", value, verb)
				assert.NotContains(t, text, strings.Trim(fmt.Sprint([]byte(secret)), "[]"), "%T printed with %s", value, verb)
			}
		}
	}
	assert.Equal(t, "stackonetest.Server("+srv.URL+")", fmt.Sprint(srv))
	assert.Equal(t, "session 1", fmt.Sprint(session))
	assert.Equal(t, "POST "+authenticatePath, fmt.Sprint(srv.Requests()[1]))
}

func TestNilOption(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewServer(nil, stackonetest.InMemory())
	defer srv.Close()
	_, err := srv.Client().ConnectSessions.Create(t.Context(), gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme"})
	require.NoError(t, err)
}

func TestHandle(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	srv.Expect() // no API requests
	srv.Inject(stackonetest.Fault{Status: http.StatusBadGateway})
	srv.Handle("GET /extra/{name}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "extra "+r.PathValue("name"))
	}))
	got := call(t, srv, http.MethodGet, "/extra/one", "", nil)
	assert.Equal(t, "extra one", string(got.body))
	assert.Equal(t, "request-1", got.Header.Get("X-Request-Id"))
	srv.ClearFaults()
}
