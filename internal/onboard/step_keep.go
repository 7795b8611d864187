package onboard

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// keepConsent makes the person's consent a user connection: nothing has to be set up in NetSuite for it. Connection, refresh token,
// access token and the end of the run are one transaction, so that the tokens belong to the run or to the connection, never to
// nobody and never to both.
func keepConsent(ctx context.Context, w *work) (outcome, error) {
	conn, err := w.userConnection(ctx)
	if err != nil {
		return pause, err
	}
	if conn.Version > 0 && conn.Entity != 0 && conn.Entity != w.Run.SetupEntity {
		return pause, w.endWith(ctx, stop(broker.CodeOtherPerson, ""))
	}
	tokens, err := w.tokens()
	if err != nil {
		return pause, err
	}
	kept := broker.KeptConsent{Connection: &conn, Run: &w.Run, Consent: &w.Grant}
	if kept.Replaced, err = w.replaced(ctx, conn); err != nil {
		return pause, err
	}
	if kept.Grant, err = w.userGrant(ctx, conn, tokens); err != nil {
		return pause, err
	}
	if kept.Token, err = w.firstToken(ctx, conn, *kept.Grant, tokens); err != nil {
		return pause, err
	}
	now := w.s.Now()
	conn.State = broker.ConnectionConnected
	conn.RoleID, conn.RoleName, conn.Entity, conn.EntityName = w.Run.SetupRole, w.Run.SetupRoleName, w.Run.SetupEntity, w.Run.SetupName
	w.Grant.Status, w.Grant.Tokens, w.Grant.DueAt, w.Grant.EndedAt = broker.GrantKept, nil, time.Time{}, now
	w.Run.ConnectionID, w.Run.ConsentBy = conn.ID, kept.Grant.ConsentBy
	w.Run.RoleName, w.Run.EntityName = conn.RoleName, conn.EntityName
	w.Run.Told = broker.PhaseConnected
	w.Run.ActivatedAt, w.Run.ConnectedAt, w.Run.DueAt, w.Run.UpdatedAt = now, now, time.Time{}, now
	if err := w.s.audit(ctx, broker.AuditConnectionActive, w.Run, "ok", conn.ID); err != nil {
		return pause, err
	}
	done := broker.NewEvent(broker.EventOnboardingCompleted, now, conn.App, conn.ID, w.Run.ID)
	if err := w.s.Store.KeepUserGrant(ctx, kept, done); err != nil {
		return pause, err
	}
	return pause, w.s.Health.Works(ctx, conn.ID, "rotate")
}

// userConnection is the person's connection to this account, or a new one.
func (w *work) userConnection(ctx context.Context) (broker.Connection, error) {
	known, err := w.s.Store.ConnectionsOfUser(ctx, w.App.Name, w.Link.EndUser)
	if err != nil {
		return broker.Connection{}, err
	}
	for _, conn := range known {
		if conn.Account == w.Run.Account && conn.State == broker.ConnectionDisconnecting {
			return conn, w.endWith(ctx, stop(broker.CodeLinkRevoked, "The sender is ending this connection."))
		}
		if conn.Account == w.Run.Account {
			return conn, nil
		}
	}
	return broker.Connection{
		ID: broker.NewID("co"), App: w.App.Name, LinkID: w.Link.ID, Customer: w.Link.Customer, Metadata: w.Link.Metadata, Account: w.Run.Account,
		Kind: broker.KindUser, EndUser: w.Link.EndUser, CreatedAt: w.s.Now(),
	}, nil
}

// userGrant is the consent as the connection keeps it.
func (w *work) userGrant(ctx context.Context, conn broker.Connection, tokens grantTokens) (*broker.UserGrant, error) {
	g, err := w.s.Store.UserGrant(ctx, conn.ID)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return nil, err
	}
	cg, err := w.s.Consents.CodeGrant(w.App, broker.KindUser, nil)
	if err != nil {
		return nil, err
	}
	life, err := cg.Lifetime(netsuite.NewSecret(tokens.Refresh))
	if err != nil {
		return nil, stop(broker.CodeConsentFailed, "NetSuite's refresh token could not be read.")
	}
	sealed, err := w.s.Vault.Seal(broker.RefreshTokenPlace(conn.App, conn.ID), []byte(tokens.Refresh))
	fresh := &broker.UserGrant{
		ConnectionID: conn.ID, App: conn.App, Public: w.App.PublicClient(broker.KindUser), RefreshToken: sealed, CreatedAt: w.s.Now().UTC().Truncate(time.Millisecond), Version: g.Version,
	}
	fresh.Begin(w.s.Now(), life.RefreshBy, life.ConsentBy)
	return fresh, err
}

func (w *work) firstToken(ctx context.Context, conn broker.Connection, g broker.UserGrant, tokens grantTokens) (*broker.AccessToken, error) {
	t, err := w.s.Store.AccessToken(ctx, conn.ID)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return nil, err
	}
	t.ConnectionID, t.CertificateID, t.MintedAt, t.ExpiresAt = conn.ID, g.Consent(), w.s.Now(), w.Grant.AccessExpiresAt
	t.Token, err = w.s.Vault.Seal(broker.AccessTokenPlace(conn.App, conn.ID), []byte(tokens.Access))
	return &t, err
}

// replaced is the consent that the connection had, as a grant that is due to be ended; nil when there is none that lives.
func (w *work) replaced(ctx context.Context, conn broker.Connection) (*broker.Grant, error) {
	old, err := w.s.Store.UserGrant(ctx, conn.ID)
	if errors.Is(err, broker.ErrNotFound) || (err == nil && (!old.EndedAt.IsZero() || len(old.RefreshToken) == 0)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	refresh, err := w.s.Vault.Open(broker.RefreshTokenPlace(conn.App, conn.ID), old.RefreshToken)
	if err != nil {
		return nil, err
	}
	now := w.s.Now()
	g := &broker.Grant{
		ID: broker.NewID("gr"), RunID: w.Run.ID, App: conn.App, Status: broker.GrantEnding, Account: conn.Account, Role: conn.RoleID, Entity: conn.Entity,
		CreatedAt: now, DueAt: now, AskBefore: now, AccessExpiresAt: now,
	}
	plain, err := json.Marshal(grantTokens{Refresh: string(refresh)})
	if err != nil {
		return nil, err
	}
	g.Tokens, err = w.s.seal(w.Run, "grants", "tokens", g.ID, string(plain))
	return g, err
}
