package doctor

import (
	"context"
	"errors"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// examine finds out why NetSuite refused a certificate. Its answer does not say (netsuite-oauth2 3.5): it is the same for a wrong key,
// a revoked certificate, a lost role and a refreshed sandbox. What tells them apart is the key here and, while the last token lives,
// the list of certificates that it may see. detail is what was seen.
func (s *Service) examine(ctx context.Context, conn broker.Connection) (cause broker.Cause, detail string, err error) {
	if conn.Kind == broker.KindUser {
		return broker.CauseConsentEnded, "", nil
	}
	switch fits, err := s.Certificates.Fits(ctx, conn.CertificateID); {
	case err != nil:
		return "", "", err
	case !fits:
		return broker.CauseWrongKey, "", nil
	}
	c, err := s.Store.Certificate(ctx, conn.CertificateID)
	if err != nil {
		return "", "", err
	}
	if s.now().After(c.ValidUntil) {
		return broker.CauseCertificateExpired, "it ended on " + c.ValidUntil.UTC().Format("2 January 2006"), nil
	}
	token, lives, err := s.Tokens.Living(ctx, conn.ID)
	if err != nil {
		return "", "", err
	}
	if !lives {
		cause, detail = guess(conn)
		return cause, detail, nil
	}
	return s.list(ctx, conn, c, token)
}

// list looks for the certificate with a token that was minted before the refusal.
func (s *Service) list(ctx context.Context, conn broker.Connection, c broker.Certificate, token netsuite.Secret) (broker.Cause, string, error) {
	app, err := s.Store.App(ctx, conn.App)
	if err != nil {
		return "", "", err
	}
	api := netsuite.API{Account: conn.Account, Site: s.Site, Token: token, HTTPClient: s.Client, CertificateService: app.CertificatesService()}
	listed, err := api.ListCertificates(ctx, app.MachineClientID())
	switch {
	case errors.Is(err, netsuite.ErrLogin) && conn.Account.Environment() == netsuite.Production:
		return broker.CauseRoleLost, "its last token is refused, too", nil
	case err != nil:
		cause, detail := guess(conn)
		return cause, detail, nil
	}
	for _, known := range listed {
		switch {
		case known.ID != c.NetSuiteID:
		case known.Revoked:
			return broker.CauseCertificateRevoked, "NetSuite lists it as revoked", nil
		default:
			return broker.CauseCredentialsRefused, "NetSuite still lists it as active", nil
		}
	}
	if conn.Account.Environment() == netsuite.Production {
		return broker.CauseCertificateRevoked, "NetSuite no longer lists it", nil
	}
	return broker.CauseSandboxRefreshed, "NetSuite no longer lists it", nil
}

// guess is the likeliest cause when NetSuite lets us see nothing: a sandbox is refreshed now and then, and forgets all of us.
func guess(conn broker.Connection) (broker.Cause, string) {
	if conn.Account.Environment() == netsuite.Production {
		return broker.CauseCredentialsRefused, ""
	}
	return broker.CauseSandboxRefreshed, "likely: sandboxes are refreshed now and then"
}
