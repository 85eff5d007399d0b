package stackonetest

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

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
	attempt *attempt // guarded by server.sessions.mu; replaced, never changed
}

// attempt is ConnectSessionLatestAttempt with its nulls.
type attempt struct {
	ID                    string            `json:"id"`
	Status                gen.AttemptStatus `json:"status"`
	AccountSecureID       *string           `json:"account_secure_id"`
	OAuthErrorCode        *string           `json:"oauth_error_code"`
	OAuthErrorDescription *string           `json:"oauth_error_description"`
	CreatedAt             string            `json:"created_at"`
	UpdatedAt             string            `json:"updated_at"`
}

// sessions is what the server remembers.
type sessions struct {
	mu       sync.Mutex
	all      []*Session
	byToken  map[string]*Session
	byOwner  map[owner]string // the account that a further session of this owner edits
	accounts map[string]bool
	attempts int
}

func newSessions() sessions {
	return sessions{byToken: map[string]*Session{}, byOwner: map[owner]string{}, accounts: map[string]bool{}}
}

// owner is what decides whether a session makes an account or edits one.
type owner struct{ id, name, provider string }

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
		server:  s,
		token:   rand.Text() + rand.Text(),
		trigger: rand.Text(),
		request: request,
		created: now,
		expires: now.Add(life),
	}
	all := &s.sessions
	all.mu.Lock()
	defer all.mu.Unlock()
	all.all = append(all.all, session)
	all.byToken[session.token] = session
	session.id = int64(len(all.all))
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
	latest := s.attempt
	s.server.sessions.mu.Unlock()
	known := map[string]any{
		"id":                        s.id,
		"organization_id":           "1",
		"project_id":                "stackonetest",
		"created_at":                stamp(s.created),
		"external_trigger_token":    s.trigger,
		"latest_connection_attempt": latest,
		"token":                     s.token,
		"auth_link_url":             s.server.URL + authLinkPath + s.token,
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

func (s *Session) expired() bool { return !s.server.clock.now().Before(s.expires) }

// Begin starts an attempt, which is pending from then on: the customer has opened
// the Hub and was sent to the provider.
func (s *Session) Begin() error {
	return s.move(gen.AttemptStatusPending, nil)
}

// Connect ends the attempt with a connected account, by StackOne's rule. A
// session made with account_id edits that account. Otherwise, unless it was made
// with multiple, it edits the account that its origin_owner_id, origin_owner_name
// and provider connected first. Otherwise it makes an account, named accountID,
// or by the server when that is empty. An accountID that contradicts the rule is
// an error: another account than the one to edit, or an existing account where a
// new one is to be made.
func (s *Session) Connect(accountID string) error {
	return s.move(gen.AttemptStatusAuthenticated, func(a *attempt) error {
		id, err := s.server.sessions.account(s, accountID)
		a.AccountSecureID = &id
		return err
	})
}

// Fail ends the attempt with an OAuth error, such as "access_denied" (RFC 6749,
// section 4.1.2.1), and its description.
func (s *Session) Fail(code, description string) error {
	return s.move(gen.AttemptStatusError, func(a *attempt) error {
		a.OAuthErrorCode, a.OAuthErrorDescription = &code, &description
		return nil
	})
}

// Cancel ends the attempt because the customer gave it up.
func (s *Session) Cancel() error {
	return s.move(gen.AttemptStatusCancelled, nil)
}

// Expire ends the attempt because the customer took too long over it: its status
// is [client.AttemptStatusExpired].
// The token stays good. To let that expire, move the clock with [Server.Advance].
func (s *Session) Expire() error {
	return s.move(client.AttemptStatusExpired, nil)
}

// move gives the pending attempt, or else a new one, the status. fill adds what
// belongs to the status.
func (s *Session) move(to gen.AttemptStatus, fill func(*attempt) error) error {
	if s == nil {
		return errNoSession
	}
	if s.expired() {
		return errExpired
	}
	all := &s.server.sessions
	all.mu.Lock()
	defer all.mu.Unlock()
	now := stamp(s.server.clock.now())
	next := attempt{CreatedAt: now}
	if s.attempt != nil && s.attempt.Status == gen.AttemptStatusPending && to != gen.AttemptStatusPending {
		next = *s.attempt
	}
	next.Status, next.UpdatedAt = to, now
	if fill != nil {
		if err := fill(&next); err != nil {
			return err
		}
	}
	if next.ID == "" {
		all.attempts++
		next.ID = strconv.Itoa(all.attempts)
	}
	s.attempt = &next
	return nil
}

// account decides which account a session connects. all.mu is held.
func (all *sessions) account(s *Session, id string) (string, error) {
	text := func(name string) string {
		value, _ := s.request[name].(string)
		return value
	}
	triple := owner{text("origin_owner_id"), text("origin_owner_name"), text("provider")}
	edit := text("account_id")
	if multiple, _ := s.request["multiple"].(bool); edit == "" && !multiple {
		edit = all.byOwner[triple]
	}
	switch {
	case edit != "" && id != "" && id != edit:
		return "", fmt.Errorf("stackonetest: the session edits account %q and cannot connect %q", edit, id)
	case edit != "":
		id = edit
	case id == "":
		for n := len(all.accounts) + 1; id == "" || all.accounts[id]; n++ {
			id = fmt.Sprintf("450721961128%08d", n)
		}
	case all.accounts[id]:
		return "", fmt.Errorf("stackonetest: the session makes an account, and %q exists already", id)
	}
	// An account that a session edits may be older than the server.
	if !all.accounts[id] {
		all.accounts[id] = true
		if all.byOwner[triple] == "" {
			all.byOwner[triple] = id
		}
	}
	return id, nil
}
