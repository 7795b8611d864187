package netsuitetest_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

const anyRow = "SELECT 1 AS a FROM dual"

// TestBearer: every way in which a bearer is refused looks the same from outside; the audit trail knows why.
func TestBearer(t *testing.T) {
	t.Parallel()
	w, k, consent := machine(t)
	sandbox := w.browser().consent(authorizeURL(w.host("1234567_SB1", "app"), authorizeQuery(w.public)), admin, "", "", "allow")
	foreign := w.form(w.host("1234567_SB1", "suitetalk"), authPath+"/token", w.exchangeForm(w.public, sandbox.Get("code")), "")
	u := w.host("1234567", "suitetalk") + "/services/rest/system/v1/serverTime"
	for _, tt := range []struct {
		name    string
		headers []string
		audit   string
	}{
		{"none", nil, ""},
		{"not Bearer", []string{"Authorization", consent.Access}, ""},
		{"Basic", []string{"Authorization", "Basic eDp5"}, ""},
		{"empty", []string{"Authorization", "Bearer "}, ""},
		{"garbage", []string{"Authorization", "Bearer x"}, "InvalidSignature"},
		{"tampered", []string{"Authorization", "Bearer " + consent.Access[:len(consent.Access)-4] + "AAAA"}, "InvalidSignature"},
		{"assertion", []string{"Authorization", "Bearer " + w.assertion(k).sign(t, k.private)}, "InvalidSignature"},
		{"another account's", []string{"Authorization", "Bearer " + foreign.Access}, "InvalidSignature"},
		{"refresh token", []string{"Authorization", "Bearer " + consent.Refresh}, "TokenRejected"},
		{"cookie beside it", []string{"Authorization", "Bearer " + consent.Access, "Cookie", "a=b"}, ""},
	} {
		p := w.call(http.MethodGet, u, "", nil, tt.headers...)
		want := `Bearer realm="1234567", error="invalid_token", error_description="Invalid login attempt."`
		if p.status != 401 || p.restError(t) != "INVALID_LOGIN" || p.header.Get("WWW-Authenticate") != want || w.last().AuditDetail != tt.audit {
			t.Errorf("%s: %d %s, WWW-Authenticate %q, audit %q; want 401 INVALID_LOGIN, audit %q",
				tt.name, p.status, p.body, p.header.Get("WWW-Authenticate"), w.last().AuditDetail, tt.audit)
		}
		if !strings.Contains(p.body, "Login Audit Trail") {
			t.Errorf("%s: the detail does not point at the Login Audit Trail: %s", tt.name, p.body)
		}
	}
	req, err := http.NewRequest(http.MethodGet, u, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header["Authorization"] = []string{"Bearer " + consent.Access, "Bearer " + consent.Access}
	p := (&browser{t: t, client: w.client()}).do(req)
	if p.status != 400 || !strings.Contains(p.header.Get("WWW-Authenticate"), `error="invalid_request"`) {
		t.Errorf("two Authorization headers: %d %q", p.status, p.header.Get("WWW-Authenticate"))
	}
	if p := w.call(http.MethodGet, u, consent.Access, nil); p.status != 200 {
		t.Errorf("a good one: %d %s", p.status, p.body)
	}
	w.srv.Clock().Advance(time.Hour)
	if p := w.call(http.MethodGet, u, consent.Access, nil); p.status != 401 || w.last().AuditDetail != "AccessTokenExpired" {
		t.Errorf("after an hour: %d audit %q", p.status, w.last().AuditDetail)
	}
}

// TestRESTPermissions: what the account or the role lacks.
func TestRESTPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.account().AssignRole("portal@globex.example", "customrole_portal"); err != nil {
		t.Fatal(err)
	}
	q := w.browser().consent(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public)), "portal@globex.example", "", "Portal", "allow")
	portal := w.token(w.exchangeForm(w.public, q.Get("code")), "")
	if p := w.suiteQL(portal.Access, anyRow); p.status != 400 || p.restError(t) != "USER_ERROR" {
		t.Errorf("role without REST Web Services: %d %s, want 400 USER_ERROR", p.status, p.body)
	}
	tok := w.login(w.public)
	if err := w.account().SetFeature("RESTWEBSERVICES", false); err != nil {
		t.Fatal(err)
	}
	if p := w.suiteQL(tok.Access, anyRow); p.status != 403 || p.restError(t) != "INSUFFICIENT_PERMISSION" {
		t.Errorf("feature off: %d %s, want 403", p.status, p.body)
	}
	if p := w.suiteQL(tok.Access, "DROP TABLE customer"); w.last().OK || p.status < 400 {
		t.Errorf("hostile query: %d", p.status)
	}
}

const healthQuery = "/app/site/hosting/restlet.nl?script=customscript_acme_health&deploy=customdeploy_acme_health"

func TestHealthRESTlet(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	if err := w.account().SetFeature("RESTWEBSERVICES", false); err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{w.host("1234567", "restlets"), w.host("1234567", "app"), w.srv.URL()} {
		p := w.call(http.MethodGet, host+healthQuery, consent.Access, nil)
		var got struct {
			OK     bool
			Bundle struct {
				ID      int64
				Version string
			}
			Account    string
			Role, User int64
			Features   map[string]bool
		}
		if err := json.Unmarshal([]byte(p.body), &got); err != nil || p.status != 200 {
			t.Fatalf("%s: %d %s", host, p.status, p.body)
		}
		if !got.OK || got.Bundle.ID != 123456 || got.Bundle.Version == "" || got.Account != "1234567" || got.Role != 3 || got.User != -5 ||
			got.Features["RESTWEBSERVICES"] || !got.Features["OAUTH2"] {
			t.Errorf("health: %+v", got)
		}
	}
}

// restletError is the code of an answer in the RESTlet error shape.
func (p page) restletError() string {
	var e struct {
		Error struct{ Code, Message string } `json:"error"`
	}
	if json.Unmarshal([]byte(p.body), &e) != nil {
		return ""
	}
	return e.Error.Code
}

func TestRESTletRefusals(t *testing.T) {
	t.Parallel()
	w, k, consent := machine(t)
	good := w.host("1234567", "restlets") + healthQuery
	for _, tt := range []struct {
		name, method, url, bearer string
		body                      any
		headers                   []string
		status                    int
		code                      string
	}{
		{"no token", "GET", good, "", nil, nil, 401, "INVALID_LOGIN_ATTEMPT"},
		{"unknown script", "GET", w.host("1234567", "restlets") + "/app/site/hosting/restlet.nl?script=customscript_x&deploy=customdeploy_x", consent.Access, nil, nil, 404, "SSS_INVALID_SCRIPTLET_ID"},
		{"no script", "GET", w.host("1234567", "restlets") + "/app/site/hosting/restlet.nl", consent.Access, nil, nil, 404, "SSS_INVALID_SCRIPTLET_ID"},
		{"body on GET", "GET", good, consent.Access, "{}", nil, 400, "INVALID_REQUEST"},
		{"PATCH", "PATCH", good, consent.Access, "{}", nil, 405, "METHOD_NOT_ALLOWED"},
		{"bad content type", "POST", good, consent.Access, "<a/>", []string{"Content-Type", "text/xml"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
	} {
		p := w.call(tt.method, tt.url, tt.bearer, tt.body, tt.headers...)
		if p.status != tt.status || p.restletError() != tt.code || w.last().OK {
			t.Errorf("%s: %d %s, want %d %s", tt.name, p.status, p.body, tt.status, tt.code)
		}
	}
	p := w.call(http.MethodGet, good, "", nil, "Content-Type", "text/plain")
	if !strings.HasPrefix(p.body, "error code: INVALID_LOGIN_ATTEMPT\nerror message: ") {
		t.Errorf("text form: %q", p.body)
	}
	if err := w.account().SetDeploymentStatus("customscript_acme_health", "customdeploy_acme_health", "TESTING"); err != nil {
		t.Fatal(err)
	}
	if p := w.call(http.MethodGet, good, consent.Access, nil); p.status != 404 {
		t.Errorf("not released: %d, want 404", p.status)
	}
	if err := w.account().SetDeploymentStatus("customscript_acme_health", "customdeploy_acme_health", "RELEASED"); err != nil {
		t.Fatal(err)
	}
	if err := w.account().SetFeature("SERVERSIDESCRIPTING", false); err != nil {
		t.Fatal(err)
	}
	if p := w.call(http.MethodGet, good, consent.Access, nil); p.status != 403 {
		t.Errorf("feature off: %d, want 403", p.status)
	}
	restOnly := w.m2m(w.assertion(k).with("claims", "scope", "rest_webservices").sign(t, k.private))
	if p := w.call(http.MethodGet, good, restOnly.Access, nil); p.status != 401 || w.last().AuditDetail != "ScopeMismatched" {
		t.Errorf("scope: %d audit %q, want 401 ScopeMismatched", p.status, w.last().AuditDetail)
	}
}

// TestRESTletAudience: a deployment for certain roles, and a role for web services only.
func TestRESTletAudience(t *testing.T) {
	t.Parallel()
	bundle := netsuitetest.AcmeBundle()
	bundle.Scripts[0].Deployments[0].AllRoles = false
	bundle.Scripts[0].Deployments[0].Roles = []string{acmeRole}
	srv := netsuitetest.Start(t, netsuitetest.Config{Accounts: smallAccounts(), Bundles: []netsuitetest.Bundle{bundle}})
	w := &world{t: t, srv: srv}
	w.public = w.add(netsuitetest.Integration{Name: "Acme", CodeGrant: true, Public: true, RedirectURIs: []string{callback}, Scopes: []string{"rest_webservices", "restlets"}})
	w.robotReady()
	as := func(email, role string) string {
		q := w.browser().consent(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public)), email, "", role, "allow")
		return w.token(w.exchangeForm(w.public, q.Get("code")), "").Access
	}
	url0 := w.host("1234567", "restlets") + healthQuery
	for _, tt := range []struct {
		email, role string
		status      int
		code        string
	}{
		{robot, "Acme Sync", 200, ""},
		{admin, "Administrator", 200, ""},
		{sales, "Sales Person", 403, "INSUFFICIENT_PERMISSION"},
		{"interfaces@globex.example", "Warehouse Interface", 401, "INVALID_LOGIN_CREDENTIALS"},
	} {
		if p := w.call(http.MethodGet, url0, as(tt.email, tt.role), nil); p.status != tt.status || p.restletError() != tt.code {
			t.Errorf("%s: %d %s, want %d %s", tt.role, p.status, p.body, tt.status, tt.code)
		}
	}
}

func TestHandleRESTlet(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	w.srv.HandleRESTlet("customscript_acme_health", func(c netsuitetest.RESTletCall) (any, error) {
		if c.Method == http.MethodDelete {
			return nil, errors.New("may not delete")
		}
		return map[string]any{"method": c.Method, "x": c.Params.Get("x"), "script": c.Params.Get("script"), "body": string(c.Body), "role": c.Role}, nil
	})
	url0 := w.host("1234567", "restlets") + healthQuery + "&x=7"
	p := w.call(http.MethodPost, url0, consent.Access, "hello")
	if p.status != 200 || p.body != `{"body":"hello","method":"POST","role":3,"script":"","x":"7"}` {
		t.Errorf("call: %d %s", p.status, p.body)
	}
	p = w.call(http.MethodDelete, url0, consent.Access, nil)
	if p.status != 400 || p.restletError() != "UNEXPECTED_ERROR" || !strings.Contains(p.body, "error.SuiteScriptError") {
		t.Errorf("thrown error: %d %s", p.status, p.body)
	}
}

// TestKeys: the key set changes with the clock; the old key stays while its tokens may live.
func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kids := func() []string {
		p := w.call(http.MethodGet, w.host("1234567", "suitetalk")+authPath+"/keys", "", nil)
		var set struct {
			Keys []map[string]string `json:"keys"`
		}
		if err := json.Unmarshal([]byte(p.body), &set); err != nil || p.status != 200 {
			t.Fatalf("keys: %d %s", p.status, p.body)
		}
		var out []string
		for _, k := range set.Keys {
			if k["kty"] != "RSA" || k["use"] != "sig" || k["alg"] != "RS256" || k["n"] == "" || k["e"] != "AQAB" || len(k) != 6 {
				t.Errorf("key: %v", k)
			}
			out = append(out, k["kid"])
		}
		return out
	}
	first := kids()
	if len(first) != 1 || !strings.HasPrefix(first[0], "c.1234567.") {
		t.Fatalf("kids: %v", first)
	}
	w.srv.Clock().Advance(91 * 24 * time.Hour)
	if got := kids(); len(got) != 2 || got[0] != first[0] || got[1] == first[0] {
		t.Errorf("after 91 days: %v, want old and new", got)
	}
	w.srv.Clock().Advance(9 * 24 * time.Hour)
	if got := kids(); len(got) != 1 || got[0] == first[0] {
		t.Errorf("9 days later: %v, want the new one alone", got)
	}
}

func TestDataCenterURLs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.call(http.MethodGet, "http://rest.netsuite.com/rest/datacenterurls?account=1234567_SB1", "", nil)
	want := `{"restDomain":"https://1234567-sb1.restlets.api.netsuite.com","systemDomain":"https://1234567-sb1.app.netsuite.com","webservicesDomain":"https://1234567-sb1.suitetalk.api.netsuite.com"}`
	if p.status != 200 || p.body != want {
		t.Errorf("%d %s, want %s", p.status, p.body, want)
	}
	p = w.call(http.MethodGet, "http://rest.netsuite.com/rest/datacenterurls?account=nobody", "", nil)
	if p.status != 404 || p.body != "{}" {
		t.Errorf("unknown account: %d %s", p.status, p.body)
	}
}
