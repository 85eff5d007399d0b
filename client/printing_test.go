package client_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/StackOneHQ/stackone-client-go/client"
)

func TestPrintingClientAndResponse(t *testing.T) {
	t.Parallel()
	c := responding(t, 201, nil, link)
	r := call(t.Context(), t, opCreate, c)
	for want, value := range map[string]any{
		"stackone.Client(https://api.stackone.com)":                           c,
		"stackone.ConnectSessions(https://api.stackone.com)":                  c.ConnectSessions,
		"stackone.Client(not made by New)":                                    client.Client{},
		"stackone.ConnectSessions(not made by New)":                           client.ConnectSessions{},
		fmt.Sprintf("{StatusCode:201 Attempts:1 Body:%d bytes}", len(link)):   r.response,
		fmt.Sprintf("[{StatusCode:201 Attempts:1 Body:%d bytes}]", len(link)): []client.Response{r.response},
		"{StatusCode:0 Attempts:0 Body:0 bytes}":                              client.Response{},
	} {
		for _, verb := range []string{"%v", "%+v", "%s", "%#v", "%d"} {
			if strings.HasPrefix(want, "[") && verb == "%#v" {
				continue // fmt writes the slice type
			}
			assert.Equal(t, want, fmt.Sprintf(verb, value), verb)
		}
	}
}

func TestResponseRedact(t *testing.T) {
	t.Parallel()
	r := call(t.Context(), t, opCreate, responding(t, 201, nil, link))
	assert.Equal(t, "a [redacted] b [redacted]\\n", r.response.Redact("a "+testKey+" b "+r.created.Token+"\n"))
	assert.Equal(t, "a "+testKey, client.Response{}.Redact("a "+testKey), "a Response without a call knows no secrets")
	assert.Len(t, client.Response{}.Redact(strings.Repeat("x", 1000)), 513+len("..."))
}
