package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/onboard"
	"github.com/suitekey/suitekey/internal/pgtest"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

const (
	day           = 24 * time.Hour
	vendorAccount = "TSTDRV1000001"
	appName       = "acme-sync"
	roleScript    = "customrole_acme_sync"
	integrator    = "integration@globex.example"
	bundleID      = 123456

	oldest         = 660 * day // the greatest age of a certificate at the start: nine days before NetSuite mails
	foreignInEvery = 10        // one account in ten holds foreign certificates, as many as leave room for a rotation
	foreignOnes    = 3
)

// start is when the days begin. It is the same for each run, so that a run can be repeated.
var start = time.Date(2027, time.January, 1, 0, 0, 0, 0, time.UTC)

// world is NetSuite, its customers, and the servers that care for them.
type world struct {
	t         *testing.T
	plan      plan
	setting   setting
	emulator  *netsuitetest.Server
	site      netsuite.Site
	clientID  string   // of the integration record
	server    *app.App // in this process; makes the connections, and looks at the database at the end
	replicas  []*replica
	customers []*customer
	dice      *rand.Rand // only touched by the test's goroutine
	callers   *http.Client
	read      int // number of the newest entry of the ledger that has been looked at
	rotated   int // uploads that NetSuite accepted
}

// customer is a connection to an account of its own, with the client that asks for its tokens.
type customer struct {
	connection broker.Connection
	account    *netsuitetest.Account
	clientID   string
	secret     netsuite.Secret
	foreign    bool // others have certificates in the account

	outageUntil, troubleUntil time.Time
	signed                    string    // certificate of the newest mint that NetSuite granted
	uploads                   int       // that NetSuite accepted
	failures                  []failure // of today
}

func newWorld(t *testing.T, p plan) *world {
	t.Helper()
	w := &world{t: t, plan: p, dice: rand.New(rand.NewPCG(p.seed, 0))}
	accounts := []netsuitetest.AccountConfig{{ID: vendorAccount, Name: "Acme Software", Vendor: true, Customers: 1, Items: 1, SalesOrders: 1}}
	for i := range p.connections {
		accounts = append(accounts, netsuitetest.AccountConfig{ID: fmt.Sprint(2_000_000 + i), Name: fmt.Sprintf("Customer %d", i+1), Customers: 1, Items: 1, SalesOrders: 1})
	}
	w.emulator = netsuitetest.Start(t, netsuitetest.Config{Accounts: accounts})
	w.emulator.Clock().Set(start.Add(-oldest - day))
	integration, err := w.emulator.AddIntegration(netsuitetest.Integration{
		Name: "Acme Sync", OwnerAccount: vendorAccount, Scopes: []string{"rest_webservices"}, ClientCredentials: true,
	})
	must(t, err)
	w.clientID = integration.ClientID
	w.site, err = netsuite.EmulatorSite(w.emulator.Addr())
	must(t, err)
	w.setting = setting{Database: pgtest.Start(t), MasterKey: vault.NewMasterKey().Reveal(), Emulator: w.emulator.Addr()}
	w.openServer(t)
	w.connectAll(t, accounts[1:])
	for _, f := range p.broken {
		w.emulator.Fault(f)
	}
	w.startReplicas(t)
	transport := &http.Transport{MaxIdleConnsPerHost: atOnce}
	w.callers = &http.Client{Transport: transport, Timeout: time.Minute}
	t.Cleanup(transport.CloseIdleConnections)
	return w
}

func (w *world) openServer(t *testing.T) {
	t.Helper()
	cfg, err := w.setting.config(w.emulator.Clock().Now)
	must(t, err)
	w.server, err = app.Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() {
		if err := w.server.Close(); err != nil {
			t.Error(err)
		}
	})
	definition := broker.App{
		Name: appName, Integration: broker.Integration{Consent: broker.ConsentClient{ClientID: w.clientID, Public: true}},
		Scopes: []string{"rest_webservices"}, Bundle: broker.Bundle{ID: bundleID, SourceAccount: vendorAccount}, Role: broker.Role{ScriptID: roleScript},
	}
	definition.Complete()
	must(t, w.server.Onboard.StoreApp(t.Context(), definition, onboard.AppSecrets{}))
}

// connectAll makes the connections, the oldest first, each with the clock at the birth of its certificate.
func (w *world) connectAll(t *testing.T, accounts []netsuitetest.AccountConfig) {
	t.Helper()
	definition, err := w.server.Store.App(t.Context(), appName)
	must(t, err)
	for i, a := range accounts {
		age := oldest / time.Duration(len(accounts)) * time.Duration(len(accounts)-i)
		w.emulator.Clock().Set(start.Add(-age))
		c, err := w.connect(t.Context(), definition, a.ID)
		if err != nil {
			t.Fatalf("connect %s: %v", a.ID, err)
		}
		c.foreign = i%foreignInEvery == 0
		w.customers = append(w.customers, c)
	}
	w.emulator.Clock().Set(start)
	must(t, w.refreshForeign())
}

// connect does what onboarding does, without its pages; the administrator maps the certificate by hand.
func (w *world) connect(ctx context.Context, definition broker.App, id string) (*customer, error) {
	c := &customer{account: w.emulator.Account(id)}
	if err := c.account.InstallBundle(bundleID); err != nil {
		return nil, err
	}
	if err := c.account.AssignRole(integrator, roleScript); err != nil {
		return nil, err
	}
	c.connection = broker.Connection{
		ID: broker.NewID("conn"), App: appName, Account: netsuite.AccountID(id), Kind: broker.KindMachine, State: broker.ConnectionPending,
	}
	for _, r := range c.account.Roles() {
		if r.ScriptID == roleScript {
			c.connection.RoleID = r.ID
		}
	}
	for _, e := range c.account.Employees() {
		if e.Email == integrator {
			c.connection.Entity = e.ID
		}
	}
	if err := w.server.Store.SaveConnection(ctx, &c.connection); err != nil {
		return nil, err
	}
	steps := w.server.Rotate.Certificates
	certificate, err := steps.Plan(ctx, definition, c.connection)
	if err != nil {
		return nil, err
	}
	if _, err := c.account.MapCertificate(w.clientID, integrator, roleScript, certificate.PEM); err != nil {
		return nil, err
	}
	if err := steps.Activate(ctx, &c.connection, certificate.ID); err != nil {
		return nil, err
	}
	c.signed = certificate.NetSuiteID
	c.clientID, c.secret, err = w.server.Tokens.CreateClient(ctx, appName, []string{c.connection.ID})
	return c, err
}

// refreshForeign lets others keep their certificates in some accounts; theirs live for a year.
func (w *world) refreshForeign() error {
	for _, c := range w.customers {
		if !c.foreign {
			continue
		}
		_, foreign := c.certificates()
		active := 0
		for _, f := range foreign {
			if works(f, w.now()) {
				active++
			}
		}
		if err := c.account.AddForeignCertificates(w.clientID, foreignOnes-active); err != nil {
			return err
		}
	}
	return nil
}

// certificates of the account, ours apart from others'.
func (c *customer) certificates() (ours, foreign []netsuitetest.Certificate) {
	for _, x := range c.account.Certificates() {
		if x.Role == c.connection.RoleID && x.Entity == c.connection.Entity {
			ours = append(ours, x)
		} else {
			foreign = append(foreign, x)
		}
	}
	return ours, foreign
}

func (w *world) startReplicas(t *testing.T) {
	t.Helper()
	folder := t.TempDir()
	for i := range replicas {
		name := fmt.Sprint("replica-", i+1)
		r := &replica{name: name, log: filepath.Join(folder, name+".log")}
		w.replicas = append(w.replicas, r)
		t.Cleanup(func() {
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		})
		must(t, r.start(w.setting, start))
	}
}

func (w *world) now() time.Time { return w.emulator.Clock().Now() }

// readLedger notes what NetSuite granted since the last look.
func (w *world) readLedger() {
	byAccount := map[string]*customer{}
	for _, c := range w.customers {
		byAccount[c.account.ID()] = c
	}
	for _, e := range w.emulator.Ledger().Entries(func(e netsuitetest.Entry) bool { return e.N > w.read }) {
		w.read = e.N
		c := byAccount[e.Account]
		switch {
		case c == nil || !e.OK:
		case e.GrantType == "client_credentials":
			c.signed = e.CertificateID
		case e.Method == http.MethodPost && strings.HasSuffix(strings.TrimSuffix(e.Path, "/"), "/certificates"):
			c.uploads++
			w.rotated++
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
