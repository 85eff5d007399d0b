// Package webhook receives StackOne's webhooks: it checks that a delivery comes
// from StackOne, reads the event in it, and serves the endpoint that StackOne
// posts to. Webhooks report every connection; for e-mailed links they are the only
// reliable signal.
//
//	secrets := []string{os.Getenv("STACKONE_WEBHOOK_SECRET")} // both, while it is rotated
//	handler, err := webhook.NewHandler(secrets, func(ctx context.Context, event webhook.Event) error {
//		switch event.Type {
//		case webhook.AccountCreated, webhook.AccountUpdated:
//			return accounts.Save(ctx, event.OriginOwnerID, event.AccountID)
//		case webhook.AccountDeleted:
//			return accounts.Remove(ctx, event.AccountID)
//		}
//		return nil // an event of no interest
//	})
//	if err != nil {
//		return err
//	}
//	mux.Handle("/webhooks/stackone", handler)
//
// For a server that is not net/http, call [Verify] and then [Parse], on the bytes
// as they arrived.
//
// # Signatures
//
// StackOne signs the raw request body with HMAC-SHA256, keyed with the webhook's
// signing secret as text, and sends the result as base64url without padding in
// the header x-stackone-signature ([SignatureHeader]). Exactly that text is
// accepted: padding, the standard alphabet, hex, other case and spaces are not.
// Nothing between StackOne and Verify may rewrite the body, not even its white
// space. While a secret is rotated, two are valid: give both.
//
// # More than once, late, never
//
// No timestamp is signed, so a recorded delivery stays valid for as long as its
// secret. An event may arrive again, from StackOne or as a replay: store
// [Event.Key] under a unique index, in the transaction that applies the event.
// Events may also arrive out of order: compare [Event.EventDate] before an older
// one overwrites a newer one.
//
// Do not rely on another delivery of an event that you missed. An OAuth connection
// is also in the session's latest attempt, until the session expires: package
// connect waits for it, and client.ConnectSessions.Authenticate reads it. A connection
// with an API key makes no attempt, so if its event is lost, the customer has to
// connect once more: a session for the same owner and provider then edits the
// account that exists.
//
// # Secrets
//
// Signing secrets and signatures never appear in errors or in fmt or slog output of
// this package's types. An [Event] prints as its type and IDs, without names,
// setup_information and other contents; encoding/json of an Event is faithful.
package webhook
