package suitekey_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/suitekey/suitekey"
	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// connected is a client of a server with one connected customer.
func connected(t *testing.T) (*apptest.Env, *suitekey.Server) {
	t.Helper()
	e := apptest.Start(t, apptest.Config{Ready: true})
	link := e.Link(t, broker.LinkSent, apptest.Account)
	if _, err := e.Customer(t).Consent(t.Context(), link.URL); err != nil {
		t.Fatal(err)
	}
	id, secret, err := e.App.Tokens.CreateClient(t.Context(), apptest.AppName, []string{e.Connected(t, link).ConnectionID})
	if err != nil {
		t.Fatal(err)
	}
	return e, &suitekey.Server{URL: e.Home.String(), ClientID: id, ClientSecret: secret, Site: e.App.Tokens.Site}
}

func TestServerGivesAConnection(t *testing.T) {
	e, server := connected(t)
	connection, err := server.Connection(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	page, err := connection.API().SuiteQL(t.Context(), "SELECT id FROM customer ORDER BY id", 10, 0)
	if err != nil || page.Count == 0 {
		t.Errorf("query: %v, %v; want rows", page, err)
	}
	if string(connection.Account) != apptest.Account {
		t.Errorf("account %s, want %s", connection.Account, apptest.Account)
	}
	token, err := server.Token(t.Context())
	base, _ := e.App.Tokens.Site.BaseURL(apptest.Account, netsuite.ServiceSuiteTalk)
	if err != nil || token.BaseURL != base.String() || token.ExpiresIn <= 0 || token.Scope == "" {
		t.Errorf("token %+v, %v; want its address %s, life and scope", token, err, base)
	}
}

func TestServerRefusesInItsOwnWords(t *testing.T) {
	_, server := connected(t)
	var refused *suitekey.Error
	wrong := *server
	wrong.ClientSecret = netsuite.NewSecret("sk_wrong_canary")
	if _, err := wrong.Token(t.Context()); !errors.As(err, &refused) || refused.Code != "invalid_client" || refused.Status != http.StatusUnauthorized {
		t.Errorf("wrong secret: %v, want invalid_client", err)
	} else if strings.Contains(err.Error(), "canary") {
		t.Errorf("the error repeats the secret: %v", err)
	}
	foreign := *server
	foreign.Resource = "https://7654321.suitetalk.api.netsuite.com"
	if _, err := foreign.Token(t.Context()); !errors.As(err, &refused) || refused.Code != "invalid_request" {
		t.Errorf("another account: %v, want invalid_request", err)
	}
}

// What is not a suitekey server, or not a safe way to one.
func TestServerAddresses(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the secret was sent on") }))
	defer elsewhere.Close()
	answers := map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		"a page": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>canary-page</html>")) },
		"an error page": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "canary-page", http.StatusBadGateway)
		},
		"no account": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"access_token":"canary-token","token_type":"Bearer","expires_in":3000}`))
		},
	}
	for name, answer := range answers {
		host := httptest.NewServer(answer)
		server := suitekey.Server{URL: host.URL, ClientID: "ck_1", ClientSecret: netsuite.NewSecret("s")}
		_, err := server.Connection(t.Context())
		host.Close()
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v, want an error without what was answered", name, err)
		}
	}
	for _, address := range []string{
		"", "connect.acme.example", "http://connect.acme.example", "http://127.0.0.1.evil.example", "https://user:pass@connect.acme.example",
		"https://connect.acme.example?x=1", "ftp://connect.acme.example", "https://connect.acme.example#x", "\x00",
	} {
		server := suitekey.Server{URL: address, ClientID: "ck_1", ClientSecret: netsuite.NewSecret("s")}
		if _, err := server.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "URL of the suitekey server") {
			t.Errorf("address %q: %v, want it refused", address, err)
		}
	}
	half := suitekey.Server{URL: "https://connect.acme.example", ClientID: "ck_1"}
	if err := half.Check(); err == nil {
		t.Error("no secret: nothing was refused")
	}
	half.ClientSecret = netsuite.NewSecret("s")
	if err := half.Check(); err != nil {
		t.Errorf("whole credentials: %v", err)
	}
}
