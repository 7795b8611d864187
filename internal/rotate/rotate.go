// Package rotate replaces a connection's certificate with a new one, by the connection's own means: a token made with the
// old key carries the new certificate to NetSuite. Hand-outs go on meanwhile, since the old key signs until the new one has
// made a token and a call.
//
// Certificates rotate by themselves when their time has come (Works, schedule.go), and the old one stays good for a day; Rotate
// is for an operator who wants it now. Its steps are those of package certificates, and each may be repeated: a rotation that
// was cut by a crash goes on where it was when it is called again.
//
// The old certificate is revoked only when no process signs with it any more (retire.go). What a process does under a lease that
// it has lost meanwhile changes nothing (lease.go).
package rotate

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

type store interface {
	App(ctx context.Context, name string) (broker.App, error)
	Connection(ctx context.Context, id string) (broker.Connection, error)
	Certificate(ctx context.Context, id string) (broker.Certificate, error)
	DueCertificates(ctx context.Context, work string, now time.Time, limit int) ([]broker.Certificate, error)
	RetiringCertificates(ctx context.Context, work string, now, replaced time.Time) ([]broker.Certificate, error)
	Rest(ctx context.Context, work, item string) (broker.Rest, error)
	SaveEvents(ctx context.Context, events ...broker.Event) error
	SaveRest(ctx context.Context, r broker.Rest) error
	DeleteRest(ctx context.Context, work, item string) error
	AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (broker.Lease, bool, error)
	ReleaseLease(ctx context.Context, l broker.Lease) error
}

type certifier interface {
	Plan(ctx context.Context, app broker.App, conn broker.Connection) (broker.Certificate, error)
	Upload(ctx context.Context, app broker.App, conn broker.Connection, id string, api *netsuite.API) (broker.Certificate, error)
	Mint(ctx context.Context, app broker.App, conn broker.Connection, id string) (*netsuite.Token, error)
	Prove(ctx context.Context, app broker.App, conn broker.Connection, id string) error
	Activate(ctx context.Context, conn *broker.Connection, id string) error
	Retire(ctx context.Context, app broker.App, conn broker.Connection, api *netsuite.API) error
}

// health knows which connections do not work. A rotation that fails is told there, and one that succeeds.
type health interface {
	Rests(ctx context.Context, connectionID string) (broker.Health, bool, error)
	Failed(ctx context.Context, connectionID string, op broker.Op, failure error) (broker.Health, error)
	Works(ctx context.Context, connectionID string, op broker.Op) error
}

type auditor interface {
	Record(ctx context.Context, line broker.AuditLine) error
}

// replicas are the serving processes.
type replicas interface {
	// Current is an error while this process must not act outward.
	Current() error
	// Unaware names those that may still sign with what the connection's newest certificate replaced.
	Unaware(ctx context.Context, connectionID string) (ids []string, err error)
}

// Service rotates, by command and by itself. A struct literal works; use it by pointer. Client, Now and Switched may be nil.
type Service struct {
	Store        store
	Certificates certifier
	Audit        auditor
	Replicas     replicas
	Health       health
	Site         netsuite.Site
	// Client makes the HTTP client for an account; nil means the site's own guarded one.
	Client func(netsuite.AccountID) *http.Client
	// Switched is told when a connection signs with a new certificate, so that cached tokens of the old one are let go.
	Switched func(connectionID string)
	// Overlap is how long a certificate that was replaced by itself stays good, so that no process is cut off that has not
	// heard of the new one (RO-02); a day when zero.
	Overlap time.Duration
	// AwaitReplicas is how long Rotate waits until all serving processes sign with the new certificate; half a minute when zero.
	AwaitReplicas time.Duration
	Holder        string
	Now           func() time.Time
	Logger        *slog.Logger // nil: silence
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Service) log() *slog.Logger {
	if s.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Logger
}

// Rotated says what a rotation changed.
type Rotated struct {
	Old, New   string
	ValidUntil time.Time
}

// Rotate replaces the connection's certificate now: new key, upload, test, switch, revoke the old one. The old one is revoked as
// soon as all serving processes sign with the new one: who rotates by hand may have reason to. When one of them does not say so
// in time, the error is CodeConflict, the rotation stands, and the old certificate is revoked by itself later.
func (s *Service) Rotate(ctx context.Context, connectionID string) (done Rotated, err error) {
	err = s.alone(ctx, connectionID, func(ctx context.Context) error {
		if err := s.awaitReplicas(ctx, connectionID); err != nil { // of the rotation before
			return err
		}
		if done, err = s.rotate(ctx, connectionID, "operator"); err != nil {
			return err
		}
		if err := s.awaitReplicas(ctx, connectionID); err != nil {
			return err
		}
		return s.retire(ctx, connectionID)
	})
	return done, err
}

// rotate does the steps up to the switch. actor is who wanted it, for the audit log.
func (s *Service) rotate(ctx context.Context, connectionID, actor string) (Rotated, error) {
	conn, app, err := s.load(ctx, connectionID)
	if err != nil {
		return Rotated{}, err
	}
	// Uploading makes room by revoking what was replaced before.
	if err := s.allAware(ctx, connectionID); err != nil {
		return Rotated{}, err
	}
	done := Rotated{Old: conn.CertificateID}
	fresh, err := s.Certificates.Plan(ctx, app, conn)
	if err != nil {
		return done, err
	}
	api, err := s.api(ctx, app, conn)
	if err != nil {
		return done, err
	}
	if err := s.Replicas.Current(); err != nil {
		return done, err
	}
	uploaded, err := s.Certificates.Upload(ctx, app, conn, fresh.ID, api)
	if err != nil {
		return done, err
	}
	if err := s.Certificates.Prove(ctx, app, conn, fresh.ID); err != nil {
		return done, err
	}
	done.New, done.ValidUntil = fresh.ID, uploaded.ValidUntil
	if err := s.record(ctx, conn, actor, "switching", done); err != nil {
		return done, err
	}
	if err := s.Certificates.Activate(ctx, &conn, fresh.ID); err != nil {
		return done, err
	}
	if s.Switched != nil {
		s.Switched(conn.ID)
	}
	if err := s.Health.Works(ctx, conn.ID, broker.OpRotate); err != nil {
		return done, err
	}
	return done, s.record(ctx, conn, actor, "ok", done)
}

func (s *Service) load(ctx context.Context, connectionID string) (broker.Connection, broker.App, error) {
	conn, err := s.Store.Connection(ctx, connectionID)
	if errors.Is(err, broker.ErrNotFound) {
		return conn, broker.App{}, broker.Errorf(broker.CodeNotFound, "there is no connection %q", connectionID).WithDo("suitekey connection list")
	}
	if err != nil {
		return conn, broker.App{}, err
	}
	if conn.State != broker.ConnectionConnected {
		return conn, broker.App{}, broker.Errorf(broker.CodeSetupState, "connection %s is %s, so it has no certificate to rotate", conn.ID, conn.State)
	}
	app, err := s.Store.App(ctx, conn.App)
	return conn, app, err
}

// tokenError is a refusal of the connection itself, which says nothing about its right to rotate.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return "token to rotate with: " + e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

// api reaches the account with a token of the certificate that signs now.
func (s *Service) api(ctx context.Context, app broker.App, conn broker.Connection) (*netsuite.API, error) {
	token, err := s.Certificates.Mint(ctx, app, conn, conn.CertificateID)
	if err != nil {
		return nil, &tokenError{err}
	}
	return &netsuite.API{
		Account: conn.Account, Site: s.Site, Token: token.AccessToken, HTTPClient: s.Client, CertificateService: app.CertificatesService(),
	}, nil
}

// record writes a line before the switch and one after it: whatever crashes between, the audit log knows of the switch.
func (s *Service) record(ctx context.Context, conn broker.Connection, actor, result string, done Rotated) error {
	return s.Audit.Record(ctx, broker.AuditLine{
		At: s.now(), Event: broker.AuditCertificateRotated, Actor: actor, App: conn.App, Object: conn.ID, Result: result, Detail: done.Old + " -> " + done.New,
	})
}
