// Package gen holds the types of StackOne's connect sessions and a client for
// them, as oapi-codegen generates both from StackOne's API description. It is used
// through package client, which adds authentication, retries and errors.
//
// Fields left zero are not sent. Enums are open: a value without a constant is sent
// and kept unchanged, and Valid only reports whether there is a constant. Types that
// hold secrets print without them.
package gen

// The name of this file puts its text before the generated file's, which says
// nothing of the API.
