// Package description embeds StackOne's API description, to validate requests with it.
package description

//go:generate go -C ../../../.. run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config client/stackonetest/internal/description/oapi-codegen.yaml openapi/connect-sessions.yaml
