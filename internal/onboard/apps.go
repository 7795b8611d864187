package onboard

import (
	"context"
	"errors"
	"reflect"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// AppSecrets are the secrets of an app's confidential consent clients; empty ones are of public clients.
type AppSecrets struct {
	Consent, User netsuite.Secret
}

// StoreApp stores a definition that has been completed and validated. A definition whose clients changed must be
// proven again before links can be made.
func (s *Service) StoreApp(ctx context.Context, app broker.App, secrets AppSecrets) error {
	if err := app.Validate(!s.Site.IsEmulator()); err != nil {
		return err
	}
	known, err := s.Store.App(ctx, app.Name)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return err
	}
	app.Version = known.Version
	if sameClients(known, app) {
		app.CheckedAt = known.CheckedAt
	}
	if app.ClientSecret, err = s.sealSecret(app, broker.KindMachine, secrets.Consent); err != nil {
		return err
	}
	if app.UserClientSecret, err = s.sealSecret(app, broker.KindUser, secrets.User); err != nil {
		return err
	}
	if err := s.Audit.Record(ctx, broker.AuditLine{At: s.Now(), Event: broker.AuditAppStored, Actor: "operator", App: app.Name, Object: app.Name, Result: "ok"}); err != nil {
		return err
	}
	return s.Store.SaveApp(ctx, &app)
}

func sameClients(a, b broker.App) bool {
	return a.ConsentClientID(broker.KindMachine) == b.ConsentClientID(broker.KindMachine) &&
		a.ConsentClientID(broker.KindUser) == b.ConsentClientID(broker.KindUser) && reflect.DeepEqual(a.Scopes, b.Scopes)
}

func (s *Service) sealSecret(app broker.App, kind broker.ConnectionKind, secret netsuite.Secret) (broker.Sealed, error) {
	if secret.IsZero() {
		return nil, nil
	}
	return s.Vault.Seal(broker.ClientSecretPlace(app.Name, kind), []byte(secret.Reveal()))
}

// CheckApp proves at NetSuite that the client IDs are known and the redirect URI registered. It needs nobody to log in:
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
	kinds := []broker.ConnectionKind{broker.KindMachine}
	if app.Integration.User != nil {
		kinds = append(kinds, broker.KindUser)
	}
	for _, kind := range kinds {
		g, err := s.Consents.CodeGrant(app, kind, nil)
		if err != nil {
			return err
		}
		if err := g.Probe(ctx, owner); err != nil {
			return broker.Errorf(broker.CodeAppUnproven, "app %q: NetSuite does not accept client ID %s… and redirect URI %s", name, g.ClientID[:8], g.RedirectURI).WithCause(err).
				WithDo("Register exactly this redirect URI in the integration record of account " + owner.String() + ", and compare the client ID.")
		}
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
