package onboard

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// keepConsent makes the person's consent a user connection: nothing has to be set up in NetSuite for it. Connection, refresh token
// and access token are one transaction with the run, so that the tokens belong to the run or to the connection, never to nobody and
// never to both.
func keepConsent(ctx context.Context, w *work) (outcome, error) {
	conn, err := w.userConnection(ctx)
	switch {
	case err != nil:
		return pause, err
	case conn.ID == "":
		w.Run.Ended = broker.PhaseFailed
		return pause, stop(broker.CodeLinkRevoked, "The connection that it was for has been disconnected.")
	case conn.Version > 0 && conn.Entity != 0 && conn.Entity != w.Run.SetupEntity:
		return pause, w.endWith(ctx, stop(broker.CodeOtherPerson, ""))
	}
	tokens, err := w.tokens()
	if err != nil {
		return pause, err
	}
	// Run and grant change together with the rest, or not at all.
	run, grant := w.Run, w.Grant
	kept := broker.KeptConsent{Connection: &conn, Run: &run, Consent: &grant}
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
	conn.RoleID, conn.RoleName, conn.Entity, conn.EntityName = run.SetupRole, run.SetupRoleName, run.SetupEntity, run.SetupName
	grant.Status, grant.Tokens, grant.DueAt, grant.EndedAt = broker.GrantKept, nil, time.Time{}, now
	run.ConnectionID, run.ConsentBy = conn.ID, kept.Grant.ConsentBy
	run.RoleName, run.EntityName = conn.RoleName, conn.EntityName
	run.ActivatedAt, run.DueAt, run.UpdatedAt = now, now, now // what is left is done by end, whoever dies now
	if err := w.s.audit(ctx, broker.AuditConnectionActive, run, "ok", conn.ID); err != nil {
		return pause, err
	}
	if err := w.s.Store.KeepUserGrant(ctx, kept); err != nil {
		return pause, err
	}
	w.Run, w.Grant = run, grant
	return goOn, nil
}

// userConnection is the person's connection to this account, or a new one. It has no ID when the link was for one that is gone.
func (w *work) userConnection(ctx context.Context) (broker.Connection, error) {
	if w.Link.ConnectionID != "" {
		return w.repaired(ctx)
	}
	known, err := w.s.Store.ConnectionsOfUser(ctx, w.App.Name, w.Link.EndUser)
	if err != nil {
		return broker.Connection{}, err
	}
	for _, conn := range known {
		switch {
		case conn.Account != w.Run.Account:
		case conn.State == broker.ConnectionDisconnecting:
			return conn, beingEnded()
		default:
			return conn, nil
		}
	}
	return broker.Connection{
		ID: broker.NewConnectionID(), App: w.App.Name, LinkID: w.Link.ID, Customer: w.Link.Customer, Metadata: w.Link.Metadata, Account: w.Run.Account,
		Kind: broker.KindUser, EndUser: w.Link.EndUser, CreatedAt: w.s.Now(),
	}, nil
}

// beingEnded waits for the connection before: NetSuite has not confirmed its end, which would take the new consent with it.
func beingEnded() *problem {
	return &problem{Problem: broker.Problem{Code: broker.CodeBeingEnded}, watch: true}
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
