package main

import (
	"reflect"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/diff"
)

func (w *walker) schema(d *diff.SchemaDiff, kind string, at place) {
	switch kind {
	case "items":
		at.subject += "[]"
	case "schema", "", "allOf", "oneOf", "anyOf":
	default:
		at.subject += "." + kind
	}
	if d.BaseComponent != "" {
		at.subject = d.BaseComponent
	}
	rest := *d
	rest.TypeDiff, rest.PropertiesDiff, rest.RequiredDiff = nil, nil, nil
	w.fields(reflect.ValueOf(rest), "schema", at)

	if d.TypeDiff != nil {
		w.add(mayBreak, at, "type "+fromTo(strings.Join(d.Base.Type.Slice(), " or "), strings.Join(d.Revision.Type.Slice(), " or ")))
	}
	var appeared, gone []string
	if p := d.PropertiesDiff; p != nil {
		appeared, gone = p.Added, p.Deleted
		for _, name := range gone {
			w.add(mayBreak, at.field(name), "removed")
		}
		for _, name := range appeared {
			g, kind := added, "optional"
			if len(d.Base.Properties) == 0 {
				g = mayBreak // was a map in Go, and is a struct
			}
			if slices.Contains(d.Revision.Required, name) {
				kind = "required"
				if at.side != response {
					g = mayBreak
				}
			}
			if schema := d.Revision.Properties[name]; schema != nil && schema.Value != nil {
				kind += " " + code(typeOf(schema.Value))
			}
			w.add(g, at.field(name), "new, "+kind)
		}
		w.modified(reflect.ValueOf(p.Modified), "properties", at)
	}
	if d.RequiredDiff != nil {
		for _, name := range d.RequiredDiff.Added {
			if !slices.Contains(appeared, name) {
				w.value("required", false, true, at.field(name))
			}
		}
		for _, name := range d.RequiredDiff.Deleted {
			if !slices.Contains(gone, name) {
				w.value("required", true, false, at.field(name))
			}
		}
	}
}

func (w *walker) enum(d *diff.EnumDiff, at place) {
	switch {
	case d.EnumAdded:
		w.add(mayBreak, at, "any value → only "+code(literals(d.Added)))
	case d.EnumDeleted:
		w.add(mayBreak, at, "no longer only "+code(literals(d.Deleted)))
	default:
		for _, value := range d.Added {
			w.add(added, at, "enum value "+code(literal(value))+" added") // enums are open here
		}
		for _, value := range d.Deleted {
			w.add(mayBreak, at, "enum value "+code(literal(value))+" removed")
		}
	}
}

func (w *walker) security(d *diff.SecurityRequirementsDiff, at place) {
	for _, alternative := range d.Added {
		g := added
		if at.method == nil || at.method.Base.Security == nil || len(*at.method.Base.Security) == 0 {
			g = mayBreak // was open to all
		}
		w.add(g, at, "security "+code(alternative.String())+" added")
	}
	for _, alternative := range d.Deleted {
		w.add(mayBreak, at, "security "+code(alternative.String())+" removed")
	}
	for _, m := range d.Modified {
		w.add(mayBreak, at, "security "+fromTo(m.Base.String(), m.Revision.String()))
	}
}

// typeOf is the schema's type, or that of the one schema it wraps.
func typeOf(s *openapi3.Schema) string {
	if s.Type == nil && len(s.AllOf) == 1 && s.AllOf[0].Value != nil {
		s = s.AllOf[0].Value
	}
	return strings.Join(s.Type.Slice(), " or ")
}
