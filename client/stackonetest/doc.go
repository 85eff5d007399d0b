// Package stackonetest is a fake StackOne for tests, as net/http/httptest is a
// web server for tests. It serves connect sessions in the same process, on a
// loopback address or in memory.
//
//	srv := stackonetest.NewServer()
//	defer srv.Close()
//	c := srv.Client() // a *client.Client
//
// Any other client, in any language, needs only URL and APIKey: what StackOne's
// published SDKs send is accepted and answered as documented. The program
// stackone-fake serves the same to programs in other languages.
//
// # What is faithful
//
// Requests are checked against StackOne's API description with this module's
// corrections to it. Authentication, defaults, error bodies, the life of a token
// and the rule that decides between a new account and an existing one follow
// StackOne's documentation. Like the service, the fake accepts categories, types
// and members that the description does not know; the option [Strict] refuses
// unknown members.
//
// The documentation leaves some cases open. Here the fake answers 404 to an
// unknown token and 401 to an expired one, 400 to a body of more than 1 MiB, and
// 404 to everything that is not an operation. The answer to a creation has every
// documented member, and null where there is no value. An Authorization header
// that encodes the key without the colon after it is refused, with a message that
// says so: the documentation demands the colon, although the service seems to do
// without it.
//
// # Playing the customer
//
// The methods of [Session] do what a customer does in StackOne's Hub: connect,
// fail, cancel, let the attempt expire. [Session.ConnectWith] also picks a
// provider, or connects without an attempt, as connectors that ask for an API key
// do. The auth link of a session opens a page with the same choices, for a demo
// or a browser test. Package [hub] serves what StackOne's own Hub calls.
// [Server.Advance] moves the clock by which tokens expire.
//
// # Webhooks
//
// [Server.Deliver] sends signed events to an address or an [http.Handler], with
// retries, and [Server.Deliveries] shows what the receiver answered.
//
// # Faults
//
// [Server.Inject] scripts what goes wrong with the next requests, or with those
// that a function picks. [Server.LimitRate] limits requests as the service does.
//
// # Unexpected requests and unused faults
//
// [Server.Expect] lists the requests that a test expects, and [Server.Verify]
// reports every difference, including faults that were never triggered. A server
// made by [NewTestServer] is verified and closed when its test ends, and the test
// fails if there is a difference.
//
// # Virtual time and golden files
//
// A server with the option [InMemory] opens no socket, so it works inside a
// testing/synctest bubble, where a delay of an hour takes no time. [Fixed] makes
// answers the same in every run.
//
// [hub]: https://pkg.go.dev/github.com/StackOneHQ/stackone-client-go/client/stackonetest/hub
package stackonetest
