package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/speakeasy-api/openapi/overlay"
	"gopkg.in/yaml.v3"
)

// corrections reads an overlay.
func corrections(text string) (overlay.Overlay, error) {
	var o overlay.Overlay
	err := yaml.Unmarshal([]byte(text), &o)
	return o, err
}

// fits says whether every action of the overlay still has something to act on
// in the description, which is what the generator demands. It applies them as
// the generator does, with the same libraries, one by one to know which it was.
func fits(overlayText, description string) error {
	o, err := corrections(overlayText)
	if err != nil {
		return err
	}
	if err := o.Validate(); err != nil {
		return err
	}
	spec, err := openapi3.NewLoader().LoadFromData([]byte(description))
	if err != nil {
		return err
	}
	encoded, err := yaml.Marshal(spec)
	if err != nil {
		return err
	}
	doc, err := node(string(encoded))
	if err != nil {
		return err
	}
	var loose []overlay.Action
	for _, action := range o.Actions {
		one := o
		one.Actions = []overlay.Action{action}
		if _, err := one.ApplyToStrict(doc); err != nil {
			loose = append(loose, action)
		}
	}
	if len(loose) == 0 {
		return nil
	}
	sentence := fmt.Sprintf("its correction of %s no longer fits upstream's description; it was there because: %q. openapi/README.md says what to do; nothing has been changed",
		loose[0].Target, oneLine(loose[0].Description))
	if len(loose) > 1 {
		var others []string
		for _, action := range loose[1:] {
			others = append(others, action.Target)
		}
		sentence += fmt.Sprintf(". The same goes for %d more: %s", len(others), strings.Join(others, ", "))
	}
	return errors.New(sentence)
}
