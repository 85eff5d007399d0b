// Package client calls StackOne's connect sessions: a backend creates a session for one
// of its customers, hands its token to StackOne's Hub in the browser (or sends the
// customer its link), and lets the customer connect an HR, ATS, CRM or other system.
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
// Requests and responses are the types of package gen, which is generated from StackOne's
// API description. [Client.Generated] reaches every generated operation with the same
// authentication, retries and errors. Package connect waits for the customer's
// connection and serves sessions to the Hub.
//
// # Fields
//
// A field that is zero is not sent, so the service's default applies.
//
//   - ExpiresIn is the life of the token and the link, in whole seconds; 0 means 1800, and
//     StackOne's description states no maximum. For a time.Duration d, use
//     int(d.Seconds()): a negative value, or one of 10^9 and more, as in nanoseconds, is
//     an error before anything is sent.
//   - If the owner ID, owner name and provider have connected before, the session edits
//     that account. Multiple always makes a new account. AccountID names the account to
//     edit and takes precedence over the other fields.
//   - Account IDs are strings: empty means that there is none, and "0" is an ID. The ID
//     of a session is 0 when the response has none, or one that is not a whole number. Use
//     the token to tell sessions apart.
//
// # Errors
//
// A call fails with one of three types:
//
//   - [*APIError]: the service answered with an error status. errors.Is reports the kind
//     ([ErrUnauthorized], [ErrTooManyRequests], ...).
//   - [*TransportError]: no response arrived, or the call ended before one could.
//   - [*ResponseError]: a success status with a body that cannot be used.
//
// errors.Is also finds the error of a context that ended, and context.DeadlineExceeded
// for an attempt that timed out. A request that could never succeed (a required field is
// empty, a string is not valid UTF-8, an option is invalid) is a plain error before
// anything is sent. A nil error always comes with a result.
//
// # May a session exist?
//
// [MaybeCreated] reports that for an error of Create. It considers every attempt of the
// call:
//
//	Create returned                          the session     MaybeCreated
//	nil                                      exists
//	a plain error                            does not exist  false
//	TransportError, MaybeSent is false:      does not exist  false
//	  each attempt was refused or provably
//	  not sent
//	TransportError, MaybeSent is true        may exist       true
//	APIError 3xx, 4xx, 501                   does not exist  false
//	APIError 5xx but 501, 101, or a status   may exist       true
//	  outside 100 to 599
//	APIError after an earlier attempt        may exist       true
//	  that may have been processed
//	ResponseError                            may exist       true
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
// A call makes up to three attempts, and Create is retried only when that cannot make a
// second session. In this table, create stands for every operation that changes
// something, and authenticate for those that only read:
//
//	what happened                                          create  authenticate
//	never sent, transient: connection refused, timeout     retry   retry
//	  while connecting, temporary DNS failure, a proxy's
//	  429, 502, 503 or 504 to CONNECT
//	never sent, permanent: no such host, bad certificate,  fail    fail
//	  another refusal of a proxy
//	429, 408                                               retry   retry
//	500, 502, 503, 504                                     fail    retry
//	connection lost or timeout after sending began         fail    retry
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
//   - Without Retry-After, a wait is random: up to 200 ms before the first retry, and up
//     to twice as long before each further one, at most 5 s.
//   - If a wait would outlast the context's deadline, the call fails immediately. A
//     cancelled context ends a call immediately, during a request or a wait.
//   - Each client has a budget for retries, so that they do not make an outage worse: it
//     starts with 10, and every ten successful calls add one.
//   - No Idempotency-Key is sent: StackOne documents none.
//
// # Secrets
//
// The API key, tokens, links and external trigger tokens never appear in errors, log
// records or fmt output of this package's and gen's types, and neither does any part of
// a response that could not be parsed. encoding/json of a session is faithful, secrets
// included: that is how a backend hands the token on, so do not log it. The key is sent
// to the configured origin only.
//
// Some output is beyond what Go's types can prevent:
//
//   - fmt cannot ask a value in an unexported field of your struct to print itself.
//   - fmt calls no methods for %p, nor for %w outside fmt.Errorf, and prints every field.
//   - slog's JSON handler writes a slice or map with encoding/json.
//   - A service can write a secret in a way that this package does not recognise, such as
//     hexadecimal. It recognises base64 and the escapes of URLs, JSON, Go and HTML.
//   - net/http itself logs, to the standard logger, what a server sends on a connection
//     after the end of a response, as when its Content-Length is too small.
//   - [Client.Generated] returns errors of encoding/json for a success that does not fit,
//     and they may quote it.
//
// # Sessions that cannot be read
//
// A session whose token and link arrived is returned even when other members do not fit
// their Go types. Those are left zero and named in Response.Dropped, as the example of
// [Response] shows, and, with a logger, in a record at level Warn. Nothing is converted.
//
// Numbers in Metadata are read as float64, exact up to 2^53. For larger ones, decode the
// Body of [WithResponse] with json.Decoder.UseNumber.
//
// # Concurrency
//
// A [Client] is safe for concurrent use and does not change after New. It starts no
// goroutines and needs no closing. Share one for each API key: connections stay open
// between its calls, and its retry budget works across them. An [Option] may be used
// again, except for [WithResponse]: concurrent calls need a Response each.
//
// # Transport
//
// Each attempt is limited to 65 s and each response to 1 MiB; [WithTimeout] and
// [WithMaxResponseBytes] change that. The client's own transport speaks HTTP/1.1 (see
// [NewTransport]). Tracing and metrics belong to the transport: give [WithHTTPClient] a
// client with one that does them.
//
// # Versions
//
// Versions are semantic. A new field, option, operation or value of an enum is not a
// breaking change: name the fields of struct literals, expect values that have no
// constant, and do not implement gen's interfaces. CONTRIBUTING.md has the whole rule.
// The User-Agent names the version that a program was built with.
//
// A program compiles three other modules: oapi-codegen/runtime, google/uuid and
// apapsch/go-jsonmerge. go get also raises others in your go.mod, such as
// golang.org/x/text, to the versions that this module's generator and tests require.
package client
