package passthrough_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/suitekey/suitekey/internal/passthrough"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// world is the pass-through between a caller and an account, as suitekey proxy has it. The emulator's ledger is the judge.
type world struct {
	*netsuitetest.Server
	t     *testing.T
	front *httptest.Server
	creds *netsuite.ClientCredentials
	mu    sync.Mutex
	wire  bytes.Buffer // guarded by mu; what came to NetSuite on the account's API, headers and all
}

const clientID = "1111111111111111111111111111111111111111111111111111111111111111"

func newWorld(t *testing.T, allow ...passthrough.Service) *world {
	t.Helper()
	key, err := netsuite.GenerateKey(netsuite.P256)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, Server: netsuitetest.Start(t, netsuitetest.Config{
		Integrations: []netsuitetest.Integration{{Name: "Acme Sync", ClientID: clientID, ClientCredentials: true, Scopes: []string{"rest_webservices", "restlets"}}},
		Accounts: []netsuitetest.AccountConfig{{
			ID: "1234567", Name: "Globex Corporation", Customers: 3, Items: 1, SalesOrders: 1, Bundles: []int64{123456},
			Employees:    []netsuitetest.EmployeeConfig{{Email: "robot@globex.example", First: "Robot", Last: "Globex", Roles: []string{"customrole_acme_sync"}}},
			Certificates: []netsuitetest.CertificateConfig{{ClientID: clientID, Employee: "robot@globex.example", Role: "customrole_acme_sync", PEM: string(netsuite.EncodePEM(cert))}},
		}},
	})}
	site, err := netsuite.EmulatorSite(w.Addr())
	if err != nil {
		t.Fatal(err)
	}
	w.creds = &netsuite.ClientCredentials{
		Account: "1234567", ClientID: clientID, CertificateID: netsuite.CertificateID(cert), Key: key, Scopes: []string{"rest_webservices", "restlets"}, Site: site,
		Governor: &netsuite.Governor{},
	}
	a := passthrough.Account{Allow: allow, Transport: w.creds.Client(t.Context()).Transport}
	for svc, at := range map[netsuite.Service]**url.URL{netsuite.ServiceSuiteTalk: &a.SuiteTalk, netsuite.ServiceRESTlets: &a.RESTlets} {
		if *at, err = site.BaseURL("1234567", svc); err != nil {
			t.Fatal(err)
		}
	}
	w.front = httptest.NewServer(a.Handler())
	t.Cleanup(w.front.Close)
	w.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultObserve, OnMatch: w.overhear})
	return w
}

// overhear keeps what came, tokens requests apart: those are the library's own.
func (w *world) overhear(r *http.Request) {
	head, _ := httputil.DumpRequest(r, false) // without the body, which is not to be read here
	w.mu.Lock()
	defer w.mu.Unlock()
	if !strings.HasSuffix(r.URL.Path, "/token") {
		w.wire.Write(head)
	}
}

func (w *world) heard() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wire.String()
}

// answer is what the caller got, all of it.
type answer struct {
	status int
	all    string // with the headers
}

func (w *world) send(method, target string, header http.Header, body string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.front.URL+target, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header = header
	res, err := w.front.Client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	all, err := httputil.DumpResponse(res, true)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{res.StatusCode, string(all)}
}

const (
	suiteQL  = "/services/rest/query/v1/suiteql"
	customer = "/services/rest/record/v1/customer"
	health   = "/app/site/hosting/restlet.nl?script=customscript_acme_health&deploy=customdeploy_acme_health"
)

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json"}, "Prefer": {"transient"}}
}

func TestEverythingAllowedWorks(t *testing.T) {
	w := newWorld(t, passthrough.Services...)
	for _, tt := range []struct{ method, target, body, want string }{
		{"POST", suiteQL + "?limit=2", `{"q":"SELECT id FROM customer ORDER BY id"}`, `"count":2`},
		{"GET", "/services/rest/system/v1/serverTime", "", "serverTime"},
		{"POST", customer, `{"companyName":"Passed On"}`, "Location: /services/rest/record/v1/customer/"},
		{"PUT", customer + "/eid:M%C3%BCller%20%26%20Co", `{"companyName":"Müller & Co"}`, "Location: /services/rest/record/v1/customer/"},
		{"GET", customer + "/eid:M%C3%BCller%20%26%20Co", "", "Müller & Co"},
		{"GET", health, "", "200 OK"},
		{"GET", customer + "/999999", "", "o:errorCode"},
	} {
		if got := w.send(tt.method, tt.target, jsonHeader(), tt.body); !strings.Contains(got.all, tt.want) {
			t.Errorf("%s %s: %s\nwant %q in it", tt.method, tt.target, got.all, tt.want)
		}
	}
}

// The emulator refuses a request with two Authorization headers, so that an answer proves one: ours.
func TestPX05_OneAuthorization(t *testing.T) {
	w := newWorld(t, passthrough.Services...)
	if got := w.send("GET", customer, jsonHeader(), ""); got.status != http.StatusOK {
		t.Fatalf("%d: %s", got.status, got.all)
	}
	token, err := w.creds.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []http.Header{
		{"Authorization": {"Bearer canary-key"}},
		{"Authorization": {"Bearer canary-key", "Bearer canary-other"}},
		{"authorization": {"Bearer canary-key"}},
		{"Connection": {"Authorization"}},
		{"Connection": {"authorization, content-type, keep-alive"}, "Authorization": {"canary-key"}},
		{"Proxy-Authorization": {"Bearer canary-key"}, "Proxy-Connection": {"Authorization"}},
		{"Cookie": {"JSESSIONID=canary-key"}},
		{"Forwarded": {"for=canary-key;host=evil.example"}, "X-Forwarded-For": {"canary-key"}, "X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"http"}, "X-Real-Ip": {"canary-key"}},
		{"X-Http-Method-Override": {"DELETE"}, "X-Http-Method": {"DELETE"}, "X-Method-Override": {"DELETE"}},
		{"X-Original-Url": {"/services/rest/auth/oauth2/v1/token"}, "X-Rewrite-Url": {"/services/rest/auth/oauth2/v1/token"}},
	} {
		if got := w.send("GET", customer, header, ""); got.status != http.StatusOK {
			t.Errorf("%v: %s", header, got.all)
		}
	}
	heard := w.heard()
	for _, never := range []string{"canary", "evil.example", "DELETE", "Forwarded", "Cookie", "auth/oauth2"} {
		if strings.Contains(heard, never) {
			t.Errorf("%q reached NetSuite:\n%s", never, heard)
		}
	}
	if n := strings.Count(heard, "Authorization: Bearer "+token.AccessToken.Reveal()); n != 11 {
		t.Errorf("our token came %d times, want once with each of 11 requests", n)
	}
}

func TestPX04_TheLedgerHasNoConfusedDeputy(t *testing.T) {
	w := newWorld(t, passthrough.Services...)
	const auth = "/services/rest/auth/oauth2/v1/"
	for _, target := range []string{
		auth + "token", auth + "revoke", auth + "clients/" + clientID + "/certificates", strings.ToUpper(auth) + "token", "/services/rest/%61uth/oauth2/v1/token", "/services/rest/%41UTH/oauth2/v1/token",
		"/services/rest/record/v1/..%3b/..%3b/auth/oauth2/v1/token", "/services/rest/record/v1/%2e%2e/%2e%2e/auth/oauth2/v1/token", "/services/rest/record/v1/%c0%ae%c0%ae/%c0%ae%c0%ae/auth/oauth2/v1/token",
		"/services/rest//auth/oauth2/v1/token", "/services/rest/record/v1/x%2f..%2f..%2f..%2fauth/oauth2/v1/token",
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			if got := w.send(method, target, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "grant_type=client_credentials"); got.status != http.StatusForbidden && got.status != http.StatusBadRequest {
				t.Errorf("%s %s: %s", method, target, got.all)
			}
		}
	}
	if entries := w.Ledger().Entries(); len(entries) != 0 {
		t.Errorf("NetSuite was asked: %+v", entries)
	}
}

// Canaries in both directions: the caller's key stays on this side, and our token on the other, also when NetSuite refuses or echoes.
func TestPX07_NoTokenForTheCaller(t *testing.T) {
	w := newWorld(t, passthrough.Services...)
	w.HandleRESTlet("customscript_acme_health", func(c netsuitetest.RESTletCall) (any, error) { return fmt.Sprint(c), nil })
	token, err := w.creds.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	header := jsonHeader()
	header.Set("Authorization", "Bearer canary-key")
	var got []answer
	for _, target := range []string{customer, customer + "/999999", suiteQL, health, "/services/rest/system/v1/governanceLimits", "/services/rest/auth/oauth2/v1/token"} {
		got = append(got, w.send("GET", target, header, ""))
	}
	for _, kind := range []netsuitetest.FaultKind{netsuitetest.FaultUnauthorized, netsuitetest.FaultServerError, netsuitetest.FaultPlainText, netsuitetest.FaultMaintenance} {
		remove := w.Fault(netsuitetest.Fault{Kind: kind, Endpoint: "record"})
		got = append(got, w.send("POST", customer, header, `{"companyName":"x"}`))
		remove()
	}
	for _, a := range got {
		for _, never := range []string{token.AccessToken.Reveal(), "Set-Cookie", "Www-Authenticate"} {
			if strings.Contains(a.all, never) {
				t.Errorf("the caller got %.40q:\n%s", never, a.all)
			}
		}
	}
	if strings.Contains(w.heard(), "canary-key") {
		t.Errorf("the caller's key reached NetSuite:\n%s", w.heard())
	}
}

// A RESTlet in the wrong data centre is answered by a redirect to another host, which must not see the token.
func TestPX08_WrongDataCentre(t *testing.T) {
	w := newWorld(t, passthrough.Services...)
	w.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultWrongDataCentre, Endpoint: "restlet"})
	if got := w.send("GET", health, jsonHeader(), ""); got.status != http.StatusBadGateway || !strings.Contains(got.all, "SUITEKEY_REDIRECT_REFUSED") || strings.Contains(got.all, "Location") {
		t.Errorf("%s\nwant 502 without an address", got.all)
	}
	restlets := func(e netsuitetest.Entry) bool { return e.Service == "restlets" }
	if n := w.Ledger().Count(restlets); n != 1 {
		t.Errorf("%d requests to RESTlets, want the one", n)
	}
}

// The connection is cut when the record is made: nobody knows, so nobody sends it again.
func TestPX12_AWriteIsSentOnce(t *testing.T) {
	w := newWorld(t, passthrough.Services...)
	for _, tt := range []struct{ method, target string }{{"POST", customer}, {"PATCH", customer + "/1"}, {"DELETE", customer + "/1"}, {"POST", health}, {"PUT", health}} {
		if got := w.send("GET", customer, jsonHeader(), ""); got.status != http.StatusOK { // and leaves a connection that is open
			t.Fatal(got.all)
		}
		remove := w.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultCutAfter, Match: func(r *http.Request) bool { return r.Method == tt.method && !strings.HasSuffix(r.URL.Path, "/token") }})
		got := w.send(tt.method, tt.target, jsonHeader(), `{"companyName":"Once"}`)
		remove()
		if got.status != http.StatusBadGateway || !strings.Contains(got.all, "SUITEKEY_UNREACHABLE") {
			t.Errorf("%s %s: %s\nwant 502", tt.method, tt.target, got.all)
		}
		path, _, _ := strings.Cut(tt.target, "?")
		if n := w.Ledger().Count(func(e netsuitetest.Entry) bool { return e.Method == tt.method && e.Path == path }); n != 1 {
			t.Errorf("%s %s: %d in the ledger, want 1", tt.method, path, n)
		}
	}
}

// The token is renewed without the caller's doing: one that NetSuite refuses is replaced, and the request is made again where it may be.
func TestRenewal(t *testing.T) {
	for _, tt := range []struct{ method, target, body string }{
		{"GET", "/services/rest/system/v1/serverTime", ""},
		{"POST", suiteQL, `{"q":"SELECT 1 AS ok FROM dual"}`},
		{"PUT", customer + "/eid:crm-42", `{"companyName":"Twice"}`},
	} {
		w := newWorld(t, passthrough.Services...)
		w.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultUnauthorized, Times: 1, Match: func(r *http.Request) bool { return !strings.HasSuffix(r.URL.Path, "/token") }})
		if got := w.send(tt.method, tt.target, jsonHeader(), tt.body); got.status >= 300 {
			t.Errorf("%s %s: %s\nwant 2xx by another token", tt.method, tt.target, got.all)
		}
		tokens := w.Ledger().Entries(func(e netsuitetest.Entry) bool { return e.GrantType == "client_credentials" })
		if len(tokens) != 2 || slices.ContainsFunc(tokens, func(e netsuitetest.Entry) bool { return !e.OK }) {
			t.Errorf("%s %s: token requests %+v, want two", tt.method, tt.target, tokens)
		}
	}
}

// A body that ends early is the caller's matter, and not taken for trouble of NetSuite's.
func TestCallerLeaves(t *testing.T) {
	w := newWorld(t, passthrough.Record)
	for range 30 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.front.URL+customer, io.MultiReader(strings.NewReader("{"), broken{}))
		if err != nil {
			t.Fatal(err)
		}
		if res, err := w.front.Client().Do(r); err == nil {
			_ = res.Body.Close()
		}
	}
	if got := w.send("GET", customer, jsonHeader(), ""); got.status != http.StatusOK {
		t.Errorf("after callers that left: %s", got.all)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
