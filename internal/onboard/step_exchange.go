package onboard

import (
	"context"
	"errors"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// exchange redeems the code for the set-up permission's tokens.
func exchange(ctx context.Context, w *work) (outcome, error) {
	if err := w.s.supersede(ctx, w.Run); err != nil {
		return pause, err
	}
	if err := w.redeem(ctx); err != nil {
		return pause, err
	}
	w.Run.GrantExpiresAt = w.Grant.AccessExpiresAt
	return goOn, nil
}

// redeem presents the code. The intent is stored before each attempt, so that after a crash or a cut answer the code is
// presented once more: if NetSuite never saw it, we get the tokens; if it did, NetSuite refuses and ends what it had given
// (RFC 6749 section 4.1.2), so that no permission is left that we could not revoke.
func (w *work) redeem(ctx context.Context) error {
	g := &w.Grant
	repeated := g.Attempts > 0
	g.Attempts++
	if err := w.s.Store.SaveGrant(ctx, g); err != nil {
		return err
	}
	code, err := w.s.open(w.Run, "grants", "code", g.ID, g.Code)
	if err != nil {
		return err
	}
	verifier, err := w.s.open(w.Run, "grants", "verifier", g.ID, g.Verifier)
	if err != nil {
		return err
	}
	cg, err := w.s.Consents.CodeGrant(w.App, w.Link.Connects, w.recorded("take up the set-up permission"))
	if err != nil {
		return err
	}
	token, err := cg.Exchange(ctx, g.Account, code, verifier)
	switch {
	case err == nil:
		return w.keep(ctx, token)
	case temporary(err):
		return err
	}
	if voidErr := w.s.void(ctx, g); voidErr != nil {
		return voidErr
	}
	if errors.Is(err, netsuite.ErrUnauthorizedClient) {
		return &problem{Problem: *w.notApproved()}
	}
	if repeated && errors.Is(err, netsuite.ErrInvalidGrant) {
		return stop(broker.CodeSetupTimeOver, "An answer of NetSuite was lost on its way, so we ended that permission.")
	}
	return stop(broker.CodeConsentFailed, sentence(err))
}
