// Package client calls StackOne's connect sessions: a backend creates a session
// for one of its customers, hands its token to StackOne's Hub in the browser (or
// sends the customer its link), and so lets the customer connect an HR, ATS, CRM
// or other system.
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
// Requests and answers are the types of package gen, which is generated from
// StackOne's API description. [Client.Generated] reaches every generated operation
// with the same authentication, retries and errors.
//
// # Errors
//
// A call that reached the service or the network fails with one of three types:
//
//   - [*APIError]: the service answered with an error status. errors.Is tells the
//     kind ([ErrUnauthorized], [ErrTooManyRequests], ...).
//   - [*TransportError]: no usable answer arrived. MaybeSent says whether the request
//     may have been received all the same.
//   - [*ResponseError]: a success status with a body that cannot be used.
//
// The error of a context that ended is visible to errors.Is. A request that could never succeed (a required field is empty, an
// option is invalid) is a plain error before anything is sent. A nil error always
// comes with a result.
//
// # Retries
//
// A call is tried up to three times, and creating a session is repeated only when
// that cannot create a second one. In this table, create stands for every
// operation that changes something and authenticate for those that only read:
//
//	what happened                                          create    authenticate
//	never sent, and it may pass: connection refused, time-  retry     retry
//	  out while connecting, temporary DNS fault
//	never sent, and it will not: no such host, certificate  fail      fail
//	429, 408                                                retry     retry
//	500, 502, 503, 504                                      fail      retry
//	connection broken or time-out after it was in use       fail      retry
//	success that cannot be read                             fail      fail
//	any other status, redirects included                    fail      fail
//
// "Never sent" is proven from what the transport reports, not guessed from the
// error. The other rules, one by one:
//
//   - RetryAmbiguous of [RetryPolicy] gives create the right-hand column.
//   - A Retry-After is waited for, never less, up to the policy's MaxRetryAfter (a
//     minute). A longer one is not: the call fails at once with an [*APIError] that
//     says it.
//   - Without one, a wait is random: up to 200 ms before the first retry, and up to
//     twice as long before each further one, 5 s at most.
//   - No wait is begun that the context's deadline would cut short, and a context
//     that is cancelled ends a call at once, in a request as in a wait.
//   - Each client has a budget for retries, so that an outage is not made worse: 10
//     at once, and one more for every ten successes.
//   - No Idempotency-Key is sent: StackOne documents none.
//
// # Secrets
//
// The API key, tokens, links and external trigger tokens appear in no error, no
// log record and no formatting of this package's or gen's types, with any verb or
// through slog. encoding/json of a session is faithful, secrets included: that is
// how a backend hands the token on, so do not log it. The key is sent to the
// configured origin only.
//
// Two things are beyond what Go's types can prevent: fmt cannot ask a value that
// stands in an unexported field of a struct of yours to print itself, and slog's
// JSON of a slice or map is encoding/json.
//
// # Concurrency
//
// A [Client] is safe for concurrent use and does not change after New. It owns no
// goroutine and needs no closing. Share one for each API key: connections stay
// open between its calls, and its retry budget works across them. An [Option] may be
// used again, save for [WithResponse]: concurrent calls need a Response each.
//
// # Transport
//
// Each attempt is limited to 65 s and each answer to 1 MiB; [WithTimeout] and
// [WithMaxResponseBytes] change that. Tracing and metrics belong to the transport:
// give [WithHTTPClient] a client with one that does them.
//
// # Versions
//
// Versions are semantic. A new field, option, operation or value of an enum is not
// a breaking change: name the fields of struct literals, expect values that have no
// constant, and do not implement gen's interfaces. The README has the whole rule.
// The User-Agent names the version that a program was built with.
package client
