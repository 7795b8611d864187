package netsuitetest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/netsuitetest"
)

// TestOnboarding is the main road: consent, certificate, machine token, SuiteQL, rotation by itself, revoke.
func TestOnboarding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	role, entity := w.robotReady()
	consent := w.login(w.public)
	k := w.newKey()
	w.mapped(consent.Access, k)

	machine := w.m2m(w.assertion(k).sign(t, k.private))
	if machine.status != http.StatusOK || machine.Access == "" || machine.Refresh != "" || machine.Type != "bearer" || machine.Expires != "3600" {
		t.Fatalf("machine token: %d %+v", machine.status, machine)
	}
	e := w.last()
	if !e.OK || e.GrantType != "client_credentials" || e.CertificateID != k.id || e.Role != role || e.Entity != entity || e.ClientID != w.public.ClientID || e.TokenID == "" {
		t.Errorf("ledger entry of the machine token: %+v", e)
	}

	p := w.suiteQL(machine.Access, "SELECT id FROM customer ORDER BY id FETCH FIRST 3 ROWS ONLY")
	var rows struct {
		Items []map[string]any `json:"items"`
	}
	if err := json.Unmarshal([]byte(p.body), &rows); err != nil || p.status != http.StatusOK || len(rows.Items) != 3 {
		t.Fatalf("SuiteQL: %d %s", p.status, p.body)
	}

	// The machine rotates itself: upload, test, revoke the old one, with its own token.
	next := w.newKey()
	if p := w.call(http.MethodPost, w.certificatesURL(w.public), machine.Access, upload{next.pem, role, entity}); p.status != http.StatusOK {
		t.Fatalf("upload by the machine: %d %s", p.status, p.body)
	}
	if tok := w.m2m(w.assertion(next).sign(t, next.private)); tok.status != http.StatusOK {
		t.Fatalf("token with the new key: %d %+v", tok.status, tok)
	}
	if p := w.call(http.MethodPost, w.certificatesURL(w.public)+"/"+k.id+"/revoke", machine.Access, nil); p.status != http.StatusOK {
		t.Fatalf("revoke by the machine: %d %s", p.status, p.body)
	}
	if tok := w.m2m(w.assertion(k).sign(t, k.private)); tok.status != http.StatusBadRequest || tok.Error != "invalid_grant" {
		t.Errorf("token with the revoked certificate: %d %q, want 400 invalid_grant", tok.status, tok.Error)
	}
	if got := w.account().ActiveCertificates(w.public.ClientID); got != 1 {
		t.Errorf("active certificates: %d, want 1", got)
	}

	form := url.Values{"token": {consent.Refresh}, "client_id": {w.public.ClientID}}
	if tok := w.form(w.host("1234567", "suitetalk"), authPath+"/revoke", form, ""); tok.status != http.StatusOK {
		t.Fatalf("revoke of the consent: %d %+v", tok.status, tok)
	}
	for _, g := range w.account().Grants() {
		if g.State != "revoked" {
			t.Errorf("grant %s is %s, want revoked", g.ID, g.State)
		}
	}
	if p := w.suiteQL(consent.Access, "SELECT id FROM customer"); p.status != http.StatusUnauthorized {
		t.Errorf("SuiteQL with a token of the revoked consent: %d, want 401", p.status)
	}
}

func TestCodeFlowAnswer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		settings netsuitetest.Settings
		expires  any
		typ      string
		scope    string
		order    string
	}{
		{"defaults", netsuitetest.Settings{}, "3600", "bearer", "", "state role entity company code"},
		{"alternatives", netsuitetest.Settings{
			ExpiresInNumber: true, TokenTypeBearer: true, ScopeInResponse: true, ServerAlgorithm: "PS256",
			RedirectParamOrder: []string{"code", "company", "entity", "role", "state"},
		}, 3600.0, "Bearer", "rest_webservices restlets", "code company entity role state"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.settings)
			b := w.browser()
			p := b.get(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.confidential)))
			p = b.submit(p, url.Values{"email": {admin}, "password": {"x"}})
			p = b.submit(p, url.Values{"action": {"allow"}})
			if p.status != http.StatusSeeOther {
				t.Fatalf("after Allow: %d %s", p.status, p.body)
			}
			_, query, _ := strings.Cut(p.header.Get("Location"), "?")
			var order []string
			for pair := range strings.SplitSeq(query, "&") {
				name, _, _ := strings.Cut(pair, "=")
				order = append(order, name)
			}
			if got := strings.Join(order, " "); got != tt.order {
				t.Errorf("redirect parameters: %s, want %s", got, tt.order)
			}
			q, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			if q.Get("state") != goodState || q.Get("role") != "3" || q.Get("entity") != "-5" || q.Get("company") != "1234567" || len(q.Get("code")) != 64 {
				t.Errorf("redirect parameters: %v", q)
			}
			tok := w.token(w.exchangeForm(w.confidential, q.Get("code")), basicOf(w.confidential))
			if tok.Expires != tt.expires || tok.Type != tt.typ || tok.Scope != tt.scope {
				t.Errorf("answer: expires_in %v, token_type %q, scope %q; want %v, %q, %q", tok.Expires, tok.Type, tok.Scope, tt.expires, tt.typ, tt.scope)
			}
			if tok.header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control: %q, want no-store", tok.header.Get("Cache-Control"))
			}
			c := claims(t, tok.Access)
			aud, _ := c["aud"].([]any)
			if c["sub"] != "3;-5" || c["iss"] != "https://system.netsuite.com" || len(aud) != 2 || aud[0] != w.confidential.ApplicationID+";1234567" || aud[1] != w.confidential.ClientID {
				t.Errorf("claims: %v", c)
			}
			if c["exp"].(float64)-c["iat"].(float64) != 3600 || c["oit"] != c["iat"] || !strings.HasPrefix(c["jti"].(string), "1234567.a-a.") {
				t.Errorf("claims: %v", c)
			}
			r := claims(t, tok.Refresh)
			if r["exp"].(float64)-r["iat"].(float64) != 604800 || !strings.HasPrefix(r["jti"].(string), "1234567.r-a.") {
				t.Errorf("refresh token's claims: %v", r)
			}
		})
	}
}

// TestSystemHost starts where the account is unknown: the user says which company, and the flow goes on there.
func TestSystemHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, company := range []string{"1234567", "1234567_SB1"} {
		q := w.browser().consent(authorizeURL(w.system(), authorizeQuery(w.public)), admin, company, "Administrator", "allow")
		if q.Get("company") != company || q.Get("code") == "" {
			t.Errorf("company %s: redirect %v", company, q)
		}
		tok := w.form(w.host(company, "suitetalk"), authPath+"/token", w.exchangeForm(w.public, q.Get("code")), "")
		if tok.status != http.StatusOK {
			t.Errorf("company %s: exchange %d %+v", company, tok.status, tok)
		}
	}
	b := w.browser()
	p := b.get(authorizeURL(w.system(), authorizeQuery(w.public)))
	p = b.submit(p, url.Values{"email": {admin}, "password": {"x"}, "company": {"7654321"}})
	if p.status != http.StatusBadRequest || p.step() != "login" {
		t.Errorf("foreign company: %d at %q, want 400 at login", p.status, p.step())
	}
}

// TestBareAddress: the default account on all services, at the address itself.
func TestBareAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	q := w.browser().consent(authorizeURL(w.srv.URL(), authorizeQuery(w.public)), admin, "", "Administrator", "allow")
	tok := w.form(w.srv.URL(), authPath+"/token", w.exchangeForm(w.public, q.Get("code")), "")
	if tok.status != http.StatusOK {
		t.Fatalf("exchange: %d %+v", tok.status, tok)
	}
	if aud := claims(t, tok.Access)["aud"].([]any)[0]; aud != w.public.ApplicationID+";1234567" {
		t.Errorf("aud: %v, want the default customer", aud)
	}
}

// TestOverrides: each of the three sources that name the account can be made to lie, for ON-02.
func TestOverrides(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account().RedirectCompanyOverride("7654321")
	w.account().TokenAccountOverride("7654321")
	w.account().APIAccountOverride("7654321")
	q := w.browser().consent(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public)), admin, "", "Administrator", "allow")
	if q.Get("company") != "7654321" {
		t.Errorf("company: %s", q.Get("company"))
	}
	tok := w.token(w.exchangeForm(w.public, q.Get("code")), "")
	if aud := claims(t, tok.Access)["aud"].([]any)[0]; aud != w.public.ApplicationID+";7654321" {
		t.Errorf("aud: %v", aud)
	}
	p := w.suiteQL(tok.Access, "SELECT id FROM customer ORDER BY id FETCH FIRST 1 ROWS ONLY")
	if !strings.Contains(p.body, w.host("7654321", "suitetalk")) {
		t.Errorf("links do not name the other account: %s", p.body)
	}
	w.account().APIAccountOverride("")
	p = w.suiteQL(tok.Access, "SELECT id FROM customer ORDER BY id FETCH FIRST 1 ROWS ONLY")
	if !strings.Contains(p.body, w.host("1234567", "suitetalk")) {
		t.Errorf("links do not follow the request's host: %s", p.body)
	}
}
