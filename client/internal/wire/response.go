package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

const (
	maxErrorBody = 256 << 10 // limit of the body of an error response
	maxDrain     = 64 << 10  // how much of it to read even if the limit is smaller, to reuse the connection
	maxPrealloc  = 64 << 10  // the largest initial buffer for a Content-Length

	maxEmptyReads = 100 // in a row, as bufio has it
)

var errTooLarge = errors.New("too large")

// read reads and closes the body of a response.
func (s Sender) read(ctx context.Context, res *http.Response) ([]byte, error) {
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return nil, nil // the body is the connection
	}
	if _, ok := s.Transport.(*http.Transport); !ok {
		// Another transport's body may not stop when the context is done.
		body := res.Body // package client replaces res.Body later
		stop := context.AfterFunc(ctx, func() { body.Close() })
		defer stop()
	}
	limit := s.MaxBody
	if !Success(res.StatusCode) {
		limit = min(limit, maxErrorBody)
	}
	body, err := ReadAll(res.Body, res.ContentLength, limit)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = ctx.Err()
	case err != errTooLarge:
		err = unquoted(err, false)
	case Success(res.StatusCode):
		err = fmt.Errorf("the body is larger than %d bytes", limit)
	default:
		_, _ = io.CopyN(io.Discard, res.Body, maxDrain-limit) // copies nothing if negative
		err = nil
	}
	return body, err
}

// Success reports whether a status is 2xx.
func Success(status int) bool { return status >= 200 && status < 300 }

// ReadAll is io.ReadAll with a limit: it returns the first limit bytes, and an error if
// there are more. hint is the expected size, or -1.
func ReadAll(r io.Reader, hint, limit int64) ([]byte, error) {
	body := make([]byte, 0, max(512, min(hint, maxPrealloc)+1))
	for empty := 0; ; {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		room := body[len(body):cap(body)]
		if left := limit - int64(len(body)); int64(len(room)) > left {
			room = room[:left+1] // one byte beyond the limit shows that there are more
		}
		n, err := r.Read(room)
		body = body[:len(body)+n]
		if empty++; n > 0 {
			empty = 0
		}
		switch {
		case int64(len(body)) > limit:
			return body[:limit], errTooLarge
		case err == io.EOF:
			return body, nil
		case err != nil:
			return body, err
		case empty >= maxEmptyReads:
			return body, io.ErrNoProgress
		}
	}
}
