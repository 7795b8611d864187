package onboard_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/onboard"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// userLink invites a person to connect.
func userLink(t *testing.T, e *apptest.Env, endUser string) onboard.NewLink {
	t.Helper()
	link, err := e.App.Onboard.CreateLink(t.Context(), onboard.LinkRequest{
		App: apptest.AppName, Customer: "Globex Inc.", Expect: []string{apptest.Account}, EndUser: endUser,
	})
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func consent(t *testing.T, e *apptest.Env, email, url string) {
	t.Helper()
	person := e.Customer(t)
	person.Email = email
	if _, err := person.Consent(t.Context(), url); err != nil {
		t.Fatal(err)
	}
}

const (
	admin      = "admin@globex.example"
	integrator = "integration@globex.example"
)

func TestUserConnection(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Users: true})
	e.Prepare(t, apptest.Account)
	link := userLink(t, e, "u_42")
	consent(t, e, admin, link.URL)
	run := e.Connected(t, link)
	conn, err := e.App.Store.Connection(t.Context(), run.ConnectionID)
	if err != nil || conn.Kind != broker.KindUser || conn.EndUser != "u_42" || conn.State != broker.ConnectionConnected || conn.CertificateID != "" {
		t.Fatalf("connection %+v, %v", conn, err)
	}
	if n := e.Count("POST", "/certificates"); n != 0 {
		t.Errorf("%d certificates for a person", n)
	}
	grants, err := e.App.Store.GrantsOfRun(t.Context(), run.ID)
	if err != nil || len(grants) != 1 || grants[0].Status != broker.GrantKept || len(grants[0].Tokens) != 0 {
		t.Errorf("the run's grants %+v, %v: want one that was kept, without tokens", grants, err)
	}
	id, secret, err := e.App.Tokens.CreateUsersClient(t.Context(), apptest.AppName, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask := tokens.Request{ClientID: id, Secret: secret, EndUser: "u_42"}
	out, err := e.App.Tokens.HandOut(t.Context(), ask)
	if err != nil || out.ConnectionID != conn.ID {
		t.Fatalf("%+v, %v", out, err)
	}
	e.Clock.Advance(time.Hour)
	e.Emulator.Clock().Advance(time.Hour)
	if _, err := e.App.Tokens.HandOut(t.Context(), ask); err != nil {
		t.Errorf("after an hour: %v", err)
	}

	// The same person consents again: the connection stays, and the consent before is ended.
	again := userLink(t, e, "u_42")
	consent(t, e, admin, again.URL)
	if next := e.Connected(t, again); next.ConnectionID != conn.ID {
		t.Errorf("the second consent made connection %s, want %s", next.ConnectionID, conn.ID)
	}
	e.Eventually(t, "the end of the consent before", func() bool { return live(e) == 1 }, func() any { return e.Emulator.Account(apptest.Account).Grants() })

	// Another person does not take over the connection.
	stranger := userLink(t, e, "u_42")
	consent(t, e, integrator, stranger.URL)
	e.Problem(t, stranger, broker.CodeOtherPerson)
	e.Eventually(t, "the end of the stranger's consent", func() bool { return live(e) == 1 }, func() any { return e.Emulator.Account(apptest.Account).Grants() })
	if kept, err := e.App.Store.Connection(t.Context(), conn.ID); err != nil || kept.Entity != conn.Entity {
		t.Errorf("the connection acts as %d, %v; want %d", kept.Entity, err, conn.Entity)
	}
	e.App.Tokens.Forget(conn.ID)
	if _, err := e.App.Tokens.HandOut(t.Context(), ask); err != nil {
		t.Errorf("after the stranger: %v", err)
	}
}

// A session link's consent is not kept before the app's backend has said that the person is its own (ON-01).
func TestON01_UserConnectionWaitsForTheBackend(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Users: true})
	link, err := e.App.Onboard.CreateLink(t.Context(), onboard.LinkRequest{
		App: apptest.AppName, Kind: broker.LinkSession, Customer: "Globex Inc.", ReturnURL: apptest.ReturnURL, EndUser: "u_42",
	})
	if err != nil {
		t.Fatal(err)
	}
	consent(t, e, admin, link.URL)
	e.WaitRun(t, link, "unconfirmed", func(r broker.Run) bool { return r.Phase() == broker.PhaseUnconfirmed })
	if found, err := e.App.Store.ConnectionsOfUser(t.Context(), apptest.AppName, "u_42"); err != nil || len(found) != 0 {
		t.Errorf("connections %+v, %v before the backend has spoken", found, err)
	}
	e.Clock.Advance(11 * time.Minute)
	e.WaitRun(t, link, "expired", func(r broker.Run) bool { return r.Phase() == broker.PhaseExpired })
	e.GrantsEnded(t, apptest.Account)
}

// Idle connections live as long as NetSuite lets them, and the person is asked a day before the end.
func TestIdleConsentIsKeptAliveAndAskedForInTime(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Users: true})
	link := userLink(t, e, "u_42")
	consent(t, e, admin, link.URL)
	conn := e.Connected(t, link).ConnectionID
	start := e.Clock.Now()
	var asked time.Duration
	for h := range 167 {
		e.Clock.Advance(time.Hour)
		e.Emulator.Clock().Advance(time.Hour)
		if err := e.App.WorkOnce(t.Context()); err != nil {
			t.Fatalf("hour %d: %v", h, err)
		}
		events, err := e.App.Store.EventsOf(t.Context(), conn, start)
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(events, func(x broker.Event) bool { return x.Type == broker.EventConnectionNeedsConsent }); i >= 0 && asked == 0 {
			asked = events[i].At.Sub(start)
		}
		if n := len(events); n > 2 {
			t.Fatalf("hour %d: %d events: %+v", h, n, events)
		}
	}
	if left := 168*time.Hour - asked; left < 23*time.Hour || left > 25*time.Hour {
		t.Errorf("the person was asked %s before the end, want a day", left)
	}
	id, secret, err := e.App.Tokens.CreateUsersClient(t.Context(), apptest.AppName, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.App.Tokens.HandOut(t.Context(), tokens.Request{ClientID: id, Secret: secret, EndUser: "u_42"}); err != nil {
		t.Errorf("in the last hour: %v", err)
	}
	refused := e.Emulator.Ledger().Count(func(x netsuitetest.Entry) bool { return strings.HasSuffix(x.Path, "/token") && x.Status != 200 })
	if refused != 0 {
		t.Errorf("NetSuite had to refuse %d requests", refused)
	}
}

func TestUserLinkRefuses(t *testing.T) {
	with, without := apptest.Start(t, apptest.Config{Users: true}), apptest.Start(t, apptest.Config{})
	for name, endUser := range map[string]string{"space": "u 42", "control": "u\x00", "huge": strings.Repeat("u", 129), "not ASCII": "ü", "markup is text, but spaces are not": "<b> x"} {
		_, err := with.App.Onboard.CreateLink(t.Context(), onboard.LinkRequest{App: apptest.AppName, Customer: "Globex Inc.", EndUser: endUser})
		if broker.CodeOf(err) != broker.CodeInvalid || !strings.Contains(err.Error(), `field "user"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := without.App.Onboard.CreateLink(t.Context(), onboard.LinkRequest{App: apptest.AppName, Customer: "Globex Inc.", EndUser: "u_42"})
	if broker.CodeOf(err) != broker.CodeInvalid || !strings.Contains(err.Error(), "integration.user") {
		t.Errorf("an app without user connections: %v", err)
	}
	for field, edit := range map[string]func(*broker.App){
		"integration.user.client_id":           func(a *broker.App) { a.Integration.User.ClientID = "short" },
		"integration.user.refresh_token_hours": func(a *broker.App) { a.Integration.User.RefreshTokenHours = 721 },
		"integration.user.rotation_hours":      func(a *broker.App) { a.Integration.User.RotationHours = -1 },
		"integration.user.client_secret_file":  func(a *broker.App) { a.Integration.User.Public = false },
	} {
		app, err := with.App.Onboard.App(t.Context(), apptest.AppName)
		if err != nil {
			t.Fatal(err)
		}
		user := *app.Integration.User
		app.Integration.User = &user
		edit(&app)
		if err := with.App.Onboard.StoreApp(t.Context(), app, onboard.AppSecrets{}); broker.CodeOf(err) != broker.CodeAppInvalid || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestConfidentialUserClient(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Users: true})
	app, err := e.App.Onboard.App(t.Context(), apptest.AppName)
	if err != nil {
		t.Fatal(err)
	}
	app.Integration.User = &broker.UserClient{ClientID: e.UserClient.ClientID, ClientSecretFile: "acme.secret"}
	secret := strings.Repeat("ab", 32)
	if err := e.App.Onboard.StoreApp(t.Context(), app, onboard.AppSecrets{User: netsuite.NewSecret(secret)}); err != nil {
		t.Fatal(err)
	}
	stored, err := e.App.Store.App(t.Context(), apptest.AppName)
	if err != nil || len(stored.UserClientSecret) == 0 || strings.Contains(string(stored.UserClientSecret), secret) {
		t.Errorf("the secret is not kept sealed: %v", err)
	}
}

// portalEnv is a server whose app has user connections.
type portalEnv struct{ *apptest.Env }

func newPortal(t *testing.T) portalEnv {
	return portalEnv{apptest.Start(t, apptest.Config{Users: true})}
}

func (e portalEnv) connections(t *testing.T) []broker.Connection {
	t.Helper()
	found, err := e.App.Store.ConnectionsOfUser(t.Context(), apptest.AppName, "u_42")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// sessionLink is for a person who is signed in to the portal.
func (e portalEnv) sessionLink(t *testing.T) onboard.NewLink {
	t.Helper()
	link, err := e.App.Onboard.CreateLink(t.Context(), onboard.LinkRequest{
		App: apptest.AppName, Kind: broker.LinkSession, Customer: "Globex Inc.", Expect: []string{apptest.Account}, ReturnURL: apptest.ReturnURL, EndUser: "u_42",
	})
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// toBackend leads a person through a session link to the page of the portal that finalises, and returns its address.
func (e portalEnv) toBackend(t *testing.T, p *person, link onboard.NewLink) *url.URL {
	t.Helper()
	redirect := p.consent(link)
	return p.caught(apptest.ReturnURL, func() error {
		if _, err := p.Open(t.Context(), redirect.String()); err != nil {
			return err
		}
		r := e.WaitRun(t, link, "unconfirmed", unconfirmed)
		_, err := p.Open(t.Context(), e.Home.JoinPath("r", r.ID).String())
		return err
	})
}

func (e portalEnv) wantLive(t *testing.T, want int) {
	t.Helper()
	e.Eventually(t, "as many consents as are in use", func() bool { return live(e.Env) == want }, func() any { return e.Emulator.Account(apptest.Account).Grants() })
}

// The whole way of a portal's user: the link, NetSuite, back to the portal, whose backend finalises, and the connection.
func TestON01_FinalisedUserConnection(t *testing.T) {
	e := newPortal(t)
	link := e.sessionLink(t)
	p := newPerson(t, e.Env)
	back := e.toBackend(t, p, link)
	if found := e.connections(t); len(found) != 0 {
		t.Errorf("connections %+v before the backend has spoken", found)
	}
	_, account, err := e.App.Onboard.Finalise(t.Context(), link.Link.ID, link.FinaliseSecret.Reveal(), back.Query().Get("suitekey_code"))
	if err != nil || account != apptest.Account {
		t.Fatalf("Finalise = %s, %v", account, err)
	}
	run := e.Connected(t, link)
	if found := e.connections(t); len(found) != 1 || found[0].ID != run.ConnectionID || found[0].State != broker.ConnectionConnected {
		t.Errorf("connections %+v, want %s", found, run.ConnectionID)
	}
	e.wantLive(t, 1)
	words := p.open(e.Home.JoinPath("r", run.ID).String()).Words
	for _, want := range []string{"Connected", "can act as you", "OAuth 2.0 Authorized Applications"} {
		if !strings.Contains(words, want) {
			t.Errorf("the last page does not say %q: %s", want, words)
		}
	}
	events, err := e.App.Store.EventsOf(t.Context(), run.ConnectionID, time.Time{})
	if err != nil || len(events) == 0 || events[len(events)-1].Type != broker.EventOnboardingCompleted {
		t.Errorf("told %+v, %v; want the end of the onboarding", events, err)
	}
}

// ON-11: a person who stops before the connection is made leaves no consent behind.
func TestON11_CancelledUserConnection(t *testing.T) {
	e := newPortal(t)
	link := e.sessionLink(t)
	p := newPerson(t, e.Env)
	e.toBackend(t, p, link)
	p.mustPress(e.Run(t, link).ID, broker.ActCancel, "")
	e.WaitRun(t, link, "cancelled", func(r broker.Run) bool { return r.Ended == broker.PhaseCancelled && !r.GrantEndedAt.IsZero() })
	e.wantLive(t, 0)
	if found := e.connections(t); len(found) != 0 {
		t.Errorf("connections %+v of somebody who stopped", found)
	}
}

// A link that names no account asks the person before it connects one (ON-02).
func TestON02_PersonConfirmsTheAccount(t *testing.T) {
	e := newPortal(t)
	link, err := e.App.Onboard.CreateLink(t.Context(), onboard.LinkRequest{App: apptest.AppName, Customer: "Globex Inc.", EndUser: "u_42"})
	if err != nil {
		t.Fatal(err)
	}
	p := newPerson(t, e.Env)
	p.allow(link)
	r := e.Problem(t, link, broker.CodeConfirmAccount)
	if found := e.connections(t); len(found) != 0 {
		t.Errorf("connections %+v before anybody confirmed the account", found)
	}
	p.mustPress(r.ID, broker.ActAccount, apptest.Account)
	e.Connected(t, link)
	e.wantLive(t, 1)
}

// Neither the link that made a connection nor one that repairs it brings it back once it was disconnected, whether it is followed now
// or was under way.
func TestOldLinksOfADisconnectedPerson(t *testing.T) {
	e := newPortal(t)
	first := userLink(t, e.Env, "u_42")
	consent(t, e.Env, admin, first.URL)
	connection := e.Connected(t, first).ConnectionID
	link, address, err := e.App.Onboard.RepairLink(t.Context(), connection)
	if err != nil {
		t.Fatal(err)
	}
	underWay := newPerson(t, e.Env)
	redirect := underWay.consent(onboard.NewLink{Link: link, URL: address})
	if _, err := e.App.Offboard.Disconnect(t.Context(), connection, "operator", false); err != nil {
		t.Fatal(err)
	}
	for what, address := range map[string]string{"the link that made it": first.URL, "the link that repairs it": address} {
		page, err := newPerson(t, e.Env).Open(t.Context(), address)
		refused(t, what, page, err, broker.CodeLinkRevoked)
		_, err = e.App.Onboard.Start(t.Context(), token(onboard.NewLink{URL: address}), true)
		wantCode(t, err, broker.CodeLinkRevoked)
	}

	underWay.open(redirect.String())
	r := e.Problem(t, onboard.NewLink{Link: link}, broker.CodeLinkRevoked)
	if r.Ended != broker.PhaseFailed {
		t.Errorf("the run is %s, want failed", r.Phase())
	}
	e.wantLive(t, 0)
	if found := e.connections(t); len(found) != 0 {
		t.Errorf("connections %+v came back", found)
	}
}

// NetSuite has not confirmed the end of a person's connection when the same person consents again: the new consent waits, and is not
// taken along by the end.
func TestConsentWaitsForTheEndOfTheConnectionBefore(t *testing.T) {
	e := newPortal(t)
	first := userLink(t, e.Env, "u_42")
	consent(t, e.Env, admin, first.URL)
	before := e.Connected(t, first).ConnectionID
	back := e.Emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultMaintenance, Endpoint: "revoke"})
	if end, err := e.App.Offboard.Disconnect(t.Context(), before, "operator", false); err != nil || !end.EndedAt.IsZero() {
		t.Fatalf("the end %+v, %v: want one that waits for NetSuite", end, err)
	}
	again := userLink(t, e.Env, "u_42")
	consent(t, e.Env, admin, again.URL)
	e.Problem(t, again, broker.CodeBeingEnded)
	if conn, err := e.App.Store.Connection(t.Context(), before); err != nil || conn.State != broker.ConnectionDisconnecting {
		t.Errorf("the connection before is %s, %v", conn.State, err)
	}
	back()
	e.Clock.Advance(2 * time.Minute)
	e.Emulator.Clock().Advance(2 * time.Minute)
	if err := e.App.WorkOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	run := e.Connected(t, again)
	if found := e.connections(t); run.ConnectionID == before || len(found) != 1 || found[0].ID != run.ConnectionID {
		t.Errorf("connections %+v, want a new one, %s", found, run.ConnectionID)
	}
	e.wantLive(t, 1)
}
