package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// An edit changes the description as upstream might. It fails when the vendored file no
// longer has the text to change, so that no row passes without a change.
type edit func(t testing.TB, description string) string

// swap replaces the first old after the marks, which follow each other in the text.
func swap(old, new string, marks ...string) edit {
	return func(t testing.TB, s string) string {
		t.Helper()
		at := 0
		for _, mark := range marks {
			i := strings.Index(s[at:], mark)
			require.GreaterOrEqual(t, i, 0, "no %q", mark)
			at += i
		}
		i := strings.Index(s[at:], old)
		require.GreaterOrEqual(t, i, 0, "no %q", old)
		at += i
		return s[:at] + new + s[at+len(old):]
	}
}

func all(old, new string) edit {
	return func(t testing.TB, s string) string {
		t.Helper()
		require.Contains(t, s, old)
		return strings.ReplaceAll(s, old, new)
	}
}

func both(edits ...edit) edit {
	return func(t testing.TB, s string) string {
		t.Helper()
		for _, e := range edits {
			s = e(t, s)
		}
		return s
	}
}

// remade parses the description, changes it and formats it.
func remade(change func(m map[string]any), write func(any) ([]byte, error)) edit {
	return func(t testing.TB, s string) string {
		t.Helper()
		var m map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(s), &m))
		change(m)
		b, err := write(m)
		require.NoError(t, err)
		return string(b) + "\n"
	}
}

// reversed reverses every list in v.
func reversed(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, item := range v {
			reversed(item)
		}
	case []any:
		slices.Reverse(v)
		for _, item := range v {
			reversed(item)
		}
	}
}
