package netsuite

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

var testVerifier = strings.Repeat("v", 43)

const (
	testCode     = "c0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0de"
	testRefresh  = "eyJhbGciOiJSUzI1NiJ9.refresh.token-of-the-test"
	testRedirect = "https://app.example/callback"
	okToken      = `{"access_token":"` + testToken + `","refresh_token":"` + testRefresh + `2","expires_in":"3600","token_type":"bearer"}`
)

func publicGrant(s Site) *CodeGrant {
	return &CodeGrant{ClientID: testClientID, RedirectURI: testRedirect, Scopes: []string{"restlets", "rest_webservices"}, Site: s}
}

func confidentialGrant(s Site) *CodeGrant {
	g := publicGrant(s)
	g.ClientSecret = NewSecret("s3cret/with+odd:characters")
	return g
}

func TestNewStateAndVerifier(t *testing.T) {
	states := map[string]bool{}
	for range 100 {
		s := NewState()
		if random, err := base64.RawURLEncoding.DecodeString(s); err != nil || len(random) != 32 || states[s] {
			t.Fatalf("NewState = %q (%v), want 32 fresh bytes in base64url", s, err)
		}
		states[s] = true
	}
	if v := NewCodeVerifier(); !verifierForm.MatchString(v) || v == NewCodeVerifier() {
		t.Errorf("NewCodeVerifier = %q, want a fresh verifier of RFC 7636", v)
	}
}

func TestAuthorizeURL(t *testing.T) {
	state := NewState()
	sum := sha256.Sum256([]byte(testVerifier))
	want := url.Values{
		"response_type": {"code"}, "client_id": {testClientID}, "redirect_uri": {testRedirect}, "scope": {"restlets rest_webservices"},
		"state": {state}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for _, tt := range []struct {
		account AccountID
		prompt  string
		host    string
	}{
		{"", "", "system.netsuite.com"},
		{"", "consent", "system.netsuite.com"},
		{testAccount, "", "1234567-sb1.app.netsuite.com"},
		{testAccount, "login consent", "1234567-sb1.app.netsuite.com"},
	} {
		address, err := publicGrant(Site{}).AuthorizeURL(tt.account, state, testVerifier, tt.prompt)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		query := u.Query()
		if got := query.Get("prompt"); got != tt.prompt || query.Has("prompt") != (tt.prompt != "") {
			t.Errorf("prompt is %q, want %q", got, tt.prompt)
		}
		query.Del("prompt")
		if u.Scheme != "https" || u.Host != tt.host || u.Path != "/app/login/oauth2/authorize.nl" || query.Encode() != want.Encode() {
			t.Errorf("AuthorizeURL = %s, want host %s and %s", address, tt.host, want.Encode())
		}
	}
}

func TestAuthorizeURLRefuses(t *testing.T) {
	state := NewState()
	for _, tt := range []struct {
		name                    string
		change                  func(*CodeGrant)
		account                 AccountID
		state, verifier, prompt string
	}{
		{"no client ID", func(g *CodeGrant) { g.ClientID = "" }, "", state, testVerifier, ""},
		{"client ID with a slash", func(g *CodeGrant) { g.ClientID = "a/b" }, "", state, testVerifier, ""},
		{"no redirect URI", func(g *CodeGrant) { g.RedirectURI = "" }, "", state, testVerifier, ""},
		{"relative redirect URI", func(g *CodeGrant) { g.RedirectURI = "/callback" }, "", state, testVerifier, ""},
		{"redirect URI with fragment", func(g *CodeGrant) { g.RedirectURI += "#x" }, "", state, testVerifier, ""},
		{"redirect URI without host", func(g *CodeGrant) { g.RedirectURI = "https:///x" }, "", state, testVerifier, ""},
		{"no scope", func(g *CodeGrant) { g.Scopes = nil }, "", state, testVerifier, ""},
		{"scopes in one string", func(g *CodeGrant) { g.Scopes = []string{"restlets,rest_webservices"} }, "", state, testVerifier, ""},
		{"mcp with others", func(g *CodeGrant) { g.Scopes = []string{"mcp", "restlets"} }, "", state, testVerifier, ""},
		{"state of 21", nil, "", strings.Repeat("s", 21), testVerifier, ""},
		{"state of 1025", nil, "", strings.Repeat("s", 1025), testVerifier, ""},
		{"state with control character", nil, "", state + "\n", testVerifier, ""},
		{"state beyond ASCII", nil, "", state + "é", testVerifier, ""},
		{"verifier of 42", nil, "", state, strings.Repeat("v", 42), ""},
		{"verifier of 129", nil, "", state, strings.Repeat("v", 129), ""},
		{"verifier with space", nil, "", state, testVerifier + " ", ""},
		{"unknown prompt", nil, "", state, testVerifier, "select_account"},
		{"login at the system host", nil, "", state, testVerifier, "login"},
		{"hostile account", nil, "x@evil", state, testVerifier, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := publicGrant(Site{})
			if tt.change != nil {
				tt.change(g)
			}
			if address, err := g.AuthorizeURL(tt.account, tt.state, tt.verifier, tt.prompt); err == nil || address != "" {
				t.Errorf("AuthorizeURL = %s, %v; want an error", address, err)
			}
		})
	}
	for _, scopes := range [][]string{{"mcp"}, {"suite_analytics", "restlets", "rest_webservices"}} {
		g := publicGrant(Site{})
		g.Scopes, g.RedirectURI = scopes, "myapp://callback"
		if _, err := g.AuthorizeURL("", state, testVerifier, "none"); err != nil {
			t.Errorf("scopes %q with a custom scheme: %v", scopes, err)
		}
	}
}

func TestExchange(t *testing.T) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {testCode}, "redirect_uri": {testRedirect}, "code_verifier": {testVerifier}}
	for _, tt := range []struct {
		name  string
		grant func(Site) *CodeGrant
		auth  string
	}{
		{"public", publicGrant, ""},
		{"confidential", confidentialGrant, "Basic " + base64.StdEncoding.EncodeToString([]byte(testClientID+":s3cret/with+odd:characters"))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			site := startSite(t, reply(http.StatusOK, okToken))
			g := tt.grant(site.Site)
			start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
			g.Now = func() time.Time { return start }
			token, err := g.Exchange(t.Context(), testAccount, testCode, testVerifier)
			if err != nil {
				t.Fatal(err)
			}
			if token.AccessToken.Reveal() != testToken || token.RefreshToken.Reveal() != testRefresh+"2" || token.TokenType != "Bearer" ||
				token.ExpiresIn != time.Hour || !token.Expiry.Equal(start.Add(time.Hour)) {
				t.Errorf("token = %+v", token)
			}
			got := site.only(t)
			want := url.Values{}
			for k, v := range form {
				want[k] = v
			}
			if tt.auth == "" {
				want.Set("client_id", testClientID)
			}
			if got.Method != "POST" || got.Path != "/services/rest/auth/oauth2/v1/token" || got.Query != "" || got.Host != site.host("suitetalk") ||
				got.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || got.Header.Get("Authorization") != tt.auth {
				t.Errorf("request = %+v", got)
			}
			if got.form(t).Encode() != want.Encode() {
				t.Errorf("form = %s, want %s", got.form(t).Encode(), want.Encode())
			}
		})
	}
}

func TestRO11_ExchangeMakesOneRequestWhateverTheAnswer(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"401": reply(http.StatusUnauthorized, `{"error":"invalid_client"}`),
		"400": reply(http.StatusBadRequest, `{"error":"invalid_request"}`),
		"500": reply(http.StatusInternalServerError, ""),
		"cut": cutConnection,
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusPermanentRedirect)
		},
		"not a token": reply(http.StatusOK, "{}"),
	} {
		for kind, grant := range map[string]func(Site) *CodeGrant{"public": publicGrant, "confidential": confidentialGrant} {
			t.Run(name+" "+kind, func(t *testing.T) {
				site := startSite(t, handler)
				if token, err := grant(site.Site).Exchange(t.Context(), testAccount, testCode, testVerifier); err == nil {
					t.Fatalf("Exchange = %+v, want an error", token)
				}
				site.only(t)
			})
		}
	}
}

func TestExchangeAndRefreshRefuseEmptyInput(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, okToken))
	g := publicGrant(site.Site)
	_, noCode := g.Exchange(t.Context(), testAccount, "", testVerifier)
	_, noVerifier := g.Exchange(t.Context(), testAccount, testCode, "")
	_, noToken := g.Refresh(t.Context(), testAccount, Secret{})
	_, noAccount := g.Exchange(t.Context(), "", testCode, testVerifier)
	_, hostile := g.Exchange(t.Context(), "x@evil", testCode, testVerifier)
	for i, err := range []error{noCode, noVerifier, noToken, noAccount, hostile, g.Revoke(t.Context(), testAccount, Secret{})} {
		if err == nil {
			t.Errorf("call %d succeeded, want an error", i)
		}
	}
	if got := site.requests(); len(got) != 0 {
		t.Errorf("server got %+v, want nothing", got)
	}
}

func TestRefresh(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer string
		keep   string
	}{
		{"public client's is renewed", okToken, testRefresh + "2"},
		{"confidential client's stays", `{"access_token":"` + testToken + `","expires_in":3600,"token_type":"Bearer"}`, testRefresh},
	} {
		t.Run(tt.name, func(t *testing.T) {
			site := startSite(t, reply(http.StatusOK, tt.answer))
			token, err := publicGrant(site.Site).Refresh(t.Context(), testAccount, NewSecret(testRefresh))
			if err != nil || token.RefreshToken.Reveal() != tt.keep {
				t.Fatalf("Refresh = %+v, %v", token, err)
			}
			want := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {testRefresh}, "client_id": {testClientID}}
			if got := site.only(t).form(t).Encode(); got != want.Encode() {
				t.Errorf("form = %s, want %s", got, want.Encode())
			}
		})
	}
}

func TestRevoke(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"empty": reply(http.StatusOK, ""), "text": reply(http.StatusOK, "done"), "JSON": reply(http.StatusOK, `{"x":1}`), "no content": reply(http.StatusNoContent, ""),
		"body cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("half"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			site := startSite(t, handler)
			if err := publicGrant(site.Site).Revoke(t.Context(), testAccount, NewSecret(testRefresh)); err != nil {
				t.Fatal(err)
			}
			got := site.only(t)
			want := url.Values{"token": {testRefresh}, "client_id": {testClientID}}
			if got.Method != "POST" || got.Path != "/services/rest/auth/oauth2/v1/revoke" || got.form(t).Encode() != want.Encode() {
				t.Errorf("request = %+v", got)
			}
		})
	}
	site := startSite(t, reply(http.StatusBadRequest, `{"error":"invalid_grant"}`))
	if err := confidentialGrant(site.Site).Revoke(t.Context(), testAccount, NewSecret(testRefresh)); !errors.Is(err, ErrInvalidGrant) {
		t.Errorf("Revoke = %v, want ErrInvalidGrant", err)
	}
}

func TestTokenAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		life         time.Duration // 0: refused
	}{
		{"expires_in as string", `{"access_token":"a.b.c","expires_in":"3600","token_type":"bearer"}`, time.Hour},
		{"expires_in as number", `{"access_token":"a.b.c","expires_in":1800,"token_type":"BEARER"}`, 30 * time.Minute},
		{"expires_in absent", `{"access_token":"a.b.c","token_type":"Bearer"}`, time.Hour},
		{"token_type absent", `{"access_token":"a.b.c","expires_in":60}`, time.Minute},
		{"unknown members", `{"access_token":"a.b.c","expires_in":60,"id_token":"x","more":{"a":[1]}}`, time.Minute},
		{"expires_in zero", `{"access_token":"a.b.c","expires_in":0}`, 0},
		{"expires_in negative", `{"access_token":"a.b.c","expires_in":-1}`, 0},
		{"expires_in huge", `{"access_token":"a.b.c","expires_in":99999999999999999999}`, 0},
		{"expires_in beyond a day", `{"access_token":"a.b.c","expires_in":86401}`, 0},
		{"expires_in in words", `{"access_token":"a.b.c","expires_in":"soon"}`, 0},
		{"token_type mac", `{"access_token":"a.b.c","token_type":"mac"}`, 0},
		{"no token", `{"token_type":"bearer"}`, 0},
		{"token with line end", `{"access_token":"a\r\nX: y","token_type":"bearer"}`, 0},
		{"refresh token with space", `{"access_token":"a.b.c","refresh_token":"a b"}`, 0},
		{"token is a number", `{"access_token":5}`, 0},
		{"array", `[]`, 0},
		{"empty", ``, 0},
		{"page", `<html>`, 0},
		{"form", `access_token=a.b.c`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			site := startSite(t, reply(http.StatusOK, tt.answer))
			token, err := publicGrant(site.Site).Exchange(t.Context(), testAccount, testCode, testVerifier)
			if tt.life == 0 {
				if token != nil || !errors.Is(err, ErrUnreadable) {
					t.Errorf("token = %+v, %v; want ErrUnreadable", token, err)
				}
			} else if err != nil || token.ExpiresIn != tt.life || token.TokenType != "Bearer" {
				t.Errorf("token = %+v, %v; want a life of %s", token, err, tt.life)
			}
		})
	}
}

func TestHugeTokenAnswerIsNotRead(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, `{"access_token":"`+strings.Repeat("a", maxTokenAnswer)+`"}`))
	if _, err := publicGrant(site.Site).Exchange(t.Context(), testAccount, testCode, testVerifier); !errors.Is(err, ErrTooLarge) {
		t.Errorf("err = %v, want ErrTooLarge", err)
	}
}

func TestCustomClientIsUsedGuardedAndEnds(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, okToken))
	g := publicGrant(site.Site)
	var asked []AccountID
	g.HTTPClient = func(a AccountID) *http.Client {
		asked = append(asked, a)
		return &http.Client{Transport: site.Transport("7654321")} // made for another account
	}
	if _, err := g.Exchange(t.Context(), testAccount, testCode, testVerifier); !errors.Is(err, ErrHostRefused) || IsTemporary(err) {
		t.Errorf("err = %v, want ErrHostRefused", err)
	}
	if len(asked) != 1 || asked[0] != testAccount || len(site.requests()) != 0 {
		t.Errorf("client asked for %v, server got %v", asked, site.requests())
	}
	g.HTTPClient = func(AccountID) *http.Client { return &http.Client{Timeout: time.Minute} }
	if c := clientFor(g.Site, testAccount, g.HTTPClient); c.Transport == nil || c.Timeout != time.Minute {
		t.Errorf("a client without transport became %+v, want the guarded one", c)
	}
	g.HTTPClient = func(AccountID) *http.Client { return nil }
	if _, err := g.Exchange(t.Context(), testAccount, testCode, testVerifier); err != nil {
		t.Errorf("with no client given: %v", err)
	}
}

func TestProbe(t *testing.T) {
	redirect := func(location string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		}
	}
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		want    error
	}{
		{"login required", redirect(testRedirect + "?error=login_required&state=x"), nil},
		{"bare redirect", redirect(testRedirect), nil},
		{"code", redirect(testRedirect + "?code=1"), nil},
		{"scope not ticked", redirect(testRedirect + "?error=invalid_scope&state=x"), ErrInvalidScope},
		{"error page", reply(http.StatusOK, "<html>unknown</html>"), ErrUnauthorizedClient},
		{"error page with status", reply(http.StatusBadRequest, "<html>unknown</html>"), ErrUnauthorizedClient},
		{"log-in page", redirect("/pages/customerlogin.jsp"), ErrUnauthorizedClient},
		{"URI that only begins alike", redirect(testRedirect + "2?error=login_required"), ErrUnauthorizedClient},
		{"other host", redirect("https://app.example.evil.example/callback"), ErrUnauthorizedClient},
		{"malformed location", redirect(testRedirect + "?error=%zz"), nil},
		{"unparsable location", redirect(testRedirect + "?hush=\x7f"), ErrResponseLost},
		{"down", reply(http.StatusServiceUnavailable, ""), ErrUnavailable},
		{"busy", reply(http.StatusTooManyRequests, ""), ErrTooManyRequests},
		{"location without redirect", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", testRedirect) }, ErrUnauthorizedClient},
	} {
		t.Run(tt.name, func(t *testing.T) {
			site := startSite(t, tt.handler)
			err := publicGrant(site.Site).Probe(t.Context(), testAccount)
			if tt.want == nil && err != nil || !errors.Is(err, tt.want) {
				t.Fatalf("Probe = %v, want %v", err, tt.want)
			}
			if e := (*Error)(nil); err != nil && (!errors.As(err, &e) || e.Op != "app check" || e.Hint == "" || strings.Contains(err.Error(), "hush")) {
				t.Errorf("error = %#v, want an *Error of the app check with a hint", err)
			}
			got := site.only(t)
			if q, err := url.ParseQuery(got.Query); err != nil || got.Method != "GET" || got.Host != site.host("app") || q.Get("prompt") != "none" ||
				q.Get("client_id") != testClientID || q.Get("redirect_uri") != testRedirect || len(got.Header.Values("Cookie")) != 0 || got.Header.Get("Authorization") != "" {
				t.Errorf("request = %+v", got)
			}
		})
	}
}

func TestProbeOfUnknownAccountAsksSystemHost(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, "<html>"))
	if err := publicGrant(site.Site).Probe(t.Context(), ""); !errors.Is(err, ErrUnauthorizedClient) {
		t.Errorf("Probe = %v", err)
	}
	if got := site.only(t).Host; got != "system.localhost:"+site.port() {
		t.Errorf("asked %s, want the system host", got)
	}
}

func TestCancelledContextSendsNothing(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, okToken))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := publicGrant(site.Site).Exchange(ctx, testAccount, testCode, testVerifier)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrResponseLost) || len(site.requests()) != 0 {
		t.Errorf("err = %v with %d requests, want a cancelled one that was never sent", err, len(site.requests()))
	}
}
