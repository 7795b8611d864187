package onboard

import (
	"context"
	"errors"
	"net/url"

	"github.com/suitekey/suitekey/internal/broker"
)

// View is the stored run, for the browser that it belongs to. A foreign run and an unknown one are answered alike.
func (s *Service) View(ctx context.Context, runID, browser string) (broker.View, error) {
	w, err := s.loadFor(ctx, runID, browser)
	if err != nil {
		return broker.View{}, err
	}
	calls, err := s.Store.Calls(ctx, runID)
	if err != nil {
		return broker.View{}, err
	}
	v := broker.View{Run: w.Run, Link: w.Link, App: w.App, Calls: len(calls), ConnectionID: w.Run.ConnectionID}
	for _, t := range w.App.Tasks {
		v.Tasks = append(v.Tasks, t.Name)
	}
	switch {
	case w.Run.Phase() == broker.PhaseUnconfirmed:
		v.ReturnTo, err = s.returnTo(w)
	case w.Link.ReturnURL != "":
		v.BackTo = w.Link.ReturnURL
	}
	return v, err
}

// returnTo is the app's registered return URL with the one-time code. The URL itself comes from the link, never from the browser (ON-07).
func (s *Service) returnTo(w *work) (string, error) {
	code, err := s.open(w.Run, "runs", "finalise_code", w.Run.ID, w.Run.FinaliseCode)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(w.Link.ReturnURL)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set("suitekey_link", w.Link.ID)
	q.Set("suitekey_code", code)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func (s *Service) loadFor(ctx context.Context, runID, browser string) (*work, error) {
	w, err := s.load(ctx, runID)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, &broker.Error{Code: broker.CodeContinue}
	}
	if err != nil {
		return nil, err
	}
	if equalHash(browser, w.Run.BrowserHash) {
		return w, nil
	}
	// A second browser may look on while its own consent is asked for.
	grants, err := s.Store.GrantsOfRun(ctx, runID)
	if err != nil {
		return nil, err
	}
	for _, g := range grants {
		if g.Status == broker.GrantAsked && s.Now().Before(g.AskBefore) && equalHash(browser, g.BrowserHash) {
			return w, nil
		}
	}
	return nil, &broker.Error{Code: broker.CodeContinue}
}

// Receipt lists every call that was made with the set-up permission.
func (s *Service) Receipt(ctx context.Context, runID, browser string) (broker.Receipt, error) {
	w, err := s.loadFor(ctx, runID, browser)
	if err != nil {
		return broker.Receipt{}, err
	}
	calls, err := s.Store.Calls(ctx, runID)
	return broker.Receipt{
		App: w.App.DisplayName, Customer: w.Link.Customer, Account: w.Run.Account.String(), RunID: w.Run.ID,
		Role: w.Run.RoleName, Entity: w.Run.EntityName, CertificateID: w.Run.CertificateID,
		ConsentGivenAt: w.Grant.CreatedAt, GrantEndedAt: w.Run.GrantEndedAt, Calls: calls,
	}, err
}
