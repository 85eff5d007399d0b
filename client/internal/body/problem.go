package body

import (
	"encoding/json"
	"reflect"
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
		Message        json.RawMessage     `json:"message"`
		Detail         json.RawMessage     `json:"detail"` // RFC 9457
		Title          json.RawMessage     `json:"title"`
		Error          json.RawMessage     `json:"error"`
		Errors         json.RawMessage     `json:"errors"`
		Timestamp      json.RawMessage     `json:"timestamp"`
		Data           *gen.UnifiedError   `json:"data"`
		ProviderErrors []gen.ProviderError `json:"provider_errors"`
	}
	_ = json.Unmarshal(known.JSON(encoded), &body) // continues after a member of the wrong type
	for _, raw := range []json.RawMessage{body.Message, body.Detail, body.Error, body.Errors, body.Title} {
		text := messageText(raw)
		if text == "true" || text == "{}" || text == "[]" {
			continue
		}
		if p.Message = known.Line(text, limit); p.Message != "" {
			break
		}
	}
	_ = p.Timestamp.UnmarshalJSON(body.Timestamp)
	if body.Data != nil && !empty(*body.Data) {
		p.Data = body.Data
	}
	for _, provider := range body.ProviderErrors {
		if len(p.ProviderErrors) < maxProviders && !empty(provider) {
			p.ProviderErrors = append(p.ProviderErrors, provider)
		}
	}
	return p
}

// empty reports whether no member of a value could be decoded.
func empty(v any) bool { return reflect.ValueOf(v).IsZero() }

// messageText returns the text of a message: a string, a list of strings or an object
// with a message. It returns anything else as JSON.
func messageText(raw json.RawMessage) string {
	var (
		text   string
		list   []string
		object struct{ Message string }
	)
	switch {
	case raw == nil:
		return ""
	case json.Unmarshal(raw, &text) == nil:
		return text
	case json.Unmarshal(raw, &list) == nil:
		return strings.Join(list, "; ")
	case json.Unmarshal(raw, &object) == nil && object.Message != "":
		return object.Message
	}
	return string(raw)
}
