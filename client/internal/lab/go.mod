module github.com/StackOneHQ/stackone-client-go/client/internal/lab

go 1.26.0

replace github.com/StackOneHQ/stackone-client-go => ../../..

require github.com/StackOneHQ/stackone-client-go v0.0.0-00010101000000-000000000000

require (
	github.com/apapsch/go-jsonmerge/v2 v2.0.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/oapi-codegen/runtime v1.8.0 // indirect
)
