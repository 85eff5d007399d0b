// Package gen holds the types of StackOne's connect sessions and a client for
// them, which oapi-codegen generates from StackOne's API description. Use the client
// through package client, which adds authentication, retries and errors.
//
// Optional fields with a zero value are not sent. Enums are open: a value without a
// constant is sent and received unchanged, and Valid only reports whether there is a
// constant for the value. Types that contain secrets omit or redact them in fmt and
// slog output.
package gen

// The name of this file sorts its package comment before that of the generated file,
// which does not describe the API.
