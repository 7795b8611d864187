package netsuitetest_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

const goodNonce = "n-0S6_WzA2Mj"

// oidcWorld has an OIDC client: the portal's confidential record.
func oidcWorld(t *testing.T, settings netsuitetest.Settings) *world {
	settings.OIDCProvider = true
	return newWorld(t, settings)
}

type signIn struct {
	ID, Access, Refresh string
	browser             *browser
}

func (w *world) signIn(scope string) signIn {
	w.t.Helper()
	b := w.browser()
	q := with(authorizeQuery(w.confidential), "scope", scope, "nonce", goodNonce)
	code := b.consent(authorizeURL(w.host("1234567", "app"), q), admin, "", "Administrator", "allow").Get("code")
	req, err := http.NewRequest(http.MethodPost, w.tokenURL(), strings.NewReader(w.exchangeForm(w.confidential, code).Encode()))
	must(w.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(w.confidential.ClientID, w.confidential.ClientSecret)
	p := (&browser{t: w.t, client: w.client()}).do(req)
	var out struct {
		ID      string `json:"id_token"`
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	must(w.t, json.Unmarshal([]byte(p.body), &out))
	if p.status != http.StatusOK {
		w.t.Fatalf("exchange: %d %s", p.status, p.body)
	}
	return signIn{out.ID, out.Access, out.Refresh, b}
}

func (w *world) metadata() map[string]any {
	w.t.Helper()
	p := w.call(http.MethodGet, w.host("1234567", "suitetalk")+"/.well-known/openid-configuration", "", nil)
	var v map[string]any
	if err := json.Unmarshal([]byte(p.body), &v); err != nil || p.status != http.StatusOK {
		w.t.Fatalf("metadata: %d %s", p.status, p.body)
	}
	return v
}

// TestOIDC follows the metadata alone: sign in, verify the ID token with the published key, ask userinfo, log out.
func TestOIDC(t *testing.T) {
	t.Parallel()
	w := oidcWorld(t, netsuitetest.Settings{})
	m := w.metadata()
	if m["issuer"] != "https://system.netsuite.com" || m["authorization_endpoint"] != w.host("1234567", "app")+"/app/login/oauth2/authorize.nl" ||
		m["registration_endpoint"] != nil {
		t.Errorf("metadata %v", m)
	}
	in := w.signIn("openid email rest_webservices")
	verifyRS256(t, in.ID, w.call(http.MethodGet, m["jwks_uri"].(string), "", nil).body)
	c := claims(t, in.ID)
	if c["iss"] != m["issuer"] || c["aud"] != w.confidential.ClientID || c["nonce"] != goodNonce || c["email"] != admin || c["sub"] != "3;-5" ||
		c["exp"].(float64)-c["iat"].(float64) != 3600 || len(c) != 7 {
		t.Errorf("claims %v", c)
	}
	p := w.call(http.MethodGet, m["userinfo_endpoint"].(string), in.Access, nil)
	if p.status != 200 || p.body != `{"email":"admin@globex.example","sub":"3;-5"}` {
		t.Errorf("userinfo %d %s", p.status, p.body)
	}
	if p := w.call(http.MethodGet, w.host("1234567", "suitetalk")+"/services/rest/system/v1/serverTime", in.Access, nil); p.status != 200 {
		t.Errorf("the same token at REST: %d", p.status)
	}
	if p := w.call(http.MethodPost, m["userinfo_endpoint"].(string), in.ID, nil); p.status != 401 || w.last().AuditDetail != "TokenRejected" {
		t.Errorf("ID token as access token: %d", p.status)
	}
	if got := w.token(refreshForm(w.confidential, in.Refresh), basicOf(w.confidential)); got.status != 200 {
		t.Errorf("refresh: %s", got.Error)
	}

	home := w.host("1234567", "app") + "/app/center/card.nl"
	if p := in.browser.get(home); p.step() == "login" {
		t.Error("no session before the log-out")
	}
	if p := w.call(http.MethodGet, m["end_session_endpoint"].(string)+"?id_token_hint="+in.ID, "", nil); p.status != 200 {
		t.Errorf("log-out: %d %s", p.status, p.body)
	}
	if p := in.browser.get(home); p.step() != "login" {
		t.Error("the session outlives the log-out")
	}
	if p := w.call(http.MethodGet, m["userinfo_endpoint"].(string), in.Access, nil); p.status != 401 || !strings.Contains(p.body, "invalid_token") {
		t.Errorf("access token after the log-out: %d %s", p.status, p.body)
	}
	if got := w.token(refreshForm(w.confidential, in.Refresh), basicOf(w.confidential)); got.Error != "invalid_grant" {
		t.Errorf("refresh token after the log-out: %d", got.status)
	}
}

// verifyRS256 verifies a JWT with the key of a JWK set that its kid names.
func verifyRS256(t *testing.T, token, jwks string) {
	t.Helper()
	var set struct{ Keys []struct{ Kid, N, E string } }
	must(t, json.Unmarshal([]byte(jwks), &set))
	parts := strings.Split(token, ".")
	decode := func(s string) []byte {
		raw, err := base64.RawURLEncoding.DecodeString(s)
		must(t, err)
		return raw
	}
	var head struct{ Alg, Kid string }
	must(t, json.Unmarshal(decode(parts[0]), &head))
	for _, k := range set.Keys {
		if k.Kid != head.Kid || head.Alg != "RS256" {
			continue
		}
		public := &rsa.PublicKey{N: new(big.Int).SetBytes(decode(k.N)), E: int(new(big.Int).SetBytes(decode(k.E)).Int64())}
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		must(t, rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], decode(parts[2])))
		return
	}
	t.Errorf("no key %s for %s", head.Kid, head.Alg)
}

// TestOIDCOff: without the switch nothing of it is there.
func TestOIDCOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/.well-known/openid-configuration", authPath + "/userinfo", authPath + "/logout?id_token_hint=x"} {
		if p := w.call(http.MethodGet, w.host("1234567", "suitetalk")+path, "", nil); p.status != 404 || !strings.Contains(w.last().Rule, "oidc_provider") {
			t.Errorf("%s: %d, rule %q", path, p.status, w.last().Rule)
		}
	}
	q := with(authorizeQuery(w.confidential), "scope", "openid rest_webservices")
	if p := w.browser().get(authorizeURL(w.host("1234567", "app"), q)); !strings.Contains(p.header.Get("Location"), "error=invalid_scope") {
		t.Errorf("scope openid: %s", p.header.Get("Location"))
	}
}

// TestOIDCSettings: issuer and claims.
func TestOIDCSettings(t *testing.T) {
	t.Parallel()
	w := oidcWorld(t, netsuitetest.Settings{
		OIDCIssuerAccount: true, IDTokenClaims: []string{"iss", "sub", "aud", "exp", "iat", "email", "at_hash", "auth_time", "role", "entity"},
		UserinfoClaims: []string{"sub", "email", "name", "role"},
	})
	in := w.signIn("openid")
	c := claims(t, in.ID)
	half := sha256.Sum256([]byte(in.Access))
	if c["iss"] != w.host("1234567", "suitetalk") || w.metadata()["issuer"] != c["iss"] || c["nonce"] != nil || c["email"] != nil || c["role"] != 3.0 || c["entity"] != -5.0 ||
		c["at_hash"] != base64.RawURLEncoding.EncodeToString(half[:16]) || c["auth_time"].(float64) > c["iat"].(float64) {
		t.Errorf("claims %v", c)
	}
	p := w.call(http.MethodGet, w.host("1234567", "suitetalk")+authPath+"/userinfo", in.Access, nil)
	if p.body != `{"name":"Ada Admin","role":3,"sub":"3;-5"}` {
		t.Errorf("userinfo without scope email: %s", p.body)
	}
	// What was issued dies when the provider is switched off.
	must(t, w.srv.ChangeSettings(func(s *netsuitetest.Settings) error { return s.Set("oidc_provider", "off") }))
	if got := w.token(refreshForm(w.confidential, in.Refresh), basicOf(w.confidential)); got.Error != "invalid_grant" || w.last().AuditDetail != "ScopeMismatched" {
		t.Errorf("refresh after the switch: %d", got.status)
	}
}

// TestOIDCRefusals: scopes and nonce at the authorize page, hints at the log-out.
func TestOIDCRefusals(t *testing.T) {
	t.Parallel()
	w := oidcWorld(t, netsuitetest.Settings{})
	ai := w.add(netsuitetest.Integration{Name: "AI", CodeGrant: true, RedirectURIs: []string{callback}, Scopes: []string{"mcp"}})
	for name, tt := range map[string]struct {
		query url.Values
		error string
	}{
		"email alone":   {with(authorizeQuery(w.public), "scope", "email"), "invalid_scope"},
		"openid twice":  {with(authorizeQuery(w.public), "scope", "openid openid"), "invalid_scope"},
		"with mcp":      {with(authorizeQuery(w.public), "client_id", ai.ClientID, "scope", "mcp openid"), "invalid_scope"},
		"profile":       {with(authorizeQuery(w.public), "scope", "openid profile"), "invalid_scope"},
		"huge nonce":    {with(authorizeQuery(w.public), "scope", "openid", "nonce", strings.Repeat("n", 1025)), "invalid_request"},
		"two nonces":    {url.Values{"client_id": {w.public.ClientID}, "redirect_uri": {callback}, "state": {goodState}, "nonce": {"a", "b"}}, "invalid_request"},
		"none, session": {with(authorizeQuery(w.public), "scope", "openid", "prompt", "none"), "login_required"},
	} {
		p := w.browser().get(authorizeURL(w.host("1234567", "app"), tt.query))
		if u, err := url.Parse(p.header.Get("Location")); err != nil || u.Query().Get("error") != tt.error {
			t.Errorf("%s: %q, want %s", name, p.header.Get("Location"), tt.error)
		}
	}
	in := w.signIn("openid")
	stranger := w.host("1234567_SB1", "suitetalk")
	logout := w.host("1234567", "suitetalk") + authPath + "/logout"
	for name, u := range map[string]string{
		"no hint": logout, "nonsense": logout + "?id_token_hint=x.y.z", "access token": logout + "?id_token_hint=" + in.Access,
		"two hints": logout + "?id_token_hint=x&id_token_hint=" + in.ID, "broken query": logout + "?%zz",
		"another account": stranger + authPath + "/logout?id_token_hint=" + in.ID, "another client": logout + "?client_id=" + w.public.ClientID + "&id_token_hint=" + in.ID,
		"unknown client": logout + "?client_id=x&id_token_hint=" + in.ID,
	} {
		if p := w.call(http.MethodGet, u, "", nil); p.status != 400 && p.status != 401 {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
	if p := w.call(http.MethodGet, w.host("1234567", "suitetalk")+authPath+"/userinfo", w.login(w.public).Access, nil); p.status != 401 || w.last().AuditDetail != "ScopeMismatched" {
		t.Errorf("userinfo without openid: %d", p.status)
	}
	// An expired hint is still one, and a POST with the client's authentication will do.
	w.srv.Clock().Advance(2 * time.Hour)
	if got := w.logout(url.Values{"id_token_hint": {in.ID}}); got.status != 200 {
		t.Errorf("POST: %d %s", got.status, got.body)
	}
}

func (w *world) logout(form url.Values) page {
	req, err := http.NewRequest(http.MethodPost, w.host("1234567", "suitetalk")+authPath+"/logout", strings.NewReader(form.Encode()))
	must(w.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(w.confidential.ClientID, w.confidential.ClientSecret)
	return (&browser{t: w.t, client: w.client()}).do(req)
}

// TestRegistration: absent by default; present, it tells the client ID of a record that ticks the box.
func TestRegistration(t *testing.T) {
	t.Parallel()
	w := oidcWorld(t, netsuitetest.Settings{})
	open := w.add(netsuitetest.Integration{
		Name: "Desktop", CodeGrant: true, Public: true, DynamicRegistration: true, RedirectURIs: []string{"desk://one", "desk://two"}, Scopes: []string{"restlets"},
	})
	at := w.host("1234567", "suitetalk") + authPath + "/register"
	if p := w.call(http.MethodPost, at, "", `{"redirect_uris":["desk://one"]}`); p.status != 404 {
		t.Errorf("by default: %d", p.status)
	}
	must(t, w.srv.ChangeSettings(func(s *netsuitetest.Settings) error { return s.Set("dcr_endpoint", "present") }))
	if w.metadata()["registration_endpoint"] != at {
		t.Errorf("metadata: %v", w.metadata())
	}
	for body, want := range map[string]struct {
		status int
		text   string
	}{
		`{"redirect_uris":["desk://two","desk://one"],"client_name":"x"}`: {201, open.ClientID},
		`{"redirect_uris":["` + callback + `"]}`:                          {400, "invalid_redirect_uri"},
		`{"redirect_uris":["desk://one","` + callback + `"]}`:             {400, "invalid_redirect_uri"},
		`{"redirect_uris":[]}`:                                            {400, "invalid_client_metadata"},
		`{"redirect_uris":7}`:                                             {400, "invalid_client_metadata"},
		``:                                                                {400, "invalid_client_metadata"},
		`{"redirect_uris":["` + strings.Repeat("x", 100_000) + `"]}`: {400, "invalid_client_metadata"},
	} {
		if p := w.call(http.MethodPost, at, "", body); p.status != want.status || !strings.Contains(p.body, want.text) {
			t.Errorf("%.60s: %d %s, want %d %s", body, p.status, p.body, want.status, want.text)
		}
	}
	_, err := w.srv.AddIntegration(netsuitetest.Integration{
		Name: "Server", CodeGrant: true, DynamicRegistration: true, RedirectURIs: []string{callback}, Scopes: []string{"restlets"},
	})
	if err == nil || !strings.Contains(err.Error(), "Public Client") {
		t.Errorf("the box on a confidential client: %v", err)
	}
}
