package stackonetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/StackOneHQ/stackone-client-go/gen"
)

// projectID is the project of every session and event.
const projectID = "stackonetest"

// Session is a connect session that the server holds. Its methods move it on as
// the customer does in StackOne's Hub, and show it as it is at that moment. Those
// that move it return an error, and change nothing, when its token has expired by
// the server's clock or when it is nil because there is no such session.
//
// A session can be moved on again after it came to an end, as a customer can try
// again: that is a new attempt, with its own id.
type Session struct {
	server  *Server
	id      int64
	token   string
	trigger string
	request map[string]any // validated, with the defaults filled in
	created time.Time
	expires time.Time

	// Guarded by server.sessions.mu.
	provider any      // of the request, or that the customer picked
	attempt  *attempt // replaced, never changed
}

// sessions is what the server remembers of sessions and accounts.
type sessions struct {
	mu       sync.Mutex
	keep     int
	all      []*Session
	byToken  map[string]*Session
	made     int64
	attempts int
	accounts
}

func (all *sessions) reset() {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.all, all.byToken, all.made, all.attempts = nil, map[string]*Session{}, 0, 0
	all.accounts = accounts{byID: map[string]*account{}, byOwner: map[owner]string{}}
}

var (
	errNoSession = errors.New("stackonetest: no session has this token")
	errExpired   = errors.New("stackonetest: the session's token has expired")
)

// createSession makes a session of a request that the description allows.
func (s *Server) createSession(request map[string]any) *Session {
	for name, ref := range s.spec.create.Properties {
		if request[name] == nil && ref.Value.Default != nil {
			request[name] = ref.Value.Default
		}
	}
	life := lifetime(request["expires_in"])
	request["expires_in"] = int64(life / time.Second)

	now := s.clock.now()
	session := &Session{
		server:   s,
		token:    s.names.token(),
		trigger:  "trigger-" + s.names.token(),
		request:  request,
		created:  now,
		expires:  now.Add(life),
		provider: request["provider"],
	}
	all := &s.sessions
	all.mu.Lock()
	defer all.mu.Unlock()
	all.made++
	session.id = all.made
	all.byToken[session.token] = session
	if all.keep > 0 && len(all.all) == all.keep {
		delete(all.byToken, all.all[0].token)
	}
	all.all = latest(append(all.all, session), all.keep)
	return session
}

// lifetime reads a whole number of seconds that JSON may write as 1800, 1800.0 or
// 1.8e3. A session of no or negative life has expired when it is made; one of
// more than 292 years, the most that Go measures, lives that long.
func lifetime(expiresIn any) time.Duration {
	seconds, _ := strconv.ParseFloat(fmt.Sprint(expiresIn), 64)
	if seconds > math.MaxInt64/float64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(max(seconds, 0)) * time.Second
}

// Sessions returns all sessions, in the order of their making, expired ones too.
func (s *Server) Sessions() []*Session {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	return slices.Clone(s.sessions.all)
}

// Session returns the session with the token, expired or not, and nil when there
// is none.
func (s *Server) Session(token string) *Session {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	return s.sessions.byToken[token]
}

// ExpiresAt is when the session's token expires, by the server's clock. It is the
// zero time when the session is nil.
func (s *Session) ExpiresAt() (at time.Time) {
	if s != nil {
		at = s.expires
	}
	return at
}

func (s *Session) expired() bool { return !s.server.clock.now().Before(s.expires) }

// Details returns the session as the service would show it now, with its token
// and auth link.
func (s *Session) Details() (details gen.ConnectSessionTokenAuthLink) {
	if s != nil {
		decode(s.answer(s.server.spec.link), &details)
	}
	return details
}

// Request returns the request that made the session, with the service's defaults
// filled in.
func (s *Session) Request() (request gen.ConnectSessionCreate) {
	if s != nil {
		decode(s.request, &request)
	}
	return request
}

// decode turns what the server holds of a session into a generated type. It
// cannot fail: the description, of which the type was made, allowed the values.
func decode(from map[string]any, to any) {
	text, _ := json.Marshal(from)
	_ = json.Unmarshal(text, to)
}

// Format writes the session's id and nothing else, whatever the verb.
func (s *Session) Format(f fmt.State, _ rune) {
	if s == nil {
		fmt.Fprint(f, "no session")
		return
	}
	fmt.Fprintf(f, "session %d", s.id)
}

// answer returns every member that schema documents: what the server knows, what
// the request said, or null. One that the description has gained and the server
// does not know, and that cannot be null, is blank when it is required and else
// left out.
func (s *Session) answer(schema *openapi3.Schema) map[string]any {
	s.server.sessions.mu.Lock()
	latest, provider := s.attempt, s.provider
	s.server.sessions.mu.Unlock()
	known := map[string]any{
		"id":                        s.id,
		"organization_id":           "1",
		"project_id":                projectID,
		"provider":                  provider,
		"created_at":                stamp(s.created),
		"external_trigger_token":    s.trigger,
		"latest_connection_attempt": latest,
		"token":                     s.token,
		"auth_link_url":             s.server.PublicURL + authLinkPath + s.token,
	}
	body := make(map[string]any, len(schema.Properties))
	for name, ref := range schema.Properties {
		value, ok := known[name]
		if !ok {
			value = s.request[name]
		}
		switch {
		case value != nil || ref.Value.Nullable:
			body[name] = value
		case slices.Contains(schema.Required, name):
			body[name] = blank(ref.Value)
		}
	}
	return body
}

// blank is the zero value of a schema's type.
func blank(schema *openapi3.Schema) any {
	switch {
	case schema.Type.Is(openapi3.TypeString):
		return ""
	case schema.Type.Is(openapi3.TypeBoolean):
		return false
	case schema.Type.Is(openapi3.TypeArray):
		return []any{}
	case schema.Type.Is(openapi3.TypeObject):
		return map[string]any{}
	}
	return 0
}
