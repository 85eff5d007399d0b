package wire

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// endlessBody never ends and counts the bytes read from it.
type endlessBody int64

func (b *endlessBody) Read(p []byte) (int, error) {
	*b += endlessBody(len(p))
	return len(p), nil
}

func send(t *testing.T, status int, maxBody int64, body io.Reader) Result {
	t.Helper()
	sender := Sender{MaxBody: maxBody, Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: io.NopCloser(body), ContentLength: -1}, nil
	})}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.example", nil)
	require.NoError(t, err)
	return sender.Send(t.Context(), req, http.Header{}, []byte("{}"))
}

func TestErrorBodyIsTruncatedAtLimit(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int64]struct{ kept, read int64 }{
		10:       {10, maxDrain + 1}, // one byte more shows that there are more
		60 << 10: {60 << 10, maxDrain + 1},
		maxDrain: {maxDrain, maxDrain + 1},
		90 << 10: {90 << 10, 90<<10 + 1},
		1 << 20:  {maxErrorBody, maxErrorBody + 1},
	} {
		var read endlessBody
		result := send(t, 404, limit, &read)
		assert.NoError(t, result.Err)
		assert.Len(t, result.Body, int(want.kept))
		assert.Equal(t, want.read, int64(read), "bytes read with limit %d", limit)
	}
}

func TestSuccessBodyAboveLimit(t *testing.T) {
	t.Parallel()
	var read endlessBody
	result := send(t, 200, 10, &read)
	assert.EqualError(t, result.Err, "the body is larger than 10 bytes")
	assert.Equal(t, endlessBody(11), read)
}

func TestErrorBodyReadFails(t *testing.T) {
	t.Parallel()
	lost := errors.New("lost")
	result := send(t, 404, 100, io.MultiReader(strings.NewReader("0123456789"), iotest.ErrReader(lost)))
	assert.Equal(t, lost, result.Err)
	assert.Equal(t, "0123456789", string(result.Body))
}

func TestReadAll(t *testing.T) {
	t.Parallel()
	text := bytes.Repeat([]byte("x"), 5000)
	for hint, capacity := range map[int64]int{4999: 0, 5000: 5001, 5001: 5002, -1: 0, 0: 0} {
		body, err := ReadAll(iotest.OneByteReader(bytes.NewReader(text)), hint, 5000)
		require.NoError(t, err)
		assert.Equal(t, text, body)
		if capacity > 0 {
			assert.Equal(t, capacity, cap(body), "capacity for a Content-Length of %d", hint)
		}
		body, err = ReadAll(bytes.NewReader(text), hint, 4999)
		assert.Equal(t, errTooLarge, err)
		assert.Len(t, body, 4999)
	}
	body, err := ReadAll(strings.NewReader("x"), 1<<40, 1<<40)
	require.NoError(t, err)
	assert.Equal(t, maxPrealloc+1, cap(body), "capacity for a huge Content-Length")
	body, err = ReadAll(strings.NewReader(""), -1, 10)
	require.NoError(t, err)
	assert.Equal(t, 512, cap(body))
}

func TestSuccess(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{0: false, 101: false, 199: false, 200: true, 299: true, 300: false, 404: false} {
		assert.Equal(t, want, Success(status), status)
	}
}

func TestInvalidStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []int{1, 99, 600, 999} {
		result := send(t, status, 10, strings.NewReader(""))
		require.NoError(t, result.Err)
		assert.Equal(t, status, result.Status())
	}
	for _, status := range []int{0, -1} {
		result := send(t, status, 10, strings.NewReader(""))
		require.ErrorContains(t, result.Err, "without a status")
		assert.False(t, result.Unsent)
		assert.Zero(t, result.Status())
	}
}

// A body whose Read returns nothing and no error is given up, as bufio does.
func TestBodyWithoutProgress(t *testing.T) {
	t.Parallel()
	idle := readerFunc(func([]byte) (int, error) { return 0, nil })
	_, err := ReadAll(io.MultiReader(strings.NewReader("{}"), idle), -1, 10)
	require.ErrorIs(t, err, io.ErrNoProgress)

	reads := 0
	slow := readerFunc(func(p []byte) (int, error) {
		if reads++; reads%maxEmptyReads != 0 {
			return 0, nil
		}
		return copy(p, "x"), nil
	})
	body, err := ReadAll(slow, -1, 3)
	assert.ErrorIs(t, err, errTooLarge, "progress is slow, but there is some")
	assert.Equal(t, "xxx", string(body))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
