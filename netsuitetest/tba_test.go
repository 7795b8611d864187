package netsuitetest_test

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// This file signs requests as RFC 5849 says. The signer is the client's side, written for these tests.

// oauth1 is what one signed request says of itself; zero fields are filled in.
type oauth1 struct {
	realm, method, version, nonce string
	consumer, token               string
	at                            time.Time
	secrets                       [2]string
	signed                        string // URL that is signed, if not the one that is called
}

func (o oauth1) header(method, u string) string {
	p := map[string]string{
		"oauth_consumer_key": o.consumer, "oauth_token": o.token, "oauth_signature_method": cmp.Or(o.method, "HMAC-SHA256"),
		"oauth_timestamp": strconv.FormatInt(o.at.Unix(), 10), "oauth_nonce": cmp.Or(o.nonce, rand.Text()), "oauth_version": cmp.Or(o.version, "1.0"),
	}
	address, query, _ := strings.Cut(cmp.Or(o.signed, u), "?")
	var pairs [][2]string
	for name, value := range p {
		pairs = append(pairs, [2]string{escape(name), escape(value)})
	}
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if part != "" {
			pairs = append(pairs, [2]string{escape(unescape(name)), escape(unescape(value))})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	normal := ""
	for i, pair := range pairs {
		if i > 0 {
			normal += "&"
		}
		normal += pair[0] + "=" + pair[1]
	}
	mac := hmac.New(sha256.New, []byte(escape(o.secrets[0])+"&"+escape(o.secrets[1])))
	mac.Write([]byte(method + "&" + escape(address) + "&" + escape(normal)))
	header := `OAuth realm="` + escape(o.realm) + `"`
	for name, value := range p {
		header += fmt.Sprintf(`, %s="%s"`, name, escape(value))
	}
	return header + `, oauth_signature="` + escape(base64.StdEncoding.EncodeToString(mac.Sum(nil))) + `"`
}

// escape is RFC 5849 section 3.6.
func escape(s string) string {
	out := ""
	for _, c := range []byte(s) {
		if strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", c) >= 0 {
			out += string(rune(c))
		} else {
			out += fmt.Sprintf("%%%02X", c)
		}
	}
	return out
}

func unescape(s string) string {
	out, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return out
}

// signer makes a token for a user and signs with it.
func (w *world) signer(user, role string) oauth1 {
	w.t.Helper()
	tok, err := w.account().AddTBAToken(netsuitetest.TBAToken{User: user, Role: role, Application: "Old Sync"})
	if err != nil {
		w.t.Fatal(err)
	}
	return oauth1{
		realm: "1234567", consumer: tok.ConsumerKey, token: tok.TokenID, at: w.srv.Clock().Now(),
		secrets: [2]string{tok.ConsumerSecret, tok.TokenSecret},
	}
}

const appTokens = "SELECT TBA_Token_Name AS name, TBA_App_Name AS app, BUILTIN.DF(Entity_Name) AS who, BUILTIN.DF(Role_Name) AS role, " +
	"TO_CHAR(DCreated, 'YYYY') AS year, BUILTIN.DF(CreatedBy) AS maker, BINACTIVE, BREVOKED FROM oAuthToken WHERE BREVOKED = 'F'"

func TestTBA(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.account().InstallBundle(123456))
	o := w.signer(admin, "administrator")
	suiteQL := w.host("1234567", "suitetalk") + "/services/rest/query/v1/suiteql?limit=10&offset=0"
	p := w.call(http.MethodPost, suiteQL, "", map[string]string{"q": appTokens}, "Prefer", "transient", "Authorization", o.header("POST", suiteQL))
	var rows struct{ Items []map[string]any }
	must(t, json.Unmarshal([]byte(p.body), &rows))
	want := fmt.Sprint(map[string]any{
		"links": []any{}, "name": "Old Sync - Ada Admin, Administrator", "app": "Old Sync", "who": "Ada Admin", "role": "Administrator",
		"year": strconv.Itoa(w.srv.Clock().Now().Year()), "maker": "Ada Admin", "binactive": "F", "brevoked": "F",
	})
	if p.status != 200 || len(rows.Items) != 1 || fmt.Sprint(rows.Items[0]) != want {
		t.Errorf("tokens: %d %s, want %s", p.status, p.body, want)
	}
	if e := w.last(); !e.OK || e.ClientID != o.consumer || e.Role != 3 || e.Entity != -5 || e.Running != 1 || strings.Contains(fmt.Sprint(e), o.secrets[0]) {
		t.Errorf("ledger: %+v", e)
	}
	// Parameters of every kind, each once more with the same name, through the same door as a bearer.
	for _, query := range []string{"", "&a=1&a=0&b=%2B%20+x", "&z=é~*'()&empty=&a2=1&a=2", "&oauth=x&%41=%2f"} {
		u := w.host("1234567", "restlets") + healthQuery + query
		if p := w.call(http.MethodGet, u, "", nil, "Authorization", o.header("GET", u)); p.status != 200 {
			t.Errorf("RESTlet with %q: %d %s, rule %q", query, p.status, p.body, w.last().Rule)
		}
	}
	p = w.call(http.MethodGet, w.certificatesURL(w.public), "", nil, "Authorization", o.header("GET", w.certificatesURL(w.public)))
	if p.status != 401 {
		t.Errorf("certificates take OAuth 2.0 only: %d", p.status)
	}
	must(t, w.account().RevokeTBAToken(o.token))
	tok := w.login(w.public)
	if p := w.suiteQL(tok.Access, appTokens); !strings.Contains(p.body, `"totalResults":0`) {
		t.Errorf("revoked ones are not marked: %s", p.body)
	}
	if p := w.suiteQL(tok.Access, "SELECT id FROM oAuthToken WHERE brevoked = 'T'"); !strings.Contains(p.body, `"totalResults":1`) {
		t.Errorf("revoked ones are not listed: %s", p.body)
	}
}

// TestTBARealNames: who is led here under NetSuite's own names signs https and those.
func TestTBARealNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.signer(admin, "administrator")
	const path = "/services/rest/system/v1/serverTime"
	o.signed = "https://1234567.suitetalk.api.netsuite.com" + path
	u := "http://1234567.suitetalk.api.netsuite.com" + path
	if p := w.call(http.MethodGet, u, "", nil, "Authorization", o.header("GET", u)); p.status != 200 {
		t.Errorf("%d, rule %q", p.status, w.last().Rule)
	}
}

func TestTBARefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.account().AssignRole("portal@globex.example", "customrole_portal"))
	good := w.signer(admin, "administrator")
	portal := w.signer("portal@globex.example", "customrole_portal")
	other := w.signer(admin, "administrator")
	revoked := w.signer(admin, "administrator")
	must(t, w.account().RevokeTBAToken(revoked.token))
	u := w.host("1234567", "suitetalk") + "/services/rest/system/v1/serverTime"
	for _, tt := range []struct {
		name, audit string
		change      func(*oauth1)
	}{
		{"realm of another account", "InvalidRealm", func(o *oauth1) { o.realm = "1234567_SB1" }},
		{"no realm", "InvalidRealm", func(o *oauth1) { o.realm = "" }},
		{"HMAC-SHA1", "UnknownAlgorithm", func(o *oauth1) { o.method = "HMAC-SHA1" }},
		{"PLAINTEXT", "UnknownAlgorithm", func(o *oauth1) { o.method = "PLAINTEXT" }},
		{"version 2.0", "InvalidSignature", func(o *oauth1) { o.version = "2.0" }},
		{"unknown token", "TokenRejected", func(o *oauth1) { o.token = strings.Repeat("0", 64) }},
		{"revoked token", "TokenRejected", func(o *oauth1) { *o = revoked }},
		{"token of another application", "UnknownConsumer", func(o *oauth1) { o.consumer = other.consumer }},
		{"too old", "InvalidTimestamp", func(o *oauth1) { o.at = o.at.Add(-6 * time.Minute) }},
		{"too early", "InvalidTimestamp", func(o *oauth1) { o.at = o.at.Add(6 * time.Minute) }},
		{"short nonce", "NonceUsed", func(o *oauth1) { o.nonce = "abc" }},
		{"long nonce", "NonceUsed", func(o *oauth1) { o.nonce = strings.Repeat("a", 65) }},
		{"wrong consumer secret", "InvalidSignature", func(o *oauth1) { o.secrets[0] = other.secrets[0] }},
		{"wrong token secret", "InvalidSignature", func(o *oauth1) { o.secrets[1] = other.secrets[1] }},
		{"another URL signed", "InvalidSignature", func(o *oauth1) { o.signed = u + "?a=1" }},
		{"role without the permission", "EntityOrRoleDisabled", func(o *oauth1) { *o = portal }},
	} {
		o := good
		tt.change(&o)
		p := w.call(http.MethodGet, u, "", nil, "Authorization", o.header("GET", u))
		if p.status != 401 || p.restError(t) != "INVALID_LOGIN" || w.last().AuditDetail != tt.audit || !strings.HasPrefix(p.header.Get("WWW-Authenticate"), `OAuth realm="1234567", `) {
			t.Errorf("%s: %d %q audit %q, want 401 and audit %q", tt.name, p.status, p.header.Get("WWW-Authenticate"), w.last().AuditDetail, tt.audit)
		}
	}
	for _, header := range []string{
		"OAuth", "OAuth ", "OAuth x", `OAuth realm="1234567"`, strings.ReplaceAll(good.header("GET", u), "oauth_nonce", "nonce"),
		good.header("GET", u) + `, realm="1234567"`, good.header("GET", u) + `, x="%zz"`, good.header("GET", u) + `, x=y`, `OAuth ="", ` + good.header("GET", u) + `, ="",`,
	} {
		if p := w.call(http.MethodGet, u, "", nil, "Authorization", header); p.status != 401 || w.last().AuditDetail != "InvalidSignature" {
			t.Errorf("%.60s...: %d audit %q, want 401 InvalidSignature", header, p.status, w.last().AuditDetail)
		}
	}
	once := good.header("GET", u)
	for i, want := range []int{200, 401} {
		if p := w.call(http.MethodGet, u, "", nil, "Authorization", once); p.status != want {
			t.Errorf("time %d with one nonce: %d, want %d", i+1, p.status, want)
		}
	}
	if got := w.last().AuditDetail; got != "NonceUsed" {
		t.Errorf("second use: audit %q, want NonceUsed", got)
	}
	if p := w.call(http.MethodPost, u, "", nil, "Authorization", good.header("GET", u)); p.status != 401 {
		t.Errorf("another method: %d, want 401", p.status)
	}
	if p := w.call(http.MethodGet, u, "", nil, "Authorization", good.header("GET", u), "Cookie", "a=b"); p.status != 401 {
		t.Errorf("a cookie beside it: %d, want 401", p.status)
	}
	restlet := w.host("1234567", "restlets") + healthQuery
	if p := w.call(http.MethodGet, restlet, "", nil, "Authorization", "OAuth x"); p.status != 401 || p.restletError() != "INVALID_LOGIN_ATTEMPT" {
		t.Errorf("RESTlet: %d %s", p.status, p.body)
	}
	w.srv.SkewDate(time.Hour)
	if p := w.call(http.MethodGet, u, "", nil, "Authorization", good.header("GET", u)); p.status != 401 || w.last().AuditDetail != "InvalidTimestamp" {
		t.Errorf("NetSuite's clock an hour ahead: %d audit %q", p.status, w.last().AuditDetail)
	}
	w.srv.SkewDate(0)
	must(t, w.account().SetEmployeeInactive(admin, true))
	if p := w.call(http.MethodGet, u, "", nil, "Authorization", good.header("GET", u)); p.status != 401 || w.last().AuditDetail != "EntityOrRoleDisabled" {
		t.Errorf("user gone: %d audit %q", p.status, w.last().AuditDetail)
	}
	must(t, w.account().SetEmployeeInactive(admin, false))
	w.account().Refresh()
	if p := w.call(http.MethodGet, u, "", nil, "Authorization", good.header("GET", u)); p.status != 401 || w.last().AuditDetail != "TokenRejected" {
		t.Errorf("after a sandbox refresh: %d audit %q", p.status, w.last().AuditDetail)
	}
}

func TestAddTBAToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base := netsuitetest.TBAToken{User: admin, Role: "administrator", ConsumerKey: strings.Repeat("ab", 32), ConsumerSecret: strings.Repeat("cd", 32), Name: "Mine"}
	got, err := w.account().AddTBAToken(base)
	if err != nil || got.ConsumerKey != base.ConsumerKey || got.Name != "Mine" || len(got.TokenID) != 64 || len(got.TokenSecret) != 64 {
		t.Errorf("%+v %v", got, err)
	}
	for want, change := range map[string]func(*netsuitetest.TBAToken){
		"nobody":       func(k *netsuitetest.TBAToken) { k.User = "x" },
		"script ID":    func(k *netsuitetest.TBAToken) { k.Role = "x" },
		"hold":         func(k *netsuitetest.TBAToken) { k.User = sales },
		"consumer key": func(k *netsuitetest.TBAToken) { k.ConsumerKey = "x" },
		"token secret": func(k *netsuitetest.TBAToken) { k.TokenSecret = "X" },
	} {
		bad := base
		change(&bad)
		if _, err := w.account().AddTBAToken(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that names %q", err, want)
		}
	}
	if err := w.account().RevokeTBAToken("x"); err == nil {
		t.Error("an unknown token was revoked")
	}
	face := w.srv.URL() + "/_emulator/accounts/1234567/"
	p := w.call(http.MethodPost, face+"tba-tokens", "", map[string]any{"User": admin, "Role": "administrator"})
	var made netsuitetest.TBAToken
	if json.Unmarshal([]byte(p.body), &made) != nil || p.status != 200 || len(made.TokenSecret) != 64 {
		t.Errorf("admin face: %d %s", p.status, p.body)
	}
	if p := w.call(http.MethodPost, face+"tba-tokens", "", map[string]any{"User": "x"}); p.status != 400 {
		t.Errorf("admin face, nobody: %d", p.status)
	}
	if p := w.call(http.MethodPost, face+"revoke-tba-token", "", map[string]any{"token_id": made.TokenID}); p.status != 200 {
		t.Errorf("admin face, revoke: %d %s", p.status, p.body)
	}
	late := newWorld(t, netsuitetest.Settings{Release: "2027.1"})
	if _, err := late.account().AddTBAToken(base); err == nil || !strings.Contains(err.Error(), "2027.1") {
		t.Errorf("release 2027.1: %v", err)
	}
	if err := w.srv.ChangeSettings(func(s *netsuitetest.Settings) error { return s.Set("release", "2027.1") }); err != nil {
		t.Fatal(err)
	}
	if _, err := w.account().AddTBAToken(base); err == nil || !strings.Contains(err.Error(), "2027.1") {
		t.Errorf("after the move to 2027.1: %v", err)
	}
	if err := w.srv.ChangeSettings(func(s *netsuitetest.Settings) error { return s.Set("release", "2031.9") }); err == nil {
		t.Error("an unknown release was taken")
	}
}

// tries sends a request whose answer may break off.
func (w *world) tries(method, u, bearer string) error {
	w.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, u, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	client := w.client()
	client.Transport.(*http.Transport).DisableKeepAlives = true // a kept connection would be tried again
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return err
}

// FuzzOAuthHeader: whatever stands in Authorization, the answer is a 401 or a 400, never a way in.
func FuzzOAuthHeader(f *testing.F) {
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := srv.Close(); err != nil {
			f.Error(err)
		}
	})
	tok, err := srv.Account("1234567").AddTBAToken(netsuitetest.TBAToken{User: admin, Role: "administrator"})
	if err != nil {
		f.Fatal(err)
	}
	const u = "http://1234567.suitetalk.localhost/services/rest/system/v1/serverTime"
	o := oauth1{realm: "1234567", consumer: tok.ConsumerKey, token: tok.TokenID, at: srv.Clock().Now(), secrets: [2]string{"x", "y"}}
	for _, rest := range []string{strings.TrimPrefix(o.header("GET", u), "OAuth"), "", " ", ` realm="`, ` realm="1234567",,`, ` a="%"`, ` ="", ="" `} {
		f.Add(rest, "a=1&b")
	}
	f.Fuzz(func(t *testing.T, rest, query string) {
		r := httptest.NewRequest(http.MethodGet, u, nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "OAuth "+rest)
		rec := httptest.NewRecorder()
		srv.Handler().ServeHTTP(rec, r)
		if rec.Code != http.StatusUnauthorized {
			t.Errorf("%q: %d %s", rest, rec.Code, rec.Body)
		}
	})
}
