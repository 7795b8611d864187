package broker

import (
	"time"

	"github.com/suitekey/suitekey/netsuite"
)

// LinkKind tells how much the holder of a link is trusted.
type LinkKind string

const (
	// LinkSent is sent to a recipient whom the operator chose. It lives seven days and may be forwarded until the consent starts.
	LinkSent LinkKind = "sent"
	// LinkSession is made by the app for a user who is signed in there. It lives 15 minutes, belongs to the first browser that
	// opens it, and its run uploads nothing until the app's backend finalises it (ON-01).
	LinkSession LinkKind = "session"
)

// Lifetime of a link of this kind, from its making to the start of the run.
func (k LinkKind) Lifetime() time.Duration {
	if k == LinkSession {
		return 15 * time.Minute
	}
	return 7 * 24 * time.Hour
}

// FinaliseWithin is how long a session run waits, after the account is proven, for the app's backend.
const FinaliseWithin = 10 * time.Minute

// Link is an invitation. Its token is known to the recipient only; we keep the hash.
type Link struct {
	ID        string
	TokenHash string
	// Token is the token itself, sealed: only of links that repair a connection, since each reminder repeats it.
	Token Sealed
	App   string
	Kind  LinkKind
	// Customer is the name shown to the recipient, for example "Globex Inc.".
	Customer string
	// Expect pins the NetSuite accounts that may be connected; empty means that a person is asked to confirm the account.
	Expect []netsuite.AccountID
	// Metadata is the app's own, given back with the connection; never shown to the recipient.
	Metadata map[string]string
	// ReturnURL is one of the app's registered return URLs; required for session links.
	ReturnURL string
	// FinaliseHash is the hash of the secret with which the app's backend finalises a session run.
	FinaliseHash string
	// Connects is the kind of connection that the link makes.
	Connects ConnectionKind
	// EndUser is the app's own name for the person whom a user connection is for.
	EndUser string
	// ConnectionID is the connection that the link repairs; empty for a new one.
	ConnectionID string
	// RunID is the run that this link leads to, once there is one. A handed-over link has it from the start.
	RunID     string
	CreatedAt time.Time
	ExpiresAt time.Time
	RevokedAt time.Time
	// ExpiryToldAt is when it was told that nobody used the link in time; zero when it was not.
	ExpiryToldAt time.Time
	Version      int64
}

// Expects reports whether the link allows the account.
func (l Link) Expects(account netsuite.AccountID) bool {
	for _, a := range l.Expect {
		if a == account {
			return true
		}
	}
	return len(l.Expect) == 0
}
