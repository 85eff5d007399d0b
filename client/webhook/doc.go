// Package webhook receives StackOne's webhooks: it checks that a delivery comes
// from StackOne, reads the event in it, and serves the endpoint that StackOne
// posts to. Webhooks report every connection; for e-mailed links they are the only
// reliable signal.
//
//	secrets := strings.Fields(os.Getenv("STACKONE_WEBHOOK_SECRET")) // old and new, during a rotation
//	handler, err := webhook.NewHandler(secrets, func(ctx context.Context, event webhook.Event) error {
//		switch event.Type {
//		case webhook.AccountCreated, webhook.AccountUpdated:
//			return accounts.Save(ctx, event.OriginOwnerID, event.AccountID)
//		case webhook.AccountDeleted:
//			return accounts.Remove(ctx, event.AccountID)
//		}
//		return nil // other events are not needed
//	})
//	if err != nil {
//		return err
//	}
//	mux.Handle("/webhooks/stackone", handler)
//
// With a server other than net/http's, call [Verify] and then [Parse] with the body of
// the request, byte for byte.
//
// # Signatures
//
// StackOne signs the raw request body with HMAC-SHA256, keyed with the webhook's
// signing secret as text, and sends the result as base64url without padding in
// the header x-stackone-signature ([SignatureHeader]). Only exactly that text is
// accepted: padding, the standard alphabet, hex, other case and spaces are
// rejected. Nothing between StackOne and Verify may change the body, not even its
// white space. During the rotation of a secret, two are valid: pass both.
//
// # Repeated, late and lost events
//
// StackOne signs no timestamp, so a recorded delivery stays valid as long as its
// secret. An event may arrive again, from StackOne or as a replay: store
// [Event.Key] under a unique index, in the transaction that applies the event.
// Events may also arrive out of order: compare [Event.EventDate] before an older
// one overwrites a newer one.
//
// Do not rely on another delivery of an event that you missed. An OAuth connection
// is also in the session's latest attempt, until the session expires: package
// connect waits for it, and client.ConnectSessions.Authenticate returns it. A
// connection with an API key creates no attempt, so if its event is lost, the
// customer has to connect again: a session for the same owner and provider then
// edits the existing account.
//
// # Secrets
//
// Signing secrets and signatures never appear in errors or in fmt or slog output of
// this package's types. Of an [Event], fmt and slog show at most the type, provider,
// account, record and date; encoding/json writes all of it.
package webhook
