package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// SignatureHeader is the header that a delivery's signature is in.
const SignatureHeader = "X-Stackone-Signature"

// What errors.Is finds in this package's errors.
var (
	// ErrSignature: the payload is not proven to be StackOne's.
	ErrSignature = errors.New("stackone: webhook: invalid signature")

	// ErrPayload: the payload is not an event.
	ErrPayload = errors.New("stackone: webhook: invalid payload")

	// ErrSecret: there is no secret to check with, or an empty one. It is the
	// receiver's fault, not the sender's.
	ErrSecret = errors.New("stackone: webhook: invalid signing secret")
)

// Verify returns nil if signature, the value of [SignatureHeader], is that of
// payload under one of the secrets. payload is the request's body, byte for byte.
// The error is otherwise ErrSignature or, when there are no secrets or one is
// empty, ErrSecret: anyone can sign with an empty key.
//
// White space around a secret is dropped, as around an API key. All secrets are
// compared, each in constant time, whichever of them fits.
func Verify(payload []byte, signature string, secrets ...string) error {
	if err := checkSecrets(secrets); err != nil {
		return err
	}
	equal := 0
	for _, secret := range secrets {
		// Text is compared, not decoded bytes: decoders take more than one text for the same bytes.
		equal |= subtle.ConstantTimeCompare([]byte(Sign(payload, secret)), []byte(signature))
	}
	switch length := base64.RawURLEncoding.EncodedLen(sha256.Size); {
	case equal == 1:
		return nil
	case signature == "":
		return fmt.Errorf("%w: it is missing", ErrSignature)
	case len(signature) != length:
		return fmt.Errorf("%w: it has %d characters, and base64url of a SHA-256 without padding has %d",
			ErrSignature, len(signature), length)
	}
	return fmt.Errorf("%w: it is not that of these bytes under any of the secrets given (%d)", ErrSignature, len(secrets))
}

// Sign returns the signature that StackOne would send with payload. It is for
// tests of a receiver; Verify refuses what an empty secret signed.
func Sign(payload []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(strings.TrimSpace(secret)))
	mac.Write(payload)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func checkSecrets(secrets []string) error {
	if len(secrets) == 0 {
		return fmt.Errorf("%w: none is given; give the webhook's signing secret", ErrSecret)
	}
	for i, secret := range secrets {
		// HMAC pads a key with zeros, so one of zeros is the empty key.
		if strings.Trim(strings.TrimSpace(secret), "\x00") == "" {
			return fmt.Errorf("%w: number %d of %d is empty; give the webhook's signing secret", ErrSecret, i+1, len(secrets))
		}
	}
	return nil
}
