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

	// OAuth means that the Hub opens the provider's page after the form. Without
	// OAuth, the form asks for credentials, and no attempt is created.
	OAuth bool `json:"oauth"`

	// Fields are the fields of the form. They may be empty.
	Fields []Field `json:"fields"`
}

// Field is a field of a connector's form, as the Hub reads it.
type Field struct {
	Key         string   `json:"key"`
	Label       string   `json:"label"`
	Type        string   `json:"type"` // text, password, number, select or text_area
	Required    bool     `json:"required"`
	Secret      bool     `json:"secret"` // redacted once it is stored
	ReadOnly    bool     `json:"readOnly,omitempty"`
	Placeholder string   `json:"placeholder,omitempty"`
	Description string   `json:"description,omitempty"`
	Value       string   `json:"value,omitempty"`   // initial value
	Options     []Option `json:"options,omitempty"` // for the type select
}

// Option is an option of a field of type select.
type Option struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Connectors returns the default connectors: BambooHR and HiBob with API keys, and
// Greenhouse and Salesforce with OAuth.
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

// logo returns the image as a data URL. Without a logo, the Hub would request one from
// StackOne.
func (c Connector) logo() string {
	initial := "?"
	for _, r := range c.Name {
		initial = string(r)
		break
	}
	return "data:image/svg+xml," + url.PathEscape(fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" fill="#2457d6"/>`+
		`<text x="16" y="23" font-size="20" font-family="sans-serif" fill="#fff" text-anchor="middle">%s</text></svg>`, html.EscapeString(initial)))
}

// entry returns the connector's entry in the picker.
func (c Connector) entry() map[string]any {
	return map[string]any{
		"active": true, "name": c.Name, "provider": c.Provider, "type": c.Category, "version": "1",
		"authentication_config_key": c.ID, "environment": "production", "integration_id": c.ID,
		"logo_url": c.logo(),
	}
}

// config returns the configuration of the connector's form.
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

// pick returns the values of the connector's fields.
func (c Connector) pick(value func(key string) string) map[string]string {
	values := map[string]string{}
	for _, field := range c.Fields {
		values[field.Key] = value(field.Key)
	}
	return values
}

// check validates credentials like the provider.
func (c Connector) check(credentials map[string]string) error {
	for _, field := range c.Fields {
		switch value := credentials[field.Key]; {
		case value == "" && field.Required:
			return problem{http.StatusBadRequest, field.Label + " is missing"}
		case value == "wrong":
			return problem{http.StatusBadRequest, "Invalid credentials: " + c.Name + " rejected the " + field.Label}
		}
	}
	return nil
}
