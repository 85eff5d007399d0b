package gen

//go:generate go -C .. run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config oapi-codegen.yaml openapi/connect-sessions.yaml
