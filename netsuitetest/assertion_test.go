package netsuitetest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// machine is a world with a mapped certificate of the integration user.
func machine(t *testing.T, settings ...netsuitetest.Settings) (*world, key, tokens) {
	t.Helper()
	w := newWorld(t, settings...)
	w.robotReady()
	consent := w.login(w.public)
	k := w.newKey()
	w.mapped(consent.Access, k)
	return w, k, consent
}

// TestAssertionAlgorithms: every key that NetSuite takes, with its algorithms.
func TestAssertionAlgorithms(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	now := w.srv.Clock().Now()
	for _, tt := range []struct {
		name    string
		private crypto.Signer
		algs    []string
	}{
		{"P-256", ecKey(t, elliptic.P256()), []string{"ES256"}},
		{"P-384", ecKey(t, elliptic.P384()), []string{"ES384"}},
		{"P-521", ecKey(t, elliptic.P521()), []string{"ES512"}},
		{"RSA 3072", rsaKey(t, 3072), []string{"PS256", "PS384", "PS512"}},
	} {
		k := newKey(t, tt.private, now.Add(-time.Minute), now.Add(24*time.Hour))
		w.mapped(consent.Access, k)
		for _, alg := range tt.algs {
			tok := w.m2m(w.assertion(k).with("header", "alg", alg).sign(t, k.private))
			if tok.status != http.StatusOK {
				t.Errorf("%s %s: %d %q (%s)", tt.name, alg, tok.status, tok.Error, w.last().Rule)
				continue
			}
			c := claims(t, tok.Access)
			if !strings.HasPrefix(c["jti"].(string), "1234567.a-c.null.") || c["oit"] != c["iat"] {
				t.Errorf("%s: claims %v", tt.name, c)
			}
		}
		if err := w.account().RevokeCertificate(k.id); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAssertionRSA4096 stands alone since its key is slow to make.
func TestAssertionRSA4096(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	now := w.srv.Clock().Now()
	k := newKey(t, rsaKey(t, 4096), now.Add(-time.Minute), now.Add(24*time.Hour))
	w.mapped(consent.Access, k)
	if tok := w.m2m(w.assertion(k).sign(t, k.private)); tok.status != http.StatusOK {
		t.Errorf("%d %q (%s)", tok.status, tok.Error, w.last().Rule)
	}
}

// TestAssertionRefusals holds the rules of the assertion against the emulator, one broken at a time.
func TestAssertionRefusals(t *testing.T) {
	t.Parallel()
	w, k, consent := machine(t)
	now := w.srv.Clock().Now()
	rsa3072 := newKey(t, rsaKey(t, 3072), now.Add(-time.Minute), now.Add(24*time.Hour))
	w.mapped(consent.Access, rsa3072)
	stranger := w.newKey()
	unix := now.Unix()
	good := func() signed { return w.assertion(k) }
	for _, tt := range []struct {
		name      string
		assertion string
		error     string
	}{
		{"RS256", w.assertion(rsa3072).with("header", "alg", "RS256").sign(t, rsa3072.private), "invalid_request"},
		{"none", good().with("header", "alg", "none").sign(t, k.private), "invalid_request"},
		{"HS256", good().with("header", "alg", "HS256").sign(t, k.private), "invalid_request"},
		{"no alg", good().with("header", "alg", nil).sign(t, k.private), "invalid_request"},
		{"alg of another curve", good().with("header", "alg", "ES384").sign(t, k.private), "invalid_grant"},
		{"EC alg with an RSA key", w.assertion(rsa3072).with("header", "alg", "ES256").sign(t, rsa3072.private), "invalid_grant"},
		{"RSA alg with an EC key", good().with("header", "alg", "PS256").sign(t, k.private), "invalid_grant"},
		{"typ at+jwt", good().with("header", "typ", "at+jwt").sign(t, k.private), "invalid_request"},
		{"crit", good().with("header", "crit", []string{"exp"}).sign(t, k.private), "invalid_request"},
		{"no kid", good().with("header", "kid", nil).sign(t, k.private), "invalid_request"},
		{"unknown kid", good().with("header", "kid", "unknown").sign(t, k.private), "invalid_grant"},
		{"signed by a stranger", good().sign(t, stranger.private), "invalid_grant"},
		{"ECDSA signature as DER", derSigned(t, good(), k), "invalid_grant"},
		{"no iss", good().with("claims", "iss", nil).sign(t, k.private), "invalid_request"},
		{"iss of another client", good().with("claims", "iss", w.confidential.ClientID).sign(t, k.private), "invalid_grant"},
		{"no aud", good().with("claims", "aud", nil).sign(t, k.private), "invalid_request"},
		{"aud of another account", good().with("claims", "aud", "https://7654321.suitetalk.api.netsuite.com"+authPath+"/token").sign(t, k.private), "invalid_request"},
		{"aud without path", good().with("claims", "aud", "https://1234567.suitetalk.api.netsuite.com").sign(t, k.private), "invalid_request"},
		{"aud in capitals", good().with("claims", "aud", strings.ToUpper(w.tokenURL())).sign(t, k.private), "invalid_request"},
		{"aud a number", good().with("claims", "aud", 7).sign(t, k.private), "invalid_request"},
		{"no iat", good().with("claims", "iat", nil).sign(t, k.private), "invalid_request"},
		{"iat a string", good().with("claims", "iat", "now").sign(t, k.private), "invalid_request"},
		{"iat in the future", good().with("claims", "iat", unix+400).with("claims", "exp", unix+700).sign(t, k.private), "invalid_request"},
		{"no exp", good().with("claims", "exp", nil).sign(t, k.private), "invalid_request"},
		{"a second longer than an hour", good().with("claims", "exp", unix+3601).sign(t, k.private), "invalid_request"},
		{"an hour too long", good().with("claims", "exp", unix+7200).sign(t, k.private), "invalid_request"},
		{"exp before iat", good().with("claims", "exp", unix-1).sign(t, k.private), "invalid_request"},
		{"expired", good().with("claims", "iat", unix-600).with("claims", "exp", unix-300).sign(t, k.private), "invalid_request"},
		{"exp of 1e300", good().with("claims", "exp", 1e300).sign(t, k.private), "invalid_request"},
		{"no scope", good().with("claims", "scope", nil).sign(t, k.private), "invalid_scope"},
		{"empty scope", good().with("claims", "scope", []string{}).sign(t, k.private), "invalid_scope"},
		{"scope not in the record", good().with("claims", "scope", []string{"suite_analytics"}).sign(t, k.private), "invalid_scope"},
		{"scope mcp", good().with("claims", "scope", "mcp").sign(t, k.private), "invalid_scope"},
		{"scope a number", good().with("claims", "scope", 7).sign(t, k.private), "invalid_request"},
		{"empty", "", "invalid_request"},
		{"two parts", "a.b", "invalid_request"},
		{"a million dots", strings.Repeat(".", 60_000), "invalid_request"},
		{"no base64", "a!.b!.c!", "invalid_request"},
		{"no JSON", "YWJj.YWJj.YWJj", "invalid_request"},
		{"a refresh token", consent.Refresh, "invalid_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := w.m2m(tt.assertion)
			if got.status != http.StatusBadRequest || got.Error != tt.error || got.Access != "" {
				t.Errorf("answer: %d %q, want 400 %q (%s)", got.status, got.Error, tt.error, w.last().Rule)
			}
			if e := w.last(); e.OK || e.Rule == "" || e.GrantType != "client_credentials" {
				t.Errorf("ledger: %+v", e)
			}
		})
	}
	if tok := w.m2m(good().sign(t, k.private)); tok.status != http.StatusOK {
		t.Errorf("a good one after all that: %d %q", tok.status, tok.Error)
	}
}

func derSigned(t *testing.T, s signed, k key) string {
	t.Helper()
	raw := s.sign(t, k.private)
	input := raw[:strings.LastIndex(raw, ".")]
	sum := sha256.Sum256([]byte(input))
	der, err := ecdsa.SignASN1(rand.Reader, k.private.(*ecdsa.PrivateKey), sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(der)
}

// TestAssertionForms: the forms of working clients, all taken.
func TestAssertionForms(t *testing.T) {
	t.Parallel()
	w, k, _ := machine(t)
	now := w.srv.Clock().Now().Unix()
	for name, s := range map[string]signed{
		"aud as list":            w.assertion(k).with("claims", "aud", []string{w.tokenURL()}),
		"aud with the real name": w.assertion(k).with("claims", "aud", "https://1234567.suitetalk.api.netsuite.com"+authPath+"/token"),
		"aud of Connect":         w.assertion(k).with("claims", "aud", "https://1234567.connect.api.netsuite.com"+authPath+"/token"),
		"scope by comma":         w.assertion(k).with("claims", "scope", "rest_webservices,restlets"),
		"scope by space":         w.assertion(k).with("claims", "scope", "rest_webservices restlets"),
		"single scope":           w.assertion(k).with("claims", "scope", "restlets"),
		"sub of any text":        w.assertion(k).with("claims", "sub", "whatever"),
		"no typ":                 w.assertion(k).with("header", "typ", nil),
		"no jti":                 w.assertion(k).with("claims", "jti", nil),
		"an hour exactly":        w.assertion(k).with("claims", "exp", now+3600),
		"iat 30 s ago":           w.assertion(k).with("claims", "iat", now-30).with("claims", "exp", now+270),
		"iat 4 minutes ahead":    w.assertion(k).with("claims", "iat", now+240),
	} {
		if tok := w.m2m(s.sign(t, k.private)); tok.status != http.StatusOK {
			t.Errorf("%s: %d %q (%s)", name, tok.status, tok.Error, w.last().Rule)
		}
	}
	form := with(m2mForm(w.assertion(k).sign(t, k.private)), "client_id", w.public.ClientID)
	if tok := w.token(form, ""); tok.status != http.StatusOK {
		t.Errorf("client_id beside the assertion: %d %q, want 200 (RFC 7521)", tok.status, tok.Error)
	}
}

func TestAssertionParameters(t *testing.T) {
	t.Parallel()
	w, k, _ := machine(t)
	form := func() url.Values { return m2mForm(w.assertion(k).sign(t, k.private)) }
	for _, tt := range []struct {
		name  string
		form  url.Values
		basic string
	}{
		{"no assertion type", with(form(), "client_assertion_type", ""), ""},
		{"other assertion type", with(form(), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), ""},
		{"no assertion", with(form(), "client_assertion", ""), ""},
		{"with Basic", form(), w.public.ClientID + ":"},
		{"with a secret", with(form(), "client_secret", "x"), ""},
		{"client_id of another", with(form(), "client_id", w.confidential.ClientID), ""},
	} {
		if got := w.token(tt.form, tt.basic); got.status != 400 || got.Error != "invalid_request" {
			t.Errorf("%s: %d %q, want 400 invalid_request", tt.name, got.status, got.Error)
		}
	}
}

func TestAssertionOfAnotherAccount(t *testing.T) {
	t.Parallel()
	w, k, _ := machine(t)
	host := w.host("1234567_SB1", "suitetalk")
	s := w.assertion(k).with("claims", "aud", host+authPath+"/token")
	got := w.form(host, authPath+"/token", m2mForm(s.sign(t, k.private)), "")
	if got.Error != "invalid_grant" || !strings.Contains(w.last().Rule, "belongs to account 1234567") {
		t.Errorf("foreign kid: %d %q, rule %q", got.status, got.Error, w.last().Rule)
	}
}

// TestAssertionState: certificate, entity, role and record are asked at each token.
func TestAssertionState(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*world, key) error
		status int
		error  string
		audit  string
	}{
		{"certificate revoked", func(w *world, k key) error { return w.account().RevokeCertificate(k.id) }, 400, "invalid_grant", "CertificateRevoked"},
		{"certificate expired", func(w *world, _ key) error {
			w.srv.Clock().Advance(730 * 24 * time.Hour)
			return nil
		}, 400, "invalid_grant", "CertificateExpired"},
		{"entity inactive", func(w *world, _ key) error { return w.account().SetEmployeeInactive(robot, true) }, 400, "invalid_grant", "EntityOrRoleDisabled"},
		{"role inactive", func(w *world, _ key) error { return w.account().SetRoleInactive(acmeRole, true) }, 400, "invalid_grant", "EntityOrRoleDisabled"},
		{"role taken away", func(w *world, _ key) error { return w.account().UnassignRole(robot, acmeRole) }, 400, "invalid_grant", "EntityOrRoleDisabled"},
		{"bundle removed", func(w *world, _ key) error { return w.account().UninstallBundle(123456) }, 400, "invalid_grant", "EntityOrRoleDisabled"},
		{"record blocked", func(w *world, _ key) error { return w.account().BlockIntegration(w.public.ClientID) }, 400, "unauthorized_client", "IntegrationBlocked"},
		{"sandbox refreshed", func(w *world, _ key) error {
			w.account().Refresh()
			return nil
		}, 400, "invalid_grant", "InvalidSignature"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, k, _ := machine(t)
			if err := tt.change(w, k); err != nil {
				t.Fatal(err)
			}
			got := w.m2m(w.assertion(k).sign(t, k.private))
			if got.status != tt.status || got.Error != tt.error || w.last().AuditDetail != tt.audit {
				t.Errorf("%d %q audit %q; want %d %q %q (%s)", got.status, got.Error, w.last().AuditDetail, tt.status, tt.error, tt.audit, w.last().Rule)
			}
			trail := w.account().LoginAuditTrail()
			if len(trail) == 0 || trail[len(trail)-1].Detail != tt.audit {
				t.Errorf("Login Audit Trail does not end with %s: %+v", tt.audit, trail)
			}
		})
	}
}

func TestAssertionSettings(t *testing.T) {
	t.Parallel()
	t.Run("bad key is invalid_client", func(t *testing.T) {
		t.Parallel()
		w, k, _ := machine(t, netsuitetest.Settings{M2MBadKeyError: "invalid_client"})
		if got := w.m2m(w.assertion(k).sign(t, w.newKey().private)); got.status != 401 || got.Error != "invalid_client" {
			t.Errorf("%d %q, want 401 invalid_client", got.status, got.Error)
		}
	})
	t.Run("RS256 allowed", func(t *testing.T) {
		t.Parallel()
		w, _, consent := machine(t, netsuitetest.Settings{AllowRS256: true})
		now := w.srv.Clock().Now()
		k := newKey(t, rsaKey(t, 3072), now, now.Add(time.Hour))
		w.mapped(consent.Access, k)
		if got := w.m2m(w.assertion(k).with("header", "alg", "RS256").sign(t, k.private)); got.status != 200 {
			t.Errorf("%d %q, want 200", got.status, got.Error)
		}
	})
	t.Run("below an hour", func(t *testing.T) {
		t.Parallel()
		w, k, _ := machine(t, netsuitetest.Settings{AssertionLifeBelowHour: true})
		now := w.srv.Clock().Now().Unix()
		if got := w.m2m(w.assertion(k).with("claims", "exp", now+3600).sign(t, k.private)); got.Error != "invalid_request" {
			t.Errorf("%d %q, want invalid_request", got.status, got.Error)
		}
	})
	t.Run("replay", func(t *testing.T) {
		t.Parallel()
		w, k, _ := machine(t, netsuitetest.Settings{AssertionReplayCheck: true})
		a := w.assertion(k).sign(t, k.private)
		if got := w.m2m(a); got.status != 200 {
			t.Errorf("first: %d %q", got.status, got.Error)
		}
		if got := w.m2m(a); got.Error != "invalid_request" {
			t.Errorf("again: %d %q, want invalid_request", got.status, got.Error)
		}
	})
	t.Run("scope from the record", func(t *testing.T) {
		t.Parallel()
		w, k, _ := machine(t, netsuitetest.Settings{AssertionScopeFromRecord: true})
		if got := w.m2m(w.assertion(k).with("claims", "scope", nil).sign(t, k.private)); got.status != 200 {
			t.Errorf("%d %q, want 200", got.status, got.Error)
		}
	})
	t.Run("public client refused", func(t *testing.T) {
		t.Parallel()
		w, k, _ := machine(t, netsuitetest.Settings{PublicRefusesClientCredentials: true})
		if got := w.m2m(w.assertion(k).sign(t, k.private)); got.Error != "unauthorized_client" || w.last().AuditDetail != "ClientCredentialsGrantRequired" {
			t.Errorf("%d %q audit %q", got.status, got.Error, w.last().AuditDetail)
		}
	})
}

// TestRealNames: the same flow when the requests carry NetSuite's own host names.
func TestRealNames(t *testing.T) {
	t.Parallel()
	w, k, _ := machine(t)
	const token = "http://1234567.suitetalk.api.netsuite.com" + authPath + "/token"
	s := w.assertion(k).with("claims", "aud", "https://1234567.suitetalk.api.netsuite.com"+authPath+"/token")
	got := w.form("http://1234567.suitetalk.api.netsuite.com", authPath+"/token", m2mForm(s.sign(t, k.private)), "")
	if got.status != http.StatusOK {
		t.Fatalf("%s: %d %q (%s)", token, got.status, got.Error, w.last().Rule)
	}
	p := w.call(http.MethodPost, "http://1234567.suitetalk.api.netsuite.com/services/rest/query/v1/suiteql", got.Access,
		map[string]string{"q": "SELECT id FROM customer ORDER BY id"}, "Prefer", "transient")
	if !strings.Contains(p.body, "https://1234567.suitetalk.api.netsuite.com/") {
		t.Errorf("links do not carry the real name: %.300s", p.body)
	}
}
