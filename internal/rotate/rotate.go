// Package rotate replaces a connection's certificate with a new one, by the connection's own means: a token made with the
// old key carries the new certificate to NetSuite. Hand-outs go on meanwhile, since the old key signs until the new one has
// made a token and a call.
//
// Its steps are those of package certificates, and each may be repeated: a rotation that was cut by a crash goes on where it
// was when it is called again.
package rotate

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

type auditor interface {
	Record(ctx context.Context, line broker.AuditLine) error
}

// Service rotates. A struct literal works; Client, Now and Switched may be nil.
type Service struct {
	Store        store
	Certificates certifier
	Audit        auditor
	Site         netsuite.Site
	// Client makes the HTTP client for an account; nil means the site's own guarded one.
	Client func(netsuite.AccountID) *http.Client
	// Switched is told when a connection signs with a new certificate, so that cached tokens of the old one are let go.
	Switched func(connectionID string)
	Holder   string
	Now      func() time.Time
}

// rotateWithin is how long a rotation stays with a process that has died. It is longer than all its calls together.
const rotateWithin = 5 * time.Minute

// Rotated says what a rotation changed.
type Rotated struct {
	Old, New   string
	ValidUntil time.Time
}

// Rotate replaces the connection's certificate now: new key, upload, test, switch, revoke the old one.
func (s *Service) Rotate(ctx context.Context, connectionID string) (Rotated, error) {
	lease, ours, err := s.Store.AcquireLease(ctx, "rotate/"+connectionID, s.Holder+"/"+broker.NewID("rotation"), rotateWithin)
	if err != nil {
		return Rotated{}, err
	}
	if !ours {
		return Rotated{}, broker.Errorf(broker.CodeConflict, "connection %s is being rotated by another process", connectionID).WithDo("Wait until it has finished, then look at the connection.")
	}
	done, err := s.rotate(ctx, connectionID)
	if releaseErr := s.Store.ReleaseLease(context.WithoutCancel(ctx), lease); !errors.Is(releaseErr, broker.ErrConflict) {
		err = errors.Join(err, releaseErr) // one that ran out meanwhile is nobody's loss
	}
	return done, err
}

func (s *Service) rotate(ctx context.Context, connectionID string) (Rotated, error) {
	conn, app, err := s.load(ctx, connectionID)
	if err != nil {
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
	uploaded, err := s.Certificates.Upload(ctx, app, conn, fresh.ID, api)
	if err != nil {
		return done, err
	}
	if err := s.Certificates.Prove(ctx, app, conn, fresh.ID); err != nil {
		return done, err
	}
	if err := s.Certificates.Activate(ctx, &conn, fresh.ID); err != nil {
		return done, err
	}
	done.New, done.ValidUntil = fresh.ID, uploaded.ValidUntil
	if s.Switched != nil {
		s.Switched(conn.ID)
	}
	return done, errors.Join(s.retire(ctx, app, conn), s.record(ctx, conn, done))
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

// api reaches the account with a token of the certificate that signs now.
func (s *Service) api(ctx context.Context, app broker.App, conn broker.Connection) (*netsuite.API, error) {
	token, err := s.Certificates.Mint(ctx, app, conn, conn.CertificateID)
	if err != nil {
		return nil, fmt.Errorf("token to rotate with: %w", err)
	}
	return &netsuite.API{
		Account: conn.Account, Site: s.Site, Token: token.AccessToken, HTTPClient: s.Client, CertificateService: app.CertificatesService(),
	}, nil
}

// retire revokes the old certificate with a token of the new one.
func (s *Service) retire(ctx context.Context, app broker.App, conn broker.Connection) error {
	api, err := s.api(ctx, app, conn)
	if err != nil {
		return err
	}
	return s.Certificates.Retire(ctx, app, conn, api)
}

func (s *Service) record(ctx context.Context, conn broker.Connection, done Rotated) error {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	return s.Audit.Record(ctx, broker.AuditLine{
		At: now(), Event: broker.AuditCertificateRotated, Actor: "operator", App: conn.App, Object: conn.ID, Result: "ok", Detail: done.Old + " -> " + done.New,
	})
}
