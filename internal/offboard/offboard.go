// Package offboard ends connections: what a connection had is revoked at NetSuite and wiped here, and a signed record says what was
// done and what is left for the customer to click (record.go).
//
// Disconnect makes the intent durable first: from then on nobody gets a token. When NetSuite does not answer, it is asked again in
// the background for a week, with the keys kept for nothing else; then they are wiped all the same. Every step may be repeated after
// a crash: what NetSuite has revoked already is found by listing.
//
// It forgets nothing of the connection's history: rows stay, without secrets.
package offboard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

type store interface {
	App(ctx context.Context, name string) (broker.App, error)
	Connection(ctx context.Context, id string) (broker.Connection, error)
	CertificatesOf(ctx context.Context, connectionID string) ([]broker.Certificate, error)
	UserGrant(ctx context.Context, connectionID string) (broker.UserGrant, error)
	Disconnection(ctx context.Context, connectionID string) (broker.Disconnection, error)
	SaveDisconnection(ctx context.Context, d *broker.Disconnection, conn *broker.Connection) error
	Disconnect(ctx context.Context, d *broker.Disconnection, conn *broker.Connection, events ...broker.Event) error
	DueDisconnections(ctx context.Context, now time.Time, limit int) ([]string, error)
	SigningKeys(ctx context.Context) ([]broker.SigningKey, error)
	AddSigningKey(ctx context.Context, key broker.SigningKey) error
	AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (broker.Lease, bool, error)
	ReleaseLease(ctx context.Context, l broker.Lease) error
}

type vault interface {
	Seal(place broker.Place, plain []byte) (broker.Sealed, error)
	Open(place broker.Place, sealed broker.Sealed) ([]byte, error)
}

type certificates interface {
	Mint(ctx context.Context, app broker.App, conn broker.Connection, id string) (*netsuite.Token, error)
}

type consents interface {
	Revoke(ctx context.Context, app string, account netsuite.AccountID, refreshToken netsuite.Secret) error
}

type auditor interface {
	Record(ctx context.Context, line broker.AuditLine) error
}

// Service ends connections. A struct literal works; use it by pointer. Client, Now, Logger and Ended may be nil.
type Service struct {
	Store        store
	Vault        vault
	Certificates certificates
	Consents     consents
	Audit        auditor
	Site         netsuite.Site
	// Client makes the HTTP client for an account; nil means the site's own guarded one.
	Client func(netsuite.AccountID) *http.Client
	// Ended is told when a connection hands out nothing any more, so that its cached tokens are let go.
	Ended func(connectionID string)
	// Issuer names this server in records: its public URL.
	Issuer string
	Holder string
	Now    func() time.Time
	Logger *slog.Logger
}

const (
	// LookEvery is how often we look for ends that are to be tried again.
	LookEvery = time.Minute
	// AtOnce is how many are tried at the same time by one process.
	AtOnce = 2

	mostAtOnce = 100
	// askWithin bounds one attempt at NetSuite.
	askWithin = 20 * time.Second
	// leaseFor is how long an attempt stays with a process that has died.
	leaseFor = 5 * time.Minute
)

// pauses after each attempt that NetSuite did not answer, the last one from then on.
var pauses = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour}

// Disconnect ends a connection, and returns what became of it. When NetSuite does not answer, the end is not over (EndedAt is zero)
// and goes on in the background; with atOnce everything is wiped here without waiting. Ending it again returns the same record.
// actor is who wants it, for the audit log. Errors carry CodeNotFound and CodeConflict.
func (s *Service) Disconnect(ctx context.Context, connectionID, actor string, atOnce bool) (broker.Disconnection, error) {
	conn, err := s.Store.Connection(ctx, connectionID)
	if errors.Is(err, broker.ErrNotFound) {
		return broker.Disconnection{}, broker.Errorf(broker.CodeNotFound, "there is no connection %.80q", connectionID).WithDo("suitekey connection list")
	}
	if err != nil {
		return broker.Disconnection{}, err
	}
	end, err := s.begin(ctx, conn, actor, atOnce)
	if err != nil || !end.EndedAt.IsZero() {
		return end, err
	}
	return s.attempt(ctx, connectionID)
}

// begin makes the intent durable: from here on the connection hands out nothing.
func (s *Service) begin(ctx context.Context, conn broker.Connection, actor string, atOnce bool) (broker.Disconnection, error) {
	end, err := s.Store.Disconnection(ctx, conn.ID)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return end, err
	}
	if !end.EndedAt.IsZero() || (end.Version > 0 && !atOnce) {
		return end, nil
	}
	now := s.now()
	if end.Version == 0 {
		end = broker.Disconnection{ConnectionID: conn.ID, App: conn.App, AskedAt: now, GiveUpAt: now.Add(broker.KeepTrying)}
	}
	if atOnce {
		end.GiveUpAt = now
	}
	end.DueAt, conn.State = now, broker.ConnectionDisconnecting
	line := broker.AuditLine{At: now, Event: broker.AuditDisconnected, Actor: actor, App: conn.App, Object: conn.ID, Result: "asked"}
	if err := s.Audit.Record(ctx, line); err != nil {
		return end, err
	}
	if err := s.Store.SaveDisconnection(ctx, &end, &conn); err != nil {
		return end, changed(conn.ID, err)
	}
	if s.Ended != nil {
		s.Ended(conn.ID)
	}
	return end, nil
}

func changed(connectionID string, err error) error {
	if errors.Is(err, broker.ErrConflict) {
		return broker.Errorf(broker.CodeConflict, "connection %s was changed at the same moment", connectionID).WithDo("Do it again.")
	}
	return err
}

// Due lists the ends that are to be tried again now.
func (s *Service) Due(ctx context.Context) ([]string, error) {
	return s.Store.DueDisconnections(ctx, s.now(), mostAtOnce)
}

// Retry tries an end again.
func (s *Service) Retry(ctx context.Context, connectionID string) error {
	_, err := s.attempt(ctx, connectionID)
	if broker.IsConflict(err) {
		return nil // another process is at it
	}
	return err
}

// attempt revokes at NetSuite what it can, under the lease of rotations: a certificate on its way there must not arrive behind us.
func (s *Service) attempt(ctx context.Context, connectionID string) (end broker.Disconnection, err error) {
	lease, ours, err := s.Store.AcquireLease(ctx, broker.CertificatesLease(connectionID), s.Holder+"/"+broker.NewID("end"), leaseFor)
	if err != nil {
		return end, err
	}
	if !ours {
		return end, broker.Errorf(broker.CodeConflict, "connection %s is at work in another process, and ends when that has finished", connectionID).
			WithDo("Wait a minute; then look at the connection.")
	}
	defer func() {
		if releaseErr := s.Store.ReleaseLease(context.WithoutCancel(ctx), lease); !errors.Is(releaseErr, broker.ErrConflict) {
			err = errors.Join(err, releaseErr)
		}
	}()
	ctx = broker.UnderLease(ctx, lease)
	end, err = s.Store.Disconnection(ctx, connectionID)
	if err != nil || !end.EndedAt.IsZero() {
		return end, err
	}
	conn, err := s.Store.Connection(ctx, connectionID)
	if err != nil {
		return end, err
	}
	return s.settle(ctx, conn, end)
}

// settle asks NetSuite once, and then finishes or waits.
func (s *Service) settle(ctx context.Context, conn broker.Connection, end broker.Disconnection) (broker.Disconnection, error) {
	asking, done := context.WithTimeout(ctx, askWithin)
	acts, failure := s.revoke(asking, conn, end.Acts)
	done()
	if ctx.Err() != nil {
		return end, ctx.Err()
	}
	end.Acts = acts
	waiting := failure != nil && (netsuite.IsTemporary(failure) || errors.Is(failure, context.DeadlineExceeded))
	if failure != nil && !waiting && !fromNetSuite(failure) {
		return end, failure // ours: the vault, the database
	}
	if failure != nil {
		s.log().WarnContext(ctx, "not everything of a connection could be revoked at NetSuite", "connection", conn.ID, "err", failure)
	}
	if waiting && s.now().Before(end.GiveUpAt) {
		end.DueAt = s.now().Add(pauses[min(end.Attempts, len(pauses)-1)])
		end.Attempts++
		return end, changed(conn.ID, s.Store.SaveDisconnection(ctx, &end, &conn))
	}
	return s.finish(ctx, conn, end)
}

func fromNetSuite(err error) bool {
	var said *netsuite.Error
	return errors.As(err, &said)
}

// finish wipes, signs and tells.
func (s *Service) finish(ctx context.Context, conn broker.Connection, end broker.Disconnection) (broker.Disconnection, error) {
	now := s.now()
	end.EndedAt, end.DueAt = now, time.Time{}
	left := 0
	for i := range end.Acts {
		end.Acts[i].WipedAt = now
		if end.Acts[i].RevokedAt.IsZero() {
			left++
			end.Acts[i].Left = whatToClick(end.Acts[i])
		}
	}
	var err error
	if end.Record, err = s.sign(ctx, conn, end); err != nil {
		return end, fmt.Errorf("record of connection %s: %w", conn.ID, err)
	}
	line := broker.AuditLine{At: now, Event: broker.AuditDisconnected, Actor: "system", App: conn.App, Object: conn.ID, Result: "ok", Detail: fmt.Sprintf("%d revoked, %d left", len(end.Acts)-left, left)}
	if err := s.Audit.Record(ctx, line); err != nil {
		return end, err
	}
	told := broker.NewEvent(broker.EventConnectionDisconnected, now, conn.App, conn.ID, conn.ID)
	if left > 0 {
		told.Detail = "Something is left for the customer to click; the record says what."
	}
	return end, changed(conn.ID, s.Store.Disconnect(ctx, &end, &conn, told))
}

func whatToClick(r broker.Revocation) string {
	if r.Kind == kindConsent {
		return "In NetSuite, as the person: Home > Settings > Manage Access Tokens, or as an administrator: Setup > Users/Roles > User Management > OAuth 2.0 Authorized Applications > Revoke"
	}
	return "In NetSuite: Setup > Integration > Manage Authentication > OAuth 2.0 Client Credentials (M2M) Setup > certificate ID " + r.ID + " > Revoke"
}

// Record returns the end of a connection, signed when it is over.
func (s *Service) Record(ctx context.Context, connectionID string) (broker.Disconnection, error) {
	end, err := s.Store.Disconnection(ctx, connectionID)
	if errors.Is(err, broker.ErrNotFound) {
		return end, broker.Errorf(broker.CodeNotFound, "connection %.80q was not disconnected", connectionID).WithDo("suitekey connection disconnect ID --yes")
	}
	return end, err
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
