package netsuitetest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Lifetimes that NetSuite fixes.
const (
	accessLife              = time.Hour          // H/section_158081952044
	confidentialRefreshLife = 7 * 24 * time.Hour // exp - iat of Oracle's sample token
)

// code is an authorization code.
type code struct {
	clientID, redirectURI, challenge string
	scopes                           []string
	entity, role                     int64
	issued                           time.Time
	nonce                            string    // of an OIDC client
	session                          string    // UI session in which it was given
	loggedIn                         time.Time // when that began
	used                             bool
	grant                            *grant // what the first use made
}

// grant is one consent with all the tokens that came of it: a refresh chain.
type grant struct {
	id           string
	clientID     string
	scopes       []string
	entity, role int64
	public       bool
	started      time.Time // the oit claim
	end          time.Time // no refresh beyond it
	refreshUntil time.Time // exp of the newest refresh token
	accessUntil  time.Time // exp of the newest access token
	revoked      bool
	session      string // UI session in which the consent was given
}

// tokenKind is "access", "refresh" or "id".
type tokenKind string

const (
	kindAccess  tokenKind = "access"
	kindRefresh tokenKind = "refresh"
	kindID      tokenKind = "id"
)

// token is what the account remembers of a token that it issued.
type token struct {
	kind         tokenKind
	id           string // jti
	clientID     string
	scopes       []string
	entity, role int64
	expires      time.Time
	grant        *grant // nil for client credentials
	certificate  string // certificate ID, for client credentials
	revoked      bool
	spent        time.Time // a public refresh token's one use
}

// tokenClaims is the payload of NetSuite's tokens as seen on the wire: sub is role;entity, aud and scope are
// arrays, oit is always there.
type tokenClaims struct {
	Subject  string   `json:"sub"`
	Audience []string `json:"aud"`
	Scope    []string `json:"scope"`
	Issuer   string   `json:"iss"`
	OriginAt int64    `json:"oit"`
	Expiry   int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	TokenID  string   `json:"jti"`
}

// systemIssuer issues the tokens of all accounts (H/section_158255317571).
const systemIssuer = "https://system.netsuite.com"

// mint signs a token and remembers it.
func (a *Account) mint(t token, application string, now time.Time) string {
	a.mu.Lock()
	milli := max(now.UnixMilli(), a.lastMilli+1)
	a.lastMilli = milli
	a.mu.Unlock()

	origin := now
	switch {
	case t.kind == kindRefresh:
		t.id = fmt.Sprintf("%s.r-a.%s_%d.0", a.id, t.grant.id, milli)
		origin = t.grant.started
	case t.grant != nil:
		t.id = fmt.Sprintf("%s.a-a.%s_%d.%d", a.id, t.grant.id, t.grant.started.UnixMilli(), milli)
		origin = t.grant.started
	default:
		t.id = fmt.Sprintf("%s.a-c.null.%d", a.id, milli)
	}
	signed := a.keys.sign(now, tokenClaims{
		Subject: subject(t.role, t.entity), Audience: []string{application + ";" + a.claimed(&a.tokenAccount), t.clientID},
		Scope: t.scopes, Issuer: systemIssuer, OriginAt: origin.Unix(), Expiry: t.expires.Unix(), IssuedAt: now.Unix(), TokenID: t.id,
	})

	a.mu.Lock()
	defer a.mu.Unlock()
	a.forget(now)
	a.tokens[sha256.Sum256([]byte(signed))] = &t
	if t.grant != nil && t.kind == kindAccess {
		t.grant.accessUntil = t.expires
	}
	if t.kind == kindRefresh {
		t.grant.refreshUntil = t.expires
	}
	return signed
}

// tokensKept bounds the memory for tokens; beyond it those long expired are forgotten.
const tokensKept = 50_000

// forget needs mu.
func (a *Account) forget(now time.Time) {
	if len(a.tokens) < tokensKept {
		return
	}
	for sum, t := range a.tokens {
		if now.After(t.expires.Add(time.Hour)) {
			delete(a.tokens, sum)
		}
	}
}

// find returns the memory of a token, nil if this account never issued it.
func (a *Account) find(signed string) *token {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tokens[sha256.Sum256([]byte(signed))]
}

// dead tells whether the token was revoked, itself or by its grant.
func (a *Account) dead(t *token) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.revoked || t.grant == nil {
		return t.revoked
	}
	return t.grant.revoked && (t.kind == kindRefresh || !a.s.settings().RevokeKeepsAccessTokens)
}

// newGrant opens the refresh chain of a consent.
func (a *Account) newGrant(i Integration, c *code, now time.Time) *grant {
	g := &grant{
		id: strings.ToLower(newUUID()), clientID: i.ClientID, scopes: c.scopes, entity: c.entity, role: c.role,
		public: i.Public, started: now, end: now.Add(confidentialRefreshLife), session: c.session,
	}
	if i.Public {
		g.end = now.Add(time.Duration(i.RotationHours) * time.Hour)
	}
	return g
}

// refreshExpiry is when a refresh token issued now ends: after the fixed 7 days of a confidential client's chain,
// or after the record's Refresh Token Validity, never beyond Maximum Time For Token Rotation
// (H/section_157771733782).
func (g *grant) refreshExpiry(i Integration, now time.Time) time.Time {
	if !g.public {
		return g.end
	}
	validity := now.Add(time.Duration(i.RefreshHours) * time.Hour)
	if validity.After(g.end) {
		return g.end
	}
	return validity
}

// Grant is one consent with its refresh chain, as tests want to see it.
type Grant struct {
	ID           string
	ClientID     string
	Entity, Role int64
	Scopes       []string
	Public       bool
	Started      time.Time
	Ends         time.Time // no refresh beyond it
	State        string    // "live", "revoked" or "expired"
}

// Grants are the consents given in this account, oldest first. A grant is live while any of its tokens is.
func (a *Account) Grants() []Grant {
	now := a.s.clock.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]Grant, 0, len(a.grants))
	for _, g := range a.grants {
		out = append(out, Grant{
			ID: g.id, ClientID: g.clientID, Entity: g.entity, Role: g.role, Scopes: slices.Clone(g.scopes), Public: g.public,
			Started: g.started, Ends: g.end, State: g.state(now),
		})
	}
	return out
}

func (g *grant) state(now time.Time) string {
	switch {
	case g.revoked:
		return "revoked"
	case now.Before(g.refreshUntil) || now.Before(g.accessUntil):
		return "live"
	}
	return "expired"
}

// RevokeGrant ends a consent, as the page OAuth 2.0 Authorized Applications does (H/section_157771510070). It
// returns false if there is no such grant.
func (a *Account) RevokeGrant(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, g := range a.grants {
		if g.id == id {
			g.revoked = true
			return true
		}
	}
	return false
}
