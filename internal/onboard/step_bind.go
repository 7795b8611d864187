package onboard

import (
	"context"
	"errors"

	"github.com/suitekey/suitekey/internal/account"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// bind proves which account the permission is for: the redirect's company, the token's audience and the answer of an API call
// must all name it, and it must be the expected one (ON-02). Before this nothing is written to NetSuite (R7).
func bind(ctx context.Context, w *work) (outcome, error) {
	tokens, err := w.tokens()
	if err != nil {
		return pause, err
	}
	claims, err := netsuite.ReadClaims(netsuite.NewSecret(tokens.Access))
	if err != nil {
		return pause, stop(broker.CodeConsentFailed, "NetSuite's access token could not be read.")
	}
	if claims.Account != w.Grant.Account {
		return w.wrongAccount(ctx, claims.Account)
	}
	if claims.Role != w.Grant.Role || claims.Entity != w.Grant.Entity {
		return pause, w.endWith(ctx, stop(broker.CodeConsentFailed, "The redirect and the token name different users."))
	}
	answered, err := w.askAccount(ctx, claims)
	if err != nil {
		return pause, err
	}
	if answered != w.Grant.Account {
		return w.wrongAccount(ctx, answered)
	}
	r := &w.Run
	r.Account, r.SetupRole, r.SetupEntity = answered, claims.Role, claims.Entity
	r.BoundAt = w.s.Now()
	if w.Link.Kind == broker.LinkSession && r.FinalisedAt.IsZero() {
		return pause, w.askBackend()
	}
	return confirm(ctx, w)
}

// confirm: a link that pins the account has been confirmed by its sender; otherwise a person is asked.
func confirm(_ context.Context, w *work) (outcome, error) {
	if len(w.Link.Expect) > 0 && w.Run.AccountConfirmedAt.IsZero() {
		w.Run.AccountConfirmedAt = w.s.Now()
	}
	if w.Run.AccountConfirmedAt.IsZero() {
		return pause, stop(broker.CodeConfirmAccount, "")
	}
	return goOn, nil
}

// askAccount makes the call that names the account, and learns who gave the permission. A person who may not be looked up
// stays a number.
func (w *work) askAccount(ctx context.Context, claims netsuite.Claims) (netsuite.AccountID, error) {
	api, err := w.api("see which account this is")
	if err != nil {
		return "", err
	}
	who, err := account.Identify(ctx, api, claims)
	if errors.Is(err, netsuite.ErrPermission) {
		return "", w.featureOrRole(ctx, err)
	}
	if err != nil {
		return "", err
	}
	if who.Person != "" {
		w.Run.SetupName, w.Run.SetupRoleName = who.Person, who.RoleName
	}
	return who.Account, nil
}

// askBackend lets the browser carry a one-time code to the app, whose backend must say that this run is its user's (ON-01).
func (w *work) askBackend() error {
	code := broker.NewToken()
	sealed, err := w.s.seal(w.Run, "runs", "finalise_code", w.Run.ID, code)
	if err != nil {
		return err
	}
	r := &w.Run
	r.FinaliseCode, r.FinaliseCodeHash = sealed, broker.HashToken(code)
	r.FinaliseBy = w.s.Now().Add(broker.FinaliseWithin)
	r.DueAt, r.Problem = r.FinaliseBy, nil
	return nil
}

func (w *work) wrongAccount(ctx context.Context, found netsuite.AccountID) (outcome, error) {
	p := stop(broker.CodeWrongAccount, "")
	p.Found, p.Expected = found, w.Link.Expect
	if len(p.Expected) == 0 || w.Link.Expects(found) {
		p.Expected = []netsuite.AccountID{w.Grant.Account}
	}
	if err := w.s.audit(ctx, broker.AuditConsentRefused, w.Run, string(p.Code), found.String()); err != nil {
		return pause, err
	}
	return pause, w.endWith(ctx, p)
}

// endWith ends the permission before the page says why.
func (w *work) endWith(ctx context.Context, p *problem) error {
	if err := w.revoke(ctx); err != nil {
		return err
	}
	return p
}
