// Package webhook receives StackOne's webhooks: it checks that a delivery comes
// from StackOne, reads the event in it, and serves the endpoint that StackOne
// posts to. A webhook is how a backend learns of a customer who connected
// through a link, with no browser of yours to report it.
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
// [Verify] and [Parse] are the same steps for a server that is not net/http.
// Verify first, on the bytes as they arrived.
//
// # Signatures
//
// StackOne signs the raw request body with HMAC-SHA256, keyed with the webhook's
// signing secret as text, and sends the result as base64url without padding in
// the header x-stackone-signature ([SignatureHeader]). Exactly that text is
// accepted: padding, the standard alphabet, hex, other case and spaces are not.
// Nothing may come between StackOne and Verify that rewrites the body, not even
// its white space. While a secret is rotated two are valid; give both.
//
// # Once, more than once, late
//
// No time is signed, so a delivery that someone recorded stays valid for as long
// as its secret. Be ready to see an event again, from a replay as from StackOne:
// keep [Event.Key] with what the event changed, in one transaction, under a
// unique index. Events may also arrive out of order; compare [Event.EventDate]
// before an older one overwrites a newer one.
//
// # Secrets
//
// No error and no formatting of this package's types, with any fmt verb or
// through slog, shows a signing secret or a signature. An [Event] prints as its
// type and ids, without names, setup_information and other contents;
// encoding/json of an Event is faithful.
package webhook
