package hub_test

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/hub"
)

// Connectors are the entries of the Hub's picker by default.
func ExampleConnectors() {
	for _, connector := range hub.Connectors() {
		fmt.Println(connector.Name, connector.Category, connector.OAuth)
	}
	// Output:
	// BambooHR hris false
	// HiBob hris false
	// Greenhouse ats true
	// Salesforce crm true
}

// The file for the flag -connectors of stackone-fake is a JSON list of connectors.
func ExampleConnector() {
	var connectors []hub.Connector
	file := `[{"id": "workday", "provider": "workday", "name": "Workday", "category": "hris", "oauth": true}]`
	if err := json.Unmarshal([]byte(file), &connectors); err != nil {
		log.Fatal(err)
	}
	fmt.Println(connectors[0].Name, connectors[0].OAuth)
	// Output: Workday true
}

// A field of a connector's form. The fake accepts any value but "wrong".
func ExampleField() {
	field := hub.Field{Key: "api_key", Label: "API key", Type: "password", Required: true, Secret: true}
	text, err := json.Marshal(field)
	fmt.Println(string(text), err)
	// Output: {"key":"api_key","label":"API key","type":"password","required":true,"secret":true} <nil>
}

// A field of type select has options.
func ExampleOption() {
	region := hub.Field{Key: "region", Label: "Region", Type: "select", Value: "eu", Options: []hub.Option{
		{Label: "Europe", Value: "eu"},
		{Label: "United States", Value: "us"},
	}}
	for _, option := range region.Options {
		fmt.Println(option.Label, option.Value == region.Value)
	}
	// Output:
	// Europe true
	// United States false
}
