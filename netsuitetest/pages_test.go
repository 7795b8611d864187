package netsuitetest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// enter logs the browser in to the UI of the account at a page.
func (w *world) enter(email, path string) (*browser, page) {
	w.t.Helper()
	b := w.browser()
	p := b.get(w.host("1234567", "app") + path)
	if p.step() != "login" {
		w.t.Fatalf("%s without a session: page %q, want login", path, p.step())
	}
	return b, b.submit(p, url.Values{"email": {email}, "password": {"x"}})
}

const bundlePage = "/app/bundler/bundledetails.nl?sourcecompanyid=TSTDRV1000001&domain=PRODUCTION&config=F&id=123456"

// TestPages renders every page, with and without content.
func TestPages(t *testing.T) {
	t.Parallel()
	w, k, _ := machine(t)
	empty := newWorld(t)
	for path, step := range map[string]string{
		"/app/center/card.nl":                         "home",
		"/":                                           "home",
		bundlePage:                                    "bundle",
		"/app/bundler/bundlelist.nl":                  "bundles",
		"/app/common/entity/employeelist.nl":          "employees",
		"/app/common/entity/employee.nl?id=12":        "employee",
		"/app/setup/enablefeatures.nl":                "features",
		"/app/common/integration/integrapplist.nl":    "integrations",
		"/app/setup/oauth2.0/m2msetup.nl":             "m2m",
		"/app/setup/oauth2.0/authorizedapps.nl":       "grants",
		"/app/setup/loginaudit.nl":                    "trail",
		"/app/setup/oauth2.0/m2mnew.nl":               "m2mnew",
		"/app/common/integration/newintegrapp.nl":     "newintegration",
		"/app/common/integration/integrapp.nl?id=x":   "error",
		"/app/setup/rolelist.nl":                      "roles",
		"/app/setup/role.nl?id=3":                     "rolepermissions",
		"/app/setup/role.nl?id=1000":                  "rolepermissions",
		"/app/setup/role.nl?id=99999":                 "error",
		"/app/common/entity/employee.nl?id=99999":     "error",
		"/app/common/entity/employee.nl?id=x":         "error",
		"/app/bundler/bundledetails.nl?id=1":          "error",
		strings.Replace(bundlePage, "TSTDRV", "X", 1): "error",
	} {
		for _, world := range []*world{w, empty} {
			_, p := world.enter(admin, path)
			checkPage(t, p, step)
		}
	}
	_, p := w.enter(admin, "/app/setup/oauth2.0/m2msetup.nl")
	if !strings.Contains(p.body, k.id) {
		t.Error("the certificate is not on its page")
	}
}

// checkPage is what every page promises.
func checkPage(t *testing.T, p page, step string) {
	t.Helper()
	if p.step() != step {
		t.Errorf("%s: page %q, want %q", p.url.Path, p.step(), step)
	}
	for _, want := range []string{"NetSuite emulator - not NetSuite", "Not affiliated with Oracle", `<html lang="en">`, `name="viewport"`} {
		if !strings.Contains(p.body, want) {
			t.Errorf("%s: lacks %q", p.url.Path, want)
		}
	}
	if n := strings.Count(p.body, "<h1"); n != 1 {
		t.Errorf("%s: %d h1", p.url.Path, n)
	}
	if strings.Contains(p.body, "<script") || !strings.Contains(p.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%s: scripts, or no policy: %q", p.url.Path, p.header.Get("Content-Security-Policy"))
	}
}

func TestFlowPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.account().AssignRole(sales, "administrator"); err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	p := b.get(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public)))
	checkPage(t, p, "login")
	p = b.submit(p, url.Values{"email": {sales}, "password": {"x"}})
	checkPage(t, p, "role")
	p = b.submit(p, url.Values{"role": {p.option("Administrator")}})
	checkPage(t, p, "consent")
	for _, want := range []string{"Acme Sync", "REST Web Services", "RESTlets", "Administrator", sales, "Allow", "Deny"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("consent page lacks %q", want)
		}
	}
	b = w.browser()
	checkPage(t, b.get(authorizeURL(w.host("1234567", "app"), url.Values{})), "error")
	p = b.submit(b.get(authorizeURL(w.system(), authorizeQuery(w.public))), url.Values{"email": {admin}, "password": {"x"}})
	checkPage(t, p, "login")
	if !strings.Contains(p.body, "Globex Sandbox (1234567_SB1)") {
		t.Errorf("company choice:\n%s", p.body)
	}
	css := b.get(w.host("1234567", "app") + "/emulator.css")
	if css.status != 200 || !strings.HasPrefix(css.header.Get("Content-Type"), "text/css") {
		t.Errorf("stylesheet: %d %q", css.status, css.header.Get("Content-Type"))
	}
}

func TestInstallBundleOnPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, netsuitetest.Settings{InstallDelay: 5 * time.Minute})
	b, p := w.enter(admin, bundlePage)
	if !strings.Contains(p.body, `data-bundle-state="absent"`) {
		t.Fatalf("at first:\n%s", p.body)
	}
	p = b.submit(p, url.Values{"action": {"install"}})
	if !strings.Contains(p.body, `data-bundle-state="pending"`) || w.account().InstalledBundle(123456) {
		t.Errorf("after Install:\n%s", p.body)
	}
	w.srv.Clock().Advance(5 * time.Minute)
	p = b.get(p.url.String())
	if !strings.Contains(p.body, `data-bundle-state="installed"`) || !w.account().InstalledBundle(123456) {
		t.Errorf("five minutes later:\n%s", p.body)
	}
	role, _ := w.ids(robot, acmeRole)
	for _, e := range w.account().Employees() {
		for _, r := range e.Roles {
			if r == role {
				t.Errorf("%s holds the bundle's role after installation", e.Email)
			}
		}
	}
	p = b.post(p.url.String(), url.Values{"action": {"testing"}, "script": {"customscript_acme_health"}, "deploy": {"customdeploy_acme_health"}})
	if !strings.Contains(p.body, "TESTING") {
		t.Errorf("deployment set to testing:\n%s", p.body)
	}
	p = b.post(p.url.String(), url.Values{"action": {"uninstall"}})
	if w.account().InstalledBundle(123456) {
		t.Errorf("after Uninstall:\n%s", p.body)
	}
}

func TestGiveRoleOnPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.account().InstallBundle(123456); err != nil {
		t.Fatal(err)
	}
	role, entity := w.ids(robot, acmeRole)
	b, p := w.enter(admin, "/app/common/entity/employee.nl?id=12")
	p = b.submit(p, url.Values{"role": {p.option("Acme Sync")}, "action": {"assign"}})
	holds := func() bool {
		for _, e := range w.account().Employees() {
			if e.ID == entity {
				return len(e.Roles) == 1 && e.Roles[0] == role
			}
		}
		return false
	}
	if !holds() || p.step() != "employee" {
		t.Errorf("role not given, page %q", p.step())
	}
	b.submit(p, url.Values{"action": {"remove"}})
	if holds() {
		t.Error("role not taken")
	}
	for name, form := range map[string]url.Values{
		"unknown role":   {"action": {"assign"}, "role": {"99999"}},
		"role no number": {"action": {"assign"}, "role": {"x"}},
		"unknown action": {"action": {"x"}, "role": {"3"}},
		"nothing":        {},
	} {
		if p := b.post(p.url.String(), form); p.status != 400 || p.step() != "error" {
			t.Errorf("%s: %d %q, want 400 error", name, p.status, p.step())
		}
	}
}

func TestSwitchesOnPages(t *testing.T) {
	t.Parallel()
	w, k, consent := machine(t)
	b, p := w.enter(admin, "/app/setup/enablefeatures.nl")
	b.post(p.url.String(), url.Values{"feature": {"RESTWEBSERVICES"}, "action": {"off"}})
	if w.account().Feature("RESTWEBSERVICES") {
		t.Error("feature still on")
	}
	b.post(p.url.String(), url.Values{"feature": {"RESTWEBSERVICES"}, "action": {"on"}})
	if !w.account().Feature("RESTWEBSERVICES") {
		t.Error("feature still off")
	}
	if p := b.post(p.url.String(), url.Values{"feature": {"NOPE"}, "action": {"on"}}); p.status != 400 {
		t.Errorf("unknown feature: %d, want 400", p.status)
	}
	b.submit(b.get(w.host("1234567", "app")+"/app/setup/oauth2.0/m2msetup.nl"), url.Values{})
	if got := w.account().ActiveCertificates(w.public.ClientID); got != 0 {
		t.Errorf("active certificates after Revoke on the page: %d (%s)", got, k.id)
	}
	b.submit(b.get(w.host("1234567", "app")+"/app/setup/oauth2.0/authorizedapps.nl"), url.Values{})
	if p := w.suiteQL(consent.Access, anyRow); p.status != 401 {
		t.Errorf("API after Revoke on the page: %d, want 401", p.status)
	}
	integrations := w.host("1234567", "app") + "/app/common/integration/integrapplist.nl"
	b.post(integrations, url.Values{"action": {"block"}, "client_id": {w.public.ClientID}})
	b.post(integrations, url.Values{"action": {"approval-on"}})
	if p := b.get(integrations); !strings.Contains(p.body, "Blocked") || !strings.Contains(p.body, "Integration: on") {
		t.Errorf("integration records:\n%s", p.body)
	}
	if p := b.post(integrations, url.Values{"action": {"enable"}, "client_id": {"unknown"}}); p.status != 400 {
		t.Errorf("unknown record: %d, want 400", p.status)
	}
}

// TestPagePermissions: a sales person sees no set-up page, and nobody changes anything without a session.
func TestPagePermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{
		bundlePage, "/app/bundler/bundlelist.nl", "/app/common/entity/employeelist.nl", "/app/common/entity/employee.nl?id=12",
		"/app/setup/enablefeatures.nl", "/app/common/integration/integrapplist.nl", "/app/setup/oauth2.0/m2msetup.nl", "/app/setup/loginaudit.nl",
		"/app/setup/oauth2.0/m2mnew.nl", "/app/common/integration/newintegrapp.nl", "/app/common/integration/integrapp.nl?id=12",
		"/app/setup/rolelist.nl", "/app/setup/role.nl?id=3",
	} {
		b, p := w.enter(sales, path)
		if p.status != 403 || p.step() != "error" {
			t.Errorf("%s for sales: %d %q, want 403 error", path, p.status, p.step())
		}
		for who, browser := range map[string]*browser{"sales": b, "nobody": w.browser()} {
			browser.post(w.host("1234567", "app")+path, url.Values{"action": {"install"}, "feature": {"OAUTH2"}, "role": {"3"}})
			if w.last().OK && who == "sales" {
				t.Errorf("POST %s by %s was done: %s", path, who, w.last().Rule)
			}
		}
	}
	if w.account().InstalledBundle(123456) || !w.account().Feature("OAUTH2") {
		t.Error("something was changed")
	}
	// One's own consents are for everybody.
	if _, p := w.enter(sales, "/app/setup/oauth2.0/authorizedapps.nl"); p.step() != "grants" {
		t.Errorf("authorized applications for sales: %q", p.step())
	}
}

// TestLogInReturns: after log-in the page asked for, never another site.
func TestLogInReturns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, next := range []string{
		"https://evil.example/", "//evil.example/app/", `/\evil.example`, "/app/\\evil", "javascript:alert(1)", "/_emulator/", "", "/app/\r\nLocation: x",
	} {
		b := w.browser()
		p := b.post(w.host("1234567", "app")+"/app/login/secure/enterpriselogin.nl", url.Values{"email": {admin}, "password": {"x"}, "next": {next}})
		if p.step() != "home" {
			t.Errorf("next %q: %d %s at %s", next, p.status, p.header.Get("Location"), p.url)
		}
	}
	b, p := w.enter(admin, bundlePage)
	if p.url.RequestURI() != bundlePage {
		t.Errorf("after log-in at %s, want %s", p.url.RequestURI(), bundlePage)
	}
	b.post(w.host("1234567", "app")+"/app/login/logout.nl", url.Values{})
	if p := b.get(w.host("1234567", "app") + bundlePage); p.step() != "login" {
		t.Errorf("after log-out: page %q, want login", p.step())
	}
	if p := w.browser().post(w.host("1234567", "app")+"/app/login/secure/enterpriselogin.nl", url.Values{"email": {"x"}, "password": {"x"}}); p.status != 400 {
		t.Errorf("nobody: %d, want 400", p.status)
	}
}

// TestCrossSiteForms: another site's page cannot press buttons here.
func TestCrossSiteForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, p := w.enter(admin, bundlePage)
	for _, header := range [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		for _, u := range []string{p.url.String(), w.srv.URL() + "/_emulator/clock"} {
			req, err := http.NewRequest(http.MethodPost, u, strings.NewReader("action=install"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set(header[0], header[1])
			if got := b.do(req); got.status != 403 {
				t.Errorf("%s with %s: %d, want 403", u, header[0], got.status)
			}
		}
	}
	if w.account().InstalledBundle(123456) {
		t.Error("the bundle was installed")
	}
}

// TestBadForms on pages: huge, malformed, of another type.
func TestBadForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, p := w.enter(admin, bundlePage)
	for name, tt := range map[string][2]string{
		"JSON":       {"application/json", `{"action":"install"}`},
		"huge":       {"application/x-www-form-urlencoded", "action=" + strings.Repeat("a", 100_000)},
		"bad escape": {"application/x-www-form-urlencoded", "action=%zz"},
	} {
		for _, u := range []string{p.url.String(), w.host("1234567", "app") + "/app/login/oauth2/authorize.nl", w.host("1234567", "app") + "/app/login/secure/enterpriselogin.nl"} {
			req, err := http.NewRequest(http.MethodPost, u, strings.NewReader(tt[1]))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", tt[0])
			if got := b.do(req); got.status != 400 {
				t.Errorf("%s at %s: %d, want 400", name, u, got.status)
			}
		}
	}
}
