package gen

import (
	"fmt"
	"log/slog"
)

// The types below hold secrets: a token, the link that contains one, or the raw
// body of an answer that does. Whatever prints them, fmt with any verb or slog,
// shows everything but those. encoding/json stays faithful: that is how a backend
// hands a token on.

const redacted = "[redacted]"

func redact(s *string) {
	if *s != "" {
		*s = redacted
	}
}

// The same types without their methods, so that fmt prints the fields.
type (
	connectSession              ConnectSession
	connectSessionTokenAuthLink ConnectSessionTokenAuthLink
	connectSessionAuthenticate  ConnectSessionAuthenticate
)

// Format prints the session without its external trigger token.
func (s ConnectSession) Format(f fmt.State, verb rune) {
	redact(&s.ExternalTriggerToken)
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), connectSession(s))
}

// LogValue is what slog logs: what identifies the session.
func (s ConnectSession) LogValue() slog.Value {
	return identity(s.ID, s.OriginOwnerID, s.Provider)
}

// Format prints the session without its token, auth link and external trigger token.
func (s ConnectSessionTokenAuthLink) Format(f fmt.State, verb rune) {
	redact(&s.Token)
	redact(&s.AuthLinkURL)
	redact(&s.ExternalTriggerToken)
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), connectSessionTokenAuthLink(s))
}

// LogValue is what slog logs: what identifies the session.
func (s ConnectSessionTokenAuthLink) LogValue() slog.Value {
	return identity(s.ID, s.OriginOwnerID, s.Provider)
}

func identity(id int64, owner, provider string) slog.Value {
	return slog.GroupValue(
		slog.Int64("id", id), slog.String("origin_owner_id", owner), slog.String("provider", provider))
}

// Format prints the request without its token.
func (s ConnectSessionAuthenticate) Format(f fmt.State, verb rune) {
	redact(&s.Token)
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), connectSessionAuthenticate(s))
}

// LogValue is what slog logs of the request: that it has a token.
func (s ConnectSessionAuthenticate) LogValue() slog.Value {
	redact(&s.Token)
	return slog.GroupValue(slog.String("token", s.Token))
}

// Format prints the status and the length of the body.
func (r CreateConnectSessionResponse) Format(f fmt.State, _ rune) {
	formatResponse(f, r.StatusCode(), r.Body)
}

// LogValue is what slog logs: the status and the length of the body.
func (r CreateConnectSessionResponse) LogValue() slog.Value {
	return logResponse(r.StatusCode(), r.Body)
}

// Format prints the status and the length of the body.
func (r AuthenticateConnectSessionResponse) Format(f fmt.State, _ rune) {
	formatResponse(f, r.StatusCode(), r.Body)
}

// LogValue is what slog logs: the status and the length of the body.
func (r AuthenticateConnectSessionResponse) LogValue() slog.Value {
	return logResponse(r.StatusCode(), r.Body)
}

func formatResponse(f fmt.State, status int, body []byte) {
	_, _ = fmt.Fprintf(f, "{StatusCode:%d Body:%d bytes}", status, len(body))
}

func logResponse(status int, body []byte) slog.Value {
	return slog.GroupValue(slog.Int("status", status), slog.Int("bytes", len(body)))
}
