package clients_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// credentials are what a program of the vendor is given: where the server is, and who it is itself.
type credentials struct {
	Server       string `json:"server"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// token is the answer as the foreign client tells it.
type token struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string `json:"scope"`
	Account     string `json:"netsuite_account"`
	BaseURL     string `json:"netsuite_base_url"`
}

// TestTokenEndpoint_ForeignClients: ordinary OAuth clients take a token from POST /oauth2/token as they are, and NetSuite
// answers a query with it.
func TestTokenEndpoint_ForeignClients(t *testing.T) {
	t.Parallel()
	env, own := connected(t)
	script := func(name string) func(*testing.T, credentials) token {
		return func(t *testing.T, c credentials) token { return node[token](t, name, c) }
	}
	for _, tt := range []struct {
		client string
		take   func(*testing.T, credentials) token
	}{
		{"x/oauth2", takeByXOAuth2},
		{"curl", takeByCurl},
		{"openid-client", script("token_openid_client.mjs")},
		{"oauth4webapi", script("token_oauth4webapi.mjs")},
		{"simple-oauth2", script("token_simple_oauth2.mjs")},
	} {
		t.Run(tt.client, func(t *testing.T) {
			got := tt.take(t, own)
			if !strings.EqualFold(got.TokenType, "Bearer") || got.ExpiresIn < 300 || got.ExpiresIn > 3600 {
				t.Errorf("token_type %q, expires_in %d; want Bearer and 300 to 3600", got.TokenType, got.ExpiresIn)
			}
			if got.Account != apptest.Account || !strings.Contains(got.BaseURL, apptest.Account+".suitetalk.") {
				t.Errorf("netsuite_account %q, netsuite_base_url %q; want those of %s", got.Account, got.BaseURL, apptest.Account)
			}
			query(t, env, got.AccessToken)
		})
	}
}

// connected is a server with one connected customer and a client of the vendor.
func connected(t *testing.T) (*apptest.Env, credentials) {
	t.Helper()
	env := apptest.Start(t, apptest.Config{Ready: true})
	link := env.Link(t, broker.LinkSent, apptest.Account)
	_, err := env.Customer(t).Consent(t.Context(), link.URL)
	must(t, err)
	done := env.Connected(t, link)
	id, secret, err := env.App.Tokens.CreateClient(t.Context(), apptest.AppName, []string{done.ConnectionID})
	must(t, err)
	return env, credentials{Server: env.Home.String(), ClientID: id, ClientSecret: secret.Reveal()}
}

func takeByXOAuth2(t *testing.T, c credentials) token {
	t.Helper()
	config := clientcredentials.Config{ClientID: c.ClientID, ClientSecret: c.ClientSecret, TokenURL: c.Server + "/oauth2/token"}
	got, err := config.Token(t.Context())
	must(t, err)
	return token{
		AccessToken: got.AccessToken, TokenType: got.TokenType, ExpiresIn: int(time.Until(got.Expiry).Seconds()),
		Account: extra(got, "netsuite_account"), BaseURL: extra(got, "netsuite_base_url"),
	}
}

func extra(t *oauth2.Token, name string) string {
	text, _ := t.Extra(name).(string)
	return text
}

// takeByCurl gives curl its credentials on standard input: arguments stand in the process list.
func takeByCurl(t *testing.T, c credentials) token {
	t.Helper()
	user := fmt.Sprintf("user = \"%s:%s\"\n", c.ClientID, c.ClientSecret)
	return parse[token](t, run(t, []byte(user), "curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--config", "-",
		"--data", "grant_type=client_credentials", c.Server+"/oauth2/token"))
}

// query asks NetSuite for the customers. The emulator's ledger is the judge.
func query(t *testing.T, env *apptest.Env, accessToken string) {
	t.Helper()
	site, err := netsuite.EmulatorSite(env.Emulator.Addr())
	must(t, err)
	api := netsuite.API{Account: apptest.Account, Site: site, Token: netsuite.NewSecret(accessToken)}
	answered := func(e netsuitetest.Entry) bool {
		return strings.HasSuffix(e.Path, "/suiteql") && e.OK && e.Status == http.StatusOK && e.ClientID == env.Client.ClientID
	}
	before := env.Emulator.Ledger().Count(answered)
	page, err := api.SuiteQL(t.Context(), "SELECT id, companyname FROM customer ORDER BY id", 1000, 0)
	must(t, err)
	if page.Total == 0 || len(page.Rows) != page.Total {
		t.Errorf("%d of %d rows", len(page.Rows), page.Total)
	}
	if got := env.Emulator.Ledger().Count(answered) - before; got != 1 {
		t.Errorf("the ledger has %d answered queries of this client, want 1", got)
	}
}
