package netsuitetest_test

import (
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

type listed struct {
	Application struct {
		ID            int64  `json:"id"`
		Name          string `json:"name"`
		URL           string `json:"url"`
		ApplicationID string `json:"application_id"`
	} `json:"application"`
	Entity, Role struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
		URL  string `json:"url"`
	}
	Created    string `json:"created"`
	ValidFrom  string `json:"valid_from"`
	ValidUntil string `json:"valid_until"`
	Revoked    bool   `json:"revoked"`
	ID         string `json:"certificate_id"`
	Algorithm  string `json:"algorithm"`
}

func (w *world) list(bearer string) []listed {
	w.t.Helper()
	p := w.call(http.MethodGet, w.certificatesURL(w.public), bearer, nil)
	var out []listed
	d := json.NewDecoder(strings.NewReader(p.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&out); err != nil || p.status != http.StatusOK {
		w.t.Fatalf("list: %d %s", p.status, p.body)
	}
	return out
}

func TestCertificateList(t *testing.T) {
	t.Parallel()
	w, k, consent := machine(t)
	role, entity := w.ids(robot, acmeRole)
	got := w.list(consent.Access)
	if len(got) != 1 {
		t.Fatalf("list: %d elements, want 1", len(got))
	}
	c := got[0]
	if c.ID != k.id || c.Revoked || c.Algorithm != "EC" || c.Entity.ID != entity || c.Role.ID != role || c.Role.Name != "Acme Sync" ||
		c.Application.Name != "Acme Sync" || c.Application.ApplicationID != w.public.ApplicationID {
		t.Errorf("element: %+v", c)
	}
	if until, err := time.Parse(time.RFC3339, c.ValidUntil); err != nil || !until.Equal(k.cert.NotAfter) {
		t.Errorf("valid_until: %q, want %s", c.ValidUntil, k.cert.NotAfter)
	}
	// Both hosts, a trailing slash, and Oracle's stray query.
	for _, u := range []string{
		w.certificatesURL(w.public) + "/", w.certificatesURL(w.public) + "?c=1234567",
		w.host("1234567", "restlets") + authPath + "/clients/" + w.public.ClientID + "/certificates",
	} {
		if p := w.call(http.MethodGet, u, consent.Access, nil); p.status != http.StatusOK {
			t.Errorf("%s: %d, want 200", u, p.status)
		}
	}
	if p := w.call(http.MethodGet, w.host("1234567", "app")+authPath+"/clients/"+w.public.ClientID+"/certificates", consent.Access, nil); p.status != http.StatusNotFound || !strings.Contains(w.last().Rule, "wrong service") {
		t.Errorf("on the app host: %d, rule %q", p.status, w.last().Rule)
	}
	if p := w.call(http.MethodGet, w.host("1234567", "suitetalk")+authPath+"/clients/"+strings.Repeat("a", 64)+"/certificates", consent.Access, nil); p.status != http.StatusNotFound {
		t.Errorf("unknown client: %d, want 404", p.status)
	}
}

// TestCertificateUploadRefusals: bad bodies and bad certificates change nothing.
func TestCertificateUploadRefusals(t *testing.T) {
	t.Parallel()
	w, k, consent := machine(t)
	role, entity := w.ids(robot, acmeRole)
	now := w.srv.Clock().Now()
	fresh := func() string { return w.newKey().pem }
	selfSigned := func(bits int) string {
		return newKey(t, rsaKey(t, bits), now.Add(-time.Hour), now.Add(time.Hour)).pem
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		body   any
		status int
	}{
		{"no JSON", "x", 400},
		{"empty body", "", 400},
		{"an array", "[]", 400},
		{"no file", map[string]any{"role": role, "entity": entity}, 400},
		{"no role", map[string]any{"fileContent": fresh(), "entity": entity}, 400},
		{"role as text", map[string]any{"fileContent": fresh(), "role": "1067", "entity": entity}, 400},
		{"unknown field", map[string]any{"fileContent": fresh(), "role": role, "entity": entity, "name": "x"}, 400},
		{"two bodies", `{"fileContent":"x","role":1,"entity":1}{}`, 400},
		{"huge", map[string]any{"fileContent": strings.Repeat("A", 1<<20), "role": role, "entity": entity}, 400},
		{"no PEM", upload{"MIIB", role, entity}, 400},
		{"garbage in PEM", upload{string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), role, entity}, 400},
		{"private key", upload{string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})), role, entity}, 400},
		{"two certificates", upload{fresh() + fresh(), role, entity}, 400},
		{"RSA 2048", upload{selfSigned(2048), role, entity}, 400},
		{"P-224", upload{newKey(t, ecKey(t, elliptic.P224()), now, now.Add(time.Hour)).pem, role, entity}, 400},
		{"Ed25519", upload{newKey(t, edKey, now, now.Add(time.Hour)).pem, role, entity}, 400},
		{"expired", upload{newKey(t, ecKey(t, elliptic.P256()), now.Add(-2*time.Hour), now.Add(-time.Hour)).pem, role, entity}, 400},
		{"same certificate again", upload{k.pem, role, entity}, 400},
		{"same certificate for another combination", upload{k.pem, 3, -5}, 400},
		{"unknown entity", upload{fresh(), role, 999_999}, 400},
		{"unknown role", upload{fresh(), 999_999, entity}, 400},
	} {
		p := w.call(http.MethodPost, w.certificatesURL(w.public), consent.Access, tt.body)
		if p.status != tt.status || p.restError(t) == "" || w.last().OK {
			t.Errorf("%s: %d %s, want %d", tt.name, p.status, p.body, tt.status)
		}
	}
	if p := w.call(http.MethodPost, w.certificatesURL(w.public), consent.Access, upload{fresh(), role, entity}, "Content-Type", "text/plain"); p.status != 400 {
		t.Errorf("text/plain: %d, want 400", p.status)
	}
	if p := w.call(http.MethodPost, w.certificatesURL(w.confidential), consent.Access, upload{fresh(), role, entity}); p.status != 400 {
		t.Errorf("record without client credentials: %d, want 400", p.status)
	}
	if got := w.account().ActiveCertificates(w.public.ClientID); got != 1 {
		t.Errorf("active certificates: %d, want 1", got)
	}
}

// TestFiveCertificates: the sixth active one is refused; revoked and expired ones do not count.
func TestFiveCertificates(t *testing.T) {
	t.Parallel()
	w, k, consent := machine(t)
	if err := w.account().AddForeignCertificates(w.public.ClientID, 4); err != nil {
		t.Fatal(err)
	}
	role, entity := w.ids(robot, acmeRole)
	next := upload{w.newKey().pem, role, entity}
	if p := w.call(http.MethodPost, w.certificatesURL(w.public), consent.Access, next); p.status != 400 || !strings.Contains(w.last().Rule, "five") {
		t.Errorf("sixth: %d, rule %q", p.status, w.last().Rule)
	}
	if err := w.account().AddForeignCertificates(w.public.ClientID, 1); err == nil {
		t.Error("a foreign sixth one was added")
	}
	if p := w.call(http.MethodPost, w.certificatesURL(w.public)+"/"+k.id+"/revoke", consent.Access, nil); p.status != 200 {
		t.Fatalf("revoke: %d %s", p.status, p.body)
	}
	if p := w.call(http.MethodPost, w.certificatesURL(w.public), consent.Access, next); p.status != 200 {
		t.Errorf("after a revocation: %d %s", p.status, p.body)
	}
	if p := w.call(http.MethodPost, w.certificatesURL(w.public)+"/"+k.id+"/revoke", consent.Access, nil); p.status != 400 {
		t.Errorf("revoked again: %d, want 400", p.status)
	}
	if p := w.call(http.MethodPost, w.certificatesURL(w.public)+"/unknown/revoke", consent.Access, nil); p.status != 404 {
		t.Errorf("unknown: %d, want 404", p.status)
	}
	if got := w.list(consent.Access); len(got) != 6 {
		t.Errorf("listed: %d, want 6, the revoked one included", len(got))
	}
	w.srv.Clock().Advance(400 * 24 * time.Hour) // the strangers' live a year
	if got := w.account().ActiveCertificates(w.public.ClientID); got != 1 {
		t.Errorf("active after their expiry: %d, want 1", got)
	}
}

// TestUploadRace: of many uploads at once five stay.
func TestUploadRace(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	role, entity := w.ids(robot, acmeRole)
	var wg sync.WaitGroup
	for range 12 {
		body := upload{w.newKey().pem, role, entity}
		wg.Go(func() { w.call(http.MethodPost, w.certificatesURL(w.public), consent.Access, body) })
	}
	wg.Wait()
	if got := w.account().ActiveCertificates(w.public.ClientID); got != 5 {
		t.Errorf("active: %d, want 5", got)
	}
}

// TestCertificateIsShortened: longer than two years is cut, not refused.
func TestCertificateIsShortened(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	now := w.srv.Clock().Now()
	k := newKey(t, ecKey(t, elliptic.P256()), now, now.AddDate(10, 0, 0))
	w.mapped(consent.Access, k)
	for _, c := range w.account().Certificates() {
		if c.ID == k.id && !c.ValidUntil.Equal(k.cert.NotBefore.AddDate(2, 0, 0)) {
			t.Errorf("valid until %s, want two years after %s", c.ValidUntil, k.cert.NotBefore)
		}
	}
}

// TestCertificatePermissions: administrators touch all, others their own, without the permission nothing.
func TestCertificatePermissions(t *testing.T) {
	t.Parallel()
	w, k, consent := machine(t)
	role, entity := w.ids(robot, acmeRole)
	machineToken := w.m2m(w.assertion(k).sign(t, k.private)).Access
	if err := w.account().AddForeignCertificates(w.public.ClientID, 1); err != nil {
		t.Fatal(err)
	}
	var foreign string
	for _, c := range w.account().Certificates() {
		if c.ID != k.id {
			foreign = c.ID
		}
	}
	if got := w.list(consent.Access); len(got) != 2 {
		t.Errorf("administrator sees %d, want 2", len(got))
	}
	if got := w.list(machineToken); len(got) != 1 || got[0].ID != k.id {
		t.Errorf("the machine sees %d, want its own", len(got))
	}
	if p := w.call(http.MethodPost, w.certificatesURL(w.public), machineToken, upload{w.newKey().pem, 3, -5}); p.status != 403 || p.restError(t) != "INSUFFICIENT_PERMISSION" {
		t.Errorf("machine uploads for the administrator: %d %s", p.status, p.body)
	}
	if p := w.call(http.MethodPost, w.certificatesURL(w.public), machineToken, upload{w.newKey().pem, 3, entity}); p.status != 403 {
		t.Errorf("machine uploads for a role it does not hold: %d, want 403", p.status)
	}
	if p := w.call(http.MethodPost, w.certificatesURL(w.public)+"/"+foreign+"/revoke", machineToken, nil); p.status != 403 {
		t.Errorf("machine revokes a foreign one: %d, want 403", p.status)
	}
	q := w.browser().consent(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public)), sales, "", "Sales Person", "allow")
	salesToken := w.token(w.exchangeForm(w.public, q.Get("code")), "").Access
	if p := w.call(http.MethodGet, w.certificatesURL(w.public), salesToken, nil); p.status != 403 {
		t.Errorf("without the permission: %d, want 403", p.status)
	}
	if p := w.call(http.MethodPost, w.certificatesURL(w.public), salesToken, upload{w.newKey().pem, role, entity}); p.status != 403 {
		t.Errorf("upload without the permission: %d, want 403", p.status)
	}
	onlyRESTlets := w.token(w.exchangeForm(w.public, w.browser().consent(
		authorizeURL(w.host("1234567", "app"), with(authorizeQuery(w.public), "scope", "restlets")), admin, "", "", "allow").Get("code")), "").Access
	if p := w.call(http.MethodGet, w.certificatesURL(w.public), onlyRESTlets, nil); p.status != 401 || w.last().AuditDetail != "ScopeMismatched" {
		t.Errorf("scope restlets: %d audit %q, want 401 ScopeMismatched", p.status, w.last().AuditDetail)
	}
}

func TestCertificateOwnRoleOnly(t *testing.T) {
	t.Parallel()
	w, k, _ := machine(t, netsuitetest.Settings{CertOwnRoleOnly: true})
	if err := w.account().AssignRole(robot, "sales_person"); err != nil {
		t.Fatal(err)
	}
	_, entity := w.ids(robot, acmeRole)
	token := w.m2m(w.assertion(k).sign(t, k.private)).Access
	if p := w.call(http.MethodPost, w.certificatesURL(w.public), token, upload{w.newKey().pem, 6, entity}); p.status != 403 {
		t.Errorf("another role of the own entity: %d, want 403", p.status)
	}
}

func TestCertificateSettings(t *testing.T) {
	t.Parallel()
	w, k, consent := machine(t, netsuitetest.Settings{
		KidRandom: true, CertUploadBodyEmpty: true, CertRevokeBodyEmpty: true, CertErrorsPlainText: true, CertVendorType: true,
		CertDateFormat: "02/01/2006", RevokeKillsM2MTokens: true, CertHosts: "suitetalk",
	})
	c := w.list(consent.Access)[0]
	if c.ID == k.id || len(c.ID) != 43 {
		t.Errorf("certificate ID %q, want 43 random characters", c.ID)
	}
	if want := k.cert.NotAfter.Format("02/01/2006"); c.ValidUntil != want {
		t.Errorf("valid_until %q, want %q", c.ValidUntil, want)
	}
	tok := w.m2m(w.assertion(k).with("header", "kid", c.ID).sign(t, k.private))
	if tok.status != 200 {
		t.Fatalf("token: %d %q", tok.status, tok.Error)
	}
	p := w.call(http.MethodPost, w.certificatesURL(w.public), consent.Access, "x")
	if p.status != 400 || !strings.HasPrefix(p.header.Get("Content-Type"), "text/plain") {
		t.Errorf("error: %d %q %q, want 400 text/plain", p.status, p.header.Get("Content-Type"), p.body)
	}
	p = w.call(http.MethodPost, w.certificatesURL(w.public)+"/"+c.ID+"/revoke", consent.Access, nil)
	if p.status != 200 || p.body != "{}" || p.header.Get("Content-Type") != "application/vnd.oracle.resource+json" {
		t.Errorf("revoke: %d %q %q", p.status, p.header.Get("Content-Type"), p.body)
	}
	if p := w.suiteQL(tok.Access, "SELECT 1 AS a FROM dual"); p.status != 401 || w.last().AuditDetail != "AccessTokenRevoked" {
		t.Errorf("token of the revoked certificate: %d audit %q", p.status, w.last().AuditDetail)
	}
	if p := w.call(http.MethodGet, w.host("1234567", "restlets")+authPath+"/clients/"+w.public.ClientID+"/certificates", consent.Access, nil); p.status != 404 {
		t.Errorf("other host: %d, want 404", p.status)
	}
}

// TestLiveTokensOutliveTheirCertificate is the default: tokens live to exp.
func TestLiveTokensOutliveTheirCertificate(t *testing.T) {
	t.Parallel()
	w, k, _ := machine(t)
	tok := w.m2m(w.assertion(k).sign(t, k.private))
	if err := w.account().RevokeCertificate(k.id); err != nil {
		t.Fatal(err)
	}
	if p := w.suiteQL(tok.Access, "SELECT 1 AS a FROM dual"); p.status != 200 {
		t.Errorf("API: %d, want 200", p.status)
	}
	w.srv.Clock().Advance(time.Hour)
	if p := w.suiteQL(tok.Access, "SELECT 1 AS a FROM dual"); p.status != 401 || w.last().AuditDetail != "AccessTokenExpired" {
		t.Errorf("after an hour: %d audit %q", p.status, w.last().AuditDetail)
	}
}

// pssCertificate is a certificate whose key carries the OID id-RSASSA-PSS, which Go does not make by itself: the
// key info of a plain one is replaced and the whole signed again.
func pssCertificate(t *testing.T, plain key) string {
	t.Helper()
	var outer struct {
		TBS struct {
			Version            int `asn1:"optional,explicit,default:0,tag:0"`
			SerialNumber       asn1.RawValue
			SignatureAlgorithm pkix.AlgorithmIdentifier
			Issuer             asn1.RawValue
			Validity           asn1.RawValue
			Subject            asn1.RawValue
			PublicKey          struct {
				Algorithm pkix.AlgorithmIdentifier
				Key       asn1.BitString
			}
			Extensions asn1.RawValue `asn1:"optional,explicit,tag:3"`
		}
		SignatureAlgorithm pkix.AlgorithmIdentifier
		Signature          asn1.BitString
	}
	if _, err := asn1.Unmarshal(plain.cert.Raw, &outer); err != nil {
		t.Fatal(err)
	}
	outer.TBS.PublicKey.Algorithm = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}}
	der, err := asn1.Marshal(outer)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := x509.ParseCertificate(der); err != nil || c.PublicKey != nil {
		t.Fatalf("the made certificate is none, or Go reads its key: %v", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestPSSKeys(t *testing.T) {
	t.Parallel()
	for _, refuse := range []bool{false, true} {
		w, _, consent := machine(t, netsuitetest.Settings{RefusePSSKeys: refuse})
		role, entity := w.ids(robot, acmeRole)
		now := w.srv.Clock().Now()
		plain := newKey(t, rsaKey(t, 3072), now.Add(-time.Minute), now.Add(time.Hour))
		p := w.call(http.MethodPost, w.certificatesURL(w.public), consent.Access, upload{pssCertificate(t, plain), role, entity})
		if refuse {
			if p.status != 400 {
				t.Errorf("with RefusePSSKeys: %d, want 400", p.status)
			}
			continue
		}
		var c listed
		if err := json.Unmarshal([]byte(p.body), &c); err != nil || p.status != 200 {
			t.Fatalf("upload: %d %s", p.status, p.body)
		}
		tok := w.m2m(w.assertion(plain).with("header", "kid", c.ID).sign(t, plain.private))
		if tok.status != 200 {
			t.Errorf("token: %d %q (%s)", tok.status, tok.Error, w.last().Rule)
		}
	}
}
