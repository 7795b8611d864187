package onboard

import (
	"context"
	"errors"

	"github.com/suitekey/suitekey/internal/broker"
)

// makeKey makes the key pair of this connection alone, sealed and stored before anything leaves. It comes after the checks,
// so that anonymous visits cost no key (ON-14).
func makeKey(ctx context.Context, w *work) (outcome, error) {
	conn, err := w.connection(ctx)
	if err != nil {
		return pause, err
	}
	if conn.ID == "" {
		w.Run.Ended = broker.PhaseFailed
		return pause, stop(broker.CodeAlreadyConnected, "This NetSuite account is connected to "+w.App.DisplayName+" for another customer.")
	}
	c, err := w.s.Certificates.Plan(ctx, w.App, conn)
	if err != nil {
		return pause, err
	}
	w.Run.ConnectionID, w.Run.CertificateID = conn.ID, c.ID
	return goOn, nil
}

// connection is the row of this app and account: a new one, or the one that is being connected again. It has no ID when the
// account belongs to another customer of the app.
func (w *work) connection(ctx context.Context) (broker.Connection, error) {
	if w.Link.ConnectionID != "" {
		return w.repaired(ctx)
	}
	conn, err := w.s.Store.ConnectionByAccount(ctx, w.App.Name, w.Run.Account)
	if err == nil && conn.State == broker.ConnectionDisconnecting {
		return conn, beingEnded()
	}
	if err == nil && conn.Customer != w.Link.Customer {
		return broker.Connection{}, nil
	}
	if err == nil || !errors.Is(err, broker.ErrNotFound) {
		return conn, err
	}
	now := w.s.Now()
	conn = broker.Connection{
		ID: broker.NewConnectionID(), App: w.App.Name, LinkID: w.Link.ID, Customer: w.Link.Customer, Metadata: w.Link.Metadata,
		Account: w.Run.Account, Kind: broker.KindMachine, State: broker.ConnectionPending, CreatedAt: now, UpdatedAt: now,
	}
	err = w.s.Store.SaveConnection(ctx, &conn)
	if errors.Is(err, broker.ErrConflict) {
		return w.connection(ctx)
	}
	return conn, err
}

// repaired is the connection that the link is for, unless it has gone or is of another account.
func (w *work) repaired(ctx context.Context) (broker.Connection, error) {
	conn, err := w.s.Store.Connection(ctx, w.Link.ConnectionID)
	if err != nil || conn.Account != w.Run.Account || conn.State != broker.ConnectionConnected {
		return broker.Connection{}, err
	}
	return conn, nil
}

// candidate is the connection as it will be: with the role and entity that this run chose. The stored one keeps its own until
// the new certificate is active. When the connection was ended meanwhile, so is the run: nothing may reach NetSuite behind the record
// of the end.
func (w *work) candidate(ctx context.Context) (broker.Connection, error) {
	conn, err := w.s.Store.Connection(ctx, w.Run.ConnectionID)
	if err == nil && (conn.State == broker.ConnectionDisconnecting || conn.State == broker.ConnectionDisconnected) {
		w.Run.Ended = broker.PhaseFailed
		return conn, stop(broker.CodeLinkRevoked, "The sender ended this connection meanwhile.")
	}
	r := w.Run
	conn.RoleID, conn.RoleName, conn.Entity, conn.EntityName = r.RoleID, r.RoleName, r.Entity, r.EntityName
	conn.ConcurrencyLimit = r.ConcurrencyLimit
	conn.UpdatedAt = w.s.Now()
	return conn, err
}
