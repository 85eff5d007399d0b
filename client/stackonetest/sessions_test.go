package stackonetest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func TestSessionOutcomes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		act  func(*stackonetest.Session) error
		want gen.ConnectSessionLatestAttempt
	}{
		{"begin", (*stackonetest.Session).Begin, gen.ConnectSessionLatestAttempt{Status: gen.AttemptStatusPending}},
		{"connect", func(s *stackonetest.Session) error { return s.Connect("account") },
			gen.ConnectSessionLatestAttempt{Status: gen.AttemptStatusAuthenticated, AccountSecureID: "account"}},
		{"fail", func(s *stackonetest.Session) error { return s.Fail("access_denied", "The user said no.") },
			gen.ConnectSessionLatestAttempt{Status: gen.AttemptStatusError, OAuthErrorCode: "access_denied", OAuthErrorDescription: "The user said no."}},
		{"cancel", (*stackonetest.Session).Cancel, gen.ConnectSessionLatestAttempt{Status: gen.AttemptStatusCancelled}},
		{"expire", (*stackonetest.Session).Expire, gen.ConnectSessionLatestAttempt{Status: "expired"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			srv := stackonetest.NewTestServer(t)
			session, other := create(t, srv, acme), create(t, srv, acme)
			require.NoError(t, row.act(session))
			got := authenticate(t, srv, session).LatestConnectionAttempt
			require.NotNil(t, got)
			assert.NotEmpty(t, got.ID)
			assert.WithinDuration(t, time.Now(), got.CreatedAt, time.Minute)
			assert.Equal(t, got.CreatedAt, got.UpdatedAt)
			row.want.ID, row.want.CreatedAt, row.want.UpdatedAt = got.ID, got.CreatedAt, got.UpdatedAt
			assert.Equal(t, row.want, *got)
			assert.Nil(t, authenticate(t, srv, other).LatestConnectionAttempt)
		})
	}
}

func TestUnknownAndExpiredSessions(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	late := create(t, srv, acme)
	srv.Advance(30 * time.Minute)
	for name, session := range map[string]*stackonetest.Session{
		"stackonetest: no session has this token":       srv.Session("unknown"),
		"stackonetest: the session's token has expired": late,
	} {
		require.EqualError(t, session.Begin(), name)
		require.EqualError(t, session.Connect("account"), name)
		require.EqualError(t, session.Fail("code", "description"), name)
		require.EqualError(t, session.Cancel(), name)
		require.EqualError(t, session.Expire(), name)
		assert.Nil(t, session.Details().LatestConnectionAttempt)
	}
	assert.Zero(t, srv.Session("unknown").Details())
	assert.Zero(t, srv.Session("unknown").Request())
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	session := create(t, srv, acme)
	latest := func() gen.ConnectSessionLatestAttempt { return *session.Details().LatestConnectionAttempt }

	require.NoError(t, session.Begin())
	first := latest()
	srv.Advance(time.Minute)
	require.NoError(t, session.Fail("server_error", ""))
	failed := latest()
	assert.Equal(t, first.ID, failed.ID, "the pending attempt has ended")
	assert.Equal(t, first.CreatedAt, failed.CreatedAt)
	assert.WithinDuration(t, first.CreatedAt.Add(time.Minute), failed.UpdatedAt, time.Minute/2)

	require.NoError(t, session.Connect("account"))
	second := latest()
	assert.NotEqual(t, failed.ID, second.ID, "after an attempt has ended, another one starts")
	assert.Empty(t, second.OAuthErrorCode)
	assert.Equal(t, second.CreatedAt, second.UpdatedAt)

	require.NoError(t, session.Begin())
	third := latest()
	require.NoError(t, session.Begin())
	assert.NotEqual(t, third.ID, latest().ID)
	assert.Empty(t, third.AccountSecureID)
}

// A session with account_id edits that account, and one with multiple creates an account.
// Any other session edits the account connected before with its origin_owner_id,
// origin_owner_name and provider. In every row, acme has connected the account "first"
// with bamboohr.
func TestAccountRule(t *testing.T) {
	t.Parallel()
	const made = "made by the server"
	with := func(change func(*gen.ConnectSessionCreate)) gen.ConnectSessionCreate {
		body := gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme", Provider: "bamboohr"}
		if change != nil {
			change(&body)
		}
		return body
	}
	for _, row := range []struct {
		name    string
		session gen.ConnectSessionCreate
		connect string
		want    string
		wantErr string
	}{
		{name: "same owner and provider", session: with(nil), want: "first"},
		{name: "same owner and provider, same account ID", session: with(nil), connect: "first", want: "first"},
		{name: "same owner and provider, another account ID", session: with(nil), connect: "other",
			wantErr: `stackonetest: the session edits account "first" and cannot connect "other"`},
		{name: "another owner", session: with(func(b *gen.ConnectSessionCreate) { b.OriginOwnerID = "globex" }), want: made},
		{name: "another name", session: with(func(b *gen.ConnectSessionCreate) { b.OriginOwnerName = "Acme Ltd" }), want: made},
		{name: "another provider", session: with(func(b *gen.ConnectSessionCreate) { b.Provider = "hibob" }), want: made},
		{name: "no provider", session: with(func(b *gen.ConnectSessionCreate) { b.Provider = "" }), want: made},
		{name: "another owner, new account ID", session: with(func(b *gen.ConnectSessionCreate) { b.OriginOwnerID = "globex" }), connect: "other", want: "other"},
		{name: "another owner, existing account ID", session: with(func(b *gen.ConnectSessionCreate) { b.OriginOwnerID = "globex" }), connect: "first",
			wantErr: `stackonetest: the session creates an account, but "first" already exists`},
		{name: "multiple", session: with(func(b *gen.ConnectSessionCreate) { b.Multiple = true }), want: made},
		{name: "multiple, existing account ID", session: with(func(b *gen.ConnectSessionCreate) { b.Multiple = true }), connect: "first",
			wantErr: `stackonetest: the session creates an account, but "first" already exists`},
		{name: "account_id", session: with(func(b *gen.ConnectSessionCreate) { b.AccountID = "older" }), want: "older"},
		{name: "account_id and multiple", session: with(func(b *gen.ConnectSessionCreate) { b.AccountID, b.Multiple = "first", true }), want: "first"},
		{name: "account_id, another account ID", session: with(func(b *gen.ConnectSessionCreate) { b.AccountID = "older" }), connect: "first",
			wantErr: `stackonetest: the session edits account "older" and cannot connect "first"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			srv := stackonetest.NewTestServer(t)
			require.NoError(t, create(t, srv, with(nil)).Connect("first"))
			session := create(t, srv, row.session)
			err := session.Connect(row.connect)
			attempt := authenticate(t, srv, session).LatestConnectionAttempt
			if row.wantErr != "" {
				require.EqualError(t, err, row.wantErr)
				assert.Nil(t, attempt, "an error changes nothing")
				return
			}
			require.NoError(t, err)
			if row.want == made {
				assert.NotEmpty(t, attempt.AccountSecureID)
				assert.NotEqual(t, "first", attempt.AccountSecureID)
				return
			}
			assert.Equal(t, row.want, attempt.AccountSecureID)
		})
	}
}

func TestAccountRuleForLaterSessions(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	connect := func(body gen.ConnectSessionCreate) string {
		session := create(t, srv, body)
		require.NoError(t, session.Connect(""))
		return session.Details().LatestConnectionAttempt.AccountSecureID
	}
	multiple := acme
	multiple.Multiple = true

	first, second, third := connect(acme), connect(multiple), connect(multiple)
	assert.NotEqual(t, first, second)
	assert.NotEqual(t, second, third)
	assert.Equal(t, first, connect(acme), "without multiple, the first account is edited")

	older := gen.ConnectSessionCreate{OriginOwnerID: "globex", OriginOwnerName: "Globex", AccountID: "older"}
	assert.Equal(t, "older", connect(older))
	older.AccountID = ""
	assert.Equal(t, "older", connect(older), "later sessions of the owner edit the same account")
}

// The server does not generate an account ID that a test has already used.
func TestGeneratedAccountIDsDoNotCollide(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	multiple := acme
	multiple.Multiple = true
	probe := stackonetest.NewTestServer(t)
	var named []string
	for range 3 {
		session := create(t, probe, multiple)
		require.NoError(t, session.Connect(""))
		named = append(named, session.Details().LatestConnectionAttempt.AccountSecureID)
	}
	require.NoError(t, create(t, srv, multiple).Connect(named[1]))
	session := create(t, srv, multiple)
	require.NoError(t, session.Connect(""))
	assert.NotEqual(t, named[1], session.Details().LatestConnectionAttempt.AccountSecureID)
}

// The provider that the customer picks in the Hub determines the account.
func TestPickedProvider(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	connect := func(session *stackonetest.Session, c stackonetest.Connection) string {
		t.Helper()
		id, err := session.ConnectWith(c)
		require.NoError(t, err)
		return id
	}
	session := create(t, srv, acme)
	hibob := connect(session, stackonetest.Connection{Provider: "hibob"})
	assert.Equal(t, "hibob", session.Details().Provider)
	assert.Equal(t, "hibob", authenticate(t, srv, session).Provider)
	assert.Empty(t, session.Request().Provider, "the request had no provider")
	assert.Equal(t, hibob, session.Details().LatestConnectionAttempt.AccountSecureID)

	bamboo := connect(create(t, srv, acme), stackonetest.Connection{Provider: "bamboohr", AccountID: "second"})
	assert.Equal(t, "second", bamboo)
	edits := func(session *stackonetest.Session, picked string) []string {
		id, provider := session.Edits(picked)
		return []string{id, provider}
	}
	again := create(t, srv, acme)
	assert.Equal(t, []string{"", ""}, edits(again, ""))
	assert.Equal(t, []string{hibob, "hibob"}, edits(again, "hibob"))
	assert.Equal(t, hibob, connect(again, stackonetest.Connection{Provider: "hibob"}))

	named := create(t, srv, gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme", Provider: "bamboohr"})
	assert.Equal(t, []string{bamboo, "bamboohr"}, edits(named, ""))
	_, err := named.ConnectWith(stackonetest.Connection{Provider: "hibob"})
	require.EqualError(t, err, `stackonetest: the session is for provider "bamboohr" and cannot connect "hibob"`)
	assert.Nil(t, named.Details().LatestConnectionAttempt)

	edited := create(t, srv, gen.ConnectSessionCreate{OriginOwnerID: "acme", OriginOwnerName: "Acme", AccountID: hibob})
	assert.Equal(t, []string{hibob, "hibob"}, edits(edited, ""))
	assert.Equal(t, hibob, connect(edited, stackonetest.Connection{}))
	assert.Equal(t, "hibob", edited.Details().Provider, "the provider of the account")
	assert.Equal(t, []string{"", ""}, edits(nil, ""))
}

func TestConnectionWithoutAttempt(t *testing.T) {
	t.Parallel()
	srv := stackonetest.NewTestServer(t)
	session := create(t, srv, acme)
	id, err := session.ConnectWith(stackonetest.Connection{Provider: "workable", NoAttempt: true})
	require.NoError(t, err)
	assert.NotEmpty(t, id)
	assert.Nil(t, authenticate(t, srv, session).LatestConnectionAttempt)
	edited, _ := session.Edits("workable")
	assert.Equal(t, id, edited)
}

func TestExpiresAt(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	srv := stackonetest.NewTestServer(t, stackonetest.Fixed(start))
	assert.Equal(t, start.Add(30*time.Minute), create(t, srv, acme).ExpiresAt())
	assert.Zero(t, srv.Session("unknown").ExpiresAt())
}
