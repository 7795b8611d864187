package netsuite_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// The tests of this file let the library meet the emulator, whose ledger is the judge of what was sent.

const (
	admin  = "admin@globex.example"
	robot  = "integration@globex.example"
	acme   = "customrole_acme_sync"
	atHome = "https://portal.acme.example/back"
)

// emulator is a running NetSuite with one integration record that knows both grants.
type emulator struct {
	*netsuitetest.Server
	site    netsuite.Site
	account *netsuitetest.Account
	app     netsuitetest.Integration
}

func startEmulator(tb testing.TB, app netsuitetest.Integration, settings netsuitetest.Settings) *emulator {
	tb.Helper()
	e := &emulator{Server: netsuitetest.Start(tb, netsuitetest.Config{
		Settings: settings,
		Accounts: []netsuitetest.AccountConfig{
			{ID: "TSTDRV1000001", Vendor: true, Customers: 1, Items: 1, SalesOrders: 1},
			{ID: "1234567", Customers: 40, Items: 10, SalesOrders: 30},
		},
	})}
	app.Name, app.CodeGrant, app.ClientCredentials = "Acme Sync", true, true
	app.RedirectURIs, app.Scopes = []string{atHome}, []string{"rest_webservices", "restlets"}
	e.app = must(e.AddIntegration(app))
	e.account = e.Account("1234567")
	e.site = must(netsuite.EmulatorSite(e.Addr()))
	return e
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// credentials has a new key whose certificate is mapped to an employee and a role.
func (e *emulator) credentials(tb testing.TB, email, role string, alg netsuite.KeyAlgorithm) *netsuite.ClientCredentials {
	tb.Helper()
	key := must(netsuite.GenerateKey(alg))
	cert := must(netsuite.NewCertificate(key, netsuite.CertificateOptions{Now: e.Clock().Now}))
	return &netsuite.ClientCredentials{
		Account: "1234567", ClientID: e.app.ClientID, Key: key, Scopes: e.app.Scopes,
		CertificateID: must(e.account.MapCertificate(e.app.ClientID, email, role, netsuite.EncodePEM(cert))),
		Site:          e.site, Now: e.Clock().Now,
	}
}

// grant is the client of the integration record for people.
func (e *emulator) grant() netsuite.CodeGrant {
	g := netsuite.CodeGrant{ClientID: e.app.ClientID, RedirectURI: atHome, Scopes: e.app.Scopes, Site: e.site, Now: e.Clock().Now}
	if !e.app.Public {
		g.ClientSecret = netsuite.NewSecret(e.app.ClientSecret)
	}
	return g
}

// consent lets the administrator consent, and returns the tokens.
func (e *emulator) consent(tb testing.TB) *netsuite.Token {
	tb.Helper()
	g, state, verifier := e.grant(), netsuite.NewState(), netsuite.NewCodeVerifier()
	address := must(g.AuthorizeURL("1234567", state, verifier, ""))
	back := must(url.Parse(must(e.account.Consent(address, admin, "administrator"))))
	callback := must(netsuite.ParseCallback(back.Query()))
	return must(g.Exchange(tb.Context(), callback.Account, callback.Code, verifier))
}

// refreshes are the requests of the grant that reached the emulator.
func (e *emulator) requests(grantType string) int {
	return e.Ledger().Count(func(l netsuitetest.Entry) bool { return l.GrantType == grantType })
}

func TestManyCallersOneTokenRequest(t *testing.T) {
	for name, public := range map[string]bool{"client credentials": false, "public client": true, "confidential client": false} {
		t.Run(name, func(t *testing.T) {
			e := startEmulator(t, netsuitetest.Integration{Public: public}, netsuitetest.Settings{})
			var token func(context.Context) (*netsuite.Token, error)
			grant := "refresh_token"
			if name == "client credentials" {
				grant = "client_credentials"
				token = e.credentials(t, admin, "administrator", netsuite.P256).Token
			} else {
				user := &netsuite.UserCredentials{Grant: e.grant(), Account: "1234567", Stored: *e.consent(t), Save: func(context.Context, *netsuite.Token, *netsuite.Token) error { return nil }}
				token = user.Token
			}
			if _, err := token(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := e.requests(grant)
			e.Clock().Advance(2 * time.Hour) // the token has ended
			arrived, release := make(chan struct{}), make(chan struct{})
			e.Fault(netsuitetest.Fault{
				Kind: netsuitetest.FaultBlock, Release: release, Times: 1,
				Match:   func(r *http.Request) bool { return r.URL.Path == "/services/rest/auth/oauth2/v1/token" },
				OnMatch: func(*http.Request) { close(arrived) },
			})
			var group sync.WaitGroup
			impatient, leave := context.WithCancel(t.Context())
			for i := range 200 {
				ctx := t.Context()
				if i%10 == 0 {
					ctx = impatient
				}
				group.Go(func() {
					got, err := token(ctx)
					if i%10 == 0 {
						if !errors.Is(err, context.Canceled) {
							t.Errorf("a caller who left got %v", err)
						}
					} else if err != nil || got.AccessToken.IsZero() {
						t.Errorf("a caller who stayed got %v, %v", got, err)
					}
				})
			}
			<-arrived
			leave()
			close(release)
			group.Wait()
			if got := e.requests(grant) - before; got != 1 {
				t.Errorf("%d requests for 200 callers, want 1", got)
			}
		})
	}
}

// NetSuite has rotated the refresh token and its answer is cut: the next one is lost, and the old one must not be shown again.
func TestRO09_LostAnswerOfAPublicRefresh(t *testing.T) {
	e := startEmulator(t, netsuitetest.Integration{Public: true}, netsuitetest.Settings{})
	user := &netsuite.UserCredentials{
		Grant: e.grant(), Account: "1234567", Stored: netsuite.Token{RefreshToken: e.consent(t).RefreshToken},
		Save: func(context.Context, *netsuite.Token, *netsuite.Token) error {
			return errors.New("nothing is to be saved")
		},
	}
	e.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultCutAfter, Match: func(r *http.Request) bool { return r.Method == http.MethodPost }, Times: 1})
	for range 3 {
		token, err := user.Token(t.Context())
		if token != nil || !errors.Is(err, netsuite.ErrConsentNeeded) || !errors.Is(err, netsuite.ErrResponseLost) {
			t.Errorf("Token = %v, %v; want ErrConsentNeeded because of ErrResponseLost", token, err)
		}
	}
	if got := e.requests("refresh_token"); got != 1 {
		t.Errorf("the refresh token was used %d times, want once", got)
	}
}

func TestUserCredentialsOverTheirWholeLife(t *testing.T) {
	for name, tt := range map[string]struct {
		app     netsuitetest.Integration
		consent time.Duration // after the first token
	}{
		"confidential":        {netsuitetest.Integration{}, 7 * 24 * time.Hour},
		"public":              {netsuitetest.Integration{Public: true}, 168 * time.Hour},
		"public, short chain": {netsuitetest.Integration{Public: true, RefreshHours: 2, RotationHours: 5}, 5 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEmulator(t, tt.app, netsuitetest.Settings{})
			began := e.Clock().Now()
			stored := e.consent(t)
			grant := e.grant()
			grant.TokenRotationMaximum = time.Duration(tt.app.RotationHours) * time.Hour
			user := &netsuite.UserCredentials{Grant: grant, Account: "1234567", Stored: *stored, Save: func(_ context.Context, old, new *netsuite.Token) error {
				if !old.RefreshToken.Equal(stored.RefreshToken) {
					t.Error("Save was not given the token saved last as old")
				}
				stored = new
				return nil
			}}
			for step := 30 * time.Minute; ; e.Clock().Advance(step) {
				life := must(grant.Lifetime(stored.RefreshToken))
				if (life.ConsentBy.Sub(began) - tt.consent).Abs() > time.Second {
					t.Fatalf("consent is needed %s after the first, want %s", life.ConsentBy.Sub(began), tt.consent)
				}
				_, err := user.Token(t.Context())
				if now := e.Clock().Now(); now.Before(life.ConsentBy) {
					if err != nil {
						t.Fatalf("%s after the consent: %v", now.Sub(began), err)
					}
					continue
				}
				if err != nil {
					if !errors.Is(err, netsuite.ErrConsentNeeded) || !errors.Is(err, netsuite.ErrInvalidGrant) {
						t.Errorf("err = %v, want ErrConsentNeeded", err)
					}
					break
				}
				if e.Clock().Now().After(life.ConsentBy.Add(time.Hour)) {
					t.Fatal("a token is given out longer than an hour after the end of the chain")
				}
			}
		})
	}
}

// Every kind of key, with every setting that is a guess about the token endpoint.
func TestClientCredentialsWithEveryKeyAndSetting(t *testing.T) {
	settings := map[string]netsuitetest.Settings{
		"default": {}, "numbers": {ExpiresInNumber: true}, "Bearer": {TokenTypeBearer: true}, "scope echoed": {ScopeInResponse: true},
		"strict life": {AssertionLifeBelowHour: true}, "replay check": {AssertionReplayCheck: true}, "PS256 tokens": {ServerAlgorithm: "PS256"},
	}
	for name, s := range settings {
		t.Run(name, func(t *testing.T) {
			e := startEmulator(t, netsuitetest.Integration{}, s)
			for _, alg := range []netsuite.KeyAlgorithm{netsuite.P256, netsuite.P384, netsuite.P521, netsuite.RSA3072} {
				c := e.credentials(t, admin, "administrator", alg)
				api := c.API()
				if now, err := api.ServerTime(t.Context()); err != nil || now.Sub(e.Clock().Now()).Abs() > time.Minute {
					t.Errorf("%s: ServerTime = %s, %v", alg, now, err)
				}
				if err := e.account.RevokeCertificate(c.CertificateID); err != nil { // five may be active
					t.Fatal(err)
				}
			}
		})
	}
}

func TestClientAsksAgainAfterTheTokenDied(t *testing.T) {
	e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{RevokeKillsM2MTokens: true})
	c := e.credentials(t, admin, "administrator", netsuite.P256)
	client := c.Client(t.Context())
	u := must(e.site.BaseURL("1234567", netsuite.ServiceSuiteTalk)).String() + "/services/rest/system/v1/serverTime"
	get := func() int {
		resp, err := client.Get(u)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if got := get(); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	e.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultStatus, Status: http.StatusUnauthorized, Times: 1, Match: func(r *http.Request) bool { return r.Method == http.MethodGet }})
	if got := get(); got != http.StatusOK || e.requests("client_credentials") != 2 {
		t.Errorf("status %d after %d tokens, want 200 with a second token", got, e.requests("client_credentials"))
	}
}
