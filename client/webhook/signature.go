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

// SignatureHeader is the name of the header that holds a delivery's signature.
const SignatureHeader = "X-Stackone-Signature"

// The errors of this package wrap these; test for them with errors.Is.
var (
	// ErrSignature means that the signature does not prove that StackOne sent the
	// payload.
	ErrSignature = errors.New("stackone: webhook: invalid signature")

	// ErrPayload means that the payload is not an event.
	ErrPayload = errors.New("stackone: webhook: invalid payload")

	// ErrSecret means that no signing secret was given, or an empty one. It is a
	// configuration error of the receiver.
	ErrSecret = errors.New("stackone: webhook: invalid signing secret")
)

// Verify checks that signature, the value of [SignatureHeader], is the signature of
// payload with one of the secrets. payload must be the request body, byte for byte. If
// there is no secret, or one of them is empty, the error matches ErrSecret, because
// anyone can sign with an empty key. All other errors match ErrSignature.
//
// White space around a secret is ignored. Every secret is compared, each in constant
// time, even after one has matched.
func Verify(payload []byte, signature string, secrets ...string) error {
	if err := checkSecrets(secrets); err != nil {
		return err
	}
	equal := 0
	for _, secret := range secrets {
		// Compare the text, because several texts decode to the same bytes.
		equal |= subtle.ConstantTimeCompare([]byte(Sign(payload, secret)), []byte(signature))
	}
	switch length := base64.RawURLEncoding.EncodedLen(sha256.Size); {
	case equal == 1:
		return nil
	case signature == "":
		return fmt.Errorf("%w: it is missing", ErrSignature)
	case len(signature) != length:
		return fmt.Errorf("%w: it has %d characters, but a SHA-256 in base64url without padding has %d",
			ErrSignature, len(signature), length)
	}
	return fmt.Errorf("%w: it matches none of the secrets: check them, and that nothing rewrote the payload", ErrSignature)
}

// Sign returns the signature that StackOne would send with payload. Use it to test a
// receiver. Verify never accepts a signature made with an empty secret.
func Sign(payload []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(strings.TrimSpace(secret)))
	mac.Write(payload)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func checkSecrets(secrets []string) error {
	if len(secrets) == 0 {
		return fmt.Errorf("%w: no secret was given", ErrSecret)
	}
	for i, secret := range secrets {
		// HMAC pads a key with zeros, so a key of zeros equals the empty key.
		if strings.Trim(strings.TrimSpace(secret), "\x00") == "" {
			return fmt.Errorf("%w: secret %d of %d is empty", ErrSecret, i+1, len(secrets))
		}
	}
	return nil
}
