package soak

import (
	"fmt"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuitetest"
)

// The judge knows NetSuite's state and ledger and what the callers met. What we say of ourselves counts only at the end, where
// NetSuite's certificates are held against those that we know.

const (
	mailedAt   = 60 * day // before its end; then NetSuite mails every administrator of the account
	mostActive = 5        // certificates of one integration in one account (H/section_158921905537)
	settled    = 3 * day  // after a replacement the old certificate is gone: a day of overlap, and daily scans
)

// sight is one connection as it looked at the end of a day.
type sight struct {
	connection string
	now        time.Time
	// outage tells that NetSuite had announced that it does not answer: then a caller may be asked to come again, and no more.
	outage bool
	// failures are what callers met.
	failures []failure
	// signed is the certificate that NetSuite saw in the newest mint of this day or of one before.
	signed string
	// ours and foreign are the certificates in the account, revoked ones included.
	ours, foreign []netsuitetest.Certificate
}

// failure is a caller's request that did not bring what it should.
type failure struct {
	what string
	// comeAgain tells that the answer was 503 with Retry-After.
	comeAgain bool
}

// judgeDay names what is wrong with a connection.
func judgeDay(s sight) (findings []string) {
	complain := func(format string, args ...any) {
		findings = append(findings, s.connection+": "+fmt.Sprintf(format, args...))
	}
	for _, f := range s.failures {
		if !s.outage || !f.comeAgain {
			complain("a hand-out failed: %s", f.what)
		}
	}
	active, signs := 0, false
	for _, c := range s.ours {
		if !works(c, s.now) {
			continue
		}
		active++
		if c.ID != s.signed {
			continue
		}
		signs = true
		if left := c.ValidUntil.Sub(s.now); left < mailedAt {
			complain("its certificate ends in %.1f days: NetSuite has mailed the administrators", left.Hours()/24)
		}
	}
	if active == 0 {
		complain("no certificate of it works")
	}
	if !signs {
		complain("it signs with %q, which NetSuite does not take any more", s.signed)
	}
	for _, c := range s.foreign {
		if works(c, s.now) {
			active++
		}
		if c.Revoked {
			complain("the foreign certificate %s was revoked", c.ID)
		}
	}
	if active > mostActive {
		complain("%d certificates are active", active)
	}
	return findings
}

func works(c netsuitetest.Certificate, now time.Time) bool {
	return !c.Revoked && !now.Before(c.ValidFrom) && now.Before(c.ValidUntil)
}

// record is all that is known of a connection at the end, here and at NetSuite.
type record struct {
	connection string
	now        time.Time
	ours       []netsuitetest.Certificate // at NetSuite, oldest first
	uploads    int                        // accepted by NetSuite, by its ledger
	known      map[string]broker.Certificate
	events     []broker.Event
}

// judgeEnd names orphans, and rotations that are not visible exactly once: as one upload in NetSuite's ledger, and as one event.
func judgeEnd(r record) (findings []string) {
	complain := func(format string, args ...any) {
		findings = append(findings, r.connection+": "+fmt.Sprintf(format, args...))
	}
	told := map[string]int{}
	for _, e := range r.events {
		if e.Type == broker.EventCertificateRotated {
			told[e.Object]++
		}
	}
	for i, c := range r.ours {
		k, known := r.known[c.ID]
		switch {
		case !works(c, r.now):
		case !known:
			complain("certificate %s is active at NetSuite and unknown here", c.ID)
		case k.State == broker.CertificateRevoked, k.State == broker.CertificateRetiring && r.now.Sub(k.UpdatedAt) > settled:
			complain("certificate %s is active at NetSuite and %s here", c.ID, k.State)
		}
		if i == 0 {
			continue // the one that it was connected with
		}
		if n := told[k.ID]; n != 1 {
			complain("the rotation to %s was told %d times", c.ID, n)
		}
		delete(told, k.ID)
	}
	for id := range told {
		complain("a rotation to %s was told, which NetSuite does not know", id)
	}
	if rotations := len(r.ours) - 1; r.uploads != rotations {
		complain("%d rotations at NetSuite took %d uploads", rotations, r.uploads)
	}
	return findings
}
