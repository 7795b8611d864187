// Package vault seals the secrets that the server stores, and opens them again. Most callers [Open] it once at start, with the
// master key, and then use [Vault.Seal] and [Vault.Open].
//
// One set of data keys, encrypted by the master key, is in the table keyring; the master key itself is never stored. What is promised:
//
//   - A sealed value opens only in the place that it was sealed for: table, column, row and app are bound to it (VA-01).
//   - A value that was changed, cut or moved is broker.CodeTampered; it gives no plain text and no panic (VA-02).
//   - A wrong master key is noticed at start and named by ID; a set of data keys is made only when there is none, and never when
//     there are sealed values (VA-03; the store refuses the latter).
//   - A vault made for the real NetSuite does not open for an emulator, nor the other way round (design.md, decision 12).
//
// Not here: where the master key comes from, and the storing of sealed values.
package vault

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/suitekey/suitekey/internal/broker"
)

// Mode is the world that a vault belongs to.
type Mode string

const (
	ModeLive     Mode = "live"     // the real NetSuite
	ModeEmulator Mode = "emulator" // an emulator on this machine
)

// schemaVersion of what is sealed; part of the associated data.
const schemaVersion = "1"

// checkText is sealed beside the data keys. It proves that they seal and open.
const checkText = "suitekey vault check"

// Keyring is where the wrapped data keys are kept; *store.DB is one.
type Keyring interface {
	Keyring(ctx context.Context) ([]broker.KeyringRow, error)
	// AddKeyring answers broker.ErrConflict when there is a row with the same N.
	AddKeyring(ctx context.Context, row *broker.KeyringRow) error
}

// Vault seals and opens. It is safe for use by many goroutines.
type Vault struct {
	mode  Mode
	keyID string
	data  tink.AEAD
}

// Open opens the vault whose data keys are in the keyring, and makes them when the keyring is empty. Servers that start at the same
// time on an empty keyring come to use one set. Refusals are *broker.Error: CodeNoKey without a master key, CodeWrongKey for a key
// that does not belong to this vault, CodeWrongMode for a vault of the other world, CodeTampered for a keyring that was changed.
func Open(ctx context.Context, keyring Keyring, master MasterKey, mode Mode) (*Vault, error) {
	if mode != ModeLive && mode != ModeEmulator {
		return nil, fmt.Errorf("vault mode must be live or emulator, got %q", mode)
	}
	wrapping, err := master.box()
	if err != nil {
		return nil, err
	}
	rows, err := readOrMake(ctx, keyring, wrapping, master.ID(), mode)
	if err != nil {
		return nil, err
	}
	row, err := choose(rows, master.ID(), mode)
	if err != nil {
		return nil, err
	}
	data, err := unwrap(row, wrapping)
	if err != nil {
		return nil, err
	}
	return &Vault{mode: mode, keyID: row.MasterKeyID, data: data}, nil
}

// Mode is the world that the vault belongs to.
func (v *Vault) Mode() Mode { return v.mode }

// KeyID names the master key.
func (v *Vault) KeyID() string { return v.keyID }

// Seal encrypts plain for one place. Table, column and row of the place must be set.
func (v *Vault) Seal(place broker.Place, plain []byte) (broker.Sealed, error) {
	return seal(v.data, place, plain)
}

// Open decrypts what was sealed for the same place. Anything else is *broker.Error with CodeTampered, which names the place.
func (v *Vault) Open(place broker.Place, sealed broker.Sealed) ([]byte, error) {
	return open(v.data, place, sealed)
}

// readOrMake reads the keyring, and writes its first row when there is none.
func readOrMake(ctx context.Context, keyring Keyring, wrapping tink.AEAD, keyID string, mode Mode) ([]broker.KeyringRow, error) {
	rows, err := keyring.Keyring(ctx)
	if err != nil || len(rows) > 0 {
		return rows, err
	}
	row, err := newRow(wrapping, keyID, mode)
	if err != nil {
		return nil, err
	}
	if err := keyring.AddKeyring(ctx, &row); err != nil && !errors.Is(err, broker.ErrConflict) {
		return nil, err
	}
	// Read back what is really there: another server may have been first.
	return keyring.Keyring(ctx)
}

func newRow(wrapping tink.AEAD, keyID string, mode Mode) (broker.KeyringRow, error) {
	row := broker.KeyringRow{N: 1, MasterKeyID: keyID, Mode: string(mode)}
	// Nonces of 24 bytes may be drawn at random for ever, with no count of uses to keep (VA-05).
	handle, err := keyset.NewHandle(aead.XChaCha20Poly1305KeyTemplate())
	if err != nil {
		return row, fmt.Errorf("make a data key: %w", err)
	}
	var wrapped bytes.Buffer
	if err := handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&wrapped), wrapping, wrapData(row)); err != nil {
		return row, fmt.Errorf("wrap the data key: %w", err)
	}
	row.Wrapped = wrapped.Bytes()
	data, err := aead.New(handle)
	if err != nil {
		return row, fmt.Errorf("use the data key: %w", err)
	}
	row.Check, err = seal(data, checkPlace(row), []byte(checkText))
	return row, err
}

// choose finds the row that the master key wraps. Each row holds the same data keys, wrapped by another master key.
func choose(rows []broker.KeyringRow, keyID string, mode Mode) (broker.KeyringRow, error) {
	for _, row := range rows {
		switch {
		case row.MasterKeyID != keyID:
			continue
		case row.Mode != string(mode):
			return row, broker.Errorf(broker.CodeWrongMode, "the vault was made for mode %q, the server runs in mode %q", row.Mode, mode)
		}
		return row, nil
	}
	if len(rows) == 0 {
		return broker.KeyringRow{}, broker.Errorf(broker.CodeTampered, "the keyring lost the row that was just written")
	}
	wanted := rows[len(rows)-1].MasterKeyID
	return broker.KeyringRow{}, broker.Errorf(broker.CodeWrongKey, "the vault wants the master key with ID %q, the key given has ID %q", wanted, keyID)
}

func unwrap(row broker.KeyringRow, wrapping tink.AEAD) (tink.AEAD, error) {
	handle, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(row.Wrapped)), wrapping, wrapData(row))
	if err != nil {
		return nil, broker.Errorf(broker.CodeTampered, "keyring row %d: its data keys do not open with master key %q", row.N, row.MasterKeyID)
	}
	data, err := aead.New(handle)
	if err != nil {
		return nil, broker.Errorf(broker.CodeTampered, "keyring row %d: its data keys are of another kind", row.N)
	}
	if text, err := open(data, checkPlace(row), row.Check); err != nil || string(text) != checkText {
		return nil, broker.Errorf(broker.CodeTampered, "keyring row %d: its check value was changed", row.N)
	}
	return data, nil
}

func wrapData(row broker.KeyringRow) []byte {
	return associated("suitekey keyring", schemaVersion, row.MasterKeyID, row.Mode)
}

func checkPlace(row broker.KeyringRow) broker.Place {
	return broker.Place{Table: "keyring", Column: "check_value", Row: row.MasterKeyID}
}

func seal(data tink.AEAD, place broker.Place, plain []byte) (broker.Sealed, error) {
	if place.Table == "" || place.Column == "" || place.Row == "" {
		return nil, fmt.Errorf("seal: a place needs table, column and row; got %q, %q, %q", place.Table, place.Column, place.Row)
	}
	sealed, err := data.Encrypt(plain, placeData(place))
	if err != nil {
		return nil, fmt.Errorf("seal %s.%s of %q: %w", place.Table, place.Column, place.Row, err)
	}
	return sealed, nil
}

func open(data tink.AEAD, place broker.Place, sealed broker.Sealed) ([]byte, error) {
	plain, err := data.Decrypt(sealed, placeData(place))
	if err != nil {
		// Not the cause: it can only say that decryption failed.
		return nil, broker.Errorf(broker.CodeTampered, "%s.%s of %q does not open", place.Table, place.Column, place.Row)
	}
	return plain, nil
}

func placeData(place broker.Place) []byte {
	return associated("suitekey value", schemaVersion, place.Table, place.Column, place.Row, place.App)
}

// associated joins texts so that no two lists give the same bytes: each after its length.
func associated(texts ...string) []byte {
	var joined []byte
	for _, text := range texts {
		joined = binary.BigEndian.AppendUint64(joined, uint64(len(text)))
		joined = append(joined, text...)
	}
	return joined
}
