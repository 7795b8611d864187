package netsuitetest

import (
	"compress/gzip"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// This file saves the state of an emulator and puts it back: between tests in memory, between processes in a file.

// Snapshot is the state of an emulator at one moment: settings, clock, integration records, and of every account its
// switches, certificates, grants, tokens, sessions, signing keys, Login Audit Trail and company. The ledger and injected
// faults are no part of it, nor are canned answers and functions: RESTlets given with HandleRESTlet, base clock, logger. A snapshot can be
// restored any number of times. It holds every secret of the emulated accounts.
type Snapshot struct{ state serverState }

// stateFormat is the version of a saved state. A state of another version is refused.
const stateFormat = 1

type serverState struct {
	Format       int
	Settings     map[string]string // by name, those that are not at their default
	Clock        clockState
	Skew         time.Duration
	Integrations []Integration
	Flows        []flowState
	Accounts     []accountState
}

type accountState struct {
	ID           string
	Features     map[string]bool
	Approval     bool
	Records      []record
	NextRecord   int64
	Certificates []certificateState
	Grants       []grantState
	Codes        map[string]codeState
	Tokens       map[string]tokenState // by the SHA-256 of the token, hexadecimal
	SeenJTI      map[string]time.Time
	Consents     map[string]bool
	Sessions     map[string]sessionState
	Tickets      map[string]string // session by ticket
	Installing   map[int64]time.Time
	Trail        []AuditLine
	LastMilli    int64
	TBA          []tbaState
	Nonces       map[string]time.Time

	APIAccount, RedirectCompany, TokenAccount string

	Governor governorState
	Keys     []keyState
	Company  *company.State // nil = nobody has looked yet: as configured
}

type certificateState struct {
	ID, ClientID                   string
	Entity, Role                   int64
	Created, ValidFrom, ValidUntil time.Time
	Algorithm                      string
	Public                         []byte // PKIX
	Thumbprint                     []byte
	Revoked                        bool
}

type grantState struct {
	ID, ClientID                            string
	Scopes                                  []string
	Entity, Role                            int64
	Public, Revoked                         bool
	Started, End, RefreshUntil, AccessUntil time.Time
	Session                                 string
}

type codeState struct {
	ClientID, RedirectURI, Challenge, Nonce, Session string
	Scopes                                           []string
	Entity, Role                                     int64
	Issued, LoggedIn                                 time.Time
	Used                                             bool
	Grant                                            string // ID; empty = none yet
}

type tokenState struct {
	Kind           tokenKind
	ID, ClientID   string
	Scopes         []string
	Entity, Role   int64
	Expires, Spent time.Time
	Grant          string // ID; empty for client credentials
	Certificate    string
	Revoked        bool
}

type sessionState struct {
	Email        string
	Entity, Role int64
	Started      time.Time
}

type flowState struct {
	ID, ClientID, RedirectURI, State, Challenge, Nonce string
	Scopes, Prompt                                     []string
	Created                                            time.Time
	Account, Email, Session                            string
	Fresh, Chosen                                      bool
	Role                                               int64
	Code                                               string
}

type governorState struct {
	Limit     int
	Allocated map[string]int
	Rate      int
	Window    time.Duration
}

type tbaState struct {
	Token        TBAToken
	Row          int64
	Entity, Role int64
	Revoked      bool
}

type keyState struct {
	Kid    string
	Primes []uint64
	Born   time.Time
}

// Snapshot takes the state. It waits for requests being answered, those that a fault holds back apart, and lets none begin
// meanwhile; do not call it from a RESTlet's function.
func (s *Server) Snapshot() (*Snapshot, error) {
	s.world.Lock()
	defer s.world.Unlock()
	return s.snapshot()
}

func (s *Server) snapshot() (*Snapshot, error) {
	state := serverState{Format: stateFormat, Settings: s.Settings().turned(), Clock: s.clock.state()}
	s.mu.Lock()
	state.Skew = s.skew
	for _, id := range slices.Sorted(maps.Keys(s.integrations)) {
		state.Integrations = append(state.Integrations, s.integrations[id])
	}
	for _, id := range slices.Sorted(maps.Keys(s.flows)) {
		state.Flows = append(state.Flows, s.flows[id].saved())
	}
	s.mu.Unlock()
	for _, a := range s.order {
		saved, err := a.saved()
		if err != nil {
			return nil, err
		}
		state.Accounts = append(state.Accounts, saved)
	}
	return &Snapshot{state}, nil
}

// Restore puts a snapshot's state in place of the present one; the accounts must be the same. Like Snapshot it waits for
// requests being answered. The error names what does not fit; then nothing has changed.
//
// An account's signing key that is younger than the snapshot goes away, but where the snapshot has no key the account keeps
// the one that it has: no client needs to notice, and a key costs more time than all the rest.
func (s *Server) Restore(snapshot *Snapshot) error {
	s.world.Lock()
	defer s.world.Unlock()
	before, err := s.snapshot()
	if err != nil {
		return err
	}
	if err := s.restore(snapshot.state); err != nil {
		return errors.Join(err, s.restore(before.state))
	}
	return nil
}

func (s *Server) restore(state serverState) error {
	if err := s.fits(state); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	var settings Settings
	for name, value := range state.Settings {
		if err := settings.Set(name, value); err != nil {
			return fmt.Errorf("state: %w", err)
		}
	}
	if err := s.clock.restore(state.Clock); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	s.putSettings(settings)
	for i, a := range s.order {
		if err := a.restore(state.Accounts[i]); err != nil {
			return fmt.Errorf("state of account %s: %w", a.id, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew = state.Skew
	s.integrations, s.flows = map[string]Integration{}, map[string]flow{}
	for _, i := range state.Integrations {
		s.integrations[i.ClientID] = i
	}
	for _, f := range state.Flows {
		s.flows[f.ID] = f.flow(s.accounts[f.Account])
	}
	return nil
}

// fits refuses a state of another version or of other accounts.
func (s *Server) fits(state serverState) error {
	if state.Format != stateFormat {
		return fmt.Errorf("format %d: this version reads %d; save the state anew", state.Format, stateFormat)
	}
	if len(state.Accounts) != len(s.order) {
		return fmt.Errorf("it has %d accounts, the emulator %d; start the emulator with the same accounts", len(state.Accounts), len(s.order))
	}
	for i, a := range s.order {
		if state.Accounts[i].ID != a.id {
			return fmt.Errorf("account %d is %s, the emulator's is %s; start the emulator with the same accounts", i+1, clip(state.Accounts[i].ID), a.id)
		}
	}
	for _, i := range state.Integrations {
		if !hex64.MatchString(i.ClientID) {
			return fmt.Errorf("integration record %q: no client ID", clip(i.Name))
		}
	}
	for _, f := range state.Flows {
		if f.Account != "" && s.accounts[f.Account] == nil {
			return fmt.Errorf("authorization under way: no account %s", clip(f.Account))
		}
	}
	return nil
}

// Reset puts everything back to how New left it: the state, as Restore does it, faults, canned answers and the ledger as well.
func (s *Server) Reset() error {
	s.world.Lock()
	defer s.world.Unlock()
	if err := s.restore(s.start.state); err != nil {
		return err
	}
	s.ClearFaults()
	s.ClearAnswers()
	s.ledger.clear()
	return s.addScriptsAndFaults(s.cfg)
}

// turned are the settings that are not at their default, as Set takes them.
func (s Settings) turned() map[string]string {
	out := map[string]string{}
	for _, row := range settingsTable {
		if text := row.text(&s); text != row.Default {
			out[row.Name] = text
		}
	}
	return out
}

// WriteTo writes the snapshot in the form that ReadSnapshot reads: compressed JSON.
func (snapshot *Snapshot) WriteTo(w io.Writer) (int64, error) {
	counted := &countingWriter{w: w}
	packed, err := gzip.NewWriterLevel(counted, gzip.BestSpeed)
	if err != nil {
		return 0, err
	}
	err = errors.Join(json.NewEncoder(packed).Encode(snapshot.state), packed.Close())
	return counted.n, err
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// maxState bounds a saved state, unpacked: a few bytes could pretend to be terabytes.
const maxState = 1 << 30

// ReadSnapshot reads what WriteTo wrote. It refuses other content; whether the state fits an emulator, Restore finds out.
func ReadSnapshot(r io.Reader) (*Snapshot, error) {
	packed, err := gzip.NewReader(r)
	if err != nil {
		return nil, errors.New("state: want a file that the emulator saved: compressed JSON")
	}
	d := json.NewDecoder(io.LimitReader(packed, maxState))
	d.DisallowUnknownFields()
	var state serverState
	if err := d.Decode(&state); err != nil {
		return nil, fmt.Errorf("state: want a file that the emulator saved: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("state: something follows the saved state; the file is damaged")
	}
	return &Snapshot{state}, nil
}

// SaveState writes the state to a file that only its owner can read: it holds secrets. The file is whole or not there.
func (s *Server) SaveState(path string) error {
	snapshot, err := s.Snapshot()
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	_, err = snapshot.WriteTo(file)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("save state: %w", errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}

// LoadState restores the state that SaveState wrote.
func (s *Server) LoadState(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("load state: %w", err)
	}
	defer file.Close()
	snapshot, err := ReadSnapshot(file)
	if err != nil {
		return err
	}
	return s.Restore(snapshot)
}

// saved is the account's state.
func (a *Account) saved() (accountState, error) {
	out := accountState{ID: a.id}
	out.Governor = a.governor.saved()
	out.Keys = a.keys.saved()
	var err error
	if out.Company, err = a.savedCompany(); err != nil {
		return out, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	out.Features, out.Approval, out.NextRecord = maps.Clone(a.features), a.approval, a.nextRecord
	for _, id := range slices.Sorted(maps.Keys(a.records)) {
		out.Records = append(out.Records, *a.records[id])
	}
	out.SeenJTI, out.Consents, out.Installing, out.Nonces = maps.Clone(a.seenJTI), maps.Clone(a.consents), maps.Clone(a.installing), maps.Clone(a.nonces)
	out.Trail, out.LastMilli = slices.Clone(a.trail), a.lastMilli
	out.APIAccount, out.RedirectCompany, out.TokenAccount = a.apiAccount, a.redirectCompany, a.tokenAccount
	a.saveGrants(&out)
	a.saveSessions(&out)
	for _, id := range slices.Sorted(maps.Keys(a.tba)) {
		t := a.tba[id]
		out.TBA = append(out.TBA, tbaState{t.TBAToken, t.row, t.entity, t.role, t.revoked})
	}
	return out, a.saveCertificates(&out)
}

func (a *Account) savedCompany() (*company.State, error) {
	a.opening.Lock()
	defer a.opening.Unlock()
	if a.company == nil || a.closed {
		return nil, nil
	}
	state, err := a.company.State()
	return &state, err
}

// saveGrants needs mu.
func (a *Account) saveGrants(out *accountState) {
	for _, g := range a.grants {
		out.Grants = append(out.Grants, grantState{
			g.id, g.clientID, g.scopes, g.entity, g.role, g.public, g.revoked, g.started, g.end, g.refreshUntil, g.accessUntil, g.session,
		})
	}
	out.Codes, out.Tokens = map[string]codeState{}, map[string]tokenState{}
	for value, c := range a.codes {
		out.Codes[value] = codeState{
			c.clientID, c.redirectURI, c.challenge, c.nonce, c.session, c.scopes, c.entity, c.role, c.issued, c.loggedIn, c.used, c.grant.name(),
		}
	}
	for sum, t := range a.tokens {
		out.Tokens[hex.EncodeToString(sum[:])] = tokenState{
			t.kind, t.id, t.clientID, t.scopes, t.entity, t.role, t.expires, t.spent, t.grant.name(), t.certificate, t.revoked,
		}
	}
}

// name is the ID of a grant, if there is one.
func (g *grant) name() string {
	if g == nil {
		return ""
	}
	return g.id
}

// saveSessions needs mu.
func (a *Account) saveSessions(out *accountState) {
	out.Sessions, out.Tickets = map[string]sessionState{}, map[string]string{}
	for id, s := range a.sessions {
		out.Sessions[id] = sessionState{s.email, s.entity, s.role, s.started}
	}
	for ticket, s := range a.tickets {
		out.Tickets[ticket] = s.id
	}
}

// saveCertificates needs mu.
func (a *Account) saveCertificates(out *accountState) error {
	for _, c := range a.certificates {
		public, err := x509.MarshalPKIXPublicKey(c.public)
		if err != nil {
			return err
		}
		out.Certificates = append(out.Certificates, certificateState{
			c.id, c.clientID, c.entity, c.role, c.created, c.validFrom, c.validUntil, c.algorithm, public, slices.Clone(c.thumbprint[:]), c.revoked,
		})
	}
	return nil
}
