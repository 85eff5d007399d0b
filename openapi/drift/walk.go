package main

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/diff"
)

// place is where in the description the walker is.
type place struct {
	subject string    // a schema's field, a parameter, an operation, ...
	path    string    // /connect_sessions
	call    string    // POST /connect_sessions
	side    direction // of that call
	part    string    // response 201
	prose   bool      // below what is all documentation
	method  *diff.MethodDiff
}

type direction int

const (
	neither direction = iota
	request
	response
)

// walker turns oasdiff's tree of differences into a list. A schema that many
// operations use is met many times and reported once.
type walker struct {
	found map[string]*change
	extra *additions
}

func (w *walker) add(g group, at place, what string) {
	if at.prose {
		g = documentation
	}
	key := at.subject + "\x00" + what
	c := w.found[key]
	if c == nil {
		c = &change{group: g, subject: at.subject, what: what}
		w.found[key] = c
	}
	c.group = min(c.group, g)
	where := at.call
	if !strings.HasPrefix(at.subject, at.part) {
		where = at.part + " of " + at.call
	}
	if at.side != neither && !slices.Contains(c.where, where) {
		c.where = append(c.where, where)
	}
}

func (w *walker) changes() []change {
	var all []change
	for _, c := range w.found {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.group, b.group), strings.Compare(a.subject, b.subject), strings.Compare(a.what, b.what))
	})
	return all
}

// servers reports a change of the first server, which is the one that the client
// calls; to oasdiff they are a set.
func (w *walker) servers(base, revision openapi3.Servers, d *diff.Diff) {
	if len(base) == 0 || len(revision) == 0 || base[0].URL == revision[0].URL {
		return
	}
	w.add(mayBreak, place{subject: "servers"}, "the first, which is called, "+fromTo(base[0].URL, revision[0].URL))
	if s := d.ServersDiff; s != nil {
		said := func(url string) bool { return url == base[0].URL || url == revision[0].URL }
		s.Added, s.Deleted = slices.DeleteFunc(s.Added, said), slices.DeleteFunc(s.Deleted, said)
	}
}

// fields visits what differs in a struct of oasdiff, by the names that the
// struct has in JSON.
func (w *walker) fields(v reflect.Value, kind string, at place) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" || empty(v.Field(i)) {
			continue
		}
		switch name {
		case "listOfTypes", "oneOfWrapping", "nullableWrapping":
			// say in other words what type, oneOf and properties say
		case "added", "schemaAdded":
			w.each(v.Field(i), kind, at, "added")
		case "deleted", "schemaDeleted":
			w.each(v.Field(i), kind, at, "removed")
		case "modified":
			w.modified(v.Field(i), kind, at)
		default:
			w.visit(v.Field(i), name, at)
		}
	}
}

func empty(v reflect.Value) bool {
	return v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
}

func (w *walker) visit(v reflect.Value, kind string, at place) {
	switch kind {
	case "info", "tags", "externalDocs", "examples", "example", "description", "summary", "title", "deprecated", "$comment":
		at.prose = true
	case "requestBody":
		at.side, at.part, at.subject = request, "request", "request body"
	}
	if at.subject == "" && kind != "components" {
		at.subject = spelled(kind)
	}
	switch d := v.Interface().(type) {
	case *diff.ValueDiff:
		w.value(kind, d.From, d.To, at)
	case *diff.MethodDiff:
		at.method = d
		w.fields(v.Elem(), kind, at)
	case *diff.SchemaDiff:
		w.schema(d, kind, at)
	case *diff.MediaTypeNameDiff:
		w.value("content type", d.NameDiff.From, d.NameDiff.To, at)
	case *diff.EnumDiff:
		w.enum(d, at)
	case *diff.SecurityRequirementsDiff:
		w.security(d, at)
	default:
		if v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct {
			w.fields(v.Elem(), kind, at)
			return
		}
		w.add(mayBreak, at, spelled(kind)+" changed")
	}
}

// ourWords says of documentation whether upstream only has its own text where
// the overlay, for want of a page, has another or none.
func (w *walker) ourWords(at place, from string) bool {
	return w.extra != nil && at.prose && w.extra.calls[at.call] && (from == "" || w.extra.words[from])
}

// value reports a value that differs.
func (w *walker) value(kind string, from, to any, at place) {
	open := func(v any) bool { return v == nil || v == true }
	if w.ourWords(at, text(from)) || kind == "additionalPropertiesAllowed" && open(from) && open(to) {
		return
	}
	g := mayBreak
	if at.side == request && (kind == "nullable" && to == true || kind == "required" && to == false) ||
		at.side == response && kind == "required" && to == true {
		g = added
	}
	w.add(g, at, spelled(kind)+" "+fromTo(from, to))
}

// each reports what has been added to or removed from a named collection.
func (w *walker) each(names reflect.Value, kind string, at place, verb string) {
	g := mayBreak
	if verb == "added" {
		switch kind {
		case "paths", "operations", "webhooks", "callbacks", "links", "responses", "headers", "content", "properties", "securitySchemes", "servers", "parameters":
			g = added
		}
		if kind == "servers" && at.path != "" {
			g = mayBreak // of a path or an operation: takes the place of the client's
		}
	}
	switch list := names.Interface().(type) {
	case []string:
		for _, name := range list {
			at := at
			if kind == "extensions" && strings.HasPrefix(name, "x-") {
				if verb == "added" && w.extra != nil {
					continue // a whole description directs generators as a page does not
				}
				at.prose = at.prose || !directsOurs(name)
			}
			was := ""
			if verb == "removed" {
				was = name
			}
			if !w.ourWords(at, was) {
				w.add(g, at, fmt.Sprintf("%s %s %s", singular(kind), code(name), verb))
			}
		}
	case diff.ParamNamesByLocation:
		for _, in := range slices.Sorted(maps.Keys(list)) {
			for _, name := range list[in] {
				g := g
				if verb == "added" && (at.requires(in, name) || in != "path" && !at.hadParameters()) {
					g = mayBreak
				}
				w.add(g, at, code(in+" parameter "+name)+" "+verb)
			}
		}
	default: // the thing itself, or alternatives of a schema, which have no names
		if kind == "requestBody" && verb == "added" && !at.bodyRequired() {
			g = added
		}
		w.add(g, at, spelled(kind)+" "+verb)
	}
}

// modified visits the members of a collection that are on both sides.
func (w *walker) modified(v reflect.Value, kind string, at place) {
	switch v.Kind() {
	case reflect.Map:
		names := v.MapKeys()
		slices.SortFunc(names, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, name := range names {
			w.member(v.MapIndex(name), kind, name.String(), at)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if d, ok := reflect.TypeAssert[*diff.ModifiedSubschema](v.Index(i)); ok {
				w.schema(d.Diff, kind, at)
				continue
			}
			w.add(mayBreak, at, spelled(kind)+" changed")
		}
	}
}

func (w *walker) member(v reflect.Value, kind, name string, at place) {
	switch kind {
	case "paths", "webhooks":
		at.subject, at.path = name, name
	case "callbacks":
		w.visit(v, "paths", at)
		return
	case "operations":
		at.call = name + " " + at.path
		at.subject = at.call
	case "responses":
		at.side, at.part, at.subject = response, "response "+name, "response "+name
	case "content":
		if name != "application/json" {
			at.part += " in " + name
		}
		if at.side == response {
			at.subject = at.part + " body"
		}
	case "parameters":
		if v.Kind() == reflect.Map { // by location, then by name
			w.modified(v, name+" parameter", at)
			return
		}
	case "extensions":
		at.prose = at.prose || strings.HasPrefix(name, "x-") && !directsOurs(name)
		w.add(mayBreak, at, "extension "+code(name)+" changed")
		return
	case "properties":
		at.subject += "." + name
	default:
		if at.subject == spelled(kind) {
			at.subject = ""
		}
		at.subject = strings.TrimSpace(at.subject + " " + singular(kind) + " " + name)
		if strings.HasSuffix(kind, " parameter") {
			at.side, at.part, at.subject = request, "request", kind+" "+name
		}
	}
	w.visit(v, "", at)
}

// directsOurs says whether the extension is one that makes our generator write
// other Go. (x-deprecated-reason only makes it write another comment.)
func directsOurs(extension string) bool {
	return strings.HasPrefix(extension, "x-go-") || strings.HasPrefix(extension, "x-oapi-codegen-") ||
		slices.Contains([]string{"x-enum-varnames", "x-enumNames", "x-omitempty", "x-omitzero", "x-order"}, extension)
}

func (at place) field(name string) place {
	at.subject += "." + name
	return at
}

func (at place) bodyRequired() bool {
	return at.method == nil || at.method.Revision.RequestBody.Value.Required
}

// requires says whether calls must send the parameter; one of the path always.
func (at place) requires(in, name string) bool {
	if at.method == nil {
		return true
	}
	p := at.method.Revision.Parameters.GetByInAndName(in, name)
	return p == nil || p.Required
}

// hadParameters says whether the generated method takes a struct of them, which
// another one is only a field of.
func (at place) hadParameters() bool {
	return at.method == nil || slices.ContainsFunc(at.method.Base.Parameters, func(p *openapi3.ParameterRef) bool { return p.Value.In != "path" })
}

// spelled is the OpenAPI spelling of oasdiff's name.
func spelled(kind string) string {
	return cmp.Or(map[string]string{
		"openAPI": "openapi", "operationID": "operationId", "securityRequirements": "security",
		"min": "minimum", "max": "maximum", "exclusiveMin": "exclusiveMinimum", "exclusiveMax": "exclusiveMaximum",
		"minProps": "minProperties", "maxProps": "maxProperties", "additionalPropertiesAllowed": "additionalProperties", "discriminatorDiff": "discriminator",
	}[kind], kind)
}

func singular(kind string) string {
	return cmp.Or(map[string]string{
		"properties": "property", "patternProperties": "pattern property", "dependentSchemas": "dependent schema",
		"securitySchemes": "security scheme", "content": "content type",
	}[kind], strings.TrimSuffix(kind, "s"))
}
