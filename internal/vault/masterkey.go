package vault

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/suitekey/suitekey/internal/broker"
)

const masterKeySize = 32

// MasterKey wraps the vault's data keys. It lives outside the database, and does not print itself: its bytes come out through
// Reveal only. The zero value is no key.
type MasterKey struct {
	key [masterKeySize]byte
}

// NewMasterKey makes a key of 32 random bytes.
func NewMasterKey() MasterKey {
	var m MasterKey
	rand.Read(m.key[:])
	return m
}

// ParseMasterKey reads a key as Reveal writes it: base64 of exactly 32 bytes, in the standard or the URL alphabet, with or without
// padding; white space around it is ignored. Refusals are *broker.Error, CodeNoKey for an empty text and CodeConfig for all others,
// and do not repeat the text.
func ParseMasterKey(text string) (MasterKey, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return MasterKey{}, broker.Errorf(broker.CodeNoKey, "master key: it is empty")
	}
	if len(text) > 100 {
		return MasterKey{}, invalidKey("must be base64 of 32 bytes (43 or 44 characters); got %d characters", len(text))
	}
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimSuffix(text, "="))
	decoded, err := base64.RawStdEncoding.Strict().DecodeString(plain)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return MasterKey{}, invalidKey("must be base64 of 32 bytes; it holds characters that base64 does not have, or was cut")
	}
	if len(decoded) != masterKeySize {
		return MasterKey{}, invalidKey("must be base64 of exactly 32 bytes; got %d bytes", len(decoded))
	}
	m := MasterKey{key: [masterKeySize]byte(decoded)}
	if m == (MasterKey{}) {
		return MasterKey{}, invalidKey("is 32 zero bytes, which is no secret")
	}
	return m, nil
}

func invalidKey(rule string, args ...any) error {
	return broker.Errorf(broker.CodeConfig, "master key: %s", fmt.Sprintf(rule, args...)).
		WithDo("Give the key as it was written when it was made, or make one with: openssl rand -base64 32")
}

// ID names the key without telling it: the first 12 hexadecimal digits of its SHA-256.
func (m MasterKey) ID() string {
	sum := sha256.Sum256(m.key[:])
	return hex.EncodeToString(sum[:])[:12]
}

// Reveal is the key as base64url without padding, for the file or the secret manager that keeps it.
func (m MasterKey) Reveal() string { return base64.RawURLEncoding.EncodeToString(m.key[:]) }

// Seal encrypts plain for one place by the key itself, for whoever has no keyring of data keys: the files of package profile.
func (m MasterKey) Seal(place broker.Place, plain []byte) (broker.Sealed, error) {
	box, err := m.box()
	if err != nil {
		return nil, err
	}
	return seal(box, place, plain)
}

// Open decrypts what Seal made for the same place. Anything else is *broker.Error with CodeTampered, which names the place.
func (m MasterKey) Open(place broker.Place, sealed broker.Sealed) ([]byte, error) {
	box, err := m.box()
	if err != nil {
		return nil, err
	}
	return open(box, place, sealed)
}

func (m MasterKey) box() (tink.AEAD, error) {
	if m == (MasterKey{}) {
		return nil, broker.Errorf(broker.CodeNoKey, "master key: none was given")
	}
	return subtle.NewXChaCha20Poly1305(m.key[:])
}

const masked = "[redacted]"

// Format implements fmt.Formatter with a mask, for every verb.
func (m MasterKey) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, masked) }

// String is a mask.
func (m MasterKey) String() string { return masked }

// GoString is a mask.
func (m MasterKey) GoString() string { return masked }

// MarshalText is a mask, in JSON too.
func (m MasterKey) MarshalText() ([]byte, error) { return []byte(masked), nil }

// LogValue is a mask.
func (m MasterKey) LogValue() slog.Value { return slog.StringValue(masked) }
