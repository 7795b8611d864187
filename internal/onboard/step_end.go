package onboard

import (
	"context"
	"errors"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// activate lets the connection sign with the tested certificate from now on.
func activate(ctx context.Context, w *work) (outcome, error) {
	conn, err := w.candidate(ctx)
	if err != nil {
		return pause, err
	}
	if err := w.s.Certificates.Activate(ctx, &conn, w.Run.CertificateID); err != nil {
		return pause, err
	}
	w.Run.ActivatedAt = w.s.Now()
	return goOn, nil
}

// end revokes what the connection no longer signs with, then the set-up permission itself, unless that became a person's connection.
// Then the run is done.
func end(ctx context.Context, w *work) (outcome, error) {
	if err := w.retire(ctx); err != nil {
		return pause, err
	}
	if err := w.revoke(ctx); err != nil {
		return pause, err
	}
	// A token, a call and an upload went well, or a person's consent and a call: whatever the connection suffered from is over.
	if err := w.s.Health.Works(ctx, w.Run.ConnectionID, broker.OpRotate); err != nil {
		return pause, err
	}
	w.Run.GrantEndedAt = w.Grant.EndedAt
	w.Run.ConnectedAt = w.s.Now()
	return goOn, nil
}

// windDown undoes a run that was cancelled, failed or ran out of time: a certificate of ours that reached NetSuite is
// revoked, and so is the permission.
func windDown(ctx context.Context, w *work) (outcome, error) {
	if w.Grant.Status == broker.GrantRedeeming {
		if err := w.s.supersede(ctx, w.Run); err != nil {
			return pause, err
		}
		if err := w.redeem(ctx); err != nil && temporary(err) {
			return pause, err
		}
	}
	if w.Run.CertificateID != "" {
		if err := w.s.Certificates.Abandon(ctx, w.Run.CertificateID); err != nil {
			return pause, err
		}
		if err := w.retire(ctx); err != nil {
			return pause, err
		}
	}
	if err := w.revoke(ctx); err != nil {
		return pause, err
	}
	w.Run.GrantEndedAt = w.Grant.EndedAt
	return goOn, nil
}

// retire needs the permission; without one, or when NetSuite refuses, the certificates stay marked and the next rotation
// or run revokes them.
func (w *work) retire(ctx context.Context) error {
	if w.Grant.Status != broker.GrantHeld {
		return nil
	}
	conn, err := w.s.Store.Connection(ctx, w.Run.ConnectionID)
	if err != nil {
		return err
	}
	api, err := w.api("remove a certificate that is no longer used")
	if err != nil {
		return err
	}
	err = w.s.Certificates.Retire(ctx, w.App, conn, api)
	if errors.Is(err, netsuite.ErrPermission) || errors.Is(err, netsuite.ErrLogin) || errors.Is(err, netsuite.ErrUserRole) {
		w.s.Logger.Warn("a certificate that is no longer used could not be revoked", "connection", conn.ID, "err", err)
		return nil
	}
	return err
}

// giveUp ends a session run whose app did not finalise it in time.
func giveUp(_ context.Context, w *work) (outcome, error) {
	w.Run.Ended, w.Run.FinaliseCode = broker.PhaseExpired, nil
	return goOn, nil
}

// setupTimeOver ends a permission whose hour is nearly over; what was reached is kept, and the person is asked once more.
func setupTimeOver(ctx context.Context, w *work) (outcome, error) {
	if err := w.revoke(ctx); err != nil && !errors.Is(err, netsuite.ErrLogin) {
		return pause, err
	}
	return pause, stop(broker.CodeSetupTimeOver, "")
}
