package onboard

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// issuer is what NetSuite calls itself in tokens; a redirect that names another one is a mix-up (ON-06, RFC 9207).
const issuer = "https://system.netsuite.com"

// Callback takes NetSuite's redirect. Every parameter is a claim until the bind step has proven it. The code is stored
// sealed, and redeemed by a step: a browser that comes back twice, or a hundred times at once, redeems it once (ON-04).
func (s *Service) Callback(ctx context.Context, app string, query url.Values, browser string) (string, error) {
	cb, err := netsuite.ParseCallback(query)
	if err != nil {
		return "", (&broker.Error{Code: broker.CodeContinue}).WithCause(err)
	}
	g, err := s.Store.GrantByStateHash(ctx, broker.HashToken(cb.State))
	if errors.Is(err, broker.ErrNotFound) {
		return "", broker.Errorf(broker.CodeContinue, "parameter \"state\": not one of ours")
	}
	if err != nil {
		return "", err
	}
	switch {
	case g.App != app:
		return "", broker.Errorf(broker.CodeContinue, "the consent was asked for another app")
	case !equalHash(browser, g.BrowserHash):
		return "", broker.Errorf(broker.CodeContinue, "the consent was asked in another browser")
	case g.Status != broker.GrantAsked:
		return g.RunID, nil // the same redirect again: the run's page shows what became of it
	case s.Now().After(g.AskBefore):
		return "", errors.Join(&broker.Error{Code: broker.CodeContinue}, s.void(ctx, &g))
	case cb.Issuer != "" && cb.Issuer != issuer:
		return "", broker.Errorf(broker.CodeContinue, "parameter \"iss\": names another authorization server")
	}
	if err := s.answer(ctx, &g, cb, browser); err != nil {
		return "", err
	}
	s.kick(g.RunID)
	return g.RunID, nil
}

// answer stores what NetSuite said, in one transaction with the run.
func (s *Service) answer(ctx context.Context, g *broker.Grant, cb netsuite.Callback, browser string) error {
	for {
		run, err := s.Store.Run(ctx, g.RunID)
		if err != nil {
			return err
		}
		link, err := s.Store.Link(ctx, run.LinkID)
		if err != nil {
			return err
		}
		if run.Over() {
			return errors.Join(&broker.Error{Code: broker.CodeWrongStep}, s.void(ctx, g))
		}
		if err := s.take(ctx, &run, link, g, cb, browser); err != nil {
			return err
		}
		switch err := s.Store.SaveRun(ctx, &run, g, nil); {
		case err == nil:
			return nil
		case !errors.Is(err, broker.ErrConflict):
			return err
		}
		// Either the run moved on, or this very redirect came twice. The grant tells.
		if *g, err = s.Store.Grant(ctx, g.ID); err != nil || g.Status != broker.GrantAsked {
			return err
		}
	}
}

// take changes run and grant as the redirect demands.
func (s *Service) take(ctx context.Context, run *broker.Run, link broker.Link, g *broker.Grant, cb netsuite.Callback, browser string) error {
	run.UpdatedAt = s.Now()
	switch {
	case cb.Error != "":
		return s.refuse(ctx, run, g, refusal(cb))
	case !link.Expects(cb.Account) || (run.Account != "" && run.Account != cb.Account):
		// The code is not redeemed at all: it dies by itself, and there is no permission to end.
		p := &broker.Problem{Code: broker.CodeWrongAccount, Found: cb.Account, Expected: link.Expect}
		if run.Account != "" {
			p.Expected = []netsuite.AccountID{run.Account}
		}
		return s.refuse(ctx, run, g, p)
	}
	var err error
	if g.Code, err = s.seal(*run, "grants", "code", g.ID, cb.Code); err != nil {
		return err
	}
	g.Status, g.Account, g.Role, g.Entity = broker.GrantRedeeming, cb.Account, cb.Role, cb.Entity
	g.DueAt = s.Now()
	run.GrantID, run.BrowserHash = g.ID, broker.HashToken(browser)
	run.BoundAt, run.GrantExpiresAt, run.Problem, run.Attempts = time.Time{}, s.Now().Add(time.Hour), nil, 0
	run.DueAt = s.Now()
	return s.audit(ctx, broker.AuditConsentGiven, *run, "ok", cb.Account.String())
}

func (s *Service) refuse(ctx context.Context, run *broker.Run, g *broker.Grant, p *broker.Problem) error {
	g.Status, g.EndedAt, g.DueAt, g.Verifier = broker.GrantVoid, s.Now(), time.Time{}, nil
	run.Problem, run.DueAt = p, time.Time{}
	return s.audit(ctx, broker.AuditConsentRefused, *run, string(p.Code), "")
}

// refusal names an error redirect (netsuite-oauth2 2.2). The description is text for a person, already cut by the parser.
func refusal(cb netsuite.Callback) *broker.Problem {
	if cb.Error == "access_denied" {
		return &broker.Problem{Code: broker.CodeDenied}
	}
	detail := "NetSuite answered " + cb.Error
	if cb.ErrorDescription != "" {
		detail += ": " + cb.ErrorDescription
	}
	return &broker.Problem{Code: broker.CodeConsentFailed, Detail: detail}
}
