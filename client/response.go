package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
	"unicode/utf8"
)

// Response is the last answer of a call, as WithResponse gives it. StatusCode,
// Header and Body are empty when no answer came. The body of a session holds its
// secrets; printing a Response shows none of it.
type Response struct {
	StatusCode int
	Header     http.Header
	Attempts   int    // how often the call was tried
	Body       []byte // as it arrived, up to the limits of WithMaxResponseBytes

	call *call // for Redact
}

// Format writes the status, the number of attempts and the length of the body,
// whatever the verb.
func (r Response) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{StatusCode:%d Attempts:%d Body:%d bytes}", r.StatusCode, r.Attempts, len(r.Body))
}

// LogValue is what slog logs: the status, the number of attempts and the length
// of the body.
func (r Response) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int("status", r.StatusCode), slog.Int("attempts", r.Attempts), slog.Int("bytes", len(r.Body)))
}

const (
	maxErrorBody = 256 << 10 // what is read of an error's body
	maxDrain     = 64 << 10  // what is read of it at least, to keep the connection
	maxGuess     = 64 << 10  // what is set aside for a body because the header says so
)

// read reads the body of an answer and closes it.
func (s *settings) read(ctx context.Context, res *http.Response) ([]byte, error) {
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return nil, nil // its body is the connection
	}
	if _, ok := s.transport.(*http.Transport); !ok {
		// Another transport may hand out a body that does not end with the context.
		body := res.Body // which Generated replaces
		stop := context.AfterFunc(ctx, func() { body.Close() })
		defer stop()
	}

	limit := s.maxBody
	if !success(res.StatusCode) {
		limit = min(limit, maxErrorBody)
	}
	body, err := readAll(res.Body, res.ContentLength, limit)
	if err == errTooLarge && !success(res.StatusCode) && limit < maxDrain {
		_, _ = io.CopyN(io.Discard, res.Body, maxDrain-limit)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = ctx.Err()
	case err == errTooLarge && success(res.StatusCode):
		err = fmt.Errorf("the body is larger than %d bytes", limit)
	case err == errTooLarge:
		err = nil
	}
	return body, err
}

var errTooLarge = errors.New("too large")

// readAll is io.ReadAll with a limit: it returns the first limit bytes and
// errTooLarge when there are more. hint is the expected size, or -1.
func readAll(r io.Reader, hint, limit int64) ([]byte, error) {
	body := make([]byte, 0, max(512, min(hint, maxGuess)+1))
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		room := body[len(body):cap(body)]
		if left := limit - int64(len(body)); int64(len(room)) > left {
			room = room[:left+1] // one more, to see that there is more
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

// decode reads the answer that a call ended in. The label of the body does not
// count: a body is JSON when it reads as JSON.
func decode[T any](c *call, fault func(*T) error) (*T, error) {
	result := new(T)
	err := json.Unmarshal(c.last.Body, result)
	switch date := (*time.ParseError)(nil); {
	case errors.As(err, &date):
		err = errors.New("a time is not in RFC 3339") // the other error quotes it
	case err == nil && !utf8.Valid(c.last.Body):
		err = errors.New("it is not UTF-8") // encoding/json has replaced bytes, of a token perhaps
	case err == nil:
		err = fault(result)
	}
	if err != nil {
		failed := c.responseError(err)
		failed.text = explain(err) // needs no mask, and a short secret's would garble it
		return nil, failed
	}
	return result, nil
}

// explain says why a body cannot be used, without quoting it: what it quotes of a
// session could be a secret.
func explain(err error) string {
	typ := (*json.UnmarshalTypeError)(nil)
	switch {
	case errors.As(err, &typ) && typ.Field != "":
		return fmt.Sprintf("%s does not fit a Go %s", typ.Field, typ.Type)
	case errors.As(err, &typ):
		return "it is not a JSON object"
	}
	return err.Error()
}
