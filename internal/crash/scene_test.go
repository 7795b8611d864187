package crash

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/onboard"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuitetest"
)

// prepared is a database with a checked app and two links, to be copied for each crash.
type prepared struct {
	database      []byte
	masterKey     string
	pinned, asked invitation // the account is known beforehand; the person is asked whether it is the right one
}

type invitation struct {
	id   string
	path string // of the link's address
}

func prepare(t *testing.T) prepared {
	t.Helper()
	file := filepath.Join(t.TempDir(), "suitekey.db")
	o := orders{
		Database: "sqlite:" + file, MasterKey: vault.NewMasterKey().Reveal(), PublicURL: "http://127.0.0.1:1",
		Emulator: emulator(t, "http://127.0.0.1:1").Addr(),
	}
	server := open(t, o)
	definition := broker.App{
		Name: appName, DisplayName: "Acme Sync",
		Integration: broker.Integration{Consent: broker.ConsentClient{ClientID: clientID, Public: true}},
		Scopes:      []string{"rest_webservices", "restlets"},
		Bundle: broker.Bundle{
			ID: bundleID, SourceAccount: vendorAccount,
			Health: broker.HealthScript{Script: "customscript_acme_health", Deploy: "customdeploy_acme_health"},
		},
		Role: broker.Role{ScriptID: "customrole_acme_sync", Permissions: map[string]string{"ADMI_RESTWEBSERVICES": "FULL"}},
		Tasks: []broker.Task{{
			Name:    "settings record",
			Request: broker.TaskRequest{Method: "PUT", Path: "/services/rest/record/v1/customrecord_acme/eid:settings", Body: map[string]any{"name": "main"}},
		}},
		Probe: []broker.Probe{{SuiteQL: "SELECT id FROM customer FETCH FIRST 1 ROWS ONLY"}},
		Brand: broker.Brand{Accent: "#0b6b4f", Support: "https://acme.example/help", Privacy: "https://acme.example/privacy"},
	}
	definition.Complete()
	must(t, server.Onboard.StoreApp(t.Context(), definition, onboard.AppSecrets{}))
	must(t, server.Onboard.CheckApp(t.Context(), appName))
	invite := func(expect ...string) invitation {
		link, err := server.Onboard.CreateLink(t.Context(), onboard.LinkRequest{
			App: appName, Kind: broker.LinkSent, Customer: "Globex Corporation", Expect: expect,
		})
		must(t, err)
		return invitation{link.Link.ID, strings.TrimPrefix(link.URL, o.PublicURL)}
	}
	pinned, asked := invite(customerAccount), invite()
	must(t, server.Close())
	database, err := os.ReadFile(file)
	must(t, err)
	return prepared{database, o.MasterKey, pinned, asked}
}

// emulator is a NetSuite in which the customer has already installed the bundle and given its role to a user.
func emulator(t *testing.T, home string) *netsuitetest.Server {
	t.Helper()
	e := netsuitetest.Start(t, netsuitetest.Config{
		Settings: netsuitetest.Settings{AllowHTTPLoopbackRedirects: true},
		Accounts: []netsuitetest.AccountConfig{
			{ID: vendorAccount, Name: "Acme Software", Vendor: true, Customers: 1, Items: 1, SalesOrders: 1},
			{ID: customerAccount, Name: "Globex Corporation", Customers: 2, Items: 2, SalesOrders: 2},
		},
	})
	_, err := e.AddIntegration(netsuitetest.Integration{
		Name: "Acme Sync", ClientID: clientID, OwnerAccount: vendorAccount, RedirectURIs: []string{home + "/callback/" + appName},
		Scopes: []string{"rest_webservices", "restlets"}, CodeGrant: true, ClientCredentials: true, Public: true, RefreshHours: 1, RotationHours: 1,
	})
	must(t, err)
	must(t, e.Account(customerAccount).InstallBundle(bundleID))
	must(t, e.Account(customerAccount).AssignRole("integration@globex.example", "customrole_acme_sync"))
	return e
}

func open(t *testing.T, o orders) *app.App {
	t.Helper()
	cfg, err := o.config()
	must(t, err)
	server, err := app.Open(t.Context(), cfg)
	must(t, err)
	return server
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// scene is one onboarding with one crash.
type scene struct {
	habit    habit
	link     invitation
	orders   orders
	emulator *netsuitetest.Server
	// listener stays open between the processes, so that the address stays theirs and requests wait for the next one.
	listener *os.File
	dead     chan struct{} // closed when the first process has been killed
	ended    chan error    // takes the last process's end
	stdin    io.Closer     // of the last process; guarded by mu until dead or ended

	mu       sync.Mutex
	stopping bool     // guarded by mu
	lines    []string // events of the first process, guarded by mu
}

// start runs the server that dies at the given event, and its successor.
func start(t *testing.T, p prepared, h habit, killAt int) *scene {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	file, err := ln.(*net.TCPListener).File()
	must(t, err)
	must(t, ln.Close())
	home := "http://" + ln.Addr().String()
	database := filepath.Join(t.TempDir(), "suitekey.db")
	must(t, os.WriteFile(database, p.database, 0o600))
	s := &scene{
		habit: h, link: p.pinned, emulator: emulator(t, home), listener: file,
		dead: make(chan struct{}), ended: make(chan error, 1),
	}
	if h == consentsTwice {
		s.link = p.asked
	}
	s.orders = orders{Database: "sqlite:" + database, MasterKey: p.masterKey, Emulator: s.emulator.Addr(), PublicURL: home, KillAt: killAt}
	first, err := s.spawn(s.orders)
	must(t, err)
	go s.watch(first)
	t.Cleanup(func() { _ = file.Close() })
	return s
}

// process is a running server.
type process struct {
	*exec.Cmd
	stderr strings.Builder
	read   chan []string // takes its events when its output has ended
}

func (s *scene) spawn(o orders) (*process, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	p := &process{Cmd: exec.Command(os.Args[0]), read: make(chan []string, 1)}
	p.Env = append(os.Environ(), asChild+"="+string(text))
	p.ExtraFiles = []*os.File{s.listener}
	p.Stderr = &p.stderr
	stdout, err := p.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stdin, err = p.StdinPipe(); err != nil {
		return nil, err
	}
	go func() {
		var lines []string
		for in := bufio.NewScanner(stdout); in.Scan(); {
			lines = append(lines, in.Text())
		}
		p.read <- lines
	}()
	if err := p.Start(); err != nil {
		return nil, err
	}
	if s.stopping {
		_ = s.stdin.Close()
	}
	return p, nil
}

// watch waits for the first process, and when it was killed starts the second and waits for that.
func (s *scene) watch(p *process) {
	lines, err := <-p.read, p.Wait()
	s.mu.Lock()
	s.lines = lines
	s.mu.Unlock()
	if s.orders.KillAt == 0 || len(lines) < s.orders.KillAt {
		s.ended <- s.report(p, err)
		return
	}
	healthy := s.orders
	healthy.KillAt = 0
	if p, err = s.spawn(healthy); err != nil {
		s.ended <- err
		return
	}
	close(s.dead)
	<-p.read
	s.ended <- s.report(p, p.Wait())
}

func (s *scene) report(p *process, err error) error {
	if err != nil {
		return fmt.Errorf("the server ended: %w\n%s", err, &p.stderr)
	}
	return nil
}

// stop ends the server and waits for it. It may be called twice.
func (s *scene) stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	_ = s.stdin.Close()
	s.mu.Unlock()
	select {
	case err := <-s.ended:
		s.ended <- err
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *scene) killed() bool {
	select {
	case <-s.dead:
		return true
	default:
		return false
	}
}

// events of the first process, when it has ended.
func (s *scene) events() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines
}
