// Package app wires the server: it opens the store and the vault, builds the services, and serves. It alone knows all the
// concrete types; it decides nothing else.
package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/suitekey/suitekey/internal/audit"
	"github.com/suitekey/suitekey/internal/certificates"
	"github.com/suitekey/suitekey/internal/consents"
	"github.com/suitekey/suitekey/internal/doctor"
	"github.com/suitekey/suitekey/internal/jobs"
	"github.com/suitekey/suitekey/internal/notify"
	"github.com/suitekey/suitekey/internal/offboard"
	"github.com/suitekey/suitekey/internal/onboard"
	"github.com/suitekey/suitekey/internal/outbound"
	"github.com/suitekey/suitekey/internal/replica"
	"github.com/suitekey/suitekey/internal/rotate"
	"github.com/suitekey/suitekey/internal/store"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
)

// Config is what a server is made of.
type Config struct {
	// Database is sqlite:PATH or a postgres:// URL.
	Database  string
	MasterKey vault.MasterKey
	// Site is the real NetSuite, or an emulator on this machine. The vault remembers which, and the two never mix.
	Site netsuite.Site
	// PublicURL is where people and NetSuite reach this server.
	PublicURL *url.URL
	Logger    *slog.Logger
	Now       func() time.Time
	// Dev reads templates from disk.
	Dev bool
	// WorkByHand leaves the background work to whoever calls WorkOnce: for tests, which move the clock.
	WorkByHand bool
	// NotifyAllow are addresses beside the public internet that may be told what happened; SMTP is the server for mail.
	NotifyAllow []outbound.Exception
	SMTP        notify.SMTP

	// LeaseTTL and WatchEvery override the pauses of package onboard; zero means its own.
	LeaseTTL   time.Duration
	WatchEvery time.Duration
	// Outward wraps every transport to NetSuite, and AfterCommit is called after every commit. Both are for the crash tests,
	// which end the process there.
	Outward     func(http.RoundTripper) http.RoundTripper
	AfterCommit func()
}

// App is an open server without its listener: what the command line works with.
type App struct {
	Store   *store.DB
	Audit   *audit.Log
	Onboard *onboard.Service
	Tokens  *tokens.Service
	Rotate  *rotate.Service
	Doctor  *doctor.Service
	// Certificates leads keys through their life, and does not show them.
	Certificates *certificates.Service
	Offboard     *offboard.Service
	Replica      *replica.Service
	Notify       *notify.Service

	cfg     Config
	serving bool // the database is ours to serve
	closes  []func() error
}

// Open opens the database, unlocks the vault and builds the services. Close what it returns.
func Open(ctx context.Context, cfg Config) (_ *App, err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	a := &App{cfg: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err := a.openStore(ctx); err != nil {
		return a, err
	}
	v, err := vault.Open(ctx, a.Store, cfg.MasterKey, mode(cfg.Site))
	if err != nil {
		return a, err
	}
	a.startAudit()
	a.build(v)
	return a, nil
}

func mode(site netsuite.Site) vault.Mode {
	if site.IsEmulator() {
		return vault.ModeEmulator
	}
	return vault.ModeLive
}

func (a *App) openStore(ctx context.Context) error {
	db, err := store.Open(ctx, store.Config{URL: a.cfg.Database, Now: a.cfg.Now, Migrate: jobs.Migrate, AfterCommit: a.cfg.AfterCommit})
	if err != nil {
		return err
	}
	a.Store = db
	a.closes = append(a.closes, db.Close)
	return nil
}

// startAudit runs the log's committer for as long as the App is open.
func (a *App) startAudit() {
	a.Audit = audit.New(a.Store, a.cfg.Now)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Audit.Run(ctx) }()
	a.closes = append(a.closes, func() error {
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	})
}

func (a *App) build(v *vault.Vault) {
	cfg, holder := a.cfg, processName()
	certs := &certificates.Service{Store: a.Store, Vault: v, Audit: a.Audit, Site: cfg.Site, Client: a.client, Now: cfg.Now}
	a.Certificates = certs
	consent := &consents.Service{Store: a.Store, Vault: v, Site: cfg.Site, Client: a.client, PublicURL: cfg.PublicURL, Now: cfg.Now}
	a.Replica = &replica.Service{Store: a.Store, ID: holder, Logger: cfg.Logger} // by its own clock, which no test moves
	a.Doctor = &doctor.Service{
		Store: a.Store, Certificates: certs, Audit: a.Audit, Site: cfg.Site, Client: a.client, Now: cfg.Now,
	}
	a.Tokens = &tokens.Service{
		Store: a.Store, Vault: v, Certificates: certs, Consents: consent, Health: a.Doctor, Audit: a.Audit, Site: cfg.Site, Current: a.Replica.Current,
		Now: cfg.Now, Logger: cfg.Logger, Holder: holder,
	}
	a.closes = append(a.closes, func() error { a.Tokens.Close(); return nil })
	a.Onboard = onboard.New(onboard.Config{
		Store: a.Store, Vault: v, Audit: a.Audit, Certificates: certs, Health: a.Doctor, Consents: consent, Site: cfg.Site, Client: a.client, PublicURL: cfg.PublicURL,
		Logger: cfg.Logger, Now: cfg.Now, Holder: holder, LeaseTTL: cfg.LeaseTTL, WatchEvery: cfg.WatchEvery,
	})
	// Each of the two asks the other: the doctor for tokens, the token service for health.
	a.Doctor.Tokens, a.Doctor.Links = a.Tokens, a.Onboard
	a.Offboard = &offboard.Service{
		Store: a.Store, Vault: v, Certificates: certs, Consents: consent, Audit: a.Audit, Site: cfg.Site, Client: a.client, Ended: a.Tokens.Forget,
		Issuer: cfg.PublicURL.String(), Holder: holder, Now: cfg.Now, Logger: cfg.Logger,
	}
	a.Rotate = &rotate.Service{
		Store: a.Store, Certificates: certs, Audit: a.Audit, Replicas: a.Replica, Health: a.Doctor, Site: cfg.Site, Client: a.client, Switched: a.switched,
		Holder: holder, Now: cfg.Now, Logger: cfg.Logger,
	}
	a.Notify = &notify.Service{
		Store: a.Store, Vault: v, Audit: a.Audit, Guard: &outbound.Guard{Allow: cfg.NotifyAllow}, Links: a.Onboard, SMTP: cfg.SMTP, Now: cfg.Now, Logger: cfg.Logger,
	}
}

// switched is called when this process changed the certificate of a connection.
func (a *App) switched(connectionID string) {
	a.Tokens.Forget(connectionID)
	a.Replica.Hurry()
}

// client is the one way out: the site's guarded client, wrapped when a test asks for it.
func (a *App) client(account netsuite.AccountID) *http.Client {
	c := a.cfg.Site.HTTPClient(account)
	if a.cfg.Outward != nil {
		c.Transport = a.cfg.Outward(c.Transport)
	}
	return c
}

// processName tells this process from others in leases.
func processName() string {
	b := make([]byte, 8)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// Close ends what Open began, in reverse order.
func (a *App) Close() error {
	var errs []error
	for i := len(a.closes) - 1; i >= 0; i-- {
		errs = append(errs, a.closes[i]())
	}
	a.closes = nil
	return errors.Join(errs...)
}
