// Package apptest is a whole server for tests: an emulator, a server on SQLite and the sample app, over real HTTP.
package apptest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/customer"
	"github.com/suitekey/suitekey/internal/onboard"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// Account is the customer's NetSuite account and Sandbox its sandbox, AppName the sample app and ReturnURL one of its pages.
const (
	Account   = "1234567"
	Sandbox   = "1234567_SB1"
	AppName   = "acme-sync"
	ReturnURL = "https://app.acme.example/netsuite/connected"
)

// Config changes what Start makes. The zero value is useful.
type Config struct {
	Settings netsuitetest.Settings
	// Bundles on offer; nil = the sample bundle.
	Bundles []netsuitetest.Bundle
	// Users gives the app user connections, by a public client of their own (Env.UserClient).
	Users bool
	// Edit changes the app's definition before it is stored.
	Edit func(*broker.App)
	// Ready installs the bundle and gives its role to the integration user, so that a run needs only the consent.
	Ready bool
	// Database is a URL; empty = SQLite in a folder of the test.
	Database string
	// Work lets the server do its background work by itself, by the real clock; else it is done by App.WorkOnce.
	Work bool
	// Outward wraps the server's transports to NetSuite; AfterCommit is called after each of its commits.
	Outward     func(http.RoundTripper) http.RoundTripper
	AfterCommit func()
}

// Env is what is running.
type Env struct {
	Emulator *netsuitetest.Server
	App      *app.App
	Home     *url.URL
	Client   netsuitetest.Integration
	// UserClient is what persons consent to; only with Config.Users.
	UserClient netsuitetest.Integration
	// Folder holds the database.
	Folder    string
	MasterKey vault.MasterKey
	Log       *Log
	// Clock is the server's time; the emulator has its own.
	Clock *Clock

	database string
}

// Start runs emulator and server until the test ends.
func Start(tb testing.TB, cfg Config) *Env {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(tb, err)
	e := &Env{Home: &url.URL{Scheme: "http", Host: ln.Addr().String()}, Folder: tb.TempDir(), MasterKey: vault.NewMasterKey(), Log: &Log{}, Clock: &Clock{}}
	cfg.Settings.AllowHTTPLoopbackRedirects = true
	e.Emulator = netsuitetest.Start(tb, netsuitetest.Config{Settings: cfg.Settings, Bundles: cfg.Bundles, Accounts: []netsuitetest.AccountConfig{
		{ID: "TSTDRV1000001", Name: "Acme Software", Vendor: true, Customers: 1, Items: 1, SalesOrders: 1},
		{ID: Account, Name: "Globex Corporation", Customers: 10, Items: 5, SalesOrders: 10},
		{ID: "7654321", Name: "Initech", Customers: 3, Items: 1, SalesOrders: 1},
		{ID: Sandbox, Name: "Globex Corporation", Customers: 3, Items: 1, SalesOrders: 1},
	}})
	e.Client, err = e.Emulator.AddIntegration(netsuitetest.Integration{
		Name: "Acme Sync", OwnerAccount: "TSTDRV1000001", RedirectURIs: []string{
			e.Home.JoinPath("callback", AppName).String(), e.Home.JoinPath("callback", "other-app").String(),
		},
		Scopes: []string{"rest_webservices", "restlets"}, CodeGrant: true, ClientCredentials: true, Public: true, RefreshHours: 1, RotationHours: 1,
	})
	must(tb, err)
	if cfg.Users {
		e.UserClient, err = e.Emulator.AddIntegration(netsuitetest.Integration{
			Name: "Acme Portal", OwnerAccount: "TSTDRV1000001", RedirectURIs: []string{e.Home.JoinPath("callback", AppName).String()},
			Scopes: []string{"rest_webservices", "restlets"}, CodeGrant: true, Public: true,
		})
		must(tb, err)
	}
	if e.database = cfg.Database; e.database == "" {
		e.database = "sqlite:" + filepath.Join(e.Folder, "suitekey.db")
	}
	e.App = e.serve(tb, cfg, ln)
	e.storeApp(tb, cfg)
	if cfg.Ready {
		e.Prepare(tb, Account)
	}
	return e
}

// serve opens a server on the Env's database and lets it serve until the test ends.
func (e *Env) serve(tb testing.TB, cfg Config, ln net.Listener) *app.App {
	tb.Helper()
	site, err := netsuite.EmulatorSite(e.Emulator.Addr())
	must(tb, err)
	a, err := app.Open(context.Background(), app.Config{
		Database: e.database, MasterKey: e.MasterKey, Site: site, PublicURL: e.Home,
		Logger: slog.New(slog.NewJSONHandler(e.Log, &slog.HandlerOptions{Level: slog.LevelDebug})), Now: e.Clock.Now, WatchEvery: 20 * time.Millisecond,
		Outward: cfg.Outward, AfterCommit: cfg.AfterCommit, WorkByHand: !cfg.Work,
	})
	must(tb, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx, ln) }()
	tb.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, a.Close()); err != nil && !errors.Is(err, context.Canceled) {
			tb.Errorf("the server ended with %v", err)
		}
	})
	return a
}

// Replica is another server on the same database, which must be PostgreSQL, at an address of its own. Of the Config it heeds what
// concerns the server.
func (e *Env) Replica(tb testing.TB, cfg Config) *app.App {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(tb, err)
	return e.serve(tb, cfg, ln)
}

func (e *Env) storeApp(tb testing.TB, cfg Config) {
	tb.Helper()
	a := broker.App{
		Name: AppName, DisplayName: "Acme Sync",
		Integration: broker.Integration{Consent: broker.ConsentClient{ClientID: e.Client.ClientID, Public: true}},
		Scopes:      []string{"rest_webservices", "restlets"},
		Bundle:      broker.Bundle{ID: 123456, SourceAccount: "TSTDRV1000001", Health: broker.HealthScript{Script: "customscript_acme_health", Deploy: "customdeploy_acme_health"}},
		Role:        broker.Role{ScriptID: "customrole_acme_sync"},
		ReturnURLs:  []string{ReturnURL},
		Tasks: []broker.Task{{Name: "settings record", Request: broker.TaskRequest{
			Method: http.MethodPut, Path: "/services/rest/record/v1/customrecord_acme/eid:settings", Body: map[string]any{"name": "main"},
		}}},
	}
	if cfg.Users {
		a.Integration.User = &broker.UserClient{ClientID: e.UserClient.ClientID, Public: true}
	}
	if cfg.Edit != nil {
		cfg.Edit(&a)
	}
	a.Complete()
	must(tb, e.App.Onboard.StoreApp(tb.Context(), a, onboard.AppSecrets{}))
	must(tb, e.App.Onboard.CheckApp(tb.Context(), a.Name))
}

// Prepare installs the bundle in an account and gives its role to the integration user.
func (e *Env) Prepare(tb testing.TB, account string) {
	tb.Helper()
	must(tb, e.Emulator.Account(account).InstallBundle(123456))
	must(tb, e.Emulator.Account(account).AssignRole("integration@globex.example", "customrole_acme_sync"))
}

// Link makes a link of a kind that expects the given accounts.
func (e *Env) Link(tb testing.TB, kind broker.LinkKind, expect ...string) onboard.NewLink {
	tb.Helper()
	q := onboard.LinkRequest{App: AppName, Kind: kind, Customer: "Globex Inc.", Expect: expect}
	if kind == broker.LinkSession {
		q.ReturnURL = ReturnURL
	}
	link, err := e.App.Onboard.CreateLink(tb.Context(), q)
	must(tb, err)
	return link
}

// Customer is a person with a browser of their own.
func (e *Env) Customer(tb testing.TB) *customer.Customer {
	c := &customer.Customer{
		Browser: customer.NewBrowser(), Email: "admin@globex.example", Company: Account, IntegrationUser: "Acme Integration", Home: e.Home.String(),
	}
	tb.Cleanup(c.Close)
	return c
}

// Run is the run that a link leads to.
func (e *Env) Run(tb testing.TB, link onboard.NewLink) broker.Run {
	tb.Helper()
	l, err := e.App.Store.Link(tb.Context(), link.Link.ID)
	must(tb, err)
	r, err := e.App.Store.Run(tb.Context(), l.RunID)
	must(tb, err)
	return r
}

// WaitRun waits until the run of a link is as wanted.
func (e *Env) WaitRun(tb testing.TB, link onboard.NewLink, want string, ok func(broker.Run) bool) broker.Run {
	tb.Helper()
	var r broker.Run
	e.Eventually(tb, want, func() bool { r = e.Run(tb, link); return ok(r) }, func() any { return r })
	return r
}

// patience is far more than anything here takes.
const patience = 15 * time.Second

// Eventually waits for a condition, and fails with what it last saw.
func (e *Env) Eventually(tb testing.TB, want string, ok func() bool, seen func() any) {
	tb.Helper()
	ctx, stop := context.WithTimeout(tb.Context(), patience)
	defer stop()
	err := customer.Every(ctx, 10*time.Millisecond, func() (bool, error) { return ok(), nil })
	if err != nil {
		tb.Fatalf("waited for %s in vain; last seen: %+v\nlog:\n%s", want, seen(), e.Log.String())
	}
}

// Connected waits for the end of a run.
func (e *Env) Connected(tb testing.TB, link onboard.NewLink) broker.Run {
	tb.Helper()
	return e.WaitRun(tb, link, "connected", func(r broker.Run) bool { return r.Phase() == broker.PhaseConnected })
}

// Problem waits for a named situation.
func (e *Env) Problem(tb testing.TB, link onboard.NewLink, code broker.Code) broker.Run {
	tb.Helper()
	return e.WaitRun(tb, link, string(code), func(r broker.Run) bool { return r.Problem != nil && r.Problem.Code == code })
}

// GrantsEnded waits until NetSuite keeps no permission of ours in the account.
func (e *Env) GrantsEnded(tb testing.TB, account string) {
	tb.Helper()
	var live []netsuitetest.Grant
	e.Eventually(tb, "the end of every permission", func() bool {
		live = live[:0]
		for _, g := range e.Emulator.Account(account).Grants() {
			if g.State == "live" {
				live = append(live, g)
			}
		}
		return len(live) == 0
	}, func() any { return live })
}

// Count counts ledger entries by method and the end of the path.
func (e *Env) Count(method, pathEnd string) int {
	return e.Emulator.Ledger().Count(func(x netsuitetest.Entry) bool {
		return x.Method == method && len(x.Path) >= len(pathEnd) && x.Path[len(x.Path)-len(pathEnd):] == pathEnd
	})
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Log collects what the server logs.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Clock is the real time, moved by tests.
type Clock struct {
	mu    sync.Mutex
	ahead time.Duration // guarded by mu
}

// Now is the moved time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// Advance moves it.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}
