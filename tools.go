//go:build tools

// Package tools pins the versions of development tools in go.mod. Run them with go run.
package tools

import _ "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen"
