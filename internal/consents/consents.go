// Package consents speaks to NetSuite on the ground of a person's consent: it builds the app's Authorization Code Grant, and
// refreshes and revokes what a user connection holds.
//
// Each method makes at most one request. When it may be made, and what becomes of the answer, is decided by its callers: packages
// onboard, tokens and offboard.
package consents

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

type store interface {
	App(ctx context.Context, name string) (broker.App, error)
}

type vault interface {
	Open(place broker.Place, sealed broker.Sealed) ([]byte, error)
}

// Service holds what the requests need. A struct literal works; Client and Now may be nil.
type Service struct {
	Store store
	Vault vault
	Site  netsuite.Site
	// Client makes the HTTP client for an account; nil means the site's own guarded one.
	Client func(netsuite.AccountID) *http.Client
	// PublicURL is where NetSuite redirects to, below /callback.
	PublicURL *url.URL
	Now       func() time.Time
}

// CodeGrant is the app's client for consents to connections of this kind, as netsuite speaks it. client makes the HTTP client; nil
// means the service's own.
func (s *Service) CodeGrant(app broker.App, kind broker.ConnectionKind, client func(netsuite.AccountID) *http.Client) (*netsuite.CodeGrant, error) {
	if client == nil {
		client = s.Client
	}
	g := &netsuite.CodeGrant{
		ClientID: app.ConsentClientID(kind), RedirectURI: s.PublicURL.JoinPath("callback", app.Name).String(), Scopes: app.Scopes, Site: s.Site, HTTPClient: client, Now: s.Now,
	}
	sealed := app.ClientSecret
	if kind == broker.KindUser {
		if app.Integration.User == nil {
			return nil, broker.Errorf(broker.CodeAppInvalid, "app definition, field \"integration.user\": is missing, so the app has no user connections").
				WithDo("Name the integration record that persons consent to, then: suitekey app check " + app.Name)
		}
		sealed = app.UserClientSecret
		g.TokenRotationMaximum = time.Duration(app.Integration.User.RotationHours) * time.Hour
	}
	if app.PublicClient(kind) {
		return g, nil
	}
	secret, err := s.Vault.Open(broker.ClientSecretPlace(app.Name, kind), sealed)
	if err != nil {
		return nil, err
	}
	g.ClientSecret = netsuite.NewSecret(string(secret))
	return g, nil
}

// Refresh sends the refresh token of a user connection, once.
func (s *Service) Refresh(ctx context.Context, appName string, account netsuite.AccountID, refreshToken netsuite.Secret) (*netsuite.Token, error) {
	g, err := s.ofUser(ctx, appName)
	if err != nil {
		return nil, err
	}
	return g.Refresh(ctx, account, refreshToken)
}

// Revoke ends a user connection's consent at NetSuite. One that NetSuite no longer knows has ended too.
func (s *Service) Revoke(ctx context.Context, appName string, account netsuite.AccountID, refreshToken netsuite.Secret) error {
	g, err := s.ofUser(ctx, appName)
	if err != nil {
		return err
	}
	err = g.Revoke(ctx, account, refreshToken)
	if errors.Is(err, netsuite.ErrInvalidGrant) || errors.Is(err, netsuite.ErrInvalidRequest) {
		return nil
	}
	return err
}

// Lifetime tells when a refresh token of a user connection ends, and when no refresh helps any more.
func (s *Service) Lifetime(ctx context.Context, appName string, refreshToken netsuite.Secret) (netsuite.Lifetime, error) {
	g, err := s.ofUser(ctx, appName)
	if err != nil {
		return netsuite.Lifetime{}, err
	}
	return g.Lifetime(refreshToken)
}

func (s *Service) ofUser(ctx context.Context, appName string) (*netsuite.CodeGrant, error) {
	app, err := s.Store.App(ctx, appName)
	if err != nil {
		return nil, err
	}
	return s.CodeGrant(app, broker.KindUser, nil)
}
