package broker

import "time"

// KeepTrying is how long NetSuite is asked to revoke what a disconnected connection had, while it does not answer.
const KeepTrying = 7 * 24 * time.Hour

// Disconnection is the end of a connection: what was to be revoked at NetSuite, and what became of it.
type Disconnection struct {
	ConnectionID string
	App          string
	AskedAt      time.Time
	// GiveUpAt ends the attempts at NetSuite; what is left then is for the customer to click.
	GiveUpAt time.Time
	// DueAt is when it is tried again; zero when it is over.
	DueAt    time.Time
	Attempts int
	EndedAt  time.Time
	Acts     []Revocation
	// Record is the signed record, a compact JWS (RFC 7515); empty while the disconnection is under way.
	Record  string
	Version int64
}

// Revocation is what became of one credential.
type Revocation struct {
	// Kind is certificate or consent; ID the certificate ID at NetSuite, or the connection's.
	Kind string `json:"kind"`
	ID   string `json:"id"`
	// ValidUntil is when it ends by itself.
	ValidUntil time.Time `json:"valid_until,omitzero"`
	// RevokedAt is when NetSuite confirmed; zero when it did not.
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	// WipedAt is when the private key or refresh token was wiped here.
	WipedAt time.Time `json:"wiped_at,omitzero"`
	// Problem is why NetSuite did not revoke it.
	Problem string `json:"problem,omitempty"`
	// Left is what the customer has to click; empty when nothing is left.
	Left string `json:"left,omitempty"`
}

// SigningKey signs the records of disconnections.
type SigningKey struct {
	ID         string // RFC 7638 thumbprint of the public key
	PrivateKey Sealed // PKCS#8
	CreatedAt  time.Time
}
