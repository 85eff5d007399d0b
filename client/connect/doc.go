// Package connect waits for customers to connect an account, and serves the endpoint
// that the page with StackOne's Hub asks for a token. It is built on what package
// client exports.
//
//	waiter := connect.NewWaiter(c, connect.WaiterOptions{}) // one for each API key
//
//	handler := &connect.SessionHandler{
//		Client: c,
//		Session: func(r *http.Request) (gen.ConnectSessionCreate, error) {
//			id, name, ok := signedIn(r)
//			if !ok {
//				return gen.ConnectSessionCreate{}, client.ErrUnauthorized
//			}
//			return gen.ConnectSessionCreate{OriginOwnerID: id, OriginOwnerName: name}, nil
//		},
//		Created: func(_ context.Context, _ *http.Request, link *gen.ConnectSessionTokenAuthLink) error {
//			go func() {
//				ctx, cancel := context.WithTimeout(background, 30*time.Minute) // the lifetime of a session
//				defer cancel()
//				attempt, err := waiter.Wait(ctx, link.Token)
//				save(link.OriginOwnerID, attempt, err)
//			}()
//			return nil
//		},
//	}
//	events, err := webhook.NewHandler(secrets, func(_ context.Context, event webhook.Event) error {
//		waiter.Connected(event)
//		return nil
//	})
//
// # The limit of a key
//
// StackOne allows an API key 1,000 requests a minute. A [Waiter] uses at most half of
// them, however many waits there are, and leaves the rest to your other calls. Up to 16
// waits look at their sessions every two seconds. More than that take turns:
//
//	waits       each session is looked at every
//	up to 16    2 s
//	100         12 s
//	1,000       2 min
//	10,000      20 min
//
// With more than a few dozen waits at a time, polling alone is too slow. Register a
// webhook and give its events to [Waiter.Connected]: a wait that an event answers ends
// within a second, however many others there are, except while StackOne's Retry-After
// delays its first look.
//
// A wait learns its customer from its first look; an event that arrives earlier takes
// effect then. First looks count towards the same limit and go to the front of the
// queue. While other waits are overdue, first looks take at most half of the limit, so
// that a steady stream of new waits does not starve the others. When 500 waits begin
// together, their first looks take a minute, or up to two while others wait.
//
// # Several processes
//
// Waiters do not know of each other. When n processes wait on one key, set
// LooksPerMinute of each to 500/n. If you do not, each Waiter slows down when the
// service answers 429, and speeds up again over the next minutes, but your other calls
// get 429s too.
//
// Wait and Connected must run in the same process. When a webhook reaches another one,
// the wait finds the connection by polling, if it is an OAuth connection.
//
// # Several keys
//
// Make one Waiter for each key. How many clients they need depends on the number of
// keys:
//
//   - A client for each key is the simplest. Each has its own connections and its own
//     retry budget, about 60 kB with one connection.
//   - With hundreds of keys, give the clients one http.Client to share, with
//     client.WithHTTPClient and a transport of client.NewTransport. They share its
//     connections, keep a retry budget each, and take about 4 kB.
//   - With many thousands, use one client, and pass client.WithAPIKey to each call, Wait
//     included. Each key then takes only its Waiter, about 1 kB. But the keys share one
//     retry budget: while calls with one key fail, calls with the others may not be
//     retried either.
package connect
