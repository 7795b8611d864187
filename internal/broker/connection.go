package broker

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/suitekey/suitekey/netsuite"
)

// ConnectionState is the life-cycle state of a connection.
type ConnectionState string

const (
	ConnectionPending   ConnectionState = "pending" // a run is making it
	ConnectionConnected ConnectionState = "connected"
	// ConnectionDisconnecting hands out nothing any more; NetSuite has not yet confirmed that its credentials are revoked.
	ConnectionDisconnecting ConnectionState = "disconnecting"
	ConnectionDisconnected  ConnectionState = "disconnected"
)

// ConnectionKind tells by which grant a connection gets its tokens.
type ConnectionKind string

const (
	KindMachine ConnectionKind = "machine" // client credentials, for an app; one for each account
	KindUser    ConnectionKind = "user"    // a person's code grant, for a portal; many for each account
)

// Connection is one NetSuite account of one customer bound to one app.
type Connection struct {
	ID       string
	App      string
	LinkID   string
	Customer string
	Metadata map[string]string
	Account  netsuite.AccountID
	Kind     ConnectionKind
	// EndUser is the app's own name for the person; only of kind user.
	EndUser string
	State   ConnectionState
	// RoleID and Entity are what the certificate is mapped to.
	RoleID     int64
	RoleName   string
	Entity     int64
	EntityName string
	// CertificateID is the certificate that signs now.
	CertificateID    string
	ConcurrencyLimit int
	CreatedAt        time.Time
	UpdatedAt        time.Time
	Version          int64
}

// CertificateState of a certificate, in the order of its life.
type CertificateState string

const (
	CertificatePlanned   CertificateState = "planned"   // key and certificate stored, nothing has left
	CertificateUploading CertificateState = "uploading" // the request may have reached NetSuite
	CertificateUploaded  CertificateState = "uploaded"  // NetSuite lists it
	CertificateTested    CertificateState = "tested"    // it made a token, and the token made a call
	CertificateActive    CertificateState = "active"    // the connection signs with it
	CertificateRetiring  CertificateState = "retiring"  // must be revoked
	CertificateRevoked   CertificateState = "revoked"   // the key is wiped
)

// Certificate is one key of one connection. Its ID is the certificate ID at NetSuite: the SHA-256 thumbprint,
// known before anything leaves us.
type Certificate struct {
	ID           string
	ConnectionID string
	App          string
	State        CertificateState
	// NetSuiteID is the certificate ID as NetSuite lists it. It is the thumbprint in every pair seen, but NetSuite's word counts.
	NetSuiteID string
	// PEM is the X.509 certificate; Key the sealed PKCS#8 private key.
	PEM       []byte
	Key       Sealed
	NotBefore time.Time
	// ValidUntil is NetSuite's word once it has listed the certificate, and our own before.
	ValidUntil time.Time
	CreatedAt  time.Time
	UpdatedAt  time.Time
	Version    int64
}

// RenewBefore is the latest moment at which a certificate is replaced: 61 days before its end, since NetSuite
// mails every administrator at 60, or at two thirds of its life when it is short.
func (c Certificate) RenewBefore() time.Time {
	early := c.ValidUntil.Add(-61 * 24 * time.Hour)
	if twoThirds := c.NotBefore.Add(c.ValidUntil.Sub(c.NotBefore) * 2 / 3); early.Before(twoThirds) {
		return twoThirds
	}
	return early
}

// RotateAt is when the certificate is replaced by itself: at two thirds of its life and up to a tenth later, each at its own
// moment, so that certificates made together are not replaced together; and never later than RenewBefore.
func (c Certificate) RotateAt() time.Time {
	life := c.ValidUntil.Sub(c.NotBefore)
	spread := time.Duration(c.share() * float64(life/10))
	at, latest := c.NotBefore.Add(life*2/3+spread), c.RenewBefore()
	if at.After(latest) {
		return latest.Add(-spread)
	}
	return at
}

// share is a number from 0 up to 1 that follows from the certificate's ID alone, so that every process reckons the same.
func (c Certificate) share() float64 {
	sum := sha256.Sum256([]byte("rotate " + c.ID))
	return float64(binary.BigEndian.Uint32(sum[:])) / (1 << 32)
}

// AccessToken is the newest access token of a connection, sealed, so that replicas and restarts share one.
type AccessToken struct {
	ConnectionID string
	// CertificateID is what it was obtained by: a certificate, or a consent (UserGrant.Consent) of a user connection.
	CertificateID string
	Token         Sealed
	MintedAt      time.Time
	ExpiresAt     time.Time
	Version       int64
}

// AccessTokenPlace is where the access token of a connection is sealed.
func AccessTokenPlace(app, connectionID string) Place {
	return Place{Table: "access_tokens", Column: "token", Row: connectionID, App: app}
}

// Client is a pair of credentials of ours with which an app takes access tokens.
type Client struct {
	ID  string
	App string
	// Connections that it may take tokens of.
	Connections []string
	// Users tells that it may take tokens of all persons' connections of the app, each by the person's name.
	Users bool
	// SecretHashes are the valid secrets: one, or two while changing.
	SecretHashes []string
	CreatedAt    time.Time
	RevokedAt    time.Time
	Version      int64
}

// Lease is the right to act on something for a while. Fence grows with each holder, so that a late writer can be told.
type Lease struct {
	Name   string
	Holder string
	Fence  int64
	Until  time.Time
}
