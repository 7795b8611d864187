package tokens_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/tokens/tokenstest"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

const (
	callbackURL = "https://connect.acme.example/callback/acme-sync"
	integrator  = "integration@globex.example"
	acmeRole    = "customrole_acme_sync"
)

// world is the service on its real neighbours, with the emulator as NetSuite and as the judge. Both run on one clock.
type world struct {
	*tokenstest.Env
	t      *testing.T
	srv    *netsuitetest.Server
	site   netsuite.Site
	record netsuitetest.Integration
}

// newWorld has one account for each name, besides the vendor's.
func newWorld(t *testing.T, accounts ...string) *world {
	t.Helper()
	return newWorldOn(t, "", accounts...)
}

// newWorldOn is newWorld on a database of another kind.
func newWorldOn(t *testing.T, database string, accounts ...string) *world {
	t.Helper()
	cfg := netsuitetest.Config{Accounts: []netsuitetest.AccountConfig{smallAccount("TSTDRV1000001", true)}}
	for _, id := range accounts {
		cfg.Accounts = append(cfg.Accounts, smallAccount(id, false))
	}
	w := &world{t: t, srv: netsuitetest.Start(t, cfg)}
	w.record = must(w.srv.AddIntegration(netsuitetest.Integration{
		Name: "Acme Sync", CodeGrant: true, ClientCredentials: true, Public: true, RedirectURIs: []string{callbackURL},
		Scopes: []string{"rest_webservices", "restlets"},
	}))(t)
	w.site = must(netsuite.EmulatorSite(w.srv.Addr()))(t)
	app := broker.App{}
	app.Integration.Consent.ClientID = w.record.ClientID
	w.Env = tokenstest.New(t, tokenstest.Config{Site: w.site, Now: w.srv.Clock().Now, App: app, Database: database})
	return w
}

func smallAccount(id string, vendor bool) netsuitetest.AccountConfig {
	return netsuitetest.AccountConfig{ID: id, Name: "Company " + id, Vendor: vendor, Customers: 1, Items: 1, SalesOrders: 1}
}

// connect brings the bundle, gives its role to the integration user, has the administrator allow set-up, uploads the
// certificate and makes the connection: what onboarding does, without its pages.
func (w *world) connect(account string) broker.Connection {
	w.t.Helper()
	a := w.srv.Account(account)
	for _, err := range []error{a.InstallBundle(123456), a.AssignRole(integrator, acmeRole)} {
		if err != nil {
			w.t.Fatal(err)
		}
	}
	var role, entity int64
	for _, r := range a.Roles() {
		if r.ScriptID == acmeRole {
			role = r.ID
		}
	}
	for _, e := range a.Employees() {
		if e.Email == integrator {
			entity = e.ID
		}
	}
	api := &netsuite.API{Account: netsuite.AccountID(account), Site: w.site, Token: w.consent(account)}
	conn, err := w.Connect(w.t.Context(), netsuite.AccountID(account), role, entity, func(c broker.Certificate) error {
		return w.upload(api, c, role, entity)
	})
	if err != nil {
		w.t.Fatalf("connect %s: %v", account, err)
	}
	return conn
}

func (w *world) upload(api *netsuite.API, c broker.Certificate, role, entity int64) error {
	certificate, err := netsuite.ParseCertificate(c.PEM)
	if err != nil {
		return err
	}
	return api.UploadCertificate(w.t.Context(), w.record.ClientID, certificate, role, entity)
}

// rotate gives the connection a new certificate, as package rotate does. The old one stays.
func (w *world) rotate(conn *broker.Connection, api *netsuite.API) error {
	ctx := w.t.Context()
	c, err := w.Certificates.Plan(ctx, w.App, *conn)
	if err != nil {
		return err
	}
	if err := w.upload(api, c, conn.RoleID, conn.Entity); err != nil {
		return err
	}
	return w.Certificates.Activate(ctx, conn, c.ID)
}

var (
	formAction   = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
	hiddenField  = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
	pageSent     = map[string]url.Values{"login": {"email": {"admin@globex.example"}, "password": {"x"}}, "role": {"role": {"3"}}, "consent": {"action": {"allow"}}}
	stepOfPage   = regexp.MustCompile(`data-step="([a-z]+)"`)
	pagesAtMost  = 10
	tokenRequest = func(e netsuitetest.Entry) bool { return e.GrantType == "client_credentials" }
)

// consent plays the administrator on NetSuite's pages and redeems the code.
func (w *world) consent(account string) netsuite.Secret {
	w.t.Helper()
	grant := &netsuite.CodeGrant{ClientID: w.record.ClientID, RedirectURI: callbackURL, Scopes: w.record.Scopes, Site: w.site}
	verifier := netsuite.NewCodeVerifier()
	next := must(grant.AuthorizeURL(netsuite.AccountID(account), netsuite.NewState(), verifier, ""))(w.t)
	browser, form := w.browser(), url.Values(nil)
	for range pagesAtMost {
		body, location := w.visit(browser, next, form)
		switch {
		case strings.HasPrefix(location, callbackURL):
			back := must(url.Parse(location))(w.t)
			claim := must(netsuite.ParseCallback(back.Query()))(w.t)
			token, err := grant.Exchange(w.t.Context(), netsuite.AccountID(account), claim.Code, verifier)
			if err != nil {
				w.t.Fatal(err)
			}
			return token.AccessToken
		case location != "":
			next, form = location, nil
		default:
			next, form = w.fill(next, body)
		}
	}
	w.t.Fatalf("consent in %s did not come to an end", account)
	return netsuite.Secret{}
}

// visit sends a form, or asks for a page when there is none, and returns the page or where it leads.
func (w *world) visit(browser *http.Client, target string, form url.Values) (body, location string) {
	w.t.Helper()
	ask := func() (*http.Response, error) { return browser.Get(target) }
	if form != nil {
		ask = func() (*http.Response, error) { return browser.PostForm(target, form) }
	}
	resp := must(ask())(w.t)
	defer resp.Body.Close()
	data := must(io.ReadAll(resp.Body))(w.t)
	if to, err := resp.Location(); err == nil {
		return "", to.String()
	}
	return string(data), ""
}

// fill answers the form of a page.
func (w *world) fill(page, body string) (target string, form url.Values) {
	w.t.Helper()
	_, body, _ = strings.Cut(body, "<main") // before it is the form for logging out
	step, action := stepOfPage.FindStringSubmatch(body), formAction.FindStringSubmatch(body)
	if step == nil || action == nil || pageSent[step[1]] == nil {
		w.t.Fatalf("unexpected page at %s:\n%s", page, body)
	}
	form = url.Values{}
	for name, values := range pageSent[step[1]] {
		form[name] = values
	}
	for _, hidden := range hiddenField.FindAllStringSubmatch(body, -1) {
		form.Set(hidden[1], html.UnescapeString(hidden[2]))
	}
	base := must(url.Parse(page))(w.t)
	return base.ResolveReference(must(url.Parse(html.UnescapeString(action[1])))(w.t)).String(), form
}

// browser reaches the emulator under every name, keeps cookies and follows no redirect.
func (w *world) browser() *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, w.srv.Addr())
	}}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Jar: must(cookiejar.New(nil))(w.t),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// mints counts the requests for an access token by client credentials that reached NetSuite.
func (w *world) mints() int { return w.srv.Ledger().Count(tokenRequest) }

// must is for values that a test cannot do without: must(f())(t).
func must[T any](value T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return value
	}
}

// accountNames makes distinct account IDs, every other a sandbox.
func accountNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%d", 2000000+i/2)
		if i%2 == 1 {
			names[i] += "_SB1"
		}
	}
	return names
}
