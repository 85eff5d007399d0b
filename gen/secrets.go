package gen

import (
	"fmt"
	"log/slog"
)

// The types below hold secrets: a token, a link that contains one, or the raw body of a
// response that does. fmt, with any verb, and slog do not show these. encoding/json does,
// because that is how a backend hands a token on.

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

// Format writes the session without its external trigger token.
func (s ConnectSession) Format(f fmt.State, verb rune) {
	redact(&s.ExternalTriggerToken)
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), connectSession(s))
}

// LogValue returns what slog logs: the ID, owner ID and provider of the session.
func (s ConnectSession) LogValue() slog.Value {
	return identity(s.ID, s.OriginOwnerID, s.Provider)
}

// Format writes the session without its token, auth link and external trigger token.
func (s ConnectSessionTokenAuthLink) Format(f fmt.State, verb rune) {
	redact(&s.Token)
	redact(&s.AuthLinkURL)
	redact(&s.ExternalTriggerToken)
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), connectSessionTokenAuthLink(s))
}

// LogValue returns what slog logs: the ID, owner ID and provider of the session.
func (s ConnectSessionTokenAuthLink) LogValue() slog.Value {
	return identity(s.ID, s.OriginOwnerID, s.Provider)
}

func identity(id int64, owner, provider string) slog.Value {
	return slog.GroupValue(
		slog.Int64("id", id), slog.String("origin_owner_id", owner), slog.String("provider", provider))
}

// Format writes the request without its token.
func (s ConnectSessionAuthenticate) Format(f fmt.State, verb rune) {
	redact(&s.Token)
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), connectSessionAuthenticate(s))
}

// LogValue returns what slog logs: whether the request has a token.
func (s ConnectSessionAuthenticate) LogValue() slog.Value {
	redact(&s.Token)
	return slog.GroupValue(slog.String("token", s.Token))
}

// Format writes the status and the length of the body, whatever the verb.
func (r CreateConnectSessionResponse) Format(f fmt.State, _ rune) {
	formatResponse(f, r.StatusCode(), r.Body)
}

// LogValue returns what slog logs: the status and the length of the body.
func (r CreateConnectSessionResponse) LogValue() slog.Value {
	return logResponse(r.StatusCode(), r.Body)
}

// Format writes the status and the length of the body, whatever the verb.
func (r AuthenticateConnectSessionResponse) Format(f fmt.State, _ rune) {
	formatResponse(f, r.StatusCode(), r.Body)
}

// LogValue returns what slog logs: the status and the length of the body.
func (r AuthenticateConnectSessionResponse) LogValue() slog.Value {
	return logResponse(r.StatusCode(), r.Body)
}

func formatResponse(f fmt.State, status int, body []byte) {
	_, _ = fmt.Fprintf(f, "{StatusCode:%d Body:%d bytes}", status, len(body))
}

func logResponse(status int, body []byte) slog.Value {
	return slog.GroupValue(slog.Int("status", status), slog.Int("bytes", len(body)))
}
