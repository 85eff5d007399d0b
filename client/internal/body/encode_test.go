package body_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/internal/body"
)

type (
	raw   struct{ text string } // a json.Marshaler
	plain struct{ text string } // an encoding.TextMarshaler
	named string
)

func (r raw) MarshalJSON() ([]byte, error) { return []byte(`"` + r.text + `"`), nil }

func (p plain) MarshalText() ([]byte, error) { return []byte(p.text), nil }

type nested struct {
	Text   string
	Hidden string `json:"-"`
	own    string
}

// CheckUTF8 finds invalid UTF-8 anywhere in a request, also with GOEXPERIMENT=jsonv2.
func TestCheckUTF8(t *testing.T) {
	t.Parallel()
	const bad = "a\xffb"
	check := func(v any) error {
		request := struct {
			Replacement string `json:"replacement"` // without U+FFFD, CheckUTF8 does not search
			Value       any    `json:"value,omitempty"`
		}{"\ufffd", v}
		encoded, err := json.Marshal(request)
		require.NoError(t, err)
		return body.CheckUTF8(request, encoded)
	}
	text := bad
	for _, v := range []any{
		bad, named(bad), &text, []string{"a", bad}, [1]any{bad}, map[string]int{bad: 1}, map[int]any{1: []named{bad}},
		nested{Text: bad}, &nested{Text: bad}, plain{bad}, map[plain]int{{bad}: 1}, []plain{{bad}},
	} {
		assert.EqualError(t, check(v), "value is not valid UTF-8", "%#v", v)
	}
	for _, v := range []any{
		nil, "a\ufffdb", `\ufffd`, 1.5, true, []byte(bad), nested{Hidden: bad, own: bad}, (*string)(nil), (*raw)(nil), (*plain)(nil),
		raw{"\ufffd"}, plain{"\ufffd"}, map[string]any{"a": nil}, json.RawMessage(`"\ufffd"`),
	} {
		assert.NoError(t, check(v), "%#v", v)
	}
	alone := struct {
		Value string `json:"value"`
	}{bad}
	encoded, err := json.Marshal(alone)
	require.NoError(t, err)
	assert.EqualError(t, body.CheckUTF8(alone, encoded), "value is not valid UTF-8")

	encoded = []byte(`{"value":"` + bad + `"}`)
	assert.EqualError(t, body.CheckUTF8(struct {
		Value any `json:"value"`
	}{raw{bad}}, encoded), "value is not valid UTF-8")
	assert.EqualError(t, body.CheckUTF8(struct{}{}, encoded), "the encoded request is not valid UTF-8")
}
