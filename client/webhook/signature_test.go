package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

const (
	current = "whsec-current"
	old     = "whsec-old"

	account = `{"project_id":"p-1","event":"account.created","event_date":"2026-03-01T09:30:00.123Z",` +
		`"record_type":"account","record_id":45072196112816593343,"sent_at":"2026-03-01T09:30:02.000Z",` +
		`"account_id":"45072196112816593343","provider":"bamboohr","origin_owner_id":"customer-42","origin_owner_name":"Acme"}`
	accountSignature = "eYZnh2GjxBNMDOpkp1SHvW4KmEh9GnmNl-K7v0Kcfjs"
)

// vectors holds signatures computed by openssl, as printed by testdata/vectors.sh.
var vectors = map[string]struct{ payload, secret, signature string }{
	"account":             {account, current, accountSignature},
	"account-old-secret":  {account, old, "-qPEDGbkiCr2lOzGNNBXsQ3j5a84sV-E-RWWaoWsa2g"},
	"trailing-newline":    {account + "\n", current, "NjmHOPUzJYjZr8lUN0UYiBHU6_zo18s1yZ6PHRjpVY0"},
	"unicode":             {`{"event":"account.updated","origin_owner_name":"Æsir & Søn 株式会社 🐙"}`, current, "oV369GoGGYAUp5u_mc6pxL2HeFtZ91HdrCEwxfjbLos"},
	"unicode-secret":      {`{"event":"account.updated"}`, "geheim-ключ-鍵", "M71ADn74FX_3VkxTYJMJgDFmN6QQfXF3QnDq_LHEQ40"},
	"secret-over-a-block": {`{"event":"account.deleted"}`, strings.Repeat("k", 100), "tLZigWMLA7IjwLVu-UyqVG3k7ySP_1G_H0WxeJE3BPQ"},
	"empty-payload":       {"", current, "g2IgFQU79s6C7UicYpfjgay8BuAvk_ofxJIsWSgj0bQ"},
	"not-text":            {"\x00\xff\n", current, "EuAAlC4e7JfVq_4mWouVimzxW0cRMnr2oHcXigRK2UU"},
}

func TestVectors(t *testing.T) {
	t.Parallel()
	for name, v := range vectors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, v.signature, webhook.Sign([]byte(v.payload), v.secret))
			assert.NoError(t, webhook.Verify([]byte(v.payload), v.signature, v.secret))
		})
	}
}

func TestVectorsMatchOpenSSL(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"sh", "openssl", "seq"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	out, err := exec.CommandContext(t.Context(), "sh", "testdata/vectors.sh").Output()
	require.NoError(t, err)
	computed := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, signature, ok := strings.Cut(strings.TrimSpace(line), " ")
		require.True(t, ok, line)
		computed[name] = signature
	}
	recorded := map[string]string{}
	for name, v := range vectors {
		recorded[name] = v.signature
	}
	assert.Equal(t, computed, recorded)
}

func TestVerifyRejectsSignatures(t *testing.T) {
	t.Parallel()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	sum := func(key string) []byte {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(account))
		return mac.Sum(nil)
	}
	mac := sum(current)
	last := len(accountSignature) - 1
	trailingBits := func(n int) string { // decodes to the same bytes; n is in the two bits that a lenient decoder ignores
		i := strings.IndexByte(alphabet, accountSignature[last])
		return accountSignature[:last] + string(alphabet[i|n])
	}
	require.Equal(t, accountSignature, trailingBits(0))
	decoded, err := base64.RawURLEncoding.DecodeString(trailingBits(1))
	require.NoError(t, err)
	require.Equal(t, mac, decoded)

	tests := map[string]string{
		"missing":                            "",
		"padded":                             accountSignature + "=",
		"standard alphabet":                  base64.RawStdEncoding.EncodeToString(mac),
		"standard alphabet, padded":          base64.StdEncoding.EncodeToString(mac),
		"hex":                                hex.EncodeToString(mac),
		"hex in upper case":                  strings.ToUpper(hex.EncodeToString(mac)),
		"base64url of hex":                   base64.RawURLEncoding.EncodeToString([]byte(hex.EncodeToString(mac))),
		"the bytes themselves":               string(mac),
		"prefixed":                           "sha256=" + accountSignature,
		"last character missing":             accountSignature[:last],
		"only the first character":           accountSignature[:1],
		"first character missing":            accountSignature[1:],
		"extended":                           accountSignature + "A",
		"repeated":                           accountSignature + accountSignature,
		"comma-separated":                    accountSignature + ", " + accountSignature,
		"upper case":                         strings.ToUpper(accountSignature),
		"lower case":                         strings.ToLower(accountSignature),
		"space before":                       " " + accountSignature,
		"space after":                        accountSignature + " ",
		"line break after":                   accountSignature + "\n",
		"line break inside":                  accountSignature[:20] + "\n" + accountSignature[20:],
		"NUL after":                          accountSignature + "\x00",
		"quoted":                             `"` + accountSignature + `"`,
		"trailing bits 1":                    trailingBits(1),
		"trailing bits 2":                    trailingBits(2),
		"trailing bits 3":                    trailingBits(3),
		"first character changed":            "f" + accountSignature[1:],
		"middle character changed":           accountSignature[:21] + "A" + accountSignature[22:],
		"last character changed":             accountSignature[:last] + "A",
		"made with the old secret":           vectors["account-old-secret"].signature,
		"made with an empty secret":          base64.RawURLEncoding.EncodeToString(sum("")),
		"made with the secret in upper case": base64.RawURLEncoding.EncodeToString(sum(strings.ToUpper(current))),
		"made with a longer secret":          base64.RawURLEncoding.EncodeToString(sum(current + "x")),
		"made for another payload":           vectors["unicode"].signature,
		"SHA-256 without a key":              func() string { s := sha256.Sum256([]byte(account)); return base64.RawURLEncoding.EncodeToString(s[:]) }(),
		"only As of the right length":        strings.Repeat("A", len(accountSignature)),
		"non-ASCII of the right length":      strings.Repeat("é", 21) + "A",
		"very long":                          strings.Repeat("A", 1<<16),
	}
	require.NoError(t, webhook.Verify([]byte(account), accountSignature, current))
	for name, signature := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := webhook.Verify([]byte(account), signature, current)
			require.ErrorIs(t, err, webhook.ErrSignature)
			assert.NotErrorIs(t, err, webhook.ErrSecret)
			want := "it matches none of the secrets"
			if len(signature) == 0 {
				want = "it is missing"
			} else if len(signature) != len(accountSignature) {
				want = fmt.Sprintf("it has %d characters", len(signature))
			}
			assert.ErrorContains(t, err, want)
			assertPlain(t, err, signature, current)
		})
	}
}

func TestVerifyRejectsChangedPayloads(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"empty":                     "",
		"line break appended":       account + "\n",
		"byte order mark prepended": "\ufeff" + account,
		"last byte missing":         account[:len(account)-1],
		"digit changed":             strings.Replace(account, "customer-42", "customer-43", 1),
		"space inserted":            strings.Replace(account, `":`, `": `, 1),
		"members in another order":  strings.Replace(account, `"project_id":"p-1","event":"account.created"`, `"event":"account.created","project_id":"p-1"`, 1),
		"character escaped":         strings.Replace(account, "Acme", `\u0041cme`, 1),
		"number rounded":            strings.Replace(account, `:45072196112816593343`, `:45072196112816590000`, 1),
	}
	for name, payload := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NotEqual(t, account, payload)
			require.ErrorIs(t, webhook.Verify([]byte(payload), accountSignature, current), webhook.ErrSignature)
		})
	}
}

func TestVerifyWithSeveralSecrets(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		secrets []string
		want    error
	}{
		"first":                         {[]string{current, old}, nil},
		"last":                          {[]string{old, current}, nil},
		"middle":                        {[]string{old, current, "another"}, nil},
		"same secret twice":             {[]string{current, current}, nil},
		"same secret twice and another": {[]string{current, current, old}, nil},
		"none of them":                  {[]string{old, "another"}, webhook.ErrSignature},
		"both in one string":            {[]string{current + "," + old}, webhook.ErrSignature},
		"surrounding white space":       {[]string{old, " \t" + current + "\r\n"}, nil},
		"white space inside":            {[]string{"whsec -current"}, webhook.ErrSignature},
		"no secret":                     {nil, webhook.ErrSecret},
		"empty secret":                  {[]string{""}, webhook.ErrSecret},
		"empty secret first":            {[]string{"", current}, webhook.ErrSecret},
		"empty secret last":             {[]string{current, ""}, webhook.ErrSecret},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := webhook.Verify([]byte(account), accountSignature, test.secrets...)
			require.ErrorIs(t, err, test.want)
			assertPlain(t, err, accountSignature, current, old)
		})
	}
}

// Anyone can sign with an empty key, and with every key that HMAC treats as empty.
func TestVerifyRejectsEmptySecrets(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", " ", "\r\n", "\t \u00a0\u2003", "\x00", strings.Repeat("\x00", 64), " \x00\x00\n"} {
		t.Run(fmt.Sprintf("%q", secret), func(t *testing.T) {
			t.Parallel()
			forged := webhook.Sign([]byte(account), secret)
			err := webhook.Verify([]byte(account), forged, secret)
			require.ErrorIs(t, err, webhook.ErrSecret)
			assert.NotErrorIs(t, err, webhook.ErrSignature)
			require.ErrorIs(t, webhook.Verify([]byte(account), forged, current), webhook.ErrSignature)
		})
	}
}

func FuzzVerify(f *testing.F) {
	for _, v := range vectors {
		f.Add([]byte(v.payload), v.signature, v.secret)
		f.Add([]byte(v.payload), v.signature+"=", " "+v.secret+"\n")
	}
	f.Add([]byte(account), webhook.Sign([]byte(account), ""), "\x00")
	f.Add([]byte(account), strings.ToUpper(accountSignature), current)
	f.Fuzz(func(t *testing.T, payload []byte, signature, secret string) {
		key := strings.TrimSpace(secret)
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write(payload)
		want := strings.TrimRight(base64.URLEncoding.EncodeToString(mac.Sum(nil)), "=")
		require.Equal(t, want, webhook.Sign(payload, secret))

		usable := strings.ReplaceAll(key, "\x00", "") != ""
		for _, s := range []string{signature, want, want + signature, signature + want} {
			err := webhook.Verify(payload, s, secret)
			require.Equal(t, usable && s == want, err == nil, "%q: %v", s, err)
			if usable {
				require.Equal(t, err == nil, webhook.Verify(payload, s, "another", secret) == nil)
			}
			if err != nil {
				require.Less(t, len(err.Error()), 200)
			}
		}
	})
}

// assertPlain checks that an error is one short line without any of the secrets.
func assertPlain(t *testing.T, err error, secrets ...string) {
	t.Helper()
	if err == nil {
		return
	}
	for _, printed := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), fmt.Sprintf("%q", err)} {
		assert.NotContains(t, printed, "\n")
		assert.Less(t, len(printed), 400)
		for _, secret := range secrets {
			if len(secret) > 1 { // one character may be anywhere
				assert.NotContains(t, printed, secret)
			}
		}
	}
}
