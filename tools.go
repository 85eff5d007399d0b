//go:build tools

// Package tools pins the version of the programs that development uses and no
// user needs. They are run with go run, at the version that go.mod names.
package tools

import _ "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen"
