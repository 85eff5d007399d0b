package hub_test

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/StackOneHQ/stackone-client-go/client/stackonetest/hub"
)

// The picker's entries, unless Serve is given others.
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

// The file for the flag -connectors of stackone-fake is a list of these.
func ExampleConnector() {
	var connectors []hub.Connector
	file := `[{"id": "workday", "provider": "workday", "name": "Workday", "category": "hris", "oauth": true}]`
	if err := json.Unmarshal([]byte(file), &connectors); err != nil {
		log.Fatal(err)
	}
	fmt.Println(connectors[0].Name, connectors[0].OAuth)
	// Output: Workday true
}

// A field as the Hub reads it. The fake refuses no value but "wrong".
func ExampleField() {
	field := hub.Field{Key: "api_key", Label: "API key", Type: "password", Required: true, Secret: true}
	text, err := json.Marshal(field)
	fmt.Println(string(text), err)
	// Output: {"key":"api_key","label":"API key","type":"password","required":true,"secret":true} <nil>
}

// A select offers options.
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
