package netsuitetest_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// TestTokenErrors holds the error table of the token endpoint against the emulator. The code of each row is good.
func TestTokenErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pub, conf := w.public, w.confidential
	for _, tt := range []struct {
		name   string
		client netsuitetest.Integration
		form   []string // changes of a good exchange
		basic  string
		status int
		error  string
	}{
		{"no grant type", pub, []string{"grant_type", ""}, "", 400, "invalid_request"},
		{"wrong grant type", pub, []string{"grant_type", "password"}, "", 400, "invalid_request"},
		{"no code", pub, []string{"code", ""}, "", 400, "invalid_request"},
		{"unknown code", pub, []string{"code", strings.Repeat("0", 64)}, "", 400, "invalid_grant"},
		{"no redirect URI", pub, []string{"redirect_uri", ""}, "", 400, "invalid_request"},
		{"other redirect URI", pub, []string{"redirect_uri", "acme://back"}, "", 400, "invalid_grant"},
		{"no verifier", pub, []string{"code_verifier", ""}, "", 400, "invalid_request"},
		{"short verifier", pub, []string{"code_verifier", "short"}, "", 400, "invalid_request"},
		{"other verifier", pub, []string{"code_verifier", goodVerifier + "x"}, "", 400, "invalid_grant"},
		{"no client", pub, []string{"client_id", ""}, "", 401, "invalid_client"},
		{"unknown client", pub, []string{"client_id", strings.Repeat("a", 64)}, "", 401, "invalid_client"},
		{"code of another client", pub, []string{"client_id", ""}, basicOf(conf), 400, "invalid_grant"},
		{"public with a secret", pub, []string{"client_id", ""}, pub.ClientID + ":" + strings.Repeat("a", 64), 401, "invalid_client"},
		{"two authentications", conf, []string{"client_id", conf.ClientID}, basicOf(conf), 400, "invalid_request"},
		{"wrong secret", conf, nil, conf.ClientID + ":" + strings.Repeat("a", 64), 401, "invalid_client"},
		{"confidential without secret", conf, []string{"client_id", conf.ClientID}, "", 401, "invalid_client"},
		{"secret in the body", conf, []string{"client_id", conf.ClientID, "client_secret", conf.ClientSecret}, "", 401, "invalid_client"},
		{"assertion on the code grant", pub, []string{"client_assertion", "a.b.c"}, "", 401, "invalid_client"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code := w.code(tt.client)
			form := with(w.exchangeForm(tt.client, code), tt.form...)
			got := w.token(form, tt.basic)
			if got.status != tt.status || got.Error != tt.error || got.Access != "" {
				t.Errorf("answer: %d %q, want %d %q (%s)", got.status, got.Error, tt.status, tt.error, w.last().Rule)
			}
			challenge := got.header.Get("WWW-Authenticate")
			if want := `Basic realm="1234567"`; (tt.status == 401) != (challenge == want) {
				t.Errorf("WWW-Authenticate: %q", challenge)
			}
			// A refusal changes nothing: the code still works.
			if again := w.token(w.exchangeForm(tt.client, code), basicOf(tt.client)); again.status != http.StatusOK {
				t.Errorf("the code after the refusal: %d %q, want 200", again.status, again.Error)
			}
		})
	}
}

// TestTokenForm: what is no good form at all.
func TestTokenForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_id": {w.public.ClientID}}
	for _, tt := range []struct{ name, contentType, query, body string }{
		{"JSON", "application/json", "", `{"grant_type":"client_credentials"}`},
		{"no type", "", "", good.Encode()},
		{"multipart", "multipart/form-data; boundary=x", "", good.Encode()},
		{"parameters in the URL", "application/x-www-form-urlencoded", "?grant_type=client_credentials", good.Encode()},
		{"doubled parameter", "application/x-www-form-urlencoded", "", good.Encode() + "&client_id=other"},
		{"bad escape", "application/x-www-form-urlencoded", "", "grant_type=%zz"},
		{"huge", "application/x-www-form-urlencoded", "", "grant_type=" + strings.Repeat("a", 1<<20)},
		{"empty", "application/x-www-form-urlencoded", "", ""},
	} {
		req, err := http.NewRequest(http.MethodPost, w.tokenURL()+tt.query, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if tt.contentType != "" {
			req.Header.Set("Content-Type", tt.contentType)
		}
		if got := w.tokens(req); got.status != http.StatusBadRequest || got.Error != "invalid_request" {
			t.Errorf("%s: %d %q, want 400 invalid_request", tt.name, got.status, got.Error)
		}
	}
	if p := w.call(http.MethodGet, w.tokenURL(), "", nil); p.status != http.StatusMethodNotAllowed || w.last().OK {
		t.Errorf("GET: %d, want 405", p.status)
	}
}

// TestBasicAlphabets: Oracle's text says Base64url, its sample is base64; both are taken.
func TestBasicAlphabets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		req, err := http.NewRequest(http.MethodPost, w.tokenURL(), strings.NewReader(w.exchangeForm(w.confidential, w.code(w.confidential)).Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Authorization", "Basic "+enc.EncodeToString([]byte(basicOf(w.confidential))))
		if got := w.tokens(req); got.status != http.StatusOK {
			t.Errorf("%d %q, want 200", got.status, got.Error)
		}
	}
	// A public client may send its ID as Basic without a secret.
	form := with(w.exchangeForm(w.public, w.code(w.public)), "client_id", "")
	if got := w.token(form, w.public.ClientID+":"); got.status != http.StatusOK {
		t.Errorf("public by Basic: %d %q, want 200", got.status, got.Error)
	}
}

func TestCodeIsUsedOnce(t *testing.T) {
	t.Parallel()
	for name, keeps := range map[string]bool{"tokens revoked": false, "tokens kept": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, netsuitetest.Settings{CodeReuseKeepsTokens: keeps})
			code := w.code(w.public)
			first := w.token(w.exchangeForm(w.public, code), "")
			if got := w.token(w.exchangeForm(w.public, code), ""); got.status != 400 || got.Error != "invalid_grant" {
				t.Errorf("second use: %d %q, want 400 invalid_grant", got.status, got.Error)
			}
			want := http.StatusUnauthorized
			if keeps {
				want = http.StatusOK
			}
			if p := w.suiteQL(first.Access, "SELECT 1 AS a FROM dual"); p.status != want {
				t.Errorf("API with the first token: %d, want %d", p.status, want)
			}
		})
	}
}

// TestCodeRace: of many exchanges at once, one wins.
func TestCodeRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := w.exchangeForm(w.public, w.code(w.public))
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() { w.token(form, "") })
	}
	wg.Wait()
	won := w.srv.Ledger().Count(func(e netsuitetest.Entry) bool { return e.GrantType == "authorization_code" && e.OK })
	if won != 1 {
		t.Errorf("%d exchanges won, want 1", won)
	}
}

func TestCodeExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.code(w.public)
	w.srv.Clock().Advance(61 * time.Second)
	if got := w.token(w.exchangeForm(w.public, code), ""); got.Error != "invalid_grant" {
		t.Errorf("after 61 s: %d %q, want invalid_grant", got.status, got.Error)
	}
	w = newWorld(t, netsuitetest.Settings{CodeTTL: 5 * time.Minute})
	code = w.code(w.public)
	w.srv.Clock().Advance(4 * time.Minute)
	if got := w.token(w.exchangeForm(w.public, code), ""); got.status != http.StatusOK {
		t.Errorf("after 4 of 5 minutes: %d %q, want 200", got.status, got.Error)
	}
}

// TestCodeOfAnotherAccount: codes are of one account.
func TestCodeOfAnotherAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := w.exchangeForm(w.public, w.code(w.public))
	if got := w.form(w.host("1234567_SB1", "suitetalk"), authPath+"/token", form, ""); got.Error != "invalid_grant" {
		t.Errorf("%d %q, want invalid_grant", got.status, got.Error)
	}
}

func TestVerifierWithoutChallenge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	q := w.browser().consent(authorizeURL(w.host("1234567", "app"), with(authorizeQuery(w.confidential), "code_challenge", "", "code_challenge_method", "")), admin, "", "", "allow")
	form := w.exchangeForm(w.confidential, q.Get("code"))
	if got := w.token(form, basicOf(w.confidential)); got.Error != "invalid_request" {
		t.Errorf("verifier without challenge: %d %q, want invalid_request", got.status, got.Error)
	}
	if got := w.token(with(form, "code_verifier", ""), basicOf(w.confidential)); got.status != http.StatusOK {
		t.Errorf("without PKCE: %d %q, want 200", got.status, got.Error)
	}
}

func refreshForm(i netsuitetest.Integration, token string) url.Values {
	f := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	if i.Public {
		f.Set("client_id", i.ClientID)
	}
	return f
}

// TestConfidentialRefresh: seven days, reusable, not renewed.
func TestConfidentialRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tok := w.login(w.confidential)
	for range 3 {
		w.srv.Clock().Advance(48 * time.Hour)
		got := w.token(refreshForm(w.confidential, tok.Refresh), basicOf(w.confidential))
		if got.status != http.StatusOK || got.Access == "" || got.Refresh != "" {
			t.Fatalf("refresh: %d %q, refresh token %v", got.status, got.Error, got.Refresh != "")
		}
		if p := w.suiteQL(got.Access, "SELECT 1 AS a FROM dual"); p.status != http.StatusOK {
			t.Errorf("API with the refreshed token: %d", p.status)
		}
	}
	w.srv.Clock().Advance(24 * time.Hour)
	got := w.token(refreshForm(w.confidential, tok.Refresh), basicOf(w.confidential))
	if got.status != 400 || got.Error != "invalid_grant" || w.last().AuditDetail != "RefreshTokenExpired" {
		t.Errorf("after seven days: %d %q, audit %q", got.status, got.Error, w.last().AuditDetail)
	}
	if g := w.account().Grants(); len(g) != 1 || g[0].State != "expired" {
		t.Errorf("grants: %+v, want one, expired", g)
	}
}

// TestPublicRefresh: one use each, validity of an hour, chain of three hours (the record's settings).
func TestPublicRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tok := w.login(w.public)
	origin := claims(t, tok.Access)["oit"]
	for range 3 {
		w.srv.Clock().Advance(50 * time.Minute)
		next := w.token(refreshForm(w.public, tok.Refresh), "")
		if next.status != http.StatusOK || next.Refresh == "" || next.Refresh == tok.Refresh {
			t.Fatalf("refresh: %d %q", next.status, next.Error)
		}
		if got := claims(t, next.Access)["oit"]; got != origin {
			t.Errorf("oit: %v, want the chain's start %v", got, origin)
		}
		if spent := w.token(refreshForm(w.public, tok.Refresh), ""); spent.Error != "invalid_grant" {
			t.Errorf("spent token: %d %q, want invalid_grant", spent.status, spent.Error)
		}
		tok = next
	}
	if g := w.account().Grants()[0]; g.State != "live" {
		t.Errorf("grant is %s, want live", g.State)
	}
	w.srv.Clock().Advance(31 * time.Minute) // 3 h 1 min after the start
	if got := w.token(refreshForm(w.public, tok.Refresh), ""); got.Error != "invalid_grant" {
		t.Errorf("beyond the maximum rotation: %d %q, want invalid_grant", got.status, got.Error)
	}
	other := w.login(w.public)
	w.srv.Clock().Advance(61 * time.Minute)
	if got := w.token(refreshForm(w.public, other.Refresh), ""); got.Error != "invalid_grant" {
		t.Errorf("beyond the validity: %d %q, want invalid_grant", got.status, got.Error)
	}
}

func TestPublicRefreshReuse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		settings netsuitetest.Settings
		reuse    string // error of the spent token
		next     string // error of the newer token afterwards
	}{
		{"chain kept", netsuitetest.Settings{}, "invalid_grant", ""},
		{"chain killed", netsuitetest.Settings{RefreshReuseKillsChain: true}, "invalid_grant", "invalid_grant"},
		{"grace", netsuitetest.Settings{RefreshRaceGrace: time.Minute}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.settings)
			tok := w.login(w.public)
			next := w.token(refreshForm(w.public, tok.Refresh), "")
			if got := w.token(refreshForm(w.public, tok.Refresh), ""); got.Error != tt.reuse {
				t.Errorf("spent token: %q, want %q", got.Error, tt.reuse)
			}
			if got := w.token(refreshForm(w.public, next.Refresh), ""); got.Error != tt.next {
				t.Errorf("newer token: %q, want %q", got.Error, tt.next)
			}
		})
	}
}

func TestRefreshErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pub, conf := w.login(w.public), w.login(w.confidential)
	for _, tt := range []struct{ name, token, error, audit string }{
		{"missing", "", "invalid_request", ""},
		{"garbage", "a.b.c", "invalid_grant", "InvalidSignature"},
		{"access token", pub.Access, "invalid_grant", "TokenRejected"},
		{"of another client", conf.Refresh, "invalid_grant", "InvalidIntegration"},
		{"tampered", pub.Refresh[:len(pub.Refresh)-4] + "AAAA", "invalid_grant", "InvalidSignature"},
	} {
		got := w.token(refreshForm(w.public, tt.token), "")
		if got.status != 400 || got.Error != tt.error || w.last().AuditDetail != tt.audit {
			t.Errorf("%s: %d %q audit %q, want 400 %q %q", tt.name, got.status, got.Error, w.last().AuditDetail, tt.error, tt.audit)
		}
	}
	if err := w.account().SetEmployeeInactive(admin, true); err != nil {
		t.Fatal(err)
	}
	if got := w.token(refreshForm(w.confidential, conf.Refresh), basicOf(w.confidential)); got.Error != "invalid_grant" || w.last().AuditDetail != "EntityOrRoleDisabled" {
		t.Errorf("inactive entity: %q audit %q", got.Error, w.last().AuditDetail)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	revoke := func(i netsuitetest.Integration, token string) tokens {
		form := url.Values{"token": {token}}
		if i.Public {
			form.Set("client_id", i.ClientID)
		}
		return w.form(w.host("1234567", "suitetalk"), authPath+"/revoke", form, basicOf(i))
	}
	tok, other := w.login(w.confidential), w.login(w.public)
	if got := revoke(w.confidential, "unknown"); got.status != http.StatusOK {
		t.Errorf("unknown token: %d, want 200 (RFC 7009)", got.status)
	}
	if got := revoke(w.confidential, ""); got.Error != "invalid_request" {
		t.Errorf("no token: %d %q", got.status, got.Error)
	}
	if got := revoke(w.confidential, other.Refresh); got.Error != "invalid_grant" {
		t.Errorf("another client's token: %d %q", got.status, got.Error)
	}
	if got := revoke(w.confidential, tok.Access); got.Error != "unsupported_token_type" {
		t.Errorf("access token: %d %q", got.status, got.Error)
	}
	if p := w.suiteQL(tok.Access, "SELECT 1 AS a FROM dual"); p.status != http.StatusOK {
		t.Errorf("API before: %d", p.status)
	}
	if got := revoke(w.confidential, tok.Refresh); got.status != http.StatusOK {
		t.Errorf("revoke: %d %q", got.status, got.Error)
	}
	if p := w.suiteQL(tok.Access, "SELECT 1 AS a FROM dual"); p.status != http.StatusUnauthorized {
		t.Errorf("API after: %d, want 401", p.status)
	}
	if got := w.token(refreshForm(w.confidential, tok.Refresh), basicOf(w.confidential)); got.Error != "invalid_grant" {
		t.Errorf("refresh after: %q, want invalid_grant", got.Error)
	}
	w = newWorld(t, netsuitetest.Settings{RevokeKeepsAccessTokens: true, RevokeStatus: 204})
	tok = w.login(w.public)
	if got := revoke(w.public, tok.Refresh); got.status != http.StatusNoContent {
		t.Errorf("revoke: %d, want 204", got.status)
	}
	if p := w.suiteQL(tok.Access, "SELECT 1 AS a FROM dual"); p.status != http.StatusOK {
		t.Errorf("API with the setting: %d, want 200", p.status)
	}
}

func TestTokenSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, netsuitetest.Settings{SecretInBody: true, BadGrantTypeError: "unsupported_grant_type", ErrorDescription: true})
	form := with(w.exchangeForm(w.confidential, w.code(w.confidential)), "client_id", w.confidential.ClientID, "client_secret", w.confidential.ClientSecret)
	if got := w.token(form, ""); got.status != http.StatusOK {
		t.Errorf("secret in the body: %d %q, want 200", got.status, got.Error)
	}
	if got := w.token(url.Values{"grant_type": {"password"}}, ""); got.Error != "unsupported_grant_type" {
		t.Errorf("wrong grant type: %q", got.Error)
	}
}
