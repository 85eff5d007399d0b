package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parameters are the members of a JSON object or the fields of a form. Reading a
// parameter removes it.
type parameters struct {
	values  map[string]string // strings as text, other values as JSON
	problem error             // the first error
}

func read(w http.ResponseWriter, r *http.Request) *parameters {
	p := &parameters{values: map[string]string{}}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if form(r) {
		p.problem = r.ParseForm()
		for name := range r.PostForm {
			if value := r.PostForm.Get(name); value != "" {
				p.values[name] = value
			}
		}
		return p
	}
	text, err := io.ReadAll(r.Body)
	if err != nil || len(bytes.TrimSpace(text)) == 0 {
		p.problem = err
		return p
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		p.problem = errors.New("the body must be one JSON object")
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			p.problem = fmt.Errorf("%w: %w", p.problem, syntax)
		}
	}
	for name, member := range members {
		value := string(member)
		if member[0] == '"' {
			_ = json.Unmarshal(member, &value) // cannot fail
		}
		if value != "null" {
			p.values[name] = value
		}
	}
	return p
}

// form reports whether the request is from a form of the page.
func form(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// err returns the first error, or an error for a parameter that has not been read.
func (p *parameters) err() error {
	if p.problem != nil {
		return p.problem
	}
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		return fmt.Errorf("unknown parameter %q", name)
	}
	return nil
}

func (p *parameters) check(wrong bool, format string, args ...any) {
	if wrong && p.problem == nil {
		p.problem = fmt.Errorf(format, args...)
	}
}

func (p *parameters) require(name string) { p.check(p.values[name] == "", "%s is required", name) }

func (p *parameters) text(name string) string {
	value := p.values[name]
	delete(p.values, name)
	return value
}

func (p *parameters) number(name string) int {
	return convert(p, name, "a whole number", strconv.Atoi)
}

func (p *parameters) boolean(name string) bool {
	return convert(p, name, "true or false", strconv.ParseBool)
}

func (p *parameters) duration(name string) time.Duration {
	return convert(p, name, "a duration such as 90s or 1h30m", time.ParseDuration)
}

// convert reads a parameter and converts it. It returns the zero value if there is none.
func convert[T any](p *parameters, name, want string, as func(string) (T, error)) (value T) {
	text := p.text(name)
	if text == "" {
		return value
	}
	value, err := as(text)
	p.check(err != nil, "%s must be %s, not %.40q", name, want, text)
	return value
}
