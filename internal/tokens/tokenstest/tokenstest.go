// Package tokenstest puts the token service on its real neighbours, on a SQLite file, for tests and benchmarks of packages
// that hand out tokens. Most tests call New, then Connect and Hold: that gives a connection whose token is at hand without a
// NetSuite. Nothing outside of tests may import it.
package tokenstest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/audit"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/certificates"
	"github.com/suitekey/suitekey/internal/consents"
	"github.com/suitekey/suitekey/internal/doctor"
	"github.com/suitekey/suitekey/internal/store"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
)

// AppName is the app that every Env has.
const AppName = "acme-sync"

// Config says what is special in a test. The zero value works, with a site where nobody answers.
type Config struct {
	Site netsuite.Site
	Now  func() time.Time
	App  broker.App // its client IDs and scopes; zero: sensible ones
	// Database is a URL; empty: SQLite in the Env's folder.
	Database string
}

// Env is the service and its neighbours.
type Env struct {
	Store        *store.DB
	Vault        *vault.Vault
	Audit        *audit.Log
	Certificates *certificates.Service
	Tokens       *tokens.Service
	App          broker.App

	cfg     Config
	endLog  context.CancelFunc
	logDone chan error
}

// New opens an Env in a temporary folder and closes it with the test.
func New(tb testing.TB, cfg Config) *Env {
	tb.Helper()
	e, err := Open(tb.Context(), tb.TempDir(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e
}

// Open opens an Env in a folder.
func Open(ctx context.Context, dir string, cfg Config) (*Env, error) {
	if cfg.Site == (netsuite.Site{}) {
		var err error
		if cfg.Site, err = netsuite.EmulatorSite("127.0.0.1:1"); err != nil { // reserved; nothing listens
			return nil, err
		}
	}
	if cfg.Database == "" {
		cfg.Database = "sqlite:" + filepath.Join(dir, "suitekey.db")
	}
	db, err := store.Open(ctx, store.Config{URL: cfg.Database, Now: cfg.Now})
	if err != nil {
		return nil, err
	}
	e := &Env{Store: db, cfg: cfg, Audit: audit.New(db, cfg.Now), logDone: make(chan error, 1)}
	logContext, end := context.WithCancel(context.Background())
	e.endLog = end
	go func() { e.logDone <- e.Audit.Run(logContext) }()
	if err := e.build(ctx); err != nil {
		_ = e.Close()
		return nil, err
	}
	return e, nil
}

func (e *Env) build(ctx context.Context) error {
	var err error
	if e.Vault, err = vault.Open(ctx, e.Store, vault.NewMasterKey(), vault.ModeEmulator); err != nil {
		return err
	}
	e.Certificates = &certificates.Service{Store: e.Store, Vault: e.Vault, Audit: e.Audit, Site: e.cfg.Site, Now: e.cfg.Now}
	e.Tokens = e.Replica("replica-1")
	e.App = e.cfg.App
	if e.App.Integration.Consent.ClientID == "" {
		e.App.Integration.Consent.ClientID = strings.Repeat("c0", 32)
	}
	if e.App.Scopes == nil {
		e.App.Scopes = []string{"rest_webservices", "restlets"}
	}
	e.App.Name = AppName
	e.App.Complete()
	return e.Store.SaveApp(ctx, &e.App)
}

// Replica is another process on the same database, as far as the service can tell.
func (e *Env) Replica(holder string) *tokens.Service {
	health := &doctor.Service{
		Store: e.Store, Certificates: e.Certificates, Links: postbox{}, Audit: e.Audit, Site: e.cfg.Site, Now: e.cfg.Now,
	}
	consent := &consents.Service{Store: e.Store, Vault: e.Vault, Site: e.cfg.Site, PublicURL: &url.URL{Scheme: "https", Host: "connect.acme.example"}, Now: e.cfg.Now}
	s := &tokens.Service{
		Store: e.Store, Vault: e.Vault, Certificates: e.Certificates, Consents: consent, Health: health, Audit: e.Audit, Site: e.cfg.Site, Now: e.cfg.Now, Holder: holder,
	}
	health.Tokens = s
	return s
}

// postbox takes wishes for repair links; onboarding, which makes them, is not part of an Env.
type postbox struct{}

func (postbox) RepairLink(context.Context, string) (broker.Link, string, error) {
	return broker.Link{ID: "ol_repair"}, "", nil
}

// Close stops everything.
func (e *Env) Close() error {
	if e.Tokens != nil {
		e.Tokens.Close()
	}
	e.endLog()
	if err := <-e.logDone; err != nil {
		return err
	}
	return e.Store.Close()
}

// Connect makes a connected connection of the Env's app with a key of its own. upload, unless nil, shows the certificate
// to NetSuite before.
func (e *Env) Connect(ctx context.Context, account netsuite.AccountID, role, entity int64, upload func(broker.Certificate) error) (broker.Connection, error) {
	conn := broker.Connection{
		ID: broker.NewID("conn"), App: e.App.Name, Account: account, Kind: broker.KindMachine, Customer: "Globex Inc.",
		State: broker.ConnectionPending, RoleID: role, Entity: entity,
	}
	if err := e.Store.SaveConnection(ctx, &conn); err != nil {
		return conn, err
	}
	certificate, err := e.Certificates.Plan(ctx, e.App, conn)
	if err != nil {
		return conn, err
	}
	if upload != nil {
		if err := upload(certificate); err != nil {
			return conn, err
		}
	}
	return conn, e.Certificates.Activate(ctx, &conn, certificate.ID)
}

// Hold gives the connection a token that lives for the given time, as if it had been minted, and returns it.
func (e *Env) Hold(ctx context.Context, conn broker.Connection, life time.Duration) (string, error) {
	now := time.Now()
	if e.cfg.Now != nil {
		now = e.cfg.Now()
	}
	token := AccessToken(conn.Account, conn.RoleID, conn.Entity, e.App.Scopes)
	sealed, err := e.Vault.Seal(broker.Place{Table: "access_tokens", Column: "token", Row: conn.ID, App: conn.App}, []byte(token))
	if err != nil {
		return "", err
	}
	return token, e.Store.SaveAccessToken(ctx, &broker.AccessToken{
		ConnectionID: conn.ID, CertificateID: conn.CertificateID, Token: sealed, MintedAt: now, ExpiresAt: now.Add(life),
	})
}

// AccessToken has form and size of NetSuite's access tokens; nobody signed it.
func AccessToken(account netsuite.AccountID, role, entity int64, scopes []string) string {
	payload, _ := json.Marshal(map[string]any{
		"sub": fmt.Sprintf("%d;%d", role, entity),
		"aud": []string{"7C9E6679-7425-40DE-944B-E07FC1F90AE7;" + account.String(), strings.Repeat("c0", 32)},
		"iss": "https://system.netsuite.com", "scope": scopes, "iat": 1790000000, "exp": 1790003600, "oit": 1790000000,
		"jti": account.String() + ".a-c.null.1790000000000",
	})
	encode := base64.RawURLEncoding.EncodeToString
	header := fmt.Sprintf(`{"kid":"c.%s.2026-10-01_00-00-00","typ":"JWT","alg":"RS256"}`, account)
	return encode([]byte(header)) + "." + encode(payload) + "." + encode(make([]byte, 384))
}
