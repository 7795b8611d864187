package netsuitetest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// visit is a world whose settings a test turns while it runs.
type visit struct {
	*world
	access string // the administrator's token
	key    key    // of the integration user, mapped
}

func (v *visit) url(service, path string) string { return v.host("1234567", service) + path }

func (v *visit) get(service, path string, headers ...string) page {
	return v.call(http.MethodGet, v.url(service, path), v.access, nil, headers...)
}

func (v *visit) query(q string) page { return v.suiteQL(v.access, q) }

// seen is what a test looks at: a status, a part of the body or a header, in one line.
func seen(parts ...any) string {
	text, err := json.Marshal(parts)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func member(p page, name string) any {
	var v map[string]any
	_ = json.Unmarshal([]byte(p.body), &v) // no object has no members
	return v[name]
}

// TestBothValues shows each setting's effect: what one and the same request gives at the default, and at another value. The
// settings that are not here have tests of their own.
func TestBothValues(t *testing.T) {
	t.Parallel()
	const suiteql, record = "/services/rest/query/v1/suiteql", "/services/rest/record/v1/"
	for _, tt := range []struct {
		name, value   string
		look          func(*visit) string
		before, after string
	}{
		{"jwks_fields", "kty,kid,n,e,key_ops", func(v *visit) string {
			var set struct{ Keys []map[string]any }
			_ = json.Unmarshal([]byte(v.get("suitetalk", authPath+"/keys").body), &set)
			var names []string
			for name := range set.Keys[0] {
				names = append(names, name)
			}
			slices.Sort(names)
			return strings.Join(names, " ")
		}, "alg e kid kty n use", "e key_ops kid kty n"},
		{"assertion_skew", "none", func(v *visit) string {
			now := v.srv.Clock().Now().Unix()
			return v.m2m(v.assertion(v.key).with("claims", "iat", now+20).with("claims", "exp", now+120).sign(t, v.key.private)).Error
		}, "", "invalid_request"},
		{"assertion_expiry_grace", "1m", func(v *visit) string {
			now := v.srv.Clock().Now().Unix()
			return v.m2m(v.assertion(v.key).with("claims", "iat", now-120).with("claims", "exp", now-20).sign(t, v.key.private)).Error
		}, "invalid_request", ""},
		{"m2m_mcp_scope", "accepted", func(v *visit) string {
			_, err := v.srv.AddIntegration(netsuitetest.Integration{Name: "AI", ClientCredentials: true, Scopes: []string{"mcp"}})
			return seen(err == nil)
		}, "[false]", "[true]"},
		{"cert_date_format", "DD.MM.YYYY", func(v *visit) string {
			created := v.list(v.access)[0].Created
			_, err := time.Parse("02.01.2006", created)
			return seen(err == nil)
		}, "[false]", "[true]"},
		{"cert_algorithm_values", "rsa,ecdsa", func(v *visit) string { return v.list(v.access)[0].Algorithm }, "EC", "ecdsa"},
		{"cert_hosts", "restlets", func(v *visit) string {
			path := authPath + "/clients/" + v.public.ClientID + "/certificates"
			return seen(v.get("suitetalk", path).status, v.get("restlets", path).status)
		}, "[200,200]", "[404,200]"},
		{"permission_manage_own_code", "ADMI_MANAGE_OWN_CERTIFICATES", func(v *visit) string {
			token := v.m2m(v.assertion(v.key).sign(t, v.key.private)).Access
			return seen(v.call(http.MethodGet, v.certificatesURL(v.public), token, nil).status)
		}, "[200]", "[403]"},
		{"www_authenticate", "absent", func(v *visit) string {
			p := v.call(http.MethodGet, v.url("suitetalk", record+"customer"), "x", nil)
			return seen(p.status, p.header.Get("WWW-Authenticate") != "")
		}, "[401,true]", "[401,false]"},
		{"restlet_401_body", "rest", func(v *visit) string {
			p := v.call(http.MethodGet, v.url("restlets", "/app/site/hosting/restlet.nl?script=1&deploy=1"), "x", nil)
			return seen(p.status, strings.Contains(p.body, "INVALID_LOGIN_ATTEMPT"), strings.Contains(p.body, "o:errorDetails"))
		}, "[401,true,false]", "[401,false,true]"},
		{"restlet_401_body", "empty", func(v *visit) string {
			p := v.call(http.MethodGet, v.url("restlets", "/app/site/hosting/restlet.nl?script=1&deploy=1"), "x", nil)
			return seen(p.status, len(p.body) > 0)
		}, "[401,true]", "[401,false]"},
		{"rest_403_type", "rfc2616", func(v *visit) string {
			token := v.m2m(v.assertion(v.key).sign(t, v.key.private)).Access
			p := v.call(http.MethodPost, v.url("suitetalk", record+"salesOrder"), token, "{}")
			return seen(p.status, member(p, "type"))
		}, `[403,"https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.4"]`, `[403,"https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html#sec10.4.4"]`},
		{"missing_prefer", "accepted", func(v *visit) string {
			return seen(v.call(http.MethodPost, v.url("suitetalk", suiteql), v.access, `{"q":"SELECT 1 AS one FROM dual"}`).status)
		}, "[400]", "[200]"},
		{"suiteql_get_status", "404", func(v *visit) string { return seen(v.get("suitetalk", suiteql).status) }, "[405]", "[404]"},
		{"suiteql_large_limit", "clamped", func(v *visit) string {
			p := v.call(http.MethodPost, v.url("suitetalk", suiteql+"?limit=5000"), v.access, `{"q":"SELECT id FROM customer"}`, "Prefer", "transient")
			return seen(p.status, member(p, "count"))
		}, "[400,null]", "[200,20]"},
		{"null_columns", "null", func(v *visit) string {
			return seen(strings.Contains(v.query("SELECT id, comments FROM customer").body, `"comments":null`))
		}, "[false]", "[true]"},
		{"hidden_tables", "no_rows", func(v *visit) string {
			token := v.m2m(v.assertion(v.key).sign(t, v.key.private)).Access
			p := v.suiteQL(token, "SELECT id FROM vendor")
			return seen(p.status, member(p, "count"))
		}, "[400,null]", "[200,0]"},
		{"record_type_scriptid_case", "lower", func(v *visit) string {
			must(t, v.account().UninstallBundle(123456))
			must(t, v.account().InstallBundle(123456))
			return seen(strings.Contains(v.query("SELECT scriptid FROM customrecordtype").body, "CUSTOMRECORD_ACME"))
		}, "[true]", "[false]"},
		{"missing_record_code", "RCRD_DSNT_EXIST", func(v *visit) string { return v.get("suitetalk", record+"customer/1").restError(t) }, "NONEXISTENT_ID", "RCRD_DSNT_EXIST"},
		{"record_write_status", "200", func(v *visit) string {
			at := v.url("suitetalk", record+"customer")
			return seen(v.call(http.MethodPatch, at+"/1001", v.access, `{"phone":"1"}`).status, v.call(http.MethodPost, at, v.access, `{"companyName":"New"}`).status)
		}, "[204,204]", "[200,204]"},
		{"property_name_validation", "Ignore", func(v *visit) string {
			at, body := v.url("suitetalk", record+"customer/1001"), `{"phone":"1","shoeSize":44}`
			return seen(v.call(http.MethodPatch, at, v.access, body).status, v.call(http.MethodPatch, at, v.access, body, "X-NetSuite-PropertyNameValidation", "Error").status)
		}, "[400,400]", "[204,400]"},
		{"idempotency_life", "1m", func(v *visit) string {
			send := func() int {
				return v.call(http.MethodPost, v.url("suitetalk", record+"customer"), v.access, `{"companyName":"Once"}`,
					"Prefer", "respond-async", "X-NetSuite-idempotency-key", "k").status
			}
			send()
			v.srv.Clock().Advance(2 * time.Minute)
			defer v.srv.Clock().Advance(-2 * time.Minute)
			return seen(send())
		}, "[400]", "[202]"},
		{"limit_type_key", "type", func(v *visit) string {
			return seen(member(v.get("suitetalk", "/services/rest/system/v1/governanceLimits"), "type"))
		}, "[null]", `["accountLimit"]`},
		{"governance_limits_refusal", "401", func(v *visit) string {
			token := v.m2m(v.assertion(v.key).sign(t, v.key.private)).Access
			return seen(v.call(http.MethodGet, v.url("suitetalk", "/services/rest/system/v1/governanceLimits"), token, nil).status)
		}, "[403]", "[401]"},
		{"datacenterurls_form", "host", func(v *visit) string {
			p := v.call(http.MethodGet, "http://rest.localhost/rest/datacenterurls?account=1234567", "", nil)
			return seen(member(p, "restDomain"))
		}, `["http://1234567.restlets.localhost"]`, `["1234567.restlets.localhost"]`},
		{"datacenterurls_unknown", "empty", func(v *visit) string {
			p := v.call(http.MethodGet, "http://rest.localhost/rest/datacenterurls?account=9", "", nil)
			return seen(p.status, p.body)
		}, `[404,"{}"]`, `[200,"{}"]`},
		{"concurrency_code", "REQUEST_LIMIT", func(v *visit) string {
			must(t, v.account().SetConcurrency(1))
			free := v.busy(1, func() page { return v.get("suitetalk", "/services/rest/system/v1/serverTime") })
			defer free()
			return v.get("suitetalk", "/services/rest/system/v1/serverTime").restError(t)
		}, "CONCURRENCY_LIMIT_EXCEEDED", "REQUEST_LIMIT"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, k, consent := machine(t)
			v := &visit{world: w, access: consent.Access, key: k}
			if got := tt.look(v); got != tt.before {
				t.Errorf("default: %s, want %s", got, tt.before)
			}
			must(t, w.srv.ChangeSettings(func(s *netsuitetest.Settings) error { return s.Set(tt.name, tt.value) }))
			if got := tt.look(v); got != tt.after {
				t.Errorf("%s: %s, want %s", tt.value, got, tt.after)
			}
		})
	}
}

// TestMCPByClientCredentials: where the setting allows it, a machine gets a token of scope mcp.
func TestMCPByClientCredentials(t *testing.T) {
	t.Parallel()
	w, k, consent := machine(t, netsuitetest.Settings{MCPByClientCredentials: true})
	ai := w.add(netsuitetest.Integration{Name: "AI", ClientCredentials: true, Scopes: []string{"mcp"}})
	role, entity := w.ids(robot, acmeRole)
	other := w.newKey()
	if p := w.call(http.MethodPost, w.certificatesURL(ai), consent.Access, upload{other.pem, role, entity}); p.status != 200 {
		t.Fatalf("upload: %d %s", p.status, p.body)
	}
	ask := w.assertion(k).with("claims", "iss", ai.ClientID).with("claims", "scope", []string{"mcp"}).with("header", "kid", other.id)
	if got := w.m2m(ask.sign(t, other.private)); got.status != 200 {
		t.Errorf("accepted: %d %s", got.status, got.Error)
	}
	must(t, w.srv.ChangeSettings(func(s *netsuitetest.Settings) error { return s.Set("m2m_mcp_scope", "refused") }))
	if got := w.m2m(ask.sign(t, other.private)); got.Error != "invalid_scope" {
		t.Errorf("refused: %d %s", got.status, got.Error)
	}
}

// TestAccountKinds: rp_suffix and td_prefix make the IDs of accounts given by their kind.
func TestAccountKinds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		settings netsuitetest.Settings
		preview  string
		develop  string
	}{
		{netsuitetest.Settings{}, "1234567_RP", "TD1234567"},
		{netsuitetest.Settings{ReleasePreviewSuffix: "_RP2", DevelopmentPrefix: "TSTDRV"}, "1234567_RP2", "TSTDRV1234567"},
	} {
		srv := netsuitetest.Start(t, netsuitetest.Config{Settings: tt.settings, Accounts: []netsuitetest.AccountConfig{
			{ID: "1234567"}, {ID: "1234567", Kind: "release_preview"}, {ID: "1234567", Kind: "development"},
		}})
		if srv.Account(tt.preview) == nil || srv.Account(tt.develop) == nil {
			t.Errorf("accounts %v, want %s and %s", srv.Accounts(), tt.preview, tt.develop)
		}
	}
	for name, bad := range map[string]netsuitetest.AccountConfig{
		"did you mean development?": {ID: "1", Kind: "developement"},
		"always has 5":              {ID: "1", Kind: "development", Concurrency: 15},
	} {
		if _, err := netsuitetest.New(netsuitetest.Config{Accounts: []netsuitetest.AccountConfig{{ID: "2"}, bad}}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: %v, want %q", bad, err, name)
		}
	}
}

// TestRelease2027: the rules of 2027.1 hold for what is made then; what was there runs on.
func TestRelease2027(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	noPKCE := func(i netsuitetest.Integration) string {
		p := w.browser().get(authorizeURL(w.host("1234567", "app"), with(authorizeQuery(i), "code_challenge", "", "code_challenge_method", "")))
		u, err := url.Parse(p.header.Get("Location"))
		must(t, err)
		return u.Query().Get("error")
	}
	old := w.signer(admin, "administrator")
	must(t, w.srv.ChangeSettings(func(s *netsuitetest.Settings) error { return s.Set("release", "2027.1") }))
	made := netsuitetest.Integration{Name: "New", CodeGrant: true, RedirectURIs: []string{callback}, Scopes: []string{"rest_webservices", "restlets"}}
	if got := noPKCE(w.confidential); got != "" {
		t.Errorf("record made before: %q", got)
	}
	if got := noPKCE(w.add(made)); got != "invalid_request" {
		t.Errorf("record made at 2027.1: %q, want invalid_request", got)
	}
	made.Release = "2026.1"
	if got := noPKCE(w.add(made)); got == "invalid_request" {
		t.Error("a record said to be older needs PKCE")
	}
	made.Release = "soon"
	if _, err := w.srv.AddIntegration(made); err == nil || !strings.Contains(err.Error(), "release") {
		t.Errorf("release soon: %v", err)
	}
	if _, err := w.account().AddTBAToken(netsuitetest.TBAToken{User: admin, Role: "administrator"}); err == nil {
		t.Error("a new TBA token was made at 2027.1")
	}
	u := w.host("1234567", "suitetalk") + "/services/rest/system/v1/serverTime"
	if p := w.call(http.MethodGet, u, "", nil, "Authorization", old.header("GET", u)); p.status != http.StatusOK {
		t.Errorf("the old TBA token: %d %s", p.status, p.body)
	}
}
