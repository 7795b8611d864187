// Package demo is suitekey on one machine, whole: an emulator, a server and a sample customer, over real HTTP. It serves
// people who want to click through the wizard, and with Auto it plays the customer itself, from link to rotated certificate.
package demo

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/onboard"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// Options of the demo.
type Options struct {
	// Auto plays the customer and ends; otherwise the demo runs until ctx ends.
	Auto bool
	// JSON prints one object per line.
	JSON bool
	// Postgres is a database URL to use instead of the embedded one.
	Postgres string
	// Keep is a folder that is kept; empty means a temporary one that is removed.
	Keep   string
	Stdout io.Writer
	Logger *slog.Logger
}

// The sample customer's NetSuite account, and the vendor's, which owns the integration record and the bundle.
const (
	customerAccount = "1234567"
	vendorAccount   = "TSTDRV1000001"
	customerName    = "Globex Corporation"
)

// demo is what is running.
type demo struct {
	Options
	report   *report
	folder   string
	emulator *netsuitetest.Server
	netsuite string // the emulator's address
	server   *app.App
	home     *url.URL
	client   netsuitetest.Integration
}

// Run starts everything, shows or plays the onboarding, and cleans up.
func Run(ctx context.Context, o Options) (err error) {
	d := &demo{Options: o, report: &report{json: o.JSON, out: o.Stdout}}
	cleanup, err := d.makeFolder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cleanup()) }()

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	work, ctx := errgroup.WithContext(ctx)
	serverListener, emulatorListener, err := d.listen()
	if err != nil {
		return err
	}
	if err := d.report.step("emulator", func() (facts, error) { return d.startEmulator(ctx, work, emulatorListener) }); err != nil {
		return err
	}
	if err := d.report.step("server", func() (facts, error) { return d.startServer(ctx, work, serverListener) }); err != nil {
		return errors.Join(err, stopped(stop, work))
	}
	defer func() { err = errors.Join(err, stopped(stop, work), d.server.Close()) }()
	if err := d.prepareApp(ctx); err != nil {
		return err
	}
	link, err := d.makeLink(ctx)
	if err != nil {
		return err
	}
	if o.Auto {
		return d.play(ctx, link)
	}
	d.invite(link)
	<-ctx.Done()
	return nil
}

// stopped ends the background work and waits for it. Being stopped is how it should end.
func stopped(stop context.CancelFunc, work *errgroup.Group) error {
	stop()
	if err := work.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (d *demo) makeFolder() (func() error, error) {
	if d.Keep != "" {
		d.folder = d.Keep
		return func() error { return nil }, os.MkdirAll(d.Keep, 0o700)
	}
	folder, err := os.MkdirTemp("", "suitekey-demo-")
	d.folder = folder
	return func() error { return os.RemoveAll(folder) }, err
}

// listen takes the default addresses, or free ones when something else has them.
func (d *demo) listen() (server, emulator net.Listener, err error) {
	if server, err = listenNear("127.0.0.1:8780"); err != nil {
		return nil, nil, err
	}
	if emulator, err = listenNear("127.0.0.1:8790"); err != nil {
		return nil, nil, errors.Join(err, server.Close())
	}
	d.home = &url.URL{Scheme: "http", Host: server.Addr().String()}
	return server, emulator, nil
}

func listenNear(addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	return ln, nil
}

func (d *demo) startEmulator(ctx context.Context, work *errgroup.Group, ln net.Listener) (facts, error) {
	emulator, err := netsuitetest.New(netsuitetest.Config{
		// Not NetSuite's: it refuses http. Here it saves the demo a certificate on one machine.
		Settings: netsuitetest.Settings{AllowHTTPLoopbackRedirects: true},
		Logger:   d.Logger,
	})
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	d.emulator, d.netsuite = emulator, ln.Addr().String()
	d.client, err = emulator.AddIntegration(netsuitetest.Integration{
		Name: "Acme Sync", OwnerAccount: vendorAccount, RedirectURIs: []string{d.home.JoinPath("callback", appName).String()},
		Scopes: []string{"rest_webservices", "restlets"}, CodeGrant: true, ClientCredentials: true, Public: true, RefreshHours: 1, RotationHours: 1,
	})
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	work.Go(func() error { return emulator.Serve(ctx, ln) })
	return facts{"url": "http://" + d.netsuite, "account": customerAccount}, nil
}

func (d *demo) startServer(ctx context.Context, work *errgroup.Group, ln net.Listener) (facts, error) {
	site, err := netsuite.EmulatorSite(d.netsuite)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	key, err := d.masterKey()
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	database, engine := "sqlite:"+filepath.Join(d.folder, "suitekey.db"), "sqlite"
	if d.Postgres != "" {
		database, engine = d.Postgres, "postgres"
	}
	d.server, err = app.Open(ctx, app.Config{
		Database: database, MasterKey: key, Site: site, PublicURL: d.home, Logger: d.Logger, WatchEvery: time.Second,
	})
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	work.Go(func() error { return d.server.Serve(ctx, ln) })
	return facts{"url": d.home.String(), "database": engine}, nil
}

// masterKey is made once for a folder that is kept, and read again from it.
func (d *demo) masterKey() (vault.MasterKey, error) {
	path := filepath.Join(d.folder, "master.key")
	text, err := os.ReadFile(path)
	if err == nil {
		return vault.ParseMasterKey(string(text))
	}
	if !errors.Is(err, os.ErrNotExist) {
		return vault.MasterKey{}, err
	}
	key := vault.NewMasterKey()
	return key, os.WriteFile(path, []byte(key.Reveal()+"\n"), 0o600)
}

func (d *demo) prepareApp(ctx context.Context) error {
	return d.report.step("app", func() (facts, error) {
		definition := sampleApp(d.client.ClientID)
		if err := d.server.Onboard.StoreApp(ctx, definition, onboard.AppSecrets{}); err != nil {
			return nil, err
		}
		return facts{"app": definition.Name}, d.server.Onboard.CheckApp(ctx, definition.Name)
	})
}

func (d *demo) makeLink(ctx context.Context) (onboard.NewLink, error) {
	var link onboard.NewLink
	err := d.report.step("link", func() (facts, error) {
		var err error
		link, err = d.server.Onboard.CreateLink(ctx, onboard.LinkRequest{
			App: appName, Kind: broker.LinkSent, Customer: customerName, Expect: []string{customerAccount},
		})
		return facts{"link": link.Link.ID, "kind": link.Link.Kind, "expect": customerAccount}, err
	})
	return link, err
}

// invite tells a person where to click.
func (d *demo) invite(link onboard.NewLink) {
	d.report.say(`
Open the link, as the administrator of %s would:

  %s

NetSuite is played by the emulator. Log in as admin@globex.example with any password.

  emulator   http://%s/_emulator/          accounts, every request it received, and the rule each met
  server     %s/livez

Stop with Ctrl+C.
`, customerName, link.URL, d.netsuite, d.home)
}

const appName = "acme-sync"

// sampleApp is the app of the sample vendor. Its bundle is the emulator's own.
func sampleApp(clientID string) broker.App {
	a := broker.App{
		Name: appName, DisplayName: "Acme Sync",
		Integration: broker.Integration{Consent: broker.ConsentClient{ClientID: clientID, Public: true}},
		Scopes:      []string{"rest_webservices", "restlets"},
		Bundle: broker.Bundle{
			ID: 123456, SourceAccount: vendorAccount,
			Health: broker.HealthScript{Script: "customscript_acme_health", Deploy: "customdeploy_acme_health"},
		},
		Role: broker.Role{ScriptID: "customrole_acme_sync", Permissions: map[string]string{"ADMI_RESTWEBSERVICES": "FULL", "LIST_CUSTJOB": "VIEW"}},
		Tasks: []broker.Task{{
			Name: "settings record",
			Request: broker.TaskRequest{
				Method: "PUT", Path: "/services/rest/record/v1/customrecord_acme/eid:settings", Body: map[string]any{"name": "main"},
			},
		}},
		Probe: []broker.Probe{{SuiteQL: "SELECT id FROM customer FETCH FIRST 1 ROWS ONLY"}},
		Brand: broker.Brand{Accent: "#0b6b4f", Support: "https://acme.example/help", Privacy: "https://acme.example/privacy"},
	}
	a.Complete()
	return a
}

// facts are what a step tells beside its name: counts and names, never a secret.
type facts map[string]any
