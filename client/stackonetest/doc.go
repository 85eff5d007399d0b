// Package stackonetest provides a fake StackOne for tests, as net/http/httptest
// provides web servers. It serves connect sessions in the process of the test, on a
// loopback address or in memory.
//
//	srv := stackonetest.NewServer()
//	defer srv.Close()
//	c := srv.Client() // a *client.Client
//
// Any other client only needs URL and APIKey. What StackOne's published SDKs send is
// accepted, too. For programs in other languages, stackone-fake serves the same.
//
// # What is faithful
//
// Requests are validated against StackOne's API description, with this module's
// corrections. Authentication, defaults, error bodies, the lifetime of a token
// and the rule that decides between a new account and an existing one follow
// StackOne's documentation. Like the service, the fake accepts categories, types
// and members that are not in the description; the option [Strict] rejects
// unknown members.
//
// Some cases are not documented. In these, the fake responds with
//
//	400  to a body of more than 1 MiB
//	401  to an expired token
//	404  to an unknown token, and to a method and path without an operation
//
// The response to the creation of a session has every documented member, which is
// null if there is no value. An Authorization header without the colon after the
// key is rejected, with a message that says so: the documentation requires the
// colon, although the service seems to accept the key without it.
//
// # Playing the customer
//
// The methods of [Session] do what a customer does in StackOne's Hub: connect,
// fail, cancel, or let the attempt expire. [Session.ConnectWith] also picks a
// provider, or connects without an attempt, as connectors that ask for an API key
// do. The auth link of a session opens a page with the same choices, for a demo
// or a browser test. Package [hub] serves what StackOne's own Hub calls.
// [Server.Advance] moves the clock by which tokens expire.
//
// # Webhooks
//
// [Server.Deliver] sends signed events to an address or an [http.Handler], with
// retries, and [Server.Deliveries] returns the responses of the receiver.
//
// # Faults
//
// [Server.Inject] makes the next requests fail, or those that a function selects:
// with a status, a reset connection, a delay, or an incomplete body.
// [Server.LimitRate] limits the rate of requests, as the service does.
//
// # Unexpected requests and faults that were never triggered
//
// [Server.Expect] declares the requests that a test expects. [Server.Verify] reports
// every difference, and every fault that was triggered less often than it should.
// A server made by [NewTestServer] does that when its test ends, and the test
// fails if there is anything to report.
//
// # Virtual time and golden files
//
// A server with the option [InMemory] opens no socket, so it works inside a
// testing/synctest bubble, where a delay of an hour takes no time. With the option
// [Fixed], responses are the same in every run.
//
// [hub]: https://pkg.go.dev/github.com/StackOneHQ/stackone-client-go/client/stackonetest/hub
package stackonetest
