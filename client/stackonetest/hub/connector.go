package hub

import (
	"fmt"
	"html"
	"net/http"
	"net/url"

	"github.com/StackOneHQ/stackone-client-go/gen"
)

// Connector is an entry of the Hub's picker.
type Connector struct {
	ID       string       `json:"id"` // integration_id; unique
	Provider string       `json:"provider"`
	Name     string       `json:"name"`
	Category gen.Category `json:"category"`

	// OAuth opens the provider's page after the form, which is empty if there are no
	// Fields. Otherwise the form asks for credentials, and no attempt is made.
	OAuth  bool    `json:"oauth"`
	Fields []Field `json:"fields"`
}

// Field is a field of a connector's form, as the Hub reads it.
type Field struct {
	Key         string   `json:"key"`
	Label       string   `json:"label"`
	Type        string   `json:"type"` // text, password, number, select or text_area
	Required    bool     `json:"required"`
	Secret      bool     `json:"secret"` // shown redacted once it is stored
	ReadOnly    bool     `json:"readOnly,omitempty"`
	Placeholder string   `json:"placeholder,omitempty"`
	Description string   `json:"description,omitempty"`
	Value       string   `json:"value,omitempty"`   // before the customer changes it
	Options     []Option `json:"options,omitempty"` // of a select
}

// Option is a choice of a select.
type Option struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Connectors returns the connectors that come with this package: BambooHR and
// HiBob with keys, Greenhouse and Salesforce with OAuth.
func Connectors() []Connector {
	return []Connector{
		{ID: "bamboohr", Provider: "bamboohr", Name: "BambooHR", Category: gen.CategoryHRIS, Fields: []Field{
			{Key: "subdomain", Label: "Subdomain", Type: "text", Required: true, Placeholder: "acme"},
			{Key: "api_key", Label: "API key", Type: "password", Required: true, Secret: true},
		}},
		{ID: "hibob", Provider: "hibob", Name: "HiBob", Category: gen.CategoryHRIS, Fields: []Field{
			{Key: "service_user_id", Label: "Service user ID", Type: "text", Required: true},
			{Key: "token", Label: "Token", Type: "password", Required: true, Secret: true},
		}},
		{ID: "greenhouse", Provider: "greenhouse", Name: "Greenhouse", Category: gen.CategoryATS, OAuth: true},
		{ID: "salesforce", Provider: "salesforce", Name: "Salesforce", Category: gen.CategoryCRM, OAuth: true, Fields: []Field{
			{Key: "instance", Label: "Instance", Type: "text", Required: true, Placeholder: "acme.my.salesforce.com"},
		}},
	}
}

// logo is the address of an image: the image itself. Without one the Hub asks a
// server of StackOne's.
func (c Connector) logo() string {
	initial := "?"
	for _, r := range c.Name {
		initial = string(r)
		break
	}
	return "data:image/svg+xml," + url.PathEscape(fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" fill="#2457d6"/>`+
		`<text x="16" y="23" font-size="20" font-family="sans-serif" fill="#fff" text-anchor="middle">%s</text></svg>`, html.EscapeString(initial)))
}

// entry is how the picker's list shows the connector.
func (c Connector) entry() map[string]any {
	return map[string]any{
		"active": true, "name": c.Name, "provider": c.Provider, "type": c.Category, "version": "1",
		"authentication_config_key": c.ID, "environment": "production", "integration_id": c.ID,
		"logo_url": c.logo(),
	}
}

// config is what the form shows.
func (c Connector) config() map[string]any {
	config := map[string]any{
		"key": c.Provider, "name": c.Name, "type": "custom", "assets": map[string]any{"icon": c.logo()},
		"configFields": c.Fields, "configNotices": []any{},
	}
	if c.Fields == nil {
		config["configFields"] = []Field{}
	}
	if c.OAuth {
		config["type"], config["grantType"] = "oauth2", "authorization_code"
	}
	return config
}

// pick returns the value of each of the connector's fields.
func (c Connector) pick(value func(key string) string) map[string]string {
	values := map[string]string{}
	for _, field := range c.Fields {
		values[field.Key] = value(field.Key)
	}
	return values
}

// check refuses credentials as the provider does.
func (c Connector) check(credentials map[string]string) error {
	for _, field := range c.Fields {
		switch value := credentials[field.Key]; {
		case value == "" && field.Required:
			return problem{http.StatusBadRequest, field.Label + " is missing"}
		case value == "wrong":
			return problem{http.StatusBadRequest, "Invalid credentials: " + c.Name + " refused the " + field.Label}
		}
	}
	return nil
}
