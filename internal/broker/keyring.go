package broker

import "time"

// KeyringRow is the vault's data-key set as one master key wrapped it. Without that master key it is useless.
type KeyringRow struct {
	// N counts the rows from 1: it is what makes two servers that start at once agree on one set.
	N int64
	// MasterKeyID names the master key that opens Wrapped.
	MasterKeyID string
	// Mode is the world that the vault was made for: live or emulator.
	Mode string
	// Wrapped is the data-key set, encrypted by the master key.
	Wrapped []byte
	// Check is a known text, sealed with the data-key set.
	Check     Sealed
	CreatedAt time.Time
}
