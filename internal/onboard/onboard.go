// Package onboard leads a customer's administrator from a link to a connection.
//
// A run is a stored record of facts. Advance looks at the record, does the first step whose fact is missing, saves, and looks
// again; so a reload, a second tab, another replica and a restart after a crash all go on from the same truth. Each step has a
// file of its own (step_*.go) and may be repeated at any time.
//
// It promises that nothing is written to NetSuite before the account is proven (step_bind.go), that every call made with the
// person's permission is on the receipt, and that the permission is revoked in the end (grants.go).
//
// It shows no page (package web does), makes no key (package certificates does) and hands out no token (package tokens does).
package onboard

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

type store interface {
	App(ctx context.Context, name string) (broker.App, error)
	Apps(ctx context.Context) ([]broker.App, error)
	SaveApp(ctx context.Context, a *broker.App) error

	Link(ctx context.Context, id string) (broker.Link, error)
	LinkByTokenHash(ctx context.Context, hash string) (broker.Link, error)
	LinksOfConnection(ctx context.Context, connectionID string) ([]broker.Link, error)
	SaveLink(ctx context.Context, l *broker.Link, events ...broker.Event) error
	ExpiredLinks(ctx context.Context, now time.Time, limit int) ([]string, error)

	Run(ctx context.Context, id string) (broker.Run, error)
	DueRuns(ctx context.Context, now time.Time, limit int) ([]string, error)
	SaveRun(ctx context.Context, r *broker.Run, g *broker.Grant, l *broker.Link, events ...broker.Event) error

	Grant(ctx context.Context, id string) (broker.Grant, error)
	GrantByStateHash(ctx context.Context, hash string) (broker.Grant, error)
	GrantsOfRun(ctx context.Context, runID string) ([]broker.Grant, error)
	DueGrants(ctx context.Context, now time.Time, limit int) ([]string, error)
	SaveGrant(ctx context.Context, g *broker.Grant) error

	BeginCall(ctx context.Context, c *broker.Call) error
	EndCall(ctx context.Context, runID string, n int64, status int) error
	Calls(ctx context.Context, runID string) ([]broker.Call, error)

	Connection(ctx context.Context, id string) (broker.Connection, error)
	ConnectionByAccount(ctx context.Context, app string, account netsuite.AccountID) (broker.Connection, error)
	Health(ctx context.Context, connectionID string) (broker.Health, error)
	KeepUserGrant(ctx context.Context, k broker.KeptConsent, events ...broker.Event) error
	UserGrant(ctx context.Context, connectionID string) (broker.UserGrant, error)
	AccessToken(ctx context.Context, connectionID string) (broker.AccessToken, error)
	ConnectionsOfUser(ctx context.Context, app, endUser string) ([]broker.Connection, error)
	SaveConnection(ctx context.Context, c *broker.Connection, events ...broker.Event) error

	AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (broker.Lease, bool, error)
	ReleaseLease(ctx context.Context, l broker.Lease) error
}

type vault interface {
	Seal(place broker.Place, plain []byte) (broker.Sealed, error)
	Open(place broker.Place, sealed broker.Sealed) ([]byte, error)
}

type auditor interface {
	Record(ctx context.Context, line broker.AuditLine) error
}

type certifier interface {
	Plan(ctx context.Context, app broker.App, conn broker.Connection) (broker.Certificate, error)
	Upload(ctx context.Context, app broker.App, conn broker.Connection, id string, api *netsuite.API) (broker.Certificate, error)
	Prove(ctx context.Context, app broker.App, conn broker.Connection, id string) error
	Activate(ctx context.Context, conn *broker.Connection, id string) error
	Retire(ctx context.Context, app broker.App, conn broker.Connection, api *netsuite.API) error
	Abandon(ctx context.Context, id string) error
	RevokeChosen(ctx context.Context, app broker.App, certificateID string, api *netsuite.API) error
}

type consents interface {
	CodeGrant(app broker.App, kind broker.ConnectionKind, client func(netsuite.AccountID) *http.Client) (*netsuite.CodeGrant, error)
}

// health is told when a connection has been made, or made again.
type health interface {
	Works(ctx context.Context, connectionID string, op broker.Op) error
}

// Service is the onboarding. Make it with New.
type Service struct {
	Config
	wake chan string
}

// Config is what the service works with.
type Config struct {
	Store        store
	Vault        vault
	Audit        auditor
	Certificates certifier
	Health       health
	Consents     consents
	Site         netsuite.Site
	// Client makes the HTTP client for an account; nil means the site's own guarded one.
	Client func(netsuite.AccountID) *http.Client
	// PublicURL is where people and NetSuite reach this server.
	PublicURL *url.URL
	Logger    *slog.Logger
	Now       func() time.Time
	// Holder names this process in leases; its workers add a name of their own.
	Holder string
	// LeaseTTL is how long a run stays with a process that has died; 45 s when zero. It must be longer than any one call to NetSuite.
	LeaseTTL time.Duration
	// WatchEvery is the first pause before a check that a person must mend is looked at again; 3 s when zero.
	WatchEvery time.Duration
}

// New completes the configuration.
func New(c Config) *Service {
	if c.Client == nil {
		c.Client = c.Site.HTTPClient
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.LeaseTTL == 0 {
		c.LeaseTTL = 45 * time.Second
	}
	if c.WatchEvery == 0 {
		c.WatchEvery = 3 * time.Second
	}
	return &Service{Config: c, wake: make(chan string, 256)}
}

// kick asks the worker to look at a run now. A lost kick costs a second: the run is due in the store.
func (s *Service) kick(runID string) {
	select {
	case s.wake <- runID:
	default:
	}
}

func (s *Service) audit(ctx context.Context, event string, r broker.Run, result, detail string) error {
	return s.Audit.Record(ctx, broker.AuditLine{
		At: s.Now(), Event: event, Actor: r.ID, App: r.App, Object: r.LinkID, Result: result, Detail: detail,
	})
}

func (s *Service) seal(r broker.Run, table, column, row, plain string) (broker.Sealed, error) {
	return s.Vault.Seal(broker.Place{Table: table, Column: column, Row: row, App: r.App}, []byte(plain))
}

func (s *Service) open(r broker.Run, table, column, row string, sealed broker.Sealed) (string, error) {
	plain, err := s.Vault.Open(broker.Place{Table: table, Column: column, Row: row, App: r.App}, sealed)
	return string(plain), err
}
