package netsuite_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/customer"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

const globex netsuite.AccountID = "1234567"

// emulated is an account at the emulator with one integration record, to which its administrator consents.
type emulated struct {
	*netsuitetest.Server
	site  netsuite.Site
	app   netsuitetest.Integration
	grant netsuite.CodeGrant
	home  string
}

func startEmulated(t *testing.T, settings netsuitetest.Settings) *emulated {
	t.Helper()
	settings.AllowHTTPLoopbackRedirects = true
	home := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(home.Close)
	e := &emulated{Server: netsuitetest.Start(t, netsuitetest.Config{Settings: settings}), home: home.URL}
	var err error
	if e.site, err = netsuite.EmulatorSite(e.Addr()); err != nil {
		t.Fatal(err)
	}
	e.app, err = e.AddIntegration(netsuitetest.Integration{
		Name: "Acme Sync", CodeGrant: true, ClientCredentials: true, Public: true,
		RedirectURIs: []string{home.URL + "/callback"}, Scopes: []string{"rest_webservices"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		e.Account(string(globex)).InstallBundle(netsuitetest.AcmeBundle().ID),
		e.Account(string(globex)).AssignRole("integration@globex.example", "customrole_acme_sync"),
	); err != nil {
		t.Fatal(err)
	}
	e.grant = netsuite.CodeGrant{ClientID: e.app.ClientID, RedirectURI: home.URL + "/callback", Scopes: e.app.Scopes, Site: e.site}
	return e
}

// consent is given by the administrator.
func (e *emulated) consent(t *testing.T) *netsuite.Token {
	t.Helper()
	verifier := netsuite.NewCodeVerifier()
	begin, err := e.grant.AuthorizeURL(globex, netsuite.NewState(), verifier, "")
	if err != nil {
		t.Fatal(err)
	}
	c := customer.Customer{Browser: customer.NewBrowser(), Email: "admin@globex.example", Company: string(globex), Home: e.home}
	t.Cleanup(c.Close)
	page, err := c.Open(t.Context(), begin)
	if err == nil {
		page, err = c.ThroughNetSuite(t.Context(), page)
	}
	if err != nil {
		t.Fatal(err)
	}
	back, err := netsuite.ParseCallback(page.URL.Query())
	if err != nil {
		t.Fatal(err)
	}
	token, err := e.grant.Exchange(t.Context(), globex, back.Code, verifier)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// machine maps a new key to the integration user and returns its credentials.
func (e *emulated) machine(t *testing.T, api *netsuite.API) *netsuite.ClientCredentials {
	t.Helper()
	key, err := netsuite.GenerateKey(netsuite.P256)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{Now: e.Clock().Now})
	if err != nil {
		t.Fatal(err)
	}
	role, entity := e.holder(t)
	mapping, err := api.EnsureCertificate(t.Context(), e.app.ClientID, cert, role, entity)
	if err != nil {
		t.Fatal(err)
	}
	again, err := api.EnsureCertificate(t.Context(), e.app.ClientID, cert, role, entity)
	if err != nil || again != mapping || len(e.Account(string(globex)).Certificates()) != 1 {
		t.Fatalf("the second time: %+v, %v; want %+v and nothing new", again, err, mapping)
	}
	return &netsuite.ClientCredentials{
		Account: globex, ClientID: e.app.ClientID, CertificateID: mapping.ID, Key: key, Scopes: e.app.Scopes, Site: e.site, Now: e.Clock().Now,
	}
}

// holder is the integration user and its role.
func (e *emulated) holder(t *testing.T) (role, entity int64) {
	t.Helper()
	a := e.Account(string(globex))
	roles, people := a.Roles(), a.Employees()
	r := slices.IndexFunc(roles, func(r netsuitetest.Role) bool { return r.ScriptID == "customrole_acme_sync" })
	p := slices.IndexFunc(people, func(p netsuitetest.Employee) bool { return p.Email == "integration@globex.example" })
	if r < 0 || p < 0 {
		t.Fatal("the integration user or the bundle's role is missing")
	}
	return roles[r].ID, people[p].ID
}

// TestTE08_CrossUseAtTheEmulator: each token is good for its own use alone, with the verifier and with NetSuite.
func TestTE08_CrossUseAtTheEmulator(t *testing.T) {
	for _, alg := range []string{"RS256", "PS256"} {
		t.Run(alg, func(t *testing.T) {
			e := startEmulated(t, netsuitetest.Settings{ServerAlgorithm: alg})
			person := e.consent(t)
			machine := e.machine(t, &netsuite.API{Account: globex, Site: e.site, Token: person.AccessToken})
			m2m, err := machine.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			v := &netsuite.Verifier{Account: globex, ClientID: e.app.ClientID, Site: e.site, Now: e.Clock().Now}
			for _, tt := range []struct {
				name            string
				token           netsuite.Secret
				access, refresh bool
			}{
				{"access token of a consent", person.AccessToken, true, false},
				{"access token of client credentials", m2m.AccessToken, true, false},
				{"refresh token", person.RefreshToken, false, true},
			} {
				if _, err := v.Verify(t.Context(), tt.token, "rest_webservices"); (err == nil) != tt.access || err != nil && !errors.Is(err, netsuite.ErrToken) {
					t.Errorf("%s verified: %v, want it accepted: %t", tt.name, err, tt.access)
				}
				api := netsuite.API{Account: globex, Site: e.site, Token: tt.token}
				if _, err := api.SuiteQL(t.Context(), "SELECT id FROM customer", 1, 0); (err == nil) != tt.access {
					t.Errorf("%s at the API: %v, want it accepted: %t", tt.name, err, tt.access)
				}
				if _, err := e.grant.Refresh(t.Context(), globex, tt.token); (err == nil) != tt.refresh {
					t.Errorf("%s as a refresh token: %v, want it accepted: %t", tt.name, err, tt.refresh)
				}
			}
		})
	}
}

// The emulator signs with a new key after 90 days: the verifier follows, and an hour later the token is past its end.
func TestVerifyAtTheEmulator(t *testing.T) {
	e := startEmulated(t, netsuitetest.Settings{})
	machine := e.machine(t, &netsuite.API{Account: globex, Site: e.site, Token: e.consent(t).AccessToken})
	v := &netsuite.Verifier{Account: globex, ClientID: e.app.ClientID, Site: e.site, Now: e.Clock().Now}
	sandbox := &netsuite.Verifier{Account: globex + "_SB1", Site: e.site, Now: e.Clock().Now}
	role, entity := e.holder(t)
	for range 3 {
		token, err := machine.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := v.Verify(t.Context(), token.AccessToken, "rest_webservices")
		if err != nil || c.Account != globex || c.Role != role || c.Entity != entity || c.Kind() != "m2m" {
			t.Errorf("claims = %+v, %v", c, err)
		}
		var refused *netsuite.Error
		if _, err := v.Verify(t.Context(), token.AccessToken, "restlets"); !errors.As(err, &refused) || refused.Code != "ScopeMismatched" {
			t.Errorf("another scope: %v", err)
		}
		if _, err := sandbox.Verify(t.Context(), token.AccessToken); !errors.As(err, &refused) || refused.Code != "InvalidSignature" {
			t.Errorf("at the sandbox: %v", err)
		}
		e.Clock().Advance(time.Hour + time.Minute)
		if _, err := v.Verify(t.Context(), token.AccessToken); !errors.As(err, &refused) || refused.Code != "AccessTokenExpired" {
			t.Errorf("after its hour: %v", err)
		}
		e.Clock().Advance(91 * 24 * time.Hour)
	}
}
