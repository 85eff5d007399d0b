package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stream reads a customer's server-sent events.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
}

func openStream(t *testing.T, h *harness, customerID, query, lastEventID string) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"/events"+query, nil)
	require.NoError(t, err)
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	res, err := transport.RoundTrip(h.as(t, customerID, r))
	require.NoError(t, err)
	t.Cleanup(func() { res.Body.Close() })
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	s := &stream{t, bufio.NewScanner(res.Body)}
	require.True(t, s.lines.Scan())
	require.Equal(t, ": connected", s.lines.Text())
	require.True(t, s.lines.Scan())
	return s
}

// next waits for the next status event, and returns its ID and HTML.
func (s *stream) next() (id, html string) {
	s.t.Helper()
	for s.lines.Scan() {
		line := s.lines.Text()
		if value, ok := strings.CutPrefix(line, "id: "); ok {
			id = value
		}
		if value, ok := strings.CutPrefix(line, "data: "); ok {
			require.NoError(s.t, json.Unmarshal([]byte(value), &html))
		}
		if line == "" && id != "" {
			return id, html
		}
	}
	require.FailNow(s.t, "the stream ended", "%v", s.lines.Err())
	return "", ""
}

// waitFor skips status events until one contains the text.
func (s *stream) waitFor(text string) {
	s.t.Helper()
	for {
		if _, html := s.next(); strings.Contains(html, text) {
			return
		}
	}
}

func TestEventStream(t *testing.T) {
	t.Parallel()
	h := start(t)
	s := openStream(t, h, "customer-acme", "", "")
	_, html := s.next()
	assert.Contains(t, html, headReady)

	h.do(h.as(t, "customer-cobalt", form("/connect"))) // not sent to Acme's stream
	h.do(h.as(t, "customer-acme", form("/connect")))
	s.waitFor(headWaiting)
	require.NoError(t, h.fake.Sessions()[1].Connect(""))
	s.waitFor(headConnected)
}

func TestEventStreamSkipsSeenStatus(t *testing.T) {
	t.Parallel()
	h := start(t)
	seen, _ := openStream(t, h, "customer-acme", "", "").next()

	page := signInAs(t, h, "Acme").text
	assert.Contains(t, page, `data-seen="`+seen+`"`, "the page and the stream have the same version")

	byPage := openStream(t, h, "customer-acme", "?seen="+seen, "")
	byID := openStream(t, h, "customer-acme", "?seen=older", seen)
	h.do(h.as(t, "customer-acme", form("/connect")))
	for _, s := range []*stream{byPage, byID} {
		_, html := s.next()
		assert.Contains(t, html, headWaiting, "a status that was seen is not sent again")
	}
}

func TestEventStreamEndsAtShutdown(t *testing.T) {
	t.Parallel()
	h := start(t)
	s := openStream(t, h, "customer-acme", "", "")
	s.next()
	h.stop()
	for s.lines.Scan() {
		assert.Empty(t, s.lines.Text())
	}
	assert.NoError(t, s.lines.Err(), "the stream ends cleanly")
}
