// Package connect stands between a backend and a customer who connects an account:
// [SessionHandler] is the endpoint that the page with StackOne's Hub asks for a
// token, and [Waiter] waits until the customer has connected.
package connect
