package netsuitetest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// TestAdminFace does from outside what the Go methods do.
func TestAdminFace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	face := w.srv.URL() + "/_emulator/"
	post := func(path string, body any, want int) page {
		t.Helper()
		p := w.call(http.MethodPost, face+path, "", body)
		if p.status != want {
			t.Errorf("POST %s %v: %d %s, want %d", path, body, p.status, p.body, want)
		}
		return p
	}
	if p := w.call(http.MethodGet, face+"healthz", "", nil); p.status != 200 || !strings.Contains(p.body, `"ok":true`) {
		t.Errorf("healthz: %d %s", p.status, p.body)
	}
	type m = map[string]any
	before := w.srv.Clock().Now()
	post("clock", m{"advance": "2h"}, 200)
	if got := w.srv.Clock().Now().Sub(before); got < 2*time.Hour {
		t.Errorf("clock moved by %s, want 2h", got)
	}
	post("clock", m{"set": "2027-01-01T00:00:00Z"}, 200)
	if got := w.srv.Clock().Now(); got.Year() != 2027 {
		t.Errorf("clock at %s", got)
	}
	for _, bad := range []any{m{}, m{"advance": "soon"}, m{"advance": "2h", "set": "2027-01-01T00:00:00Z"}, m{"x": 1}, "x", ""} {
		post("clock", bad, 400)
	}

	account := "accounts/1234567/"
	post(account+"bundles", m{"id": 123456}, 200)
	post(account+"bundles", m{"id": 1}, 400)
	post(account+"roles", m{"employee": robot, "role": acmeRole}, 200)
	post(account+"roles", m{"employee": "x", "role": acmeRole}, 400)
	post(account+"roles", m{"employee": robot, "role": "x"}, 400)
	post(account+"deployments", m{"script": "customscript_acme_health", "deploy": "customdeploy_acme_health", "status": "TESTING"}, 200)
	post(account+"features", m{"name": "RESTWEBSERVICES", "on": false}, 200)
	post(account+"features", m{"name": "X", "on": false}, 400)
	post(account+"require-approval", m{"on": true}, 200)
	post(account+"block", m{"client_id": w.public.ClientID}, 200)
	post(account+"approve", m{"client_id": w.public.ClientID}, 200)
	post(account+"approve", m{"client_id": "x"}, 400)
	post(account+"foreign-certificates", m{"client_id": w.public.ClientID, "count": 2}, 200)
	post(account+"foreign-certificates", m{"client_id": "x", "count": 2}, 400)
	post("accounts/nobody/refresh", m{}, 404)
	if w.account().Feature("RESTWEBSERVICES") || w.account().ActiveCertificates(w.public.ClientID) != 2 {
		t.Error("knobs did not work")
	}
	w.login(w.public)
	var grants []netsuitetest.Grant
	if p := w.call(http.MethodGet, face+account+"grants.json", "", nil); json.Unmarshal([]byte(p.body), &grants) != nil || len(grants) != 1 || grants[0].State != "live" {
		t.Errorf("grants.json: %s", p.body)
	}
	var certificates []netsuitetest.Certificate
	if p := w.call(http.MethodGet, face+account+"certificates.json", "", nil); json.Unmarshal([]byte(p.body), &certificates) != nil || len(certificates) != 2 {
		t.Errorf("certificates.json: %s", p.body)
	}
	var trail []netsuitetest.AuditLine
	if p := w.call(http.MethodGet, face+account+"trail.json", "", nil); json.Unmarshal([]byte(p.body), &trail) != nil || len(trail) == 0 {
		t.Errorf("trail.json: %s", p.body)
	}
	post(account+"refresh", m{}, 200)
	if got := w.account().Certificates(); len(got) != 0 {
		t.Errorf("after the sandbox refresh: %v", got)
	}
	post(account+"override", m{"api": "7654321"}, 200)
	p := post("integrations", m{"Name": "New", "CodeGrant": true, "RedirectURIs": []string{callback}, "Scopes": []string{"restlets"}}, 200)
	var added netsuitetest.Integration
	if err := json.Unmarshal([]byte(p.body), &added); err != nil || len(added.ClientID) != 64 || len(added.ClientSecret) != 64 {
		t.Errorf("integration: %s", p.body)
	}
	post("integrations", m{"Name": "Bad", "CodeGrant": true, "RedirectURIs": []string{"http://x/"}, "Scopes": []string{"restlets"}}, 400)
	if p := w.call(http.MethodPost, face+"clock", "", `{"advance":"1h"}`, "Content-Type", "text/plain"); p.status != 400 {
		t.Errorf("text/plain: %d, want 400", p.status)
	}
	// The face lives on the bare address only.
	if p := w.call(http.MethodGet, w.host("1234567", "app")+"/_emulator/ledger.json", "", nil); p.status != 404 {
		t.Errorf("on an account's host: %d, want 404", p.status)
	}
}

func TestAdminFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	face := w.srv.URL() + "/_emulator/faults"
	type m = map[string]any
	for _, bad := range []m{{}, {"kind": "block"}, {"kind": "x"}, {"kind": "status"}, {"kind": "status", "status": 1000}, {"kind": "delay", "delay_ms": -1}, {"kind": "delay", "times": -1}} {
		if p := w.call(http.MethodPost, face, "", bad); p.status != 400 {
			t.Errorf("%v: %d, want 400", bad, p.status)
		}
	}
	if p := w.call(http.MethodPost, face, "", m{"kind": "status", "status": 429, "body": "slow", "retry_after": "3", "path": "/keys", "method": "GET", "account": "1234567", "times": 1}); p.status != 200 {
		t.Fatalf("fault: %d %s", p.status, p.body)
	}
	keys := func(account string) page {
		return w.call(http.MethodGet, w.host(account, "suitetalk")+authPath+"/keys", "", nil)
	}
	if p := keys("1234567_SB1"); p.status != 200 {
		t.Errorf("other account: %d, want 200", p.status)
	}
	if p := keys("1234567"); p.status != 429 || p.header.Get("Retry-After") != "3" || p.body != "slow" {
		t.Errorf("fault: %d %q %q", p.status, p.header.Get("Retry-After"), p.body)
	}
	if p := keys("1234567"); p.status != 200 {
		t.Errorf("once only: %d, want 200", p.status)
	}
	w.call(http.MethodPost, face, "", m{"kind": "status", "status": 503})
	if p := keys("1234567"); p.status != 503 {
		t.Errorf("until removed: %d, want 503", p.status)
	}
	if p := w.call(http.MethodDelete, face, "", nil); p.status != 200 {
		t.Errorf("the face itself meets no fault: %d, want 200", p.status)
	}
	if p := keys("1234567"); p.status != 200 {
		t.Errorf("removed: %d, want 200", p.status)
	}
}

func TestAdminPages(t *testing.T) {
	t.Parallel()
	w, _, _ := machine(t)
	b := w.browser()
	p := b.get(w.srv.URL() + "/")
	checkPage(t, p, "index")
	if !strings.Contains(p.body, w.host("1234567", "app")) {
		t.Error("the index does not link the accounts")
	}
	w.m2m("a.b.c")
	p = b.get(w.srv.URL() + "/_emulator/ledger?account=1234567&ok=false")
	checkPage(t, p, "ledger")
	if !strings.Contains(p.body, "client assertion") || strings.Contains(p.body, `class="ok"`) {
		t.Errorf("the ledger's page, broken rules only:\n%s", p.body)
	}
	var entries []netsuitetest.Entry
	q := w.call(http.MethodGet, w.srv.URL()+"/_emulator/ledger.json?path=/token&ok=true", "", nil)
	if err := json.Unmarshal([]byte(q.body), &entries); err != nil || len(entries) != 1 || entries[0].GrantType != "authorization_code" {
		t.Errorf("ledger.json: %d %s", q.status, q.body)
	}
	if q := w.call(http.MethodGet, w.srv.URL()+"/_emulator/ledger.json?path=nowhere", "", nil); q.body != "[]" {
		t.Errorf("ledger.json, nothing found: %q", q.body)
	}
}

// TestLedgerHoldsNoSecrets looks for every secret of a whole run in the ledger and in the log.
func TestLedgerHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	log := &safeBuffer{}
	srv := netsuitetest.Start(t, netsuitetest.Config{Accounts: smallAccounts(), Logger: log.logger()})
	w := &world{t: t, srv: srv}
	w.public = w.add(netsuitetest.Integration{Name: "Acme", CodeGrant: true, ClientCredentials: true, Public: true, RedirectURIs: []string{callback}, Scopes: []string{"rest_webservices", "restlets"}})
	w.confidential = w.add(netsuitetest.Integration{Name: "Portal", CodeGrant: true, RedirectURIs: []string{callback}, Scopes: []string{"rest_webservices", "restlets"}})
	w.robotReady()
	code := w.code(w.public)
	tok := w.token(w.exchangeForm(w.public, code), "")
	again := w.token(refreshForm(w.public, tok.Refresh), "")
	other := w.login(w.confidential)
	k := w.newKey()
	w.mapped(again.Access, k)
	assertion := w.assertion(k).sign(t, k.private)
	machine := w.m2m(assertion)
	w.suiteQL(machine.Access, anyRow)
	w.form(w.host("1234567", "suitetalk"), authPath+"/revoke", url.Values{"token": {again.Refresh}, "client_id": {w.public.ClientID}}, "")
	w.token(with(w.exchangeForm(w.confidential, "x"), "client_secret", w.confidential.ClientSecret), "")
	w.call(http.MethodGet, w.host("1234567", "suitetalk")+"/services/rest/system/v1/serverTime?access_token="+machine.Access, "", nil)
	_, page := w.enter(admin, bundlePage)
	_ = page

	raw, err := json.Marshal(srv.Ledger().Entries())
	if err != nil {
		t.Fatal(err)
	}
	seen := string(raw) + log.String()
	if len(log.String()) < 1000 {
		t.Error("the log is empty")
	}
	for name, secret := range map[string]string{
		"code": code, "verifier": goodVerifier, "state": goodState, "access token": tok.Access, "refresh token": tok.Refresh, "second refresh token": again.Refresh,
		"confidential's access token": other.Access, "client secret": w.confidential.ClientSecret, "assertion": assertion, "machine token": machine.Access,
		"certificate": k.pem[30:90],
	} {
		if strings.Contains(seen, secret) {
			t.Errorf("%s stands in the ledger or the log", name)
		}
	}
}
