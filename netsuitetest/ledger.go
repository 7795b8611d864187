package netsuitetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Entry is one request as the emulator saw and judged it.
type Entry struct {
	N       int       // position, from 1
	At      time.Time // on the emulator's clock
	Account string    // empty where the host names none
	Service string    // app, suitetalk, restlets, extforms, system, rest, bare
	Method  string
	Path    string // never the query
	Rule    string // the rule it met or broke, with its source
	OK      bool
	Status  int // 0 when the connection was cut
	Running int // requests that the account was answering as this one began, itself included; 0 where none are counted

	ClientID, GrantType, CertificateID, TokenID string            // of the request or of the token that it carries
	Role, Entity                                int64             // of the token; of the mapping in an upload or a revocation
	AuditDetail                                 string            // the name in the Login Audit Trail's Detail column
	Fault                                       string            // the injected fault that it met
	Params                                      map[string]string // secrets as the first digits of their SHA-256
}

// ledgerSize bounds the ledger; the oldest entries go first.
const ledgerSize = 1 << 16

// Ledger is the record of every request, readable while the emulator runs. An entry stands in it before the
// first byte of its answer leaves.
type Ledger struct {
	mu      sync.Mutex
	entries []Entry       // guarded by mu
	n       int           // guarded by mu; entries ever made
	changed chan struct{} // guarded by mu; closed and replaced at each entry
}

func newLedger() *Ledger { return &Ledger{changed: make(chan struct{})} }

func (l *Ledger) add(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	e.N = l.n
	if len(l.entries) == ledgerSize {
		l.entries = slices.Delete(l.entries, 0, ledgerSize/8)
	}
	l.entries = append(l.entries, e)
	close(l.changed)
	l.changed = make(chan struct{})
}

// clear forgets every entry; the next one is the first again.
func (l *Ledger) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries, l.n = nil, 0
}

// Entries returns the entries that pass every filter, oldest first. Their Params must not be changed.
func (l *Ledger) Entries(filters ...func(Entry) bool) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.filtered(filters)
}

// find is the entry with this number, as long as the ledger has it.
func (l *Ledger) find(n int) (Entry, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := slices.BinarySearchFunc(l.entries, n, func(e Entry, n int) int { return e.N - n })
	if !ok {
		return Entry{}, false
	}
	return l.entries[i], true
}

// Count counts the entries that pass the filter.
func (l *Ledger) Count(filter func(Entry) bool) int { return len(l.Entries(filter)) }

// Wait returns the first entry that passes the filter, as soon as there is one, or the context's error.
func (l *Ledger) Wait(ctx context.Context, filter func(Entry) bool) (Entry, error) {
	for {
		l.mu.Lock()
		found, changed := l.filtered([]func(Entry) bool{filter}), l.changed
		l.mu.Unlock()
		if len(found) > 0 {
			return found[0], nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Entry{}, ctx.Err()
		}
	}
}

// filtered needs mu.
func (l *Ledger) filtered(filters []func(Entry) bool) []Entry {
	var out []Entry
	for _, e := range l.entries {
		if !slices.ContainsFunc(filters, func(f func(Entry) bool) bool { return !f(e) }) {
			out = append(out, e)
		}
	}
	return out
}

// plainParams are the parameters whose value is no secret; everything else is shown as a digest.
var plainParams = []string{
	"response_type", "client_id", "redirect_uri", "scope", "code_challenge_method", "prompt", "grant_type",
	"client_assertion_type", "role", "entity", "company", "action", "script", "deploy", "limit", "offset", "account", "id",
	"sourcecompanyid", "domain", "config", "c", "step",
}

const maxShown = 300

// redact makes request parameters fit to be kept.
func redact(params url.Values) map[string]string {
	if len(params) == 0 {
		return nil
	}
	out := make(map[string]string, len(params))
	for name, values := range params {
		value := strings.Join(values, " | ")
		if !slices.Contains(plainParams, name) {
			value = digest(value)
		}
		out[clip(name)] = clip(value)
	}
	return out
}

// digest shows that two secrets are the same without showing them.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "sha256:" + hex.EncodeToString(sum[:6])
}

// clip bounds what a stranger can make us keep.
func clip(s string) string {
	if len(s) > maxShown {
		s = s[:maxShown] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}
