package netsuitetest_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"html"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// This file is the client of these tests: a browser that fills forms, and a signer of assertions. It is written
// from the papers alone and shares nothing with the emulator.

const (
	callback = "https://app.acme.example/callback"
	authPath = "/services/rest/auth/oauth2/v1"
	admin    = "admin@globex.example"
	sales    = "sales@globex.example"
	robot    = "integration@globex.example"
	acmeRole = "customrole_acme_sync"
)

// world is an emulator with one public and one confidential integration record.
type world struct {
	t            *testing.T
	srv          *netsuitetest.Server
	public       netsuitetest.Integration
	confidential netsuitetest.Integration
}

func newWorld(t *testing.T, settings ...netsuitetest.Settings) *world {
	t.Helper()
	cfg := netsuitetest.Config{Accounts: smallAccounts()}
	if len(settings) > 0 {
		cfg.Settings = settings[0]
	}
	w := &world{t: t, srv: netsuitetest.Start(t, cfg)}
	w.public = w.add(netsuitetest.Integration{
		Name: "Acme Sync", CodeGrant: true, ClientCredentials: true, Public: true, RedirectURIs: []string{callback, "acme://back"},
		Scopes: []string{"rest_webservices", "restlets"}, RefreshHours: 1, RotationHours: 3,
	})
	w.confidential = w.add(netsuitetest.Integration{
		Name: "Acme Portal", CodeGrant: true, RedirectURIs: []string{callback}, Scopes: []string{"rest_webservices", "restlets"},
	})
	return w
}

func smallAccounts() []netsuitetest.AccountConfig {
	return []netsuitetest.AccountConfig{
		{ID: "TSTDRV1000001", Name: "Acme Software", Vendor: true, Customers: 5, Items: 5, SalesOrders: 5},
		{ID: "1234567", Name: "Globex", Customers: 20, Items: 5, SalesOrders: 10},
		{ID: "1234567_SB1", Name: "Globex Sandbox", Customers: 5, Items: 5, SalesOrders: 5},
	}
}

func (w *world) add(i netsuitetest.Integration) netsuitetest.Integration {
	w.t.Helper()
	i, err := w.srv.AddIntegration(i)
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}

func (w *world) account() *netsuitetest.Account { return w.srv.Account("1234567") }

// host is a loopback twin of an account's service.
func (w *world) host(account, service string) string {
	_, port, _ := net.SplitHostPort(w.srv.Addr())
	label := strings.ReplaceAll(strings.ToLower(account), "_", "-")
	return "http://" + label + "." + service + ".localhost:" + port
}

func (w *world) system() string {
	_, port, _ := net.SplitHostPort(w.srv.Addr())
	return "http://system.localhost:" + port
}

// browser keeps cookies and follows no redirect by itself.
type browser struct {
	t      *testing.T
	client *http.Client
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	b := &browser{t: w.t, client: w.client()}
	b.client.Jar = jar
	return b
}

// client reaches the emulator under every name.
func (w *world) client() *http.Client {
	addr := w.srv.Addr()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// page is an answer, read to its end.
type page struct {
	status int
	header http.Header
	body   string
	url    *url.URL
}

func (b *browser) do(req *http.Request) page {
	b.t.Helper()
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{resp.StatusCode, resp.Header, string(body), req.URL}
}

func (b *browser) get(u string) page {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodGet, u, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.follow(b.do(req))
}

func (b *browser) post(u string, form url.Values) page {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodPost, u, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.follow(b.do(req))
}

// follow follows redirects within the emulator; one that leaves it is returned as it is.
func (b *browser) follow(p page) page {
	b.t.Helper()
	for p.status == http.StatusFound || p.status == http.StatusSeeOther {
		next, err := p.url.Parse(p.header.Get("Location"))
		if err != nil {
			b.t.Fatal(err)
		}
		if next.Hostname() != "127.0.0.1" && !strings.HasSuffix(next.Hostname(), ".localhost") {
			return p
		}
		req, err := http.NewRequest(http.MethodGet, next.String(), nil)
		if err != nil {
			b.t.Fatal(err)
		}
		p = b.do(req)
	}
	return p
}

var (
	stepAttr    = regexp.MustCompile(`<main data-step="([a-z0-9]+)"`)
	formAction  = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
	hiddenField = regexp.MustCompile(`<input type="hidden" name="([a-z_]+)" value="([^"]*)"`)
	optionTag   = regexp.MustCompile(`<option value="([^"]*)"[^>]*>([^<]*)</option>`)
)

func (p page) step() string {
	if m := stepAttr.FindStringSubmatch(p.body); m != nil {
		return m[1]
	}
	return ""
}

// submit sends the page's main form: the first one that is not Log out.
func (b *browser) submit(p page, fields url.Values) page {
	b.t.Helper()
	main := p.body[strings.Index(p.body, "<main"):]
	m := formAction.FindStringSubmatch(main)
	if m == nil {
		b.t.Fatalf("no form on the page %q:\n%s", p.step(), p.body)
	}
	action, err := p.url.Parse(html.UnescapeString(m[1]))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, h := range hiddenField.FindAllStringSubmatch(main, -1) {
		if !fields.Has(h[1]) {
			fields.Set(h[1], html.UnescapeString(h[2]))
		}
	}
	return b.post(action.String(), fields)
}

const (
	goodState    = "0123456789abcdefghijklmnopqrstuv"
	goodVerifier = "verifier-verifier-verifier-verifier-verifier-1"
)

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// authorizeQuery is a good authorization request.
func authorizeQuery(i netsuitetest.Integration) url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {i.ClientID}, "redirect_uri": {callback}, "scope": {"rest_webservices restlets"},
		"state": {goodState}, "code_challenge": {challenge(goodVerifier)}, "code_challenge_method": {"S256"},
	}
}

func with(v url.Values, pairs ...string) url.Values {
	out := url.Values{}
	for k, vs := range v {
		out[k] = vs
	}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			out.Del(pairs[i])
		} else {
			out.Set(pairs[i], pairs[i+1])
		}
	}
	return out
}

func authorizeURL(base string, q url.Values) string {
	return base + "/app/login/oauth2/authorize.nl?" + q.Encode()
}

// consent plays a person through log-in, company, role and consent until a redirect leaves the emulator.
func (b *browser) consent(start, email, company, role, action string) url.Values {
	b.t.Helper()
	p := b.get(start)
	for range 8 {
		if p.status == http.StatusFound || p.status == http.StatusSeeOther {
			u, err := url.Parse(p.header.Get("Location"))
			if err != nil {
				b.t.Fatal(err)
			}
			return u.Query()
		}
		switch p.step() {
		case "login":
			if strings.Contains(p.body, `name="company"`) {
				p = b.submit(p, url.Values{"company": {company}})
			} else {
				p = b.submit(p, url.Values{"email": {email}, "password": {"any"}})
			}
		case "role":
			p = b.submit(p, url.Values{"role": {p.option(role)}})
		case "consent":
			p = b.submit(p, url.Values{"action": {action}})
		default:
			b.t.Fatalf("stopped at page %q, status %d:\n%s", p.step(), p.status, p.body)
		}
	}
	b.t.Fatal("the flow does not end")
	return nil
}

// option is the value of the option with this label.
func (p page) option(label string) string {
	for _, m := range optionTag.FindAllStringSubmatch(p.body, -1) {
		if m[2] == label {
			return m[1]
		}
	}
	return label
}

// code runs a whole consent of the administrator and returns the code.
func (w *world) code(i netsuitetest.Integration) string {
	w.t.Helper()
	q := w.browser().consent(authorizeURL(w.host("1234567", "app"), authorizeQuery(i)), admin, "", "Administrator", "allow")
	if q.Get("code") == "" {
		w.t.Fatalf("no code in %v", q)
	}
	return q.Get("code")
}

// tokens is an answer of the token endpoint.
type tokens struct {
	status  int
	header  http.Header
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Type    string `json:"token_type"`
	Expires any    `json:"expires_in"`
	Scope   string `json:"scope"`
	Error   string `json:"error"`
}

// form posts a form to the auth service of an account; basic is "id:secret" or empty.
func (w *world) form(host, path string, form url.Values, basic string) tokens {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodPost, host+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basic != "" {
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(basic)))
	}
	return w.tokens(req)
}

func (w *world) tokens(req *http.Request) tokens {
	w.t.Helper()
	b := &browser{t: w.t, client: w.client()}
	p := b.do(req)
	out := tokens{status: p.status, header: p.header}
	if p.body != "" {
		if err := json.Unmarshal([]byte(p.body), &out); err != nil {
			w.t.Fatalf("token answer %d %q: %v", p.status, p.body, err)
		}
	}
	return out
}

func (w *world) token(form url.Values, basic string) tokens {
	w.t.Helper()
	return w.form(w.host("1234567", "suitetalk"), authPath+"/token", form, basic)
}

func (w *world) exchangeForm(i netsuitetest.Integration, code string) url.Values {
	f := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {goodVerifier}}
	if i.Public {
		f.Set("client_id", i.ClientID)
	}
	return f
}

func basicOf(i netsuitetest.Integration) string {
	if i.Public {
		return ""
	}
	return i.ClientID + ":" + i.ClientSecret
}

// login is a whole code flow of the administrator.
func (w *world) login(i netsuitetest.Integration) tokens {
	w.t.Helper()
	tok := w.token(w.exchangeForm(i, w.code(i)), basicOf(i))
	if tok.status != http.StatusOK || tok.Access == "" {
		w.t.Fatalf("exchange: %d %+v", tok.status, tok)
	}
	return tok
}

// call sends a request with a bearer token; body is marshalled unless nil or a string.
func (w *world) call(method, u, bearer string, body any, headers ...string) page {
	w.t.Helper()
	var r io.Reader
	switch v := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(v)
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			w.t.Fatal(err)
		}
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, u, r)
	if err != nil {
		w.t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return (&browser{t: w.t, client: w.client()}).do(req)
}

func (w *world) suiteQL(bearer, query string) page {
	w.t.Helper()
	return w.call(http.MethodPost, w.host("1234567", "suitetalk")+"/services/rest/query/v1/suiteql", bearer,
		map[string]string{"q": query}, "Prefer", "transient")
}

// restError is the code of an answer in the REST error shape.
func (p page) restError(t *testing.T) string {
	t.Helper()
	var e struct {
		Details []struct {
			Code string `json:"o:errorCode"`
		} `json:"o:errorDetails"`
	}
	if err := json.Unmarshal([]byte(p.body), &e); err != nil || len(e.Details) != 1 {
		t.Fatalf("no REST error: %d %q", p.status, p.body)
	}
	return e.Details[0].Code
}

func (w *world) certificatesURL(i netsuitetest.Integration) string {
	return w.host("1234567", "suitetalk") + authPath + "/clients/" + i.ClientID + "/certificates"
}

// key is a key pair with its certificate.
type key struct {
	private crypto.Signer
	cert    *x509.Certificate
	pem     string
	id      string // SHA-256 thumbprint
}

var rsaKeys sync.Map // int -> *rsa.PrivateKey; RSA keys are slow to make, so tests share one of each size

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	if k, ok := rsaKeys.Load(bits); ok {
		return k.(*rsa.PrivateKey)
	}
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	rsaKeys.Store(bits, k)
	return k
}

func ecKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newKey(t *testing.T, private crypto.Signer, from, until time.Time) key {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "acme"}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return key{private, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), base64.RawURLEncoding.EncodeToString(sum[:])}
}

func (w *world) newKey() key {
	now := w.srv.Clock().Now()
	return newKey(w.t, ecKey(w.t, elliptic.P256()), now.Add(-5*time.Minute), now.Add(729*24*time.Hour))
}

type upload struct {
	File   string `json:"fileContent"`
	Role   int64  `json:"role"`
	Entity int64  `json:"entity"`
}

// robotReady installs the bundle and gives its role to the integration user.
func (w *world) robotReady() (role, entity int64) {
	w.t.Helper()
	if err := w.account().InstallBundle(123456); err != nil {
		w.t.Fatal(err)
	}
	if err := w.account().AssignRole(robot, acmeRole); err != nil {
		w.t.Fatal(err)
	}
	return w.ids(robot, acmeRole)
}

func (w *world) ids(email, roleScript string) (role, entity int64) {
	w.t.Helper()
	for _, r := range w.account().Roles() {
		if r.ScriptID == roleScript {
			role = r.ID
		}
	}
	for _, e := range w.account().Employees() {
		if e.Email == email {
			entity = e.ID
		}
	}
	return role, entity
}

// mapped uploads the certificate for the integration user with the administrator's token.
func (w *world) mapped(bearer string, k key) {
	w.t.Helper()
	role, entity := w.ids(robot, acmeRole)
	p := w.call(http.MethodPost, w.certificatesURL(w.public), bearer, upload{k.pem, role, entity})
	if p.status != http.StatusOK {
		w.t.Fatalf("upload: %d %s", p.status, p.body)
	}
}

// signed is an assertion in the making.
type signed struct {
	header, claims map[string]any
}

func (w *world) assertion(k key) signed {
	now := w.srv.Clock().Now().Unix()
	return signed{
		header: map[string]any{"typ": "JWT", "alg": algorithmOf(k.private), "kid": k.id},
		claims: map[string]any{
			"iss": w.public.ClientID, "scope": []string{"rest_webservices", "restlets"}, "aud": w.tokenURL(), "iat": now, "exp": now + 300, "jti": strconv.FormatInt(time.Now().UnixNano(), 36),
		},
	}
}

func (w *world) tokenURL() string { return w.host("1234567", "suitetalk") + authPath + "/token" }

func algorithmOf(private crypto.Signer) string {
	k, ok := private.(*ecdsa.PrivateKey)
	if !ok {
		return "PS256"
	}
	return map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[k.Curve.Params().BitSize]
}

func (s signed) with(part, name string, value any) signed {
	m := s.header
	if part == "claims" {
		m = s.claims
	}
	if value == nil {
		delete(m, name)
	} else {
		m[name] = value
	}
	return s
}

// sign makes the compact form with this key, by the algorithm that the header names.
func (s signed) sign(t *testing.T, private crypto.Signer) string {
	t.Helper()
	head, err := json.Marshal(s.header)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(s.claims)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	input := b64(head) + "." + b64(body)
	alg, _ := s.header["alg"].(string)
	return input + "." + b64(signature(t, private, alg, input))
}

func signature(t *testing.T, private crypto.Signer, alg, input string) []byte {
	t.Helper()
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[max(0, len(alg)-3):]]
	if hash == 0 {
		return []byte("no signature")
	}
	h := hash.New()
	h.Write([]byte(input))
	sum := h.Sum(nil)
	switch k := private.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, sum)
		if err != nil {
			t.Fatal(err)
		}
		size := (k.Curve.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	case *rsa.PrivateKey:
		var opts crypto.SignerOpts = hash
		if strings.HasPrefix(alg, "PS") {
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		}
		out, err := k.Sign(rand.Reader, sum, opts)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	t.Fatalf("no signer for %T", private)
	return nil
}

func m2mForm(assertion string) url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion": {assertion},
	}
}

func (w *world) m2m(assertion string) tokens {
	w.t.Helper()
	return w.token(m2mForm(assertion), "")
}

// last is the newest entry of the ledger.
func (w *world) last() netsuitetest.Entry {
	w.t.Helper()
	all := w.srv.Ledger().Entries()
	if len(all) == 0 {
		w.t.Fatal("the ledger is empty")
	}
	return all[len(all)-1]
}

// claims reads a token's payload.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %d parts", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
