package crash

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/onboard"
	"github.com/suitekey/suitekey/internal/pgtest"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// This file kills a server in the later life of a connection: while certificates rotate and old ones are revoked, while tokens are
// minted and refreshed. One connection goes through all the deaths, one after the other, and must be whole again after each.

// ask is a client's request for a token.
type ask struct{ ClientID, Secret, EndUser string }

func (a ask) request() tokens.Request {
	return tokens.Request{ClientID: a.ClientID, Secret: netsuite.NewSecret(a.Secret), EndUser: a.EndUser}
}

// acts are what a process can do instead of serving.
var acts = map[string]func(ctx context.Context, server *app.App, o orders) error{
	"work": func(ctx context.Context, server *app.App, _ orders) error { return server.WorkOnce(ctx) },
	"rotate": func(ctx context.Context, server *app.App, o orders) error {
		_, err := server.Rotate.Rotate(ctx, o.Connection)
		return err
	},
	"token": func(ctx context.Context, server *app.App, o orders) error {
		_, err := server.Tokens.HandOut(ctx, o.Ask.request())
		return err
	},
}

// life is a connection that lives on. The clocks of the emulator and of the processes move together.
type life struct {
	t        *testing.T
	emulator *netsuitetest.Server
	orders   orders
	folder   string
}

// begin connects the customer, by the services alone, with certificates of thirty days.
func begin(t *testing.T, database string, user *broker.UserClient) *life {
	t.Helper()
	const home = "http://127.0.0.1:1"
	l := &life{t: t, emulator: emulator(t, home), folder: t.TempDir()}
	if database == "" {
		database = "sqlite:" + filepath.Join(l.folder, "suitekey.db")
	}
	l.orders = orders{Database: database, MasterKey: vault.NewMasterKey().Reveal(), Emulator: l.emulator.Addr(), PublicURL: home, Act: "connect"}
	server := open(t, l.orders)
	defer func() { must(t, server.Close()) }()
	definition := broker.App{
		Name: appName, DisplayName: "Acme Sync",
		Integration: broker.Integration{Consent: broker.ConsentClient{ClientID: clientID, Public: true}, User: user},
		Scopes:      []string{"rest_webservices", "restlets"}, Bundle: broker.Bundle{ID: bundleID, SourceAccount: vendorAccount},
		Role: broker.Role{ScriptID: "customrole_acme_sync"}, Certificate: broker.CertificateSpec{Days: 30},
	}
	secrets := onboard.AppSecrets{}
	q := onboard.LinkRequest{App: appName, Customer: "Globex Corporation", Expect: []string{customerAccount}}
	if user != nil {
		i, err := l.emulator.AddIntegration(netsuitetest.Integration{
			Name: "Acme Portal", OwnerAccount: vendorAccount, RedirectURIs: []string{home + "/callback/" + appName}, Scopes: definition.Scopes,
			CodeGrant: true, Public: user.Public,
		})
		must(t, err)
		user.ClientID, q.EndUser, l.orders.Ask.EndUser = i.ClientID, "u_42", "u_42"
		if !user.Public {
			user.ClientSecretFile, secrets.User = "acme.secret", netsuite.NewSecret(i.ClientSecret)
		}
	}
	definition.Complete()
	must(t, server.Onboard.StoreApp(t.Context(), definition, secrets))
	must(t, server.Onboard.CheckApp(t.Context(), appName))
	l.orders.Connection = l.consent(server, q)
	create := server.Tokens.CreateClient
	if user != nil {
		create = func(ctx context.Context, app string, _ []string) (string, netsuite.Secret, error) {
			return server.Tokens.CreateUsersClient(ctx, app, nil)
		}
	}
	id, secret, err := create(t.Context(), appName, []string{l.orders.Connection})
	must(t, err)
	l.orders.Ask.ClientID, l.orders.Ask.Secret = id, secret.Reveal()
	return l
}

// consent plays a person without a browser, and returns the connection.
func (l *life) consent(server *app.App, q onboard.LinkRequest) string {
	l.t.Helper()
	ctx := l.t.Context()
	link, err := server.Onboard.CreateLink(ctx, q)
	must(l.t, err)
	d, err := server.Onboard.Start(ctx, link.URL[strings.LastIndex(link.URL, "/")+1:], false)
	must(l.t, err)
	back, err := l.emulator.Account(customerAccount).Consent(d.URL, "admin@globex.example", "administrator")
	must(l.t, err)
	u, err := url.Parse(back)
	must(l.t, err)
	_, err = server.Onboard.Callback(ctx, appName, u.Query(), d.Browser)
	must(l.t, err)
	for range 50 {
		must(l.t, server.Onboard.Advance(ctx, d.RunID))
		run, err := server.Store.Run(ctx, d.RunID)
		must(l.t, err)
		if run.Phase() == broker.PhaseConnected {
			return run.ConnectionID
		}
	}
	run, _ := server.Store.Run(ctx, d.RunID)
	l.t.Fatalf("the run is %s: %+v", run.Phase(), run.Problem)
	return ""
}

func (l *life) advance(d time.Duration) {
	l.orders.Ahead += d
	l.emulator.Clock().Advance(d)
}

// do lets a process act, and kill itself at an event; killed is false when it ended before.
func (l *life) do(act string, killAt int) (killed bool, events []string) {
	l.t.Helper()
	o := l.orders
	o.Act, o.KillAt = act, killAt
	text, err := json.Marshal(o)
	must(l.t, err)
	var stderr strings.Builder
	p := exec.Command(os.Args[0])
	p.Env, p.Stderr = append(os.Environ(), asChild+"="+string(text)), &stderr
	stdout, err := p.StdoutPipe()
	must(l.t, err)
	_, err = p.StdinPipe()
	must(l.t, err)
	must(l.t, p.Start())
	for in := bufio.NewScanner(stdout); in.Scan(); {
		events = append(events, in.Text())
	}
	err = p.Wait()
	if killAt > 0 && len(events) >= killAt {
		return true, events
	}
	if err != nil {
		l.t.Errorf("%s: %v\n%s", act, err, &stderr)
	}
	return false, events
}

// inside opens what is stored, for a look.
func (l *life) inside(look func(ctx context.Context, server *app.App)) {
	l.t.Helper()
	server := open(l.t, l.orders)
	look(l.t.Context(), server)
	must(l.t, server.Close())
}

// works checks, at this very instant, that the certificate which the connection signs with is good at NetSuite.
func (l *life) works(when string) {
	l.t.Helper()
	l.inside(func(ctx context.Context, server *app.App) {
		conn, err := server.Store.Connection(ctx, l.orders.Connection)
		must(l.t, err)
		c, err := server.Store.Certificate(ctx, conn.CertificateID)
		must(l.t, err)
		now := l.emulator.Clock().Now()
		for _, known := range l.emulator.Account(customerAccount).Certificates() {
			if known.ID == c.NetSuiteID && !known.Revoked && now.Before(known.ValidUntil) {
				return
			}
		}
		l.t.Errorf("%s: the connection signs with %s, which NetSuite does not take", when, c.NetSuiteID)
	})
}

// whole checks that n certificates are active at NetSuite, that each of them is known here, and that a token can be had.
func (l *life) whole(when string, n int) {
	l.t.Helper()
	l.works(when)
	l.inside(func(ctx context.Context, server *app.App) {
		certificates, err := server.Store.CertificatesOf(ctx, l.orders.Connection)
		must(l.t, err)
		ours := map[string]broker.CertificateState{}
		for _, c := range certificates {
			ours[c.NetSuiteID] = c.State
		}
		var active []string
		for _, known := range l.emulator.Account(customerAccount).Certificates() {
			if !known.Revoked && l.emulator.Clock().Now().Before(known.ValidUntil) {
				active = append(active, fmt.Sprint(known.ID, " ", ours[known.ID]))
				if state := ours[known.ID]; state != broker.CertificateActive && state != broker.CertificateRetiring {
					l.t.Errorf("%s: certificate %s is active at NetSuite and %q here", when, known.ID, state)
				}
			}
		}
		if len(active) != n {
			l.t.Errorf("%s: active at NetSuite: %v, want %d", when, active, n)
		}
		if _, err := server.Tokens.HandOut(ctx, l.orders.Ask.request()); err != nil {
			l.t.Errorf("%s: no token: %v", when, err)
		}
	})
}

// afterDeath is longer than the leases of a process that has died.
const afterDeath = 10 * time.Minute

var engines = map[string]func(testing.TB) string{"SQLite": func(testing.TB) string { return "" }, "PostgreSQL": pgtest.Start}

// TestRO01_RotationIsKilledEverywhere: a working certificate at each instant, one active certificate in the end, no orphan.
func TestRO01_RotationIsKilledEverywhere(t *testing.T) {
	for engine, database := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			l := begin(t, database(t), nil)
			deaths := 0
			for n := 1; ; n++ {
				l.advance(23 * 24 * time.Hour) // due
				rotating, events := l.do("work", n)
				l.works(fmt.Sprintf("killed at %q", last(events)))
				l.recover("work")
				l.whole(fmt.Sprintf("after %q", last(events)), 2) // the old one has its day
				l.advance(25 * time.Hour)
				retiring, events := l.do("work", n)
				l.works(fmt.Sprintf("killed at %q", last(events)))
				l.recover("work")
				l.whole(fmt.Sprintf("after %q", last(events)), 1)
				if deaths += count(rotating, retiring); !rotating && !retiring || t.Failed() {
					break
				}
			}
			t.Logf("%d deaths", deaths)
			if deaths < 20 {
				t.Errorf("%d deaths; a rotation has more commits and calls", deaths)
			}
		})
	}
}

func TestOperatorsRotationIsKilledEverywhere(t *testing.T) {
	for engine, database := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			l := begin(t, database(t), nil)
			for n := 1; ; n++ {
				killed, events := l.do("rotate", n)
				l.works(fmt.Sprintf("killed at %q", last(events)))
				l.advance(25 * time.Hour)
				l.recover("rotate")
				l.whole(fmt.Sprintf("after %q", last(events)), 1)
				if !killed || t.Failed() {
					break
				}
			}
		})
	}
}

func TestMintIsKilledEverywhere(t *testing.T) {
	l := begin(t, "", nil)
	for n := 1; ; n++ {
		if n > 50 {
			t.Fatal("a mint has fewer commits and calls")
		}
		l.advance(time.Hour)
		killed, events := l.do("token", n)
		l.advance(afterDeath)
		l.whole(fmt.Sprintf("after %q", last(events)), 1)
		if t.Failed() {
			break
		}
		if !killed {
			if n < 4 {
				t.Errorf("%d deaths; a mint has more commits and calls", n-1)
			}
			break
		}
	}
}

// TestRO09_RefreshIsKilledEverywhere: a confidential client's connection goes on; a public client's goes on, or asks the person once,
// and no refresh token is ever sent twice.
func TestRO09_RefreshIsKilledEverywhere(t *testing.T) {
	for kind, public := range map[string]bool{"public": true, "confidential": false} {
		for engine, database := range engines {
			t.Run(kind+" "+engine, func(t *testing.T) {
				t.Parallel()
				l := begin(t, database(t), &broker.UserClient{Public: public})
				lost, deaths := 0, 0
				for n := 1; ; n++ {
					l.advance(time.Hour)
					killed, events := l.do("token", n)
					deaths += count(killed)
					l.advance(afterDeath)
					if l.lost() {
						lost++
						l.again()
					}
					if refused := l.refusedRefreshes(); refused != 0 {
						t.Errorf("after %q: NetSuite refused %d refreshes", last(events), refused)
					}
					if !killed || t.Failed() {
						break
					}
				}
				t.Logf("%d deaths, %d consents lost", deaths, lost)
				if deaths < 4 || (!public && lost > 0) || (public && lost == 0) {
					t.Errorf("%d deaths and %d lost consents of a %s client", deaths, lost, kind)
				}
			})
		}
	}
}

// lost takes a token after a death, and reports that the person must consent again.
func (l *life) lost() (lost bool) {
	l.t.Helper()
	l.inside(func(ctx context.Context, server *app.App) {
		_, err := server.Tokens.HandOut(ctx, l.orders.Ask.request())
		if err == nil {
			return
		}
		h, healthErr := server.Store.Health(ctx, l.orders.Connection)
		must(l.t, healthErr)
		if h.State != broker.HealthNeedsConsent || h.Cause != broker.CauseResponseLost || h.RepairLinkID == "" {
			l.t.Errorf("no token: %v; health %+v", err, h)
		}
		lost = true
	})
	return lost
}

// again lets the person consent once more.
func (l *life) again() {
	l.t.Helper()
	l.inside(func(_ context.Context, server *app.App) {
		l.consent(server, onboard.LinkRequest{App: appName, Customer: "Globex Corporation", Expect: []string{customerAccount}, EndUser: "u_42"})
	})
}

func (l *life) refusedRefreshes() int {
	return l.emulator.Ledger().Count(func(e netsuitetest.Entry) bool { return e.GrantType == "refresh_token" && !e.OK })
}

// recover is what the next process does when the leases of the dead one are over; here it is the test's own.
func (l *life) recover(act string) {
	l.t.Helper()
	l.advance(afterDeath)
	l.live(act)
	if act != "work" {
		l.advance(25 * time.Hour)
		l.live("work")
	}
}

func (l *life) live(act string) {
	l.t.Helper()
	l.inside(func(ctx context.Context, server *app.App) {
		if err := acts[act](ctx, server, l.orders); err != nil {
			l.t.Errorf("%s after a death: %v", act, err)
		}
	})
}

func count(truths ...bool) (n int) {
	for _, truth := range truths {
		if truth {
			n++
		}
	}
	return n
}

func last(events []string) string {
	if len(events) == 0 {
		return "nothing"
	}
	return events[len(events)-1]
}
