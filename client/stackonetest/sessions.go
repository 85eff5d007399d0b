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

// Session is a connect session of the server. Its methods return its current state, and
// play the customer in StackOne's Hub. The methods that play the customer return an
// error, and change nothing, if the session is nil or its token has expired by the
// server's clock.
//
// After an attempt has ended, another one can follow, as a customer can try again. It
// has a new ID.
type Session struct {
	server  *Server
	id      int64
	token   string
	trigger string
	request map[string]any // validated, with the defaults filled in
	created time.Time
	expires time.Time

	// Guarded by server.sessions.mu.
	provider any      // from the request, or picked by the customer
	attempt  *attempt // replaced, never modified
}

// sessions holds the sessions and accounts of the server.
type sessions struct {
	mu       sync.Mutex
	keep     int
	all      []*Session
	byToken  map[string]*Session
	created  int64
	attempts int
	accounts
}

func (all *sessions) reset() {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.all, all.byToken, all.created, all.attempts = nil, map[string]*Session{}, 0, 0
	all.accounts = accounts{byID: map[string]*account{}, byOwner: map[owner]string{}}
}

var (
	errNoSession = errors.New("stackonetest: no session has this token")
	errExpired   = errors.New("stackonetest: the session's token has expired")
)

// createSession creates a session from a valid request.
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
	all.created++
	session.id = all.created
	all.byToken[session.token] = session
	if all.keep > 0 && len(all.all) == all.keep {
		delete(all.byToken, all.all[0].token)
	}
	all.all = latest(append(all.all, session), all.keep)
	return session
}

// lifetime converts a whole number of seconds, which JSON may write as 1800, 1800.0 or
// 1.8e3. It converts negative values to zero, and limits the result to the longest
// Duration, 292 years.
func lifetime(expiresIn any) time.Duration {
	seconds, _ := strconv.ParseFloat(fmt.Sprint(expiresIn), 64)
	if seconds > math.MaxInt64/float64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(max(seconds, 0)) * time.Second
}

// Sessions returns all sessions in the order of their creation, including expired ones.
func (s *Server) Sessions() []*Session {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	return slices.Clone(s.sessions.all)
}

// Session returns the session with the token, even if it has expired. It returns nil if
// there is none.
func (s *Server) Session(token string) *Session {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	return s.sessions.byToken[token]
}

// ExpiresAt returns when the session's token expires, by the server's clock. It returns
// the zero time for a nil session.
func (s *Session) ExpiresAt() (at time.Time) {
	if s != nil {
		at = s.expires
	}
	return at
}

func (s *Session) expired() bool { return !s.server.clock.now().Before(s.expires) }

// Details returns the session as StackOne would return it now, with its token and auth
// link. It returns the zero value for a nil session.
func (s *Session) Details() (details gen.ConnectSessionTokenAuthLink) {
	if s != nil {
		decode(s.body(s.server.spec.link), &details)
	}
	return details
}

// Request returns the request that created the session, with StackOne's defaults filled
// in. It returns the zero value for a nil session.
func (s *Session) Request() (request gen.ConnectSessionCreate) {
	if s != nil {
		decode(s.request, &request)
	}
	return request
}

// decode converts the values of a session to a generated type. It cannot fail, because
// the values conform to the description from which the type was generated.
func decode(from map[string]any, to any) {
	text, _ := json.Marshal(from)
	_ = json.Unmarshal(text, to)
}

// Format writes only the session's ID, whatever the verb.
func (s *Session) Format(f fmt.State, _ rune) {
	if s == nil {
		fmt.Fprint(f, "no session")
		return
	}
	fmt.Fprintf(f, "session %d", s.id)
}

// body returns the members of a response with the schema: values that the server knows,
// values of the request, or null. A member that the server does not know and that
// cannot be null has its zero value if it is required, and is left out otherwise.
func (s *Session) body(schema *openapi3.Schema) map[string]any {
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
			body[name] = zeroValue(ref.Value)
		}
	}
	return body
}

// zeroValue returns the zero value of a schema's type.
func zeroValue(schema *openapi3.Schema) any {
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
