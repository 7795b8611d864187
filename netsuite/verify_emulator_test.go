package netsuite_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// TestTE08_CrossUseAtTheEmulator: each token is good for its own use alone, with the verifier and with NetSuite.
func TestTE08_CrossUseAtTheEmulator(t *testing.T) {
	for _, alg := range []string{"RS256", "PS256"} {
		t.Run(alg, func(t *testing.T) {
			e := startEmulator(t, netsuitetest.Integration{Public: true}, netsuitetest.Settings{ServerAlgorithm: alg})
			person := e.consent(t.Context())
			grant := e.grant()
			m2m, err := e.machine().Token(t.Context())
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
				if _, err := grant.Refresh(t.Context(), globex, tt.token); (err == nil) != tt.refresh {
					t.Errorf("%s as a refresh token: %v, want it accepted: %t", tt.name, err, tt.refresh)
				}
			}
		})
	}
}

// The emulator signs with a new key after 90 days: the verifier follows, and an hour later the token is past its end.
func TestVerifyAtTheEmulator(t *testing.T) {
	e := startEmulator(t, netsuitetest.Integration{Public: true}, netsuitetest.Settings{})
	machine := e.machine()
	role, entity := e.holder()
	v := &netsuite.Verifier{Account: globex, ClientID: e.app.ClientID, Site: e.site, Now: e.Clock().Now}
	sandbox := &netsuite.Verifier{Account: globex + "_SB1", Site: e.site, Now: e.Clock().Now}
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
		if _, err := v.Verify(t.Context(), token.AccessToken, "suite_analytics"); !errors.As(err, &refused) || refused.Code != "ScopeMismatched" {
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

// An upload is safe to repeat, also after an answer that was lost.
func TestEnsureCertificateAtTheEmulator(t *testing.T) {
	e := startEmulator(t, netsuitetest.Integration{Public: true}, netsuitetest.Settings{})
	e.installBundle()
	role, entity := e.holder()
	api := &netsuite.API{Account: globex, Site: e.site, Now: e.Clock().Now, Token: e.consent(t.Context()).AccessToken}
	key := must(netsuite.GenerateKey(netsuite.P256))
	cert := must(netsuite.NewCertificate(key, netsuite.CertificateOptions{Now: e.Clock().Now}))
	e.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultCutAfter, Match: func(r *http.Request) bool { return r.Method == http.MethodPost }, Times: 1})
	mapping, err := api.EnsureCertificate(t.Context(), e.app.ClientID, cert, role, entity)
	if err != nil || mapping.ID != netsuite.CertificateID(cert) {
		t.Fatalf("EnsureCertificate = %+v, %v; want the one that was uploaded although its answer was lost", mapping, err)
	}
	again, err := api.EnsureCertificate(t.Context(), e.app.ClientID, cert, role, entity)
	if err != nil || again != mapping || len(e.account.Certificates()) != 1 {
		t.Errorf("the second time: %+v, %v; want %+v and nothing new", again, err, mapping)
	}
}
