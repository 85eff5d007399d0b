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

// stream is a customer's stream of events.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
}

func openStream(t *testing.T, h *harness, customerID, query, lastEventID string) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
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

// next waits for the next status, and returns its id and text.
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
	require.FailNow(s.t, "the stream has ended", "%v", s.lines.Err())
	return "", ""
}

// until waits for a status with the text. Those in between may be left out.
func (s *stream) until(text string) {
	s.t.Helper()
	for {
		if _, html := s.next(); strings.Contains(html, text) {
			return
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	h := start(t)
	s := openStream(t, h, "customer-acme", "", "")
	_, html := s.next()
	assert.Contains(t, html, headReady)

	h.do(h.as(t, "customer-cobalt", form("/connect"))) // nothing of Acme's
	h.do(h.as(t, "customer-acme", form("/connect")))
	s.until(headWaiting)
	require.NoError(t, h.fake.Sessions()[1].Connect(""))
	s.until(headConnected)
}

func TestEventsNotSeenYet(t *testing.T) {
	t.Parallel()
	h := start(t)
	seen, _ := openStream(t, h, "customer-acme", "", "").next()

	page := signedIn(t, h, "Acme").text
	assert.Contains(t, page, `data-seen="`+seen+`"`, "a page and a stream agree on what was seen")

	byPage := openStream(t, h, "customer-acme", "?seen="+seen, "")
	byID := openStream(t, h, "customer-acme", "?seen=older", seen)
	h.do(h.as(t, "customer-acme", form("/connect")))
	for _, s := range []*stream{byPage, byID} {
		_, html := s.next()
		assert.Contains(t, html, headWaiting, "what was seen is not sent again")
	}
}

func TestEventsEndWithTheApplication(t *testing.T) {
	t.Parallel()
	h := start(t)
	s := openStream(t, h, "customer-acme", "", "")
	s.next()
	h.stop()
	for s.lines.Scan() {
		assert.Empty(t, s.lines.Text())
	}
	assert.NoError(t, s.lines.Err(), "the stream ends in order")
}
