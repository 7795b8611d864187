package netsuitetest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// TestAuthorizeErrors holds every row of the error table against the emulator: error page, or redirect with error.
func TestAuthorizeErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, netsuitetest.Settings{})
	mcp := w.add(netsuitetest.Integration{Name: "AI", CodeGrant: true, RedirectURIs: []string{callback}, Scopes: []string{"mcp"}})
	m2mOnly := w.add(netsuitetest.Integration{Name: "Machine", ClientCredentials: true, RedirectURIs: []string{callback}, Scopes: []string{"rest_webservices"}})
	noPKCE := with(authorizeQuery(w.confidential), "code_challenge", "", "code_challenge_method", "")
	for _, tt := range []struct {
		name     string
		query    url.Values
		redirect bool
		error    string
		audit    string
	}{
		{"no client", with(authorizeQuery(w.public), "client_id", ""), false, "invalid_request", "UnknownIntegration"},
		{"unknown client", with(authorizeQuery(w.public), "client_id", strings.Repeat("a", 64)), false, "unauthorized_client", "UnknownIntegration"},
		{"client given twice", url.Values{"client_id": {w.public.ClientID, w.public.ClientID}, "redirect_uri": {callback}}, false, "invalid_request", ""},
		{"no redirect URI", with(authorizeQuery(w.public), "redirect_uri", ""), false, "invalid_request", "InvalidRedirectURI"},
		{"other redirect URI", with(authorizeQuery(w.public), "redirect_uri", callback+"/"), false, "invalid_request", "InvalidRedirectURI"},
		{"redirect URI of an attacker", with(authorizeQuery(w.public), "redirect_uri", "https://evil.example/"), false, "invalid_request", "InvalidRedirectURI"},
		{"no response type", with(authorizeQuery(w.public), "response_type", ""), true, "invalid_request", ""},
		{"token response type", with(authorizeQuery(w.public), "response_type", "token"), true, "unsupported_response_type", ""},
		{"no scope", with(authorizeQuery(w.public), "scope", ""), true, "invalid_request", "ScopeMismatched"},
		{"unknown scope", with(authorizeQuery(w.public), "scope", "everything"), true, "invalid_scope", "ScopeMismatched"},
		{"scope not in the record", with(authorizeQuery(w.public), "scope", "suite_analytics"), true, "invalid_scope", "ScopeMismatched"},
		{"scopes parted by comma", with(authorizeQuery(w.public), "scope", "rest_webservices,restlets"), true, "invalid_scope", "ScopeMismatched"},
		{"scope twice", with(authorizeQuery(w.public), "scope", "restlets restlets"), true, "invalid_scope", "ScopeMismatched"},
		{"scopes parted by two spaces", with(authorizeQuery(w.public), "scope", "rest_webservices  restlets"), true, "invalid_scope", "ScopeMismatched"},
		{"no state", with(authorizeQuery(w.public), "state", ""), true, "invalid_request", "InvalidState"},
		{"state of 21", with(authorizeQuery(w.public), "state", strings.Repeat("s", 21)), true, "invalid_request", "InvalidState"},
		{"state of 1025", with(authorizeQuery(w.public), "state", strings.Repeat("s", 1025)), true, "invalid_request", "InvalidState"},
		{"state not ASCII", with(authorizeQuery(w.public), "state", goodState+"é"), true, "invalid_request", "InvalidState"},
		{"state with control character", with(authorizeQuery(w.public), "state", goodState+"\x01"), true, "invalid_request", "InvalidState"},
		{"public without PKCE", with(authorizeQuery(w.public), "code_challenge", "", "code_challenge_method", ""), true, "invalid_request", ""},
		{"mcp without PKCE", with(noPKCE, "client_id", mcp.ClientID, "scope", "mcp"), true, "invalid_request", ""},
		{"plain PKCE", with(authorizeQuery(w.public), "code_challenge_method", "plain"), true, "invalid_request", ""},
		{"PKCE without method", with(authorizeQuery(w.public), "code_challenge_method", ""), true, "invalid_request", ""},
		{"method without challenge", with(authorizeQuery(w.confidential), "code_challenge", ""), true, "invalid_request", ""},
		{"challenge too short", with(authorizeQuery(w.public), "code_challenge", "short"), true, "invalid_request", ""},
		{"challenge in the other alphabet", with(authorizeQuery(w.public), "code_challenge", strings.Repeat("+", 43)), true, "invalid_request", ""},
		{"unknown prompt", with(authorizeQuery(w.public), "prompt", "select_account"), true, "invalid_request", ""},
		{"prompt none and login", with(authorizeQuery(w.public), "prompt", "none login"), true, "invalid_request", ""},
		{"prompt none, no session", with(authorizeQuery(w.public), "prompt", "none"), true, "login_required", ""},
		{"code grant not ticked", with(authorizeQuery(w.public), "client_id", m2mOnly.ClientID), true, "unauthorized_client", "AuthorizationCodeGrantRequired"},
		{"scope given twice", url.Values{
			"client_id": {w.public.ClientID}, "redirect_uri": {callback}, "state": {goodState}, "scope": {"restlets", "rest_webservices"},
		}, true, "invalid_request", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := w.browser()
			p := b.get(authorizeURL(w.host("1234567", "app"), tt.query))
			e := w.last()
			if e.OK || e.Rule == "" || e.AuditDetail != tt.audit {
				t.Errorf("ledger: ok %v, rule %q, audit %q; want a broken rule and audit %q", e.OK, e.Rule, e.AuditDetail, tt.audit)
			}
			if !tt.redirect {
				if p.status != http.StatusBadRequest || p.step() != "error" || !strings.Contains(p.body, tt.error) {
					t.Errorf("answer: %d page %q, want 400 error page naming %s", p.status, p.step(), tt.error)
				}
				return
			}
			u, err := url.Parse(p.header.Get("Location"))
			if err != nil || p.status != http.StatusFound || !strings.HasPrefix(u.String(), callback+"?") {
				t.Fatalf("answer: %d to %q, want 302 to the redirect URI", p.status, p.header.Get("Location"))
			}
			q := u.Query()
			wantState := tt.query.Get("state")
			if tt.audit == "InvalidState" {
				wantState = ""
			}
			if q.Get("error") != tt.error || q.Get("state") != wantState || q.Has("code") || q.Has("error_description") {
				t.Errorf("redirect: %v, want error %s and state %q", q, tt.error, wantState)
			}
		})
	}
	if got := w.account().Grants(); len(got) != 0 {
		t.Errorf("grants after refusals: %v, want none", got)
	}
}

func TestRelease2027NeedsPKCE(t *testing.T) {
	t.Parallel()
	plain := func(i netsuitetest.Integration) url.Values {
		return with(authorizeQuery(i), "code_challenge", "", "code_challenge_method", "")
	}
	old := newWorld(t)
	if p := old.browser().get(authorizeURL(old.host("1234567", "app"), plain(old.confidential))); p.step() != "login" {
		t.Errorf("2026.2, confidential without PKCE: page %q, want login", p.step())
	}
	w := newWorld(t, netsuitetest.Settings{Release: "2027.1"})
	p := w.browser().get(authorizeURL(w.host("1234567", "app"), plain(w.confidential)))
	if !strings.Contains(p.header.Get("Location"), "error=invalid_request") {
		t.Errorf("2027.1, confidential without PKCE: %d %q", p.status, p.header.Get("Location"))
	}
}

func TestDeny(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	q := b.consent(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public)), admin, "", "Administrator", "deny")
	if q.Get("error") != "access_denied" || q.Get("state") != goodState || q.Has("code") || len(q) != 2 {
		t.Errorf("redirect after Deny: %v", q)
	}
	w = newWorld(t, netsuitetest.Settings{RedirectErrorExtra: true})
	q = w.browser().consent(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public)), admin, "", "Administrator", "deny")
	if q.Get("company") != "1234567" || q.Get("entity") != "-5" || q.Get("role") != "3" {
		t.Errorf("redirect after Deny with extras: %v", q)
	}
}

// TestConsentPolicies is the table of policy and prompt (H/section_162877225089), every cell of it, for people with and
// without a session, before and after the first consent. Where a log-in is
// forced, the cell says what follows it.
func TestConsentPolicies(t *testing.T) {
	t.Parallel()
	const screen, none, login = "consent", "code", "login, "
	for policy, cells := range map[string]map[string][2]string{ // by prompt: consent not given, and given before
		"Always Ask": {
			"": {screen, screen}, "none": {screen, screen}, "login": {login + screen, login + screen}, "consent": {screen, screen},
			"login consent": {login + screen, login + screen}, "consent login": {login + screen, login + screen},
		},
		"Ask First Time": {
			"": {screen, none}, "none": {screen, none}, "login": {login + screen, login + none}, "consent": {screen, screen},
			"login consent": {login + screen, login + screen}, "consent login": {login + screen, login + screen},
		},
		"Never Ask": {
			"": {none, none}, "none": {none, none}, "login": {login + none, login + none}, "consent": {none, none},
			"login consent": {login + none, login + none}, "consent login": {login + none, login + none},
		},
	} {
		for prompt, wants := range cells {
			for given, want := range wants {
				t.Run(fmt.Sprint(policy, " prompt=", prompt, " given=", given == 1), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					must(t, w.account().SetConsentPolicy(w.public.ClientID, policy))
					start := authorizeURL(w.host("1234567", "app"), with(authorizeQuery(w.public), "prompt", prompt))
					b := w.browser()
					if given == 1 {
						b.consent(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public)), admin, "", "Administrator", "allow")
					} else {
						b.submit(b.get(w.host("1234567", "app")+"/app/center/card.nl"), url.Values{"email": {admin}, "password": {"x"}})
					}
					if got := b.steps(start); got != want {
						t.Errorf("with a session: %s, want %s", got, want)
					}
					stranger := login + strings.TrimPrefix(want, login)
					if prompt == "none" {
						stranger = "login_required"
					}
					if got := w.browser().steps(start); got != stranger {
						t.Errorf("without a session: %s, want %s", got, stranger)
					}
				})
			}
		}
	}
}

// steps are the pages that an authorization shows, up to the consent page or the redirect's code or error.
func (b *browser) steps(start string) string {
	b.t.Helper()
	var steps []string
	p := b.get(start)
	for range 4 {
		switch p = b.follow(p); p.step() {
		case "login":
			steps = append(steps, "login")
			p = b.submit(p, url.Values{"email": {admin}, "password": {"x"}})
		case "":
			u, err := url.Parse(p.header.Get("Location"))
			must(b.t, err)
			if e := u.Query().Get("error"); e != "" {
				return e
			}
			return strings.Join(append(steps, "code"), ", ")
		default:
			return strings.Join(append(steps, p.step()), ", ")
		}
	}
	b.t.Fatal("the flow does not end")
	return ""
}

// TestConsentWhereUnclear: Ask First Time asks again when the role or the company was not clear.
func TestConsentWhereUnclear(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.account().SetConsentPolicy(w.public.ClientID, "Ask First Time"))
	must(t, w.account().AssignRole(sales, "administrator"))
	app := authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public))
	w.browser().consent(app, sales, "", "Administrator", "allow")
	b := w.browser()
	p := b.follow(b.submit(b.get(app), url.Values{"email": {sales}, "password": {"x"}}))
	if p.step() != "role" {
		t.Fatalf("page %q, want role", p.step())
	}
	if p = b.follow(b.submit(p, url.Values{"role": {p.option("Administrator")}})); p.step() != "consent" {
		t.Errorf("role chosen: page %q, want consent", p.step())
	}

	w.browser().consent(app, admin, "", "Administrator", "allow")
	b = w.browser()
	p = b.submit(b.get(authorizeURL(w.system(), authorizeQuery(w.public))), url.Values{"email": {admin}, "password": {"x"}})
	if p = b.follow(b.submit(p, url.Values{"company": {"1234567"}})); p.step() != "consent" {
		t.Errorf("company chosen: page %q, want consent", p.step())
	}
}

// TestConsentForNewScope: Ask First Time asks again for a set of scopes not allowed yet.
func TestConsentForNewScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.account().SetConsentPolicy(w.public.ClientID, "Ask First Time"); err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	b.consent(authorizeURL(w.host("1234567", "app"), with(authorizeQuery(w.public), "scope", "restlets")), admin, "", "Administrator", "allow")
	if p := b.get(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public))); p.step() != "consent" {
		t.Errorf("page %q, want consent", p.step())
	}
}

// TestRoleChoice: several roles that may log in are offered, others are not, and the token is bound to the choice.
func TestRoleChoice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, role := range []string{"administrator", "accountant"} {
		if err := w.account().AssignRole(sales, role); err != nil {
			t.Fatal(err)
		}
	}
	b := w.browser()
	p := b.submit(b.get(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public))), url.Values{"email": {sales}, "password": {"x"}})
	if p.step() != "role" || !strings.Contains(p.body, "Sales Person") || !strings.Contains(p.body, "Administrator") || strings.Contains(p.body, "Accountant<") {
		t.Fatalf("role page: %q\n%s", p.step(), p.body)
	}
	if bad := b.submit(p, url.Values{"role": {"1"}}); bad.status != http.StatusBadRequest {
		t.Errorf("role that may not log in: %d, want 400", bad.status)
	}
	q := w.browser().consent(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public)), sales, "", "Sales Person", "allow")
	salesRole, _ := w.ids(sales, "sales_person")
	tok := w.token(w.exchangeForm(w.public, q.Get("code")), "")
	if got := claims(t, tok.Access)["sub"]; got != "6;11" || salesRole != 6 {
		t.Errorf("sub: %v, want 6;11", got)
	}
}

func TestNoRoleMayLogIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	p := b.submit(b.get(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public))), url.Values{"email": {"accounting@globex.example"}, "password": {"x"}})
	if p.step() != "error" || w.last().AuditDetail != "EntityOrRoleDisabled" {
		t.Errorf("page %q, audit %q; want error, EntityOrRoleDisabled", p.step(), w.last().AuditDetail)
	}
}

func TestLogInRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, host := range []string{w.host("1234567", "app"), w.system()} {
		for name, fields := range map[string]url.Values{
			"nobody":         {"email": {"nobody@example.com"}, "password": {"x"}},
			"empty password": {"email": {admin}, "password": {""}},
			"inactive":       {"email": {"former@globex.example"}, "password": {"x"}},
			"no access":      {"email": {"noel@globex.example"}, "password": {"x"}},
			"no role":        {"email": {robot}, "password": {"x"}},
			"markup":         {"email": {`"><script>alert(1)</script>`}, "password": {"x"}},
			"huge":           {"email": {strings.Repeat("a", 100_000)}, "password": {"x"}},
		} {
			b := w.browser()
			p := b.submit(b.get(authorizeURL(host, authorizeQuery(w.public))), fields)
			if p.status != http.StatusBadRequest || strings.Contains(p.body, "<script>") {
				t.Errorf("%s at %s: %d page %q", name, host, p.status, p.step())
			}
		}
	}
}

// TestFlowOfAnotherBrowser: the flow's number alone is not enough to allow.
func TestFlowOfAnotherBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	p := b.submit(b.get(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public))), url.Values{"email": {admin}, "password": {"x"}})
	stranger := w.browser()
	if q := stranger.submit(p, url.Values{"action": {"allow"}}); q.status != http.StatusForbidden || q.step() != "error" {
		t.Errorf("another browser: %d %q, want 403 error", q.status, q.step())
	}
	if q := stranger.get(w.host("1234567_SB1", "app") + "/app/login/oauth2/authorize.nl?flow=" + p.url.Query().Get("flow")); q.status != http.StatusBadRequest {
		t.Errorf("another account: %d, want 400", q.status)
	}
	if q := b.submit(p, url.Values{"action": {"allow"}}); !strings.Contains(q.header.Get("Location"), "code=") {
		t.Errorf("the right browser: %d %q", q.status, q.header.Get("Location"))
	}
}

// TestAllowTwice: a double click gives one code.
func TestAllowTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	p := b.submit(b.get(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public))), url.Values{"email": {admin}, "password": {"x"}})
	var wg sync.WaitGroup
	codes := make(chan bool, 8)
	for range cap(codes) {
		wg.Go(func() {
			q := b.submit(p, url.Values{"action": {"allow"}})
			codes <- strings.Contains(q.header.Get("Location"), "code=")
		})
	}
	wg.Wait()
	close(codes)
	got := 0
	for c := range codes {
		if c {
			got++
		}
	}
	if got != 1 {
		t.Errorf("%d codes, want 1", got)
	}
}

// TestApproval: a record Waiting for Approval is blocked from the stage that the setting names.
func TestApproval(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{"authorize", "token", "api"} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, netsuitetest.Settings{ApprovalBlocks: stage})
			w.account().RequireApproval(true)
			start := authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public))
			b := w.browser()
			p := b.submit(b.get(start), url.Values{"email": {admin}, "password": {"x"}})
			if stage == "authorize" {
				if p.step() != "error" || !strings.Contains(p.body, "IntegrationBlocked") || w.last().AuditDetail != "IntegrationBlocked" {
					t.Fatalf("page %q:\n%s", p.step(), p.body)
				}
				if again := w.browser().get(start); again.step() != "error" {
					t.Errorf("second visit: page %q, want error", again.step())
				}
				approve(t, w)
				w.login(w.public)
				return
			}
			q, _ := url.Parse(b.submit(p, url.Values{"action": {"allow"}}).header.Get("Location"))
			tok := w.token(w.exchangeForm(w.public, q.Query().Get("code")), "")
			if stage == "token" {
				if tok.status != http.StatusBadRequest || tok.Error != "unauthorized_client" {
					t.Fatalf("exchange: %d %q, want 400 unauthorized_client", tok.status, tok.Error)
				}
				approve(t, w)
				w.login(w.public)
				return
			}
			if r := w.suiteQL(tok.Access, "SELECT id FROM customer"); r.status != http.StatusUnauthorized || w.last().AuditDetail != "IntegrationBlocked" {
				t.Errorf("API while waiting: %d, audit %q", r.status, w.last().AuditDetail)
			}
			approve(t, w)
			if r := w.suiteQL(tok.Access, "SELECT id FROM customer"); r.status != http.StatusOK {
				t.Errorf("API after approval: %d %s", r.status, r.body)
			}
		})
	}
}

// approve enables the record on the page of integration records, as an administrator does.
func approve(t *testing.T, w *world) {
	t.Helper()
	b := w.browser()
	url0 := w.host("1234567", "app") + "/app/common/integration/integrapplist.nl"
	p := b.submit(b.get(url0), url.Values{"email": {admin}, "password": {"x"}})
	if !strings.Contains(p.body, "Waiting for Approval") {
		t.Fatalf("no record waits:\n%s", p.body)
	}
	if p = b.submit(p, url.Values{"action": {"enable"}}); strings.Contains(p.body, "Waiting for Approval") {
		t.Fatalf("still waiting:\n%s", p.body)
	}
}

func TestBlockedIntegration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tok := w.login(w.public)
	if err := w.account().BlockIntegration(w.public.ClientID); err != nil {
		t.Fatal(err)
	}
	if p := w.browser().get(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public))); p.step() != "error" {
		t.Errorf("authorize: page %q, want error", p.step())
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok.Refresh}, "client_id": {w.public.ClientID}}
	if got := w.token(form, ""); got.Error != "unauthorized_client" {
		t.Errorf("refresh: %d %q, want unauthorized_client", got.status, got.Error)
	}
	if p := w.suiteQL(tok.Access, "SELECT 1 AS a FROM dual"); p.status != http.StatusUnauthorized {
		t.Errorf("API: %d, want 401", p.status)
	}
}

func TestFeatureOAuth2Off(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tok := w.login(w.public)
	if err := w.account().SetFeature("OAUTH2", false); err != nil {
		t.Fatal(err)
	}
	if p := w.browser().get(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public))); p.step() != "error" {
		t.Errorf("authorize: page %q, want error", p.step())
	}
	if p := w.suiteQL(tok.Access, "SELECT 1 AS a FROM dual"); p.status != http.StatusUnauthorized {
		t.Errorf("API: %d, want 401", p.status)
	}
	if got := w.m2m("a.b.c"); got.Error != "unauthorized_client" {
		t.Errorf("client credentials: %d %q, want unauthorized_client", got.status, got.Error)
	}
}

// TestUnfinishedFlowEnds: a log-in page that lay open too long is over.
func TestUnfinishedFlowEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	p := b.get(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public)))
	w.srv.Clock().Advance(2 * time.Hour)
	if p = b.submit(p, url.Values{"email": {admin}, "password": {"x"}}); p.status != http.StatusBadRequest {
		t.Errorf("after two hours: %d, want 400", p.status)
	}
}
