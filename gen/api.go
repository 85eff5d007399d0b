// Package gen holds the types of StackOne's connect sessions and a client for
// them, which oapi-codegen generates from StackOne's API description. Use the client
// through package client, which adds authentication, retries and errors.
//
// Zero fields are not sent. Enums are open: a value without a constant is sent and kept
// unchanged, and Valid only reports whether there is a constant. Values of types that
// hold secrets are printed without them.
package gen

// The name of this file sorts its package comment before that of the generated file,
// which does not describe the API.
