package app_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// A production account and its sandbox on one whole server, with one integration record and one client for both: nothing of the one is
// ever used for the other (TE-04). The judge is the emulator's ledger.

// family is a company with both of its accounts connected.
type family struct {
	*apptest.Env
	t                         *testing.T
	production, sandbox       broker.Connection
	both, onlyLive, onlyTests tokens.Request
}

func newFamily(t *testing.T) *family {
	t.Helper()
	f := &family{Env: apptest.Start(t, apptest.Config{Ready: true}), t: t}
	f.Prepare(t, apptest.Sandbox)
	f.production, f.sandbox = f.connect(apptest.Account), f.connect(apptest.Sandbox)
	f.both, f.onlyLive, f.onlyTests = f.client(f.production, f.sandbox), f.client(f.production), f.client(f.sandbox)
	return f
}

func (f *family) connect(account string) broker.Connection {
	f.t.Helper()
	link := f.Link(f.t, broker.LinkSent, account)
	person := f.Customer(f.t)
	person.Company = account
	_, err := person.Consent(f.t.Context(), link.URL)
	check(f.t, err)
	return must(f.App.Store.Connection(f.t.Context(), f.Connected(f.t, link).ConnectionID))(f.t)
}

func (f *family) client(connections ...broker.Connection) tokens.Request {
	f.t.Helper()
	var ids []string
	for _, c := range connections {
		ids = append(ids, c.ID)
	}
	id, secret, err := f.App.Tokens.CreateClient(f.t.Context(), apptest.AppName, ids)
	check(f.t, err)
	return tokens.Request{ClientID: id, Secret: secret}
}

func (f *family) baseURL(account netsuite.AccountID) string {
	f.t.Helper()
	site := must(netsuite.EmulatorSite(f.Emulator.Addr()))(f.t)
	return must(site.BaseURL(account, netsuite.ServiceSuiteTalk))(f.t).String()
}

// answer of the token endpoint.
type answer struct {
	status  int
	Token   string `json:"access_token"`
	Account string `json:"netsuite_account"`
	BaseURL string `json:"netsuite_base_url"`
	Error   string `json:"error"`
}

func (f *family) post(client tokens.Request, resources ...string) answer {
	f.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "resource": resources}
	r := must(http.NewRequestWithContext(f.t.Context(), http.MethodPost, f.Home.JoinPath("oauth2/token").String(), strings.NewReader(form.Encode())))(f.t)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client.ClientID, client.Secret.Reveal())
	res := must(http.DefaultClient.Do(r))(f.t)
	defer res.Body.Close()
	a := answer{status: res.StatusCode}
	check(f.t, json.NewDecoder(res.Body).Decode(&a))
	return a
}

// query asks an account something with a token.
func (f *family) query(account, token string) error {
	f.t.Helper()
	site := must(netsuite.EmulatorSite(f.Emulator.Addr()))(f.t)
	api := netsuite.API{Account: netsuite.AccountID(account), Site: site, Token: netsuite.NewSecret(token)}
	_, err := api.SuiteQL(f.t.Context(), "SELECT 1 AS ok FROM dual", 1, 0)
	return err
}

// mints are the tokens that an account gave for a certificate.
func (f *family) mints(account, certificate string) int {
	return f.Emulator.Ledger().Count(func(e netsuitetest.Entry) bool {
		return e.GrantType == "client_credentials" && e.OK && e.Account == account && e.CertificateID == certificate
	})
}

func (f *family) active(account string) int {
	return f.Emulator.Account(account).ActiveCertificates(f.Client.ClientID)
}

func TestTE04_TokenEndpointKeepsEnvironmentsApart(t *testing.T) {
	f := newFamily(t)
	for _, tt := range []struct {
		name           string
		client         tokens.Request
		account, other string
	}{
		{"production of both", f.both, apptest.Account, apptest.Sandbox},
		{"sandbox of both", f.both, apptest.Sandbox, apptest.Account},
		{"production alone", f.onlyLive, apptest.Account, apptest.Sandbox},
		{"sandbox alone", f.onlyTests, apptest.Sandbox, apptest.Account},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base := f.baseURL(netsuite.AccountID(tt.account))
			got := f.post(tt.client, base)
			if got.status != http.StatusOK || got.Account != tt.account || got.BaseURL != base {
				t.Fatalf("answer %+v, want a token of %s", got, tt.account)
			}
			if claims := must(netsuite.ReadClaims(netsuite.NewSecret(got.Token)))(t); claims.Account.String() != tt.account {
				t.Errorf("the token is of %s, want of %s", claims.Account, tt.account)
			}
			if err := f.query(tt.account, got.Token); err != nil {
				t.Errorf("NetSuite does not take it at %s: %v", tt.account, err)
			}
			if err := f.query(tt.other, got.Token); !errors.Is(err, netsuite.ErrLogin) {
				t.Errorf("NetSuite takes it at %s: %v", tt.other, err)
			}
		})
	}

	live, tests := f.baseURL(apptest.Account), f.baseURL(apptest.Sandbox)
	for _, tt := range []struct {
		name      string
		client    tokens.Request
		resources []string
	}{
		{"none", f.both, nil},
		{"empty", f.both, []string{""}},
		{"account ID", f.both, []string{apptest.Account}},
		{"upper case", f.both, []string{strings.ToUpper(tests)}},
		{"as NetSuite prints it", f.both, []string{strings.Replace(tests, "1234567-sb1", apptest.Sandbox, 1)}},
		{"slash behind", f.both, []string{tests + "/"}},
		{"mark cut off", f.both, []string{strings.Replace(tests, "-sb1", "-sb", 1)}},
		{"another sandbox", f.both, []string{f.baseURL("1234567_SB2")}},
		{"Release Preview", f.both, []string{f.baseURL("1234567_RP")}},
		{"both at once", f.both, []string{live, tests}},
		{"sandbox, by the client of production", f.onlyLive, []string{tests}},
		{"production, by the client of the sandbox", f.onlyTests, []string{live}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := f.post(tt.client, tt.resources...); got.status != http.StatusBadRequest || got.Error == "" || got.Token != "" {
				t.Errorf("answer %+v, want a refusal", got)
			}
		})
	}

	if own, crossed := f.mints(apptest.Account, f.production.CertificateID), f.mints(apptest.Account, f.sandbox.CertificateID); own == 0 || crossed != 0 {
		t.Errorf("production gave %d tokens for its own certificate and %d for the sandbox's", own, crossed)
	}
	if own, crossed := f.mints(apptest.Sandbox, f.sandbox.CertificateID), f.mints(apptest.Sandbox, f.production.CertificateID); own == 0 || crossed != 0 {
		t.Errorf("the sandbox gave %d tokens for its own certificate and %d for production's", own, crossed)
	}
}

// Who is asked to connect the one and chooses the other at NetSuite is told so, and nothing is written there.
func TestTE04_LinkExpectsOneEnvironment(t *testing.T) {
	for expected, chosen := range map[string]string{apptest.Account: apptest.Sandbox, apptest.Sandbox: apptest.Account} {
		t.Run("expects "+expected, func(t *testing.T) {
			e := apptest.Start(t, apptest.Config{Ready: true})
			e.Prepare(t, apptest.Sandbox)
			link := e.Link(t, broker.LinkSent, expected)
			check(t, redirectedTo(e, expected, chosen))
			_, err := e.Customer(t).Consent(t.Context(), link.URL)
			check(t, err)
			run := e.Problem(t, link, broker.CodeWrongAccount)
			if run.Problem.Found.String() != chosen || run.ConnectionID != "" {
				t.Errorf("the run found %s and made the connection %q", run.Problem.Found, run.ConnectionID)
			}
			if n := e.Count(http.MethodPost, "/certificates"); n != 0 {
				t.Errorf("%d certificates were uploaded", n)
			}
			if connections := must(e.App.Store.Connections(t.Context(), ""))(t); len(connections) != 0 {
				t.Errorf("connections %+v", connections)
			}
			e.GrantsEnded(t, expected)
		})
	}
}

// redirectedTo makes NetSuite redirect with another company than the one whose page was used, as when the person changes the role
// there to one in another account.
func redirectedTo(e *apptest.Env, from, to string) error {
	account := e.Emulator.Account(from)
	if account == nil {
		return errors.New("no such account: " + from)
	}
	account.RedirectCompanyOverride(to)
	account.TokenAccountOverride(to)
	account.APIAccountOverride(to)
	return nil
}

// Somebody who can write to the database puts the sandbox's certificate, or its sealed token, into production's rows.
func TestTE04_SwappedRowsGiveNoToken(t *testing.T) {
	t.Run("certificate", func(t *testing.T) {
		f := newFamily(t)
		swapped := f.production
		swapped.CertificateID = f.sandbox.CertificateID
		check(t, f.App.Store.SaveConnection(t.Context(), &swapped))
		f.App.Tokens.Forget(swapped.ID)
		if got := f.post(f.onlyLive); got.status == http.StatusOK || got.Token != "" {
			t.Errorf("answer %+v", got)
		}
		if n := f.mints(apptest.Account, f.sandbox.CertificateID) + f.mints(apptest.Sandbox, f.sandbox.CertificateID); n != 1 { // of its own test
			t.Errorf("%d tokens for the sandbox's certificate, want the one of onboarding", n)
		}
		foreign := must(f.App.Store.Certificate(t.Context(), f.sandbox.CertificateID))(t)
		if err := f.App.Store.ActivateCertificate(t.Context(), &swapped, &foreign); err == nil {
			t.Error("production signs with the sandbox's certificate")
		}
	})
	t.Run("sealed token", func(t *testing.T) {
		f := newFamily(t)
		for _, client := range []tokens.Request{f.onlyLive, f.onlyTests} {
			if got := f.post(client); got.status != http.StatusOK {
				t.Fatalf("answer %+v", got)
			}
		}
		row := must(f.App.Store.AccessToken(t.Context(), f.production.ID))(t)
		row.Token = must(f.App.Store.AccessToken(t.Context(), f.sandbox.ID))(t).Token
		check(t, f.App.Store.SaveAccessToken(t.Context(), &row))
		f.App.Tokens.Forget(f.production.ID)
		_, err := f.App.Tokens.HandOut(t.Context(), f.onlyLive)
		if broker.CodeOf(err) != broker.CodeTampered {
			t.Errorf("hand-out of a token that was moved: %v, want %s", err, broker.CodeTampered)
		}
		if got := f.post(f.onlyTests); got.Account != apptest.Sandbox {
			t.Errorf("the sandbox itself: %+v", got)
		}
	})
}

// What happens to the sandbox's certificate leaves production's alone, though both belong to one integration record; and the reverse.
func TestTE04_CertificatesOfOneEnvironment(t *testing.T) {
	f := newFamily(t)
	_, err := f.App.Rotate.Rotate(t.Context(), f.sandbox.ID)
	check(t, err)
	kept := must(f.App.Store.Connection(t.Context(), f.production.ID))(t)
	if kept.CertificateID != f.production.CertificateID || f.active(apptest.Account) != 1 || f.active(apptest.Sandbox) != 1 {
		t.Errorf("after the sandbox's rotation production signs with %s; %d and %d active", kept.CertificateID, f.active(apptest.Account), f.active(apptest.Sandbox))
	}
	_, err = f.App.Offboard.Disconnect(t.Context(), f.sandbox.ID, "operator", false)
	check(t, err)
	if f.active(apptest.Account) != 1 || f.active(apptest.Sandbox) != 0 {
		t.Errorf("after the sandbox's end %d certificates are active in production and %d in the sandbox", f.active(apptest.Account), f.active(apptest.Sandbox))
	}
	if got := f.post(f.both, f.baseURL(apptest.Account)); got.Account != apptest.Account || f.query(apptest.Account, got.Token) != nil {
		t.Errorf("production after the sandbox's end: %+v", got)
	}
	if got := f.post(f.both, f.baseURL(apptest.Sandbox)); got.Token != "" {
		t.Errorf("the sandbox after its end: %+v", got)
	}
	if got := f.post(f.onlyTests, f.baseURL(apptest.Account)); got.Token != "" {
		t.Errorf("the sandbox's client got production's token: %+v", got)
	}
}
