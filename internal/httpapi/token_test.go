package httpapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/httpapi"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/internal/tokens/tokenstest"
	"github.com/suitekey/suitekey/netsuite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const publicURL = "https://connect.acme.example"

// server is the whole face over HTTP, with a connection whose token is at hand.
type server struct {
	*tokenstest.Env
	url    string
	client *http.Client
	conn   broker.Connection
	token  string // NetSuite's, of the connection
	id     string
	secret string
	log    *bytes.Buffer // read it only when no request is under way
}

func newServer(t *testing.T, finaliser httpFinaliser) *server {
	t.Helper()
	s := &server{Env: tokenstest.New(t, tokenstest.Config{}), log: new(bytes.Buffer)}
	var err error
	if s.conn, err = s.Connect(t.Context(), "1234567_SB1", 1000, 12, nil); err != nil {
		t.Fatal(err)
	}
	if s.token, err = s.Hold(t.Context(), s.conn, time.Hour); err != nil {
		t.Fatal(err)
	}
	id, secret, err := s.Tokens.CreateClient(t.Context(), s.App.Name, []string{s.conn.ID})
	if err != nil {
		t.Fatal(err)
	}
	s.id, s.secret = id, secret.Reveal()
	s.serve(t, httpapi.Config{Tokens: s.Tokens, Finaliser: finaliser, Ready: s.Store.Ping})
	return s
}

func (s *server) serve(t *testing.T, cfg httpapi.Config) {
	t.Helper()
	cfg.PublicURL, cfg.Logger = mustURL(t, publicURL+"/"), slog.New(slog.NewTextHandler(s.log, nil))
	mux := http.NewServeMux()
	httpapi.New(cfg).Register(mux)
	ts := httptest.NewServer(mux)
	t.Cleanup(ts.Close)
	s.url, s.client = ts.URL, ts.Client()
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// answer is a response, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

func (s *server) do(t *testing.T, method, path string, header http.Header, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(data)}
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// ask sends a token request as a client would.
func (s *server) ask(t *testing.T, authorization, body string) answer {
	t.Helper()
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if authorization != "" {
		header.Set("Authorization", authorization)
	}
	return s.do(t, http.MethodPost, "/oauth2/token", header, body)
}

// tokenAnswer is the 200 answer of ux.md 4.1.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string `json:"scope"`
	Account     string `json:"netsuite_account"`
	BaseURL     string `json:"netsuite_base_url"`
}

func (s *server) wantToken(t *testing.T, a answer) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("got status %d: %s", a.status, a.body)
	}
	var got tokenAnswer
	d := json.NewDecoder(strings.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatalf("the answer does not parse: %v\n%s", err, a.body)
	}
	if got.ExpiresIn < 3500 || got.ExpiresIn > 3570 {
		t.Errorf("got expires_in %d, want an hour less 30 s", got.ExpiresIn)
	}
	got.ExpiresIn = 0
	want := tokenAnswer{
		AccessToken: s.token, TokenType: "Bearer", Scope: "rest_webservices restlets",
		Account: "1234567_SB1", BaseURL: "http://1234567-sb1.suitetalk.localhost:1",
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	wantHeaders(t, a, map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"})
}

func wantHeaders(t *testing.T, a answer, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := a.header.Get(name); got != value {
			t.Errorf("got %s %q, want %q", name, got, value)
		}
	}
}

// tokenError is an error answer (RFC 6749 section 5.2).
type tokenError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	URI         string `json:"error_uri"`
}

// descriptionForm is what error_description may hold.
var descriptionForm = regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]+$`)

func wantTokenError(t *testing.T, a answer, status int, name string, code broker.Code) tokenError {
	t.Helper()
	var got tokenError
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatalf("status %d, and the body is not JSON: %v\n%s", a.status, err, a.body)
	}
	if a.status != status || got.Error != name || got.URI != publicURL+"/errors/"+string(code) {
		t.Errorf("got %d %s %s, want %d %s with code %s", a.status, got.Error, got.URI, status, name, code)
	}
	if !descriptionForm.MatchString(got.Description) || len(got.Description) > 300 {
		t.Errorf("error_description is not fit for RFC 6749: %q", got.Description)
	}
	wantHeaders(t, a, map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"})
	challenge := ""
	if status == http.StatusUnauthorized {
		challenge = `Basic realm="suitekey"`
	}
	wantHeaders(t, a, map[string]string{"WWW-Authenticate": challenge})
	return got
}

const grant = "grant_type=client_credentials"

func TestTokenIsGiven(t *testing.T) {
	s := newServer(t, nil)
	inBody := "&client_id=" + s.id + "&client_secret=" + s.secret
	percent := func(text string) string { // every byte encoded, as RFC 6749 section 2.3.1 allows
		var b strings.Builder
		for _, c := range []byte(text) {
			b.WriteString("%" + strings.ToUpper(string("0123456789abcdef"[c>>4])+string("0123456789abcdef"[c&15])))
		}
		return b.String()
	}
	for name, tc := range map[string]struct{ authorization, body string }{
		"basic":                       {basic(s.id, s.secret), grant},
		"basic, scheme in lower case": {"basic" + strings.TrimPrefix(basic(s.id, s.secret), "Basic"), grant},
		"basic, encoded":              {basic(percent(s.id), percent(s.secret)), grant},
		"basic, client_id repeated":   {basic(s.id, s.secret), grant + "&client_id=" + s.id},
		"basic, empty secret in body": {basic(s.id, s.secret), grant + "&client_secret="},
		"body":                        {"", grant + inBody},
		"body, other order":           {"", inBody[1:] + "&" + grant},
		"empty scope":                 {basic(s.id, s.secret), grant + "&scope="},
		"less scope":                  {basic(s.id, s.secret), grant + "&scope=restlets"},
		"both scopes":                 {basic(s.id, s.secret), grant + "&scope=restlets+rest_webservices"},
		"own resource":                {basic(s.id, s.secret), grant + "&resource=http%3A%2F%2F1234567-sb1.suitetalk.localhost%3A1"},
		"unknown parameters":          {basic(s.id, s.secret), grant + "&audience=x&foo=%E2%82%AC&=&bar"},
		"stray separators":            {basic(s.id, s.secret), "&&" + grant + "&"},
	} {
		t.Run(name, func(t *testing.T) { s.wantToken(t, s.ask(t, tc.authorization, tc.body)) })
	}
	t.Run("charset", func(t *testing.T) {
		header := http.Header{"Content-Type": {"application/x-www-form-urlencoded;charset=UTF-8"}, "Authorization": {basic(s.id, s.secret)}}
		s.wantToken(t, s.do(t, http.MethodPost, "/oauth2/token", header, grant))
	})
	t.Run("long but allowed", func(t *testing.T) {
		s.wantToken(t, s.ask(t, basic(s.id, s.secret), grant+"&pad="+strings.Repeat("x", 16<<10-len(grant)-5)))
	})
}

func TestXOAuth2TakesAToken(t *testing.T) {
	s := newServer(t, nil)
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleAutoDetect, oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
		cfg := clientcredentials.Config{ClientID: s.id, ClientSecret: s.secret, TokenURL: s.url + "/oauth2/token", AuthStyle: style, Scopes: []string{"restlets"}}
		token, err := cfg.Token(context.WithValue(t.Context(), oauth2.HTTPClient, s.client))
		if err != nil {
			t.Fatal(err)
		}
		if token.AccessToken != s.token || token.Extra("netsuite_account") != "1234567_SB1" || time.Until(token.Expiry) < 58*time.Minute {
			t.Errorf("style %d: got a token of %v until %s", style, token.Extra("netsuite_account"), token.Expiry)
		}
	}
}

func TestTokenIsRefused(t *testing.T) {
	s := newServer(t, nil)
	good, inBody := basic(s.id, s.secret), "&client_id="+s.id+"&client_secret="+s.secret
	for name, tc := range map[string]struct {
		authorization, body string
		status              int
		error               string
		code                broker.Code
	}{
		"no credentials":           {"", grant, 401, "invalid_client", broker.CodeInvalid},
		"no secret":                {"", grant + "&client_id=" + s.id, 401, "invalid_client", broker.CodeInvalid},
		"wrong secret":             {basic(s.id, "x"+s.secret[1:]+"y"), grant, 401, "invalid_client", broker.CodeInvalid},
		"empty secret":             {basic(s.id, ""), grant, 401, "invalid_client", broker.CodeInvalid},
		"unknown client":           {basic("cl_aaaaaaaaaaaaaaaa", s.secret), grant, 401, "invalid_client", broker.CodeInvalid},
		"hash as secret":           {basic(s.id, broker.HashToken(s.secret)), grant, 401, "invalid_client", broker.CodeInvalid},
		"bearer":                   {"Bearer " + s.secret, grant, 401, "invalid_client", broker.CodeInvalid},
		"basic without colon":      {"Basic " + base64.StdEncoding.EncodeToString([]byte(s.id)), grant, 401, "invalid_client", broker.CodeInvalid},
		"basic, not base64":        {"Basic ***", grant, 401, "invalid_client", broker.CodeInvalid},
		"basic, broken encoding":   {basic(s.id, "%zz"), grant, 401, "invalid_client", broker.CodeInvalid},
		"hostile client":           {basic("' OR 1=1 --", s.secret), grant, 401, "invalid_client", broker.CodeInvalid},
		"huge client":              {basic(strings.Repeat("x", 10_000), s.secret), grant, 401, "invalid_client", broker.CodeInvalid},
		"both ways":                {good, grant + inBody, 400, "invalid_request", broker.CodeInvalid},
		"both ways, secret only":   {good, grant + "&client_secret=" + s.secret, 400, "invalid_request", broker.CodeInvalid},
		"two IDs":                  {good, grant + "&client_id=cl_aaaaaaaaaaaaaaaa", 400, "invalid_request", broker.CodeInvalid},
		"empty body":               {good, "", 400, "invalid_request", broker.CodeInvalid},
		"no grant type":            {good, "scope=restlets", 400, "invalid_request", broker.CodeInvalid},
		"empty grant type":         {good, "grant_type=", 400, "invalid_request", broker.CodeInvalid},
		"code grant":               {good, "grant_type=authorization_code&code=x", 400, "unsupported_grant_type", broker.CodeInvalid},
		"token exchange":           {"", "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=x", 400, "unsupported_grant_type", broker.CodeInvalid},
		"grant type in upper case": {good, "grant_type=CLIENT_CREDENTIALS", 400, "unsupported_grant_type", broker.CodeInvalid},
		"hostile grant type":       {good, "grant_type=%22%3E%3Cscript%3E%00", 400, "unsupported_grant_type", broker.CodeInvalid},
		"grant type twice":         {good, grant + "&" + grant, 400, "invalid_request", broker.CodeInvalid},
		"scope twice":              {good, grant + "&scope=restlets&scope=", 400, "invalid_request", broker.CodeInvalid},
		"encoded name twice":       {good, grant + "&%67rant_type=x", 400, "invalid_request", broker.CodeInvalid},
		"unknown name twice":       {good, grant + "&a=1&a=2", 400, "invalid_request", broker.CodeInvalid},
		"hostile name twice":       {good, grant + strings.Repeat("&%22%5C%0A%E2%82%AC"+strings.Repeat("x", 500)+"=1", 2), 400, "invalid_request", broker.CodeInvalid},
		"many parameters":          {good, grant + "&" + manyParameters(1000), 400, "invalid_request", broker.CodeInvalid},
		"broken encoding":          {good, grant + "&scope=%zz", 400, "invalid_request", broker.CodeInvalid},
		"cut encoding":             {good, grant + "&scope=%2", 400, "invalid_request", broker.CodeInvalid},
		"too much scope":           {good, grant + "&scope=restlets+suite_analytics", 400, "invalid_scope", broker.CodeInvalid},
		"hostile scope":            {good, grant + "&scope=%00%22%5C", 400, "invalid_scope", broker.CodeInvalid},
		"foreign resource":         {good, grant + "&resource=https%3A%2F%2Fevil.example", 400, "invalid_request", broker.CodeInvalid},
		"half resource":            {good, grant + "&resource=1234567-sb1", 400, "invalid_request", broker.CodeInvalid},
		"production for sandbox":   {good, grant + "&resource=http%3A%2F%2F1234567.suitetalk.localhost%3A1", 400, "invalid_request", broker.CodeInvalid},
		"one byte too large":       {good, grant + "&pad=" + strings.Repeat("x", 16<<10-len(grant)-4), 413, "invalid_request", broker.CodeTooLarge},
		"huge body":                {good, grant + "&pad=" + strings.Repeat("x", 1<<20), 413, "invalid_request", broker.CodeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.ask(t, tc.authorization, tc.body)
			got := wantTokenError(t, a, tc.status, tc.error, tc.code)
			if strings.Contains(a.body, s.secret) || strings.Contains(got.Description, "evil") {
				t.Errorf("the answer repeats what it was sent: %s", a.body)
			}
		})
	}
	if n := strings.Count(auditText(t, s), broker.AuditTokenHandedOut); n != 0 {
		t.Errorf("refusals left %d lines of hand-outs", n)
	}
}

func manyParameters(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("&p" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + "=1")
	}
	return b.String()[1:min(15_000, b.Len())]
}

func auditText(t *testing.T, s *server) string {
	t.Helper()
	groups, err := s.Store.AuditGroups(t.Context(), 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, g := range groups {
		b.Write(g.Lines)
	}
	return b.String()
}

// Unknown client, wrong secret and withdrawn client get the same answer, byte for byte.
func TestTE10_OneAnswerForClients(t *testing.T) {
	s := newServer(t, nil)
	id, secret, err := s.Tokens.CreateClient(t.Context(), s.App.Name, []string{s.conn.ID})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Tokens.RevokeClient(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	want := s.ask(t, basic("cl_aaaaaaaaaaaaaaaa", "x"), grant)
	for name, authorization := range map[string]string{
		"wrong secret": basic(s.id, "x"), "withdrawn": basic(id, secret.Reveal()), "malformed ID": basic("x", "x"),
	} {
		got := s.ask(t, authorization, grant)
		want.header.Set("Date", got.header.Get("Date"))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

func TestHeadersOfTokenRequests(t *testing.T) {
	s := newServer(t, nil)
	form := "application/x-www-form-urlencoded"
	for name, tc := range map[string]struct {
		path   string
		header http.Header
	}{
		"JSON":               {"/oauth2/token", http.Header{"Content-Type": {"application/json"}, "Authorization": {basic(s.id, s.secret)}}},
		"no content type":    {"/oauth2/token", http.Header{"Authorization": {basic(s.id, s.secret)}}},
		"multipart":          {"/oauth2/token", http.Header{"Content-Type": {"multipart/form-data; boundary=x"}, "Authorization": {basic(s.id, s.secret)}}},
		"other charset":      {"/oauth2/token", http.Header{"Content-Type": {form + "; charset=utf-16"}, "Authorization": {basic(s.id, s.secret)}}},
		"two content types":  {"/oauth2/token", http.Header{"Content-Type": {form, form}, "Authorization": {basic(s.id, s.secret)}}},
		"compressed":         {"/oauth2/token", http.Header{"Content-Type": {form}, "Content-Encoding": {"gzip"}, "Authorization": {basic(s.id, s.secret)}}},
		"two authorizations": {"/oauth2/token", http.Header{"Content-Type": {form}, "Authorization": {basic(s.id, s.secret), basic(s.id, s.secret)}}},
		"secret in query":    {"/oauth2/token?client_id=" + s.id + "&client_secret=" + s.secret, http.Header{"Content-Type": {form}}},
		"anything in query":  {"/oauth2/token?x", http.Header{"Content-Type": {form}, "Authorization": {basic(s.id, s.secret)}}},
	} {
		t.Run(name, func(t *testing.T) {
			wantTokenError(t, s.do(t, http.MethodPost, tc.path, tc.header, grant), 400, "invalid_request", broker.CodeInvalid)
		})
	}
}

func TestTokenMethods(t *testing.T) {
	s := newServer(t, nil)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		a := s.do(t, method, "/oauth2/token?"+grant+"&client_id="+s.id+"&client_secret="+s.secret, nil, "")
		if a.status != http.StatusMethodNotAllowed || !strings.Contains(a.header.Get("Allow"), http.MethodPost) || strings.Contains(a.body, "access_token") {
			t.Errorf("%s: got %d, Allow %q", method, a.status, a.header.Get("Allow"))
		}
	}
	wantTokenError(t, s.do(t, http.MethodGet, "/oauth2/token", nil, ""), 405, "invalid_request", broker.CodeInvalid)
}

// The body ends before its announced length.
func TestCutBody(t *testing.T) {
	s := newServer(t, nil)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: "+
		basic(s.id, s.secret)+"\r\nContent-Length: 200\r\n\r\n"+grant)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	reply, err := io.ReadAll(conn)
	if err != nil || bytes.Contains(reply, []byte("access_token")) {
		t.Errorf("got %v and %q, want no token", err, reply)
	}
}

func TestBrokenConnection(t *testing.T) {
	s := newServer(t, nil)
	pending := broker.Connection{ID: broker.NewID("conn"), App: s.App.Name, Account: "7654321", Kind: broker.KindMachine, State: broker.ConnectionPending}
	if err := s.Store.SaveConnection(t.Context(), &pending); err != nil {
		t.Fatal(err)
	}
	id, secret, err := s.Tokens.CreateClient(t.Context(), s.App.Name, []string{pending.ID})
	if err != nil {
		t.Fatal(err)
	}
	wantTokenError(t, s.ask(t, basic(id, secret.Reveal()), grant), 400, "invalid_grant", broker.CodeSetupState)
}

// refusing answers every request with one error.
type refusing struct{ err error }

func (r refusing) HandOut(context.Context, tokens.Request) (tokens.HandOut, error) {
	return tokens.HandOut{}, r.err
}

func TestRefusalsOfTheService(t *testing.T) {
	for name, tc := range map[string]struct {
		err        error
		status     int
		error      string
		code       broker.Code
		retryAfter string
	}{
		"broken":      {&tokens.Refusal{Reason: tokens.InvalidGrant, Err: broker.Errorf(broker.CodeBroken, "NetSuite refused the connection's certificate (invalid_grant)")}, 400, "invalid_grant", broker.CodeBroken, ""},
		"outage":      {&tokens.Refusal{Reason: tokens.Unavailable, RetryAfter: 12300 * time.Millisecond, Err: broker.Errorf(broker.CodeUnreachable, "NetSuite does not answer")}, 503, "temporarily_unavailable", broker.CodeUnreachable, "13"},
		"audit":       {&tokens.Refusal{Reason: tokens.Unavailable, RetryAfter: time.Second, Err: broker.Errorf(broker.CodeAudit, "audit_unavailable")}, 503, "temporarily_unavailable", broker.CodeAudit, "1"},
		"foreign":     {&tokens.Refusal{Reason: tokens.ServerError, Err: broker.Errorf(broker.CodeInternal, "not for this connection")}, 500, "server_error", broker.CodeInternal, ""},
		"no rights":   {&tokens.Refusal{Reason: tokens.UnauthorizedClient, Err: broker.Errorf(broker.CodeSetupState, "no connection")}, 400, "unauthorized_client", broker.CodeSetupState, ""},
		"unforeseen":  {errors.New("canary: a secret of the database"), 500, "server_error", broker.CodeInternal, ""},
		"odd letters": {&tokens.Refusal{Reason: tokens.InvalidGrant, Err: broker.Errorf(broker.CodeBroken, "a \"quoted\" \\ text … with\nlines")}, 400, "invalid_grant", broker.CodeBroken, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{log: new(bytes.Buffer)}
			s.serve(t, httpapi.Config{Tokens: refusing{tc.err}})
			a := s.ask(t, basic("cl_aaaaaaaaaaaaaaaa", "x"), grant)
			wantTokenError(t, a, tc.status, tc.error, tc.code)
			wantHeaders(t, a, map[string]string{"Retry-After": tc.retryAfter})
			if strings.Contains(a.body, "canary") {
				t.Errorf("the answer holds the cause: %s", a.body)
			}
		})
	}
}

// giving hands out what it is told.
type giving struct{ out tokens.HandOut }

func (g giving) HandOut(context.Context, tokens.Request) (tokens.HandOut, error) { return g.out, nil }

// The answer that is written without the standard encoder reads like one that is written with it.
func TestAnswerIsJSON(t *testing.T) {
	for _, text := range []string{"", "plain", `"quoted" \ back`, "control \x00\x1f\x7f\n", "<script>&", "ümlaut € \u2028", "broken \xff utf-8", strings.Repeat("x", 5000)} {
		s := &server{log: new(bytes.Buffer)}
		s.serve(t, httpapi.Config{Tokens: giving{tokens.HandOut{
			AccessToken: netsuite.NewSecret(text), ExpiresIn: 3120500 * time.Millisecond, Scope: text, Account: netsuite.AccountID(text), BaseURL: text,
		}}})
		a := s.ask(t, basic("cl_aaaaaaaaaaaaaaaa", "x"), grant)
		var got tokenAnswer
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Errorf("%q: %v\n%s", text, err, a.body)
		}
		valid := strings.ToValidUTF8(text, "\ufffd")
		if want := (tokenAnswer{valid, "Bearer", 3120, valid, valid, valid}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestMetadata(t *testing.T) {
	s := newServer(t, nil)
	a := s.do(t, http.MethodGet, "/.well-known/oauth-authorization-server", nil, "")
	var got map[string]any
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"issuer": publicURL, "token_endpoint": publicURL + "/oauth2/token", "response_types_supported": []any{},
		"grant_types_supported":                 []any{"client_credentials"},
		"token_endpoint_auth_methods_supported": []any{"client_secret_basic", "client_secret_post"},
		"suitekey_token_parameters_supported":   []any{"resource", "end_user"},
	}
	if !reflect.DeepEqual(got, want) || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("got %v as %s, want %v", got, a.header.Get("Content-Type"), want)
	}
}

func TestHealth(t *testing.T) {
	s := newServer(t, nil)
	for _, path := range []string{"/livez", "/readyz"} {
		if a := s.do(t, http.MethodGet, path, nil, ""); a.status != 200 || a.body != "ok\n" {
			t.Errorf("%s: got %d %q", path, a.status, a.body)
		}
	}
	s.serve(t, httpapi.Config{Ready: func(context.Context) error { return errors.New("canary") }})
	if a := s.do(t, http.MethodGet, "/readyz", nil, ""); a.status != 503 || strings.Contains(a.body, "canary") {
		t.Errorf("without the database: got %d %q", a.status, a.body)
	}
	if a := s.do(t, http.MethodGet, "/livez", nil, ""); a.status != 200 {
		t.Errorf("without the database, livez: got %d", a.status)
	}
}

func TestLO01_NoSecretInTheLog(t *testing.T) {
	s := newServer(t, nil)
	s.wantToken(t, s.ask(t, basic(s.id, s.secret), grant))
	s.ask(t, basic(s.id, "canary-wrong-secret"), grant)
	s.ask(t, "", grant+"&client_id="+s.id+"&client_secret=canary-wrong-secret")
	for _, secret := range []string{s.secret, s.token, "canary-wrong-secret"} {
		if strings.Contains(s.log.String(), secret) || strings.Contains(auditText(t, s), secret) {
			t.Errorf("a secret is in the log")
		}
	}
}

func FuzzTokenBody(f *testing.F) {
	for _, seed := range []string{grant, grant + "&scope=a+b", "a=1&a=2", "%", "=", "&&", grant + "&client_id=x&client_secret=y"} {
		f.Add("application/x-www-form-urlencoded", "Basic eDp5", seed)
	}
	mux := http.NewServeMux()
	base, _ := url.Parse(publicURL)
	httpapi.New(httpapi.Config{Tokens: giving{}, PublicURL: base}).Register(mux)
	f.Fuzz(func(t *testing.T, contentType, authorization, body string) {
		r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(body))
		r.Header["Content-Type"], r.Header["Authorization"] = []string{contentType}, []string{authorization}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if !json.Valid(w.Body.Bytes()) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("got %d %q", w.Code, w.Body)
		}
	})
}
