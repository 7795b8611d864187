package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/customer"
	"github.com/suitekey/suitekey/internal/onboard"
	"github.com/suitekey/suitekey/netsuite"
)

// playFor bounds the whole play: it takes seconds, unless something is broken.
const playFor = 2 * time.Minute

// play is the customer's part and then the app's: from the link to a token, a query, and a rotated certificate.
func (d *demo) play(ctx context.Context, link onboard.NewLink) error {
	ctx, stop := context.WithTimeout(ctx, playFor)
	defer stop()
	begin := time.Now()
	c := &customer.Customer{
		Browser: customer.NewBrowser(), Email: "admin@globex.example", Company: customerAccount, IntegrationUser: "Acme Integration", Home: d.home.String(),
	}
	defer c.Close()
	runURL, err := d.consent(ctx, c, link)
	if err != nil {
		return err
	}
	if err := d.prepare(ctx, c, runURL); err != nil {
		return err
	}
	run, err := d.watchMachine(ctx, c, runURL, link)
	if err != nil {
		return err
	}
	if err := d.use(ctx, run); err != nil {
		return err
	}
	d.report.print("done", time.Since(begin), facts{"connection": run.ConnectionID, "account": run.Account.String()}, nil)
	return nil
}

// consent is step one of the wizard. It returns the run's address.
func (d *demo) consent(ctx context.Context, c *customer.Customer, link onboard.NewLink) (runURL string, err error) {
	err = d.report.step("consent", func() (facts, error) {
		p, err := c.Consent(ctx, link.URL)
		if err != nil {
			return nil, err
		}
		if !c.At(p) {
			return nil, fmt.Errorf("the browser ended on NetSuite's page %q", p.Title)
		}
		stored, err := d.server.Store.Link(ctx, link.Link.ID)
		if err != nil {
			return nil, err
		}
		runURL = d.home.JoinPath("r", stored.RunID).String()
		return facts{"run": stored.RunID}, nil
	})
	return runURL, err
}

// prepare is step two: what the checks found missing is mended in NetSuite, as the page says.
func (d *demo) prepare(ctx context.Context, c *customer.Customer, runURL string) error {
	var todo *customer.Page
	err := d.report.step("checks", func() (facts, error) {
		if _, err := c.WaitFor(ctx, runURL, settled); err != nil {
			return nil, err
		}
		var err error
		todo, err = c.Open(ctx, runURL)
		if err != nil {
			return nil, err
		}
		return facts{"page": todo.Title}, nil
	})
	if err != nil {
		return err
	}
	err = d.report.step("bundle", func() (facts, error) {
		install, ok := todo.Link("/app/bundler/bundledetails.nl")
		if !ok {
			return nil, fmt.Errorf("the page %q does not link to the bundle", todo.Title)
		}
		return facts{"bundle": install.Query().Get("id")}, c.InstallBundle(ctx, install.String())
	})
	if err != nil {
		return err
	}
	return d.report.step("role", func() (facts, error) {
		list, err := d.employeeList(ctx, c, runURL)
		if err != nil {
			return nil, err
		}
		if err := c.GiveRole(ctx, list, "Acme Sync"); err != nil {
			return nil, err
		}
		return facts{"holder": c.IntegrationUser}, d.checkAgain(ctx, c, runURL)
	})
}

// settled: the run waits for a person, or has gone past the checks.
func settled(s customer.Status) bool {
	return !slices.Contains([]string{string(broker.PhaseConsenting), string(broker.PhaseChecking)}, s.Phase)
}

// employeeList waits until the page, which notices the bundle by itself, says where the role is given.
func (d *demo) employeeList(ctx context.Context, c *customer.Customer, runURL string) (address string, err error) {
	if err := d.checkAgain(ctx, c, runURL); err != nil {
		return "", err
	}
	err = customer.Every(ctx, 200*time.Millisecond, func() (bool, error) {
		p, err := c.Open(ctx, runURL)
		if err != nil {
			return false, err
		}
		u, ok := p.Link("/app/common/entity/employeelist.nl")
		if ok {
			address = u.String()
		}
		return ok, nil
	})
	return address, err
}

// checkAgain presses the button, if the page has one; it may have gone on by itself meanwhile.
func (d *demo) checkAgain(ctx context.Context, c *customer.Customer, runURL string) error {
	p, err := c.Open(ctx, runURL)
	if err != nil {
		return err
	}
	f, ok := p.Form("/check")
	if !ok {
		return nil
	}
	_, err = c.Press(ctx, f, nil)
	return err
}

// watchMachine waits for the part that needs nobody, and reports its steps from the run's own record.
func (d *demo) watchMachine(ctx context.Context, c *customer.Customer, runURL string, link onboard.NewLink) (broker.Run, error) {
	last, waitErr := c.WaitFor(ctx, runURL, func(s customer.Status) bool {
		return s.Phase == string(broker.PhaseConnected) || s.Phase == string(broker.PhaseFailed) || s.Phase == string(broker.PhaseCancelled)
	})
	stored, err := d.server.Store.Link(ctx, link.Link.ID)
	if err != nil {
		return broker.Run{}, err
	}
	run, err := d.server.Store.Run(context.WithoutCancel(ctx), stored.RunID)
	if err != nil || waitErr != nil || last.Phase != string(broker.PhaseConnected) {
		err = errors.Join(err, waitErr, fmt.Errorf("the run stands at %s (%s)", run.Phase(), problemOf(run)))
		d.report.print("key", 0, nil, err)
		return run, err
	}
	return run, d.reportMachine(ctx, run)
}

func problemOf(run broker.Run) string {
	if run.Problem == nil {
		return "no problem noted"
	}
	return string(run.Problem.Code) + " " + run.Problem.Detail
}

func (d *demo) reportMachine(ctx context.Context, run broker.Run) error {
	cert, err := d.server.Store.Certificate(ctx, run.CertificateID)
	if err != nil {
		return err
	}
	calls, err := d.server.Store.Calls(ctx, run.ID)
	if err != nil {
		return err
	}
	app, err := d.server.Store.App(ctx, run.App)
	if err != nil {
		return err
	}
	d.report.print("key", cert.CreatedAt.Sub(run.ChecksPassedAt), facts{"algorithm": app.Certificate.Key, "certificate": cert.ID}, nil)
	d.report.print("upload", run.UploadedAt.Sub(cert.CreatedAt), facts{"role": run.RoleID, "entity": run.Entity, "valid_until": cert.ValidUntil}, nil)
	d.report.print("test", run.TestedAt.Sub(run.UploadedAt), nil, nil)
	d.report.print("tasks", run.ActivatedAt.Sub(run.TestedAt), facts{"tasks": run.TasksDone}, nil)
	d.report.print("revoke", run.ConnectedAt.Sub(run.ActivatedAt), facts{"ended_at": run.GrantEndedAt, "calls": len(calls)}, nil)
	return nil
}

// use is what the app does with the connection: take a token by plain OAuth, query, and go on over a rotation.
func (d *demo) use(ctx context.Context, run broker.Run) error {
	id, secret, err := d.server.Tokens.CreateClient(ctx, run.App, []string{run.ConnectionID})
	if err != nil {
		return err
	}
	// Nothing of ours: any OAuth 2.0 client works.
	oauth := clientcredentials.Config{ClientID: id, ClientSecret: secret.Reveal(), TokenURL: d.home.JoinPath("oauth2", "token").String()}
	var token netsuite.Secret
	err = d.report.step("handout", func() (facts, error) {
		t, err := oauth.Token(ctx)
		if err != nil {
			return nil, err
		}
		token = netsuite.NewSecret(t.AccessToken)
		return facts{"expires_in": int(time.Until(t.Expiry).Seconds()), "netsuite_account": t.Extra("netsuite_account"), "netsuite_base_url": t.Extra("netsuite_base_url")}, nil
	})
	if err != nil {
		return err
	}
	if err := d.report.step("query", func() (facts, error) { return d.query(ctx, run, token) }); err != nil {
		return err
	}
	return d.report.step("rotate", func() (facts, error) {
		done, err := d.server.Rotate.Rotate(ctx, run.ConnectionID)
		if err != nil {
			return nil, err
		}
		t, err := oauth.Token(ctx)
		if err != nil {
			return nil, err
		}
		after, err := d.query(ctx, run, netsuite.NewSecret(t.AccessToken))
		return facts{"old": done.Old, "new": done.New, "valid_until": done.ValidUntil, "rows": after["rows"]}, err
	})
}

// query counts the customer's customers.
func (d *demo) query(ctx context.Context, run broker.Run, token netsuite.Secret) (facts, error) {
	site, err := netsuite.EmulatorSite(d.netsuite)
	if err != nil {
		return nil, err
	}
	api := netsuite.API{Account: run.Account, Site: site, Token: token}
	const q = "SELECT id, companyname FROM customer ORDER BY id"
	page, err := api.SuiteQL(ctx, q, 1000, 0)
	if err != nil {
		return nil, err
	}
	return facts{"query": q, "rows": page.Total}, nil
}
