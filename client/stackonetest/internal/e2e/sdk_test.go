package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest"
)

// testSDK calls the fake with StackOne's TypeScript SDK, which validates responses strictly.
func testSDK(t *testing.T, dir string) {
	srv := stackonetest.NewTestServer(t, stackonetest.Strict())
	created := func(r stackonetest.Request) bool {
		return bytes.Contains(r.Body, []byte(`"acme"`)) && len(srv.Sessions()) == 2
	}
	statuses := []int{400, 403, 404, 409, 422, 500, 501, 502}
	for _, status := range statuses {
		srv.Inject(stackonetest.Fault{Status: status, When: created})
	}
	srv.Inject(stackonetest.Fault{Status: 429, When: created}, stackonetest.Fault{Status: 408, When: created})

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	program, err := os.ReadFile("testdata/sdk.cjs")
	require.NoError(t, err)
	node := exec.CommandContext(ctx, "node")
	node.Dir, node.Stdin, node.Stderr = dir, bytes.NewReader(program), os.Stderr
	node.Env = append(os.Environ(), "STACKONE_URL="+srv.URL, "STACKONE_API_KEY="+srv.APIKey)
	output, err := node.Output()
	require.NoError(t, err, "%s", output)

	type result struct {
		Error      string
		StatusCode int
		Message    string
		Link       map[string]any `json:"connectSessionTokenAuthLink"`
		Session    map[string]any `json:"connectSession"`
	}
	got := map[string]result{}
	for line := range bytes.Lines(output) {
		var name string
		var r result
		require.NoError(t, json.Unmarshal(line, &[]any{&name, &r}), "%s", line)
		got[name] = r
		t.Logf("%s", bytes.TrimSpace(line))
	}

	link := got["create"].Link
	assert.Equal(t, srv.Sessions()[0].Details().Token, link["token"])
	assert.Equal(t, "production", link["type"])
	assert.Equal(t, "older", got["create all"].Link["accountId"])
	assert.Equal(t, []any{"hris", "ats"}, got["create all"].Link["categories"])
	assert.Equal(t, link["id"], got["authenticate"].Session["id"])
	assert.Equal(t, result{Error: "NotFoundResponse", StatusCode: 404, Message: "Connect session not found"}, got["unknown token"])
	assert.Equal(t, result{Error: "UnauthorizedResponse", StatusCode: 401, Message: "Unauthorized"}, got["wrong key"])
	for status, name := range map[int]string{
		400: "BadRequestResponse", 403: "ForbiddenResponse", 404: "NotFoundResponse", 409: "ConflictResponse", 422: "UnprocessableEntityResponse",
		500: "InternalServerErrorResponse", 501: "NotImplementedResponse", 502: "BadGatewayResponse",
	} {
		assert.Equal(t, name, got["fault "+strconv.Itoa(status)].Error)
	}
	assert.NotEmpty(t, got["after 429 and 408"].Link["token"], "the SDK retries as Retry-After says")
}
