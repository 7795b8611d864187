package onboard

import (
	"context"
	"errors"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// askWithin is the life of a state: from the button to NetSuite's redirect (ON-03).
const askWithin = 10 * time.Minute

// Start begins the run of a link, or takes it up in another browser, and says where the browser goes. A run does not move to
// another browser before its person has consented there. reconnect starts a new run for a connection that exists.
func (s *Service) Start(ctx context.Context, token string, reconnect bool) (broker.Departure, error) {
	link, err := s.link(ctx, token)
	if err != nil {
		return broker.Departure{}, err
	}
	app, err := s.Store.App(ctx, link.App)
	if err != nil {
		return broker.Departure{}, err
	}
	run, err := s.runOf(ctx, link, reconnect)
	if err != nil {
		return broker.Departure{}, err
	}
	browser := broker.NewToken()
	if run.Version > 0 {
		return s.depart(ctx, app, link, run, browser, false)
	}
	run.BrowserHash = broker.HashToken(browser)
	link.RunID = run.ID
	if err := s.audit(ctx, broker.AuditRunStarted, run, "ok", ""); err != nil {
		return broker.Departure{}, err
	}
	if err := s.Store.SaveRun(ctx, &run, nil, &link); errors.Is(err, broker.ErrConflict) {
		return s.Start(ctx, token, reconnect) // somebody pressed the button at the same moment: join that run
	} else if err != nil {
		return broker.Departure{}, err
	}
	return s.depart(ctx, app, link, run, browser, false)
}

// runOf is the run that a link leads to, or a new one.
func (s *Service) runOf(ctx context.Context, link broker.Link, reconnect bool) (broker.Run, error) {
	fresh := broker.Run{ID: broker.NewID("run"), App: link.App, LinkID: link.ID, CreatedAt: s.Now(), UpdatedAt: s.Now()}
	if link.RunID == "" {
		return fresh, nil
	}
	run, err := s.Store.Run(ctx, link.RunID)
	switch {
	case err != nil:
		return run, err
	case link.Kind == broker.LinkSession:
		return run, &broker.Error{Code: broker.CodeContinue} // such a link is for the first browser alone (ON-01)
	case run.Phase() == broker.PhaseConnected && !reconnect:
		return run, &broker.Error{Code: broker.CodeAlreadyConnected}
	case run.Over():
		return fresh, nil
	}
	return run, nil
}

// depart asks for a consent: a new state and verifier, tied to the browser, and NetSuite's page. another is set when the
// person wants to choose a different account or role there.
func (s *Service) depart(ctx context.Context, app broker.App, link broker.Link, run broker.Run, browser string, another bool) (broker.Departure, error) {
	if !s.Site.IsEmulator() && s.PublicURL.Scheme != "https" {
		// NetSuite registers https redirect URIs only (netsuite-oauth2 2.7): nobody could come back.
		return broker.Departure{}, broker.Errorf(broker.CodeConfig, "setting public_url: NetSuite redirects to https addresses only; got %s", s.PublicURL)
	}
	state, verifier := netsuite.NewState(), netsuite.NewCodeVerifier()
	g := broker.Grant{
		ID: broker.NewID("gr"), RunID: run.ID, App: run.App, Status: broker.GrantAsked,
		StateHash: broker.HashToken(state), BrowserHash: broker.HashToken(browser),
		Host: host(link, run), CreatedAt: s.Now(), AskBefore: s.Now().Add(askWithin),
	}
	g.DueAt = g.AskBefore
	var err error
	if g.Verifier, err = s.seal(run, "grants", "verifier", g.ID, verifier); err != nil {
		return broker.Departure{}, err
	}
	cg, err := s.Consents.CodeGrant(app, link.Connects, nil)
	if err != nil {
		return broker.Departure{}, err
	}
	url, err := cg.AuthorizeURL(g.Host, state, verifier, prompt(g.Host, another))
	if err != nil {
		return broker.Departure{}, err
	}
	if err := s.Store.SaveGrant(ctx, &g); err != nil {
		return broker.Departure{}, err
	}
	return broker.Departure{RunID: run.ID, Browser: browser, URL: url}, nil
}

// host is the account whose log-in page is used: the proven one, else the one that the link pins, else NetSuite's own choice.
func host(link broker.Link, run broker.Run) netsuite.AccountID {
	if run.Account != "" {
		return run.Account
	}
	if len(link.Expect) == 1 {
		return link.Expect[0]
	}
	return ""
}

// prompt makes NetSuite ask again who somebody is, where it can: "login" works on account hosts only (netsuite-oauth2 2.1).
func prompt(host netsuite.AccountID, another bool) string {
	if another && host != "" {
		return "login"
	}
	return ""
}
