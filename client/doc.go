// Package client is a client for StackOne's connect sessions. A backend creates a session
// for one of its customers and hands its token to StackOne's Hub in the browser, or sends
// the customer its link. The customer then connects an HR, ATS, CRM or other system.
//
//	c, err := client.New() // the key is in STACKONE_API_KEY
//	if err != nil {
//		return err
//	}
//	link, err := c.ConnectSessions.Create(ctx, gen.ConnectSessionCreate{
//		OriginOwnerID:   "customer-42", // from your own sign-in, never from the browser
//		OriginOwnerName: "Acme",
//		Categories:      []gen.Category{gen.CategoryHRIS},
//	})
//
// The types of requests and responses are in package gen, which is generated from
// StackOne's API description. [Client.Generated] gives access to every generated
// operation, with the same authentication, retries and errors. Package connect waits for
// the customer's connection and serves sessions to the Hub.
//
// # Fields
//
// Zero fields are not sent, so the service's defaults apply.
//
//   - ExpiresIn is the lifetime of the token and the link, in whole seconds. 0 means 1800,
//     which is 30 minutes; StackOne's description states no maximum. For a time.Duration
//     d, use int(d.Seconds()): a negative value, or one of 10^9 and more, as in
//     nanoseconds, is an error before anything is sent.
//   - If an account with the same owner ID, owner name and provider is connected already,
//     the session edits that account. Multiple always creates a new account. AccountID
//     names the account to edit and takes precedence over the other fields.
//   - Account IDs are strings: an empty one means that there is none, and "0" is an ID.
//   - The ID of a session is 0 if the response has none, or one that is not a whole
//     number. Use the token to tell sessions apart.
//
// # Errors
//
// Unless the request is invalid, a call fails with one of three types:
//
//   - [*APIError]: the service responded with an error status. errors.Is reports the kind
//     ([ErrUnauthorized], [ErrTooManyRequests], ...).
//   - [*TransportError]: no response arrived, or the context was done before one could.
//   - [*ResponseError]: a success status with a body that cannot be used.
//
// An invalid request (a required field is empty, a string is not valid UTF-8, an option
// is invalid) is rejected before anything is sent, with an error of another type.
//
// If the context is done, errors.Is also finds the context's error. If an attempt timed
// out, it finds context.DeadlineExceeded. If the error is nil, the result is not.
//
// # May a session exist?
//
// [MaybeCreated] reports that for an error of Create. It considers every attempt of the
// call:
//
//	Create returned                          the session     MaybeCreated
//	nil                                      exists
//	TransportError, MaybeSent is false:      does not exist  false
//	  each attempt was rejected or provably
//	  not sent
//	TransportError, MaybeSent is true        may exist       true
//	APIError 3xx, 4xx, 501                   does not exist  false
//	APIError 5xx but 501, 101, or a status   may exist       true
//	  outside 100 to 599
//	APIError after an earlier attempt        may exist       true
//	  that may have been processed
//	ResponseError                            may exist       true
//	any other error                          does not exist  false
//
// A 502, 503 or 504 may come from a proxy after the service has created the session. For
// 429 and 408 the table relies on StackOne's documentation, which calls them safe to
// repeat; a 408 proves nothing beyond that.
//
// A second session is harmless: the first expires unused. So when MaybeCreated is true,
// call Create again, or set RetryAmbiguous in [RetryPolicy] to have the client do it.
//
// # Retries
//
// A call makes up to three attempts, and Create is retried only when that cannot create a
// second session. In this table, create stands for every operation that changes
// something, and authenticate for those that only read:
//
//	what happened                                          create  authenticate
//	never sent, transient: connection refused, timeout     retry   retry
//	  while connecting, temporary DNS failure, a proxy's
//	  429, 502, 503 or 504 to CONNECT
//	never sent, permanent: no such host, bad certificate,  fail    fail
//	  any other error status of a proxy
//	429, 408                                               retry   retry
//	500, 502, 503, 504                                     fail    retry
//	connection lost or timeout after connecting, before a  fail    retry
//	  response
//	success that cannot be used                            fail    fail
//	any other status, including redirects                  fail    fail
//
// "Never sent" is proven, not guessed from the error: either net/http was asked for
// connections and none could be made, or a RoundTripper failed without having read a
// byte of the request's body. The other rules:
//
//   - RetryAmbiguous of [RetryPolicy] applies the right-hand column to create.
//   - The client honours Retry-After up to the policy's MaxRetryAfter (one minute); a
//     longer one fails the call immediately with an [*APIError] that holds it. Up to a
//     tenth is added at random. A date is taken relative to the response's Date.
//   - Without Retry-After, the wait is random: up to 200 ms before the first retry, and up
//     to twice as long before each further one, at most 5 s.
//   - If a wait would outlast the context's deadline, the call fails immediately. When
//     the context is done, the call ends immediately, during a request or a wait.
//   - Each client has a budget for retries, so that they do not make an outage worse: it
//     starts full, with 10 retries, and every ten successful calls refill one.
//   - No Idempotency-Key is sent: StackOne documents none.
//
// # Secrets
//
// The API key, tokens, links and external trigger tokens never appear in errors, log
// records or fmt output of this package's and gen's types, and neither does any part of
// a response that could not be parsed. encoding/json writes a session with its secrets,
// because that is how a backend hands the token on: do not log that. The key is sent to
// the configured origin only.
//
// Some output is beyond this package's control:
//
//   - fmt calls no methods, and so prints every field, in three cases: a value in an
//     unexported field of your structs, %p, and %w outside fmt.Errorf.
//   - slog's JSON handler writes structs, slices and maps that hold a session or a
//     [Response] with encoding/json, secrets included.
//   - A service can write a secret in a way that this package does not recognise, such as
//     hexadecimal. It recognises base64 and the escapes of URLs, JSON, Go and HTML.
//   - net/http itself logs, to the standard logger, what a server sends on a connection
//     after the end of a response, as when its Content-Length is too small.
//   - [Client.Generated] returns the error of encoding/json for a success whose body does
//     not fit, and that error may quote the body.
//
// # Invalid members
//
// If the token and the link of a session are valid, Create returns it even when other
// members do not fit their Go types. So does Authenticate if the ID or the owner ID is
// valid. Members that do not fit are left zero and named in
// Response.Dropped (see the example of [Response]) and, with a logger, in a record at
// level Warn. No value is converted to another type.
//
// Numbers in Metadata are read as float64, exact up to 2^53. For larger ones, decode the
// Body of [WithResponse] with json.Decoder.UseNumber.
//
// # Concurrency
//
// A [Client] is safe for concurrent use, does not change after New, starts no goroutines of
// its own and needs no closing; net/http closes its idle connections after 30 s.
// Share one for each API key: it keeps connections open between calls, and all calls
// draw on its retry budget. An [Option] can be reused, except for [WithResponse], because
// each concurrent call needs its own Response.
//
// # Transport
//
// Each attempt is limited to 65 s and each response to 1 MiB; [WithTimeout] and
// [WithMaxResponseBytes] change that. The client's own transport speaks HTTP/1.1 (see
// [NewTransport]). For tracing and metrics, wrap such a transport and pass it to
// [WithHTTPClient].
//
// # Versions
//
// Versions are semantic. A new field, option, operation or enum value is not a breaking
// change: name the fields of struct literals, expect values that have no constant, and
// do not implement gen's interfaces. CONTRIBUTING.md has the complete rule. The
// User-Agent names the version that a program was built with.
//
// Besides the standard library, a program compiles three other modules:
// oapi-codegen/runtime, google/uuid and apapsch/go-jsonmerge. go get also raises others
// in your go.mod, such as golang.org/x/text, to the versions that this module's generator
// and tests require.
package client
