package notify

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// EntryKind is what happens at the moment of an entry.
type EntryKind string

const (
	EntryRotation       EntryKind = "certificate_rotation" // planned; it happens by itself
	EntryCertificateEnd EntryKind = "certificate_end"
	EntryConsentEnd     EntryKind = "consent_end" // the person must have consented again by then
)

// Entry is one date of the calendar.
type Entry struct {
	At           time.Time
	Kind         EntryKind
	App          string
	Customer     string
	Account      string
	ConnectionID string
	// Object is the certificate's ID; empty for a consent.
	Object string
	// UpdatedAt is when what it is about last changed.
	UpdatedAt time.Time
}

// Calendar lists the ends and planned rotations of the certificates that connections sign with, and the ends of people's consents, by
// time; of one app, or of all when app is empty. Errors carry CodeNotFound.
func (s *Service) Calendar(ctx context.Context, app string) ([]Entry, error) {
	if app != "" {
		if _, err := s.Store.App(ctx, app); err != nil {
			return nil, missing(err, `field "app": there is no app %.80q`, app)
		}
	}
	connections, err := s.Store.Connections(ctx, app)
	if err != nil {
		return nil, err
	}
	byID := map[string]broker.Connection{}
	for _, c := range connections {
		if c.State == broker.ConnectionConnected {
			byID[c.ID] = c
		}
	}
	certificates, err := s.Store.ActiveCertificates(ctx)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, c := range certificates {
		if conn, ok := byID[c.ConnectionID]; ok {
			entries = append(entries, entryOf(conn, EntryRotation, c.RotateAt(), c.ID, c.UpdatedAt), entryOf(conn, EntryCertificateEnd, c.ValidUntil, c.ID, c.UpdatedAt))
		}
	}
	grants, err := s.Store.LiveUserGrants(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range grants {
		if conn, ok := byID[g.ConnectionID]; ok {
			entries = append(entries, entryOf(conn, EntryConsentEnd, g.ConsentBy, "", g.UpdatedAt))
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ConnectionID, b.ConnectionID), cmp.Compare(a.Kind, b.Kind))
	})
	return entries, nil
}

func entryOf(c broker.Connection, kind EntryKind, at time.Time, object string, updated time.Time) Entry {
	return Entry{at.UTC(), kind, c.App, c.Customer, c.Account.String(), c.ID, object, updated}
}
