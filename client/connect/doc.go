// Package connect waits for customers to connect an account, and provides the endpoint
// from which the page with StackOne's Hub gets a token. It uses only what package client
// exports.
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
// # Rate limit
//
// StackOne allows an API key 1,000 requests a minute. A [Waiter] uses at most half of
// them, however many waits there are, and leaves the rest to your other calls. With up to
// 16 waits, it looks at each session every two seconds. More waits take turns:
//
//	waits       each session is looked at every
//	up to 16    2 s
//	100         12 s
//	1,000       2 min
//	10,000      20 min
//
// With more than a few dozen waits at a time, polling alone is too slow. Register a
// webhook and pass its events to [Waiter.Connected]: an event ends its wait within a
// second of its arrival, or of the wait's first successful look if that is later, however
// many other waits there are.
//
// A wait needs its first look to learn the owner of its session. First looks count
// towards the same limit and go to the front of the queue. While other waits are overdue
// by more than one turn, first looks take at most half of the limit, so that a steady stream
// of new waits does not starve the others. If 500 waits start together, their first looks take a minute, or
// up to two if other waits are overdue. After a 429, all looks pause for its
// Retry-After.
//
// # Several processes
//
// Waiters in different processes do not coordinate. If n processes wait with the same
// key, set LooksPerMinute to 500/n in each. Otherwise each Waiter slows down when it gets
// a 429, and speeds up again over the next minutes, but your other calls get 429s, too.
//
// Call Connected in the process in which Wait runs. If a webhook reaches another process,
// the wait finds the connection by polling, but only if it is an OAuth connection.
//
// # Several keys
//
// Create one Waiter for each key. How many clients they need depends on the number of
// keys:
//
//   - A client for each key is the simplest. Each has its own connections and its own
//     retry budget, and takes about 60 kB with one connection.
//   - With hundreds of keys, pass the same http.Client to all clients, with
//     client.WithHTTPClient and a transport from client.NewTransport. They share its
//     connections, have a retry budget each, and take about 4 kB each.
//   - With many thousands, use one client, and pass client.WithAPIKey to each call of
//     Create, Authenticate and Wait. Each key then only takes its Waiter, about 1 kB. But
//     all keys share one retry budget: while calls with one key fail, calls with the
//     others may not be retried either.
package connect
