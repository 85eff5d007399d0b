package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// unread are the places whose change or removal has no meaning for callers.
var unread = map[string]bool{
	"removed /paths/~1connect_sessions/post/parameters": true, // empty
	"removed /security": true, // the operation has its own
}

// alike matches the part of a place that does not matter: the same edit has the same effect.
var alike = regexp.MustCompile(`(/properties|/responses)/[^/]+|/\d+$`)

// No edit of the vendored file goes unnoticed: the test changes every scalar and removes
// every key, one at a time and once in each schema.
func TestEveryEdit(t *testing.T) {
	t.Parallel()
	text := vendoredText(t)
	base, err := parse(text)
	require.NoError(t, err)
	var doc map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
	done := map[string]bool{}
	check := func(at string) {
		if done[alike.ReplaceAllString(at, "$1/*")] {
			return
		}
		done[alike.ReplaceAllString(at, "$1/*")] = true
		b, err := json.Marshal(doc)
		require.NoError(t, err)
		var changes []*change
		revision, err := parse(string(b))
		if err == nil {
			changes, err = compare(base, revision, nil)
		}
		heard := err != nil || len(changes) > 0
		assert.Equal(t, !unread[at], heard, at)
	}
	var visit func(v any, at string)
	visit = func(v any, at string) {
		switch v := v.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				if at == "/components/schemas" && strings.HasSuffix(key, "Response") && key != "BadRequestResponse" {
					continue // ten times the same
				}
				old, here := v[key], at+"/"+strings.ReplaceAll(key, "/", "~1")
				delete(v, key)
				check("removed " + here)
				v[key] = old
				if other, scalar := another(old); scalar {
					v[key] = other
					check("changed " + here)
					v[key] = old
				}
				visit(old, here)
			}
		case []any:
			for i, old := range v {
				if other, scalar := another(old); scalar {
					v[i] = other
					check(fmt.Sprintf("changed %s/%d", at, i))
					v[i] = old
				}
				visit(old, fmt.Sprintf("%s/%d", at, i))
			}
		}
	}
	visit(doc, "")
	assert.Greater(t, len(done), 150)
}

func another(v any) (any, bool) {
	switch v := v.(type) {
	case string:
		return v + "x", true
	case bool:
		return !v, true
	case int:
		return v + 1, true
	case nil:
		return "x", true
	}
	return nil, false
}

// asLarge returns a whole description of at least size bytes.
func asLarge(t testing.TB, size int) string {
	t.Helper()
	whole := asWhole(t, vendoredText(t))
	i, j := strings.Index(whole, "\npaths:\n")+len("\npaths:\n"), strings.Index(whole, "    schemas:\n")+len("    schemas:\n")
	if i > j {
		i, j = j, i
	}
	var paths, schemas strings.Builder
	for n := 0; paths.Len()+schemas.Len()+len(whole) < size; n++ {
		fmt.Fprintf(&paths, "    /unified/things%d/{id}:\n        get:\n            operationId: get_thing_%[1]d\n            parameters:\n              - {name: id, in: path, required: true, schema: {type: string}}\n            responses:\n                \"200\":\n                    description: The thing with the given identifier was retrieved.\n                    content:\n                        application/json:\n                            schema:\n                                $ref: '#/components/schemas/Thing%[1]d'\n", n)
		fmt.Fprintf(&schemas, "        Thing%d:\n            type: object\n            properties:\n", n)
		for f := range 20 {
			fmt.Fprintf(&schemas, "                field_%d:\n                    type: string\n                    nullable: true\n                    description: The field of the thing, as the provider has it.\n                    example: abc\n", f)
		}
		fmt.Fprintf(&schemas, "                next:\n                    $ref: '#/components/schemas/Thing%d'\n", n/2)
	}
	first, second := schemas.String(), paths.String()
	if strings.HasPrefix(whole[i:], "    /") {
		first, second = second, first
	}
	return whole[:i] + first + whole[i:j] + second + whole[j:]
}

func TestLargeDescription(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := drift(t, asLarge(t, 2<<20))
	assert.Equal(t, exitSame, code, "%s%s", stdout, stderr)
}

// STACKONE_SPECS names a folder of published whole descriptions, which the repository does
// not contain.
func TestPublishedDescriptions(t *testing.T) {
	t.Parallel()
	for _, file := range publishedDescriptions(t) {
		code, stdout, stderr := command(t, file)
		assert.NotEqual(t, exitUnknown, code, stderr)
		assert.Equal(t, code == exitDrift, len(lines(stdout)) > 0)
		t.Logf("%s: exit %d, %d changes", filepath.Base(file), code, len(lines(stdout)))
	}
}
