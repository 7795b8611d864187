package browser_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// emulatorPictures has one or two of every page of the emulator.
const emulatorPictures = "../../docs/emulator-screens"

// fill is a field of a form by its label, as storybook.mjs fills it; with File it is an upload of that name.
type fill struct {
	Label string `json:"label"`
	Value string `json:"value"`
	File  string `json:"file,omitempty"`
}

// sessionCookie is a cookie in Playwright's form.
type sessionCookie struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	URL   string `json:"url"`
}

const (
	emulatorAdmin = "admin@globex.example"
	acmeClient    = "5f1c0a7b9d3e4f62a8b1c0d9e7f64a215f1c0a7b9d3e4f62a8b1c0d9e7f64a21"
	goodState     = "k3V9sQ1xT7bN5cR8wZ2mL4pD"
)

// emulatorPage opens a page, or shows what comes of its form.
func emulatorPage(name, path string, filled ...fill) picture {
	p := picture{Name: name, Path: path, Fill: filled, File: fileName(name)}
	if len(filled) > 0 {
		p.Press = "Save"
	}
	return p
}

func pressing(button string, p picture) picture {
	p.Press = button
	return p
}

// emulatorScreens are all pages of the emulator, those of refused forms included.
func emulatorScreens() []picture {
	const face, setup = "/_emulator/", "/app/setup/oauth2.0/"
	return []picture{
		emulatorPage("Accounts", face),
		emulatorPage("Account", face+"accounts/1234567/"),
		emulatorPage("Ledger", face+"ledger"),
		emulatorPage("Ledger, broken rules", face+"ledger?ok=false&account=1234567"),
		emulatorPage("Ledger, nothing found", face+"ledger?q=nowhere"),
		emulatorPage("Ledger entry, rule met", face+"ledger/1"),
		emulatorPage("Ledger entry, rule broken", face+"ledger/3"),
		emulatorPage("Faults", face+"faults.html"),
		pressing("Add fault", emulatorPage("Faults, refused", face+"faults.html", fill{Label: "Kind", Value: "status"}, fill{Label: "Status", Value: "often"})),
		emulatorPage("Clock", face+"clock.html"),
		pressing("Set", emulatorPage("Clock, refused", face+"clock.html", fill{Label: "To this time", Value: "tomorrow"})),
		emulatorPage("Settings", face+"settings.html"),
		emulatorPage("Home", "/app/center/card.nl"),
		emulatorPage("Integrations", "/app/common/integration/integrapplist.nl"),
		emulatorPage("Integration record", "/app/common/integration/integrapp.nl?id=12"),
		emulatorPage("New integration", "/app/common/integration/newintegrapp.nl"),
		emulatorPage("New integration, refused", "/app/common/integration/newintegrapp.nl",
			fill{Label: "Name", Value: "Nightly export"}, fill{Label: "RESTlets"}, fill{Label: "Redirect URI", Value: "http://localhost:3000/callback"}),
		emulatorPage("New integration, made", "/app/common/integration/newintegrapp.nl",
			fill{Label: "Name", Value: "Nightly export"}, fill{Label: "RESTlets"}, fill{Label: "Redirect URI", Value: "https://export.example/callback"}),
		emulatorPage("M2M Setup", setup+"m2msetup.nl"),
		emulatorPage("New mapping", setup+"m2mnew.nl"),
		emulatorPage("New mapping, refused", setup+"m2mnew.nl",
			fill{Label: "Entity", Value: "Acme Integration"}, fill{Label: "Role", Value: "Acme Sync"}, fill{Label: "Application", Value: "Acme Sync"},
			fill{Label: "Certificate", Value: "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", File: "key.pem"}),
		emulatorPage("Authorized applications", setup+"authorizedapps.nl"),
		emulatorPage("Employees", "/app/common/entity/employeelist.nl"),
		emulatorPage("Employee", "/app/common/entity/employee.nl?id=12"),
		emulatorPage("Roles", "/app/setup/rolelist.nl"),
		emulatorPage("Role", "/app/setup/role.nl?id=1000"),
		emulatorPage("Login Audit Trail", "/app/setup/loginaudit.nl"),
		emulatorPage("Features", "/app/setup/enablefeatures.nl"),
		emulatorPage("Bundles", "/app/bundler/bundlelist.nl"),
		emulatorPage("Bundle", "/app/bundler/bundledetails.nl?id=123456"),
		emulatorPage("Error", "/app/setup/role.nl?id=0"),
	}
}

// TestEmulatorPages: axe has nothing against any page of the emulator, and none is wider than the window.
func TestEmulatorPages(t *testing.T) {
	srv := busyEmulator(t)
	judge(t, gallery{Home: srv.URL(), Cookies: logIn(t, srv), Screens: emulatorScreens()}, emulatorPictures)
}

func TestEmulatorPictures(t *testing.T) { comparePictures(t, emulatorPictures, emulatorScreens()) }

// busyEmulator is an emulator that has seen a few clients, good ones and sloppy ones.
func busyEmulator(t *testing.T) *netsuitetest.Server {
	t.Helper()
	srv := netsuitetest.Start(t, netsuitetest.Config{
		Now: func() time.Time { return time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC) },
		Integrations: []netsuitetest.Integration{{
			Name: "Acme Sync", ClientID: acmeClient, ApplicationID: "3D0B9A52-6C1F-4E7A-9B1D-52C0F8E4A7D6", CodeGrant: true, ClientCredentials: true,
			Public: true, RedirectURIs: []string{"https://app.acme.example/callback"}, Scopes: []string{"rest_webservices", "restlets"},
		}},
	})
	account := srv.Account("1234567")
	do(t, account.InstallBundle(123456))
	do(t, account.AssignRole("integration@globex.example", "customrole_acme_sync"))
	for _, state := range []string{goodState, "short"} {
		address := srv.URL() + "/app/login/oauth2/authorize.nl?" + url.Values{
			"response_type": {"code"}, "client_id": {acmeClient}, "redirect_uri": {"https://app.acme.example/callback"}, "scope": {"rest_webservices"},
			"state": {state}, "code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
		}.Encode()
		redirect, err := account.Consent(address, emulatorAdmin, "administrator")
		if state == goodState {
			do(t, err)
			redeem(t, srv, redirect)
		}
	}
	for range 2 {
		_, err := account.MapCertificate(acmeClient, "integration@globex.example", "customrole_acme_sync", certificate(t))
		do(t, err)
	}
	do(t, account.RevokeCertificate(account.Certificates()[0].ID))
	post(t, http.DefaultClient, srv.URL()+"/services/rest/auth/oauth2/v1/token", url.Values{
		"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {"a.b.c"},
	})
	srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultDelay, Times: 3, Delay: time.Second, Match: func(r *http.Request) bool { return r.URL.Path == "/never" }})
	return srv
}

// redeem exchanges the code of a redirect.
func redeem(t *testing.T, srv *netsuitetest.Server, redirect string) {
	t.Helper()
	u, err := url.Parse(redirect)
	do(t, err)
	post(t, http.DefaultClient, srv.URL()+"/services/rest/auth/oauth2/v1/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")}, "client_id": {acmeClient},
		"redirect_uri": {"https://app.acme.example/callback"}, "code_verifier": {"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
	})
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func post(t *testing.T, client *http.Client, address string, form url.Values) {
	t.Helper()
	res, err := client.Post(address, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	do(t, err)
	_, err = io.Copy(io.Discard, res.Body)
	do(t, err)
	do(t, res.Body.Close())
}

// logIn comes in by the door of the account's hub, and returns the cookies that Chromium needs.
func logIn(t *testing.T, srv *netsuitetest.Server) []sessionCookie {
	t.Helper()
	jar, err := cookiejar.New(nil)
	do(t, err)
	post(t, &http.Client{Jar: jar}, srv.URL()+"/_emulator/accounts/1234567/enter", url.Values{"person": {emulatorAdmin}, "page": {"/app/center/card.nl"}})
	home, err := url.Parse(srv.URL())
	do(t, err)
	var cookies []sessionCookie
	for _, c := range jar.Cookies(home) {
		cookies = append(cookies, sessionCookie{c.Name, c.Value, srv.URL()})
	}
	if len(cookies) == 0 {
		t.Fatal("the account's hub let nobody in")
	}
	return cookies
}

// certificate is a new one in PEM form.
func certificate(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	do(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Acme Sync"},
		NotBefore: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2028, 11, 22, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	do(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
