package storybook

import (
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// sampleToken has the form of a link's token and opens nothing.
const sampleToken = "Zk3q0b8xJm2W6r1dT9vYc4LhN7sPaEuG5iKoXfQwRtA"

const (
	production netsuite.AccountID = "1234567"
	sandbox    netsuite.AccountID = "1234567_SB1"
	stranger   netsuite.AccountID = "7654321"
)

const certificateID = "3f1c0a9be27d4855a1f0c6d3b94e7a2285d0e6fb1c394a77980b5c2d1e6f4a03"

const (
	bundlePath = "Customization > SuiteBundler > Search & Install Bundles"
	bundlePage = "https://1234567.app.netsuite.com/app/bundler/bundledetails.nl?id=123456"
	holderPath = "Lists > Employees > Employees > (user) > Access > Roles"
	holderPage = "https://1234567.app.netsuite.com/app/common/entity/employeelist.nl"
)

func acme() broker.App {
	return broker.App{
		Name: "acme-sync", DisplayName: "Acme Sync", Role: broker.Role{ScriptID: "customrole_acme_sync"},
		ReturnURLs: []string{"https://app.acme.example/netsuite/connected"},
		Brand:      broker.Brand{Accent: "#0b6b4f", Support: "https://acme.example/help", Privacy: "https://acme.example/privacy"},
	}
}

// portal acts as the persons who use it.
func portal() broker.App {
	app := acme()
	app.DisplayName = "Acme Portal"
	app.Integration.User = &broker.UserClient{Public: true, RefreshTokenHours: 48, RotationHours: 720}
	return app
}

func personalLink(app broker.App) broker.Link {
	link := sentLink(app)
	link.Connects, link.EndUser = broker.KindUser, "u_42"
	return link
}

func connectedPerson() broker.Invitation {
	v := person("person-connected", keptFacts)
	return broker.Invitation{Link: v.Link, App: v.App, Run: &v.Run, Connection: &broker.Connection{
		ID: "con_person", App: v.App.Name, Account: production, Kind: broker.KindUser, RoleName: "Sales Manager", EntityName: "Bo Buyer",
		CreatedAt: Now().Add(-3 * 24 * time.Hour),
	}}
}

// initech has a logo and an accent on which white cannot be read.
func initech() broker.App {
	return broker.App{
		Name: "initech-ledger", DisplayName: "Initech Ledger",
		Brand:    broker.Brand{Accent: "#ffb703", Support: "https://initech.example/help"},
		LogoType: "image/svg+xml",
		Logo:     []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" rx="10" fill="#ffb703"/><path d="M13 28V12h4v16zm7 0V12h8v4h-4v12z" fill="#1d1400"/></svg>`),
	}
}

const payload = `<script>alert(1)</script>`

// hostileApp and its customer try to break out of every place where a page shows a name or an address.
func hostileApp() broker.App {
	return broker.App{
		Name: "hostile", DisplayName: payload + `"'><img src=x onerror=alert(2)>`,
		ReturnURLs: []string{"javascript:alert(3)"},
		Brand:      broker.Brand{Accent: "red;}body{display:none", Support: "javascript:alert(4)", Privacy: `https://x"onmouseover=alert(5)`},
		LogoType:   "text/html", Logo: []byte(payload),
	}
}

func sentLink(app broker.App) broker.Link {
	return broker.Link{
		ID: "ol_sample", App: app.Name, Kind: broker.LinkSent, Customer: "Globex Inc.", Expect: []netsuite.AccountID{production},
		CreatedAt: Now().Add(-26 * time.Hour), ExpiresAt: Now().Add(5 * 24 * time.Hour),
	}
}

func links() []link {
	app, sent := acme(), sentLink(acme())
	open := broker.Invitation{Link: sent, App: app}

	unpinned := open
	unpinned.Link.Expect = nil
	unpinned.App = initech()

	session := open
	session.Link.Kind = broker.LinkSession

	taken := open
	taken.Run = &broker.Run{ID: "two-to-do", App: app.Name}

	done := open
	connected := run("connected", connectedFacts).Run
	done.Run = &connected
	done.Connection = &broker.Connection{
		ID: "con_sample", App: app.Name, Customer: sent.Customer, Account: production, RoleName: "Acme Sync", EntityName: "Acme Integration",
		CreatedAt: Now().Add(-3 * 24 * time.Hour),
	}

	mend := open
	mend.Link.ConnectionID, mend.Cause = "con_sample", broker.CauseSandboxRefreshed
	mend.Link.Expect = []netsuite.AccountID{sandbox}

	person := open
	person.App, person.Link = portal(), personalLink(portal())

	hostilePerson := broker.Invitation{Link: personalLink(hostileApp()), App: hostileApp()}
	hostilePerson.Link.Customer = payload

	hostile := broker.Invitation{Link: sent, App: hostileApp()}
	hostile.Link.Customer = payload

	refused := func(code broker.Code) error { return &broker.Error{Code: code} }
	return []link{
		{name: "Welcome", token: "welcome", inv: open},
		{name: "Welcome: another brand, no account named", token: "welcome-other", inv: unpinned},
		{name: "Welcome: for a signed-in user", token: "welcome-session", inv: session},
		{name: "Welcome: handed over", token: "welcome-taken", inv: taken},
		{name: "Welcome: hostile names", token: "welcome-hostile", inv: hostile},
		{name: "Repair: welcome", token: "welcome-repair", inv: mend},
		{name: "Person: welcome", token: "welcome-person", inv: person},
		{name: "Person: welcome, hostile names", token: "welcome-person-hostile", inv: hostilePerson},
		{name: "Person: already connected", token: "connected-person", inv: connectedPerson()},
		{name: "101 the link is too old", token: "expired", inv: open, err: refused(broker.CodeLinkExpired)},
		{name: "102 the link was withdrawn", token: "revoked", inv: open, err: refused(broker.CodeLinkRevoked)},
		{name: "103 already connected", token: "connected", inv: done},
		{name: "104 unknown link", token: "unknown", err: refused(broker.CodeLinkUnknown)},
		{name: "500 behind the link", token: "broken", err: errBroken},
	}
}

// scene is a canned run.
type scene struct {
	name string
	view broker.View
}

// run makes a run of Acme Sync with Globex; change sets how far it has come.
func run(id string, change func(*broker.Run)) broker.View {
	r := broker.Run{ID: id, App: acme().Name, LinkID: "ol_sample", Version: 7, CreatedAt: Now().Add(-20 * time.Minute)}
	change(&r)
	return broker.View{Run: r, Link: sentLink(acme()), App: acme(), Tasks: []string{"settings record", "saved searches"}}
}

func consented(r *broker.Run) {
	r.Account, r.BoundAt, r.AccountConfirmedAt = production, Now().Add(-18*time.Minute), Now().Add(-18*time.Minute)
	r.GrantID, r.GrantExpiresAt = "gr_sample", Now().Add(41*time.Minute)
	r.SetupName, r.SetupEntity, r.SetupRole = "Ada Admin", 12, 3
}

func checked(r *broker.Run) {
	consented(r)
	r.RoleID, r.RoleName, r.Entity, r.EntityName = 1071, "Acme Sync", 87, "Acme Integration"
	r.Checks, r.ChecksPassedAt = okChecks(), Now().Add(-2*time.Minute)
}

func uploaded(r *broker.Run) {
	checked(r)
	r.CertificateID, r.UploadedAt, r.ConnectionID = certificateID, Now().Add(-time.Minute), "con_sample"
}

func connectedFacts(r *broker.Run) {
	uploaded(r)
	r.TestedAt, r.ActivatedAt, r.GrantEndedAt, r.ConnectedAt = Now(), Now(), Now(), Now()
	r.TasksDone, r.RenewBefore = 2, time.Date(2028, time.August, 22, 0, 0, 0, 0, time.UTC)
}

func okChecks() []broker.Check {
	return []broker.Check{
		{ID: "rest", State: broker.CheckOK, Title: "REST Web Services and OAuth 2.0 are on"},
		{ID: "integration", State: broker.CheckOK, Title: "Acme Sync is approved as an integration"},
		{ID: "bundle", State: broker.CheckOK, Title: "The bundle “Acme Sync” is installed"},
		{ID: "role", State: broker.CheckOK, Title: "The role “Acme Sync” is there"},
		{ID: "permissions", State: broker.CheckOK, Title: "The role may do what is needed, and no more"},
		{ID: "holder", State: broker.CheckOK, Title: "Acme Integration holds the role “Acme Sync”"},
	}
}

// with changes single checks of the good list.
func with(changes ...broker.Check) []broker.Check {
	checks := okChecks()
	for i := range checks {
		for _, c := range changes {
			if checks[i].ID == c.ID {
				checks[i] = c
			}
		}
	}
	return checks
}

var (
	installBundle = broker.Check{
		ID: "bundle", State: broker.CheckTodo, Code: broker.CodeBundleMissing, Title: "Install the bundle “Acme Sync”", Hint: "Five minutes are normal.",
		Path: bundlePath, URL: bundlePage,
	}
	giveRole = broker.Check{
		ID: "holder", State: broker.CheckTodo, Code: broker.CodeHolder, Title: "Give the role “Acme Sync” to one user", Hint: "A user of its own is best.",
		Path: holderPath, URL: holderPage,
	}
	featureOff = broker.Check{
		ID: "rest", State: broker.CheckTodo, Code: broker.CodeFeatureOff, Title: "Turn on REST Web Services",
		Path: "Setup > Company > Enable Features > SuiteCloud", URL: "https://1234567.app.netsuite.com/app/setup/features.nl",
	}
	roleLater        = broker.Check{ID: "role", State: broker.CheckWaiting, Title: "The role of the bundle is there"}
	permissionsLater = broker.Check{ID: "permissions", State: broker.CheckWaiting, Title: "The role may do what is needed, and no more"}
	permissionsBlind = broker.Check{
		ID: "permissions", State: broker.CheckUnknown, Title: "The role may do what is needed, and no more",
		Hint: "The role that you used may not read permissions. The test at the end will tell.",
	}
	holderLater = broker.Check{ID: "holder", State: broker.CheckWaiting, Title: "One user holds the role"}
)

func calls(app string) []broker.Call {
	const host = "https://1234567.suitetalk.api.netsuite.com"
	lines := []struct {
		purpose, method, path string
		status                int
	}{
		{"exchange the consent for a token", "POST", "/services/rest/auth/oauth2/v1/token", 200},
		{"see which account this is", "POST", "/services/rest/query/v1/suiteql", 200},
		{"see whether the bundle of " + app + " is installed", "POST", "/services/rest/query/v1/suiteql", 200},
		{"find the bundle's role", "POST", "/services/rest/query/v1/suiteql", 200},
		{"see who holds the bundle's role", "POST", "/services/rest/query/v1/suiteql", 200},
		{"add the certificate", "POST", "/services/rest/auth/oauth2/v1/clients/5b0c/certificates", 0},
		{"see whether the certificate is there", "GET", "/services/rest/auth/oauth2/v1/clients/5b0c/certificates", 200},
		{"end the permission", "POST", "/services/rest/auth/oauth2/v1/revoke", 200},
	}
	var calls []broker.Call
	for i, l := range lines {
		at := Now().Add(time.Duration(i-len(lines)) * 41 * time.Second)
		calls = append(calls, broker.Call{N: int64(i + 1), At: at, Purpose: l.purpose, Method: l.method, URL: host + l.path, Status: l.status})
	}
	return calls
}
