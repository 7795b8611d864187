package doctor

import (
	"context"
	"errors"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// finding is what a refusal turned out to be. It is sure when something was seen that tells, and a guess otherwise.
type finding struct {
	cause  broker.Cause
	sure   bool
	detail string // what was seen
}

// refused reports that a cause is one of those that NetSuite answers alike.
func refused(c broker.Cause) bool {
	switch c {
	case broker.CauseWrongKey, broker.CauseCertificateRevoked, broker.CauseCertificateExpired, broker.CauseSandboxRefreshed, broker.CauseRoleLost, broker.CauseCredentialsRefused:
		return true
	}
	return false
}

// examine finds out why NetSuite refused a certificate. Its answer does not say (netsuite-oauth2 3.5): it is the same for a wrong key,
// a revoked certificate, a lost role and a refreshed sandbox. What tells them apart is the key here and, while the last token lives,
// the list of certificates that it may see.
func (s *Service) examine(ctx context.Context, conn broker.Connection) (finding, error) {
	if conn.Kind == broker.KindUser {
		return finding{cause: broker.CauseConsentEnded, sure: true}, nil
	}
	switch fits, err := s.Certificates.Fits(ctx, conn.CertificateID); {
	case err != nil:
		return finding{}, err
	case !fits:
		return finding{cause: broker.CauseWrongKey, sure: true}, nil
	}
	c, err := s.Store.Certificate(ctx, conn.CertificateID)
	if err != nil {
		return finding{}, err
	}
	if s.now().After(c.ValidUntil) {
		return finding{broker.CauseCertificateExpired, true, "it ended on " + c.ValidUntil.UTC().Format("2 January 2006")}, nil
	}
	token, lives, err := s.Tokens.Living(ctx, conn.ID)
	if err != nil || !lives {
		return guess(conn), err
	}
	return s.list(ctx, conn, c, token)
}

// list looks for the certificate with a token that was minted before the refusal.
func (s *Service) list(ctx context.Context, conn broker.Connection, c broker.Certificate, token netsuite.Secret) (finding, error) {
	app, err := s.Store.App(ctx, conn.App)
	if err != nil {
		return finding{}, err
	}
	api := netsuite.API{Account: conn.Account, Site: s.Site, Token: token, HTTPClient: s.Client, CertificateService: app.CertificatesService()}
	listed, err := api.ListCertificates(ctx, app.MachineClientID())
	switch {
	case errors.Is(err, netsuite.ErrLogin) && production(conn):
		return finding{broker.CauseRoleLost, true, "its last token is refused, too"}, nil
	case err != nil:
		return guess(conn), nil
	}
	for _, known := range listed {
		switch {
		case known.ID != c.NetSuiteID:
		case known.Revoked:
			return finding{broker.CauseCertificateRevoked, true, "NetSuite lists it as revoked"}, nil
		default:
			return finding{broker.CauseCredentialsRefused, true, "NetSuite still lists it as active"}, nil
		}
	}
	if production(conn) {
		return finding{broker.CauseCertificateRevoked, true, "NetSuite no longer lists it"}, nil
	}
	return finding{broker.CauseSandboxRefreshed, true, "NetSuite no longer lists it"}, nil
}

// guess is the likeliest cause when NetSuite lets us see nothing: a sandbox is refreshed now and then, and forgets all of us.
func guess(conn broker.Connection) finding {
	if production(conn) {
		return finding{cause: broker.CauseCredentialsRefused}
	}
	return finding{broker.CauseSandboxRefreshed, false, "likely: sandboxes are refreshed now and then"}
}

func production(conn broker.Connection) bool {
	return conn.Account.Environment() == netsuite.Production
}
