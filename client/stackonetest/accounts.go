package stackonetest

import "fmt"

// owner determines whether a session creates or edits an account.
type owner struct{ id, name, provider string }

// owner returns the owner of the session, with the provider picked by the customer.
func (s *Session) owner(picked string) (owner, error) {
	text := func(value any) string {
		text, _ := value.(string)
		return text
	}
	own := text(s.provider)
	if asked := text(s.request["provider"]); asked != "" && picked != "" && picked != asked {
		return owner{}, fmt.Errorf("stackonetest: the session is for provider %q and cannot connect %q", asked, picked)
	}
	if picked != "" {
		own = picked
	}
	return owner{text(s.request["origin_owner_id"]), text(s.request["origin_owner_name"]), own}, nil
}

// edits returns the ID of the account that the session edits, "" if it creates one.
func (s *Session) edits(triple owner) string {
	if id, _ := s.request["account_id"].(string); id != "" {
		return id
	}
	if multiple, _ := s.request["multiple"].(bool); multiple {
		return ""
	}
	return s.server.sessions.byOwner[triple]
}

// accounts holds the server's accounts. It is guarded by sessions.mu.
type accounts struct {
	list    []*account // oldest first
	named   int
	byID    map[string]*account
	byOwner map[owner]string // the account that the owner's next session edits
}

type account struct {
	id    string
	owner owner
}

// connect returns the account to edit, or creates one with the ID id or a generated one.
func (all *sessions) connect(edit string, triple owner, id string) (a *account, created bool, err error) {
	switch {
	case edit != "" && id != "" && id != edit:
		return nil, false, fmt.Errorf("stackonetest: the session edits account %q and cannot connect %q", edit, id)
	case edit != "":
		id = edit
	case id == "":
		for id == "" || all.byID[id] != nil {
			all.named++
			id = fmt.Sprintf("450721961128%08d", all.named)
		}
	case all.byID[id] != nil:
		return nil, false, fmt.Errorf("stackonetest: the session creates an account, but %q already exists", id)
	}
	if a = all.byID[id]; a != nil {
		return a, false, nil
	}
	// The account to edit may have been created before the server started.
	a = &account{id, triple}
	all.byID[id] = a
	if all.byOwner[triple] == "" {
		all.byOwner[triple] = id
	}
	if all.keep > 0 && len(all.list) == all.keep {
		oldest := all.list[0]
		delete(all.byID, oldest.id)
		if all.byOwner[oldest.owner] == oldest.id {
			delete(all.byOwner, oldest.owner)
		}
	}
	all.list = latest(append(all.list, a), all.keep)
	return a, edit == "", nil
}
