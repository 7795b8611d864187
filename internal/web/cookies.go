package web

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// cookies keep what ties a browser to its runs: one cookie with an entry per consent, newest first. An entry holds the
// run's ID, a mark of the consent's state, and the secret. The secret is random and stored hashed by the service; nothing
// in the cookie follows from the state, so knowing a state does not help to forge one (ON-03).
type cookies struct {
	// secure is set when the server is reached by https; the name then carries the prefix that only a secure origin may set.
	secure bool
}

type entry struct{ run, mark, secret string }

const (
	// maxEntries keeps the cookie below 1 KiB, far from the 4 KiB that browsers allow (RFC 6265 section 6.1).
	maxEntries = 8
	// A person comes back within a link's seven days, and reads the receipt later.
	cookieLife = 30 * 24 * time.Hour
)

var entryForm = regexp.MustCompile(`^([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{0,16})\.([A-Za-z0-9_-]{1,128})$`)

func (c cookies) name() string {
	if c.secure {
		return "__Host-suitekey-run"
	}
	return "suitekey-run"
}

// read returns the entries of the request's cookie, newest first. Malformed ones are left out.
func (c cookies) read(r *http.Request) []entry {
	cookie, err := r.Cookie(c.name())
	if err != nil || len(cookie.Value) > 4096 {
		return nil
	}
	var entries []entry
	for part := range strings.SplitSeq(cookie.Value, "~") {
		if m := entryForm.FindStringSubmatch(part); m != nil && len(entries) < maxEntries {
			entries = append(entries, entry{m[1], m[2], m[3]})
		}
	}
	return entries
}

// add puts the departure's secret in front of what the browser holds already. The older secret of the same run stays: it
// opens the run's pages until the new consent is given.
func (c cookies) add(w http.ResponseWriter, r *http.Request, d broker.Departure, state string) {
	entries := slices.Insert(c.read(r), 0, entry{d.RunID, markOf(state), d.Browser})
	var parts []string
	for _, e := range entries[:min(len(entries), maxEntries)] {
		parts = append(parts, e.run+"."+e.mark+"."+e.secret)
	}
	http.SetCookie(w, &http.Cookie{
		Name: c.name(), Value: strings.Join(parts, "~"), Path: "/", MaxAge: int(cookieLife.Seconds()),
		HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode, // Lax: NetSuite's redirect must bring it
	})
}

// ofState is the secret of the consent that was asked for with this state; empty when this browser did not ask.
func (c cookies) ofState(r *http.Request, state string) string {
	mark := markOf(state)
	for _, e := range c.read(r) {
		if mark != "" && e.mark == mark {
			return e.secret
		}
	}
	return ""
}

// ofRun are the secrets that may open the run, newest first; a single empty one when there is none.
func (c cookies) ofRun(r *http.Request, run string) []string {
	var secrets []string
	for _, e := range c.read(r) {
		if e.run == run && !slices.Contains(secrets, e.secret) {
			secrets = append(secrets, e.secret)
		}
	}
	if len(secrets) == 0 {
		return []string{""}
	}
	return secrets
}

// newest is the run that this browser worked on last.
func (c cookies) newest(r *http.Request) string {
	if entries := c.read(r); len(entries) > 0 {
		return entries[0].run
	}
	return ""
}

func markOf(state string) string {
	if state == "" {
		return ""
	}
	return broker.HashToken(state)[:16]
}
