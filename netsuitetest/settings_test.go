package netsuitetest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// This file holds the settings that no other test turns.

func TestPromptSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, netsuitetest.Settings{PromptNoneError: "interaction_required", NeverAskConsentScreen: true})
	start := func(prompt string) string {
		return authorizeURL(w.host("1234567", "app"), with(authorizeQuery(w.public), "prompt", prompt))
	}
	if p := w.browser().get(start("none")); !strings.Contains(p.header.Get("Location"), "error=interaction_required") {
		t.Errorf("prompt=none: %q", p.header.Get("Location"))
	}
	if err := w.account().SetConsentPolicy(w.public.ClientID, "Never Ask"); err != nil {
		t.Fatal(err)
	}
	b, _ := w.enter(admin, "/app/center/card.nl")
	if p := b.get(start("consent")); p.step() != "consent" {
		t.Errorf("Never Ask with prompt=consent: page %q, want consent", p.step())
	}
	if err := w.account().SetConsentPolicy(w.public.ClientID, "Sometimes"); err == nil {
		t.Error("an unknown policy was taken")
	}
	if err := w.account().SetConsentPolicy("x", "Never Ask"); err == nil {
		t.Error("an unknown record was taken")
	}
}

// TestNoScreenTakesTheSessionsRole: where nothing is asked, a user of several roles acts in the one of the session.
func TestNoScreenTakesTheSessionsRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.account().AssignRole(sales, "administrator"); err != nil {
		t.Fatal(err)
	}
	if err := w.account().SetConsentPolicy(w.public.ClientID, "Never Ask"); err != nil {
		t.Fatal(err)
	}
	b, _ := w.enter(sales, "/app/center/card.nl")
	p := b.get(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public)))
	u, err := url.Parse(p.header.Get("Location"))
	if err != nil || u.Query().Get("role") != "3" || u.Query().Get("code") == "" {
		t.Errorf("redirect: %d %q, want role 3 and a code", p.status, p.header.Get("Location"))
	}
}

func TestBase64URLRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, netsuitetest.Settings{RefuseBase64URL: true})
	if got := w.token(w.exchangeForm(w.confidential, w.code(w.confidential)), basicOf(w.confidential)); got.status != 200 {
		t.Errorf("standard alphabet: %d %q", got.status, got.Error)
	}
	req, err := http.NewRequest(http.MethodPost, w.tokenURL(), strings.NewReader(refreshForm(w.confidential, "x").Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Basic Pz8_Pz8_Og==") // the URL alphabet's form of "??????:"
	if got := w.tokens(req); got.status != 401 || !strings.Contains(w.last().Rule, "base64") {
		t.Errorf("URL alphabet: %d, rule %q", got.status, w.last().Rule)
	}
}

func TestCertificateStatuses(t *testing.T) {
	t.Parallel()
	w, k, consent := machine(t, netsuitetest.Settings{CertLimitStatus: 409, CertDuplicateStatus: 422, CertExpiredCounts: true})
	role, entity := w.ids(robot, acmeRole)
	put := func(pem string) int {
		return w.call(http.MethodPost, w.certificatesURL(w.public), consent.Access, upload{pem, role, entity}).status
	}
	if got := put(k.pem); got != 422 {
		t.Errorf("used before: %d, want 422", got)
	}
	if err := w.account().AddForeignCertificates(w.public.ClientID, 4); err != nil {
		t.Fatal(err)
	}
	if got := put(w.newKey().pem); got != 409 {
		t.Errorf("sixth: %d, want 409", got)
	}
	w.srv.Clock().Advance(400 * 24 * time.Hour)
	if err := w.account().AddForeignCertificates(w.public.ClientID, 1); err == nil {
		t.Error("expired certificates did not count")
	}
}

func TestKeyLifeAndSkew(t *testing.T) {
	t.Parallel()
	w, k, _ := machine(t, netsuitetest.Settings{KeyLife: time.Hour, KeyOverlap: time.Minute, AssertionSkew: time.Second})
	now := w.srv.Clock().Now().Unix()
	if got := w.m2m(w.assertion(k).with("claims", "iat", now+60).with("claims", "exp", now+120).sign(t, k.private)); got.Error != "invalid_request" {
		t.Errorf("a minute ahead: %q, want invalid_request", got.Error)
	}
	keys := func() string {
		return w.call(http.MethodGet, w.host("1234567", "suitetalk")+authPath+"/keys", "", nil).body
	}
	first := keys()
	w.srv.Clock().Advance(time.Hour)
	if got := strings.Count(keys(), `"kid"`); got != 2 {
		t.Errorf("after an hour: %d keys, want 2", got)
	}
	w.srv.Clock().Advance(time.Minute)
	if got := keys(); strings.Count(got, `"kid"`) != 1 || got == first {
		t.Errorf("a minute later: %s", got)
	}
}

// TestRefusedExchangeKeepsTheCode: an entity switched off for a moment does not cost the code.
func TestRefusedExchangeKeepsTheCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := w.exchangeForm(w.public, w.code(w.public))
	if err := w.account().SetEmployeeInactive(admin, true); err != nil {
		t.Fatal(err)
	}
	if got := w.token(form, ""); got.Error != "invalid_grant" || w.last().AuditDetail != "EntityOrRoleDisabled" {
		t.Errorf("%q audit %q", got.Error, w.last().AuditDetail)
	}
	if len(w.account().Grants()) != 0 {
		t.Error("a grant was made")
	}
	if err := w.account().SetEmployeeInactive(admin, false); err != nil {
		t.Fatal(err)
	}
	if got := w.token(form, ""); got.status != 200 {
		t.Errorf("afterwards: %d %q", got.status, got.Error)
	}
}

// TestPeople: the methods that change people name who is missing.
func TestPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.account()
	id, err := a.AddEmployee(netsuitetest.Employee{EntityID: "Nina New", First: "Nina", Last: "New", Email: "nina@globex.example", GiveAccess: true})
	if err != nil || id == 0 {
		t.Fatalf("add: %d %v", id, err)
	}
	if err := a.AssignRole("nina@globex.example", "sales_person"); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"role":         a.SetRoleInactive("x", true),
		"employee":     a.SetEmployeeInactive("x", true),
		"unassign":     a.UnassignRole("x", "sales_person"),
		"feature":      a.SetFeature("x", true),
		"bundle":       a.InstallBundle(1),
		"certificate":  a.RevokeCertificate("x"),
		"integration":  a.ApproveIntegration("x"),
		"certificates": a.AddForeignCertificates("x", 1),
	} {
		if err == nil {
			t.Errorf("%s: no error for something unknown", name)
		}
	}
	if a.ID() != "1234567" || a.Name() != "Globex" || len(w.srv.Accounts()) != 3 || w.srv.Account("1234567-sb1") == nil || w.srv.Account("x") != nil {
		t.Error("accounts are not found by their IDs")
	}
}
