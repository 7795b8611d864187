package netsuitetest

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// This file makes the parts of an account anew from their saved form.

func (a *Account) restore(saved accountState) error {
	certificates, err := restoreCertificates(saved.Certificates)
	if err != nil {
		return err
	}
	grants, err := saved.grants()
	if err != nil {
		return err
	}
	codes, tokens, err := saved.codesAndTokens(grants)
	if err != nil {
		return err
	}
	sessions, tickets, err := saved.sessions()
	if err != nil {
		return err
	}
	if err := errors.Join(a.keys.restore(saved.Keys, a.s.clock.Now()), a.restoreCompany(saved.Company)); err != nil {
		return err
	}
	a.governor.restore(saved.Governor)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.features, a.approval, a.nextRecord = filled(saved.Features), saved.Approval, saved.NextRecord
	a.records = map[string]*record{}
	for _, r := range saved.Records {
		a.records[r.ClientID] = &r
	}
	a.certificates, a.codes, a.tokens, a.sessions, a.tickets = certificates, codes, tokens, sessions, tickets
	a.grants = nil
	for _, g := range saved.Grants {
		a.grants = append(a.grants, grants[g.ID])
	}
	a.seenJTI, a.consents, a.installing, a.nonces = filled(saved.SeenJTI), filled(saved.Consents), filled(saved.Installing), filled(saved.Nonces)
	a.trail, a.lastMilli = slices.Clone(saved.Trail), saved.LastMilli
	a.tba = map[string]*tbaToken{}
	for _, t := range saved.TBA {
		a.tba[t.Token.TokenID] = &tbaToken{TBAToken: t.Token, row: t.Row, entity: t.Entity, role: t.Role, revoked: t.Revoked}
	}
	a.apiAccount, a.redirectCompany, a.tokenAccount = saved.APIAccount, saved.RedirectCompany, saved.TokenAccount
	return nil
}

// filled is a copy that can be written to.
func filled[K comparable, V any](m map[K]V) map[K]V {
	out := make(map[K]V, len(m))
	maps.Copy(out, m)
	return out
}

func (a *Account) restoreCompany(saved *company.State) error {
	if saved == nil {
		return a.drop()
	}
	return a.data().SetState(*saved)
}

func restoreCertificates(saved []certificateState) ([]*certificate, error) {
	var out []*certificate
	for _, c := range saved {
		public, err := x509.ParsePKIXPublicKey(c.Public)
		if err != nil || len(c.Thumbprint) != 32 {
			return nil, fmt.Errorf("certificate %s: its key or thumbprint is damaged", clip(c.ID))
		}
		out = append(out, &certificate{
			id: c.ID, clientID: c.ClientID, entity: c.Entity, role: c.Role, created: c.Created, validFrom: c.ValidFrom, validUntil: c.ValidUntil,
			algorithm: c.Algorithm, public: public, thumbprint: [32]byte(c.Thumbprint), revoked: c.Revoked,
		})
	}
	return out, nil
}

// grants are the saved grants by ID.
func (saved accountState) grants() (map[string]*grant, error) {
	out := map[string]*grant{}
	for _, g := range saved.Grants {
		if g.ID == "" || out[g.ID] != nil {
			return nil, fmt.Errorf("grant %q: want an ID of its own", clip(g.ID))
		}
		out[g.ID] = &grant{
			id: g.ID, clientID: g.ClientID, scopes: g.Scopes, entity: g.Entity, role: g.Role, public: g.Public, revoked: g.Revoked,
			started: g.Started, end: g.End, refreshUntil: g.RefreshUntil, accessUntil: g.AccessUntil, session: g.Session,
		}
	}
	return out, nil
}

func (saved accountState) codesAndTokens(grants map[string]*grant) (map[string]*code, map[[32]byte]*token, error) {
	codes, tokens := map[string]*code{}, map[[32]byte]*token{}
	for value, c := range saved.Codes {
		if c.Grant != "" && grants[c.Grant] == nil || c.Grant == "" && c.Used {
			return nil, nil, errors.New("an authorization code has no grant")
		}
		codes[value] = &code{
			clientID: c.ClientID, redirectURI: c.RedirectURI, challenge: c.Challenge, nonce: c.Nonce, session: c.Session, scopes: c.Scopes,
			entity: c.Entity, role: c.Role, issued: c.Issued, loggedIn: c.LoggedIn, used: c.Used, grant: grants[c.Grant],
		}
	}
	for sum, t := range saved.Tokens {
		raw, err := hex.DecodeString(sum)
		switch {
		case err != nil || len(raw) != 32:
			return nil, nil, errors.New("a token's digest is damaged")
		case grants[t.Grant] == nil && (t.Grant != "" || t.Kind != kindAccess):
			return nil, nil, fmt.Errorf("token %s has no grant", clip(t.ID))
		}
		tokens[[32]byte(raw)] = &token{
			kind: t.Kind, id: t.ID, clientID: t.ClientID, scopes: t.Scopes, entity: t.Entity, role: t.Role,
			expires: t.Expires, spent: t.Spent, grant: grants[t.Grant], certificate: t.Certificate, revoked: t.Revoked,
		}
	}
	return codes, tokens, nil
}

func (saved accountState) sessions() (sessions, tickets map[string]*session, err error) {
	sessions, tickets = map[string]*session{}, map[string]*session{}
	for id, s := range saved.Sessions {
		sessions[id] = &session{id: id, email: s.Email, entity: s.Entity, role: s.Role, started: s.Started}
	}
	for ticket, id := range saved.Tickets {
		if sessions[id] == nil {
			return nil, nil, errors.New("a log-in at the system host has no session")
		}
		tickets[ticket] = sessions[id]
	}
	return sessions, tickets, nil
}

func (f flow) saved() flowState {
	out := flowState{
		ID: f.id, ClientID: f.clientID, RedirectURI: f.redirectURI, State: f.state, Challenge: f.challenge, Nonce: f.nonce,
		Scopes: f.scopes, Prompt: f.prompt, Created: f.created, Email: f.email, Fresh: f.fresh, Chosen: f.chosen, Role: f.role, Code: f.code,
	}
	if f.account != nil {
		out.Account = f.account.id
	}
	if f.session != nil {
		out.Session = f.session.id
	}
	return out
}

// flow is the authorization under way at an account, nil = at the system host. One whose session has ended begins again with
// the log-in.
func (f flowState) flow(a *Account) flow {
	out := flow{
		id: f.ID, clientID: f.ClientID, redirectURI: f.RedirectURI, state: f.State, challenge: f.Challenge, nonce: f.Nonce,
		scopes: f.Scopes, prompt: f.Prompt, created: f.Created, account: a, email: f.Email, fresh: f.Fresh, chosen: f.Chosen, role: f.Role, code: f.Code,
	}
	if a != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		out.session = a.sessions[f.Session]
	}
	return out
}

func (k *signingKeys) saved() []keyState {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []keyState
	for _, key := range k.keys {
		out = append(out, keyState{key.kid, key.private.primes(), key.born})
	}
	return out
}

// restore takes the saved keys; where none were saved it keeps those that are not of the future.
func (k *signingKeys) restore(saved []keyState, now time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(saved) == 0 {
		k.keys = slices.DeleteFunc(k.keys, func(key signingKey) bool { return key.born.After(now) })
		return nil
	}
	var keys []signingKey
	for _, s := range saved {
		if !areQuickPrimes(s.Primes) {
			return fmt.Errorf("signing key %s: want %d primes of an emulator's key", clip(s.Kid), quickPrimes)
		}
		keys = append(keys, signingKey{s.Kid, quickKeyOf(s.Primes), s.Born})
	}
	k.keys = keys
	return nil
}

func (g *governor) saved() governorState {
	g.mu.Lock()
	defer g.mu.Unlock()
	return governorState{g.limit, maps.Clone(g.allocated), g.rate, g.window}
}

// restore leaves the requests under way counted, and those of the rate's window forgotten.
func (g *governor) restore(saved governorState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit, g.allocated = saved.Limit, filled(saved.Allocated)
	g.rate, g.window, g.recent = saved.Rate, saved.Window, nil
}
