package clients_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/customer"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// The accounts of these tests; a request that names no account goes to the first.
const (
	globex        netsuite.AccountID = "1234567"
	globexSandbox netsuite.AccountID = "1234567_SB1"
)

const authPath = "/services/rest/auth/oauth2/v1"

// emulator is NetSuite with the vendor's integration record, and in each account the bundle, whose role the integration user has.
type emulator struct {
	*netsuitetest.Server
	site   netsuite.Site
	client netsuitetest.Integration
	back   *httptest.Server // where consent sends the browser
}

func startEmulator(t *testing.T) *emulator {
	t.Helper()
	e := &emulator{
		Server: netsuitetest.Start(t, netsuitetest.Config{Settings: netsuitetest.Settings{AllowHTTPLoopbackRedirects: true}}),
		back:   httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})),
	}
	t.Cleanup(e.back.Close)
	var err error
	e.site, err = netsuite.EmulatorSite(e.Addr())
	must(t, err)
	e.client, err = e.AddIntegration(netsuitetest.Integration{
		Name: "Acme Sync", CodeGrant: true, ClientCredentials: true, Public: true,
		RedirectURIs: []string{e.back.URL + "/callback"}, Scopes: []string{"rest_webservices", "restlets"},
	})
	must(t, err)
	for _, account := range []netsuite.AccountID{globex, globexSandbox} {
		must(t, e.Account(string(account)).InstallBundle(netsuitetest.AcmeBundle().ID))
		must(t, e.Account(string(account)).AssignRole("integration@globex.example", "customrole_acme_sync"))
	}
	return e
}

// administrator consents and returns the token that this gives.
func (e *emulator) administrator(t *testing.T, account netsuite.AccountID) netsuite.Secret {
	t.Helper()
	grant := netsuite.CodeGrant{ClientID: e.client.ClientID, RedirectURI: e.back.URL + "/callback", Scopes: e.client.Scopes, Site: e.site}
	state, verifier := netsuite.NewState(), netsuite.NewCodeVerifier()
	begin, err := grant.AuthorizeURL(account, state, verifier, "")
	must(t, err)
	c := customer.Customer{Browser: customer.NewBrowser(), Email: "admin@globex.example", Company: string(account), Home: e.back.URL}
	t.Cleanup(c.Close)
	page, err := c.Open(t.Context(), begin)
	must(t, err)
	page, err = c.ThroughNetSuite(t.Context(), page)
	must(t, err)
	answer, err := netsuite.ParseCallback(page.URL.Query())
	must(t, err)
	if answer.State != state || answer.Code == "" {
		t.Fatalf("consent ended with the error %q on the page %q", answer.Error, page.Title)
	}
	token, err := grant.Exchange(t.Context(), account, answer.Code, verifier)
	must(t, err)
	return token.AccessToken
}

// holder is the integration user and its role.
func (e *emulator) holder(t *testing.T, account netsuite.AccountID) (role, entity int64) {
	t.Helper()
	roles, people := e.Account(string(account)).Roles(), e.Account(string(account)).Employees()
	r := slices.IndexFunc(roles, func(r netsuitetest.Role) bool { return r.ScriptID == "customrole_acme_sync" })
	p := slices.IndexFunc(people, func(p netsuitetest.Employee) bool { return p.Email == "integration@globex.example" })
	if r < 0 || p < 0 {
		t.Fatal("the integration user or the bundle's role is missing")
	}
	return roles[r].ID, people[p].ID
}

// mapped makes a key and uploads its certificate. It returns the certificate's ID as well.
func (e *emulator) mapped(t *testing.T, account netsuite.AccountID, token netsuite.Secret, alg netsuite.KeyAlgorithm) (crypto.Signer, string) {
	t.Helper()
	key, err := netsuite.GenerateKey(alg)
	must(t, err)
	cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{})
	must(t, err)
	role, entity := e.holder(t, account)
	api := netsuite.API{Account: account, Site: e.site, Token: token}
	must(t, api.UploadCertificate(t.Context(), e.client.ClientID, cert, role, entity))
	return key, netsuite.CertificateID(cert)
}

func (e *emulator) tokenURL() string { return e.URL() + authPath + "/token" }

// last is the newest entry of the ledger for a path's end.
func (e *emulator) last(t *testing.T, pathEnd string) netsuitetest.Entry {
	t.Helper()
	found := e.Ledger().Entries(func(x netsuitetest.Entry) bool { return strings.HasSuffix(x.Path, pathEnd) })
	if len(found) == 0 {
		t.Fatalf("the ledger has no request to %s", pathEnd)
	}
	return found[len(found)-1]
}

// TestEmulator_ForeignAssertions: the emulator takes assertions of foreign makers, and refuses with the reference's answer what
// NetSuite refuses. The ledger names the rule.
func TestEmulator_ForeignAssertions(t *testing.T) {
	t.Parallel()
	e := startEmulator(t)
	admin := e.administrator(t, globex)
	ecKey, ecID := e.mapped(t, globex, admin, netsuite.P256)
	rsaKey, rsaID := e.mapped(t, globex, admin, netsuite.RSA3072)

	t.Run("oauth4webapi ES256", func(t *testing.T) { e.oauth4webapi(t, "ES256", ecKey, ecID) })
	t.Run("oauth4webapi PS256", func(t *testing.T) { e.oauth4webapi(t, "PS256", rsaKey, rsaID) })
	t.Run("jsrsasign", func(t *testing.T) {
		_, elsewhere := e.mapped(t, globexSandbox, e.administrator(t, globexSandbox), netsuite.P256)
		_, another := e.mapped(t, globex, admin, netsuite.RSA3072)
		e.jsrsasign(t, rsaKey, rsaID, another, elsewhere)
	})
	t.Run("RSA of 2048 bits", func(t *testing.T) { e.shortKey(t, admin) })
}

func (e *emulator) oauth4webapi(t *testing.T, alg string, key crypto.Signer, certificateID string) {
	t.Helper()
	got := node[token](t, "assertion_oauth4webapi.mjs", map[string]any{
		"token_url": e.tokenURL(), "client_id": e.client.ClientID, "kid": certificateID, "alg": alg,
		"key": base64.StdEncoding.EncodeToString(pkcs8(t, key)), "scope": e.client.Scopes,
	})
	if entry := e.last(t, "/token"); !entry.OK || entry.CertificateID != certificateID || !strings.Contains(entry.Rule, alg) {
		t.Errorf("ledger: %+v", entry)
	}
	e.query(t, got.AccessToken)
}

func pkcs8(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return der
}

func (e *emulator) query(t *testing.T, accessToken string) {
	t.Helper()
	api := netsuite.API{Account: globex, Site: e.site, Token: netsuite.NewSecret(accessToken)}
	page, err := api.SuiteQL(t.Context(), "SELECT id FROM customer ORDER BY id FETCH FIRST 3 ROWS ONLY", 1000, 0)
	must(t, err)
	if len(page.Rows) != 3 {
		t.Errorf("%d rows, want 3", len(page.Rows))
	}
}

// jwt is what jsrsasign is to sign.
type jwt struct {
	Header map[string]any `json:"header"`
	Claims map[string]any `json:"claims"`
}

func (j jwt) header(name string, value any) jwt { return jwt{changed(j.Header, name, value), j.Claims} }

func (j jwt) claim(name string, value any) jwt { return jwt{j.Header, changed(j.Claims, name, value)} }

func changed(m map[string]any, name string, value any) map[string]any {
	m = maps.Clone(m)
	m[name] = value
	return m
}

// jsrsasign signs good and bad assertions with an RSA key. The certificate another belongs to a second key of the same account,
// elsewhere to another account.
func (e *emulator) jsrsasign(t *testing.T, key crypto.Signer, certificateID, another, elsewhere string) {
	t.Helper()
	now := e.Clock().Now().Unix()
	good := jwt{
		Header: map[string]any{"typ": "JWT", "alg": "PS256", "kid": certificateID},
		Claims: map[string]any{"iss": e.client.ClientID, "aud": e.tokenURL(), "scope": e.client.Scopes, "iat": now, "exp": now + 300},
	}
	cases := []struct {
		name      string
		assertion jwt
		refusal   string // "error" of the answer; empty = accepted
		rule      string // part of the rule in the ledger
	}{
		{"PS256", good, "", "signed PS256 by an active certificate"},
		{"PS256, an hour exactly", good.claim("exp", now+3600), "", "signed PS256 by an active certificate"},
		{"RS256", good.header("alg", "RS256"), "invalid_request", "RS256 ended on 1 March 2025"},
		{"an hour and a second", good.claim("exp", now+3601), "invalid_request", "exp must be 1 to 3600 seconds after iat"},
		{"an hour too long", good.claim("exp", now+7200), "invalid_request", "exp must be 1 to 3600 seconds after iat"},
		{"audience of another account", good.claim("aud", "https://7654321.suitetalk.api.netsuite.com"+authPath+"/token"), "invalid_request", "aud must be"},
		{"audience is the server alone", good.claim("aud", e.URL()), "invalid_request", "aud must be"},
		{"kid of another account", good.header("kid", elsewhere), "invalid_grant", "belongs to account 1234567_SB1"},
		{"kid of another key", good.header("kid", another), "invalid_grant", "signature"},
		{"unknown kid", good.header("kid", strings.Repeat("A", 43)), "invalid_grant", "unknown certificate ID"},
	}
	input := struct {
		Key        string `json:"key"`
		Assertions []jwt  `json:"assertions"`
	}{Key: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8(t, key)}))}
	for _, c := range cases {
		input.Assertions = append(input.Assertions, c.assertion)
	}
	signed := node[[]string](t, "sign_jsrsasign.mjs", input)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			want := http.StatusOK
			if c.refusal != "" {
				want = http.StatusBadRequest
			}
			status, got := e.present(t, signed[i])
			if status != want || got.Error != c.refusal || (got.AccessToken != "") != (c.refusal == "") {
				t.Errorf("answer %d, error %q, a token: %t; want %d, %q", status, got.Error, got.AccessToken != "", want, c.refusal)
			}
			entry := e.last(t, "/token")
			if entry.OK != (c.refusal == "") || entry.Status != want || !strings.Contains(entry.Rule, c.rule) {
				t.Errorf("ledger: ok %t, status %d, rule %q; want %d and %q", entry.OK, entry.Status, entry.Rule, want, c.rule)
			}
			if c.refusal == "" {
				e.query(t, got.AccessToken)
			}
		})
	}
}

// tokenAnswer is an answer of NetSuite's token endpoint.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	Error       string `json:"error"`
}

// present sends an assertion in the three parameters of H/section_162755359851.
func (e *emulator) present(t *testing.T, assertion string) (int, tokenAnswer) {
	t.Helper()
	status, body := post(t, e.tokenURL(), "", "application/x-www-form-urlencoded", url.Values{
		"grant_type":            {"client_credentials"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	}.Encode())
	return status, parse[tokenAnswer](t, body)
}

// post sends a body, with a bearer token unless that is empty.
func post(t *testing.T, address, bearer, contentType, body string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", contentType)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, answer
}

// shortKey uploads by hand, since our client refuses such a key by itself.
func (e *emulator) shortKey(t *testing.T, admin netsuite.Secret) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	role, entity := e.holder(t, globex)
	body, err := json.Marshal(map[string]any{
		"fileContent": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), "role": role, "entity": entity,
	})
	must(t, err)
	before := len(e.Account(string(globex)).Certificates())
	path := authPath + "/clients/" + e.client.ClientID + "/certificates"
	status, answer := post(t, e.URL()+path, admin.Reveal(), "application/json", string(body))
	if status != http.StatusBadRequest || !strings.Contains(string(answer), "INVALID_CONTENT") {
		t.Errorf("answer %d %s, want 400 with INVALID_CONTENT", status, answer)
	}
	if entry := e.last(t, path); entry.OK || !strings.Contains(entry.Rule, "3072 or 4096 bits, not 2048") {
		t.Errorf("ledger: %+v", entry)
	}
	if now := len(e.Account(string(globex)).Certificates()); now != before {
		t.Errorf("%d certificates after the refusal, %d before", now, before)
	}
}
