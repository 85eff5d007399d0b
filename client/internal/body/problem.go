package body

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/StackOneHQ/stackone-client-go/client/internal/redact"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

const maxProviders = 100

// Problem is the content of an error response's body.
type Problem struct {
	Message        string
	Timestamp      time.Time
	Data           *gen.UnifiedError
	ProviderErrors []gen.ProviderError
}

// DecodeProblem decodes the members that fit of an error response's body and redacts
// their secrets. The message is truncated after about limit bytes.
func DecodeProblem(encoded []byte, known redact.Redactor, limit int) (p Problem) {
	var body struct {
		Message        json.RawMessage `json:"message"`
		Detail         json.RawMessage `json:"detail"` // RFC 9457
		Title          json.RawMessage `json:"title"`
		Error          json.RawMessage `json:"error"`
		Errors         json.RawMessage `json:"errors"`
		Timestamp      json.RawMessage `json:"timestamp"`
		Data           json.RawMessage `json:"data"`
		ProviderErrors json.RawMessage `json:"provider_errors"`
	}
	if json.Unmarshal(encoded, &body) != nil {
		return p
	}
	p.Message = known.Line(messageText(body.Message), limit)
	for _, raw := range []json.RawMessage{body.Detail, body.Error, body.Errors, body.Title} {
		if text := messageText(raw); p.Message == "" && text != "true" && text != "{}" && text != "[]" {
			p.Message = known.Line(text, limit)
		}
	}
	_ = json.Unmarshal(body.Timestamp, &p.Timestamp)
	p.Data = lenient[gen.UnifiedError](known.JSON(body.Data))
	var providers []json.RawMessage
	_ = json.Unmarshal(body.ProviderErrors, &providers)
	for _, raw := range providers[:min(len(providers), maxProviders)] {
		if provider := lenient[gen.ProviderError](known.JSON(raw)); provider != nil {
			p.ProviderErrors = append(p.ProviderErrors, *provider)
		}
	}
	return p
}

// messageText returns the text of a message: a string, a list of strings or an object
// with a message. It returns anything else as JSON.
func messageText(raw json.RawMessage) string {
	var (
		text   string
		list   []string
		object struct{ Message string }
	)
	switch {
	case json.Unmarshal(raw, &text) == nil:
		return text
	case json.Unmarshal(raw, &list) == nil:
		return strings.Join(list, "; ")
	case json.Unmarshal(raw, &object) == nil && object.Message != "":
		return object.Message
	}
	return string(raw)
}

// lenient decodes the members that fit of a JSON object. It returns nil for any other
// value.
func lenient[T any](raw json.RawMessage) *T {
	if !bytes.HasPrefix(raw, []byte{'{'}) {
		return nil
	}
	result := new(T)
	_ = json.Unmarshal(raw, result) // continues after a member of the wrong type
	return result
}
