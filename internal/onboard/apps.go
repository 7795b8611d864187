package onboard

import (
	"context"
	"errors"
	"reflect"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// StoreApp stores a definition that has been completed and validated. A definition whose clients changed must be
// proven again before links can be made. secret is that of a confidential consent client.
func (s *Service) StoreApp(ctx context.Context, app broker.App, secret netsuite.Secret) error {
	if err := app.Validate(!s.Site.IsEmulator()); err != nil {
		return err
	}
	known, err := s.Store.App(ctx, app.Name)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return err
	}
	app.Version = known.Version
	if known.Integration.Consent.ClientID == app.Integration.Consent.ClientID && reflect.DeepEqual(known.Scopes, app.Scopes) {
		app.CheckedAt = known.CheckedAt
	}
	if !app.Integration.Consent.Public {
		if app.ClientSecret, err = s.Vault.Seal(secretPlace(app.Name), []byte(secret.Reveal())); err != nil {
			return err
		}
	}
	if err := s.Audit.Record(ctx, broker.AuditLine{At: s.Now(), Event: broker.AuditAppStored, Actor: "operator", App: app.Name, Object: app.Name, Result: "ok"}); err != nil {
		return err
	}
	return s.Store.SaveApp(ctx, &app)
}

// CheckApp proves at NetSuite that the client ID is known and the redirect URI registered. It needs nobody to log in:
// NetSuite shows its error page for a wrong client or redirect URI, and redirects otherwise.
func (s *Service) CheckApp(ctx context.Context, name string) error {
	app, err := s.App(ctx, name)
	if err != nil {
		return err
	}
	owner, err := netsuite.ParseAccountID(app.Bundle.SourceAccount)
	if err != nil {
		return err
	}
	g, err := s.codeGrant(app, s.Client)
	if err != nil {
		return err
	}
	if err := g.Probe(ctx, owner); err != nil {
		return broker.Errorf(broker.CodeAppUnproven, "app %q: NetSuite does not accept client ID and redirect URI %s", name, g.RedirectURI).WithCause(err).
			WithDo("Register exactly this redirect URI in the integration record of account " + owner.String() + ", and compare the client ID.")
	}
	app.CheckedAt = s.Now()
	return s.Store.SaveApp(ctx, &app)
}

// App reads a definition.
func (s *Service) App(ctx context.Context, name string) (broker.App, error) {
	app, err := s.Store.App(ctx, name)
	if errors.Is(err, broker.ErrNotFound) {
		return app, broker.Errorf(broker.CodeNotFound, "there is no app %q", name).WithDo("suitekey app list")
	}
	return app, err
}

// Brand is the app whose name, logo and colour a page shows.
func (s *Service) Brand(ctx context.Context, name string) (broker.App, error) {
	return s.App(ctx, name)
}
