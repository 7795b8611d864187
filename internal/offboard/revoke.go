package offboard

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

const (
	kindCertificate = "certificate"
	kindConsent     = "consent"
)

// revoke ends at NetSuite what the connection has there. acts holds what is known of it, in any case; failure is the first reason why
// not all of it is revoked.
func (s *Service) revoke(ctx context.Context, conn broker.Connection, before []broker.Revocation) (acts []broker.Revocation, failure error) {
	if conn.Kind == broker.KindUser {
		return s.revokeConsent(ctx, conn, before)
	}
	return s.revokeCertificates(ctx, conn, before)
}

func (s *Service) revokeConsent(ctx context.Context, conn broker.Connection, before []broker.Revocation) ([]broker.Revocation, error) {
	g, err := s.Store.UserGrant(ctx, conn.ID)
	if errors.Is(err, broker.ErrNotFound) || (err == nil && len(g.RefreshToken) == 0) {
		return before, nil
	}
	if err != nil {
		return before, err
	}
	act := broker.Revocation{Kind: kindConsent, ID: conn.ID, ValidUntil: g.ConsentBy}
	token, err := s.Vault.Open(broker.RefreshTokenPlace(conn.App, conn.ID), g.RefreshToken)
	if err != nil {
		return before, err
	}
	if err = s.Consents.Revoke(ctx, conn.App, conn.Account, netsuite.NewSecret(string(token))); err == nil {
		act.RevokedAt = s.now()
	} else {
		act.Problem = problem(err)
	}
	return []broker.Revocation{act}, err
}

// revokeCertificates revokes all of the connection's certificates that NetSuite may know, with a token of the one that signs; that
// one last.
func (s *Service) revokeCertificates(ctx context.Context, conn broker.Connection, before []broker.Revocation) ([]broker.Revocation, error) {
	certificates, err := s.Store.CertificatesOf(ctx, conn.ID)
	if err != nil {
		return before, err
	}
	certificates = slices.DeleteFunc(certificates, func(c broker.Certificate) bool {
		return c.State == broker.CertificateRevoked || c.State == broker.CertificatePlanned // gone, or it never left
	})
	slices.SortStableFunc(certificates, func(a, b broker.Certificate) int { return last(a, conn) - last(b, conn) })
	acts := make([]broker.Revocation, len(certificates))
	for i, c := range certificates {
		acts[i] = broker.Revocation{Kind: kindCertificate, ID: c.NetSuiteID, ValidUntil: c.ValidUntil}
		if known := slices.IndexFunc(before, func(r broker.Revocation) bool { return r.ID == c.NetSuiteID }); known >= 0 {
			acts[i].RevokedAt = before[known].RevokedAt
		}
	}
	if !slices.ContainsFunc(acts, func(r broker.Revocation) bool { return r.RevokedAt.IsZero() }) {
		return acts, nil
	}
	failure := s.revokeListed(ctx, conn, acts)
	for i := range acts {
		if acts[i].RevokedAt.IsZero() && acts[i].Problem == "" {
			acts[i].Problem = problem(failure)
		}
	}
	return acts, failure
}

func last(c broker.Certificate, conn broker.Connection) int {
	if c.ID == conn.CertificateID {
		return 1
	}
	return 0
}

// revokeListed notes in acts what NetSuite has revoked. What it does not list, or lists as revoked, is done.
func (s *Service) revokeListed(ctx context.Context, conn broker.Connection, acts []broker.Revocation) error {
	app, err := s.Store.App(ctx, conn.App)
	if err != nil {
		return err
	}
	token, err := s.Certificates.Mint(ctx, app, conn, conn.CertificateID)
	if err != nil {
		return fmt.Errorf("token to revoke with: %w", err)
	}
	api := &netsuite.API{Account: conn.Account, Site: s.Site, Token: token.AccessToken, HTTPClient: s.Client, CertificateService: app.CertificatesService()}
	listed, err := api.ListCertificates(ctx, app.MachineClientID())
	if err != nil {
		return err
	}
	var failure error
	for i := range acts {
		active := slices.ContainsFunc(listed, func(c netsuite.Certificate) bool { return c.ID == acts[i].ID && c.Active(s.now()) })
		if active {
			if err := api.RevokeCertificate(ctx, app.MachineClientID(), acts[i].ID); err != nil {
				acts[i].Problem = problem(err)
				failure = errors.Join(failure, err)
				continue
			}
		}
		acts[i].RevokedAt = s.now()
	}
	return failure
}

// problem says why NetSuite did not revoke something, in words that are safe to show.
func problem(err error) string {
	var said *netsuite.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &said) && said.Code != "":
		return "NetSuite answered " + said.Code
	case errors.As(err, &said) && said.Status != 0:
		return fmt.Sprintf("NetSuite answered with status %d", said.Status)
	}
	return "NetSuite did not answer"
}
