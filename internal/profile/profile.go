// Package profile keeps connections to NetSuite on one machine, for a person or a pipeline, without a server. A profile is a file:
// what it says of the account can be read, and its secrets (the private key, the tokens) are sealed in it.
//
// Most callers read a profile with [Folder.Open] and take its API. [Folder.Login] and [Folder.Connect] make profiles, and
// [Session.Rotate] renews a certificate.
//
// It promises what the server promises, in small:
//
//   - a key, a code and a refresh token are stored, sealed, before they leave or take effect; after a crash the same command goes on
//   - the consent that is given for setting up is ended, also when setting up failed; one that could not be ended is kept until it is
//   - of several processes that share a profile one asks NetSuite for the next token; a refresh token that can be used once is
//     never sent twice
//   - a profile made for the real NetSuite never talks to an emulator, nor the other way round
//
// Where the master key comes from is the caller's business, and so are terminals and browsers.
package profile

import (
	"regexp"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// Profile is one connection, without its secrets.
type Profile struct {
	Name     string                `json:"-"` // of the file
	Kind     broker.ConnectionKind `json:"kind"`
	Account  netsuite.AccountID    `json:"account,omitempty"`
	Emulator string                `json:"emulator,omitempty"` // address of the emulator it was made for; empty: the real NetSuite

	ClientID string   `json:"client_id"`
	Scopes   []string `json:"scopes"`
	Role     int64    `json:"role,omitempty"` // internal IDs
	Entity   int64    `json:"entity,omitempty"`

	// A machine's.
	CertificateID string    `json:"certificate_id,omitempty"`
	Certificate   string    `json:"certificate,omitempty"` // PEM
	ValidUntil    time.Time `json:"valid_until,omitzero"`  // as NetSuite says
	KeyURI        string    `json:"key_uri,omitempty"`     // of a key in a PKCS#11 token; empty: the key is sealed here

	// A person's.
	RedirectURI   string `json:"redirect_uri,omitempty"`
	RotationHours int    `json:"rotation_hours,omitempty"` // Maximum Time For Token Rotation of a public client's record

	SealedBy string        `json:"sealed_by"` // ID of the master key
	Sealed   broker.Sealed `json:"sealed"`
}

// Connected reports whether the profile is finished, rather than one whose setting up was broken off.
func (p Profile) Connected() bool {
	return p.Account != "" && (p.Kind == broker.KindUser || p.CertificateID != "")
}

// Site is the NetSuite that the profile was made for.
func (p Profile) Site() (netsuite.Site, error) {
	if p.Emulator == "" {
		return netsuite.Site{}, nil
	}
	return netsuite.EmulatorSite(p.Emulator)
}

// secrets is what a profile keeps sealed. Its texts are bare, since they must be written out; it never leaves this package.
type secrets struct {
	Key          string   `json:"key,omitempty"` // PKCS#8 PEM
	ClientSecret string   `json:"client_secret,omitempty"`
	Token        *token   `json:"token,omitempty"`
	SentAt       int64    `json:"sent_at,omitempty"`  // a public client's refresh token has left, and the next one is not here
	Next         *nextKey `json:"next,omitempty"`     // a certificate under way
	Grants       []grant  `json:"grants,omitempty"`   // consents that are still to be ended
	Retiring     []string `json:"retiring,omitempty"` // IDs of certificates that are still to be revoked
}

// nextKey is a key whose certificate is being brought to NetSuite.
type nextKey struct {
	Key         string `json:"key,omitempty"` // PKCS#8 PEM; empty for a key in a token
	KeyURI      string `json:"key_uri,omitempty"`
	Certificate string `json:"certificate"`
	// Old is the certificate to revoke when the next one works.
	Old string `json:"old,omitempty"`
}

// grant is a consent for setting up, from the moment its code is known.
type grant struct {
	Account      netsuite.AccountID `json:"account"`
	ClientID     string             `json:"client_id"`
	ClientSecret string             `json:"client_secret,omitempty"`
	RedirectURI  string             `json:"redirect_uri"`
	Scopes       []string           `json:"scopes"`
	Code         string             `json:"code,omitempty"` // presented, with no answer yet
	Verifier     string             `json:"verifier,omitempty"`
	Refresh      string             `json:"refresh,omitempty"`
}

type token struct {
	Access  string    `json:"access,omitempty"`
	Refresh string    `json:"refresh,omitempty"`
	Expiry  time.Time `json:"expiry,omitzero"`
	Scope   string    `json:"scope,omitempty"`
}

func keep(t *netsuite.Token) *token {
	return &token{Access: t.AccessToken.Reveal(), Refresh: t.RefreshToken.Reveal(), Expiry: t.Expiry, Scope: t.Scope}
}

// netsuite is the token as the library has it; nil stays nil.
func (t *token) netsuite() *netsuite.Token {
	if t == nil {
		return nil
	}
	return &netsuite.Token{
		AccessToken: netsuite.NewSecret(t.Access), RefreshToken: netsuite.NewSecret(t.Refresh), TokenType: "Bearer",
		Expiry: t.Expiry, ExpiresIn: time.Until(t.Expiry).Round(time.Second), Scope: t.Scope,
	}
}

// nameForm keeps a profile's name a file's name on every system, and apart from the connections of a server and from flags.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// CheckName refuses what cannot be the name of a profile.
func CheckName(name string) error {
	if !nameForm.MatchString(name) || broker.IsConnectionID(name) {
		return broker.Errorf(broker.CodeInvalid, "connection %.80q: the name of a connection on this machine is 1 to 64 of a-z, 0-9, _ and -, beginning with a letter or digit", name).
			WithDo("For example: --connection acme")
	}
	return nil
}
