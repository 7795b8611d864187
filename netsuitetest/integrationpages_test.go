package netsuitetest_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/netsuitetest"
)

const (
	integrationList = "/app/common/integration/integrapplist.nl"
	newIntegration  = "/app/common/integration/newintegrapp.nl"
)

var (
	wrongField = regexp.MustCompile(`class="problem" role="alert"><p><strong>[^<]*</strong> <a href="#([a-z_0-9]+)"`)
	codeText   = regexp.MustCompile(`<dt>([^<]+)</dt><dd><code>([0-9a-f]{64})</code>`)
)

// wrongAt is the field to which the page's complaint leads.
func (p page) wrongAt() string {
	if m := wrongField.FindStringSubmatch(p.body); m != nil {
		return m[1]
	}
	return ""
}

// hostile is text that must never reach a page as markup.
const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`

// checkHarmless looks for the hostile text, unescaped.
func checkHarmless(t *testing.T, p page) {
	t.Helper()
	for _, markup := range []string{"<script>alert", "<img src=x", `"'>`} {
		if strings.Contains(p.body, markup) {
			t.Errorf("%s: %q stands in the page as markup", p.url.Path, markup)
		}
	}
}

func goodIntegration() url.Values {
	return url.Values{
		"name": {"Nightly export"}, "code_grant": {"T"}, "scope": {"rest_webservices", "restlets"}, "refresh": {"48"}, "rotation": {"168"},
		"redirect": {callback + "\r\nexport://back\r\n"}, "policy": {"Ask First Time"},
	}
}

// TestCreateIntegration: the form makes a record of this account, shows its credentials once, and they work.
func TestCreateIntegration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, p := w.enter(admin, newIntegration)
	p = b.post(p.url.String(), goodIntegration())
	checkPage(t, p, "integration")
	shown := map[string]string{}
	for _, m := range codeText.FindAllStringSubmatch(p.body, -1) {
		shown[m[1]] = m[2]
	}
	secret := shown["Client secret"]
	if shown["Client ID"] == "" || secret == "" || p.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("credentials %v, Cache-Control %q:\n%s", shown, p.header.Get("Cache-Control"), p.body)
	}
	i := netsuitetest.Integration{ClientID: shown["Client ID"], ClientSecret: secret}
	if tok := w.login(i); tok.status != 200 {
		t.Errorf("log-in with the new record: %d %s", tok.status, tok.Error)
	}
	list := b.get(w.host("1234567", "app") + integrationList)
	if !strings.Contains(list.body, "Nightly export") || !strings.Contains(list.body, "Ask First Time") {
		t.Errorf("the record is not listed:\n%s", list.body)
	}
	again := b.get(w.host("1234567", "app") + "/app/common/integration/integrapp.nl?id=12")
	checkPage(t, again, "integration")
	if strings.Contains(again.body, secret) || !strings.Contains(again.body, "export://back") {
		t.Errorf("the record's page a second time:\n%s", again.body)
	}
	if strings.Contains(b.get(w.host("1234567_SB1", "app")+integrationList).body, "Nightly export") {
		t.Error("another account lists the record before its first use there")
	}
}

func TestCreateIntegrationRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, p := w.enter(admin, newIntegration)
	for _, tt := range []struct {
		name  string
		form  url.Values
		field string
	}{
		{"nothing", url.Values{}, "name"},
		{"no name", with(goodIntegration(), "name", ""), "name"},
		{"blank name", with(goodIntegration(), "name", "  "), "name"},
		{"huge name", with(goodIntegration(), "name", strings.Repeat("n", 10_000)), "name"},
		{"no grant", with(goodIntegration(), "code_grant", ""), "grants"},
		{"no scope", with(goodIntegration(), "scope", ""), "scope"},
		{"unknown scope", with(goodIntegration(), "scope", "everything"), "scope"},
		{"mcp with another", url.Values{"name": {"x"}, "code_grant": {"T"}, "scope": {"mcp", "restlets"}, "redirect": {callback}}, "scope"},
		{"http", with(goodIntegration(), "redirect", "http://localhost:3000/"), "redirect"},
		{"javascript", with(goodIntegration(), "redirect", "javascript:alert(1)"), "redirect"},
		{"no redirect URI", with(goodIntegration(), "redirect", ""), "redirect"},
		{"one bad of two", with(goodIntegration(), "redirect", callback+"\nnothing"), "redirect"},
		{"public without code grant", with(goodIntegration(), "code_grant", "", "m2m", "T", "public", "T"), "public"},
		{"no hours", with(goodIntegration(), "refresh", "0"), "refresh"},
		{"hours in words", with(goodIntegration(), "refresh", "two"), "refresh"},
		{"too many hours", with(goodIntegration(), "rotation", "721"), "rotation"},
		{"huge hours", with(goodIntegration(), "rotation", strings.Repeat("9", 40)), "rotation"},
		{"unknown policy", with(goodIntegration(), "policy", "Whenever"), "policy"},
		{"hostile", with(goodIntegration(), "name", hostile, "redirect", hostile, "policy", hostile, "refresh", "1"), "policy"},
	} {
		got := b.post(p.url.String(), tt.form)
		checkHarmless(t, got)
		if got.status != 400 || got.step() != "newintegration" || got.wrongAt() != tt.field || w.last().OK {
			t.Errorf("%s: %d %q, complaint at %q, want 400 and %q; ledger %q", tt.name, got.status, got.step(), got.wrongAt(), tt.field, w.last().Rule)
		}
	}
	if got := b.post(p.url.String(), with(goodIntegration(), "name", strings.Repeat("n", 100_000))); got.status != 400 || got.step() != "error" {
		t.Errorf("form of 100 KB: %d %q, want 400 error", got.status, got.step())
	}
	if p := b.get(w.host("1234567", "app") + integrationList); !strings.Contains(p.body, "No integration record is here yet") {
		t.Errorf("something was made:\n%s", p.body)
	}
	hostileName := with(goodIntegration(), "name", hostile)
	checkHarmless(t, b.post(p.url.String(), hostileName))
	for _, path := range []string{integrationList, "/app/common/integration/integrapp.nl?id=12", "/app/setup/oauth2.0/m2mnew.nl"} {
		checkHarmless(t, b.get(w.host("1234567", "app")+path))
	}
}

// TestIntegrationPage: state and consent policy are the account's own.
func TestIntegrationPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account().RequireApproval(true)
	b, p := w.enter(admin, "/app/setup/oauth2.0/authorizedapps.nl")
	b.get(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public)))
	record := w.host("1234567", "app") + "/app/common/integration/integrapp.nl?id=12"
	p = b.get(record)
	if !strings.Contains(p.body, "Waiting for Approval") || !strings.Contains(p.body, ">Approve<") {
		t.Fatalf("a record of another account at its first use:\n%s", p.body)
	}
	if p = b.post(record, url.Values{"action": {"enable"}}); strings.Contains(p.body, "Waiting") || !strings.Contains(p.body, ">Block<") {
		t.Errorf("after Approve:\n%s", p.body)
	}
	if p = b.post(record, url.Values{"action": {"block"}}); !strings.Contains(p.body, ">Enable<") {
		t.Errorf("after Block:\n%s", p.body)
	}
	if tok := w.token(w.exchangeForm(w.public, "x"), ""); tok.Error != "unauthorized_client" && tok.Error != "invalid_grant" {
		t.Errorf("blocked record at the token endpoint: %s", tok.Error)
	}
	if p = b.post(record, url.Values{"action": {"policy"}, "policy": {"Never Ask"}}); !strings.Contains(p.body, "<option selected>Never Ask") {
		t.Errorf("after the new policy:\n%s", p.body)
	}
	for name, form := range map[string]url.Values{
		"nothing": {}, "unknown action": {"action": {"delete"}}, "unknown policy": {"action": {"policy"}, "policy": {hostile}}, "no policy": {"action": {"policy"}},
	} {
		got := b.post(record, form)
		checkHarmless(t, got)
		if got.status != 400 || got.step() != "error" {
			t.Errorf("%s: %d %q, want 400 error", name, got.status, got.step())
		}
	}
	for _, id := range []string{"999", "x", "-1", "", strings.Repeat("9", 50)} {
		address := w.host("1234567", "app") + "/app/common/integration/integrapp.nl?id=" + id
		if got := b.get(address); got.status != 404 {
			t.Errorf("record %q: %d, want 404", id, got.status)
		}
		if got := b.post(address, url.Values{"action": {"enable"}}); got.status != 400 {
			t.Errorf("change of record %q: %d, want 400", id, got.status)
		}
	}
}

// TestCertificateLinks: the links in the certificate list lead to pages.
func TestCertificateLinks(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	c := w.list(consent.Access)[0]
	b, _ := w.enter(admin, "/app/center/card.nl")
	for link, step := range map[string]string{c.Application.URL: "integration", c.Entity.URL: "employee", c.Role.URL: "rolepermissions"} {
		checkPage(t, b.get(link), step)
	}
}
