package wire

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTransportLimits(t *testing.T) {
	t.Parallel()
	transport := NewTransport()
	assert.Equal(t, 10*time.Second, transport.TLSHandshakeTimeout)
	assert.Equal(t, 30*time.Second, transport.IdleConnTimeout)
	assert.Equal(t, int64(64<<10), transport.MaxResponseHeaderBytes)
}
