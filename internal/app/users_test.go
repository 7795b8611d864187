package app_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/onboard"
	"github.com/suitekey/suitekey/internal/pgtest"
	"github.com/suitekey/suitekey/internal/store"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// Connections of persons, from the link to the token, on whole servers. The judge is the emulator's ledger.

// portal is a server whose app has user connections.
type portal struct {
	*apptest.Env
	t      *testing.T
	record netsuitetest.Integration
	asks   tokens.Request // of a client with the right to all persons
}

func newPortal(t *testing.T, cfg apptest.Config, record netsuitetest.Integration) *portal {
	t.Helper()
	p := &portal{Env: apptest.Start(t, cfg), t: t}
	record.Name, record.OwnerAccount, record.CodeGrant, record.Scopes = "Acme Portal", "TSTDRV1000001", true, []string{"rest_webservices", "restlets"}
	record.RedirectURIs = []string{p.Home.JoinPath("callback", apptest.AppName).String()}
	p.record = must(p.Emulator.AddIntegration(record))(t)

	definition := must(p.App.Store.App(t.Context(), apptest.AppName))(t)
	user := &broker.UserClient{ClientID: p.record.ClientID, Public: record.Public, RefreshTokenHours: record.RefreshHours, RotationHours: record.RotationHours}
	secrets := onboard.AppSecrets{}
	if !record.Public {
		user.ClientSecretFile, secrets.User = "portal.secret", netsuite.NewSecret(p.record.ClientSecret)
	}
	definition.Integration.User = user
	definition.Complete()
	check(t, p.App.Onboard.StoreApp(t.Context(), definition, secrets))
	check(t, p.App.Onboard.CheckApp(t.Context(), apptest.AppName))

	token := broker.NewToken()
	client := broker.Client{ID: broker.NewID("cl"), App: apptest.AppName, Users: true, SecretHashes: []string{broker.HashToken(token)}}
	check(t, p.App.Store.SaveClient(t.Context(), &client))
	p.asks = tokens.Request{ClientID: client.ID, Secret: netsuite.NewSecret(token)}
	return p
}

// public and confidential are the two kinds of records that persons consent to.
var (
	public       = netsuitetest.Integration{Public: true}
	confidential = netsuitetest.Integration{}
)

func must[T any](value T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		check(tb, err)
		return value
	}
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func (p *portal) link(person string) onboard.NewLink {
	p.t.Helper()
	return must(p.App.Onboard.CreateLink(p.t.Context(), onboard.LinkRequest{
		App: apptest.AppName, Customer: "Globex Inc.", Expect: []string{apptest.Account}, EndUser: person,
	}))(p.t)
}

// connect leads a person through link and consent.
func (p *portal) connect(person string) broker.Run {
	p.t.Helper()
	link := p.link(person)
	p.consent(link.URL)
	return p.Connected(p.t, link)
}

func (p *portal) consent(url string) {
	p.t.Helper()
	if _, err := p.Customer(p.t).Consent(p.t.Context(), url); err != nil {
		p.t.Fatal(err)
	}
}

// pass lets time go by, here and at NetSuite.
func (p *portal) pass(d time.Duration) {
	p.Clock.Advance(d)
	p.Emulator.Clock().Advance(d)
}

func (p *portal) ask(s *tokens.Service, person string) (tokens.HandOut, error) {
	r := p.asks
	r.EndUser = person
	return s.HandOut(p.t.Context(), r)
}

// works proves that a token is good at NetSuite now.
func (p *portal) works(out tokens.HandOut) error {
	site := must(netsuite.EmulatorSite(p.Emulator.Addr()))(p.t)
	api := netsuite.API{Account: out.Account, Site: site, Token: out.AccessToken}
	_, err := api.SuiteQL(p.t.Context(), "SELECT 1 AS ok FROM dual", 1, 0)
	return err
}

func (p *portal) token(person string) tokens.HandOut {
	p.t.Helper()
	out, err := p.ask(p.App.Tokens, person)
	if err != nil {
		p.t.Fatalf("%v\nlog:\n%s", err, p.Log.String())
	}
	if err := p.works(out); err != nil {
		p.t.Fatalf("the token of %s does not work: %v", person, err)
	}
	return out
}

// refreshes are the requests with a refresh token that reached NetSuite; spent those with one that had been used before.
func (p *portal) refreshes() int {
	return p.Emulator.Ledger().Count(func(e netsuitetest.Entry) bool { return e.GrantType == "refresh_token" })
}

func (p *portal) spent() int {
	return p.Emulator.Ledger().Count(func(e netsuitetest.Entry) bool { return strings.Contains(e.Rule, "refresh token is used once") })
}

func (p *portal) wantRefreshes(want int) {
	p.t.Helper()
	if got := p.refreshes(); got != want {
		p.t.Errorf("%d refreshes reached NetSuite, want %d", got, want)
	}
	if got := p.spent(); got != 0 {
		p.t.Errorf("a spent refresh token was sent %d times", got)
	}
}

func (p *portal) live() int {
	n := 0
	for _, g := range p.Emulator.Account(apptest.Account).Grants() {
		if g.State == "live" {
			n++
		}
	}
	return n
}

func (p *portal) events(connection string, kind broker.EventType) (found []broker.Event) {
	p.t.Helper()
	for _, e := range must(p.App.Store.EventsOf(p.t.Context(), connection, time.Time{}))(p.t) {
		if e.Type == kind {
			found = append(found, e)
		}
	}
	return found
}

func wantRefusal(t *testing.T, err error, reason tokens.Reason) {
	t.Helper()
	var refusal *tokens.Refusal
	if !errors.As(err, &refusal) || refusal.Reason != reason {
		t.Fatalf("got %v, want a refusal %s", err, reason)
	}
}

// One link, one consent, one connection: nothing is uploaded, the consent stays, and each hour costs one refresh.
func TestUserConnection(t *testing.T) {
	for name, record := range map[string]netsuitetest.Integration{"public": public, "confidential": confidential} {
		t.Run(name, func(t *testing.T) {
			p := newPortal(t, apptest.Config{}, record)
			run := p.connect("ann")
			conn := must(p.App.Store.Connection(t.Context(), run.ConnectionID))(t)
			if conn.Kind != broker.KindUser || conn.EndUser != "ann" || conn.State != broker.ConnectionConnected || conn.Entity == 0 || conn.RoleID == 0 {
				t.Errorf("got connection %+v", conn)
			}
			first := p.token("ann")
			p.wantRefreshes(0)
			p.pass(time.Hour)
			if second := p.token("ann"); second.AccessToken.Equal(first.AccessToken) {
				t.Error("the token of the last hour was handed out")
			}
			p.wantRefreshes(1)
			if n := p.Count(http.MethodPost, "/revoke"); n != 0 || p.live() != 1 {
				t.Errorf("%d revocations and %d live grants, want 0 and 1", n, p.live())
			}
			if n := p.Count(http.MethodPost, "/certificates"); n != 0 {
				t.Errorf("%d certificates were uploaded for a person", n)
			}
			grants := must(p.App.Store.GrantsOfRun(t.Context(), run.ID))(t)
			if len(grants) != 1 || grants[0].Status != broker.GrantKept || len(grants[0].Tokens)+len(grants[0].Code)+len(grants[0].Verifier) != 0 {
				t.Errorf("got grants %+v, want one that is kept and wiped", grants)
			}
		})
	}
}

// NetSuite takes longer than any lease, and three servers have 200 callers each at the moment of expiry (RO-08, RO-10).
func TestRO10_OneRefreshOnManyServers(t *testing.T) {
	for name, record := range map[string]netsuitetest.Integration{"public": public, "confidential": confidential} {
		t.Run(name, func(t *testing.T) {
			p := newPortal(t, apptest.Config{Database: pgtest.Start(t)}, record)
			servers := []*app.App{p.App, p.Replica(t, apptest.Config{}), p.Replica(t, apptest.Config{})}
			for _, s := range servers {
				s.Tokens.LeaseTTL = 300 * time.Millisecond
			}
			p.connect("ann")
			p.Emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultDelay, Endpoint: "token", Delay: 1200 * time.Millisecond, After: true})
			for hour := 1; hour <= 3; hour++ {
				p.pass(time.Hour)
				var all sync.WaitGroup
				for _, s := range servers {
					for range 200 {
						all.Go(func() {
							if _, err := p.ask(s.Tokens, "ann"); err != nil {
								t.Errorf("hour %d: %v", hour, err)
							}
						})
					}
				}
				all.Wait()
				p.wantRefreshes(hour)
			}
		})
	}
}

// The same for machine connections: one mint for each expiry, though each lease ends long before NetSuite answers.
func TestOneMintOnManyServers(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true, Database: pgtest.Start(t)})
	servers := []*app.App{e.App, e.Replica(t, apptest.Config{}), e.Replica(t, apptest.Config{})}
	for _, s := range servers {
		s.Tokens.LeaseTTL = 300 * time.Millisecond
	}
	link := e.Link(t, broker.LinkSent, apptest.Account)
	if _, err := e.Customer(t).Consent(t.Context(), link.URL); err != nil {
		t.Fatal(err)
	}
	id, secret, err := e.App.Tokens.CreateClient(t.Context(), apptest.AppName, []string{e.Connected(t, link).ConnectionID})
	check(t, err)
	mints := func() int {
		return e.Emulator.Ledger().Count(func(x netsuitetest.Entry) bool { return x.GrantType == "client_credentials" })
	}
	before := mints()
	e.Emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultDelay, Endpoint: "token", Delay: 1200 * time.Millisecond, After: true})
	for hour := 1; hour <= 2; hour++ {
		e.Clock.Advance(time.Hour)
		e.Emulator.Clock().Advance(time.Hour)
		var all sync.WaitGroup
		for _, s := range servers {
			for range 200 {
				all.Go(func() {
					if _, err := s.Tokens.HandOut(t.Context(), tokens.Request{ClientID: id, Secret: secret}); err != nil {
						t.Errorf("hour %d: %v", hour, err)
					}
				})
			}
		}
		all.Wait()
		if got := mints() - before; got != hour {
			t.Errorf("hour %d: %d mints, want %d", hour, got, hour)
		}
	}
}

// The answer is cut after NetSuite used up the refresh token. It is never sent again; the person is asked, once, and a new consent
// mends the same connection.
func TestRO09_LostAnswer(t *testing.T) {
	p := newPortal(t, apptest.Config{}, public)
	connection := p.connect("ann").ConnectionID
	p.pass(time.Hour)
	p.Emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultCutAfter, Endpoint: "token", Times: 1})
	_, err := p.ask(p.App.Tokens, "ann")
	wantRefusal(t, err, tokens.InvalidGrant)
	for range 8 {
		p.pass(time.Hour)
		_, err := p.ask(p.App.Tokens, "ann")
		wantRefusal(t, err, tokens.InvalidGrant)
		check(t, p.App.WorkOnce(t.Context()))
	}
	p.wantRefreshes(1)
	health := must(p.App.Store.Health(t.Context(), connection))(t)
	if health.State != broker.HealthNeedsConsent || health.Cause != broker.CauseResponseLost || health.RepairLinkID == "" {
		t.Errorf("got health %s, cause %s, link %q", health.State, health.Cause, health.RepairLinkID)
	}
	if told := p.events(connection, broker.EventConnectionNeedsConsent); len(told) != 1 || told[0].Cause != broker.CauseResponseLost {
		t.Errorf("told %+v, want one event", told)
	}
	link, url, err := p.App.Onboard.RepairLink(t.Context(), connection)
	check(t, err)
	p.consent(url)
	again := p.Connected(t, onboard.NewLink{Link: link})
	if again.ConnectionID != connection {
		t.Errorf("the new consent made connection %s, want %s again", again.ConnectionID, connection)
	}
	p.pass(3 * time.Second) // what was read is believed for two
	p.token("ann")
	if told := p.events(connection, broker.EventConnectionRecovered); len(told) != 1 {
		t.Errorf("recovery was told %d times", len(told))
	}
}

// A server that is told to stop while NetSuite answers a refresh waits for the answer: cut, it would cost a person's consent.
func TestStopKeepsTheRefreshUnderWay(t *testing.T) {
	p := newPortal(t, apptest.Config{}, public)
	connection := p.connect("ann").ConnectionID
	p.pass(time.Hour)
	reached := make(chan struct{})
	p.Emulator.Fault(netsuitetest.Fault{
		Kind: netsuitetest.FaultDelay, Endpoint: "token", Delay: 500 * time.Millisecond, After: true, Times: 1, OnMatch: func(*http.Request) { close(reached) },
	})
	asked := make(chan error, 1)
	go func() {
		_, err := p.ask(p.App.Tokens, "ann")
		asked <- err
	}()
	<-reached
	p.App.Tokens.Close()
	if err := <-asked; err != nil {
		t.Errorf("the caller got %v, want the token that was under way", err)
	}
	grant := must(p.App.Store.UserGrant(t.Context(), connection))(t)
	if !grant.EndedAt.IsZero() || !grant.SentAt.IsZero() {
		t.Errorf("the consent was lost: ended %s, sent %s", grant.EndedAt, grant.SentAt)
	}
	p.wantRefreshes(1)
}

// A new consent ends the one before it at NetSuite, and the old access tokens with it. None of them is handed out from then on.
func TestNewConsentReplacesTheOld(t *testing.T) {
	p := newPortal(t, apptest.Config{}, public)
	connection := p.connect("ann").ConnectionID
	old := p.token("ann")
	again := p.link("ann")
	p.consent(again.URL)
	if run := p.Connected(t, again); run.ConnectionID != connection {
		t.Fatalf("got connection %s, want %s again", run.ConnectionID, connection)
	}
	p.pass(10 * time.Second) // what was read is believed for two
	p.Eventually(t, "the end of the old consent", func() bool { return p.live() == 1 }, func() any { return p.live() })
	if fresh := p.token("ann"); fresh.AccessToken.Equal(old.AccessToken) {
		t.Error("a token of the replaced consent was handed out")
	}
	if err := p.works(old); err == nil {
		t.Error("the replaced consent still works")
	}
}

// faltering is a database that is away when a refresh is to be kept.
type faltering struct {
	*store.DB
	mu    sync.Mutex
	fails int // guarded by mu
}

func (f *faltering) SaveRefreshed(ctx context.Context, g *broker.UserGrant, a *broker.AccessToken) error {
	f.mu.Lock()
	fail := f.fails > 0
	f.fails--
	f.mu.Unlock()
	if fail {
		return errors.New("the database is away")
	}
	return f.DB.SaveRefreshed(ctx, g, a)
}

// The database is away for a moment while a refresh is answered. The next refresh token exists nowhere but here: it is kept as soon
// as the database is back.
func TestRefreshOutlastsADatabaseOutage(t *testing.T) {
	p := newPortal(t, apptest.Config{}, public)
	p.connect("ann")
	p.App.Tokens.Store = &faltering{DB: p.App.Store, fails: 3}
	p.pass(time.Hour)
	p.token("ann")
	p.pass(time.Hour)
	p.token("ann")
	p.wantRefreshes(2)
}

// Another person of the company follows a renewal link: the connection does not silently become theirs.
func TestRenewalByAnotherPersonIsRefused(t *testing.T) {
	p := newPortal(t, apptest.Config{Ready: true}, public)
	connection := p.connect("ann").ConnectionID
	before := must(p.App.Store.Connection(t.Context(), connection))(t)
	again := p.link("ann")
	other := p.Customer(t)
	other.Email = "integration@globex.example"
	if _, err := other.Consent(t.Context(), again.URL); err != nil {
		t.Fatal(err)
	}
	p.Problem(t, again, broker.CodeOtherPerson)
	after := must(p.App.Store.Connection(t.Context(), connection))(t)
	if after.Entity != before.Entity || after.Version != before.Version {
		t.Errorf("the connection was changed: entity %d, was %d", after.Entity, before.Entity)
	}
	if p.live() != 1 {
		t.Errorf("%d live grants, want the first one alone", p.live())
	}
	p.token("ann")
}

// Each life that NetSuite knows: used or not, in time or too late.
func TestLivesOfConsents(t *testing.T) {
	hours := func(refresh, rotation int) netsuitetest.Integration {
		return netsuitetest.Integration{Public: true, RefreshHours: refresh, RotationHours: rotation}
	}
	for _, tt := range []struct {
		name   string
		record netsuitetest.Integration
		steps  []time.Duration // pauses between hand-outs, all of which must succeed
		over   time.Duration   // and then it is over
	}{
		{"48 hours and a week, used daily", hours(48, 168), []time.Duration{day, day, day, day, day, day}, day + time.Hour},
		{"48 hours and a week, left alone", hours(48, 168), []time.Duration{47 * time.Hour}, 49 * time.Hour},
		{"one hour each", hours(1, 1), []time.Duration{10 * time.Minute}, 2 * time.Hour},
		{"720 hours each", hours(720, 720), []time.Duration{20 * day, 9 * day}, 2 * day},
		{"confidential", confidential, []time.Duration{day, 5 * day}, 2 * day},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPortal(t, apptest.Config{}, tt.record)
			p.connect("ann")
			for _, pause := range tt.steps {
				p.pass(pause)
				p.token("ann")
			}
			p.pass(tt.over)
			_, err := p.ask(p.App.Tokens, "ann")
			wantRefusal(t, err, tokens.InvalidGrant)
			if p.spent() != 0 {
				t.Error("a spent refresh token was sent")
			}
		})
	}
}

const day = 24 * time.Hour
