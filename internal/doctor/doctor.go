// Package doctor keeps the health of connections: it classes what failed (classify.go, examine.go), keeps the evidence, decides
// when NetSuite may be asked again (ladder.go), and looks after every connection once a day (probe.go).
//
// Whoever asks NetSuite for something on behalf of a connection asks Rests before, and tells Failed or Works after. So one failure
// is seen once, by all replicas, and a connection that NetSuite refuses is not asked for by every caller (DO-02, RO-06).
//
// It makes no token (package tokens does), sends no message (package notify does) and mends nothing.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

type store interface {
	App(ctx context.Context, name string) (broker.App, error)
	Connection(ctx context.Context, id string) (broker.Connection, error)
	Certificate(ctx context.Context, id string) (broker.Certificate, error)
	Health(ctx context.Context, connectionID string) (broker.Health, error)
	SaveHealth(ctx context.Context, h *broker.Health, events ...broker.Event) error
	UserGrant(ctx context.Context, connectionID string) (broker.UserGrant, error)
	SaveUserGrant(ctx context.Context, g *broker.UserGrant, events ...broker.Event) error
	DueUserGrants(ctx context.Context, now time.Time, limit int) ([]string, error)
	DueProbes(ctx context.Context, now time.Time, limit int) ([]string, error)
}

type tokens interface {
	// Renew gets a token that is good now, whatever the connection's health is, and another one than the refused.
	Renew(ctx context.Context, connectionID string, refused netsuite.Secret) (netsuite.Secret, error)
	// Living is the last token, if NetSuite should still take it; nothing is asked for.
	Living(ctx context.Context, connectionID string) (netsuite.Secret, bool, error)
}

type certificates interface {
	// Fits reports whether the stored private key is that of the certificate.
	Fits(ctx context.Context, certificateID string) (bool, error)
}

type links interface {
	// RepairLink returns the connection's link for a new consent, and makes one when there is none that still works.
	RepairLink(ctx context.Context, connectionID string) (broker.Link, string, error)
}

type auditor interface {
	Record(ctx context.Context, line broker.AuditLine) error
}

// Service keeps the health of connections. A struct literal works; use it by pointer. Client and Now may be nil.
type Service struct {
	Store        store
	Tokens       tokens
	Certificates certificates
	Links        links
	Audit        auditor
	Site         netsuite.Site
	// Client makes the HTTP client for an account; nil means the site's own guarded one.
	Client func(netsuite.AccountID) *http.Client
	Now    func() time.Time
}

// Rests reports whether NetSuite is not to be asked for a token of the connection now; health says until when and why. A connection
// that only lost a permission, or cannot rotate, still has tokens.
func (s *Service) Rests(ctx context.Context, connectionID string) (broker.Health, bool, error) {
	h, err := s.health(ctx, connectionID)
	if err != nil || h.Cause == "" || h.Evidence.Op != broker.OpToken {
		return h, false, err
	}
	return h, s.now().Before(h.AskAgain()), nil
}

// Failed notes that an operation of a connection failed, and returns the health that follows. An error that did not come from
// NetSuite changes nothing, and is returned.
func (s *Service) Failed(ctx context.Context, connectionID string, op broker.Op, failure error) (broker.Health, error) {
	cause, evidence := classify(op, failure)
	if cause == "" {
		return broker.Health{}, failure
	}
	conn, err := s.Store.Connection(ctx, connectionID)
	if err != nil {
		return broker.Health{}, err
	}
	evidence.At = s.now()
	found := finding{cause: cause, sure: true}
	if cause == broker.CauseCredentialsRefused {
		if found, err = s.examine(ctx, conn); err != nil {
			return broker.Health{}, err
		}
		evidence.Detail = found.detail
	}
	h, err := s.change(ctx, conn, func(h *broker.Health) bool {
		if !found.sure && refused(h.Cause) {
			found.cause, evidence.Detail = h.Cause, h.Evidence.Detail // what was seen while more could be seen
		}
		s.worsen(h, found.cause, evidence)
		return true
	})
	if err != nil {
		return h, err
	}
	return s.linked(ctx, conn, h)
}

// worsen notes a failure.
func (s *Service) worsen(h *broker.Health, cause broker.Cause, evidence broker.Evidence) {
	if h.Cause != cause {
		h.Cause, h.Failures, h.RepairLinkID, h.Since = cause, 0, "", s.now()
	}
	h.Failures++
	h.Evidence = evidence
	h.ProbeAt = s.now().Add(max(evidence.Wait, pause(cause, h.Failures)))
	// What passes by itself is trouble only when it lasts.
	if !broker.Conditions[cause].Passes || h.Failures >= lasting {
		h.State = cause.State()
	}
}

// Works notes that an operation of a connection succeeded.
func (s *Service) Works(ctx context.Context, connectionID string, op broker.Op) error {
	h, err := s.health(ctx, connectionID)
	if err != nil || (h.Version > 0 && !cured(h, op)) {
		return err // nothing changes: the common case costs one read
	}
	conn, err := s.Store.Connection(ctx, connectionID)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, conn, func(h *broker.Health) bool {
		if h.Version > 0 && !cured(*h, op) {
			return false
		}
		s.heal(h)
		return true
	})
	return err
}

func cured(h broker.Health, op broker.Op) bool { return h.Cause != "" && op.Covers(h.Evidence.Op) }

func (s *Service) heal(h *broker.Health) {
	*h = broker.Health{
		ConnectionID: h.ConnectionID, App: h.App, Version: h.Version,
		State: broker.HealthOK, Since: s.now(), ProbeAt: s.now().Add(routine(h.ConnectionID)),
	}
}

// change applies a finding by compare-and-swap, and tells of it when the state or its cause is another one than before.
// What was seen is true whoever holds the caller's lease by now.
func (s *Service) change(ctx context.Context, conn broker.Connection, apply func(*broker.Health) bool) (broker.Health, error) {
	ctx = broker.WithoutLease(ctx)
	for {
		before, err := s.health(ctx, conn.ID)
		if err != nil {
			return before, err
		}
		h := before
		h.ConnectionID, h.App = conn.ID, conn.App
		if !apply(&h) {
			return h, nil
		}
		events := s.news(conn, before, h)
		if len(events) > 0 {
			if err := s.record(ctx, conn, h); err != nil {
				return h, err
			}
		}
		err = s.Store.SaveHealth(ctx, &h, events...)
		if !errors.Is(err, broker.ErrConflict) {
			return h, err
		}
		if ctx.Err() != nil {
			return h, ctx.Err()
		}
	}
}

// news is what is told of a change: nothing, or one event.
func (s *Service) news(conn broker.Connection, before, after broker.Health) []broker.Event {
	was, is := trouble(before), trouble(after)
	kind := broker.EventConnectionDegraded
	switch {
	case was == is:
		return nil
	case is == "":
		kind = broker.EventConnectionRecovered
	case after.State == broker.HealthNeedsConsent:
		kind = broker.EventConnectionNeedsConsent
	}
	e := broker.NewEvent(kind, s.now(), conn.App, conn.ID, conn.ID)
	e.Cause, e.Detail = is, after.Evidence.Detail
	if is == "" {
		e.Cause = was // what it recovered from
	}
	return []broker.Event{e}
}

// trouble is the cause that others were told of.
func trouble(h broker.Health) broker.Cause {
	if h.State == broker.HealthOK {
		return ""
	}
	return h.Cause
}

func (s *Service) record(ctx context.Context, conn broker.Connection, h broker.Health) error {
	result := string(h.State)
	if h.Cause != "" {
		result += ": " + string(h.Cause)
	}
	return s.Audit.Record(ctx, broker.AuditLine{
		At: s.now(), Event: broker.AuditHealthChanged, Actor: "system", App: conn.App, Object: conn.ID, Result: result, Detail: h.Evidence.Detail,
	})
}

// linked makes the link that a person needs, once for each cause.
func (s *Service) linked(ctx context.Context, conn broker.Connection, h broker.Health) (broker.Health, error) {
	if h.State != broker.HealthNeedsConsent || h.RepairLinkID != "" {
		return h, nil
	}
	link, _, err := s.Links.RepairLink(ctx, conn.ID)
	if err != nil {
		return h, fmt.Errorf("repair link of connection %s: %w", conn.ID, err)
	}
	return s.change(ctx, conn, func(h *broker.Health) bool {
		if h.State != broker.HealthNeedsConsent {
			return false
		}
		h.RepairLinkID = link.ID
		return true
	})
}

// health of a connection; one that nobody has looked at yet is well.
func (s *Service) health(ctx context.Context, connectionID string) (broker.Health, error) {
	h, err := s.Store.Health(ctx, connectionID)
	if errors.Is(err, broker.ErrNotFound) {
		return broker.Health{ConnectionID: connectionID, State: broker.HealthOK}, nil
	}
	return h, err
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}
