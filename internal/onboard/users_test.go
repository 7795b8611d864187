package onboard_test

import (
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

func TestLikeLink(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true})
	link := e.Link(t, broker.LinkSent, apptest.Account)
	consent(t, e, admin, link.URL)
	conn := e.Connected(t, link).ConnectionID
	for name, c := range map[string]struct {
		conn, expect string
		code         broker.Code
	}{
		"another company": {conn, "7654321", broker.CodeInvalid}, "the same account": {conn, apptest.Account, broker.CodeInvalid},
		"looks alike": {conn, "12345678_SB1", broker.CodeInvalid}, "no account": {conn, "", broker.CodeInvalid}, "hostile": {conn, "1234567_SB1/../x", broker.CodeInvalid},
		"unknown connection": {"co_none", apptest.Sandbox, broker.CodeNotFound},
	} {
		if _, err := e.App.Onboard.LikeLink(t.Context(), c.conn, c.expect); broker.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	made, err := e.App.Onboard.LikeLink(t.Context(), conn, "1234567-sb1")
	if err != nil || made.Link.Customer != "Globex Inc." || len(made.Link.Expect) != 1 || made.Link.Expect[0] != apptest.Sandbox || made.Link.ConnectionID != "" {
		t.Errorf("link %+v, %v", made.Link, err)
	}
}
