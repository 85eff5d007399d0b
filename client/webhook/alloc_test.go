//go:build !race

package webhook_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/StackOneHQ/stackone-client-go/client/webhook"
)

// Not parallel, because allocations are counted for the whole process. Not run under
// the race detector, because sync.Pool then drops its contents at random.
func TestAllocations(t *testing.T) {
	payload := []byte(account)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { _ = webhook.Verify(payload, accountSignature, current) }), 9.0, "Verify")
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _ = webhook.Parse(payload) }), 19.0, "Parse")
}
