package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

const (
	maxErrorBody = 256 << 10 // limit of an error's body
	maxDrain     = 64 << 10  // what is read of it at least, to keep the connection
	maxGuess     = 64 << 10  // what is allocated at first for a Content-Length
)

var errTooLarge = errors.New("too large")

// read reads the body of an answer and closes it.
func (s Sender) read(ctx context.Context, res *http.Response) ([]byte, error) {
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return nil, nil // the body is the connection
	}
	if _, ok := s.Transport.(*http.Transport); !ok {
		// The body of another transport may not end with the context.
		body := res.Body // Generated replaces it later
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
		_, _ = io.CopyN(io.Discard, res.Body, maxDrain-limit) // nothing when that is negative
		err = nil
	}
	return body, err
}

// Success reports whether a status is 2xx.
func Success(status int) bool { return status >= 200 && status < 300 }

// ReadAll is io.ReadAll with a limit: it returns the first limit bytes and an error
// when there are more. hint is the expected size, or -1.
func ReadAll(r io.Reader, hint, limit int64) ([]byte, error) {
	body := make([]byte, 0, max(512, min(hint, maxGuess)+1))
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		room := body[len(body):cap(body)]
		if left := limit - int64(len(body)); int64(len(room)) > left {
			room = room[:left+1] // one more byte shows that there is more
		}
		n, err := r.Read(room)
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return body[:limit], errTooLarge
		case err == io.EOF:
			return body, nil
		case err != nil:
			return body, err
		}
	}
}
