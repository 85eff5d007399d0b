package client

import (
	"encoding/json"
	"errors"
	"fmt"
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
