package netsuite_test

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// The tests of this file let the library meet the emulator, whose ledger is the judge of what was sent.

const (
	globex = netsuite.AccountID("1234567")
	admin  = "admin@globex.example"
	robot  = "integration@globex.example"
	acme   = "customrole_acme_sync"
	atHome = "https://portal.acme.example/back"
)

// emulator is a running NetSuite with one integration record that knows both grants.
type emulator struct {
	*netsuitetest.Server
	served     *httptest.Server
	site       netsuite.Site
	httpClient func(netsuite.AccountID) *http.Client // nil: the site's
	account    *netsuitetest.Account
	app        netsuitetest.Integration
}

// openEmulator serves an emulated account until Close is called. The fields of app that are the same for all are filled in.
func openEmulator(app netsuitetest.Integration, settings netsuitetest.Settings, customers int) *emulator {
	return serveEmulator(app, settings, customers, must(net.Listen("tcp", "127.0.0.1:0")))
}

func serveEmulator(app netsuitetest.Integration, settings netsuitetest.Settings, customers int, on net.Listener) *emulator {
	server := must(netsuitetest.New(netsuitetest.Config{Settings: settings, Accounts: []netsuitetest.AccountConfig{
		{ID: string(globex), Name: "Globex Corporation", Customers: customers, Items: 10, SalesOrders: 30},
		{ID: string(globex) + "_SB1", Name: "Globex Corporation - Sandbox 1", Customers: 1, Items: 1, SalesOrders: 1},
	}}))
	e := &emulator{Server: server, account: server.Account(string(globex))}
	e.served = &httptest.Server{Listener: on, Config: &http.Server{Handler: server.Handler()}}
	e.served.Start()
	e.site = must(netsuite.EmulatorSite(e.served.Listener.Addr().String()))
	app.Name, app.CodeGrant, app.ClientCredentials = "Acme Sync", true, true
	app.RedirectURIs, app.Scopes = []string{atHome}, []string{"rest_webservices", "restlets"}
	e.app = must(server.AddIntegration(app))
	return e
}

func (e *emulator) Close() {
	e.served.Close()
	_ = e.Server.Close()
}

// startEmulator is an emulator that ends with the test.
func startEmulator(tb testing.TB, app netsuitetest.Integration, settings netsuitetest.Settings) *emulator {
	tb.Helper()
	e := openEmulator(app, settings, 40)
	tb.Cleanup(e.Close)
	return e
}

// startInBubble is an emulator for tests of waiting: synctest must see every wait, so that its network is within the process.
func startInBubble(tb testing.TB, settings netsuitetest.Settings) *emulator {
	tb.Helper()
	network := &pipes{dialled: make(chan net.Conn), closed: make(chan struct{})}
	e := serveEmulator(netsuitetest.Integration{}, settings, 40, network)
	transport := &http.Transport{DialContext: network.dial, MaxIdleConnsPerHost: 100}
	e.httpClient = func(netsuite.AccountID) *http.Client {
		return &http.Client{Transport: transport, Timeout: 10 * time.Minute}
	}
	tb.Cleanup(e.Close)
	tb.Cleanup(transport.CloseIdleConnections)
	return e
}

// pipes is a listener with whoever dials it, over net.Pipe.
type pipes struct {
	dialled chan net.Conn
	closed  chan struct{}
	closing sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.dialled <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.dialled:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.closing.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// administrator gives the APIs of an account with so many customers to its administrator.
func administrator(tb testing.TB, customers int) *netsuite.API {
	tb.Helper()
	e := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, customers)
	tb.Cleanup(e.Close)
	return e.administrator()
}

// administrator signs in by a key that is mapped to the administrator.
func (e *emulator) administrator() *netsuite.API {
	return e.credentials(admin, "administrator", netsuite.P256).API()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// credentials has a new key whose certificate is mapped to an employee and a role.
func (e *emulator) credentials(email, role string, alg netsuite.KeyAlgorithm) *netsuite.ClientCredentials {
	key, certificateID := e.mappedKey(email, role, alg)
	return &netsuite.ClientCredentials{
		Account: globex, ClientID: e.app.ClientID, CertificateID: certificateID, Key: key, Scopes: e.app.Scopes,
		Site: e.site, HTTPClient: e.httpClient, Now: e.Clock().Now,
	}
}

// mappedKey is a new key whose certificate the administrator has mapped to an employee and a role.
func (e *emulator) mappedKey(email, role string, alg netsuite.KeyAlgorithm) (key crypto.Signer, certificateID string) {
	key = must(netsuite.GenerateKey(alg))
	cert := must(netsuite.NewCertificate(key, netsuite.CertificateOptions{Now: e.Clock().Now}))
	return key, must(e.account.MapCertificate(e.app.ClientID, email, role, netsuite.EncodePEM(cert)))
}

// installBundle brings the role of the sample bundle and gives it to the integration user.
func (e *emulator) installBundle() {
	if err := errors.Join(e.account.InstallBundle(netsuitetest.AcmeBundle().ID), e.account.AssignRole(robot, acme)); err != nil {
		panic(err)
	}
}

// machine is the least-privilege connection: the integration user in the bundle's role.
func (e *emulator) machine() *netsuite.ClientCredentials {
	e.installBundle()
	return e.credentials(robot, acme, netsuite.P256)
}

// holder is the internal IDs of the bundle's role and the integration user.
func (e *emulator) holder() (role, entity int64) {
	for _, r := range e.account.Roles() {
		if r.ScriptID == acme {
			role = r.ID
		}
	}
	for _, p := range e.account.Employees() {
		if p.Email == robot {
			entity = p.ID
		}
	}
	return role, entity
}

// grant is the client of the integration record for people.
func (e *emulator) grant() netsuite.CodeGrant {
	g := netsuite.CodeGrant{ClientID: e.app.ClientID, RedirectURI: atHome, Scopes: e.app.Scopes, Site: e.site, Now: e.Clock().Now}
	if !e.app.Public {
		g.ClientSecret = netsuite.NewSecret(e.app.ClientSecret)
	}
	return g
}

// tba has a new token of token-based authentication.
func (e *emulator) tba(email, role string) *netsuite.TBA {
	t := must(e.account.AddTBAToken(netsuitetest.TBAToken{User: email, Role: role}))
	return &netsuite.TBA{
		Account: globex, ConsumerKey: t.ConsumerKey, ConsumerSecret: netsuite.NewSecret(t.ConsumerSecret),
		TokenID: t.TokenID, TokenSecret: netsuite.NewSecret(t.TokenSecret), Site: e.site, HTTPClient: e.httpClient, Now: e.Clock().Now,
	}
}

// consent lets the administrator consent, and returns the tokens.
func (e *emulator) consent(ctx context.Context) *netsuite.Token {
	g, state, verifier := e.grant(), netsuite.NewState(), netsuite.NewCodeVerifier()
	back := e.browse(must(g.AuthorizeURL(globex, state, verifier, "")))
	callback := must(netsuite.ParseCallback(back.Query()))
	return must(g.Exchange(ctx, callback.Account, callback.Code, verifier))
}

// browse opens the address of an authorize request as the administrator, who allows what is asked. It returns where NetSuite
// sends the browser then.
func (e *emulator) browse(address string) *url.URL {
	return must(url.Parse(must(e.account.Consent(address, admin, "administrator"))))
}

// url is the address of a path of the REST services.
func (e *emulator) url(path string) string {
	return must(e.site.BaseURL(globex, netsuite.ServiceSuiteTalk)).String() + path
}

// protectedHeader reads the header of a JWT.
func protectedHeader(jwt string) map[string]string {
	encoded, _, _ := strings.Cut(jwt, ".")
	var header map[string]string
	if err := json.Unmarshal(must(base64.RawURLEncoding.DecodeString(encoded)), &header); err != nil {
		panic(err)
	}
	return header
}

// requests counts those of a grant type that reached the emulator.
func (e *emulator) requests(grantType string) int {
	return e.Ledger().Count(func(l netsuitetest.Entry) bool { return l.GrantType == grantType })
}

// calls counts those of a method to a path that reached the emulator.
func (e *emulator) calls(method, path string) int {
	return e.Ledger().Count(func(l netsuitetest.Entry) bool { return l.Method == method && l.Path == path })
}

// of matches requests of a method to a path, for faults.
func of(method, path string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == method && r.URL.Path == path }
}

func TestManyCallersOneTokenRequest(t *testing.T) {
	for name, public := range map[string]bool{"client credentials": false, "public client": true, "confidential client": false} {
		t.Run(name, func(t *testing.T) {
			e := startEmulator(t, netsuitetest.Integration{Public: public}, netsuitetest.Settings{})
			var token func(context.Context) (*netsuite.Token, error)
			grant := "refresh_token"
			if name == "client credentials" {
				grant = "client_credentials"
				token = e.credentials(admin, "administrator", netsuite.P256).Token
			} else {
				user := &netsuite.UserCredentials{Grant: e.grant(), Account: globex, Stored: *e.consent(t.Context()), Save: func(context.Context, *netsuite.Token, *netsuite.Token) error { return nil }}
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
		Grant: e.grant(), Account: globex, Stored: netsuite.Token{RefreshToken: e.consent(t.Context()).RefreshToken},
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
			stored := e.consent(t.Context())
			grant := e.grant()
			grant.TokenRotationMaximum = time.Duration(tt.app.RotationHours) * time.Hour
			user := &netsuite.UserCredentials{Grant: grant, Account: globex, Stored: *stored, Save: func(_ context.Context, old, new *netsuite.Token) error {
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
				c := e.credentials(admin, "administrator", alg)
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
	c := e.credentials(admin, "administrator", netsuite.P256)
	client := c.Client(t.Context())
	get := func() int {
		resp, err := client.Get(e.url("/services/rest/system/v1/serverTime"))
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
