package onboard

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// Act does what a button of the wizard asks. Whether it may is decided from the stored run, never from the page (ON-10).
func (s *Service) Act(ctx context.Context, runID, browser string, a broker.Action) (broker.Outcome, error) {
	w, err := s.loadFor(ctx, runID, browser)
	if err != nil {
		return broker.Outcome{}, err
	}
	switch a.Kind {
	case broker.ActConsent:
		return s.consentAgain(ctx, w, browser, a.Value == "other")
	case broker.ActHandover:
		return s.handOver(ctx, w)
	case broker.ActCertificate:
		return broker.Outcome{}, s.removeCertificate(ctx, w, a.Value)
	}
	apply, ok := wishes[a.Kind]
	if !ok {
		return broker.Outcome{}, broker.Errorf(broker.CodeWrongStep, "unknown action %q", a.Kind)
	}
	_, err = s.change(ctx, runID, func(r *broker.Run) error { return apply(ctx, s, r, a.Value) })
	if err == nil {
		s.kick(runID)
	}
	return broker.Outcome{}, err
}

// wishes change the run's facts alone; the worker does the rest.
var wishes = map[broker.ActionKind]func(ctx context.Context, s *Service, r *broker.Run, value string) error{
	broker.ActCheck:   lookAgain,
	broker.ActRetry:   lookAgain,
	broker.ActAccount: confirmAccount,
	broker.ActHolder:  chooseHolder,
	broker.ActCancel:  cancel,
}

var wrongStep = &broker.Error{Code: broker.CodeWrongStep}

// lookAgain makes the run due at once. It is legal while a run waits in a situation that looking again can end.
func lookAgain(_ context.Context, s *Service, r *broker.Run, _ string) error {
	if r.Over() || r.Problem == nil || !slices.Contains(retriable, r.Problem.Code) {
		return wrongStep
	}
	r.DueAt = s.Now()
	return nil
}

var retriable = []broker.Code{
	broker.CodeFeatureOff, broker.CodeBundleMissing, broker.CodeHolder, broker.CodeNotApproved, broker.CodeSetupRole, broker.CodeCertificateLimit,
	broker.CodeUploadNeedsUser, broker.CodeTestFailed, broker.CodeUnreachable, broker.CodeTaskFailed, broker.CodeRoleTooStrong,
	broker.CodeBeingEnded,
}

func confirmAccount(ctx context.Context, s *Service, r *broker.Run, value string) error {
	// The button carries the account that the page showed: a page that is out of date confirms nothing.
	if r.Over() || r.BoundAt.IsZero() || unconfirmed(*r) || !r.AccountConfirmedAt.IsZero() || value != r.Account.String() {
		return wrongStep
	}
	if err := s.audit(ctx, broker.AuditAccountConfirmed, *r, "ok", r.Account.String()); err != nil {
		return err
	}
	r.AccountConfirmedAt, r.Problem, r.DueAt = s.Now(), nil, s.Now()
	return nil
}

func chooseHolder(_ context.Context, s *Service, r *broker.Run, value string) error {
	entity, err := strconv.ParseInt(value, 10, 64)
	if r.Over() || !r.UploadedAt.IsZero() || r.Problem == nil || r.Problem.Code != broker.CodeHolder {
		return wrongStep
	}
	i := slices.IndexFunc(r.Holders, func(h broker.Holder) bool { return h.Entity == entity })
	if err != nil || i < 0 {
		return broker.Errorf(broker.CodeInvalid, "field \"holder\": choose one of the users on the page")
	}
	r.Entity, r.EntityName, r.DueAt = entity, r.Holders[i].Name, s.Now()
	return nil
}

func cancel(_ context.Context, s *Service, r *broker.Run, _ string) error {
	if r.Over() || !r.ActivatedAt.IsZero() {
		return wrongStep
	}
	r.Ended, r.Problem, r.DueAt = broker.PhaseCancelled, nil, s.Now()
	return nil
}

func (s *Service) consentAgain(ctx context.Context, w *work, browser string, another bool) (broker.Outcome, error) {
	r := w.Run
	if r.Over() || !r.ActivatedAt.IsZero() {
		return broker.Outcome{}, wrongStep
	}
	if another && r.UploadedAt.IsZero() && r.ConnectionID == "" {
		// Another account may be chosen as long as nothing was written to the first one.
		var err error
		r, err = s.change(ctx, r.ID, func(r *broker.Run) error {
			r.Facts = broker.Facts{Problem: r.Problem, GrantExpiresAt: r.GrantExpiresAt}
			return nil
		})
		if err != nil {
			return broker.Outcome{}, err
		}
	}
	d, err := s.depart(ctx, w.App, w.Link, r, browser, another)
	if err != nil {
		return broker.Outcome{}, err
	}
	return broker.Outcome{Departure: &d}, nil
}

// handOver makes a link with which another person takes up this run; the facts stay, the consent is asked anew.
func (s *Service) handOver(ctx context.Context, w *work) (broker.Outcome, error) {
	if w.Run.Over() || w.Link.Kind != broker.LinkSent || w.Link.Connects == broker.KindUser { // a person cannot be replaced by another
		return broker.Outcome{}, wrongStep
	}
	link := w.Link
	link.ID, link.Version, link.RunID, link.RevokedAt = broker.NewID("ol"), 0, w.Run.ID, time.Time{}
	issued, err := s.issue(ctx, link)
	if err != nil {
		return broker.Outcome{}, err
	}
	return broker.Outcome{HandoverURL: issued.URL, HandoverExpires: issued.Link.ExpiresAt}, nil
}

// removeCertificate revokes the one certificate that the person chose on the page SK-ONB-208. The worker leaves the run alone
// meanwhile: it waits for this choice.
func (s *Service) removeCertificate(ctx context.Context, w *work, id string) error {
	if w.Run.Problem == nil || w.Run.Problem.Code != broker.CodeCertificateLimit || w.Grant.Status != broker.GrantHeld {
		return wrongStep
	}
	if !slices.ContainsFunc(w.Run.Problem.Certificates, func(c broker.KnownCertificate) bool { return c.ID == id && !c.Ours }) {
		return broker.Errorf(broker.CodeInvalid, "field \"certificate\": choose one of the certificates on the page that is not in use by us")
	}
	api, err := w.api("remove the certificate that you chose")
	if err != nil {
		return err
	}
	if err := s.Certificates.RevokeChosen(ctx, w.App, id, api); err != nil {
		return s.showProblem(ctx, w, err)
	}
	_, err = s.change(ctx, w.Run.ID, func(r *broker.Run) error { return lookAgain(ctx, s, r, "") })
	s.kick(w.Run.ID)
	return err
}

// showProblem lets the run's page say why a person's wish was refused by NetSuite.
func (s *Service) showProblem(ctx context.Context, w *work, cause error) error {
	if temporary(cause) {
		return broker.Errorf(broker.CodeUnreachable, "NetSuite does not answer").WithCause(cause)
	}
	_, err := s.change(ctx, w.Run.ID, func(r *broker.Run) error {
		failed := *w
		failed.Run = *r
		failed.fail(cause)
		*r = failed.Run
		return nil
	})
	return err
}
