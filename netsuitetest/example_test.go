package netsuitetest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// The ledger tells what a client did wrong, in words, where NetSuite would say no more than a code.
func ExampleNew() {
	srv, err := netsuitetest.New(netsuitetest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()

	r := httptest.NewRequest(http.MethodGet, "https://1234567.app.netsuite.com/app/login/oauth2/authorize.nl?client_id=unknown", nil)
	w := httptest.NewRecorder()
	srv.Handler().ServeHTTP(w, r)

	e := srv.Ledger().Entries()[0]
	fmt.Println(w.Code, e.Account, e.AuditDetail)
	fmt.Println(e.Rule)
	// Output:
	// 400 1234567 UnknownIntegration
	// unknown client ID (H/subsect_161252455245)
}

// An unmodified client reaches the emulator under NetSuite's own names, through the proxy. A client in another process is told
// HTTPS_PROXY and a file with the certificate.
func ExampleServer_ProxyURL() {
	srv, err := netsuitetest.New(netsuitetest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, ln) }()
	defer func() { stop(); <-served }()

	roots := x509.NewCertPool()
	roots.AddCert(srv.CACertificate())
	client := &http.Client{Transport: &http.Transport{
		Proxy:           http.ProxyURL(&url.URL{Scheme: "http", Host: ln.Addr().String()}), // srv.ProxyURL(), once it serves
		TLSClientConfig: &tls.Config{RootCAs: roots},
	}}
	defer client.CloseIdleConnections()
	for _, address := range []string{"https://rest.netsuite.com/rest/datacenterurls?account=1234567", "https://example.com/"} {
		res, err := client.Get(address)
		if err != nil {
			fmt.Println(err)
			continue
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		fmt.Println(res.StatusCode, string(body))
	}
	// Output:
	// 200 {"restDomain":"https://1234567.restlets.api.netsuite.com","systemDomain":"https://1234567.app.netsuite.com","webservicesDomain":"https://1234567.suitetalk.api.netsuite.com"}
	// Get "https://example.com/": Forbidden
}

// Between tests the emulator goes back to its start, seeded records and all, in milliseconds.
func ExampleServer_Reset() {
	srv, err := netsuitetest.New(netsuitetest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	account := srv.Account("1234567")

	if err := account.InstallBundle(123456); err != nil {
		fmt.Println(err)
	}
	srv.Clock().Advance(24 * time.Hour)
	fmt.Println("installed:", account.InstalledBundle(123456))
	if err := srv.Reset(); err != nil {
		fmt.Println(err)
	}
	fmt.Println("installed:", account.InstalledBundle(123456))
	// Output:
	// installed: true
	// installed: false
}

// A seed file is read strictly: what it does not know it refuses, and says what was meant.
func ExampleLoadSeed() {
	cfg, err := netsuitetest.LoadSeed(strings.NewReader(`
settings:
  expires_in_type: number
accounts:
  - id: "1234567"
    customers: 20
    employees:
      - {email: vera@globex.example, first: Vera, last: Verify, roles: [administrator]}
`))
	fmt.Println(cfg.Settings.ExpiresInNumber, cfg.Accounts[0].Customers, err)

	_, err = netsuitetest.LoadSeed(strings.NewReader("settings:\n  expires_in_tpye: number\n"))
	fmt.Println(err)
	// Output:
	// true 20 <nil>
	// seed: line 2: settings.expires_in_tpye: unknown key; did you mean expires_in_type?
}

// Settings by name are for command lines and other tools.
func ExampleSettings_Set() {
	var settings netsuitetest.Settings
	fmt.Println(settings.Set("m2m_bad_key_error", "invalid_client"), settings.M2MBadKeyError)
	fmt.Println(settings.Set("m2m_bad_key_error", "invalid_clients"))
	// Output:
	// <nil> invalid_client
	// setting m2m_bad_key_error: unknown value "invalid_clients"; did you mean invalid_client? (use one of invalid_grant, invalid_client)
}
