// Package broker holds the words of the suitekey server: what an app, a link, a run, a connection and
// a certificate are, which states they pass through, and which errors exist. It does no I/O, so every rule
// in it can be read and tested alone.
//
// The words:
//
//   - operator: who runs the server
//   - app: one application of the operator, with its NetSuite integration record(s)
//   - customer: one client of that app
//   - link: an invitation to one customer
//   - run: one onboarding, started from a link
//   - grant: the temporary consent that a run works with; always revoked at the end
//   - connection: one NetSuite account of one customer bound to one app
//   - certificate: the public half of a connection's key, known to NetSuite by its thumbprint
//   - client: credentials of ours with which an app takes access tokens
//
// NetSuite's own things keep NetSuite's names: integration record, role, entity, certificate ID, account ID.
package broker

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Sealed is a secret as the vault closed it: safe to store, useless without the master key.
type Sealed []byte

// Place says where a sealed value lives. It is bound into the ciphertext, so that a value which was
// moved to another row, column or app does not open (VA-01).
type Place struct {
	Table, Column, Row, App string
}

// NewID makes a name for a row, for example NewID("run") = "run_Zk3…". Names are not secrets.
func NewID(prefix string) string {
	b := make([]byte, 12)
	rand.Read(b)
	return prefix + "_" + strings.NewReplacer("-", "x", "_", "y").Replace(base64.RawURLEncoding.EncodeToString(b))
}

// connectionPrefix begins the ID of every connection of a server.
const connectionPrefix = "co"

// NewConnectionID names a connection.
func NewConnectionID() string { return NewID(connectionPrefix) }

// IsConnectionID reports whether a text has the form of a connection's ID.
func IsConnectionID(s string) bool {
	return strings.HasPrefix(s, connectionPrefix+"_") && len(s) == len(connectionPrefix)+1+16
}

// NewToken makes an unguessable value: 32 random bytes, base64url without padding (threat model R9).
func NewToken() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// HashToken is how an unguessable value is stored and looked up: SHA-256, base64url.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
