package doctor_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/doctor"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

const (
	examined  = "1234567"
	admin     = "admin@globex.example"
	machine   = robot
	acmeRole  = "customrole_acme_sync"
	portal    = "https://portal.acme.example/back"
	bundleID  = 123456
	health    = "customscript_acme_health"
	healthRun = "customdeploy_acme_health"
)

// setup is an account of the emulator with a connection that works, and the subject that describes it.
type setup struct {
	t       *testing.T
	server  *netsuitetest.Server
	account *netsuitetest.Account
	app     netsuitetest.Integration
	subject doctor.Subject
	signer  *netsuite.ClientCredentials
}

func newSetup(t *testing.T, account string, alg netsuite.KeyAlgorithm) *setup {
	t.Helper()
	s := &setup{t: t, server: netsuitetest.Start(t, netsuitetest.Config{Accounts: []netsuitetest.AccountConfig{
		{ID: examined, Name: "Globex", Customers: 3}, {ID: examined + "_SB1", Name: "Globex Sandbox", Customers: 3},
	}})}
	s.account = s.server.Account(account)
	var err error
	s.app, err = s.server.AddIntegration(netsuitetest.Integration{
		Name: "Acme", ClientCredentials: true, CodeGrant: true, Scopes: []string{"rest_webservices", "restlets"}, RedirectURIs: []string{portal}, Public: true,
	})
	s.must(err)
	s.must(errors.Join(s.account.InstallBundle(bundleID), s.account.AssignRole(machine, acmeRole)))
	key, err := netsuite.GenerateKey(alg)
	s.must(err)
	site, err := netsuite.EmulatorSite(s.server.Addr())
	s.must(err)
	s.signer = &netsuite.ClientCredentials{
		Account: netsuite.AccountID(account), ClientID: s.app.ClientID, Key: key, Scopes: []string{"rest_webservices", "restlets"}, Site: site,
	}
	s.subject = doctor.Subject{
		Name: "acme", Account: s.signer.Account, Site: site, ClientID: s.app.ClientID, Scopes: s.signer.Scopes, PublicKey: key.Public(),
		Consent: &netsuite.CodeGrant{ClientID: s.app.ClientID, RedirectURI: portal, Scopes: []string{"rest_webservices"}, Site: site},
		Expect: &broker.App{
			Role:   broker.Role{ScriptID: acmeRole, Permissions: map[string]string{"LIST_CUSTJOB": "VIEW", "LIST_ITEM": "VIEW", "TRAN_SALESORD": "VIEW", "LIST_CUSTRECORDENTRY": "FULL"}},
			Bundle: broker.Bundle{Health: broker.HealthScript{Script: health, Deploy: healthRun}},
		},
	}
	s.mapTo(key, machine, acmeRole, 0)
	s.must(s.account.SetPermission(acmeRole, "LIST_CUSTJOB", 1))
	return s
}

func (s *setup) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// mapTo maps a new certificate of the key, and lets the subject sign with it.
func (s *setup) mapTo(key crypto.Signer, email, role string, days int) {
	s.t.Helper()
	cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{Validity: time.Duration(days) * 24 * time.Hour})
	s.must(err)
	id, err := s.account.MapCertificate(s.app.ClientID, email, role, netsuite.EncodePEM(cert))
	s.must(err)
	s.signer.CertificateID = id
	s.subject.CertificateID, s.subject.Certificate = id, cert
}

// keep gets a token while all is well, as a connection has one from before.
func (s *setup) keep() {
	s.t.Helper()
	token, err := s.fresh(s.t.Context())
	s.must(err)
	s.subject.Kept = token
}

func (s *setup) fresh(ctx context.Context) (*netsuite.Token, error) {
	c := &netsuite.ClientCredentials{
		Account: s.signer.Account, ClientID: s.signer.ClientID, CertificateID: s.signer.CertificateID, Key: s.signer.Key, Scopes: s.signer.Scopes, Site: s.signer.Site,
		Governor: &netsuite.Governor{Tries: 1},
	}
	return c.Token(ctx)
}

func (s *setup) examine() []doctor.Check {
	if s.subject.Fresh == nil {
		s.subject.Fresh = s.fresh
	}
	return doctor.Examine(s.t.Context(), s.subject, nil)
}

// complaints are the checks that are not well, with their causes.
func complaints(checks []doctor.Check) []string {
	var all []string
	for _, c := range checks {
		if c.Status != doctor.StatusFail && c.Status != doctor.StatusWarn {
			continue
		}
		var causes []string
		for _, f := range c.Causes {
			causes = append(causes, string(f.Cause))
			if f.Title == "" || f.Do == "" || f.Fault == "" {
				causes = append(causes, "(without words)")
			}
		}
		all = append(all, fmt.Sprintf("%s %s: %s", c.Status, c.Name, strings.Join(causes, ", ")))
	}
	return all
}

// brokenSetups are what can be wrong (netsuite-oauth2 7.3): each is named by the check and the causes that are given for it, the likeliest
// first, and nothing else is complained of.
var brokenSetups = []struct {
	name    string
	sandbox bool
	breaks  func(*setup)
	want    []string
}{
	{name: "an account that is not there", breaks: func(s *setup) { s.subject.Account, s.signer.Account, s.subject.Consent = "7654321", "7654321", nil }, want: []string{
		"fail account: account_unknown", "fail token: account_unknown",
	}},
	{name: "a clock that is wrong by a minute", breaks: func(s *setup) { s.subject.Now = func() time.Time { return time.Now().Add(-time.Minute) } }, want: []string{"warn clock: clock"}},
	{name: "a clock that is wrong by an hour", breaks: func(s *setup) { s.server.Clock().Advance(time.Hour) }, want: []string{"fail token: clock"}},
	{name: "another key", breaks: func(s *setup) {
		key, err := netsuite.GenerateKey(netsuite.P256)
		s.must(err)
		s.signer.Key, s.subject.PublicKey = key, key.Public()
	}, want: []string{"fail key: wrong_key", "fail token: wrong_key"}},
	{name: "a key of 2048 bits", breaks: func(s *setup) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		s.must(err)
		s.signer.Key, s.subject.PublicKey, s.subject.Certificate = key, key.Public(), nil
	}, want: []string{"fail key: key_kind", "fail token: key_kind"}},
	{name: "a key on P-224", breaks: func(s *setup) {
		key, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
		s.must(err)
		s.signer.Key, s.subject.PublicKey, s.subject.Certificate = key, key.Public(), nil
	}, want: []string{"fail key: key_kind", "fail token: key_kind"}},
	{name: "the ID of another certificate", breaks: func(s *setup) {
		s.signer.CertificateID = strings.Repeat("A", 43)
		s.subject.CertificateID = s.signer.CertificateID
	}, want: []string{"fail certificate: certificate_id", "fail token: certificate_id"}},
	{name: "a certificate that was revoked", breaks: func(s *setup) { s.keep(); s.must(s.account.RevokeCertificate(s.signer.CertificateID)) }, want: []string{"fail token: certificate_revoked"}},
	{name: "a certificate that was revoked, long ago", breaks: func(s *setup) { s.must(s.account.RevokeCertificate(s.signer.CertificateID)) }, want: []string{
		"fail token: certificate_not_listed, certificate_revoked, role_lost",
	}},
	{name: "a certificate that ended", breaks: func(s *setup) {
		s.mapTo(s.signer.Key, machine, acmeRole, 1)
		s.server.Clock().Advance(48 * time.Hour)
		s.subject.Now = s.server.Clock().Now
		s.subject.Fresh = func(ctx context.Context) (*netsuite.Token, error) {
			c := &netsuite.ClientCredentials{
				Account: s.signer.Account, ClientID: s.app.ClientID, CertificateID: s.signer.CertificateID, Key: s.signer.Key, Scopes: s.signer.Scopes, Site: s.signer.Site, Now: s.subject.Now,
			}
			return c.Token(ctx)
		}
	}, want: []string{"fail certificate: certificate_expired", "fail token: certificate_expired"}},
	{name: "a certificate that ends soon", breaks: func(s *setup) { s.mapTo(s.signer.Key, machine, acmeRole, 40) }, want: []string{"warn certificate: certificate_ends"}},
	{name: "production's certificate in a sandbox", sandbox: true, breaks: func(s *setup) {
		s.keep()
		s.account.Refresh()
		s.must(errors.Join(s.account.InstallBundle(bundleID), s.account.AssignRole(machine, acmeRole)))
	}, want: []string{"fail token: sandbox_refreshed, certificate_not_listed, certificate_revoked, role_lost"}},
	{name: "a sandbox that was refreshed", sandbox: true, breaks: func(s *setup) { s.account.Refresh() }, want: []string{
		"fail token: sandbox_refreshed, certificate_not_listed, certificate_revoked, role_lost",
	}},
	{name: "the grant is not ticked", breaks: func(s *setup) {
		s.must(s.server.ChangeIntegration(s.app.ClientID, func(i *netsuitetest.Integration) { i.ClientCredentials = false }))
	}, want: []string{"fail token: grant_off, integration_blocked, feature_off"}},
	{name: "the integration is blocked", breaks: func(s *setup) { s.must(s.account.BlockIntegration(s.app.ClientID)) }, want: []string{
		"fail integration: redirect_uri, client_unknown, integration_blocked, feature_off", "fail token: grant_off, integration_blocked, feature_off",
	}},
	{name: "OAuth 2.0 is off", breaks: func(s *setup) { s.must(s.account.SetFeature("OAUTH2", false)) }, want: []string{
		"fail integration: redirect_uri, client_unknown, integration_blocked, feature_off", "fail token: grant_off, integration_blocked, feature_off",
	}},
	{name: "another redirect URI", breaks: func(s *setup) { s.subject.Consent.RedirectURI = portal + "/" }, want: []string{"fail integration: redirect_uri, client_unknown, integration_blocked, feature_off"}},
	{name: "an unknown client ID", breaks: func(s *setup) { s.subject.Consent.ClientID = strings.Repeat("9", 64) }, want: []string{"fail integration: redirect_uri, client_unknown, integration_blocked, feature_off"}},
	{name: "a scope that is not ticked", breaks: func(s *setup) { s.signer.Scopes = []string{"suite_analytics"}; s.subject.Scopes = s.signer.Scopes }, want: []string{"fail token: scope_lost"}},
	{name: "a consent for a scope that is not ticked", breaks: func(s *setup) { s.subject.Consent.Scopes = []string{"suite_analytics"} }, want: []string{"fail integration: consent_scope"}},
	{name: "the user is inactive", breaks: func(s *setup) { s.keep(); s.must(s.account.SetEmployeeInactive(machine, true)) }, want: []string{"fail token: role_lost"}},
	{name: "the role is inactive", breaks: func(s *setup) { s.keep(); s.must(s.account.SetRoleInactive(acmeRole, true)) }, want: []string{"fail token: role_lost"}},
	{name: "the role was taken away", breaks: func(s *setup) { s.keep(); s.must(s.account.UnassignRole(machine, acmeRole)) }, want: []string{"fail token: role_lost"}},
	{name: "no REST Web Services", breaks: func(s *setup) { s.must(s.account.SetPermission(acmeRole, "ADMI_RESTWEBSERVICES", 0)) }, want: []string{"fail SuiteQL: rest_permission"}},
	{name: "REST Web Services are off", breaks: func(s *setup) { s.must(s.account.SetFeature("RESTWEBSERVICES", false)) }, want: []string{"fail REST: feature_off"}},
	{name: "no SuiteAnalytics Workbook", breaks: func(s *setup) { s.must(s.account.SetPermission(acmeRole, "REPO_ANALYTICS", 0)) }, want: []string{"fail SuiteQL: analytics_permission"}},
	{name: "a permission is missing", breaks: func(s *setup) { s.must(s.account.SetPermission(acmeRole, "LIST_CUSTJOB", 0)) }, want: []string{"fail permissions: permission_lost"}},
	{name: "a permission too much", breaks: func(s *setup) { s.must(s.account.SetPermission(acmeRole, "LIST_EMPLOYEE", 4)) }, want: []string{"warn permissions: permission_excess"}},
	{name: "a level too high", breaks: func(s *setup) { s.must(s.account.SetPermission(acmeRole, "LIST_CUSTJOB", 4)) }, want: []string{"warn permissions: permission_excess"}},
	{name: "core administration", breaks: func(s *setup) { s.must(s.account.SetPermission(acmeRole, "ADMI_KERNEL", 4)) }, want: []string{"warn permissions: role_strong"}},
	{name: "Administrator", breaks: func(s *setup) { s.mapTo(s.signer.Key, admin, "administrator", 0) }, want: []string{"warn role: role_strong"}},
	{name: "another role", breaks: func(s *setup) { s.subject.Expect.Role.ScriptID = "customrole_other" }, want: []string{"fail role: role_wrong"}},
	{name: "the role may not renew its certificate", breaks: func(s *setup) { s.must(s.account.SetPermission(acmeRole, "ADMI_MANAGE_OWN_OAUTH2_CERTS", 0)) }, want: []string{
		"warn certificates: rotation_refused",
	}},
	{name: "five certificates", breaks: func(s *setup) {
		s.must(s.account.AddForeignCertificates(s.app.ClientID, 3))
		s.mapTo(s.signer.Key, admin, "administrator", 0)
	}, want: []string{"warn role: role_strong", "warn certificates: certificate_limit"}},
	{name: "the bundle is not installed", breaks: func(s *setup) {
		s.mapTo(s.signer.Key, admin, "administrator", 0)
		s.must(s.account.UninstallBundle(bundleID))
	}, want: []string{"warn role: role_strong", "fail bundle: bundle_missing"}},
	{name: "the bundle is not released", breaks: func(s *setup) { s.must(s.account.SetDeploymentStatus(health, healthRun, "TESTING")) }, want: []string{"fail bundle: bundle_missing, bundle_unreleased"}},
	{name: "the bundle is not released, and the role may look at scripts", breaks: func(s *setup) {
		s.mapTo(s.signer.Key, admin, "administrator", 0)
		s.must(s.account.SetDeploymentStatus(health, healthRun, "TESTING"))
	}, want: []string{"warn role: role_strong", "fail bundle: bundle_unreleased"}},
	{name: "a role for web services only", breaks: func(s *setup) {
		s.must(s.account.AssignRole(machine, "customrole_warehouse_interface"))
		s.must(s.account.SetPermission("customrole_warehouse_interface", "REPO_ANALYTICS", 4))
		s.must(s.account.SetPermission("customrole_warehouse_interface", "ADMI_MANAGE_OWN_OAUTH2_CERTS", 4))
		s.mapTo(s.signer.Key, machine, "customrole_warehouse_interface", 0)
		s.subject.Expect.Role = broker.Role{ScriptID: "customrole_warehouse_interface", Permissions: map[string]string{"LIST_ITEM": "VIEW"}}
	}, want: []string{"fail bundle: web_services_only, bundle_unreleased"}},
	{name: "no scope for RESTlets", breaks: func(s *setup) { s.signer.Scopes = []string{"rest_webservices"}; s.subject.Scopes = s.signer.Scopes }, want: []string{"fail bundle: restlet_scope"}},
	{name: "token-based authentication is left", breaks: func(s *setup) {
		_, err := s.account.AddTBAToken(netsuitetest.TBAToken{User: admin, Role: "administrator"})
		s.must(err)
		s.mapTo(s.signer.Key, admin, "administrator", 0)
	}, want: []string{"warn role: role_strong", "warn TBA: tba_tokens"}},
	{name: "too many requests", breaks: func(s *setup) { s.fault(netsuitetest.FaultTooManyRequests, "/v1/token") }, want: []string{"fail token: throttled"}},
	{name: "maintenance", breaks: func(s *setup) { s.fault(netsuitetest.FaultMaintenance, "/v1/token") }, want: []string{"fail token: maintenance"}},
	{name: "a person's consent has ended", breaks: func(s *setup) {
		s.person(func() (*netsuite.Token, error) { return nil, netsuite.ErrConsentNeeded })
		s.subject.Lifetime = netsuite.Lifetime{ConsentBy: time.Now().Add(-time.Hour)}
	}, want: []string{"fail consent: consent_ended", "fail token: unknown"}},
	{name: "a person's consent ends today", breaks: func(s *setup) {
		s.subject.Lifetime = netsuite.Lifetime{ConsentBy: time.Now().Add(time.Hour)}
	}, want: []string{"warn consent: consent_ends"}},
	{name: "a client secret that was reset", breaks: func(s *setup) { s.confidential(strings.Repeat("0", 64)) }, want: []string{"fail token: secret_wrong"}},
	{name: "a consent that was revoked", breaks: func(s *setup) { s.confidential("") }, want: []string{"fail token: consent_ended"}},
	{name: "somebody else answers", breaks: func(s *setup) {
		s.subject.Fresh = func(ctx context.Context) (*netsuite.Token, error) {
			t, err := s.fresh(ctx)
			if err == nil {
				forged := *t
				text := t.AccessToken.Reveal()
				forged.AccessToken = netsuite.NewSecret(text[:len(text)-10] + "AAAAAAAAAA")
				t = &forged
			}
			return t, err
		}
	}, want: []string{"fail signature: token_signature", "fail REST: role_lost"}},
}

// person makes the subject one of a person, without a certificate.
func (s *setup) person(fresh func() (*netsuite.Token, error)) {
	s.subject.CertificateID, s.subject.Certificate, s.subject.PublicKey = "", nil, nil
	s.subject.Fresh = func(context.Context) (*netsuite.Token, error) { return fresh() }
}

// confidential is a person's consent to a record with a client secret, refreshed with another secret, or after it was revoked.
func (s *setup) confidential(secret string) {
	s.t.Helper()
	app, err := s.server.AddIntegration(netsuitetest.Integration{Name: "Portal", CodeGrant: true, Scopes: []string{"rest_webservices"}, RedirectURIs: []string{portal}})
	s.must(err)
	g := &netsuite.CodeGrant{ClientID: app.ClientID, ClientSecret: netsuite.NewSecret(app.ClientSecret), RedirectURI: portal, Scopes: []string{"rest_webservices"}, Site: s.subject.Site}
	verifier := netsuite.NewCodeVerifier()
	address, err := g.AuthorizeURL(s.subject.Account, netsuite.NewState(), verifier, "")
	s.must(err)
	back, err := s.account.Consent(address, admin, "administrator")
	s.must(err)
	token, err := g.Exchange(s.t.Context(), s.subject.Account, query(s.t, back).Get("code"), verifier)
	s.must(err)
	if secret == "" {
		s.must(g.Revoke(s.t.Context(), s.subject.Account, token.RefreshToken))
	} else {
		g.ClientSecret = netsuite.NewSecret(secret)
	}
	s.person(func() (*netsuite.Token, error) {
		return g.Refresh(s.t.Context(), s.subject.Account, token.RefreshToken)
	})
}

func (s *setup) fault(kind netsuitetest.FaultKind, pathEnd string) {
	s.t.Helper()
	_, err := s.server.AddFault(netsuitetest.Fault{Kind: kind, Path: "*" + pathEnd, Times: 100})
	s.must(err)
}

func TestBrokenSetups(t *testing.T) {
	if len(brokenSetups) < 25 {
		t.Fatalf("the table has %d rows", len(brokenSetups))
	}
	for _, tt := range brokenSetups {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			account := examined
			if tt.sandbox {
				account += "_SB1"
			}
			s := newSetup(t, account, netsuite.P256)
			tt.breaks(s)
			checks := s.examine()
			if got := complaints(checks); !slices.Equal(got, tt.want) {
				t.Errorf("got\n  %s\nwant\n  %s\nall: %+v", strings.Join(got, "\n  "), strings.Join(tt.want, "\n  "), checks)
			}
		})
	}
}

func TestHealthySetups(t *testing.T) {
	for _, alg := range []netsuite.KeyAlgorithm{netsuite.P256, netsuite.P521, netsuite.RSA3072} {
		s := newSetup(t, examined, alg)
		var told []string
		checks := doctor.Examine(t.Context(), func() doctor.Subject { s.subject.Fresh = s.fresh; return s.subject }(), func(c doctor.Check) { told = append(told, c.Name) })
		if got := complaints(checks); len(got) > 0 {
			t.Errorf("%s: complaints %q about a healthy connection", alg, got)
		}
		var names []string
		for _, c := range checks {
			names = append(names, c.Name)
			if strings.Contains(c.Detail, "eyJ") {
				t.Errorf("%s shows a token: %s", c.Name, c.Detail)
			}
		}
		want := "account key certificate integration token signature scopes clock REST SuiteQL role permissions TBA certificates bundle concurrency"
		if got := strings.Join(names, " "); got != want || !slices.Equal(told, names) {
			t.Errorf("%s: checks %q (told %q), want %q", alg, got, told, want)
		}
	}
}

// Each cause that an examination can give stands in the table of broken set-ups or in that of foreign ones, so none is without a proof.
func TestEveryCauseIsShown(t *testing.T) {
	var shown strings.Builder
	for _, tt := range brokenSetups {
		shown.WriteString(strings.Join(tt.want, " ") + " ")
	}
	for _, tt := range foreignSetups {
		shown.WriteString(strings.Join(tt.want, " ") + " ")
	}
	for _, cause := range doctor.SetupCauses() {
		if !strings.Contains(shown.String(), string(cause)) {
			t.Errorf("no set-up shows %s", cause)
		}
	}
}
